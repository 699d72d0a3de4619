//! Bitcoin: header chain, transaction inclusion, Taproot deposits.

mod evidence;

pub use evidence::{DepositTerms, Inclusion};
