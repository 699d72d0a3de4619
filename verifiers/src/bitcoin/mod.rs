//! Bitcoin: header chain, transaction inclusion, Taproot deposits.
//!
//! What is proven: a deposit output stands in a block that is at least k deep on the chain with most work from a
//! trusted anchor, k rising with the amount. What is not: that the block is valid beyond its header. Hashes are in
//! wire order everywhere.

mod anchor;
mod blame;
mod chain;
mod confirmations;
mod deposit;
mod evidence;
mod header;
mod inclusion;
mod merkle;
mod params;
mod sighted;
mod target;
mod transaction;
mod verify;

pub use anchor::{Anchor, MEDIAN_TIME_SPAN};
pub use chain::{FORK_PRUNE_DEPTH, HeaderChain, MAX_FORK_HEADERS, MAX_FUTURE};
pub use confirmations::{ConfirmationPolicy, ConfirmationTier};
pub use deposit::{
    DepositOutputKey, MAX_REFUND_DELAY, MIN_REFUND_DELAY, RefundSpend, deposit_address, deposit_output_key,
    deposit_script, is_deposit_script, refund_spend,
};
pub use evidence::{DepositTerms, Inclusion};
pub use header::{HEADER_LENGTH, Header};
pub use merkle::{MAX_DEPTH, merkle_path, merkle_root, sha256d, verify_path};
pub use params::{ChainParams, MIN_DIFFICULTY_GAP, RETARGET_INTERVAL, TARGET_TIMESPAN, TimewarpRule};
pub use sighted::Sighted;
pub use target::{bits_of, retarget, target_of, work_of};
pub use transaction::{DecodedTransaction, MAX_TRANSACTION_LENGTH, decode_transaction, source_key, without_witness};
pub use verify::{BitcoinVerifier, DUST_LIMIT, HeaderUpdate, MAX_MONEY, MAX_UPDATE_HEADERS, REFUND_MARGIN};
