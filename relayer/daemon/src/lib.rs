//! `spandrel`: bridge relayer and proof verifier. Config, command line, wiring, supervision, telemetry; no domain
//! logic. A library so that end-to-end tests start the same chains, bridge and roles as the binary does.

// Indexing a JSON value by name, which most do that is indexed here, answers null where there is none; nothing is put into what others sent by index.
#![deny(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

pub mod api_keys;
mod audit;
pub mod cli;
pub mod clock;
pub mod config;
mod control;
mod database;
pub mod demo;
pub mod doctor;
pub mod exit;
pub mod keys;
mod manual;
pub mod metrics;
mod output;
mod progress;
pub mod proof;
mod reach;
mod replay;
pub mod role;
mod secret_arg;
pub mod status;
pub mod supervise;
pub mod telemetry;
pub mod traces;
mod transfers;
pub mod trust;
mod units;
pub mod up;
mod vault;
pub mod wiring;
