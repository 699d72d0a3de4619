//! The ledger: append-only events, projections, cursors, outbox and transaction journal.
//!
//! Two implementations of the ports [`Ledger`](spandrel_core::ledger::Ledger) and
//! [`Journal`](spandrel_core::journal::Journal) that no caller can tell apart: [`Sqlite`], durable, and [`Memory`],
//! for the seeded simulation, which can crash at every commit point. What a write may do is decided by pure functions
//! that both share (`expectations`, `journal_rules`); they differ only in where they keep the rows.
//!
//! Guarantees: a commit is stored whole or not at all, also when its future is dropped or the process dies; events
//! are append-only and without gaps; a derived effect id is carried out by one row for ever; a nonce is given once;
//! what does not read back is an error that names table and id, never an absence.
#![deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing))]

mod api_key;
mod audit;
mod expectations;
mod intent;
mod journal_rules;
mod json;
mod key;
mod log;
mod memory;
mod order;
mod projection;
mod refusal;
mod sqlite;
pub mod summary;
mod webhook;

pub use api_key::{ApiGrant, ApiKey, ApiScope, TenantClass};
pub use audit::{AuditBreak, AuditCheck, AuditRow};
pub use intent::Intent;
pub use log::{LogPage, LogPlace, LogRow, Logged};
pub use memory::{CrashPoint, Memory};
pub use order::{NewOrder, Order, OrderId, OrderShare, OrderTerms, Placed, Refund};
pub use projection::{Columns, Projected};
pub use spandrel_core::ledger::StoreError;
pub use sqlite::{OpenEffect, PageFilter, Schema, Sqlite};
pub use webhook::{
    AllWaiting, AttemptEnd, Backlog, Delivery, DeliveryStatus, LoggedEvent, NewDelivery, Rotation, Untold, Webhook,
};
