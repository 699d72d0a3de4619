//! `spandrel`: bridge relayer and proof verifier. Config, command line, wiring, supervision, telemetry; no domain
//! logic. A library so that end-to-end tests start the same chains, bridge and roles as the binary does.

pub mod api_keys;
pub mod cli;
pub mod clock;
pub mod config;
mod control;
pub mod demo;
pub mod keys;
pub mod metrics;
pub mod operate;
pub mod proof;
pub mod status;
pub mod supervise;
pub mod telemetry;
pub mod up;
pub mod wiring;
