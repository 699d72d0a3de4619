//! The loops of each role: take effects from the outbox or messages from the bus, carry them out through the ports,
//! and feed the results back as inputs.
//!
//! Every loop is a `*_once` step that the seeded simulation drives itself, and a `run` that repeats the step on a
//! wake-up or a timer until it is told to stop. Nothing here opens a socket or reads a clock.
#![deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing))]

mod attest;
mod book;
mod bus;
mod change;
mod clock;
mod configure;
mod contradiction;
mod control;
mod error;
mod evidence;
mod follow;
mod gate;
mod halt;
mod judge;
mod observe_again;
mod observer;
mod on_chains;
mod payout;
mod prices;
mod pulse;
mod refunds;
mod request;
mod risk_view;
mod run;
mod sentinel;
mod serve;
mod sign;
mod unseen;
mod verdicts;
mod waits;

pub use attest::{AttestationDesk, TermsSource};
pub use book::Book;
pub use bus::{AttestRequest, BlockRequest, Bus, BusError, CheckpointVote, EvidenceRequest, Message, Subscription};
pub use change::{Change, Step};
pub use clock::Clock;
pub use configure::StartError;
pub use control::OrderError;
pub use error::EngineError;
pub use evidence::EvidenceDesk;
pub use follow::ChainFollower;
pub use judge::{ChainJudge, Judge, SignVerdict, VerifierRole};
pub use observe_again::MAX_TRIES;
pub use observer::{Observer, Silent};
pub use on_chains::{concerns_deposits, concerns_payouts};
pub use payout::PayoutDesk;
pub use prices::run_prices;
pub use pulse::Pulse;
pub use refunds::{RefundDesk, Refunding};
pub use request::{Asked, SignedRequest};
pub use risk_view::RiskNow;
pub use run::{repeat, run_control, run_desks, run_ticks};
pub use sentinel::{Alarms, Sentinel, standing_findings};
pub use serve::{run_signer, run_verifier};
pub use sign::{Sighting, SignDigest, SignerRole};
pub use unseen::Unseen;
pub use verdicts::VerdictDesk;
