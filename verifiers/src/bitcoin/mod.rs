//! Bitcoin: header chain, transaction inclusion, Taproot deposits.
//!
//! What is proven: a deposit output stands in a block that is at least k deep on the chain with most work from a
//! trusted anchor, k rising with the amount. What is not: that the block is valid beyond its header, nor that the
//! output is still unspent. Hashes are in wire order everywhere.
//!
//! | step | check | errors name |
//! |---|---|---|
//! | [`HeaderChain::extend`] | 80 bytes, known parent, target of the difficulty rules, work, median time, two hours, version | `headers[i].…` |
//! | [`HeaderChain::is_final`] | on the branch with most work by 256-bit sum, deep enough | `header`, `confirmations` |
//! | [`verify_path`] | a place of the block's tree, and only one | `path`, `index` |
//! | [`decode_transaction`] | the one encoding that hashes to the txid, never 64 bytes | `transaction` |
//! | [`check_coinbase`] | a coinbase of that height, proven as deep as the transaction | `coinbase` |
//! | [`deposit_script`] | the Taproot output that the terms make, to the byte | `terms`, `output` |
//!
//! **Networks.** [`ChainParams`] has the rules of mainnet, testnet3 (easy blocks after twenty minutes), testnet4 (BIP 94),
//! signet and regtest. On signet blocks are signed by its operators in the coinbase (BIP 325), which no header shows:
//! there, work alone proves nothing, and deposits are for tests. BIP 54, the consensus cleanup, is in force nowhere yet
//! and is switched on by a height.
//!
//! **Batches.** The headers of one update are hashed together, wherever they stand; only the checking goes one after
//! the other. Of many proofs each distinct tree node is hashed once ([`verify_paths`],
//! [`BitcoinVerifier`]'s [`verify_batch`](crate::Verifier::verify_batch)). The verdict on each item is the one that it
//! gets alone.

mod anchor;
mod blame;
mod chain;
mod confirmations;
mod contradiction;
mod deposit;
mod evidence;
mod hashing;
mod header;
mod inclusion;
mod merkle;
mod params;
mod path;
mod prepared;
mod sighted;
mod target;
mod transaction;
mod verify;
mod work;

pub use anchor::{Anchor, MEDIAN_TIME_SPAN};
pub use chain::{FORK_PRUNE_DEPTH, HeaderChain, MAX_FORK_HEADERS, MAX_FUTURE};
pub use confirmations::{ConfirmationPolicy, ConfirmationTier};
pub use contradiction::Contradiction;
pub use deposit::{
    DepositOutputKey, MAX_REFUND_DELAY, MIN_REFUND_DELAY, RefundSpend, deposit_address, deposit_output_key,
    deposit_script, is_deposit_script, refund_spend,
};
pub use evidence::{DepositTerms, Inclusion};
pub(crate) use hashing::displayed;
pub use hashing::sha256d;
pub use header::{HEADER_LENGTH, Header};
pub use merkle::{merkle_path, merkle_root};
pub use params::{ChainParams, MIN_DIFFICULTY_GAP, RETARGET_INTERVAL, TARGET_TIMESPAN, TimewarpRule};
pub use path::{MAX_DEPTH, MerkleProof, verify_path, verify_paths};
pub use sighted::Sighted;
pub use target::{bits_of, retarget, target_of, work_of};
pub use transaction::{
    DecodedTransaction, MAX_TRANSACTION_LENGTH, check_coinbase, decode_transaction, source_key, without_witness,
};
pub use verify::{BitcoinVerifier, DUST_LIMIT, HeaderUpdate, MAX_MONEY, MAX_UPDATE_HEADERS, REFUND_MARGIN};
pub use work::check_work_each;
