//! What the sentences about limits over corridors are made of.

use alloy_primitives::{B256, U256};
use spandrel_risk::{
    AssetRules, Corridor, CorridorRules, Decision, Lane, Limit, Price, PriceRule, Reason, RiskEvent, RiskPolicy,
    RiskState, assess,
};
use spandrel_verifiers::Deposit;

use super::{NOW, deposit, everywhere, open};

/// Deposit number `n` from chain 1, from and to parties of its own.
pub fn of(n: u64, value: u64) -> Deposit {
    let party = |first: u8| B256::from(U256::from(n) + (U256::from(first) << 200));
    let source_key = U256::from(n).into();
    Deposit { source_key, sender: party(1), recipient: party(2), ..deposit(0, U256::from(value)) }
}

/// The same to chain 10 instead of chain 9.
pub fn elsewhere(n: u64, value: u64) -> Deposit {
    Deposit { destination_chain: deposit(2, U256::ZERO).destination_chain, ..of(n, value) }
}

pub fn rules() -> AssetRules {
    AssetRules::UNLIMITED
}

pub fn policy(rules: AssetRules) -> RiskPolicy {
    let mut policy = everywhere(open());
    policy.wide.assets.insert(of(0, 0).asset, rules);
    policy
}

pub const PRICED: PriceRule =
    PriceRule { unit: U256::ONE, floor: U256::ONE, fresh_for: 100, stale_after: 1_000, widest: 1_000 };

/// Every base unit is worth two, and corridors and destinations take so much by value.
pub fn valued(corridor: Limit, destination: Limit) -> (RiskPolicy, RiskState) {
    let mut policy = policy(AssetRules { price: Some(PRICED), ..rules() });
    let corridors: Vec<Corridor> = policy.limits.keys().cloned().collect();
    for key in corridors {
        policy.wide.corridors.insert(key, CorridorRules { notional: corridor, netted_with: None });
    }
    policy.wide.destinations.values_mut().for_each(|limit| *limit = destination);
    let mut state = RiskState::default();
    state.apply(&priced(2, 0, NOW), NOW);
    (policy, state)
}

pub fn priced(value: u64, confidence: u64, published_at: u64) -> RiskEvent {
    let price = Price { value: U256::from(value), confidence: U256::from(confidence), published_at };
    RiskEvent::Priced { asset: of(0, 0).asset, price }
}

pub fn ask(policy: &RiskPolicy, state: &RiskState, about: &Deposit, now: u64) -> Decision {
    assess(policy, state, about, Lane::Fast, now, now)
}

pub fn notional(limit: u64, used: u64, notional: u64) -> Decision {
    let [limit, used, notional] = [limit, used, notional].map(U256::from);
    Decision::Hold { reason: Reason::NotionalWindow { limit, used, notional } }
}
