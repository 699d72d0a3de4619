//! The limits over corridors against the naive model, and decisions replayed by a second engine.

mod common;

use std::collections::BTreeMap;

use alloy_primitives::{B256, U256};
use common::model::Model;
use common::{NOW, amount, charged, cleared, deposit, everywhere, open, proven};
use proptest::prelude::*;
use spandrel_risk::{
    AssetRules, Bucket, Charge, Corridor, CorridorRules, DepthRule, Lane, Limit, Mismatch, Position, Price, PriceRule,
    RiskEvent, RiskPolicy, RiskState, Side, Tank, replay,
};
use spandrel_verifiers::{Deposit, DepositId};

const LANES: [Lane; 2] = [Lane::Fast, Lane::LightClient];

fn limit() -> impl Strategy<Value = Limit> {
    prop_oneof![1 => Just(Limit::Unlimited), 3 => (0u64..200).prop_map(amount)]
}

fn bucket() -> impl Strategy<Value = Bucket> {
    (limit(), 0u64..100_000).prop_map(|(capacity, refill_seconds)| Bucket { capacity, refill_seconds })
}

fn price_rule() -> impl Strategy<Value = PriceRule> {
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

fn asset_rules() -> impl Strategy<Value = AssetRules> {
    let price = prop::option::weighted(0.8, price_rule());
    (limit(), price, bucket(), bucket(), limit(), 0u64..60).prop_map(
        |(window, price, sender, recipient, most_of_p99, usual)| {
            let usual = U256::from(usual);
            AssetRules { window, price, sender, recipient, most_of_p99, usual }
        },
    )
}

/// Policies over the eight corridors of the test deposits; netted with any of them, the fast ones included.
fn policies() -> impl Strategy<Value = RiskPolicy> {
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

/// Kind of event, about which deposit, on which lane, how much later, two numbers.
type Draw = (u8, usize, usize, i64, u64, u64);

fn draws() -> impl Strategy<Value = Vec<Draw>> {
    let later = prop_oneof![6 => 0i64..3_000, 1 => Just(86_400), 1 => Just(86_399), 1 => -5_000i64..0];
    prop::collection::vec((0u8..14, 0usize..8, 0usize..2, later, 0u64..120, 0u64..20), 0..50)
}

fn events(draw: &Draw, policy: &RiskPolicy, state: &RiskState, deposits: &[Deposit], now: u64) -> Vec<RiskEvent> {
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
        _ => {
            let published_at = now.saturating_sub(width * 100).saturating_add(number * 2);
            let price = Price { value: U256::from(number / 8), confidence: U256::from(width / 6), published_at };
            vec![RiskEvent::Priced { asset: about.asset.clone(), price }]
        }
    }
}

fn deposits() -> Vec<Deposit> {
    let party = |n: u8| B256::repeat_byte(0x40 + n);
    let one = |n: u8| Deposit {
        sender: party(n % 3),
        recipient: party(n / 4),
        ..deposit(n, U256::from(5 + 9 * u64::from(n)))
    };
    (0..8).map(one).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn every_wide_reading_and_decision_equals_the_models(
        policy in policies(), draws in draws(), ahead in 0u64..100_000, confirmations in 0u64..6
    ) {
        let deposits = deposits();
        let (mut state, mut model, mut now) = (RiskState::default(), Model::default(), NOW);
        for draw in &draws {
            now = now.saturating_add_signed(draw.3);
            for event in events(draw, &policy, &state, &deposits, now) {
                state.apply(&event, now);
                model.apply(event, now);
            }
        }
        let now = now + ahead;
        for deposit in &deposits {
            let asset = &deposit.asset;
            prop_assert_eq!(state.asset_used(asset, now), model.asset_used(asset, now));
            prop_assert_eq!(state.price(asset).copied(), model.price(asset));
            for (side, party) in [(Side::Sender, deposit.sender), (Side::Recipient, deposit.recipient)] {
                let found = state.bucket_filled(asset, side, party, now);
                prop_assert_eq!(found, model.bucket_filled(asset, side, party, now));
            }
            let chains = [
                Tank::Source { chain: deposit.source_chain.clone() },
                Tank::Destination { chain: deposit.destination_chain.clone() },
            ];
            for tank in chains.into_iter().chain(LANES.map(|lane| Tank::Corridor(Corridor::of(deposit, lane)))) {
                prop_assert_eq!(state.notional_used(&tank, now), model.notional_used(&tank, now));
            }
            for lane in LANES {
                let position = Position::new(&state, deposit.id(), deposit, lane, now).with_confirmations(confirmations);
                let expected = model.assess_under(&policy, deposit, lane, now, now, confirmations);
                prop_assert_eq!(position.decide(&policy, now), expected);
            }
        }
        let text = serde_json::to_string(&state).unwrap();
        prop_assert_eq!(serde_json::from_str::<RiskState>(&text).unwrap(), state);
    }

    /// Every decision is recorded as it is made. A second engine that reads the stored log decides the same from the same;
    /// a log that was touched is found out at its place.
    #[test]
    fn a_second_engine_replays_every_decision(
        policy in policies(), draws in draws(), confirmations in 0u64..6, touched in any::<prop::sample::Index>()
    ) {
        let deposits = deposits();
        let (mut state, mut log, mut now, mut decisions) = (RiskState::default(), Vec::new(), NOW, 0);
        for draw in &draws {
            now += draw.3.unsigned_abs();
            let about = &deposits[draw.1];
            let position = Position::new(&state, about.id(), about, LANES[draw.2], now).with_confirmations(confirmations);
            let mut stored = vec![position.decided(&policy, NOW).1];
            decisions += 1;
            stored.extend(events(draw, &policy, &state, &deposits, now));
            for event in stored {
                state.apply(&event, now);
                log.push((serde_json::to_string(&event).unwrap(), now));
            }
        }
        let read = || log.iter().map(|(text, at)| (serde_json::from_str::<RiskEvent>(text).unwrap(), *at));
        let find = |id: DepositId| deposits.iter().find(|deposit| deposit.id() == id);
        let (replayed, agreed) = replay(&policy, find, read()).unwrap();
        prop_assert_eq!((&replayed, agreed), (&state, decisions));
        let mut forged: Vec<_> = read().collect();
        if !forged.is_empty() {
            let place = touched.index(forged.len());
            if let RiskEvent::Decided { confirmations, .. } = &mut forged[place].0 {
                *confirmations += 1;
                let is_found = matches!(replay(&policy, find, forged), Err(Mismatch::Inputs { place: at, .. }) if at == place);
                prop_assert!(is_found);
            }
        }
        let nobody = |_: DepositId| None::<Deposit>;
        prop_assert_eq!(replay(&policy, nobody, read()).is_ok(), decisions == 0);
    }
}
