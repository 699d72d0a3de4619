//! A chain with packets in its store, what is trusted of it, and evidence that verifies.

use std::collections::BTreeMap;

use alloy_primitives::{B256, Bytes};
use spandrel_verifiers::cosmos::{
    ClientParams, CosmosVerifier, DepositEvidence, Fraction, Inclusion, LightBlock, Packet, Payload, Route,
    TrustedState,
};
use spandrel_verifiers::{AssetId, ChainId};

use super::chain::{CHAIN, Member, START, block_of, header, members, state};
use super::store::{App, commitments};

pub fn params(chain_id: &str, trusting_period: u64) -> ClientParams {
    ClientParams {
        chain_id: chain_id.to_owned(),
        trusting_period,
        unbonding_period: trusting_period * 2,
        max_clock_drift: 1,
        trust_level: Fraction::ONE_THIRD,
    }
}

pub const NOW: u64 = START + 200;
pub const TRUSTING: u64 = 100_000;

pub fn route() -> Route {
    Route {
        source_client: "08-wasm-12".to_owned(),
        destination_client: "spandrel-0".to_owned(),
        destination_chain: ChainId::eip155(1),
        destination_bridge: B256::left_padding_from(&[7; 20]),
        assets: BTreeMap::from([("uatom".to_owned(), AssetId::parse("cosmos:spandrel-7/slip44:118").unwrap())]),
    }
}

pub fn packet(sequence: u64) -> Packet {
    let receiver = format!("0x{}", "ab".repeat(20));
    let value = format!(r#"{{"denom":"uatom","amount":"{sequence}000","sender":"cosmos1q","receiver":"{receiver}"}}"#);
    Packet {
        sequence,
        source_client: route().source_client,
        destination_client: route().destination_client,
        timeout: START + 5_000,
        payloads: vec![Payload {
            source_port: "transfer".to_owned(),
            destination_port: "transfer".to_owned(),
            version: "ics20-1".to_owned(),
            encoding: "application/json".to_owned(),
            value: Bytes::from(value.into_bytes()),
        }],
    }
}

pub struct Scene {
    pub verifier: CosmosVerifier,
    pub trusted: TrustedState,
    pub app: App,
    pub members: Vec<Member>,
    pub anchor: LightBlock,
}

/// A chain with packets 1 to 20 under the app hash of height 10, and other clients' commitments; height 3 is trusted.
pub fn scene() -> Scene {
    let mut pairs = commitments(30);
    for sequence in 1..=20 {
        pairs.insert(packet(sequence).key(), packet(sequence).commitment().to_vec());
    }
    let app = App::new(&pairs);
    let members = members(0..4, 10);
    let anchor = block_of(header(3, &members, &members), &members, &members);
    let verifier = CosmosVerifier::new(params(CHAIN, TRUSTING), route()).unwrap();
    Scene { verifier, trusted: TrustedState::new(state(&anchor)), app, members, anchor }
}

impl Scene {
    pub fn header(&self, height: u64) -> Bytes {
        let mut head = header(height, &self.members, &self.members);
        head.app_hash = self.app.app_hash().to_vec().into();
        block_of(head, &self.members, &self.members).verified_from(&self.anchor).encode()
    }

    pub fn inclusion(&self, sequence: u64) -> Inclusion {
        let packet = packet(sequence);
        Inclusion {
            height: 10,
            app_hash: self.app.app_hash(),
            proof: self.app.membership(&packet.key()).into(),
            packet: packet.encode().into(),
        }
    }

    pub fn evidence(&self, sequence: u64) -> DepositEvidence {
        DepositEvidence { headers: vec![self.header(10)], inclusion: self.inclusion(sequence) }
    }
}
