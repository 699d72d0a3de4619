//! The transfer API: what users touch.
//!
//! One [`Service`] holds all logic; [`http`] and [`grpc`] only turn requests into its calls and answers into documents. Reads are
//! anonymous, writes take a key; nothing is changed by a GET. What the API says of a transfer is folded from the ledger,
//! so it is never ahead of what is stored.

#![deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing))]

mod amount;
mod catalog;
mod console;
mod control;
mod credentials;
mod denomination;
pub mod grpc;
pub mod http;
mod instructions;
mod problem;
mod service;
pub mod webhooks;

pub use catalog::{Catalog, Route, Source, SourceKind};
pub use control::{ControlDesk, OrderRefusal, Standing};
pub use credentials::{ApiSecret, issue_key};
pub use denomination::{AmountError, Denomination, DenominationError, Denominations};
pub use problem::Problem;
pub(crate) use service::quote_lane;
pub use service::{Live, Service, WATCH};
