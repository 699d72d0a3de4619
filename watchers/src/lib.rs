//! Following chains: heads, finality, reorgs, gaps, deposits and their evidence. Reads only.

pub mod bitcoin;
pub mod ethereum;
pub mod pool;
pub mod sentinel;
