//! Block headers and what identifies a block (CometBFT spec, core data structures).

use alloy_primitives::{B256, Bytes, FixedBytes};

use super::merkle;
use super::timestamp::Timestamp;
use crate::VerifyError;
use crate::protobuf::{Reader, WHOLE, Writer};

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
            Writer::new().uint(1, self.height).finish(),
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
        let mut fields = Reader::of("header", bytes);
        let (block_version, app_version) = decode_version(fields.required(1, "version")?)?;
        let header = Self {
            block_version,
            app_version,
            chain_id: fields.text(2, "chain_id", MAX_CHAIN_ID)?.to_owned(),
            height: fields.unsigned_int64(3, "height")?,
            time: Timestamp::decode("header.time", fields.required(4, "time")?)?,
            last_block_id: BlockId::decode("header.last_block_id", fields.optional(5, "last_block_id", WHOLE)?)?,
            last_commit_hash: fields.optional_fixed(6, "last_commit_hash")?,
            data_hash: fields.optional_fixed(7, "data_hash")?,
            validators_hash: fields.fixed(8, "validators_hash")?,
            next_validators_hash: fields.fixed(9, "next_validators_hash")?,
            consensus_hash: fields.optional_fixed(10, "consensus_hash")?,
            app_hash: Bytes::copy_from_slice(fields.bytes(11, "app_hash", MAX_APP_HASH)?),
            last_results_hash: fields.optional_fixed(12, "last_results_hash")?,
            evidence_hash: fields.optional_fixed(13, "evidence_hash")?,
            proposer_address: fields.fixed(14, "proposer_address")?,
        };
        fields.end()?;
        header.check()?;
        Ok(header)
    }

    /// The canonical protobuf that [`Self::decode`] reads.
    pub fn encode(&self) -> Vec<u8> {
        let id = self.last_block_id.encode();
        Writer::new()
            .message(1, &self.encode_version())
            .bytes(2, self.chain_id.as_bytes())
            .uint(3, self.height)
            .message(4, &self.time.encode())
            .message(5, &id)
            .each(6, self.last_commit_hash)
            .each(7, self.data_hash)
            .message(8, self.validators_hash.as_slice())
            .message(9, self.next_validators_hash.as_slice())
            .each(10, self.consensus_hash)
            .bytes(11, &self.app_hash)
            .each(12, self.last_results_hash)
            .each(13, self.evidence_hash)
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
        check_app_hash(&self.app_hash)
    }

    fn encode_version(&self) -> Vec<u8> {
        Writer::new().uint(1, self.block_version).uint(2, self.app_version).finish()
    }
}

impl BlockId {
    /// Decodes `tendermint.types.BlockID`; nothing is the empty one.
    pub(crate) fn decode(message: &'static str, bytes: Option<&[u8]>) -> Result<Self, VerifyError> {
        let mut fields = Reader::of(message, bytes.unwrap_or_default());
        let hash = fields.optional_fixed(1, "hash")?;
        let parts = fields.optional(2, "part_set_header", WHOLE)?;
        let (parts_total, parts_hash) = decode_parts(message, parts.unwrap_or_default())?;
        fields.end()?;
        Ok(Self { hash, parts_total, parts_hash })
    }

    /// As `tendermint.types.BlockID` and as `CanonicalBlockID`: both have this form, the parts always written.
    pub(crate) fn encode(&self) -> Vec<u8> {
        let parts = Writer::new().uint(1, self.parts_total).each(2, self.parts_hash).finish();
        Writer::new().each(1, self.hash).message(2, &parts).finish()
    }
}

fn decode_version(bytes: &[u8]) -> Result<(u64, u64), VerifyError> {
    let mut fields = Reader::of("header.version", bytes);
    let version = (fields.uint64(1, "block")?, fields.uint64(2, "app")?);
    fields.end()?;
    Ok(version)
}

fn decode_parts(message: &'static str, bytes: &[u8]) -> Result<(u32, Option<B256>), VerifyError> {
    let mut fields = Reader::of(message, bytes);
    let parts = (fields.uint32(1, "part_set_header.total")?, fields.optional_fixed(2, "part_set_header.hash")?);
    fields.end()?;
    Ok(parts)
}

fn check_app_hash(bytes: &[u8]) -> Result<(), VerifyError> {
    if bytes.len() > MAX_APP_HASH {
        let expected = format!("at most {MAX_APP_HASH} bytes");
        return Err(VerifyError::malformed("header.app_hash", expected, bytes.len()));
    }
    Ok(())
}
