//! Who guards what: one corridor, three guardians of two people.

use std::collections::{BTreeMap, BTreeSet};

use alloy::primitives::{Address, B256, U256};
use spandrel_core::{Destination, Policy};
use spandrel_risk::control::{ControlPolicy, deployment};
use spandrel_risk::{Corridor, Lane, Limit, Limits, RiskPolicy};
use spandrel_signer::LocalKey;
use spandrel_verifiers::attestation::SignerSet;
use spandrel_verifiers::{AssetId, ChainId, VerdictDomain};

pub fn source() -> ChainId {
    ChainId::eip155(1)
}

pub fn destination() -> ChainId {
    ChainId::eip155(9)
}

/// Ada has keys 0 and 1, Bo key 2; key 9 is a stranger's.
pub fn key(n: u8) -> LocalKey {
    LocalKey::from_bytes(&[n + 1; 32]).unwrap()
}

pub fn corridor() -> Corridor {
    Corridor { source: source(), destination: destination(), asset: AssetId::slip44(&source(), 60), lane: Lane::Fast }
}

pub fn limits(n: u64) -> Limits {
    let amount = Limit::Amount(U256::from(n));
    Limits {
        per_transfer: amount,
        exposure_cap: amount,
        window: amount,
        large_from: Limit::Unlimited,
        large_delay: 0,
        dust: U256::ZERO,
    }
}

pub fn policy() -> Policy {
    let slow = Corridor { lane: Lane::LightClient, ..corridor() };
    let delayed = Limits { large_from: Limit::Amount(U256::from(3)), large_delay: 86_400, ..limits(1_000_000_000) };
    let members: BTreeSet<Address> = (1..=3).map(Address::repeat_byte).collect();
    let set = SignerSet::new(1, 2, members).unwrap();
    let domain = VerdictDomain { chain_number: 9, inbox: Address::repeat_byte(7), registry: Address::repeat_byte(8) };
    let target = Destination { domain, fast_lane: Address::repeat_byte(6), signers: set.clone() };
    Policy {
        sources: BTreeMap::from([(source(), B256::repeat_byte(2))]),
        destinations: BTreeMap::from([(destination(), target)]),
        verifiers: set,
        risk: RiskPolicy::of_corridors(BTreeMap::from([(corridor(), limits(1_000_000_000)), (slow, delayed)])),
        pause_ttl: 60,
    }
}

pub fn guardians() -> ControlPolicy {
    let people = [(0, "ada"), (1, "ada"), (2, "bo")];
    let inbox = Address::repeat_byte(7).into_word();
    ControlPolicy {
        deployment: deployment([(&destination(), inbox)]),
        guardians: people.map(|(n, person)| (key(n).address(), person.to_owned())).into(),
        resume_delay: 900,
        timelock: 86_400,
    }
}
