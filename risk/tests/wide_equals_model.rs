//! The limits over corridors against the naive model, and decisions replayed by a second engine.

mod common;

use alloy_primitives::U256;
use common::NOW;
use common::drawn::{LANES, OLD, deposits, draws, events, policies};
use common::model::Model;
use proptest::prelude::*;
use spandrel_risk::{Corridor, Mismatch, Position, RiskEvent, RiskState, SecondEngine, Side, Tank};

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
            let wide = [
                Tank::Asset { asset: asset.clone() },
                Tank::Source { chain: deposit.source_chain.clone() },
                Tank::Destination { chain: deposit.destination_chain.clone() },
            ];
            let corridors = LANES.map(|lane| Corridor::of(deposit, lane));
            let own = corridors.into_iter().flat_map(|corridor| [Tank::Paid(corridor.clone()), Tank::Corridor(corridor)]);
            for tank in wide.into_iter().chain(own) {
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
        // Charges that no policy makes, and clearances of old after newer ones, are for the other tests.
        for draw in draws.iter().filter(|draw| draw.0 != 8 && draw.0 != OLD) {
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
        let replay = |log: Vec<(RiskEvent, u64)>, are_known: bool| -> Result<SecondEngine, (usize, Mismatch)> {
            let mut second = SecondEngine::new(Some(policy.clone()));
            for (place, (event, at)) in log.into_iter().enumerate() {
                let about = SecondEngine::subject(&event).filter(|_| are_known);
                let about = about.and_then(|id| deposits.iter().find(|deposit| deposit.id() == id));
                second.take(&event, at, about).map_err(|mismatch| (place, mismatch))?;
            }
            Ok(second)
        };
        let second = replay(read().collect(), true).unwrap();
        prop_assert_eq!((second.state(), second.agreed()), (&state, decisions));
        let found_out = |log: Vec<(RiskEvent, u64)>| -> Option<(usize, &'static str)> {
            replay(log, true).err().map(|(place, Mismatch { field, .. })| (place, field))
        };
        let mut forged: Vec<_> = read().collect();
        if !forged.is_empty() {
            let place = touched.index(forged.len());
            let field = match &mut forged[place].0 {
                RiskEvent::Decided { confirmations, .. } => {
                    *confirmations += 1;
                    Some("inputs")
                }
                RiskEvent::Cleared { amount, .. } => {
                    *amount += U256::ONE;
                    Some("clearance")
                }
                RiskEvent::Charged { charge, .. } => {
                    charge.notional += U256::ONE;
                    Some("charge")
                }
                _ => None,
            };
            prop_assert_eq!(found_out(forged), field.map(|field| (place, field)));
        }
        prop_assert_eq!(replay(read().collect(), false).is_ok(), decisions == 0);
    }
}
