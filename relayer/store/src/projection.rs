//! A transfer as it is stored twice: what happened to it, and what that came to.

use serde::Serialize;
use spandrel_core::ledger::{Recorded, StoreError};
use spandrel_core::{Event, Transfer};
use spandrel_verifiers::{ChainId, DepositId, UnixSeconds};

use crate::key;

/// A transfer's events and its projection, read in one snapshot. Neither is checked against the other.
#[derive(Debug)]
pub struct Projected {
    /// Its place among all transfers, from 1.
    pub place: u64,
    /// Its id.
    pub id: DepositId,
    /// What the events came to, as it is stored.
    pub stored: Result<(Columns, Transfer), StoreError>,
    /// What happened.
    pub events: Result<Vec<Recorded<Event>>, StoreError>,
}

/// What a transfer is found by.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Columns {
    /// Where it was deposited.
    pub source_chain: ChainId,
    /// Where it is paid.
    pub destination_chain: ChainId,
    /// Name of its status.
    pub status: String,
    /// Where its deposit stands.
    pub standing: String,
    /// Whether it may still change.
    pub is_open: bool,
    /// How many events it is made of.
    pub sequence: u64,
    /// When the first was stored.
    pub created_at: UnixSeconds,
    /// When the last was stored.
    pub updated_at: UnixSeconds,
}

impl Columns {
    /// Those that `transfer` must be found by.
    pub fn of(transfer: &Transfer) -> Self {
        Self {
            source_chain: transfer.deposit.source_chain.clone(),
            destination_chain: transfer.deposit.destination_chain.clone(),
            status: transfer.status.name().to_owned(),
            standing: key::standing(&transfer.standing).to_owned(),
            is_open: !transfer.status.is_terminal(),
            sequence: transfer.sequence,
            created_at: transfer.created_at,
            updated_at: transfer.updated_at,
        }
    }
}
