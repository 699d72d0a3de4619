//! How long a clearance is in its window: until its payout is final or given back, and for a day from then.

use alloy_primitives::U256;
use spandrel_core::submission::{Lasting, Progress};
use spandrel_core::{Blocked, Input, Status};
use spandrel_risk::{Lane, Limit, Limits, Reason, WINDOW_SECONDS};
use spandrel_verifiers::Deposit;

use crate::common::*;
use crate::scene::{fast_paid_house, pay_effect};

/// A deposit that lives for long, proven and cleared under a window that takes one of its kind a day.
fn cleared_house() -> House {
    let mut house = asking_house(0);
    house.see(10, 0);
    house.prove();
    assert_eq!(*house.status(), Status::Cleared { lane: Lane::LightClient });
    house
}

fn asking_house(n: u64) -> House {
    let deposit = Deposit { source_key: U256::from(n).into(), expiry: NOW + 30 * WINDOW_SECONDS, ..deposit() };
    House::under(policy(open(), Limits { window: Limit::Amount(U256::from(5)), ..open() }), deposit)
}

fn is_full(house: &House) -> bool {
    matches!(house.status(), Status::Held { reason: Reason::Window { .. }, .. })
}

/// Its nodes are down for two days. Else the second day clears as much again, and both are paid when they are back.
#[test]
fn what_a_destination_takes_days_late_leaves_no_room_for_what_those_days_would_clear() {
    let mut late = cleared_house();
    late.now += 2 * WINDOW_SECONDS;
    let mut next = House { risk: late.risk.clone(), now: late.now, ..asking_house(1) };
    next.see(10, 0);
    next.prove();
    assert!(is_full(&next), "{:?}", next.status());
    late.progress(Lane::LightClient, Progress::Broadcast { tx: tx(1) });
    late.progress(Lane::LightClient, Progress::Included { tx: tx(1) });
    late.progress(Lane::LightClient, Progress::Reorged);
    late.now += WINDOW_SECONDS;
    assert_eq!(late.window(Lane::LightClient), U256::from(5), "what is in a block may be gone from it, and paid later");
    late.progress(Lane::LightClient, Progress::Finalized { tx: tx(2) });
    for event in &next.risk_log {
        late.risk.apply(event, late.now);
    }
    next.risk = late.risk;
    next.now = late.now + WINDOW_SECONDS - 1;
    next.tell(Input::Tick);
    assert!(is_full(&next), "{:?}", next.status());
    next.now += 1;
    next.tell(Input::Tick);
    assert_eq!(*next.status(), Status::Cleared { lane: Lane::LightClient });
}

/// As to a recipient that reverts: for as long as it may be paid it counts, and no longer than for a day after its end.
#[test]
fn a_payout_that_is_refused_for_ever_is_let_go_of_when_it_expires() {
    let mut house = cleared_house();
    for _ in 0..29 {
        house.now += WINDOW_SECONDS;
        let reverts = Progress::Refused { reason: "the recipient reverts".into(), lasting: Lasting::ForNow };
        assert!(house.progress(Lane::LightClient, reverts).is_empty());
        assert_eq!(house.window(Lane::LightClient), U256::from(5));
    }
    house.now = house.deposit.expiry + 1;
    assert!(
        matches!(house.may(&pay_effect(&house)), Err(Blocked::Obsolete(_))),
        "told as refused, whether it answers or not"
    );
    house.progress(Lane::LightClient, unpaid());
    house.now += WINDOW_SECONDS - 1;
    assert_eq!(house.window(Lane::LightClient), U256::from(5));
    house.now += 1;
    assert_eq!(house.window(Lane::LightClient), U256::ZERO);
    house.confirm(unpaid());
    assert!(matches!(house.status(), Status::Rejected { reason: Reason::Expired { .. } }));
}

#[test]
fn a_fast_payout_leaves_its_window_a_day_after_it_is_final_though_it_is_never_settled() {
    let mut house = fast_paid_house();
    house.reorg(10, 0);
    house.finalize(10);
    assert_eq!(*house.status(), Status::Shortfall { payout: tx(1) });
    house.now += 2 * WINDOW_SECONDS;
    assert_eq!(house.window(Lane::Fast), U256::from(5), "its block may be replaced");
    house.progress(Lane::Fast, Progress::Finalized { tx: tx(1) });
    house.now += WINDOW_SECONDS;
    assert_eq!((house.window(Lane::Fast), house.exposure()), (U256::ZERO, U256::from(5)));
}

#[test]
fn one_whose_settlement_is_heard_of_first_leaves_it_a_day_after_that() {
    let mut house = fast_paid_house();
    house.prove();
    assert_eq!(names(&house.settle(Progress::Finalized { tx: tx(2) })), ["settled"]);
    house.now += WINDOW_SECONDS - 1;
    assert_eq!(house.window(Lane::Fast), U256::from(5));
    house.now += 1;
    assert_eq!(house.window(Lane::Fast), U256::ZERO);
}

#[test]
fn one_that_others_paid_counts_for_a_day_from_when_that_is_known() {
    for lane in [Lane::Fast, Lane::LightClient] {
        let mut house = cleared_house();
        house.now += 2 * WINDOW_SECONDS;
        house.progress(Lane::LightClient, Progress::PaidElsewhere { lane });
        house.now += WINDOW_SECONDS - 1;
        assert_eq!(house.window(lane), U256::from(5), "{lane}");
        house.now += 1;
        assert_eq!([Lane::Fast, Lane::LightClient].map(|lane| house.window(lane)), [U256::ZERO; 2], "{lane}");
    }
}
