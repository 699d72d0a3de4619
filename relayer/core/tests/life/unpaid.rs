//! What is rejected, held or expired, and is not paid for that.

use alloy_primitives::U256;
use spandrel_core::submission::{Lasting, Progress};
use spandrel_core::{Blocked, Input, Status};
use spandrel_risk::{Lane, Limit, Limits, Reason, Scope};
use spandrel_verifiers::Deposit;

use crate::common::*;
use crate::scene::{pay_effect, proven_house};

#[test]
fn what_this_bridge_does_not_serve_is_rejected_at_once_with_its_reason() {
    let wrong = [
        ("version", Deposit { version: 2, ..deposit() }),
        ("source_chain", Deposit { source_chain: destination(), ..deposit() }),
        ("source_bridge", Deposit { source_bridge: Default::default(), ..deposit() }),
        ("destination_chain", Deposit { destination_chain: source(), ..deposit() }),
        ("destination_bridge", Deposit { destination_bridge: Default::default(), ..deposit() }),
    ];
    for (expected, deposit) in wrong {
        let mut house = House::new(deposit);
        let out = house.see(10, 0);
        assert_eq!(names(&out), ["observed", "rejected"], "{expected}");
        let Status::Rejected { reason: Reason::Mismatch { field, .. } } = house.status() else { panic!("{expected}") };
        assert_eq!(field, expected);
        assert!(house.finalize(20).is_empty());
    }
}

#[test]
fn what_nobody_set_a_limit_for_and_what_is_dust_is_rejected_when_it_is_seen() {
    let mut house = House::new(deposit());
    house.policy.risk.limits.clear();
    assert_eq!(names(&house.see(10, 0)), ["observed", "rejected"]);
    assert_eq!(*house.status(), Status::Rejected { reason: Reason::Unknown });
    let dust = |dust: u64| Limits { dust: U256::from(dust), ..open() };
    let mut house = House::under(policy(dust(7), dust(6)), deposit());
    house.see(10, 0);
    let reason = Reason::Dust { minimum: U256::from(6), amount: U256::from(5) };
    assert_eq!(*house.status(), Status::Rejected { reason });
    let mut house = House::under(policy(dust(7), dust(5)), deposit());
    house.see(10, 0);
    assert_eq!(*house.status(), Status::Observed, "too little for one lane only");
}

#[test]
fn a_limit_that_is_removed_later_rejects_what_is_proven_afterwards() {
    let mut house = House::new(slow_deposit());
    house.see(10, 0);
    house.policy.risk.limits.clear();
    house.prove();
    assert_eq!(*house.status(), Status::Rejected { reason: Reason::Unknown });
}

#[test]
fn a_held_transfer_goes_on_when_the_pause_ends_and_not_before() {
    let mut house = House::new(slow_deposit());
    house.see(10, 0);
    house.pause(Scope::Global);
    let out = house.prove();
    assert_eq!((names(&out), steps(&out)), (vec!["verified", "held"], vec![]));
    house.now += 599;
    assert!(house.tell(Input::Tick).is_empty(), "held for the same reason is no news");
    house.now += 1;
    let out = house.tell(Input::Tick);
    assert_eq!((names(&out), steps(&out), risks(&out)), (vec!["cleared"], vec!["pay_proven"], vec!["cleared"]));
}

#[test]
fn a_large_transfer_is_held_until_its_delay_is_over() {
    let proven = Limits { large_from: Limit::Amount(U256::from(5)), large_delay: 3_600, ..open() };
    let mut house = House::under(policy(open(), proven), slow_deposit());
    house.see(10, 0);
    house.now += 50;
    house.prove();
    let until = Some(NOW + 50 + 3_600);
    assert_eq!(*house.status(), Status::Held { reason: Reason::LargeTransfer { from: U256::from(5) }, until });
    house.now += 3_599;
    assert!(house.tell(Input::Tick).is_empty());
    house.now += 1;
    assert_eq!(steps(&house.tell(Input::Tick)), ["pay_proven"]);
}

#[test]
fn what_expires_unpaid_ends() {
    for prove in [false, true] {
        let mut house = House::new(slow_deposit());
        house.see(10, 0);
        house.pause(Scope::Global);
        if prove {
            house.prove();
        }
        house.now = EXPIRY;
        if !prove {
            assert!(house.tell(Input::Tick).is_empty(), "the last second is not too late");
        }
        house.now = EXPIRY + 1;
        let out = house.tell(Input::Tick);
        assert_eq!((names(&out), steps(&out)), (vec!["held"], vec!["confirm_unpaid"]));
        assert!(house.tell(Input::Tick).is_empty(), "asked once");
        assert_eq!(house.may(&out.effects[0].effect), Ok(()));
        house.confirm(unpaid());
        assert_eq!(*house.status(), Status::Rejected { reason: Reason::Expired { expiry: EXPIRY } });
    }
}

#[test]
fn what_may_have_been_paid_does_not_expire_by_itself() {
    let mut house = proven_house();
    house.now = EXPIRY + 1;
    assert!(house.tell(Input::Tick).is_empty());
    let Err(Blocked::Obsolete(_)) = house.may(&pay_effect(&house)) else { panic!("must not be sent any more") };
    let refused = Progress::Refused { reason: "expired".into(), lasting: Lasting::ForEver };
    let out = house.progress(Lane::LightClient, refused);
    assert_eq!((names(&out), steps(&out)), (vec!["payout_refused", "held"], vec!["confirm_unpaid"]));
    assert_eq!(risks(&out), ["returned"]);
    house.confirm(unpaid());
    assert_eq!(*house.status(), Status::Rejected { reason: Reason::Expired { expiry: EXPIRY } });
}

#[test]
fn a_given_back_payout_that_may_be_on_its_way_keeps_its_transfer_from_expiring() {
    let mut house = House::new(deposit());
    house.see(10, 0);
    house.attest();
    house.reorg(10, 0);
    house.now = EXPIRY + 1;
    assert!(house.tell(Input::Tick).is_empty(), "it may have been sent");
    house.progress(Lane::Fast, Progress::Refused { reason: "obsolete".into(), lasting: Lasting::ForEver });
    house.tell(Input::Tick);
    house.confirm(unpaid());
    assert_eq!(*house.status(), Status::Rejected { reason: Reason::Expired { expiry: EXPIRY } });
}
