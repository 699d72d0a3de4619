//! Rows read back into the vocabulary; each failure names its table and id.

use spandrel_core::Transfer;
use spandrel_core::ledger::{Recorded, StoreError};
use spandrel_verifiers::DepositId;
use spandrel_verifiers::follow::Cursor;

use crate::json::{decode, from_integer};
use crate::refusal::corrupt;

/// `(id, sequence, body)` of `transfers`.
pub type TransferRow = (String, i64, String);

/// `(sequence, body, at)` of an event log.
pub type EventRow = (i64, String, i64);

/// A transfer whose body agrees with the columns it was found by.
pub fn transfer((id, sequence, body): TransferRow) -> Result<Transfer, StoreError> {
    let what = || format!("transfers {id}");
    let transfer: Transfer = decode(what, &body)?;
    if transfer.id.to_string() != id {
        return Err(corrupt(what(), format!("its body is of {}", transfer.id)));
    }
    if transfer.sequence != from_integer(what, sequence)? {
        return Err(corrupt(what(), format!("sequence {sequence}, but {} in its body", transfer.sequence)));
    }
    Ok(transfer)
}

/// The rows of an event log from sequence `from` on, complete and in order. `log` names it in errors.
pub fn events<T: serde::de::DeserializeOwned>(
    log: &str,
    from: u64,
    rows: Vec<EventRow>,
) -> Result<Vec<Recorded<T>>, StoreError> {
    let mut next = from;
    let mut events = Vec::with_capacity(rows.len());
    for (sequence, body, at) in rows {
        let what = || format!("{log} {sequence}");
        if from_integer(what, sequence)? != next {
            return Err(corrupt(what(), format!("sequence {next} is missing")));
        }
        events.push(Recorded { sequence: next, at: from_integer(what, at)?, body: decode(what, &body)? });
        next = next.saturating_add(1);
    }
    Ok(events)
}

/// How a transfer's event log is named in errors.
pub fn event_log(id: DepositId) -> String {
    format!("transfer_events {id}")
}

/// A cursor's body.
pub fn cursor(chain: &str, body: &str) -> Result<Cursor, StoreError> {
    decode(|| format!("cursors {chain}"), body)
}
