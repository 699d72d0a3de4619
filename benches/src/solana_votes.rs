//! The votes of a recorded Solana block, read from the vectors; nothing is made here.

use std::path::{Path, PathBuf};

use alloy_primitives::{B256, Bytes};
use serde_json::Value;
use spandrel_verifiers::solana::{Ballot, Electorate, Stake, StakeTable, Vote, from_base58, select_votes};

/// Real votes with the stake table that weighs them.
#[derive(Debug)]
pub struct RecordedVotes {
    /// The table of the votes' epoch.
    pub table: StakeTable,
    /// Every vote transaction of the block.
    pub transactions: Vec<Bytes>,
    /// The block that most of them are for.
    pub ballot: Ballot,
}

/// The recorded votes, if the vectors are there: under `SPANDREL_VECTORS`, or beside the repository.
///
/// # Panics
/// When the file is not what its name says.
pub fn recorded() -> Option<RecordedVotes> {
    let named = std::env::var_os("SPANDREL_VECTORS").map(PathBuf::from);
    let beside = || {
        let above = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors();
        above.map(|folder| folder.join("shared/vectors")).find(|folder| folder.is_dir())
    };
    let folder = named.or_else(beside)?;
    let bytes = std::fs::read(folder.join("solana/derived_testnet_417955321_votes.json")).ok()?;
    let file: Value = serde_json::from_slice(&bytes).expect("JSON");
    let address = |value: &Value| from_base58("address", value.as_str().expect("text")).expect("an address");
    let hash = |value: &Value| value.as_str().expect("text").parse::<B256>().expect("32 bytes");
    let stakes = file["stakes"].as_array().expect("a list").iter().map(|row| Stake {
        vote_account: address(&row["vote_account"]),
        stake: row["stake"].as_u64().expect("lamports"),
        authorized_voter: address(&row["authorized_voter"]),
        alpenglow: None,
    });
    let table = StakeTable::new(file["epoch"].as_u64().expect("an epoch"), stakes.collect()).expect("a table");
    let votes = file["votes"].as_array().expect("a list").iter();
    let transactions = votes.map(|vote| vote["tx"].as_str().expect("text").parse().expect("hex")).collect();
    let bank = &file["bank"];
    let slot = bank["slot"].as_u64().expect("a slot");
    let ballot = Ballot { slot, bank_hash: hash(&bank["bank_hash"]), block_id: hash(&bank["block_id"]) };
    Some(RecordedVotes { table, transactions, ballot })
}

impl RecordedVotes {
    /// The votes for the ballot alone.
    pub fn for_ballot(&self, electorate: &Electorate) -> Vec<Bytes> {
        select_votes(electorate, self.ballot, &self.transactions)
    }
}

/// The same vote with one bit of its signature changed.
///
/// # Panics
/// When it is no vote.
pub fn with_a_bad_signature(transaction: &Bytes) -> Bytes {
    let vote = Vote::decode(transaction).expect("a vote");
    let at = transaction.windows(64).position(|part| part == vote.signature).expect("the vote holds its signature");
    let mut bytes = transaction.to_vec();
    bytes[at] ^= 1;
    bytes.into()
}
