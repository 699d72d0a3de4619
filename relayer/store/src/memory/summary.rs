//! Counts and ages for `status`.

use spandrel_verifiers::UnixSeconds;

use super::stored::{EffectState, Stored};
use crate::key;
use crate::summary::{CursorTip, OpenTxs, OutboxDepth, Summary};

/// What a payout's event and the state after it are called.
const EXECUTED: &str = "executed";

/// The ledger at a glance.
pub fn summary(stored: &Stored, now: UnixSeconds) -> Summary {
    let mut summary = Summary::default();
    for transfer in stored.transfers.values() {
        let count = summary.transfers.entry(transfer.status.name().to_owned()).or_default();
        *count = count.saturating_add(1);
    }
    let executed = stored.transfers.iter().filter(|(_, transfer)| transfer.status.name() == EXECUTED);
    let paid_at = executed.filter_map(|(id, _)| {
        let events = stored.events.get(id)?;
        events.iter().rev().find(|event| event.body.name() == EXECUTED).map(|event| event.at)
    });
    summary.oldest_executed_age = paid_at.min().map(|paid_at| now.saturating_sub(paid_at));
    for entry in &stored.outbox.effects {
        if let Some(due_at) = entry.state.due_at() {
            let depth: &mut OutboxDepth = summary.outbox.entry(key::executor(&entry.new.executor)).or_default();
            let is_leased = matches!(entry.state, EffectState::Leased { .. });
            depth.count(is_leased, (due_at, entry.overdue_since), now);
        }
    }
    for ((chain, signer), open) in &stored.journal.open {
        if let Some((nonce, _)) = open.first_key_value() {
            let count = u64::try_from(open.len()).unwrap_or(u64::MAX);
            summary.open_txs.push(OpenTxs { chain: chain.clone(), signer: *signer, count, lowest_nonce: *nonce });
        }
    }
    for (chain, (cursor, updated_at)) in &stored.cursors {
        summary.cursors.insert(chain.clone(), CursorTip::of(cursor, *updated_at));
    }
    summary.halted = stored.halted.clone();
    summary
}
