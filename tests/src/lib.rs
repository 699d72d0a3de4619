//! What the end-to-end, crash and simulation tests share.

pub mod load;
pub mod process;
pub mod simulation;
pub mod tamper;
