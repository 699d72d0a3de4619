//! Every decision of the machine is in the risk log, and a second engine that reads the log decides the same.

mod common;

use alloy_primitives::U256;
use common::*;
use spandrel_core::submission::{Lasting, Progress};
use spandrel_core::{Input, Status};
use spandrel_risk::{
    AssetRules, CorridorRules, Decision, DepthRule, Lane, Limit, Limits, Mismatch, Price, PriceRule, Reason, RiskEvent,
    RiskPolicy, SecondEngine,
};
use spandrel_verifiers::Deposit;

fn decisions(house: &House) -> Vec<&Decision> {
    fn decision(event: &RiskEvent) -> Option<&Decision> {
        match event {
            RiskEvent::Decided { decision, .. } => Some(decision),
            _ => None,
        }
    }
    house.risk_log.iter().filter_map(decision).collect()
}

/// Replays the house's log as it would be read from a ledger.
fn replayed(house: &House, policy: &RiskPolicy, log: &[(RiskEvent, u64)]) -> Result<SecondEngine, Mismatch> {
    let mut second = SecondEngine::new(Some(policy.clone()));
    log.iter().try_for_each(|(event, at)| second.take(event, *at, Some(&house.deposit)))?;
    Ok(second)
}

/// A fast payout that is given up, held by a large-transfer delay, and paid.
fn eventful() -> House {
    let proven = Limits { large_from: Limit::Amount(U256::from(5)), large_delay: 3_600, ..open() };
    let mut house = House::under(policy(open(), proven), deposit());
    house.see(10, 0);
    house.attest();
    house.progress(Lane::Fast, Progress::Refused { reason: "OverExposure".into(), lasting: Lasting::ForNow });
    house.prove();
    house.tell(Input::Tick);
    house.now += 3_600;
    house.tell(Input::Tick);
    house.progress(Lane::LightClient, Progress::Finalized { tx: tx(1) });
    assert_eq!(house.status().name(), "final");
    house
}

#[test]
fn every_decision_is_recorded_once_with_its_inputs_and_replays_to_the_same() {
    let house = eventful();
    let found = decisions(&house);
    assert!(
        matches!(found[..], [Decision::Allow, Decision::Allow, Decision::Delay { .. }, Decision::Allow]),
        "asked, attested, held once, released: {found:?}"
    );
    let ended_at = house.now;
    let mut at = NOW;
    let log: Vec<(RiskEvent, u64)> = house
        .risk_log
        .iter()
        .map(|event| {
            if let RiskEvent::Decided { asked_at, .. } = event {
                at = *asked_at;
            }
            (event.clone(), if matches!(event, RiskEvent::Closed { .. }) { ended_at } else { at })
        })
        .collect();
    let second = replayed(&house, &house.policy.risk, &log).unwrap();
    assert_eq!((second.state(), second.agreed(), second.unjudged()), (&house.risk, 4, 0));
    let mut unproven = log.clone();
    unproven.retain(|(event, _)| !matches!(event, RiskEvent::Proven { .. }));
    assert_eq!(replayed(&house, &house.policy.risk, &unproven).unwrap_err().field, "inputs");
    assert_eq!(replayed(&house, &policy(open(), open()).risk, &log).unwrap_err().field, "inputs");
}

#[test]
fn what_is_cleared_is_charged_by_its_value_with_it() {
    let mut house = House::new(slow_deposit());
    let price = PriceRule { unit: U256::ONE, floor: U256::from(3), fresh_for: 60, stale_after: 600, widest: 100 };
    let wide = &mut house.policy.risk.wide;
    wide.assets.insert(deposit().asset, AssetRules { price: Some(price), ..AssetRules::UNLIMITED });
    for corridor in house.policy.risk.limits.keys() {
        wide.corridors.insert(corridor.clone(), CorridorRules { notional: Limit::Unlimited, netted_with: None });
    }
    let priced = Price { value: U256::from(7), confidence: U256::ZERO, published_at: NOW };
    house.risk.apply(&RiskEvent::Priced { asset: deposit().asset, price: priced }, NOW);
    house.see(10, 0);
    house.prove();
    let charges: Vec<U256> = house
        .risk_log
        .iter()
        .filter_map(|event| match event {
            RiskEvent::Charged { charge, .. } => Some(charge.notional),
            _ => None,
        })
        .collect();
    assert_eq!(charges, [U256::from(35)]);
}

/// A house where every block costs ten to fake, and each base unit is worth three.
fn deep_house(about: Deposit) -> House {
    let mut house = House::new(about);
    let price = PriceRule { unit: U256::ONE, floor: U256::from(3), fresh_for: 60, stale_after: 600, widest: 100 };
    let wide = &mut house.policy.risk.wide;
    wide.assets.insert(deposit().asset, AssetRules { price: Some(price), ..AssetRules::UNLIMITED });
    for corridor in house.policy.risk.limits.keys() {
        wide.corridors.insert(corridor.clone(), CorridorRules { notional: Limit::Unlimited, netted_with: None });
    }
    wide.depths.insert(source(), DepthRule { block_cost: U256::from(1), least: 1 });
    house
}

#[test]
fn a_deposit_that_is_not_deep_enough_for_its_value_waits_for_more_final_blocks() {
    let mut house = deep_house(slow_deposit());
    house.see(10, 0);
    house.prove();
    let reason = Reason::Confirmations { needed: 16, found: 11 };
    assert_eq!(*house.status(), Status::Held { reason, until: None });
    for height in [10, 20, 24] {
        assert!(house.finalize(height).is_empty(), "{height}");
        assert!(house.tell(Input::Tick).is_empty());
    }
    let out = house.finalize(25);
    assert_eq!((names(&out), steps(&out)), (vec!["source_final", "cleared"], vec!["pay_proven"]));
}

/// Guardians release what waits for its time. What their word does not reach is asked whichever check held it first.
#[test]
fn a_release_of_what_a_window_or_its_size_holds_still_asks_for_its_confirmations() {
    let tighten: [fn(&mut Limits); 2] = [
        |limits| limits.window = Limit::Amount(U256::from(1)),
        |limits| (limits.large_from, limits.large_delay) = (Limit::Amount(U256::from(1)), 3_600),
    ];
    for tighten in tighten {
        let mut house = deep_house(slow_deposit());
        house.policy.risk.limits.values_mut().for_each(tighten);
        house.see(10, 0);
        house.prove();
        let Status::Held { reason, .. } = house.status().clone() else { panic!("{:?}", house.status()) };
        assert!(!matches!(reason, Reason::Confirmations { .. }), "another check is first: {reason:?}");
        assert!(house.tell(Input::Release).is_empty(), "16 are asked for, and it stands under 11");
        house.finalize(25);
        let out = house.tell(Input::Release);
        assert_eq!(steps(&out), ["pay_proven"], "{reason:?} {:?} {}", house.status(), house.transfer().confirmations());
    }
}

#[test]
fn before_it_is_final_a_deposit_stands_under_nothing_and_does_not_take_the_fast_lane() {
    let mut house = deep_house(deposit());
    assert_eq!(names(&house.see(10, 0)), ["observed", "fast_refused"]);
}

#[test]
fn blocks_that_are_replaced_do_not_count() {
    let mut house = deep_house(slow_deposit());
    house.see(10, 0);
    house.finalize(40);
    assert_eq!(house.transfer().confirmations(), 31);
    house.reorg(10, 0);
    assert_eq!(house.transfer().confirmations(), 0);
    house.see(39, 1);
    assert_eq!(house.transfer().confirmations(), 0);
}
