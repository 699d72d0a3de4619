//! Transfers part of the way, and the effects that they ask for.

use spandrel_core::Effect;
use spandrel_core::submission::Progress;
use spandrel_risk::Lane;

use crate::common::*;

pub fn proven_house() -> House {
    let mut house = House::new(slow_deposit());
    house.see(10, 0);
    house.prove();
    house
}

/// A fast payout that stands in a block of the destination, its deposit not final yet.
pub fn fast_paid_house() -> House {
    let mut house = House::new(deposit());
    house.see(10, 0);
    house.attest();
    house.progress(Lane::Fast, Progress::Broadcast { tx: tx(1) });
    house.progress(Lane::Fast, Progress::Included { tx: tx(1) });
    house
}

pub fn pay_effect(house: &House) -> Effect {
    let transfer = house.transfer();
    Effect::PayProven {
        deposit: transfer.deposit.clone(),
        evidence: transfer.evidence.clone().unwrap(),
        checkpoint: transfer.checkpoint.clone().unwrap(),
    }
}

pub fn fast_effect(house: &House) -> Effect {
    let transfer = house.transfer();
    let attestation = Attesting::default().of(&transfer.deposit);
    Effect::PayFast { deposit: transfer.deposit.clone(), attestation }
}
