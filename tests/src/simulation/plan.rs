//! What a seed has in store: deposits around the limits, and one that never was.

use alloy::primitives::{B256, Bytes, U256};
use spandrel_verifiers::{Deposit, LanePreference};

use super::clock::START;
use super::dice::Dice;
use super::keys::{self, FAST_CAP, LARGE_FROM, PROVEN_CAP};
use super::source::{Order, nonce_key, outpoint_key};

/// When a deposit that does not expire in the storm expires, Unix seconds.
pub const LATE: u64 = START + 1_000_000;

const AMOUNTS: [u64; 12] =
    [1, 2, 40, 60, 60, 90, FAST_CAP, FAST_CAP + 1, LARGE_FROM - 1, LARGE_FROM, PROVEN_CAP, PROVEN_CAP + 1];

/// The deposits of a seed.
#[derive(Debug)]
pub struct Plan {
    /// Per source chain, not mined yet.
    pub orders: [Vec<Order>; 2],
    /// Per source chain, only in a lying node's view.
    pub fakes: [Vec<Order>; 2],
    made: u64,
}

impl Plan {
    /// Draws two to five deposits, and perhaps lies.
    pub fn draw(dice: &mut Dice) -> Self {
        let mut plan = Self { orders: Default::default(), fakes: Default::default(), made: 0 };
        for _ in 0..2 + dice.below(4) {
            let place = dice.place(2);
            let order = plan.order(place, dice);
            plan.orders[place].push(order);
        }
        for place in 0..2 {
            if dice.percent(50) {
                let fake = match plan.orders[place].first().cloned() {
                    Some(real) if dice.percent(50) => plan.variant(&real),
                    _ => plan.order(place, dice),
                };
                plan.fakes[place].push(fake);
            }
        }
        plan
    }

    fn order(&mut self, place: usize, dice: &mut Dice) -> Order {
        self.made += 1;
        let source = keys::sources()[place].clone();
        let transaction = Bytes::from(format!("deposit {}", self.made).into_bytes());
        let is_misaddressed = dice.percent(4);
        let bridge = if is_misaddressed { B256::repeat_byte(0xee) } else { keys::domain().inbox.into_word() };
        let deposit = Deposit {
            version: Deposit::VERSION,
            source_bridge: keys::source_bridge(&source),
            source_key: if place == 0 { outpoint_key(&transaction) } else { nonce_key(self.made) },
            asset: keys::asset(&source),
            amount: U256::from(dice.pick(&AMOUNTS)),
            destination_chain: keys::destination(),
            destination_bridge: bridge,
            recipient: recipient(self.made, dice.percent(8)),
            sender: B256::repeat_byte(0x5d),
            lane: dice.pick(&[
                LanePreference::Any,
                LanePreference::Any,
                LanePreference::Fast,
                LanePreference::LightClient,
            ]),
            expiry: if dice.percent(25) { START + 40 + dice.below(800) } else { LATE },
            source_chain: source,
        };
        Order { id: deposit.id(), deposit, transaction }
    }

    /// As much as one transfer may be, for the light-client lane.
    pub fn large(&mut self, place: usize, dice: &mut Dice) -> Order {
        let drawn = self.order(place, dice);
        let deposit = Deposit {
            amount: U256::from(PROVEN_CAP),
            destination_bridge: keys::domain().inbox.into_word(),
            recipient: recipient(self.made, false),
            lane: LanePreference::LightClient,
            expiry: LATE,
            ..drawn.deposit
        };
        Order { id: deposit.id(), deposit, ..drawn }
    }

    /// Another deposit in place of `real`, to somebody else: with its nonce on Ethereum, on Bitcoin by another
    /// transaction.
    pub fn variant(&mut self, real: &Order) -> Order {
        self.made += 1;
        let mut deposit = real.deposit.clone();
        let transaction = Bytes::from(format!("variant {}", self.made).into_bytes());
        deposit.recipient = B256::with_last_byte(self.made as u8);
        if deposit.source_chain.eip155_number().is_none() {
            deposit.source_key = outpoint_key(&transaction);
        }
        Order { id: deposit.id(), deposit, transaction }
    }
}

fn recipient(number: u64, is_hostile: bool) -> B256 {
    let mut recipient = B256::with_last_byte(number as u8);
    recipient.0[0] = if is_hostile { keys::HOSTILE } else { 0 };
    recipient
}
