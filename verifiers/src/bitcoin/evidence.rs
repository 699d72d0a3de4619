//! Wire form of a Bitcoin deposit's inclusion evidence.

use alloy_primitives::{B256, Bytes};
use serde::{Deserialize, Serialize};

use crate::{ChainId, LanePreference};

/// One deposit output, its transaction, and the Merkle paths of that transaction and of the coinbase.
///
/// All hashes are in wire (not display) byte order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Inclusion {
    /// Height of the block.
    pub height: u64,
    /// The 80-byte block header.
    pub header: Bytes,
    /// The transaction without witness data (its `sha256d` is the txid).
    pub transaction: Bytes,
    /// Position of the transaction in the block.
    pub index: u32,
    /// Siblings from the transaction up to the Merkle root.
    pub path: Vec<B256>,
    /// The block's coinbase transaction without witness data; its path must be as long as `path`.
    pub coinbase: Bytes,
    /// Siblings from the coinbase (index 0) up to the Merkle root.
    pub coinbase_path: Vec<B256>,
    /// Which output of the transaction is the deposit.
    pub output: u32,
    /// What the Taproot output commits to.
    pub terms: DepositTerms,
}

/// What a Taproot deposit output commits to, besides the vault's internal key.
///
/// Script tree of two leaves (BIP 341, leaf version 0xc0):
/// `OP_RETURN <commitment>` with [`DepositTerms::commitment`], and the refund
/// `<refund_delay> OP_CSV OP_DROP <refund_key> OP_CHECKSIG`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DepositTerms {
    /// Chain on which the deposit is to be paid.
    pub destination_chain: ChainId,
    /// Bridge on the destination.
    pub destination_bridge: B256,
    /// Who is paid there.
    pub recipient: B256,
    /// Lane asked for.
    pub lane: LanePreference,
    /// Unix seconds after which it must not be paid.
    pub expiry: u64,
    /// x-only key that may take the deposit back.
    pub refund_key: B256,
    /// Blocks (BIP 68) after which the refund key may spend: within the limits of the bridge's rules.
    pub refund_delay: u16,
}
