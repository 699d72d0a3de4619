//! A pause on the chains: brought to the contracts that pay, and to those that take deposits.

use std::collections::BTreeMap;

use alloy_primitives::B256;
use spandrel_core::ledger::{Ledger, NewEffect};
use spandrel_core::{Destination, Effect, EffectId, Executor, Stated};
use spandrel_risk::control::{ControlEvent, MAX_TTL, Outcome};
use spandrel_risk::{Direction, Scope};
use spandrel_verifiers::{AssetId, ChainId, DepositId, UnixSeconds};

use crate::{Book, Clock};

impl<L: Ledger, C: Clock> Book<L, C> {
    /// The same pause on the chains, as the guardian signed it: to be sent before everything that waits. The contracts count
    /// freezes as `decide` does: the second person's own makes the first's endless there too.
    pub(crate) fn pauses_on_chains(&self, events: &[ControlEvent], now: UnixSeconds) -> Vec<NewEffect> {
        let Some(ControlEvent::Taken { digest, signed, .. }) = events.first() else { return Vec::new() };
        let stated = Stated { signed: (**signed).clone(), bridges: self.bridges() };
        let paused = events.iter().filter_map(|event| match event {
            ControlEvent::Done { outcome: Outcome::Paused { scope, until }, .. } => Some((scope, *until)),
            _ => None,
        });
        paused
            .flat_map(|(scope, until)| {
                self.pause_effects(scope, until.saturating_sub(now).min(MAX_TTL), *digest, Some(&stated))
            })
            .collect()
    }

    /// A pause of `scope` on every chain where it stops something, because of `cause`, and as a guardian stated it.
    pub(crate) fn pause_effects(
        &self,
        scope: &Scope,
        ttl: u64,
        cause: B256,
        stated: Option<&Stated>,
    ) -> Vec<NewEffect> {
        let paying = self.policy().destinations.keys().filter(|chain| concerns_payouts(scope, chain));
        let taking = self.vaults.keys().filter(|chain| concerns_deposits(scope, chain));
        let on_chain = |chain: &ChainId| {
            let executor = Executor::Destination { chain: chain.clone() };
            let effect = Effect::Pause { scope: scope.clone(), ttl, stated: stated.cloned().map(Box::new) };
            let id = EffectId::derive(DepositId(cause), effect.step(), &executor, B256::ZERO);
            NewEffect { id, deposit: DepositId(cause), executor, effect, run_at: 0 }
        };
        paying.chain(taking).map(on_chain).collect()
    }

    /// The deployment that statements are signed for.
    fn bridges(&self) -> BTreeMap<ChainId, B256> {
        let paying = |(chain, target): (&ChainId, &Destination)| (chain.clone(), target.domain.inbox.into_word());
        let taking = self.vaults.iter().map(|(chain, inbox)| (chain.clone(), inbox.into_word()));
        self.policy().destinations.iter().map(paying).chain(taking).collect()
    }
}

/// Whether a pause of `scope` is brought to `chain` because it pays there. Its contracts know of no chains but those that a
/// scope names.
pub fn concerns_payouts(scope: &Scope, chain: &ChainId) -> bool {
    match scope {
        Scope::Route { source, destination } => source == chain || destination == chain,
        Scope::Global | Scope::Chain { .. } | Scope::Asset { .. } | Scope::Lane { .. } | Scope::Direction { .. } => {
            true
        }
    }
}

/// Whether a pause of `scope` is brought to `chain` because deposits are made there: a vault takes what is of its own chain,
/// and lanes are of payouts.
pub fn concerns_deposits(scope: &Scope, chain: &ChainId) -> bool {
    match scope {
        Scope::Asset { asset } => is_of(asset, chain),
        Scope::Lane { .. } => false,
        Scope::Direction { chain: named, direction: Direction::Deposits } => named == chain,
        Scope::Direction { chain: named, direction: Direction::Payouts } => named != chain,
        Scope::Global | Scope::Chain { .. } | Scope::Route { .. } => concerns_payouts(scope, chain),
    }
}

fn is_of(asset: &AssetId, chain: &ChainId) -> bool {
    asset.as_str().split_once('/').is_some_and(|(home, _)| home == chain.as_str())
}
