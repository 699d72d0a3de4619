//! A deposit on a Cosmos chain, with everything that proves it: a signed header, and a packet in an IAVL store under it.

use std::collections::BTreeMap;

use alloy_primitives::{B256, Bytes};
use spandrel_verifiers::cosmos::{CosmosVerifier, DepositEvidence, Inclusion, Packet, Payload, Route, TrustedState};
use spandrel_verifiers::{AssetId, ChainId};

use crate::cometbft::{NOW, blocks_over, params};
use crate::stores::{CLIENT, commitment_of, prove};

/// Commitments in the store, and which of them is the deposit's.
const SIZE: u64 = 4096;
const SEQUENCE: u64 = 1_000;

/// A verifier with its trusted state, and evidence that verifies under it.
#[derive(Debug)]
pub struct PacketDeposit {
    /// The verifier.
    pub verifier: CosmosVerifier,
    /// What it trusts.
    pub trusted: TrustedState,
    /// Unix seconds.
    pub now: u64,
    /// A header of the chain, and the packet under its app hash.
    pub evidence: DepositEvidence,
}

impl PacketDeposit {
    /// On a chain of `validators`.
    ///
    /// # Panics
    /// Never: the chain is made here.
    pub fn of(validators: usize) -> Self {
        let packet = packet();
        let pairs = (0..SIZE).map(|sequence| match sequence {
            SEQUENCE => (packet.key(), packet.commitment().to_vec()),
            _ => commitment_of(sequence),
        });
        let (app_hash, proofs) = prove(pairs, std::iter::once(SEQUENCE as usize));
        let blocks = blocks_over(validators, app_hash);
        let inclusion = Inclusion {
            height: blocks.untrusted.height(),
            app_hash,
            packet: packet.encode().into(),
            proof: proofs[0].encoded.clone().into(),
        };
        let evidence = DepositEvidence { headers: vec![blocks.untrusted.encode()], inclusion };
        let verifier = CosmosVerifier::new(params(), route()).expect("a valid route");
        Self { verifier, trusted: TrustedState::new(blocks.trusted), now: NOW, evidence }
    }
}

fn route() -> Route {
    Route {
        source_client: CLIENT.to_owned(),
        destination_client: "spandrel-0".to_owned(),
        destination_chain: ChainId::eip155(31_338),
        destination_bridge: B256::repeat_byte(7),
        assets: BTreeMap::from([(
            "uatom".to_owned(),
            AssetId::parse("cosmos:test-chain/slip44:118").expect("an asset"),
        )]),
    }
}

fn packet() -> Packet {
    let receiver = format!("0x{}", "ab".repeat(20));
    let value = format!(r#"{{"denom":"uatom","amount":"1000","sender":"cosmos1q","receiver":"{receiver}"}}"#);
    let payload = Payload {
        source_port: "transfer".to_owned(),
        destination_port: "transfer".to_owned(),
        version: "ics20-1".to_owned(),
        encoding: "application/json".to_owned(),
        value: Bytes::from(value.into_bytes()),
    };
    Packet {
        sequence: SEQUENCE,
        source_client: CLIENT.to_owned(),
        destination_client: "spandrel-0".to_owned(),
        timeout: NOW + 5_000,
        payloads: vec![payload],
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use spandrel_verifiers::Verifier;

    #[test]
    fn the_evidence_verifies() {
        let PacketDeposit { verifier, trusted, now, evidence } = PacketDeposit::of(4);
        let verified = verifier.verify(&trusted, &evidence, now).unwrap();
        assert_eq!(verified.fact().source_key, packet().source_key());
    }
}
