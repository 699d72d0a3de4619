//! What `status` shows: counts and ages over the whole ledger, read in one snapshot.

use std::collections::BTreeMap;

use alloy_primitives::Address;
use serde::Serialize;
use spandrel_verifiers::follow::{BlockRef, Cursor};
use spandrel_verifiers::{ChainId, UnixSeconds};

/// The ledger at a glance.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Summary {
    /// Transfers by [`Status::name`](spandrel_core::Status::name); only those that occur.
    pub transfers: BTreeMap<String, u64>,
    /// For how many seconds the payout that has waited longest for its proof or finality has; `None` when none waits.
    pub oldest_executed_age: Option<u64>,
    /// Outbox by executor (`evidence:<chain>`, `verifiers`, `signers`, `destination:<chain>`); only those with work.
    pub outbox: BTreeMap<String, OutboxDepth>,
    /// Journaled transactions that are not final, by chain and signer; only accounts that have some.
    pub open_txs: Vec<OpenTxs>,
    /// How far each chain has been read.
    pub cursors: BTreeMap<ChainId, CursorTip>,
    /// Halted chains and why.
    pub halted: BTreeMap<ChainId, String>,
}

/// One executor's effects that are not done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct OutboxDepth {
    /// Not under a lease, due or not.
    pub waiting: u64,
    /// Under a lease, run out or not.
    pub leased: u64,
    /// For how many seconds the effect that is overdue longest is: since it did not work for the first time, however often it
    /// was tried again, or since it became due. `None` when none is due or fails.
    pub oldest_due_age: Option<u64>,
}

/// One account's transactions that are not final.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct OpenTxs {
    /// Destination.
    pub chain: ChainId,
    /// Signing account.
    pub signer: Address,
    /// How many.
    pub count: u64,
    /// The lowest nonce among them: what everything behind waits for.
    pub lowest_nonce: u64,
}

/// How far a chain has been read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct CursorTip {
    /// The last block read.
    pub tip: Option<BlockRef>,
    /// The highest final block reported.
    pub finalized: Option<BlockRef>,
    /// When the cursor moved last.
    pub updated_at: UnixSeconds,
}

impl Summary {
    /// The chains of `most` whose last block is older by its own time than so many seconds at `now`, or of which nothing was
    /// read, and what of it.
    pub fn late<'a>(
        &'a self,
        most: &'a BTreeMap<ChainId, u64>,
        now: UnixSeconds,
    ) -> impl Iterator<Item = (&'a ChainId, String)> {
        most.iter().filter_map(move |(chain, most)| {
            let tip = self.cursors.get(chain).and_then(|cursor| cursor.tip);
            match tip.map(|tip| now.saturating_sub(tip.time)) {
                Some(age) if age <= *most => None,
                Some(age) => Some((chain, format!("its last block is {age} s old, expected at most {most}"))),
                None => Some((chain, "nothing of it was read".to_owned())),
            }
        })
    }
}

impl CursorTip {
    pub(crate) fn of(cursor: &Cursor, updated_at: UnixSeconds) -> Self {
        Self { tip: cursor.tip().copied(), finalized: cursor.finalized, updated_at }
    }
}

impl OutboxDepth {
    /// Counts one effect that became or becomes due at `due_at`, and does not work since `overdue_since`.
    pub(crate) fn count(
        &mut self,
        leased: bool,
        (due_at, overdue_since): (UnixSeconds, Option<UnixSeconds>),
        now: UnixSeconds,
    ) {
        if leased {
            self.leased = self.leased.saturating_add(1);
        } else {
            self.waiting = self.waiting.saturating_add(1);
        }
        let age = overdue_since.map_or_else(|| now.checked_sub(due_at), |since| Some(now.saturating_sub(since)));
        self.oldest_due_age = self.oldest_due_age.max(age);
    }
}
