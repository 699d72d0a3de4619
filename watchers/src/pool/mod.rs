//! Several endpoints for one chain: reads fall back from one to the next, what carries value needs a quorum, and an
//! endpoint that keeps failing is left alone for a while.
//!
//! What carries value is which block stands at a height: the deposits of a block are proven complete under its hash, and
//! what is final is a block of the same chain. So witnesses are asked for hashes only. They agree, disagree, are missing
//! (no answer), or abstain (have not come so far); each is counted apart. One that disagrees holds the batch, whatever
//! the others say, and is asked again like any other: dissent is no failure, and no quorum overrules it. How long it lasts
//! is told with the endpoint's standing, so that someone is called when it lasts.

mod breaker;
mod cut;
mod endpoints;
mod evidence;
mod health;
mod vote;
mod watcher;

pub use breaker::Breaker;
pub use endpoints::{Endpoints, Named};
pub use evidence::PooledEvidence;
pub use health::{Counts, Health, Standing, TOLERATED_DISSENT};
pub use vote::{Tally, Witness};
pub use watcher::PooledWatcher;
