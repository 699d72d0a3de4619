//! Inputs of the benches, and how two sides of one are compared.
//!
//! Every input is made here, deterministically and with real work: mined headers, built tries, signed updates; Solana's
//! votes alone are recorded ones, and without the vectors their rows are skipped. A bench runs ours and a peer's crate on the same input in the same process and ends with a line
//! `ratio NAME MEASURED TARGET`, the peer's time divided by ours; what has no peer ends with `rate NAME PER_SECOND`,
//! and what is held to a bound with `bound NAME MEASURED AT_MOST`.
//! `make bench` runs all of them, with and without wide lanes, and ends with the rows of [`rows::ROWS`].

pub mod cometbft;
pub mod committee;
pub mod compare;
pub mod deposits;
pub mod headers;
pub mod inclusions;
pub mod packets;
pub mod rows;
pub mod solana_votes;
pub mod storage;
pub mod stores;
pub mod transfers;
