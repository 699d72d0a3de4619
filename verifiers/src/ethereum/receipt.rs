//! Transaction receipts: what a block's receipts root says of a transaction's success and of the logs it emitted.
//!
//! A receipt stands in the receipt trie under `rlp(index)`, the key itself and not its hash (Yellow Paper 4.3.1). It is
//! a list of four, bare or behind its transaction's type (EIP-2718). Its bloom proves nothing: a log is proven by
//! standing in the receipt at its index, emitted by the right contract, in a transaction that succeeded.

use alloy_primitives::{Address, B256, Bloom, Bytes};

use super::{rlp, trie};
use crate::VerifyError;

/// Longest leaf of a receipt trie that is read.
const MAX_LENGTH: usize = 4 * 1024 * 1024;
/// `LOG4` writes four topics; no instruction writes more.
const MAX_TOPICS: usize = 4;
/// The last transaction type with a receipt of this shape: set code (EIP-7702).
const LAST_TYPE: u8 = 4;
/// The first byte of the shortest list; a type is below (EIP-2718).
const FIRST_LIST_CODE: u8 = alloy_rlp::EMPTY_LIST_CODE;

const PROOF: &str = "receipt_proof";

/// A transaction's receipt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Receipt {
    /// Type of its transaction: 0 legacy, 1 access list, 2 dynamic fee, 3 blob, 4 set code.
    pub kind: u8,
    /// How it ended.
    pub outcome: Outcome,
    /// Gas used in the block up to and with it.
    pub cumulative_gas_used: u64,
    /// Says which addresses and topics may be in the logs; proves nothing.
    pub logs_bloom: Bloom,
    /// In the order in which they were emitted.
    pub logs: Vec<Log>,
}

/// What a receipt says of a transaction's end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Status 1 (EIP-658).
    Success,
    /// Status 0: it was reverted.
    Failure,
    /// The state after it: all that receipts before Byzantium say. Whether it succeeded is not proven.
    StateRoot(B256),
}

/// A log entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Log {
    /// The contract that emitted it.
    pub emitter: Address,
    /// Up to four.
    pub topics: Vec<B256>,
    /// The rest.
    pub data: Bytes,
}

/// Where a log stands in a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LogPosition {
    /// Index of the transaction in its block.
    pub transaction: u64,
    /// Index of the log in its receipt. JSON-RPC's `logIndex` counts the whole block's.
    pub log: usize,
}

impl Receipt {
    /// The receipt of the transaction at `index` under `receipts_root`, or `None` if the block has no such transaction.
    ///
    /// # Errors
    /// Names `receipt_proof[i]`, `receipt_proof`, or the receipt's field, such as `receipt.logs[2].topics`.
    pub fn prove(receipts_root: B256, index: u64, proof: &[Bytes]) -> Result<Option<Self>, VerifyError> {
        let leaf = trie::value(PROOF, receipts_root, &alloy_rlp::encode(index), proof)?;
        leaf.map(Self::decode).transpose()
    }

    /// The log at `position`: in a transaction that succeeded, emitted by `emitter`, with exactly `topics`.
    ///
    /// # Errors
    /// As [`Self::prove`]; also `receipt.status`, `receipt.logs`, and the log's `emitter` or `topics`.
    pub fn prove_log(
        receipts_root: B256,
        position: LogPosition,
        proof: &[Bytes],
        emitter: Address,
        topics: &[B256],
    ) -> Result<Log, VerifyError> {
        let receipt = Self::prove(receipts_root, position.transaction, proof)?.ok_or_else(|| {
            VerifyError::invalid(PROOF, format!("a receipt of transaction {}", position.transaction), "none")
        })?;
        if receipt.outcome != Outcome::Success {
            return Err(VerifyError::invalid("receipt.status", 1, format!("{:?}", receipt.outcome)));
        }
        let count = receipt.logs.len();
        let mut logs = receipt.logs.into_iter();
        let log = logs.nth(position.log).ok_or_else(|| {
            VerifyError::invalid("receipt.logs", format!("a log at index {}", position.log), format!("{count} logs"))
        })?;
        let field = |part: &str| format!("receipt.logs[{}].{part}", position.log);
        if log.emitter != emitter {
            return Err(VerifyError::invalid(field("emitter"), emitter, log.emitter));
        }
        if log.topics != topics {
            return Err(VerifyError::invalid(field("topics"), format!("{topics:?}"), format!("{:?}", log.topics)));
        }
        Ok(log)
    }

    /// Decodes a receipt as it stands in a receipt trie.
    ///
    /// # Errors
    /// Names `receipt` or its field.
    pub fn decode(bytes: &[u8]) -> Result<Self, VerifyError> {
        if bytes.len() > MAX_LENGTH {
            return Err(VerifyError::malformed("receipt", format!("at most {MAX_LENGTH} bytes"), bytes.len()));
        }
        let (kind, body) = match bytes.split_first() {
            Some((kind @ 1..=LAST_TYPE, body)) => (*kind, body),
            Some((first, _)) if *first >= FIRST_LIST_CODE => (0, bytes),
            Some((first, _)) => {
                let expected = format!("a list, or one behind a type from 1 to {LAST_TYPE}");
                return Err(VerifyError::malformed("receipt", expected, format!("{first:#04x}")));
            }
            None => return Err(VerifyError::malformed("receipt", "a receipt", "no bytes")),
        };
        let fields = rlp::list("receipt", body)?;
        let [status, gas, bloom, logs] = fields.as_slice() else {
            return Err(VerifyError::malformed("receipt", "4 fields", fields.len()));
        };
        let logs = rlp::list("receipt.logs", logs)?;
        let logs = logs.iter().enumerate().map(|(index, log)| Log::decode(&format!("receipt.logs[{index}]"), log));
        Ok(Self {
            kind,
            outcome: Outcome::decode(status, kind)?,
            cumulative_gas_used: rlp::uint64("receipt.cumulative_gas_used", gas)?,
            logs_bloom: Bloom(rlp::fixed("receipt.logs_bloom", bloom)?),
            logs: logs.collect::<Result<_, _>>()?,
        })
    }
}

impl Outcome {
    fn decode(item: &[u8], kind: u8) -> Result<Self, VerifyError> {
        const FIELD: &str = "receipt.status";
        match rlp::string(FIELD, item)? {
            [] => Ok(Self::Failure),
            [1] => Ok(Self::Success),
            // Typed transactions are younger than the status.
            root if root.len() == 32 && kind == 0 => Ok(Self::StateRoot(B256::from_slice(root))),
            other => Err(VerifyError::malformed(FIELD, "0, 1 or a state root", hex::encode(other))),
        }
    }
}

impl Log {
    fn decode(field: &str, item: &[u8]) -> Result<Self, VerifyError> {
        let fields = rlp::list(field, item)?;
        let [emitter, topics, data] = fields.as_slice() else {
            return Err(VerifyError::malformed(field, "3 fields", fields.len()));
        };
        let at = |part: &str| format!("{field}.{part}");
        let list = at("topics");
        let topics = rlp::list(&list, topics)?;
        if topics.len() > MAX_TOPICS {
            return Err(VerifyError::malformed(list, format!("at most {MAX_TOPICS} topics"), topics.len()));
        }
        Ok(Self {
            emitter: Address(rlp::fixed(&at("emitter"), emitter)?),
            topics: topics.iter().map(|topic| rlp::fixed(&list, topic)).collect::<Result<_, _>>()?,
            data: Bytes::copy_from_slice(rlp::string(&at("data"), data)?),
        })
    }
}
