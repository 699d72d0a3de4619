//! The one error of this crate: which field, what was expected, what was found.

use serde::{Deserialize, Serialize};

/// Why evidence was refused. Prints as `field: expected …, found …`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
#[error("{field}: expected {expected}, found {found}")]
pub struct VerifyError {
    /// Name of the field or check, as it stands in the evidence file (`inclusion.header`, `refund_delay`, …).
    pub field: String,
    /// What the rule asks for.
    pub expected: String,
    /// What the evidence has.
    pub found: String,
    /// How a caller should treat it.
    pub kind: ErrorKind,
}

/// What a refusal means to the caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ErrorKind {
    /// The bytes do not decode, or break a size or depth limit.
    Malformed,
    /// A rule does not hold. The same evidence will never verify.
    Invalid,
    /// The trusted state does not reach this far yet (block unknown or not final). May verify later.
    NotYet,
    /// Trust in the anchor or in the state has expired.
    Expired,
}

impl VerifyError {
    fn new(kind: ErrorKind, field: impl Into<String>, expected: impl ToString, found: impl ToString) -> Self {
        Self { field: field.into(), expected: expected.to_string(), found: found.to_string(), kind }
    }

    /// Bytes that do not decode or exceed a limit.
    pub fn malformed(field: impl Into<String>, expected: impl ToString, found: impl ToString) -> Self {
        Self::new(ErrorKind::Malformed, field, expected, found)
    }

    /// A rule that does not hold.
    pub fn invalid(field: impl Into<String>, expected: impl ToString, found: impl ToString) -> Self {
        Self::new(ErrorKind::Invalid, field, expected, found)
    }

    /// A fact the trusted state does not cover yet.
    pub fn not_yet(field: impl Into<String>, expected: impl ToString, found: impl ToString) -> Self {
        Self::new(ErrorKind::NotYet, field, expected, found)
    }

    /// Trust that has run out.
    pub fn expired(field: impl Into<String>, expected: impl ToString, found: impl ToString) -> Self {
        Self::new(ErrorKind::Expired, field, expected, found)
    }

    /// The same error with `prefix.` before the field: for evidence nested in evidence.
    #[must_use]
    pub fn within(mut self, prefix: &str) -> Self {
        self.field = format!("{prefix}.{}", self.field);
        self
    }
}
