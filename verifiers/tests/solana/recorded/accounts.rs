//! Recorded vote accounts, and the lattice hashes of accounts.

use std::collections::BTreeMap;

use serde_json::Value;
use spandrel_verifiers::solana::{AccountView, Lattice, VoteAccount};

use crate::corpus::{Kind, of_kind};
use crate::support::{Tally, base58, unzip};

#[test]
fn recorded_vote_accounts_name_their_voters() {
    let mut tally = Tally::new("vote accounts");
    for (name, bytes) in &of_kind(Kind::VoteAccount) {
        let account = VoteAccount::decode(bytes).unwrap_or_else(|error| panic!("{name}: {error}"));
        let newest = account.voters.last_key_value().map(|(epoch, _)| *epoch).unwrap();
        assert!(account.authorized_voter(newest).is_some() && account.last_voted > account.root, "{account:?}");
        assert_eq!(account.authorized_voter(newest), account.authorized_voter(newest + 9));
        tally.pass();
        for length in [0, 4, 36, 200] {
            tally.refuse(VoteAccount::decode(&bytes[..length]), "vote_account");
        }
        let other = [&[9, 0, 0, 0], &bytes[4..]].concat();
        tally.refuse(VoteAccount::decode(&other), "vote_account");
    }
}

/// `static ushort const lthash_NAME[1024] = { … };` in Firedancer's test: the hash of NAME.
#[test]
fn lattice_hashes_are_the_known_ones() {
    let mut tally = Tally::new("lattice hashes");
    for (_, bytes) in of_kind(Kind::LatticeHashes) {
        let text = String::from_utf8(bytes).unwrap();
        let known: BTreeMap<&str, Lattice> =
            text.split("ushort const lthash_").skip(1).filter_map(known_lattice).collect();
        for (name, lattice) in &known {
            let messages = [(*name).to_owned(), format!("{name}!")];
            if messages.iter().any(|message| Lattice::of(message.as_bytes()) == *lattice) {
                tally.pass();
                continue;
            }
            let mut sum = Lattice::of(b"hello");
            sum.add(known.get("world").unwrap_or(&Lattice::ZERO));
            if sum == *lattice { tally.pass() } else { tally.skip("an array of another meaning") }
        }
    }
}

fn known_lattice(part: &str) -> Option<(&str, Lattice)> {
    let (name, rest) = part.split_once('[')?;
    let (numbers, _) = rest.split_once('{')?.1.split_once('}')?;
    let numbers = numbers.split(',').map(str::trim).filter(|number| !number.is_empty());
    let bytes: Vec<u8> = numbers
        .flat_map(|number| u16::from_str_radix(number.strip_prefix("0x").unwrap(), 16).unwrap().to_le_bytes())
        .collect();
    Some((name, Lattice::from_bytes(&bytes.try_into().ok()?)))
}

/// No recorded sum is that of these accounts alone; what can be shown is that all of them can be added and taken away.
#[test]
fn recorded_accounts_can_be_added_and_taken_away() {
    let mut tally = Tally::new("accounts in lattice hashes");
    for (_, bytes) in of_kind(Kind::Accounts) {
        let accounts: Value = serde_json::from_slice(&unzip(&bytes)).unwrap();
        let mut sum = Lattice::ZERO;
        let mut hashes = Vec::new();
        for account in accounts.as_array().unwrap() {
            let data: Vec<u8> = serde_json::from_value(account["data"].clone()).unwrap();
            let hash = Lattice::of_account(&AccountView {
                address: base58(&account["pubkey"]),
                lamports: account["lamports"].as_u64().unwrap(),
                data: &data,
                executable: account["executable"].as_bool().unwrap(),
                owner: base58(&account["owner"]),
            });
            sum.add(&hash);
            hashes.push(hash);
            tally.pass();
        }
        hashes.iter().rev().for_each(|hash| sum.subtract(hash));
        assert_eq!(sum, Lattice::ZERO);
    }
}
