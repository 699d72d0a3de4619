//! How fast one sender and one recipient may move, and what size is unusual.

use alloy_primitives::{B256, U256, U512};
use proptest::prelude::*;
use spandrel_risk::{AssetRules, Bucket, Decision, Lane, Reason, RiskEvent, RiskState, Side};
use spandrel_verifiers::Deposit;

use crate::common::wide::{ask, of, policy, rules};
use crate::common::{NOW, amount, pay};

fn velocity(side: Side, filled: u64, value: u64) -> Reason {
    let [capacity, filled, amount] = [10, filled, value].map(U256::from);
    Reason::Velocity { side, capacity, filled, amount }
}

#[test]
fn one_sender_and_one_recipient_move_no_faster_than_their_buckets_drain() {
    let bucket = Bucket { capacity: amount(10), refill_seconds: 100 };
    let senders = policy(AssetRules { sender: bucket, ..rules() });
    let recipients = policy(AssetRules { recipient: bucket, ..rules() });
    let same = |n: u64, value: u64| Deposit { sender: of(0, 0).sender, recipient: of(0, 0).recipient, ..of(n, value) };
    for (policy, side) in [(senders, Side::Sender), (recipients, Side::Recipient)] {
        let mut state = RiskState::default();
        for n in 0..4 {
            assert_eq!(ask(&policy, &state, &same(n, 2), NOW), Decision::Allow);
            pay(&policy, &mut state, &same(n, 2), Lane::Fast, NOW);
        }
        let reason = velocity(side, 8, 5);
        let delay = Decision::Delay { until: NOW + 30, reason };
        assert_eq!(ask(&policy, &state, &same(9, 5), NOW), delay, "small parts fill it as one whole would");
        assert_eq!(ask(&policy, &state, &same(9, 5), NOW + 30), Decision::Allow);
        assert_eq!(ask(&policy, &state, &of(9, 5), NOW), Decision::Allow, "others are not held");
        let reason = velocity(side, 8, 11);
        assert_eq!(ask(&policy, &state, &same(9, 11), NOW), Decision::Hold { reason }, "it never fits");
    }
}

#[test]
fn a_payout_that_is_given_back_and_cleared_again_fills_its_buckets_once() {
    let bucket = Bucket { capacity: amount(10), refill_seconds: 100 };
    let policy = policy(AssetRules { sender: bucket, recipient: bucket, ..rules() });
    let (mut state, about) = (RiskState::default(), of(0, 6));
    for lane in [Lane::Fast, Lane::LightClient] {
        pay(&policy, &mut state, &about, lane, NOW);
        assert_eq!(state.bucket_filled(&about.asset, Side::Sender, about.sender, NOW), U512::from(6));
        state.apply(&RiskEvent::Returned { id: about.id() }, NOW);
    }
    assert_eq!(state.asset_used(&about.asset, NOW), U512::from(6));
}

#[test]
fn wider_terms_do_not_empty_a_bucket_that_was_filled_before() {
    let narrow = policy(AssetRules { sender: Bucket { capacity: amount(10), refill_seconds: 1_000 }, ..rules() });
    let wide = policy(AssetRules { sender: Bucket { capacity: amount(12), refill_seconds: 1 }, ..rules() });
    let mut state = RiskState::default();
    pay(&narrow, &mut state, &of(0, 10), Lane::Fast, NOW);
    let next = Deposit { sender: of(0, 0).sender, ..of(1, 5) };
    assert!(matches!(ask(&wide, &state, &next, NOW + 100), Decision::Delay { .. }), "it drains as it was filled");
}

#[test]
fn a_transfer_far_over_what_is_usual_is_held_and_many_small_ones_do_not_hide_it() {
    let policy = policy(AssetRules { most_of_p99: amount(3), ..rules() });
    let mut state = RiskState::default();
    let unusual = |most: u64, value: u64| Decision::Hold {
        reason: Reason::Unusual { most: U256::from(most), amount: U256::from(value) },
    };
    for n in 0..99 {
        pay(&policy, &mut state, &of(n, 10), Lane::Fast, NOW);
    }
    assert_eq!(ask(&policy, &state, &of(900, 1_000), NOW), Decision::Allow, "too few to say what is usual");
    pay(&policy, &mut state, &of(99, 10), Lane::Fast, NOW);
    assert_eq!(ask(&policy, &state, &of(900, 31), NOW), unusual(30, 31));
    assert_eq!(ask(&policy, &state, &of(900, 30), NOW), Decision::Allow);
    pay(&policy, &mut state, &of(100, 5_000), Lane::Fast, NOW);
    assert_eq!(
        ask(&policy, &state, &of(900, 31), NOW),
        unusual(30, 31),
        "one large one makes large ones no more usual"
    );
}

#[test]
fn dust_does_not_make_an_ordinary_transfer_unusual() {
    let dusty = |usual: u64| {
        let policy = policy(AssetRules { most_of_p99: amount(3), usual: U256::from(usual), ..rules() });
        let mut state = RiskState::default();
        for n in 0..1_000 {
            pay(&policy, &mut state, &of(n, 1), Lane::Fast, NOW);
        }
        move |value| ask(&policy, &state, &of(2_000, value), NOW)
    };
    let held = |most: u64, value: u64| Decision::Hold {
        reason: Reason::Unusual { most: U256::from(most), amount: U256::from(value) },
    };
    assert_eq!(dusty(0)(100), held(3, 100), "the attack");
    let floor = dusty(100);
    assert_eq!((floor(100), floor(101)), (Decision::Allow, held(100, 101)));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    /// Between any two times no more is cleared for one sender than a bucket and what it drains in between.
    #[test]
    fn a_bucket_bounds_every_stretch_of_time(
        demand in prop::collection::vec((1u64..40, 0u64..50), 1..60), capacity in 1u64..100, refill_seconds in 1u64..200
    ) {
        let bucket = Bucket { capacity: amount(capacity), refill_seconds };
        let policy = policy(AssetRules { sender: bucket, ..rules() });
        let (mut state, mut now, mut paid) = (RiskState::default(), NOW, Vec::new());
        for (n, (value, later)) in demand.into_iter().enumerate() {
            now += later;
            let about = Deposit { sender: B256::ZERO, ..of(n as u64, value) };
            match ask(&policy, &state, &about, now) {
                Decision::Allow => {
                    pay(&policy, &mut state, &about, Lane::Fast, now);
                    paid.push((now, value));
                }
                Decision::Delay { until, .. } => {
                    prop_assert!(until > now && ask(&policy, &state, &about, until) == Decision::Allow);
                }
                other => {
                    let is_held = matches!(other, Decision::Hold { .. });
                    prop_assert!(is_held && value > capacity);
                }
            }
        }
        for (first, (from, _)) in paid.iter().enumerate() {
            let mut sum = 0;
            for (until, value) in &paid[first..] {
                sum += value;
                // Every payout may round what drained down by less than one.
                prop_assert!(sum * refill_seconds <= capacity * refill_seconds + capacity * (until - from));
            }
        }
    }
}

#[test]
fn what_is_kept_of_parties_and_sizes_is_bounded() {
    let bucket = Bucket { capacity: amount(100), refill_seconds: 600 };
    let policy = policy(AssetRules { sender: bucket, recipient: bucket, ..rules() });
    let mut state = RiskState::default();
    let mut size_after = |n: std::ops::Range<u64>| {
        for n in n {
            let now = NOW + n * 1_000;
            let about = Deposit { expiry: now + 10, ..of(n, 50) };
            pay(&policy, &mut state, &about, Lane::Fast, now);
            state.apply(&RiskEvent::Settled { id: about.id() }, now + 1);
            state.apply(&RiskEvent::Closed { id: about.id(), expiry: about.expiry }, now + 1);
        }
        serde_json::to_string(&state).unwrap().len()
    };
    let (early, late) = (size_after(0..1_500), size_after(1_500..4_000));
    assert!(late < early * 11 / 10, "{early} bytes, then {late}");
}
