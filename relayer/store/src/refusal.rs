//! How refusals are worded, the same in every implementation.

use std::fmt::Display;

use spandrel_core::ledger::StoreError;

/// Somebody else was faster, or it was done already.
pub fn conflict(what: impl Into<String>, expected: impl Display, found: impl Display) -> StoreError {
    StoreError::Conflict { what: what.into(), expected: expected.to_string(), found: found.to_string() }
}

/// Data that does not read back, or would not: fail closed.
pub fn corrupt(what: impl Into<String>, reason: impl Display) -> StoreError {
    StoreError::Corrupt { what: what.into(), reason: reason.to_string() }
}
