//! Solana: votes or certificates of the stake, blocks by their shreds, transactions in them.
//!
//! **What is proven.** That two thirds of an epoch's stake voted for a block (TowerBFT), or that certificates finalize
//! it (Alpenglow): its slot, its bank hash and its block id. That it is final: two thirds voted, 32 slots later or more,
//! for a block that descends from it through the preimages of bank hashes; or the certificates themselves. That a
//! transaction stands in it, in a part that nodes read: its shreds lead to the block id, and under Alpenglow to the parent
//! that the block id binds.
//!
//! **What is not.** Whether a transaction succeeded, what it logged, what an account holds: no block commits to that in
//! a way that a client could check. Hence [`Included`], never "executed"; success is the word of a quorum of witnesses
//! ([`ExecutionAttestation`]), and a [`crate::Verified`] deposit of Solana rests on both.
//!
//! **What is trusted besides.** The stake table of each epoch, which nothing before it commits to: it comes from the
//! operator first and from a quorum of sources then, and must be carried by the stake of the table before. The nodes of
//! shred trees are 20 bytes: a leader who spends 2^80 work can make two blocks of one id.
//!
//! ```text
//! Update::Stakes ──> TrustedSlots <── Update::Votes, Update::Root   (TowerBFT)
//!                         ^  └────── Update::Migration, Update::Final (Alpenglow)
//! Inclusion: shreds ──> entries ──> transfer and memo ──> Included ──(witnesses)──> Verified<Deposit>
//! ```

mod address;
mod advance;
mod bank;
mod bitmap;
mod block;
mod bytes;
mod certificate;
mod config;
mod deposit;
mod ending;
mod entry;
mod epochs;
mod equivocation;
mod evidence;
mod lattice;
mod marker;
mod memo;
mod merkle;
mod message;
mod message_v1;
mod parent;
mod pool;
mod quorum;
mod ranks;
mod shred;
mod stakes;
mod strict;
mod tower;
mod transaction;
mod trusted;
mod verify;
mod vote;
mod vote_account;

pub use address::{MEMO_PROGRAM, TOKEN_PROGRAM, VOTE_PROGRAM, from_base58, to_base58};
pub use advance::{MAX_BANKS, ROOT_DISTANCE, stakes_digest};
pub use bank::BankPreimage;
pub use bitmap::{MAX_RANKS, Signers};
pub use certificate::{BlockName, Certificate, Claim, MAX_CERTIFICATE_LENGTH};
pub use config::{Migration, SolanaConfig, chain_id, token_id};
pub use deposit::source_key;
pub use entry::{Entry, check_poh, decode_entries};
pub use epochs::EpochSchedule;
pub use equivocation::{Equivocation, equivocation};
pub use evidence::{
    BlockPath, CarriedBlock, DepositEvidence, ExecutionAttestation, FinalUpdate, Inclusion, MigrationUpdate,
    RootUpdate, ShredProof, StakesUpdate, Update, VotesUpdate,
};
pub use lattice::{AccountView, LATTICE_LENGTH, Lattice};
pub use marker::Footer;
pub use memo::MemoTerms;
pub use merkle::{NODE_LENGTH, Sibling};
pub use message::{Instruction, Message, MessageVersion};
pub use ranks::{RankMap, RankedKey};
pub use shred::{Body, CODE_SHRED_LENGTH, DATA_SHRED_LENGTH, MAX_SHREDS_PER_SLOT, Shred};
pub use stakes::{AlpenglowKeys, BlsKey, Electorate, MAX_VOTE_ACCOUNTS, Stake, StakeTable};
pub use strict::{KEY_TABLE_BYTES, Signed, VoterKey, verify_strict, verify_strict_each};
pub use tower::{CountedVote, Majority, check_votes, require_majority, select_votes};
pub use transaction::{MAX_TRANSACTION_LENGTH, MAX_TRANSACTION_V1_LENGTH, Transaction};
pub use trusted::{Consensus, KEPT_BLOCKS, KEPT_EPOCHS, ProvenBlock, Standing, TrustedSlots};
pub use verify::{Included, MAX_TIME_GAP, SolanaVerifier};
pub use vote::{Ballot, MAX_LOCKOUTS, Vote};
pub use vote_account::VoteAccount;
