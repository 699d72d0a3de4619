//! Policies, deposits and events drawn at random, over the corridors of the test deposits.

use std::collections::BTreeMap;

use alloy_primitives::{B256, U256};
use proptest::prelude::*;
use spandrel_risk::{
    AssetRules, Bucket, Charge, Corridor, CorridorRules, DepthRule, ExposureRule, Lane, Limit, Price, PriceRule,
    RiskEvent, RiskPolicy, RiskState,
};
use spandrel_verifiers::Deposit;

use super::{amount, charged, cleared, cleared_of_old, deposit, everywhere, open, paid, proven};

pub const LANES: [Lane; 2] = [Lane::Fast, Lane::LightClient];

pub fn limit() -> impl Strategy<Value = Limit> {
    prop_oneof![1 => Just(Limit::Unlimited), 3 => (0u64..200).prop_map(amount)]
}

pub fn bucket() -> impl Strategy<Value = Bucket> {
    (limit(), 0u64..100_000).prop_map(|(capacity, refill_seconds)| Bucket { capacity, refill_seconds })
}

pub fn price_rule() -> impl Strategy<Value = PriceRule> {
    (0u64..4, 0u64..6, 0u64..2_000, 0u64..4_000, 0u32..2_000).prop_map(
        |(unit, floor, fresh_for, stale_after, widest)| PriceRule {
            unit: U256::from(unit),
            floor: U256::from(floor),
            fresh_for,
            stale_after,
            widest,
        },
    )
}

pub fn asset_rules() -> impl Strategy<Value = AssetRules> {
    let price = prop::option::weighted(0.8, price_rule());
    let exposure = prop::option::weighted(0.3, exposure_rule());
    let notional = prop::option::weighted(0.8, limit());
    (limit(), notional, price, bucket(), bucket(), limit(), 0u64..60, exposure).prop_map(
        |(window, notional, price, sender, recipient, most_of_p99, usual, exposure)| {
            let usual = U256::from(usual);
            AssetRules { window, notional, price, sender, recipient, most_of_p99, usual, exposure }
        },
    )
}

/// What came back did so as any of the assets there are.
pub fn exposure_rule() -> impl Strategy<Value = ExposureRule> {
    let assets = || [0, 1].map(|n| deposit(n, U256::ZERO).asset);
    (0u32..12_000, prop::collection::btree_set(prop::sample::select(assets().to_vec()), 0..2))
        .prop_map(|(share, returned_as)| ExposureRule { share, returned_as })
}

/// Policies over the eight corridors of the test deposits; netted with any of them, the fast ones included.
pub fn policies() -> impl Strategy<Value = RiskPolicy> {
    let corridor_rules = (limit(), prop::option::of(0usize..8));
    let depth = prop::option::of((0u64..300, 0u64..4));
    (prop::collection::vec(asset_rules(), 2), prop::collection::vec(corridor_rules, 8), limit(), depth).prop_map(
        |(assets, rules, destination, depth)| {
            let mut policy = everywhere(open());
            let corridors: Vec<Corridor> = policy.limits.keys().cloned().collect();
            let wide = &mut policy.wide;
            wide.assets = wide.assets.keys().cloned().zip(assets).collect();
            wide.destinations.values_mut().for_each(|limit| *limit = destination);
            let rules = rules.into_iter().map(|(notional, netted)| CorridorRules {
                notional,
                netted_with: netted.map(|place| corridors[place].clone()),
            });
            wide.corridors = corridors.iter().cloned().zip(rules).collect();
            if let Some((block_cost, least)) = depth {
                let rule = DepthRule { block_cost: U256::from(block_cost), least };
                wide.depths = BTreeMap::from([(deposit(0, U256::ZERO).source_chain, rule)]);
            }
            policy
        },
    )
}

/// The kind that a ledger has of old, before any of the other clearances.
pub const OLD: u8 = 15;

/// Kind of event, about which deposit, on which lane, how much later, two numbers.
pub type Draw = (u8, usize, usize, i64, u64, u64);

pub fn draws() -> impl Strategy<Value = Vec<Draw>> {
    let later = prop_oneof![6 => 0i64..3_000, 1 => Just(86_400), 1 => Just(86_399), 1 => -5_000i64..0];
    prop::collection::vec((0u8..18, 0usize..8, 0usize..2, later, 0u64..120, 0u64..20), 0..50)
}

pub fn events(draw: &Draw, policy: &RiskPolicy, state: &RiskState, deposits: &[Deposit], now: u64) -> Vec<RiskEvent> {
    let (kind, which, lane, _, number, width) = *draw;
    let about = &deposits[which];
    let id = about.id();
    match kind {
        0..=2 => vec![proven(about)],
        3..=6 => vec![cleared(about, LANES[lane]), charged(about, policy.wide.charge(state, about, now))],
        7 => vec![cleared(about, LANES[lane])],
        8 => vec![charged(about, Charge { notional: U256::from(number), ..policy.wide.charge(state, about, now) })],
        9 => vec![RiskEvent::Returned { id }],
        10 => vec![RiskEvent::Settled { id }],
        11 => vec![RiskEvent::Closed { id, expiry: about.expiry }],
        12 => vec![RiskEvent::Reopened { id }],
        13 | 14 => vec![paid(about)],
        OLD => vec![cleared_of_old(about, LANES[lane]), charged(about, policy.wide.charge(state, about, now))],
        _ => {
            let published_at = now.saturating_sub(width * 100).saturating_add(number * 2);
            let price = Price { value: U256::from(number / 8), confidence: U256::from(width / 6), published_at };
            vec![RiskEvent::Priced { asset: about.asset.clone(), price }]
        }
    }
}

pub fn deposits() -> Vec<Deposit> {
    let party = |n: u8| B256::repeat_byte(0x40 + n);
    let one = |n: u8| Deposit {
        sender: party(n % 3),
        recipient: party(n / 4),
        ..deposit(n, U256::from(5 + 9 * u64::from(n)))
    };
    (0..8).map(one).collect()
}
