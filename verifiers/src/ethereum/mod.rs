//! Ethereum: sync-committee light client, execution headers, account and storage proofs.

mod evidence;

pub use evidence::{DepositEvidence, Inclusion};
