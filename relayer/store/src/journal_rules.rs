//! What the transaction journal may do: pure, and shared by every implementation.

use std::collections::BTreeSet;

use spandrel_core::EffectId;
use spandrel_core::journal::{Attempt, NewTx, TxState};
use spandrel_core::ledger::StoreError;

use crate::json::to_integer;
use crate::refusal::{conflict, corrupt};

/// What has become of a journaled transaction, as far as its effects care.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Not final: it may still succeed.
    Open,
    /// Final, and its effects happened.
    Succeeded,
    /// Final, and its effects did not happen: they may be tried in another transaction.
    Failed,
}

impl Outcome {
    /// The outcome that `state` tells.
    pub fn of(state: &TxState) -> Self {
        match state {
            TxState::Pending | TxState::Included { .. } => Self::Open,
            TxState::Final { success: true, .. } => Self::Succeeded,
            TxState::Final { success: false, .. } => Self::Failed,
        }
    }

    /// Its name in the database.
    pub fn name(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
        }
    }
}

/// Checks what a new transaction says about itself: no effect twice, integers that fit SQL's.
///
/// # Errors
/// `Corrupt`: it contradicts itself.
pub fn well_formed(tx: &NewTx) -> Result<(), StoreError> {
    to_integer("tx.gas_limit", tx.gas_limit)?;
    to_integer("tx.chain_nonce", tx.chain_nonce)?;
    let mut seen = BTreeSet::new();
    match tx.effects.iter().find(|id| !seen.insert(**id)) {
        Some(twice) => Err(corrupt("new transaction", format!("effect {} is in it twice", twice.0))),
        None => Ok(()),
    }
}

/// The nonce to assign: one above the `highest` journaled of this account, and not below the chain's.
///
/// # Errors
/// `Corrupt` when there is none left.
pub fn next_nonce(highest: Option<u64>, chain_nonce: u64) -> Result<u64, StoreError> {
    let journal_next = match highest {
        None => 0,
        Some(nonce) => nonce.checked_add(1).ok_or_else(|| corrupt("nonce", format!("none follows {nonce}")))?,
    };
    let nonce = journal_next.max(chain_nonce);
    to_integer("nonce", nonce)?;
    Ok(nonce)
}

/// The refusal of an effect that transaction `number` carries already.
pub fn carried_already(effect: EffectId, number: i64, outcome: Outcome) -> StoreError {
    let found = format!("in transaction {number} ({})", outcome.name());
    conflict(format!("effect {}", effect.0), "in no open or succeeded transaction", found)
}

/// The refusal of a journal number that was never given.
pub fn unknown(number: i64) -> StoreError {
    conflict(format!("journaled transaction {number}"), "there", "nothing")
}

/// Whether a state may follow: anything after an open one, only itself after a final one.
///
/// # Errors
/// `Conflict`: final is final, because a failed transaction's effects may be in another one by now.
pub fn may_follow(number: i64, current: &TxState, next: &TxState) -> Result<(), StoreError> {
    if Outcome::of(current) == Outcome::Open || current == next {
        return Ok(());
    }
    let what = format!("state of journaled transaction {number}");
    Err(conflict(what, "not final", format!("final ({})", Outcome::of(current).name())))
}

/// Whether a new signed form may be stored: `Ok(true)` when it is new, `Ok(false)` when it is there already.
/// `holder` is the transaction that has an attempt with this hash, and that attempt.
///
/// # Errors
/// `Conflict` when the transaction is final, or the hash belongs to another transaction or other bytes.
pub fn may_attempt(
    number: i64,
    current: &TxState,
    attempt: &Attempt,
    holder: Option<(i64, &Attempt)>,
) -> Result<bool, StoreError> {
    match holder {
        Some((other, _)) if other != number => {
            Err(conflict(format!("attempt {}", attempt.hash), format!("new or of transaction {number}"), other))
        }
        Some((_, known)) if known.raw != attempt.raw => {
            Err(conflict(format!("attempt {}", attempt.hash), "the stored bytes", "other bytes of the same hash"))
        }
        Some(_) => Ok(false),
        None if Outcome::of(current) != Outcome::Open => {
            let what = format!("journaled transaction {number}");
            Err(conflict(what, "open", format!("final ({})", Outcome::of(current).name())))
        }
        None => Ok(true),
    }
}
