//! A chain whose validators' keys are known: blocks of any height, time, set and votes.

use alloy_primitives::{B256, Bytes, FixedBytes};
use ed25519_zebra::{SigningKey, VerificationKeyBytes};
use sha2::{Digest, Sha256};
use spandrel_verifiers::cosmos::{
    BlockId, Commit, CommitSig, ConsensusState, Header, LightBlock, PublicKey, SignedHeader, Timestamp, Validator,
    ValidatorSet, Vote,
};

pub const CHAIN: &str = "spandrel-7";
pub const START: u64 = 1_700_000_000;

/// A validator with its secret key.
#[derive(Clone)]
pub struct Member {
    key: SigningKey,
    validator: Validator,
}

impl Member {
    pub fn new(seed: u32, power: u64) -> Self {
        let secret: [u8; 32] = Sha256::digest(seed.to_be_bytes()).into();
        let key = SigningKey::try_from(&secret[..]).unwrap();
        let public = PublicKey::Ed25519(VerificationKeyBytes::from(&key).into());
        Self { key, validator: Validator::new(public, power) }
    }

    pub fn with_power(self, power: u64) -> Self {
        Self { validator: Validator::new(*self.validator.key(), power), ..self }
    }

    /// The order in which sets are hashed: by power, then by address.
    pub fn rank(&self) -> (std::cmp::Reverse<u64>, FixedBytes<20>) {
        (std::cmp::Reverse(self.validator.power()), *self.validator.address())
    }

    pub fn validator(&self) -> Validator {
        self.validator
    }

    pub fn sign(&self, message: &[u8]) -> FixedBytes<64> {
        FixedBytes(self.key.sign(message).to_bytes())
    }
}

/// Members `seeds`, each of `power`.
pub fn members(seeds: std::ops::Range<u32>, power: u64) -> Vec<Member> {
    let mut members: Vec<_> = seeds.map(|seed| Member::new(seed, power)).collect();
    members.sort_by_key(Member::rank);
    members
}

pub fn set(members: &[Member]) -> ValidatorSet {
    ValidatorSet::new(members.iter().map(Member::validator).collect()).unwrap()
}

pub fn at(seconds: u64) -> Timestamp {
    Timestamp::new(seconds as i64, 250_000_000).unwrap()
}

/// A header of `height`, ten seconds a block.
pub fn header(height: u64, signers: &[Member], next: &[Member]) -> Header {
    Header {
        block_version: 11,
        app_version: 1,
        chain_id: CHAIN.to_owned(),
        height,
        time: at(START + 10 * height),
        last_block_id: BlockId {
            hash: Some(B256::repeat_byte(1)),
            parts_total: 1,
            parts_hash: Some(B256::repeat_byte(2)),
        },
        last_commit_hash: Some(B256::repeat_byte(3)),
        data_hash: Some(B256::repeat_byte(4)),
        validators_hash: set(signers).hash(),
        next_validators_hash: set(next).hash(),
        consensus_hash: Some(B256::repeat_byte(5)),
        app_hash: Bytes::from(vec![6; 32]),
        last_results_hash: Some(B256::repeat_byte(7)),
        evidence_hash: Some(B256::repeat_byte(8)),
        proposer_address: *signers[0].validator().address(),
    }
}

/// What each member does in a round.
#[derive(Clone, Copy, PartialEq)]
pub enum Does {
    Sign,
    Nothing,
    VoteNil,
}

/// The commit of `header`, where the member at each place does as told.
pub fn commit(header: &Header, signers: &[Member], round: u32, does: impl Fn(usize) -> Does) -> Commit {
    let mut commit = Commit {
        height: header.height,
        round,
        block_id: BlockId { hash: Some(header.hash()), parts_total: 1, parts_hash: Some(B256::repeat_byte(9)) },
        signatures: Vec::new(),
    };
    for (index, member) in signers.iter().enumerate() {
        let timestamp = Timestamp::new(header.time.seconds() + 1, 1_000 + index as u32).unwrap();
        let mut vote = Vote { validator: *member.validator().address(), timestamp, signature: FixedBytes::ZERO };
        let signature = match does(index) {
            Does::Nothing => CommitSig::Absent,
            Does::Sign => {
                vote.signature = member.sign(&commit.sign_bytes(&header.chain_id, &vote));
                CommitSig::ForBlock(vote)
            }
            Does::VoteNil => {
                let nil = Commit { block_id: BlockId::default(), ..commit.clone() };
                vote.signature = member.sign(&nil.sign_bytes(&header.chain_id, &vote));
                CommitSig::ForNil(vote)
            }
        };
        commit.signatures.push(signature);
    }
    commit
}

/// A block that everybody signs.
pub fn block(height: u64, signers: &[Member], next: &[Member]) -> LightBlock {
    block_of(header(height, signers, next), signers, next)
}

/// A block of a header of one's own, which everybody signs.
pub fn block_of(header: Header, signers: &[Member], next: &[Member]) -> LightBlock {
    let commit = commit(&header, signers, 0, |_| Does::Sign);
    LightBlock { signed_header: SignedHeader { header, commit }, validators: set(signers), next_validators: set(next) }
}

pub fn state(block: &LightBlock) -> ConsensusState {
    block.check().unwrap()
}
