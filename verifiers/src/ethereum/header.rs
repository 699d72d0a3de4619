//! Execution block headers: the RLP whose `keccak256` is the block hash.
//!
//! The hash is what the beacon chain finalizes, from Capella to Gloas; the header opens it into the state and receipts
//! roots. Field counts are those of the forks below, in this order and no other (Yellow Paper 4.3; EIP-1559, 4895,
//! 4844, 4788, 7685, 7928, 7843).

use alloy_primitives::{B256, keccak256};

use super::rlp;
use crate::VerifyError;
use crate::follow::BlockRef;

/// A header is some 600 bytes; none is longer than this.
const MAX_LENGTH: usize = 4096;
/// `MAXIMUM_EXTRA_DATA_SIZE`, 97 more on proof-of-authority networks.
const MAX_EXTRA_DATA: usize = 160;

/// Every field a header may have, in order.
const FIELDS: [(&str, Kind); 23] = [
    ("parent_hash", Kind::Bytes(32)),
    ("ommers_hash", Kind::Bytes(32)),
    ("beneficiary", Kind::Bytes(20)),
    ("state_root", Kind::Bytes(32)),
    ("transactions_root", Kind::Bytes(32)),
    ("receipts_root", Kind::Bytes(32)),
    ("logs_bloom", Kind::Bytes(256)),
    ("difficulty", Kind::Integer),
    ("number", Kind::Integer),
    ("gas_limit", Kind::Integer),
    ("gas_used", Kind::Integer),
    ("timestamp", Kind::Integer),
    ("extra_data", Kind::Extra),
    ("mix_hash", Kind::Bytes(32)),
    ("nonce", Kind::Bytes(8)),
    ("base_fee_per_gas", Kind::Integer),
    ("withdrawals_root", Kind::Bytes(32)),
    ("blob_gas_used", Kind::Integer),
    ("excess_blob_gas", Kind::Integer),
    ("parent_beacon_block_root", Kind::Bytes(32)),
    ("requests_hash", Kind::Bytes(32)),
    ("block_access_list_hash", Kind::Bytes(32)),
    ("slot_number", Kind::Integer),
];

/// How many of [`FIELDS`] each fork has: Frontier, London, Shanghai, Cancun, Prague (and Osaka), Amsterdam.
const COUNTS: [usize; 6] = [15, 16, 17, 20, 21, 23];

enum Kind {
    Bytes(usize),
    Integer,
    Extra,
}

/// The parts of an execution header that proofs need, and its hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ExecutionHeader {
    /// `keccak256` of the RLP.
    pub hash: B256,
    /// Hash of the parent.
    pub parent_hash: B256,
    /// Root of the account trie.
    pub state_root: B256,
    /// Root of the transaction trie.
    pub transactions_root: B256,
    /// Root of the receipt trie.
    pub receipts_root: B256,
    /// Block number.
    pub number: u64,
    /// Unix seconds.
    pub timestamp: u64,
}

impl ExecutionHeader {
    /// Decodes a header of any fork.
    ///
    /// # Errors
    /// Names `header` for a wrong length or count, and `header.<field>` for a field of the wrong shape.
    pub fn decode(bytes: &[u8]) -> Result<Self, VerifyError> {
        if bytes.len() > MAX_LENGTH {
            return Err(VerifyError::malformed("header", format!("at most {MAX_LENGTH} bytes"), bytes.len()));
        }
        let items = rlp::list("header", bytes)?;
        if !COUNTS.contains(&items.len()) {
            return Err(VerifyError::malformed("header", format!("one of {COUNTS:?} fields"), items.len()));
        }
        let mut header = Self {
            hash: keccak256(bytes),
            parent_hash: B256::ZERO,
            state_root: B256::ZERO,
            transactions_root: B256::ZERO,
            receipts_root: B256::ZERO,
            number: 0,
            timestamp: 0,
        };
        for ((name, kind), item) in FIELDS.iter().zip(items) {
            let field = format!("header.{name}");
            check(&field, kind, item)?;
            match *name {
                "parent_hash" => header.parent_hash = rlp::fixed(&field, item)?,
                "state_root" => header.state_root = rlp::fixed(&field, item)?,
                "transactions_root" => header.transactions_root = rlp::fixed(&field, item)?,
                "receipts_root" => header.receipts_root = rlp::fixed(&field, item)?,
                "number" => header.number = rlp::uint64(&field, item)?,
                "timestamp" => header.timestamp = rlp::uint64(&field, item)?,
                _ => {}
            }
        }
        Ok(header)
    }

    /// Decodes the header of the block with this hash.
    ///
    /// # Errors
    /// As [`Self::decode`]; also `header` when it is another block's.
    pub fn open(block_hash: B256, bytes: &[u8]) -> Result<Self, VerifyError> {
        let header = Self::decode(bytes)?;
        if header.hash != block_hash {
            return Err(VerifyError::invalid("header", block_hash, header.hash));
        }
        Ok(header)
    }

    /// Decodes the headers of a block's ancestors, from its parent down, each named by the one before it: a block that
    /// is final makes all of them final.
    ///
    /// # Errors
    /// As [`Self::open`], within `ancestors[i]`.
    pub fn ancestors<T: AsRef<[u8]>>(&self, headers: &[T]) -> Result<Vec<Self>, VerifyError> {
        let mut named = *self;
        let open = |(index, bytes): (usize, &T)| {
            let parent = Self::open(named.parent_hash, bytes.as_ref())
                .and_then(|parent| named.require_child_of(&parent).map(|()| parent))
                .map_err(|error| error.within(&format!("ancestors[{index}]")))?;
            named = parent;
            Ok(parent)
        };
        headers.iter().enumerate().map(open).collect()
    }

    fn require_child_of(&self, parent: &Self) -> Result<(), VerifyError> {
        if parent.number.checked_add(1) != Some(self.number) {
            let expected = format!("the number before {}", self.number);
            return Err(VerifyError::invalid("header.number", expected, parent.number));
        }
        Ok(())
    }

    /// The block it heads.
    pub fn block(&self) -> BlockRef {
        BlockRef { height: self.number, hash: self.hash, time: self.timestamp }
    }
}

fn check(field: &str, kind: &Kind, item: &[u8]) -> Result<(), VerifyError> {
    match kind {
        Kind::Integer => rlp::uint256(field, item).map(drop),
        Kind::Bytes(count) => match rlp::string(field, item)?.len() {
            length if length == *count => Ok(()),
            length => Err(VerifyError::malformed(field, format!("{count} bytes"), length)),
        },
        Kind::Extra => match rlp::string(field, item)?.len() {
            length if length <= MAX_EXTRA_DATA => Ok(()),
            length => Err(VerifyError::malformed(field, format!("at most {MAX_EXTRA_DATA} bytes"), length)),
        },
    }
}
