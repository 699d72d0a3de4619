//! What counts as stricter: whatever a file may say without anybody's word allows no deposit that was not allowed before.

mod common;

use std::collections::{BTreeMap, BTreeSet};

use alloy_primitives::{Address, B256, U256};
use common::drawn::{LANES, deposits, draws, events, policies};
use common::{NOW, amount};
use proptest::prelude::*;
use spandrel_risk::{
    Agreement, AgreementVersion, Corridor, Decision, DepthRule, Lane, Limits, Position, RiskPolicy, RiskState, looser,
};
use spandrel_verifiers::attestation::SignerSet;

fn agreement(risk: RiskPolicy) -> Agreement {
    let members: BTreeSet<Address> = (1..=3).map(Address::repeat_byte).collect();
    let set = SignerSet::new(1, 2, members).unwrap();
    Agreement {
        version: AgreementVersion,
        is_production: true,
        pause_seconds: 60,
        verifiers: set.clone(),
        signers: set,
        guardians: None,
        sources: BTreeMap::new(),
        destinations: BTreeMap::new(),
        feeds: BTreeMap::new(),
        vaults: None,
        risk,
    }
}

/// A file nets no fast lane.
fn readable(mut policy: RiskPolicy) -> RiskPolicy {
    for (corridor, rules) in &mut policy.wide.corridors {
        let of_fast = |with: &Corridor| corridor.lane == Lane::Fast || with.lane == Lane::Fast;
        rules.netted_with = rules.netted_with.take().filter(|with| !of_fast(with));
    }
    policy
}

/// Which part, which row of it, two numbers.
type Edit = (u8, usize, u64, u64);

fn edits() -> impl Strategy<Value = Vec<Edit>> {
    prop::collection::vec((0u8..21, 0usize..8, 0u64..150, 0u64..4_000), 0..3)
}

/// One part of a policy as another has it, or as the numbers say, or not at all.
fn edit(policy: &mut RiskPolicy, other: &RiskPolicy, (part, row, number, time): Edit) {
    let corridor: Corridor = other.limits.keys().nth(row).unwrap().clone();
    let own = policy.wide.assets.get_mut(&corridor.asset);
    let theirs = &other.wide.assets[&corridor.asset];
    match (part, own) {
        (0, _) => {
            policy.limits.remove(&corridor);
        }
        (1, _) => {
            let limits = Limits {
                per_transfer: amount(number),
                exposure_cap: amount(number * 2),
                window: amount(time),
                large_from: amount(number / 2),
                large_delay: time,
                dust: U256::from(number / 8),
            };
            policy.limits.insert(corridor, limits);
        }
        (2, Some(own)) => own.window = theirs.window,
        (3, Some(own)) => own.sender = theirs.sender,
        (4, Some(own)) => own.recipient = theirs.recipient,
        (5, Some(own)) => own.price = theirs.price,
        (6, Some(own)) => (own.most_of_p99, own.usual) = (theirs.most_of_p99, theirs.usual),
        (7, _) => {
            policy.wide.corridors.remove(&corridor);
        }
        (8, _) => {
            policy.wide.corridors.insert(corridor.clone(), other.wide.corridors[&corridor].clone());
        }
        (9, _) => {
            policy.wide.destinations.insert(corridor.destination, amount(number));
        }
        (10, _) => policy.wide.depths.clear(),
        (11, _) => {
            let rule = DepthRule { block_cost: U256::from(number), least: time % 5 };
            policy.wide.depths.insert(corridor.source, rule);
        }
        (12, _) => {
            policy.wide.assets.remove(&corridor.asset);
        }
        (13, Some(own)) => own.price.iter_mut().for_each(|rule| rule.stale_after = time),
        (14, Some(own)) => own.price.iter_mut().for_each(|rule| (rule.fresh_for, rule.widest) = (time, 800)),
        (15, Some(own)) => own.exposure = theirs.exposure.clone(),
        (16, Some(own)) => own.exposure.iter_mut().for_each(|rule| rule.share = (time * 3) as u32),
        (17, Some(own)) => own.exposure.iter_mut().for_each(|rule| rule.returned_as.clear()),
        (18, Some(own)) => own.notional = theirs.notional,
        (19, Some(own)) => own.notional = Some(amount(number)),
        (_, Some(own)) => own.price.iter_mut().for_each(|rule| rule.floor = U256::from(number / 20)),
        (_, None) => {}
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_500))]

    #[test]
    fn what_is_not_looser_allows_nothing_that_was_not_allowed(
        agreed in policies(), other in policies(), first in edits(), second in edits(), draws in draws(),
        ahead in 0u64..5_000, confirmations in 0u64..6
    ) {
        let mut nearer = agreed.clone();
        first.iter().for_each(|change| edit(&mut nearer, &other, *change));
        let mut further = nearer.clone();
        second.iter().for_each(|change| edit(&mut further, &other, *change));
        let [agreed, nearer, further] = [agreed, nearer, further].map(agreement);
        let is_within = |file: &Agreement, agreed: &Agreement| looser(file, agreed).is_empty();
        prop_assert!(is_within(&agreed, &agreed), "everything is within itself");
        if is_within(&further, &nearer) && is_within(&nearer, &agreed) {
            prop_assert!(is_within(&further, &agreed), "what is within what is within is within");
        }

        let deposits = deposits();
        let (mut state, mut now) = (RiskState::default(), NOW);
        for draw in &draws {
            now = now.saturating_add_signed(draw.3);
            for event in events(draw, &agreed.risk, &state, &deposits, now) {
                state.apply(&event, now);
            }
        }
        let now = now + ahead;
        for (file, agreed) in [(&nearer, &agreed), (&further, &agreed), (&further, &nearer), (&agreed, &nearer)] {
            if !is_within(file, agreed) {
                continue;
            }
            for deposit in &deposits {
                for (lane, asked) in LANES.into_iter().zip([NOW, now]) {
                    let position = Position::new(&state, deposit.id(), deposit, lane, now).with_confirmations(confirmations);
                    if position.decide(&file.risk, asked) == Decision::Allow {
                        prop_assert_eq!(position.decide(&agreed.risk, asked), Decision::Allow);
                    }
                    if position.may_be_released(&file.risk) {
                        prop_assert!(position.may_be_released(&agreed.risk));
                    }
                }
            }
        }
    }

    #[test]
    fn an_agreement_reads_back_as_it_is_written_and_has_one_name(risk in policies(), other in policies()) {
        let (one, another) = (agreement(readable(risk)), agreement(readable(other)));
        let text = serde_json::to_string(&one).unwrap();
        let read: Agreement = serde_json::from_str(&text).unwrap();
        prop_assert_eq!(&read, &one);
        prop_assert_eq!(read.digest(), one.digest());
        prop_assert_eq!(one.digest() == another.digest(), one == another);
        prop_assert!(one.digest() != B256::ZERO);
        let later = text.replacen("\"version\":1", "\"version\":2", 1);
        prop_assert!(serde_json::from_str::<Agreement>(&later).is_err(), "another encoding is not guessed at");
    }
}
