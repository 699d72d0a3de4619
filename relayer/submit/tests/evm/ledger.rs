//! What a book of this world is kept under: its clock and its policy.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use alloy_primitives::U256;
use spandrel_core::{Destination, Policy};
use spandrel_engine::Clock;
use spandrel_risk::{Corridor, Lane, Limit, Limits, RiskPolicy};
use spandrel_verifiers::{ChainId, VerdictDomain};

use crate::world::{CHAIN, OUTBOX, World, asset, set, source};

/// The world's own time.
#[derive(Clone)]
pub struct Wall(Arc<dyn Fn() -> u64 + Send + Sync>);

impl Wall {
    pub fn of(world: &World) -> Self {
        Self(world.clock())
    }
}

impl Clock for Wall {
    fn now(&self) -> u64 {
        (self.0)()
    }

    async fn sleep(&self, time: Duration) {
        tokio::time::sleep(time).await;
    }
}

pub fn here() -> ChainId {
    ChainId::eip155(CHAIN)
}

pub fn domain(world: &World) -> VerdictDomain {
    VerdictDomain { chain_number: CHAIN, inbox: world.at.inbox, registry: world.at.registry }
}

/// Everything is open.
pub fn policy(world: &World) -> Policy {
    let limits = Limits {
        per_transfer: Limit::Unlimited,
        exposure_cap: Limit::Unlimited,
        window: Limit::Unlimited,
        large_from: Limit::Unlimited,
        large_delay: 0,
        dust: U256::ZERO,
    };
    let corridor = |lane| Corridor { source: source(), destination: here(), asset: asset(), lane };
    let corridors = BTreeMap::from([(corridor(Lane::Fast), limits), (corridor(Lane::LightClient), limits)]);
    let target = Destination { domain: domain(world), fast_lane: world.at.fast_lane, signers: set("signer") };
    Policy {
        sources: BTreeMap::from([(source(), OUTBOX.into_word())]),
        destinations: BTreeMap::from([(here(), target)]),
        verifiers: set("verifier"),
        risk: RiskPolicy::of_corridors(corridors),
        pause_ttl: 60,
    }
}
