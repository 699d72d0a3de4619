//! What is checked of a log, wherever its rows come from.

use alloy_primitives::B256;
use spandrel_store::{AuditBreak, AuditCheck, AuditRow};

/// The first thing that does not fit.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{what}: expected {expected}, found {found}")]
pub struct Broken {
    /// Row and field, or file and field.
    pub what: String,
    /// What it must be.
    pub expected: String,
    /// What it is.
    pub found: String,
}

impl Broken {
    /// `what` must be `expected` and is `found`.
    pub fn new(what: impl ToString, expected: impl ToString, found: impl ToString) -> Self {
        Self { what: what.to_string(), expected: expected.to_string(), found: found.to_string() }
    }

    /// Nothing, when both are the same.
    pub fn unless<T: PartialEq + ToString>(what: impl ToString, expected: &T, found: &T) -> Result<(), Self> {
        if expected == found { Ok(()) } else { Err(Self::new(what, expected.to_string(), found.to_string())) }
    }
}

impl From<AuditBreak> for Broken {
    fn from(broken: AuditBreak) -> Self {
        let AuditBreak { sequence, field, expected, found } = broken;
        Self::new(format!("row {sequence}: {field}"), expected, found)
    }
}

/// A log being checked, and the hash that must be in it.
pub struct Log {
    check: AuditCheck,
    noted: Option<B256>,
    was_seen: bool,
}

impl Log {
    /// Nothing checked yet; `noted` is a hash that must be some row's.
    pub fn new(noted: Option<B256>) -> Self {
        Self { check: AuditCheck::default(), noted, was_seen: noted.is_none() }
    }

    /// Takes the next row.
    pub fn take(&mut self, row: &AuditRow) -> Result<(), Broken> {
        self.check.take(row)?;
        self.was_seen |= self.noted == Some(row.hash);
        Ok(())
    }

    /// How many rows were taken, and the last one's hash.
    pub fn head(&self) -> (u64, B256) {
        self.check.head()
    }

    /// After the last row.
    pub fn finish(&self) -> Result<(), Broken> {
        let (rows, last) = self.head();
        match self.noted {
            Some(noted) if !self.was_seen => Err(Broken::new(format!("row {rows}: head"), noted, last)),
            _ => Ok(()),
        }
    }
}
