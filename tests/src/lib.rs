//! What the end-to-end, crash and simulation tests share.

pub mod both_ways;
pub mod demo;
pub mod guardians;
pub mod load;
pub mod process;
pub mod simulation;
pub mod tamper;
pub mod user;

/// How long a test waits for what must come: real Ethereum nodes take minutes to their first finality.
pub const PATIENCE: std::time::Duration = std::time::Duration::from_secs(300);
