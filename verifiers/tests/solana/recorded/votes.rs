//! Recorded votes, the bank that they are for, and where a snapshot says the same.

use alloy_primitives::{B256, Bytes};
use serde_json::Value;
use spandrel_verifiers::file::{SolanaTrust, Trust};
use spandrel_verifiers::solana::{
    Ballot, BankPreimage, Electorate, EpochSchedule, Stake, StakeTable, TrustedSlots, Update, Vote, VotesUpdate,
    check_votes, require_majority, select_votes,
};

use crate::both_forms::assert_both_forms;
use crate::corpus::{Kind, of_kind};
use crate::maker::{config, sha256};
use crate::support::{Tally, base58, hash, json, unhex, unzip};
use crate::vector_coverage::is_home;

pub struct Recording {
    pub electorate: Electorate,
    pub ballot: Ballot,
    pub votes: Vec<Bytes>,
    pub file: Value,
}

/// A recorded block's votes with the stake table of their epoch.
pub fn recordings() -> Vec<Recording> {
    let recording = |(_, bytes): (String, Vec<u8>)| {
        let file = json(&bytes);
        let row = |row: &Value| Stake {
            vote_account: base58(&row["vote_account"]),
            stake: row["stake"].as_u64().unwrap(),
            authorized_voter: base58(&row["authorized_voter"]),
            alpenglow: None,
        };
        let stakes = file["stakes"].as_array().unwrap().iter().map(row).collect();
        let table = StakeTable::new(file["epoch"].as_u64().unwrap(), stakes).unwrap();
        let bank = &file["bank"];
        let ballot = Ballot {
            slot: bank["slot"].as_u64().unwrap(),
            bank_hash: hash(&bank["bank_hash"]),
            block_id: hash(&bank["block_id"]),
        };
        let votes = file["votes"].as_array().unwrap().iter().map(|vote| unhex(&vote["tx"]).into()).collect();
        Recording { electorate: Electorate::new(table).unwrap(), ballot, votes, file }
    };
    of_kind(Kind::Votes).into_iter().map(recording).collect()
}

#[test]
fn recorded_votes_prove_the_recorded_bank() {
    let mut tally = Tally::new("recorded votes");
    for Recording { electorate, ballot, votes, file } in recordings() {
        assert_eq!(EpochSchedule::TESTNET.epoch(ballot.slot), electorate.epoch());
        assert_eq!(electorate.total(), file["total_stake"].as_u64().unwrap());
        let checked = check_votes(&electorate, &votes);
        for (vote, recorded) in checked.iter().zip(file["votes"].as_array().unwrap()) {
            let vote = vote.as_ref().unwrap();
            assert_eq!(vote.vote_account, base58(&recorded["vote_account"]));
            assert_eq!(vote.voter, base58(&recorded["authority"]));
            tally.pass();
        }
        let chosen = select_votes(&electorate, ballot, &votes);
        let majority = require_majority(&electorate, ballot, &chosen).unwrap();
        let share = majority.stake as f64 * 100.0 / electorate.total() as f64;
        println!("slot {}: {} of {} votes, {share:.2} % of the stake", ballot.slot, chosen.len(), votes.len());
        tally.pass();
        // Two thirds and not a vote less: drop votes from the heaviest on until it fails.
        let by_weight = |bytes: &Bytes| {
            let account = Vote::decode(bytes).unwrap().vote_account;
            electorate.table().stakes.iter().find(|row| row.vote_account == account).unwrap().stake
        };
        let mut fewer = chosen.clone();
        fewer.sort_by_key(by_weight);
        while fewer.iter().map(&by_weight).map(u128::from).sum::<u128>() * 3 >= u128::from(electorate.total()) * 2 {
            fewer.pop();
        }
        tally.refuse(require_majority(&electorate, ballot, &fewer), "votes");
        let mut twice = chosen.clone();
        twice[1] = twice[0].clone();
        tally.refuse(require_majority(&electorate, ballot, &twice), "votes");
        let other = Ballot { block_id: B256::ZERO, ..ballot };
        tally.refuse(require_majority(&electorate, other, &chosen), "votes[0].ballot");
        let mut unsigned = chosen.clone();
        let mut bytes = unsigned[7].to_vec();
        bytes[40] ^= 1;
        unsigned[7] = bytes.into();
        tally.refuse(require_majority(&electorate, ballot, &unsigned), "votes[7].vote.signature");
    }
}

#[test]
fn the_recorded_bank_hash_is_that_of_its_preimage() {
    let mut tally = Tally::new("bank hash preimages");
    for Recording { ballot, file, .. } in recordings() {
        let bank = &file["bank"];
        let preimage = BankPreimage {
            parent: hash(&bank["parent_bank_hash"]),
            signature_count: bank["signature_count"].as_u64().unwrap(),
            last_blockhash: hash(&bank["last_blockhash"]),
            accounts: unhex(&bank["accounts_lt_hash"]).into(),
            hard_forks: None,
        };
        assert_eq!(preimage.hash().unwrap(), ballot.bank_hash);
        tally.pass();
        assert_ne!(
            BankPreimage { signature_count: preimage.signature_count + 1, ..preimage.clone() }.hash().unwrap(),
            ballot.bank_hash
        );
        // A hard fork hashes the hash once more, behind it the number of forks, 64 bits little-endian.
        for forks in [1_u64, 2, 0x0102_0304_0506_0708] {
            let forked = BankPreimage { hard_forks: Some(forks), ..preimage.clone() }.hash().unwrap();
            assert_eq!(forked, sha256(&[ballot.bank_hash.as_slice(), &forks.to_le_bytes()]));
        }
        let short = preimage.accounts.slice(..2_047);
        tally.refuse(BankPreimage { accounts: short, ..preimage.clone() }.hash(), "accounts");
        tally.refuse(BankPreimage { hard_forks: Some(0), ..preimage }.hash(), "hard_forks");
    }
}

#[test]
fn a_recorded_manifest_holds_what_the_votes_prove() {
    let mut tally = Tally::new("bank manifests");
    for (name, bytes) in of_kind(Kind::BankManifest) {
        let manifest = unzip(&bytes);
        let holds = |part: &[u8]| memchr(&manifest, part);
        let found = recordings();
        let of_bank = found.iter().filter(|recording| holds(recording.ballot.bank_hash.as_slice()));
        let of_bank: Vec<_> = of_bank.collect();
        if of_bank.is_empty() {
            tally.skip("a bank without its votes");
        }
        for Recording { ballot, file, electorate, .. } in of_bank {
            assert!(holds(ballot.block_id.as_slice()), "{name}");
            assert!(holds(&unhex(&file["bank"]["accounts_lt_hash"])), "{name}");
            // A vote account, its stake, and that account's data, which names its voter.
            for row in &electorate.table().stakes {
                assert!(holds(&[row.vote_account.as_slice(), &row.stake.to_le_bytes()].concat()), "{:?}", row);
                tally.pass();
            }
        }
    }
    assert!(tally.passed > 0 || !is_home());
}

fn memchr(haystack: &[u8], needle: &[u8]) -> bool {
    let first = needle[0];
    let mut from = 0;
    while let Some(place) = haystack[from..].iter().position(|byte| *byte == first) {
        if haystack[from + place..].starts_with(needle) {
            return true;
        }
        from += place + 1;
    }
    false
}

#[test]
fn a_recorded_table_survives_its_stored_form() {
    for Recording { electorate, ballot, votes, .. } in recordings() {
        let Ballot { slot, bank_hash, block_id } = ballot;
        let updates = vec![Update::Votes(VotesUpdate { slot, bank_hash, block_id, votes })];
        let table = electorate.table().clone();
        assert_both_forms(&Trust::Solana(Box::new(SolanaTrust { config: config(), table, updates })));
        let trusted = TrustedSlots::new(electorate.table().clone()).unwrap();
        let stored = serde_json::to_string(&trusted).unwrap();
        assert_eq!(serde_json::from_str::<TrustedSlots>(&stored).unwrap(), trusted);
    }
}
