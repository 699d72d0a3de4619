//! Commits: the precommit votes by which a block was decided, and the bytes that each vote signs.

use alloy_primitives::FixedBytes;

use super::header::{BlockId, ValidatorAddress, required};
use super::timestamp::Timestamp;
use super::validators::MAX_VALIDATORS;
use super::wire::{Fields, Writer};
use crate::VerifyError;

/// Bytes of an ed25519 or secp256k1 signature.
pub type VoteSignature = FixedBytes<64>;

/// `SIGNED_MSG_TYPE_PRECOMMIT`.
const PRECOMMIT: u64 = 2;

/// The votes on one block, one place a validator of its set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Commit {
    /// Height of the block.
    pub height: u64,
    /// Round in which it was decided.
    pub round: u32,
    /// The block.
    pub block_id: BlockId,
    /// In the order of the set.
    pub signatures: Vec<CommitSig>,
}

/// What one validator did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CommitSig {
    /// No vote was seen (block id flag 1).
    Absent,
    /// A vote for the block (flag 2).
    ForBlock(Vote),
    /// A vote for no block (flag 3). Counts for nothing.
    ForNil(Vote),
}

/// A vote's own parts; the rest is the commit's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Vote {
    /// Who votes.
    pub validator: ValidatorAddress,
    /// When; signed, and another one for each vote.
    pub timestamp: Timestamp,
    /// Over [`Commit::sign_bytes`].
    pub signature: VoteSignature,
}

impl Commit {
    /// Decodes canonical `tendermint.types.Commit` protobuf.
    ///
    /// # Errors
    /// Names the field under `commit`.
    pub fn decode(bytes: &[u8]) -> Result<Self, VerifyError> {
        let mut fields = Fields::new("commit", bytes);
        let mut commit = Self { height: 0, round: 0, block_id: BlockId::default(), signatures: Vec::new() };
        while let Some(field) = fields.next()? {
            match field.number {
                1 => commit.height = field.unsigned_int64("height")?,
                2 => commit.round = field.unsigned_int32("round")?,
                3 => commit.block_id = BlockId::decode("commit.block_id", field.message("block_id")?)?,
                4 if commit.signatures.len() < MAX_VALIDATORS => {
                    commit.signatures.push(CommitSig::decode(field.each("signatures")?)?);
                }
                4 => {
                    let expected = format!("at most {MAX_VALIDATORS}");
                    return Err(VerifyError::malformed("commit.signatures", expected, "more"));
                }
                _ => return Err(field.unknown()),
            }
        }
        Ok(commit)
    }

    /// The canonical protobuf that [`Self::decode`] reads.
    pub fn encode(&self) -> Vec<u8> {
        Writer::new()
            .uint64(1, self.height)
            .uint64(2, u64::from(self.round))
            .message(3, &self.block_id.encode())
            .each(4, self.signatures.iter().map(CommitSig::encode))
            .finish()
    }

    /// What `vote` signs if it is for the block: `CanonicalVote` behind its length (CometBFT spec, signing). The
    /// timestamp is the vote's own.
    pub fn sign_bytes(&self, chain_id: &str, vote: &Vote) -> Vec<u8> {
        Writer::new()
            .uint64(1, PRECOMMIT)
            .fixed64(2, self.height)
            .fixed64(3, u64::from(self.round))
            .message(4, &self.block_id.encode())
            .message(5, &vote.timestamp.encode())
            .bytes(6, chain_id.as_bytes())
            .finish_delimited()
    }

    /// What every commit has, however it came (`Commit.ValidateBasic`): a block, named in full.
    pub(crate) fn check(&self) -> Result<(), VerifyError> {
        if self.block_id.hash.is_none() || self.block_id.parts_total == 0 || self.block_id.parts_hash.is_none() {
            return Err(VerifyError::invalid(
                "commit.block_id",
                "a block and its parts",
                format!("{:?}", self.block_id),
            ));
        }
        Ok(())
    }
}

impl CommitSig {
    /// The vote, for the block or for none.
    pub fn vote(&self) -> Option<&Vote> {
        match self {
            Self::Absent => None,
            Self::ForBlock(vote) | Self::ForNil(vote) => Some(vote),
        }
    }

    /// The vote, if it is for the block.
    pub fn for_block(&self) -> Option<&Vote> {
        match self {
            Self::ForBlock(vote) => Some(vote),
            Self::Absent | Self::ForNil(_) => None,
        }
    }

    fn decode(bytes: &[u8]) -> Result<Self, VerifyError> {
        let mut fields = Fields::new("commit.signature", bytes);
        let (mut flag, mut validator, mut timestamp, mut signature) = (0, None, None, None);
        while let Some(field) = fields.next()? {
            match field.number {
                1 => flag = field.unsigned_int32("block_id_flag")?,
                2 => validator = Some(field.fixed("validator_address")?),
                3 => timestamp = Some(Timestamp::decode("commit.signature.timestamp", field.message("timestamp")?)?),
                4 => signature = Some(field.fixed("signature")?),
                _ => return Err(field.unknown()),
            }
        }
        match flag {
            1 if validator.is_none() && signature.is_none() => Ok(Self::Absent),
            1 => Err(VerifyError::malformed("commit.signature", "no vote behind the flag of an absent one", "a vote")),
            2 | 3 => {
                let vote = Vote {
                    validator: required("commit.signature.validator_address", validator)?,
                    timestamp: required("commit.signature.timestamp", timestamp)?,
                    signature: required("commit.signature.signature", signature)?,
                };
                Ok(if flag == 2 { Self::ForBlock(vote) } else { Self::ForNil(vote) })
            }
            other => Err(VerifyError::malformed("commit.signature.block_id_flag", "1, 2 or 3", other)),
        }
    }

    fn encode(&self) -> Vec<u8> {
        let (flag, vote) = match self {
            Self::Absent => return Writer::new().uint64(1, 1).message(3, &Timestamp::go_zero().encode()).finish(),
            Self::ForBlock(vote) => (2, vote),
            Self::ForNil(vote) => (3, vote),
        };
        Writer::new()
            .uint64(1, flag)
            .bytes(2, vote.validator.as_slice())
            .message(3, &vote.timestamp.encode())
            .bytes(4, vote.signature.as_slice())
            .finish()
    }
}
