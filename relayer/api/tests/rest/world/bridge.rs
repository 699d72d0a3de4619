//! The bridge that a world has: two sources, one destination.

use std::collections::{BTreeMap, BTreeSet};

use alloy::primitives::{Address, B256, U256};
use bitcoin::Network;
use spandrel_api::{Source, SourceKind};
use spandrel_core::{Destination, Policy};
use spandrel_risk::{Corridor, Lane, Limit, Limits, RiskPolicy};
use spandrel_signer::LocalKey;
use spandrel_verifiers::attestation::SignerSet;
use spandrel_verifiers::bitcoin::ChainParams;
use spandrel_verifiers::{AssetId, ChainId, VerdictDomain};

pub const NOW: u64 = 1_700_000_000;
pub const RECIPIENT: &str = "0x00000000000000000000000000000000000000aa";
/// x coordinate of twice the generator point.
pub const REFUND_KEY: &str = "c6047f9441ed7d6d3045406e95c07cd85c778e4b8cef3ca7abac09b95c709ee5";
/// x coordinate of the generator point.
const VAULT_KEY: &str = "0x79be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798";

pub fn bitcoin() -> ChainId {
    ChainParams::regtest().chain()
}

pub fn ethereum() -> ChainId {
    ChainId::eip155(31_337)
}

pub fn destination() -> ChainId {
    ChainId::eip155(31_338)
}

fn asset(chain: &ChainId) -> AssetId {
    AssetId::slip44(chain, if *chain == bitcoin() { 0 } else { 60 })
}

pub fn limits(per_transfer: u64, exposure: u64) -> Limits {
    Limits {
        per_transfer: Limit::Amount(U256::from(per_transfer)),
        exposure_cap: Limit::Amount(U256::from(exposure)),
        window: Limit::Amount(U256::from(1_000_000)),
        large_from: Limit::Amount(U256::from(400_000)),
        large_delay: 3_600,
        dust: U256::from(1_000),
    }
}

/// The key of verifier `n`.
pub fn verifier(n: u8) -> LocalKey {
    LocalKey::from_bytes(&[0x10 + n; 32]).unwrap()
}

/// The key of signer `n` of the fast lane.
pub fn fast_signer(n: u8) -> LocalKey {
    LocalKey::from_bytes(&[0x20 + n; 32]).unwrap()
}

pub fn policy() -> Policy {
    let set = |members: BTreeSet<Address>| SignerSet::new(1, 2, members).unwrap();
    let signers = set((0..3).map(|n| fast_signer(n).address()).collect());
    let corridor = |source: ChainId, lane| Corridor { asset: asset(&source), source, destination: destination(), lane };
    let risk = [
        (corridor(bitcoin(), Lane::Fast), limits(50_000, 100_000)),
        (corridor(bitcoin(), Lane::LightClient), limits(500_000, 0)),
        (corridor(ethereum(), Lane::LightClient), limits(500_000, 0)),
    ];
    let domain =
        VerdictDomain { chain_number: 31_338, inbox: Address::repeat_byte(7), registry: Address::repeat_byte(8) };
    let target = Destination { domain, fast_lane: Address::repeat_byte(9), signers };
    Policy {
        sources: BTreeMap::from([
            (bitcoin(), VAULT_KEY.parse().unwrap()),
            (ethereum(), Address::repeat_byte(5).into_word()),
        ]),
        destinations: BTreeMap::from([(destination(), target)]),
        verifiers: set((0..3).map(|n| verifier(n).address()).collect()),
        risk: RiskPolicy::of_corridors(BTreeMap::from(risk)),
        pause_ttl: 3_600,
    }
}

pub fn sources() -> Vec<Source> {
    let vault: B256 = VAULT_KEY.parse().unwrap();
    let kind = SourceKind::Bitcoin { vault, network: Network::Regtest };
    let ethereum_kind = SourceKind::Evm { vault: Address::repeat_byte(6) };
    vec![source(bitcoin(), kind, [600, 3_600, 600]), source(ethereum(), ethereum_kind, [12, 900, 30])]
}

fn source(chain: ChainId, kind: SourceKind, [block_seconds, finality_seconds, fast_seconds]: [u64; 3]) -> Source {
    Source { chain, kind, block_seconds, finality_seconds, sooner: Vec::new(), fast_seconds }
}
