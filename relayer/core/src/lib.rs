//! The life of a transfer as a pure state machine, and the ports of the ledger and of submission.
//!
//! [`step`] takes what is known of a transfer and an [`Input`], and answers with [`Event`]s to be stored and
//! [`Effect`]s to be carried out; [`Transfer`] is the fold of its events. No I/O, no clock, no randomness.
#![deny(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects
)]
#![cfg_attr(
    test,
    allow(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing,
        clippy::arithmetic_side_effects
    )
)]

mod attestation;
mod broadcast;
mod effect;
mod event;
mod fold;
mod input;
pub mod journal;
pub mod ledger;
mod policy;
pub mod refund;
mod refusal;
mod step;
pub mod submission;
mod transfer;
pub mod watch;

pub use attestation::{BatchTerms, FastAttestation};
pub use broadcast::{Blocked, may_broadcast, may_execute};
pub use effect::{Contradiction, Effect, EffectId, Executor, Stated, Turn};
pub use event::Event;
pub use fold::apply;
pub use input::Input;
pub use policy::{Context, Destination, Policy};
pub use refusal::{FoldError, Refusal};
pub use step::{Output, step};
pub use transfer::{Issued, Payout, PayoutStage, Standing, Status, Transfer, TxRef};
