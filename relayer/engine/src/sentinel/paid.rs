//! What a destination paid and the ledger does not hold as cleared: whoever has its proof or attestation may have it paid,
//! also when guardians dropped it. What a node shows is told to its transfer, which asks the destination and believes what is
//! final there.

use spandrel_core::ledger::Ledger;
use spandrel_core::{Input, PayoutStage};
use spandrel_watchers::sentinel::PayoutLane;

use super::{Memory, Sentinel};
use crate::{Change, Clock, EngineError, Step};

impl<L: Ledger, C: Clock> Sentinel<L, C> {
    /// Tells every payment once, and every promise of the fast lane. One of a deposit that no watcher has seen yet waits for it, and one while a payout of
    /// our own is under way for the end of that: its effect tells, unless it is given up.
    pub(super) async fn tell_paid(&self, memory: &mut Memory) -> Result<(), EngineError> {
        let mut change = Change::default();
        let mut told = Vec::new();
        for ((chain, id), sighting) in &mut memory.payouts {
            // What the fast lane promised is owed already; what is delayed otherwise may never be paid, and is told then.
            let is_promise = sighting.payout.paid.is_none();
            if sighting.is_told
                || (is_promise && (sighting.is_promise_told || sighting.payout.lane != PayoutLane::Fast))
            {
                continue;
            }
            let Some(transfer) = self.book.ledger().transfer(*id).await? else { continue };
            if transfer.deposit.destination_chain == *chain {
                match &transfer.payout {
                    None => change.steps.push(Step::One(*id, Input::ShownPaid)),
                    Some(payout) if payout.stage < PayoutStage::Final && !transfer.status.is_terminal() => continue,
                    Some(_) => {}
                }
            }
            told.push(if is_promise { &mut sighting.is_promise_told } else { &mut sighting.is_told });
        }
        if !change.steps.is_empty() {
            match self.book.record(change).await {
                // A process of what is agreed on now reads the same chain.
                Ok(_) | Err(EngineError::Superseded) => {}
                Err(error) => return Err(error),
            }
        }
        told.into_iter().for_each(|is_told| *is_told = true);
        Ok(())
    }
}
