//! The execution payload header that light-client headers carry from Capella to Fulu.

use alloy_primitives::{Address, B256, Bloom, Bytes, U256};
use serde::de::{Error, IntoDeserializer};
use serde::{Deserialize, Deserializer, Serialize};

use super::quoted;
use crate::VerifyError;
use crate::ethereum::fork::Fork;
use crate::ethereum::ssz::{HashTreeRoot, Reader, Writer, chunks, merkleize, mix_in_length, uint64_chunk};

/// `MAX_EXTRA_DATA_BYTES`.
const MAX_EXTRA_DATA: usize = 32;

/// `ExecutionPayloadHeader` of Capella (without blob gas) or Deneb and later (with). Gas is in units of gas, the time in
/// Unix seconds, the base fee in wei a unit of gas; extra data has at most 32 bytes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs, reason = "the fields are the specification's, by its names")]
pub struct ExecutionPayloadHeader {
    pub parent_hash: B256,
    pub fee_recipient: Address,
    pub state_root: B256,
    pub receipts_root: B256,
    pub logs_bloom: Bloom,
    pub prev_randao: B256,
    #[serde(with = "quoted")]
    pub block_number: u64,
    #[serde(with = "quoted")]
    pub gas_limit: u64,
    #[serde(with = "quoted")]
    pub gas_used: u64,
    #[serde(with = "quoted")]
    pub timestamp: u64,
    pub extra_data: Bytes,
    #[serde(with = "quoted")]
    pub base_fee_per_gas: U256,
    pub block_hash: B256,
    pub transactions_root: B256,
    pub withdrawals_root: B256,
    #[serde(flatten, deserialize_with = "both_or_neither")]
    pub blob_gas: Option<BlobGas>,
}

/// What Deneb added (EIP-4844).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs, reason = "the fields are the specification's, by its names")]
pub struct BlobGas {
    #[serde(with = "quoted")]
    pub blob_gas_used: u64,
    #[serde(with = "quoted")]
    pub excess_blob_gas: u64,
}

/// An optional part of a flattened whole is none where it does not parse: here it is none where both fields are missing.
fn both_or_neither<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<BlobGas>, D::Error> {
    #[derive(Deserialize)]
    struct Written {
        blob_gas_used: Option<String>,
        excess_blob_gas: Option<String>,
    }
    let read = |text: String| quoted::deserialize::<u64, _>(IntoDeserializer::<D::Error>::into_deserializer(text));
    let Written { blob_gas_used, excess_blob_gas } = Written::deserialize(deserializer)?;
    match (blob_gas_used, excess_blob_gas) {
        (None, None) => Ok(None),
        (Some(used), Some(excess)) => Ok(Some(BlobGas { blob_gas_used: read(used)?, excess_blob_gas: read(excess)? })),
        _ => Err(D::Error::custom("expected blob_gas_used and excess_blob_gas, or neither")),
    }
}

impl ExecutionPayloadHeader {
    /// The empty header of `fork`.
    pub fn empty(fork: Fork) -> Self {
        Self { blob_gas: fork.has_blob_gas().then(BlobGas::default), ..Self::default() }
    }

    pub(super) fn conform(&self, fork: Fork) -> Result<(), VerifyError> {
        if self.blob_gas.is_some() != fork.has_blob_gas() {
            let said = |there| if there { "blob gas" } else { "no blob gas" };
            return Err(VerifyError::malformed(
                "blob_gas_used",
                format!("{} in {fork:?}", said(fork.has_blob_gas())),
                said(self.blob_gas.is_some()),
            ));
        }
        Self::check_extra_data(self.extra_data.len())
    }

    fn check_extra_data(length: usize) -> Result<(), VerifyError> {
        if length > MAX_EXTRA_DATA {
            return Err(VerifyError::malformed("extra_data", format!("at most {MAX_EXTRA_DATA} bytes"), length));
        }
        Ok(())
    }

    /// Decodes SSZ laid out as `fork` says: 568 bytes before Deneb and 584 from it on, then at most 32 of extra data.
    ///
    /// Source: consensus-specs `specs/{capella,deneb}/beacon-chain.md`, `ExecutionPayloadHeader`.
    ///
    /// # Errors
    /// `Malformed`, with the field, for other lengths, a wrong offset, or longer extra data.
    pub fn decode_ssz(bytes: &[u8], fork: Fork) -> Result<Self, VerifyError> {
        let mut reader = Reader::new(bytes);
        let extra;
        let mut header = Self {
            parent_hash: reader.fixed("parent_hash")?,
            fee_recipient: Address(reader.fixed("fee_recipient")?),
            state_root: reader.fixed("state_root")?,
            receipts_root: reader.fixed("receipts_root")?,
            logs_bloom: Bloom(reader.fixed("logs_bloom")?),
            prev_randao: reader.fixed("prev_randao")?,
            block_number: reader.uint64("block_number")?,
            gas_limit: reader.uint64("gas_limit")?,
            gas_used: reader.uint64("gas_used")?,
            timestamp: reader.uint64("timestamp")?,
            extra_data: {
                extra = reader.offset("extra_data")?;
                Bytes::new()
            },
            base_fee_per_gas: reader.uint256("base_fee_per_gas")?,
            block_hash: reader.fixed("block_hash")?,
            transactions_root: reader.fixed("transactions_root")?,
            withdrawals_root: reader.fixed("withdrawals_root")?,
            blob_gas: None,
        };
        if fork.has_blob_gas() {
            header.blob_gas = Some(BlobGas {
                blob_gas_used: reader.uint64("blob_gas_used")?,
                excess_blob_gas: reader.uint64("excess_blob_gas")?,
            });
        }
        let [extra_data] = reader.variable([("extra_data", extra)])?;
        Self::check_extra_data(extra_data.len())?;
        header.extra_data = Bytes::copy_from_slice(extra_data);
        Ok(header)
    }

    /// Encodes as SSZ.
    pub fn encode_ssz(&self) -> Vec<u8> {
        let mut writer = Writer::default();
        writer.bytes(self.parent_hash).bytes(self.fee_recipient).bytes(self.state_root).bytes(self.receipts_root);
        writer.bytes(self.logs_bloom).bytes(self.prev_randao).uint64(self.block_number).uint64(self.gas_limit);
        writer.uint64(self.gas_used).uint64(self.timestamp).variable(self.extra_data.to_vec());
        writer.uint256(self.base_fee_per_gas).bytes(self.block_hash).bytes(self.transactions_root);
        writer.bytes(self.withdrawals_root);
        if let Some(blob) = self.blob_gas {
            writer.uint64(blob.blob_gas_used).uint64(blob.excess_blob_gas);
        }
        writer.finish()
    }
}

impl HashTreeRoot for ExecutionPayloadHeader {
    fn hash_tree_root(&self) -> B256 {
        let mut leaves = vec![
            self.parent_hash,
            B256::right_padding_from(self.fee_recipient.as_slice()),
            self.state_root,
            self.receipts_root,
            merkleize(&chunks(self.logs_bloom.as_slice()), 3),
            self.prev_randao,
            uint64_chunk(self.block_number),
            uint64_chunk(self.gas_limit),
            uint64_chunk(self.gas_used),
            uint64_chunk(self.timestamp),
            mix_in_length(merkleize(&chunks(&self.extra_data), 0), self.extra_data.len()),
            B256::new(self.base_fee_per_gas.to_le_bytes()),
            self.block_hash,
            self.transactions_root,
            self.withdrawals_root,
        ];
        let Some(blob) = self.blob_gas else { return merkleize(&leaves, 4) };
        leaves.extend([uint64_chunk(blob.blob_gas_used), uint64_chunk(blob.excess_blob_gas)]);
        merkleize(&leaves, 5)
    }
}
