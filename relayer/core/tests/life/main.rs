//! The transfer's life on both lanes, and every side state, as sentences.

#[path = "../common/mod.rs"]
mod common;

mod broadcasts;
mod evidence;
mod lanes;
mod payouts;
mod quarantine;
mod reorgs;
mod scene;
mod shortfalls;
mod unpaid;
mod windows;
