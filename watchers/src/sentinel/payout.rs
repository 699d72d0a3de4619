//! The rule that every payout has a deposit behind it.
//!
//! A deposit's id is the hash of all it says, so a payout is compared with the ledger by the id alone; recipient and amount
//! of what was paid are compared besides, since a contract that pays otherwise is broken.
//!
//! Nothing is judged before the ledger has read the chains that the deposit may be on: a node of the relayer may lag behind
//! those of whoever had it paid. Of a deposit whose block was replaced nothing is said before the chain is final past it.

use alloy_primitives::{Address, B256, U256};
use spandrel_verifiers::{ChainId, DepositId};

use super::{Concern, Finding, Rule};

/// How the destination was convinced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PayoutLane {
    /// By the fast lane's signers (`Lane.FAST`).
    Fast,
    /// By proof under a checkpoint of a Bitcoin chain (`Lane.BITCOIN`).
    Bitcoin,
    /// By proof under any other checkpoint.
    Proof,
    /// As it was when the payment was delayed.
    Delayed,
}

/// A payout, or the promise of one, as the destination's `Inbox` tells it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PaidOut {
    /// Of which deposit.
    pub id: DepositId,
    /// By which lane.
    pub lane: PayoutLane,
    /// To whom and how much, base units; absent while it is delayed.
    pub paid: Option<(Address, U256)>,
    /// The block that holds it.
    pub height: u64,
}

/// What the ledger knows of the deposit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Known {
    /// Nothing: no watcher has ever seen it.
    Never,
    /// It was seen.
    Seen {
        /// On which chain.
        source: ChainId,
        /// Whom it pays, left-padded.
        recipient: B256,
        /// Base units.
        amount: U256,
        /// Where it stands.
        standing: SeenStanding,
    },
}

/// Where a deposit stands that was seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SeenStanding {
    /// In a final block.
    Final,
    /// In a block that is not final, or replaced while the chain is not final past it: it may come back.
    Open,
    /// The chain is final past the block it stood in, without it.
    Gone,
}

/// How far the ledger has read the chains that an unknown deposit may be on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reading {
    /// Past everything that was there when the payout was seen.
    Past,
    /// Not yet.
    Behind,
    /// Not yet, and nothing was read for long.
    Stalled,
}

/// What follows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Judgement {
    /// Nothing is wrong with it, for good.
    Fine,
    /// To be asked again.
    NotYet,
    /// It has no deposit behind it.
    Wrong(Finding),
}

/// Judges one payout on `destination`. `reading` counts where nothing is known of the deposit.
pub fn judge(destination: &ChainId, payout: &PaidOut, known: &Known, reading: Reading) -> Judgement {
    match known {
        Known::Never => judge_unknown(destination, payout, reading),
        Known::Seen { source, recipient, amount, standing } => {
            let is_other = |(to, paid): (Address, U256)| to.into_word() != *recipient || paid != *amount;
            if let Some((to, paid)) = payout.paid.filter(|paid| is_other(*paid)) {
                let what = format!("{destination} paid {paid} to {to}, but {amount} was deposited for {recipient}");
                return wrong(payout, Concern::Chain(destination.clone()), true, what);
            }
            match standing {
                SeenStanding::Final => Judgement::Fine,
                SeenStanding::Open => Judgement::NotYet,
                SeenStanding::Gone => {
                    let concern = match payout.lane {
                        PayoutLane::Fast => Concern::FastLane { source: Some(source.clone()) },
                        _ => Concern::Chain(source.clone()),
                    };
                    wrong(payout, concern, true, format!("{destination} paid a deposit that {source} has no more"))
                }
            }
        }
    }
}

fn judge_unknown(destination: &ChainId, payout: &PaidOut, reading: Reading) -> Judgement {
    let what = |how: &str| format!("{destination} paid {how} in block {} what was never deposited", payout.height);
    match (payout.lane, reading) {
        // A Bitcoin deposit whose terms nobody registered is seen by no watcher, and anyone may prove it. What was delayed
        // was judged when it was.
        (PayoutLane::Bitcoin | PayoutLane::Delayed, _) => Judgement::Fine,
        (_, Reading::Behind) => Judgement::NotYet,
        (PayoutLane::Fast, Reading::Past) => {
            wrong(payout, Concern::FastLane { source: None }, true, what("by the fast lane"))
        }
        // Signers are asked for what is in the ledger, so this is no lag of it.
        (PayoutLane::Fast, Reading::Stalled) => {
            let what = format!("{}, and its source is not read", what("by the fast lane"));
            wrong(payout, Concern::FastLane { source: None }, true, what)
        }
        (PayoutLane::Proof, Reading::Past) => {
            wrong(payout, Concern::Chain(destination.clone()), true, what("by a proof"))
        }
        // Anyone may prove a deposit that this bridge has not read.
        (PayoutLane::Proof, Reading::Stalled) => {
            let what = format!("{}, or on a chain that is not read", what("by a proof"));
            wrong(payout, Concern::Chain(destination.clone()), false, what)
        }
    }
}

fn wrong(payout: &PaidOut, concern: Concern, is_pausing: bool, what: String) -> Judgement {
    let subject = payout.id.to_string();
    Judgement::Wrong(Finding { rule: Rule::PayoutWithoutDeposit, subject, concern, is_pausing, what })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chain() -> ChainId {
        ChainId::eip155(9)
    }

    fn paid(lane: PayoutLane) -> PaidOut {
        let paid = Some((Address::repeat_byte(1), U256::from(5)));
        PaidOut { id: DepositId(B256::repeat_byte(7)), lane, paid, height: 3 }
    }

    fn seen(standing: SeenStanding) -> Known {
        let recipient = Address::repeat_byte(1).into_word();
        Known::Seen { source: ChainId::eip155(1), recipient, amount: U256::from(5), standing }
    }

    fn found(judgement: Judgement) -> (Concern, bool) {
        match judgement {
            Judgement::Wrong(finding) => (finding.concern, finding.is_pausing),
            other => panic!("expected a finding, found {other:?}"),
        }
    }

    #[test]
    fn a_payout_of_what_was_never_deposited_is_found_once_its_sources_are_read() {
        let everywhere = (Concern::FastLane { source: None }, true);
        let of = |lane, reading| judge(&chain(), &paid(lane), &Known::Never, reading);
        assert_eq!(of(PayoutLane::Fast, Reading::Behind), Judgement::NotYet);
        assert_eq!(found(of(PayoutLane::Fast, Reading::Past)), everywhere);
        assert_eq!(found(of(PayoutLane::Proof, Reading::Past)), (Concern::Chain(chain()), true));
    }

    #[test]
    fn a_source_that_is_not_read_for_long_hides_no_forged_attestation_and_pauses_for_no_proof() {
        let of = |lane| judge(&chain(), &paid(lane), &Known::Never, Reading::Stalled);
        assert_eq!(found(of(PayoutLane::Fast)), (Concern::FastLane { source: None }, true));
        assert_eq!(found(of(PayoutLane::Proof)), (Concern::Chain(chain()), false));
    }

    #[test]
    fn bitcoin_deposits_that_nobody_registered_may_be_proven_by_anyone() {
        for reading in [Reading::Past, Reading::Stalled] {
            assert_eq!(judge(&chain(), &paid(PayoutLane::Bitcoin), &Known::Never, reading), Judgement::Fine);
        }
    }

    #[test]
    fn what_was_deposited_is_fine_once_it_is_final_and_wrong_once_it_is_gone_for_good() {
        let of = |standing| judge(&chain(), &paid(PayoutLane::Fast), &seen(standing), Reading::Behind);
        assert_eq!(of(SeenStanding::Open), Judgement::NotYet);
        assert_eq!(of(SeenStanding::Final), Judgement::Fine);
        let from_there = Concern::FastLane { source: Some(ChainId::eip155(1)) };
        assert_eq!(found(of(SeenStanding::Gone)), (from_there, true));
    }

    #[test]
    fn another_amount_or_recipient_than_was_deposited_is_found_at_once() {
        let known = seen(SeenStanding::Final);
        for paid_instead in [(Address::repeat_byte(1), U256::from(6)), (Address::repeat_byte(2), U256::from(5))] {
            let payout = PaidOut { paid: Some(paid_instead), ..paid(PayoutLane::Proof) };
            let judgement = judge(&chain(), &payout, &known, Reading::Behind);
            assert_eq!(found(judgement), (Concern::Chain(chain()), true));
        }
        let promised = PaidOut { paid: None, ..paid(PayoutLane::Fast) };
        assert_eq!(judge(&chain(), &promised, &known, Reading::Behind), Judgement::Fine);
    }
}
