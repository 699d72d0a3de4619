//! Block headers and what identifies a block (CometBFT spec, core data structures).

use alloy_primitives::{B256, Bytes, FixedBytes};

use super::merkle;
use super::timestamp::Timestamp;
use super::wire::{Field, Fields, Writer};
use crate::VerifyError;

/// Longest chain id (CometBFT `MaxChainIDLen`).
pub const MAX_CHAIN_ID: usize = 50;

/// Longest app hash that is decoded; ICS-23 roots have 32 bytes.
const MAX_APP_HASH: usize = 64;

/// First 20 bytes of the hash of a validator's key.
pub type ValidatorAddress = FixedBytes<20>;

/// A block header. Hashes that a chain may leave empty are optional.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
    /// Version of the block protocol.
    pub block_version: u64,
    /// Version of the application.
    pub app_version: u64,
    /// The chain's own name, such as `cosmoshub-4`.
    pub chain_id: String,
    /// From 1.
    pub height: u64,
    /// Median of the times of the previous block's votes.
    pub time: Timestamp,
    /// The previous block; empty for the first.
    pub last_block_id: BlockId,
    /// Root of the previous block's commit.
    pub last_commit_hash: Option<B256>,
    /// Root of the transactions.
    pub data_hash: Option<B256>,
    /// The set that signs this block.
    pub validators_hash: B256,
    /// The set that signs the next block.
    pub next_validators_hash: B256,
    /// Hash of the consensus parameters.
    pub consensus_hash: Option<B256>,
    /// The state after the previous block.
    pub app_hash: Bytes,
    /// Root of the results of the previous block's transactions.
    pub last_results_hash: Option<B256>,
    /// Root of the evidence of misbehaviour in this block.
    pub evidence_hash: Option<B256>,
    /// Who proposed it.
    pub proposer_address: ValidatorAddress,
}

/// What votes name a block by; empty in a vote for no block.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BlockId {
    /// Hash of the header.
    pub hash: Option<B256>,
    /// How many parts the block was gossiped in.
    pub parts_total: u32,
    /// Root of the parts.
    pub parts_hash: Option<B256>,
}

impl Header {
    /// The header's hash: root of the Merkle tree of its 14 encoded fields.
    pub fn hash(&self) -> B256 {
        let text = |bytes: &[u8]| Writer::new().bytes(1, bytes).finish();
        let hash = |hash: &Option<B256>| text(hash.as_ref().map_or(&[], |hash| hash.as_slice()));
        merkle::root(&[
            self.encode_version(),
            text(self.chain_id.as_bytes()),
            Writer::new().uint64(1, self.height).finish(),
            self.time.encode(),
            self.last_block_id.encode(),
            hash(&self.last_commit_hash),
            hash(&self.data_hash),
            text(self.validators_hash.as_slice()),
            text(self.next_validators_hash.as_slice()),
            hash(&self.consensus_hash),
            text(&self.app_hash),
            hash(&self.last_results_hash),
            hash(&self.evidence_hash),
            text(self.proposer_address.as_slice()),
        ])
    }

    /// Decodes canonical `tendermint.types.Header` protobuf.
    ///
    /// # Errors
    /// Names the field under `header`.
    pub fn decode(bytes: &[u8]) -> Result<Self, VerifyError> {
        let mut fields = Fields::new("header", bytes);
        let mut version = None;
        let mut time = None;
        let (mut validators_hash, mut next_validators_hash, mut proposer_address) = (None, None, None);
        let mut header = Self {
            block_version: 0,
            app_version: 0,
            chain_id: String::new(),
            height: 0,
            time: Timestamp::new(0, 0)?,
            last_block_id: BlockId::default(),
            last_commit_hash: None,
            data_hash: None,
            validators_hash: B256::ZERO,
            next_validators_hash: B256::ZERO,
            consensus_hash: None,
            app_hash: Bytes::new(),
            last_results_hash: None,
            evidence_hash: None,
            proposer_address: ValidatorAddress::ZERO,
        };
        while let Some(field) = fields.next()? {
            match field.number {
                1 => version = Some(decode_version(field.message("version")?)?),
                2 => header.chain_id = field.string("chain_id", MAX_CHAIN_ID)?,
                3 => header.height = field.unsigned_int64("height")?,
                4 => time = Some(Timestamp::decode("header.time", field.message("time")?)?),
                5 => header.last_block_id = BlockId::decode("header.last_block_id", field.message("last_block_id")?)?,
                6 => header.last_commit_hash = hash_of(&field, "last_commit_hash")?,
                7 => header.data_hash = hash_of(&field, "data_hash")?,
                8 => validators_hash = hash_of(&field, "validators_hash")?,
                9 => next_validators_hash = hash_of(&field, "next_validators_hash")?,
                10 => header.consensus_hash = hash_of(&field, "consensus_hash")?,
                11 => header.app_hash = app_hash(field.bytes("app_hash")?)?,
                12 => header.last_results_hash = hash_of(&field, "last_results_hash")?,
                13 => header.evidence_hash = hash_of(&field, "evidence_hash")?,
                14 => proposer_address = Some(field.fixed("proposer_address")?),
                _ => return Err(field.unknown()),
            }
        }
        (header.block_version, header.app_version) = required("header.version", version)?;
        header.time = required("header.time", time)?;
        header.validators_hash = required("header.validators_hash", validators_hash)?;
        header.next_validators_hash = required("header.next_validators_hash", next_validators_hash)?;
        header.proposer_address = required("header.proposer_address", proposer_address)?;
        header.check()?;
        Ok(header)
    }

    /// The canonical protobuf that [`Self::decode`] reads.
    pub fn encode(&self) -> Vec<u8> {
        let id = self.last_block_id.encode();
        Writer::new()
            .message(1, &self.encode_version())
            .bytes(2, self.chain_id.as_bytes())
            .uint64(3, self.height)
            .message(4, &self.time.encode())
            .message(5, &id)
            .optional(6, self.last_commit_hash)
            .optional(7, self.data_hash)
            .message(8, self.validators_hash.as_slice())
            .message(9, self.next_validators_hash.as_slice())
            .optional(10, self.consensus_hash)
            .bytes(11, &self.app_hash)
            .optional(12, self.last_results_hash)
            .optional(13, self.evidence_hash)
            .message(14, self.proposer_address.as_slice())
            .finish()
    }

    /// What every header has, however it came.
    pub(crate) fn check(&self) -> Result<(), VerifyError> {
        if self.chain_id.is_empty() || self.chain_id.len() > MAX_CHAIN_ID {
            let expected = format!("1 to {MAX_CHAIN_ID} bytes");
            return Err(VerifyError::malformed("header.chain_id", expected, self.chain_id.len()));
        }
        if self.height == 0 || i64::try_from(self.height).is_err() {
            return Err(VerifyError::malformed("header.height", "1 to 2^63 - 1", self.height));
        }
        app_hash(&self.app_hash).map(|_| ())
    }

    fn encode_version(&self) -> Vec<u8> {
        Writer::new().uint64(1, self.block_version).uint64(2, self.app_version).finish()
    }
}

impl BlockId {
    /// Whether it names no block.
    pub fn is_nil(&self) -> bool {
        *self == Self::default()
    }

    /// Decodes `tendermint.types.BlockID`.
    pub(crate) fn decode(message: &'static str, bytes: &[u8]) -> Result<Self, VerifyError> {
        let mut fields = Fields::new(message, bytes);
        let mut id = Self::default();
        while let Some(field) = fields.next()? {
            match field.number {
                1 => id.hash = hash_of(&field, "hash")?,
                2 => (id.parts_total, id.parts_hash) = decode_parts(message, field.message("part_set_header")?)?,
                _ => return Err(field.unknown()),
            }
        }
        Ok(id)
    }

    /// As `tendermint.types.BlockID` and as `CanonicalBlockID`: both have this form, the parts always written.
    pub(crate) fn encode(&self) -> Vec<u8> {
        let parts = Writer::new().uint64(1, u64::from(self.parts_total)).optional(2, self.parts_hash).finish();
        Writer::new().optional(1, self.hash).message(2, &parts).finish()
    }
}

fn decode_version(bytes: &[u8]) -> Result<(u64, u64), VerifyError> {
    let mut fields = Fields::new("header.version", bytes);
    let mut version = (0, 0);
    while let Some(field) = fields.next()? {
        match field.number {
            1 => version.0 = field.uint64("block")?,
            2 => version.1 = field.uint64("app")?,
            _ => return Err(field.unknown()),
        }
    }
    Ok(version)
}

fn decode_parts(message: &'static str, bytes: &[u8]) -> Result<(u32, Option<B256>), VerifyError> {
    let mut fields = Fields::new(message, bytes);
    let mut parts = (0, None);
    while let Some(field) = fields.next()? {
        match field.number {
            1 => parts.0 = field.uint32("part_set_header.total")?,
            2 => parts.1 = hash_of(&field, "part_set_header.hash")?,
            _ => return Err(field.unknown()),
        }
    }
    Ok(parts)
}

fn hash_of(field: &Field<'_>, name: &str) -> Result<Option<B256>, VerifyError> {
    field.fixed::<32>(name).map(Some)
}

fn app_hash(bytes: &[u8]) -> Result<Bytes, VerifyError> {
    if bytes.len() > MAX_APP_HASH {
        let expected = format!("at most {MAX_APP_HASH} bytes");
        return Err(VerifyError::malformed("header.app_hash", expected, bytes.len()));
    }
    Ok(Bytes::copy_from_slice(bytes))
}

pub(crate) fn required<T>(field: &str, value: Option<T>) -> Result<T, VerifyError> {
    value.ok_or_else(|| VerifyError::malformed(field, "present", "absent"))
}
