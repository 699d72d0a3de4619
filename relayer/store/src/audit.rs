//! The audit log: every human act and every risk decision, each row bound to all rows before it by a hash.
//!
//! Guarantees: a row is written in the transaction that does what it tells of; its body is kept as the text that was
//! hashed; who changes, removes, adds or reorders rows breaks the chain at the first of them. Cutting rows off the end
//! is seen only by who kept a later hash: export the log and keep its head elsewhere.

use alloy_primitives::{B256, keccak256};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use spandrel_core::Event;
use spandrel_core::ledger::{Commit, Halt, StoreError};
use spandrel_verifiers::UnixSeconds;

use crate::api_key::ApiKey;
use crate::json::encode;
use crate::order::{Order, OrderId};
use crate::webhook::Webhook;

/// One row.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AuditRow {
    /// Its place, from 0.
    pub sequence: u64,
    /// When it was written.
    pub at: UnixSeconds,
    /// What it tells of: `control`, `risk`, `decision`, `halt`, `acknowledgement`, `api_key`, `source_tx`, `order` or `webhook`.
    pub kind: String,
    /// JSON, as it was hashed.
    pub body: String,
    /// Hash of the row before; zero in the first.
    pub previous: B256,
    /// Hash of this row, see [`AuditRow::sealed`].
    pub hash: B256,
}

/// The first row that does not fit.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("audit row {sequence}: {field}: expected {expected}, found {found}")]
pub struct AuditBreak {
    /// Where.
    pub sequence: u64,
    /// Which of its fields.
    pub field: &'static str,
    /// What it must be.
    pub expected: String,
    /// What it is.
    pub found: String,
}

/// Something to be written, without its place in the chain.
pub(crate) struct Entry {
    kind: &'static str,
    body: String,
}

impl AuditRow {
    /// `SHA-256(previous ‖ sequence ‖ at ‖ length of kind ‖ kind ‖ body)`, integers as 8 bytes, big end first.
    pub fn sealed(&self) -> B256 {
        let mut hasher = Sha256::new();
        hasher.update(self.previous);
        hasher.update(self.sequence.to_be_bytes());
        hasher.update(self.at.to_be_bytes());
        hasher.update((self.kind.len() as u64).to_be_bytes());
        hasher.update(&self.kind);
        hasher.update(&self.body);
        B256::from_slice(&hasher.finalize())
    }

    /// The row of `entry` after the row with `last` sequence and hash.
    pub(crate) fn after(last: Option<(u64, B256)>, entry: Entry, at: UnixSeconds) -> Self {
        let (sequence, previous) = last.map_or((0, B256::ZERO), |(sequence, hash)| (sequence.saturating_add(1), hash));
        let row = Self { sequence, at, kind: entry.kind.to_owned(), body: entry.body, previous, hash: B256::ZERO };
        Self { hash: row.sealed(), ..row }
    }

    /// Its place and hash.
    pub(crate) fn head(&self) -> (u64, B256) {
        (self.sequence, self.hash)
    }
}

/// Checks rows one by one, from the first.
#[derive(Clone, Copy, Debug, Default)]
pub struct AuditCheck {
    last: Option<(u64, B256)>,
}

impl AuditCheck {
    /// Takes the next row.
    ///
    /// # Errors
    /// The first field of it that does not fit.
    pub fn take(&mut self, row: &AuditRow) -> Result<(), AuditBreak> {
        let (sequence, previous) = self.last.map_or((0, B256::ZERO), |(last, hash)| (last.saturating_add(1), hash));
        let wrong = |field, expected: &dyn ToString, found: &dyn ToString| {
            let (expected, found) = (expected.to_string(), found.to_string());
            Err(AuditBreak { sequence, field, expected, found })
        };
        if row.sequence != sequence {
            return wrong("sequence", &sequence, &row.sequence);
        }
        if row.previous != previous {
            return wrong("previous", &previous, &row.previous);
        }
        let sealed = row.sealed();
        if row.hash != sealed {
            return wrong("hash", &sealed, &row.hash);
        }
        self.last = Some((sequence, sealed));
        Ok(())
    }

    /// How many rows were taken, and the hash of the last.
    pub fn head(&self) -> (u64, B256) {
        self.last.map_or((0, B256::ZERO), |(last, hash)| (last.saturating_add(1), hash))
    }
}

#[derive(Serialize)]
struct Decision<'a> {
    transfer: String,
    #[serde(flatten)]
    event: &'a Event,
}

/// A halt as it is logged: its evidence by its digest, where it has some.
#[derive(Serialize)]
struct Halted<'a> {
    chain: &'a str,
    reason: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    evidence: Option<String>,
}

impl<'a> Halted<'a> {
    fn of(Halt { chain, reason, evidence }: &'a Halt) -> Self {
        Self { chain: chain.as_str(), reason, evidence: evidence.as_ref().map(|bytes| keccak256(bytes).to_string()) }
    }
}

/// What a commit has to tell: control events, risk events, decisions on transfers, halts and their end; in this order.
pub(crate) fn entries(commit: &Commit) -> Result<Vec<Entry>, StoreError> {
    let mut entries = Vec::new();
    for event in &commit.control {
        entries.push(Entry { kind: "control", body: encode("control event", event)? });
    }
    for event in &commit.risk {
        entries.push(Entry { kind: "risk", body: encode("risk event", event)? });
    }
    for change in &commit.transfers {
        for event in change.events.iter().filter(|event| is_decision(event)) {
            let decision = Decision { transfer: change.after.id.to_string(), event };
            entries.push(Entry { kind: "decision", body: encode("decision", &decision)? });
        }
    }
    if let Some(halt) = &commit.halt {
        entries.push(Entry { kind: "halt", body: encode("halt", &Halted::of(halt))? });
    }
    if let Some((chain, by)) = &commit.acknowledged {
        let body = encode("acknowledgement", &serde_json::json!({ "chain": chain.as_str(), "operator": by }))?;
        entries.push(Entry { kind: "acknowledgement", body });
    }
    Ok(entries)
}

/// A key of the transfer API begins: who got it, and what it may do. Nothing of its secret.
pub(crate) fn key_made(key: &ApiKey) -> Result<Entry, StoreError> {
    let body = serde_json::json!({ "made": key.id, "name": key.name, "grant": key.grant });
    Ok(Entry { kind: "api_key", body: encode("api key", &body)? })
}

/// A key of the transfer API ends.
pub(crate) fn key_revoked(id: &str) -> Result<Entry, StoreError> {
    Ok(Entry { kind: "api_key", body: encode("api key", &serde_json::json!({ "revoked": id }))? })
}

/// Whoever placed an order says that its deposit is elsewhere than they said before.
pub(crate) fn source_tx_corrected(order: &Order, was: B256, is: B256) -> Result<Entry, StoreError> {
    let body = serde_json::json!({ "order": order.id, "api_key": order.api_key, "was": was, "is": is });
    Ok(Entry { kind: "source_tx", body: encode("source transaction", &body)? })
}

/// Whoever placed an order calls it off.
pub(crate) fn order_cancelled(id: OrderId, api_key: &str) -> Result<Entry, StoreError> {
    let body = serde_json::json!({ "cancelled": id, "api_key": api_key });
    Ok(Entry { kind: "order", body: encode("cancelled order", &body)? })
}

/// A key asks to be told at an address, which is named by its digest: whoever has the address may post there.
pub(crate) fn webhook_registered(webhook: &Webhook) -> Result<Entry, StoreError> {
    let address = keccak256(&webhook.url);
    webhook_entry(&serde_json::json!({ "registered": webhook.id, "api_key": webhook.api_key, "url_hash": address }))
}

/// A webhook has its next secret, of which nothing is told.
pub(crate) fn webhook_rotated(webhook: &Webhook) -> Result<Entry, StoreError> {
    let Webhook { id, api_key, generation, .. } = webhook;
    webhook_entry(&serde_json::json!({ "rotated": id, "api_key": api_key, "generation": generation }))
}

/// A key ends a webhook of its own.
pub(crate) fn webhook_removed(id: &str, api_key: &str) -> Result<Entry, StoreError> {
    webhook_entry(&serde_json::json!({ "removed": id, "api_key": api_key }))
}

fn webhook_entry(body: &serde_json::Value) -> Result<Entry, StoreError> {
    Ok(Entry { kind: "webhook", body: encode("webhook", body)? })
}

/// The risk engine's word on a transfer, and what people did with it. A clearance is told by its risk event.
fn is_decision(event: &Event) -> bool {
    matches!(
        event,
        Event::Held { .. }
            | Event::Rejected { .. }
            | Event::Failed { .. }
            | Event::Quarantined { .. }
            | Event::Requeued
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows() -> Vec<AuditRow> {
        let mut rows: Vec<AuditRow> = Vec::new();
        for n in 0..4 {
            let entry = Entry { kind: "risk", body: format!("{{\"n\":{n}}}") };
            rows.push(AuditRow::after(rows.last().map(AuditRow::head), entry, 100 + n));
        }
        rows
    }

    fn check(rows: &[AuditRow]) -> Result<(u64, B256), AuditBreak> {
        let mut check = AuditCheck::default();
        rows.iter().try_for_each(|row| check.take(row))?;
        Ok(check.head())
    }

    #[test]
    fn a_whole_log_verifies_up_to_its_head() {
        let rows = rows();
        assert_eq!(check(&rows).unwrap(), (4, rows[3].hash));
    }

    #[test]
    fn whatever_is_changed_breaks_the_chain_at_the_first_row_that_is_wrong() {
        type Change = fn(&mut Vec<AuditRow>);
        let changes: [(u64, &str, Change); 8] = [
            (1, "hash", |rows| rows[1].body = "{}".to_owned()),
            (2, "hash", |rows| rows[2].at = 0),
            (1, "hash", |rows| rows[1].kind = "control".to_owned()),
            (1, "sequence", |rows| drop(rows.remove(1))),
            (0, "sequence", |rows| drop(rows.remove(0))),
            (1, "sequence", |rows| rows.swap(1, 2)),
            (2, "sequence", |rows| rows.insert(2, rows[1].clone())),
            // Sealed again, the changed row no longer fits the one after it.
            (2, "previous", |rows| {
                rows[1].body = "{}".to_owned();
                rows[1].hash = rows[1].sealed();
            }),
        ];
        for (sequence, field, change) in changes {
            let mut rows = rows();
            change(&mut rows);
            let broken = check(&rows).unwrap_err();
            assert_eq!((broken.sequence, broken.field), (sequence, field));
        }
    }

    #[test]
    fn kind_and_body_cannot_be_shifted_into_each_other() {
        let mut row = rows().remove(0);
        row.kind.push_str(&row.body.split_off(0));
        assert_ne!(row.sealed(), row.hash);
    }
}
