//! Reading final blocks of a source chain again, on a guardian's order: for deposits that were missed, because their names
//! were not configured, or a defect passed over them.
//!
//! The cursor stays where it is. A deposit that is known changes nothing when it is seen again; one that is new is proven
//! and decided on like every other. Where a reading ends is stored with what it found, so that a crash repeats one
//! batch at most. What no node has is given up in the end, on record.

use spandrel_core::ledger::{EffectEnd, LeasedEffect, Ledger, NewEffect};
use spandrel_core::{Effect, Executor, Input, Turn};
use spandrel_risk::control::ControlEvent;
use spandrel_verifiers::follow::{BlockRef, ChainEvent, Cursor, FollowError, ReadBatch, SeenDeposit, Watcher};
use spandrel_verifiers::{ChainId, DepositId};

use crate::gate::retry;
use crate::{ChainFollower, Change, Clock, EngineError, Step};

const LEASE_SECONDS: u64 = 120;
/// How often blocks are asked for that no node has: once a minute for a day.
pub const MAX_TRIES: u32 = 1_440;

/// The effect of an order, whose digest stands in the place of a deposit's id.
pub(crate) fn effect(order: DepositId, chain: &ChainId, from: u64, to: u64) -> NewEffect {
    let executor = Executor::Source { chain: chain.clone() };
    let effect = Effect::Reobserve { from, to };
    let id = effect.id(order, &executor, Turn::default());
    NewEffect { id, deposit: order, executor, effect, run_at: 0 }
}

/// What one batch of a reading found.
struct Found {
    deposits: Vec<SeenDeposit>,
    /// Height of the last block that was read.
    up_to: u64,
}

impl<W: Watcher, L: Ledger, C: Clock> ChainFollower<W, L, C> {
    /// Reads one batch of what was ordered to be read again. Answers whether there was anything.
    pub(crate) async fn observe_again(&self, cursor: &Cursor) -> Result<bool, EngineError> {
        let now = self.book.clock().now();
        let executor = Executor::Source { chain: self.watcher.chain().clone() };
        let due = self.book.ledger().lease(&executor, now, now + LEASE_SECONDS, 1).await?;
        let Some(leased) = due.into_iter().next() else { return Ok(false) };
        let chain = self.watcher.chain();
        let (change, told) = match self.read_again(&leased, cursor.finalized).await {
            Ok(change) => (change, Vec::new()),
            Err(error) if leased.attempt.saturating_add(1) < MAX_TRIES => {
                tracing::warn!(%chain, %error, "not read again yet");
                (Change::default().ending(leased.id, retry(now, leased.attempt, error.to_string())), Vec::new())
            }
            Err(error) => {
                tracing::error!(%chain, %error, "given up: to be ordered again once a node has these blocks");
                let given_up = self.unread(&leased, error.to_string());
                (Change::default().ending(leased.id, EffectEnd::Done), given_up)
            }
        };
        self.book.record_telling(change, &told).await?;
        Ok(true)
    }

    /// What is written down where nothing was read.
    fn unread(&self, leased: &LeasedEffect, reason: String) -> Vec<ControlEvent> {
        let Effect::Reobserve { from, to } = leased.effect else { return Vec::new() };
        let (order, chain) = (leased.deposit.0, self.watcher.chain().clone());
        vec![ControlEvent::Unread { order, chain, from, to, reason }]
    }

    async fn read_again(&self, leased: &LeasedEffect, last_final: Option<BlockRef>) -> Result<Change, FollowError> {
        let Effect::Reobserve { from, to } = leased.effect else {
            return Ok(Change::default().ending(leased.id, EffectEnd::Done));
        };
        let chain = self.watcher.chain();
        // What is not final is still being watched.
        let Some(last_final) = last_final.filter(|last_final| from <= last_final.height) else {
            return Ok(Change::default().ending(leased.id, EffectEnd::Done));
        };
        let to = to.min(last_final.height);
        let Found { deposits, up_to } = self.batch(from, to).await?;
        tracing::info!(%chain, from, up_to, to, deposits = deposits.len(), "read again");
        let mut change = Change::default().ending(leased.id, EffectEnd::Done);
        let is_any = !deposits.is_empty();
        change.steps.extend(deposits.into_iter().map(|seen| Step::One(seen.deposit.id(), Input::Seen(seen))));
        if is_any {
            change.steps.push(Step::AllFrom(chain.clone(), Input::SourceFinal(last_final)));
        }
        if up_to < to {
            change.effects.push(effect(leased.deposit, chain, up_to.saturating_add(1), to));
        }
        Ok(change)
    }

    async fn batch(&self, from: u64, to: u64) -> Result<Found, FollowError> {
        let ReadBatch { events, next } = self.watcher.read_after(from.saturating_sub(1)).await?;
        let transient =
            |reason| FollowError::Transient { endpoint: format!("endpoints of {}", self.watcher.chain()), reason };
        if self.seen.note(self.watcher.chain(), &events) {
            return Err(transient("the chain contradicts itself".to_owned()));
        }
        let up_to = next.tip().map_or(0, |tip| tip.height).min(to);
        if up_to < from {
            return Err(transient(format!("no block {from} was read, which is final")));
        }
        let is_ordered = |seen: &SeenDeposit| (from..=to).contains(&seen.block.height);
        let deposits = events.into_iter().filter_map(|event| match event {
            ChainEvent::Deposit(seen) => Some(seen).filter(is_ordered),
            _ => None,
        });
        Ok(Found { deposits: deposits.collect(), up_to })
    }
}
