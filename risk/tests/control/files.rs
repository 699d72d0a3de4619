//! Files that a process is started with.

use std::collections::BTreeMap;

use alloy_primitives::{Address, B256, U256};
use spandrel_risk::{
    Agreement, AgreementVersion, AssetRules, Corridor, DepthTerms, DestinationTerms, FeedTerms, GuardianTerms, Lane,
    Limit, PauseTerms, PriceRule, RiskPolicy, SourceTerms,
};
use spandrel_verifiers::AssetId;
use spandrel_verifiers::bitcoin::ConfirmationPolicy;

use crate::world::{DAY, World, chain, corridor, key, limits, set};

pub fn slow() -> Corridor {
    Corridor { lane: Lane::LightClient, ..corridor() }
}

pub fn asset() -> AssetId {
    corridor().asset
}

/// What the test's guardians have agreed on.
pub fn file() -> Agreement {
    let people = [(0, "ada"), (1, "ada"), (2, "bo"), (3, "cy")];
    let people = people.map(|(n, person)| (key(n).address(), person.to_owned())).into();
    let mut risk = RiskPolicy::of_corridors(BTreeMap::from([(corridor(), limits(100)), (slow(), limits(100))]));
    let price = PriceRule { unit: U256::ONE, floor: U256::from(5), fresh_for: 60, stale_after: 600, widest: 100 };
    let bucket = spandrel_risk::Bucket { capacity: Limit::Amount(U256::from(50)), refill_seconds: DAY };
    let rules = AssetRules { price: Some(price), sender: bucket, recipient: bucket, ..AssetRules::UNLIMITED };
    let (window, notional) = (Limit::Amount(U256::from(500)), Some(Limit::Amount(U256::from(800))));
    risk.wide.assets.insert(asset(), AssetRules { window, notional, ..rules });
    risk.wide.destinations.insert(chain(9), Limit::Amount(U256::from(900)));
    let depth = DepthTerms { confirmations: ConfirmationPolicy::flat(6), fast_confirmations: 2 };
    let pauses = PauseTerms { inbox: Address::repeat_byte(4), pause_controller: Address::repeat_byte(5) };
    let source = SourceTerms { bridge: B256::repeat_byte(2), quorum: 2, depth: Some(depth), pauses: Some(pauses) };
    let destination = DestinationTerms {
        inbox: Address::repeat_byte(7),
        fast_lane: Address::repeat_byte(6),
        checkpoint_registry: Address::repeat_byte(8),
        pause_controller: Address::repeat_byte(9),
        confirmations: Some(12),
        witnesses: 1,
    };
    let feed = FeedTerms {
        chain: chain(1),
        contract: Address::repeat_byte(5),
        digits: 6,
        publisher: "{}".to_owned(),
        quorum: 2,
        every_seconds: 10,
    };
    Agreement {
        version: AgreementVersion,
        is_production: true,
        pause_seconds: 600,
        verifiers: set(1),
        signers: set(1),
        guardians: Some(GuardianTerms { people, resume_delay: 900, timelock: DAY }),
        sources: BTreeMap::from([(chain(1), source)]),
        destinations: BTreeMap::from([(chain(9), destination)]),
        feeds: BTreeMap::from([(asset(), feed)]),
        vaults: Some(BTreeMap::from([(chain(1), Address::repeat_byte(3))])),
        risk,
    }
}

/// The agreed file with a change.
pub fn with(change: impl FnOnce(&mut Agreement)) -> Agreement {
    let mut file = file();
    change(&mut file);
    file
}

/// Another window on the fast lane.
pub fn window(n: u64) -> Agreement {
    with(|file| file.risk.limits.get_mut(&corridor()).unwrap().window = Limit::Amount(U256::from(n)))
}

pub fn started() -> World {
    let mut world = World::new();
    world.start(&file()).unwrap();
    world
}

pub fn standing_window(world: &World) -> Limit {
    world.state.agreed().unwrap().risk.limits(&corridor()).unwrap().window
}

pub type Change = fn(&mut Agreement);
