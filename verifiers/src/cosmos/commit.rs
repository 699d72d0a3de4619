//! Commits: the precommit votes by which a block was decided, and the bytes that each vote signs.

use alloy_primitives::FixedBytes;

use super::header::{BlockId, ValidatorAddress};
use super::timestamp::Timestamp;
use super::validators::MAX_VALIDATORS;
use crate::VerifyError;
use crate::protobuf::{Reader, WHOLE, Writer};

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
        let mut fields = Reader::of("commit", bytes);
        let height = fields.unsigned_int64(1, "height")?;
        let round = fields.unsigned_int32(2, "round")?;
        let block_id = BlockId::decode("commit.block_id", fields.optional(3, "block_id", WHOLE)?)?;
        let signatures = fields.repeated(4, "signatures", MAX_VALIDATORS, WHOLE)?;
        fields.end()?;
        let signatures = signatures.into_iter().map(CommitSig::decode).collect::<Result<_, _>>()?;
        Ok(Self { height, round, block_id, signatures })
    }

    /// The canonical protobuf that [`Self::decode`] reads.
    pub fn encode(&self) -> Vec<u8> {
        Writer::new()
            .uint(1, self.height)
            .uint(2, self.round)
            .message(3, &self.block_id.encode())
            .each(4, self.signatures.iter().map(CommitSig::encode))
            .finish()
    }

    /// What `vote` signs if it is for the block: `CanonicalVote` behind its length (CometBFT spec, signing). The
    /// timestamp is the vote's own.
    pub fn sign_bytes(&self, chain_id: &str, vote: &Vote) -> Vec<u8> {
        Writer::new()
            .uint(1, PRECOMMIT)
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
        let mut fields = Reader::of("commit.signature", bytes);
        let flag = fields.unsigned_int32(1, "block_id_flag")?;
        let validator = fields.optional_fixed(2, "validator_address")?;
        let timestamp = fields.optional(3, "timestamp", WHOLE)?;
        let timestamp = timestamp.map(|bytes| Timestamp::decode("commit.signature.timestamp", bytes)).transpose()?;
        let signature = fields.optional_fixed(4, "signature")?;
        fields.end()?;
        let vote = || -> Result<Vote, VerifyError> {
            Ok(Vote {
                validator: present("validator_address", validator)?,
                timestamp: present("timestamp", timestamp)?,
                signature: present("signature", signature)?,
            })
        };
        match flag {
            1 if validator.is_none() && signature.is_none() => Ok(Self::Absent),
            1 => Err(VerifyError::malformed("commit.signature", "no vote behind the flag of an absent one", "a vote")),
            2 => vote().map(Self::ForBlock),
            3 => vote().map(Self::ForNil),
            other => Err(VerifyError::malformed("commit.signature.block_id_flag", "1, 2 or 3", other)),
        }
    }

    fn encode(&self) -> Vec<u8> {
        let (flag, vote) = match self {
            Self::Absent => return Writer::new().uint(1, 1_u64).message(3, &Timestamp::go_zero().encode()).finish(),
            Self::ForBlock(vote) => (2_u64, vote),
            Self::ForNil(vote) => (3, vote),
        };
        Writer::new()
            .uint(1, flag)
            .bytes(2, vote.validator.as_slice())
            .message(3, &vote.timestamp.encode())
            .bytes(4, vote.signature.as_slice())
            .finish()
    }
}

fn present<T>(name: &str, value: Option<T>) -> Result<T, VerifyError> {
    value.ok_or_else(|| VerifyError::malformed(format!("commit.signature.{name}"), "present in a vote", "absent"))
}
