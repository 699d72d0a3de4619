//! EVM destinations: `Inbox`, `FastLane`, `CheckpointRegistry` and `PauseController` on one chain. Where nothing is paid,
//! its `PauseController` alone.
//!
//! The stages, a file each: [`build`] makes calls of effects, [`simulate`] runs them against the chain's state before
//! anything is signed, `send` journals, signs and broadcasts, `follow` watches receipts, finality and reorgs and
//! raises stuck fees, [`outcome`] reads from a receipt what became of each effect.

mod build;
mod closing;
mod config;
mod destination;
mod ending;
mod fees;
mod finding;
mod follow;
mod memory;
mod outcome;
mod refusal;
mod register;
mod rpc;
mod rpc_error;
mod rpc_url;
mod scope;
mod send;
mod simulate;
mod standing;
mod stated;
mod submit;
mod unpaid;
mod waiting;
mod witness;

pub use config::{BatchLimits, Clock, Confirmation, Contracts, EvmConfig, Proofs};
pub use destination::EvmDestination;
pub use fees::{FeePolicy, Fees, escalate, suggest};
pub use rpc_url::RpcUrl;
pub use stated::call as stated_call;
