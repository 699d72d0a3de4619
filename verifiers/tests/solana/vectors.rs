//! Every recorded Solana file: real blocks, votes, shreds, transactions, accounts. Prints counts for each set.

use std::collections::BTreeMap;

use alloy_primitives::{B256, Bytes};
use serde_json::Value;
use spandrel_verifiers::solana::{
    AccountView, Ballot, BankPreimage, Body, Consensus, Electorate, EpochSchedule, Lattice, Shred, ShredProof, Stake,
    StakeTable, Transaction, TrustedSlots, Vote, VoteAccount, check_poh, check_votes, decode_entries, equivocation,
    require_majority, select_votes, verify_strict,
};

use super::maker::sha256;
use super::support::{Tally, base58, files, hash, json, unbase64, unhex, unzip};

struct Recording {
    electorate: Electorate,
    ballot: Ballot,
    votes: Vec<Bytes>,
    file: Value,
}

/// A recorded block's votes with the stake table of their epoch.
fn recordings() -> Vec<Recording> {
    let files = files("solana", "_votes.json");
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
    files.into_iter().map(recording).collect()
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

/// The payloads of a block's batches, from all its data shreds.
fn batches(shreds: &[Shred<'_>]) -> Vec<Vec<u8>> {
    let mut batches = vec![Vec::new()];
    for shred in shreds {
        let Body::Data { ends_batch, data, .. } = shred.body else { panic!("a coding shred") };
        batches.last_mut().unwrap().extend(data);
        if ends_batch {
            batches.push(Vec::new());
        }
    }
    assert!(batches.pop().unwrap().is_empty());
    batches
}

#[test]
fn a_recorded_block_leads_from_its_shreds_to_its_transactions() {
    let mut tally = Tally::new("recorded blocks of shreds");
    for (name, bytes) in files("solana", "shreds.json.gz") {
        let shreds: Vec<Vec<u8>> = serde_json::from_slice(&unzip(&bytes)).unwrap();
        let slices: Vec<&[u8]> = shreds.iter().map(Vec::as_slice).collect();
        let shreds: Vec<Shred<'_>> = Shred::parse_each(&slices).into_iter().map(Result::unwrap).collect();
        let mut sets: Vec<(u32, B256, Option<B256>)> =
            shreds.iter().map(|shred| (shred.fec_set_index, shred.root, shred.chained_root)).collect();
        sets.dedup();
        for pair in sets.windows(2) {
            assert!(pair[0].0 < pair[1].0);
            assert_eq!(pair[1].2, Some(pair[0].1), "a chained root");
            tally.pass();
        }
        let payloads = batches(&shreds);
        let entries: Vec<_> = payloads.iter().flat_map(|payload| decode_entries(payload).unwrap()).collect();
        let transactions: usize = entries.iter().map(|entry| entry.transactions.len()).sum();
        println!("{name}: {} sets, {} entries, {transactions} transactions", sets.len(), entries.len());
        for transaction in entries.iter().flat_map(|entry| &entry.transactions) {
            let message = &transaction.message;
            for (key, signature) in message.keys.iter().zip(transaction.signatures) {
                assert!(verify_strict(&B256::new(*key), message.bytes, signature));
            }
            tally.pass();
        }
        let Some(recording) = recordings()
            .into_iter()
            .find(|recording| name.contains(&recording.file["child_block"]["slot"].to_string()))
        else {
            tally.skip("no recorded parent and id");
            continue;
        };
        let (bank, child) = (&recording.file["bank"], &recording.file["child_block"]);
        assert_eq!(sets[0].2, Some(hash(&bank["block_id"])), "the first set carries the parent's id");
        assert_eq!(sets.last().unwrap().1, hash(&child["block_id"]));
        assert_eq!(sets.len() as u64, child["fec_sets"].as_u64().unwrap());
        assert_eq!(entries.last().unwrap().hash, hash(&child["blockhash"]));
        assert_eq!(transactions, recording.votes.len());
        check_poh(hash(&bank["last_blockhash"]), &entries).unwrap();
        tally.pass();
        let mut wrong = entries.clone();
        wrong[5].hash.0[0] ^= 1;
        tally.refuse(check_poh(hash(&bank["last_blockhash"]), &wrong[..7]), "entries[5].hash");
        tally.refuse(check_poh(B256::ZERO, &entries[..1]), "entries[0].hash");
    }
}

#[test]
fn every_transaction_of_a_recorded_block_is_proven_under_its_id() {
    let mut tally = Tally::new("transactions under a recorded block id");
    for (name, bytes) in files("solana", "shreds.json.gz") {
        let shreds: Vec<Vec<u8>> = serde_json::from_slice(&unzip(&bytes)).unwrap();
        let shreds: Vec<Bytes> = shreds.into_iter().map(Bytes::from).collect();
        let last = Shred::parse(shreds.last().unwrap()).unwrap();
        let (slot, version, id) = (last.slot, last.version, last.root);
        let mut batch = 0;
        while let Ok(proof) = ShredProof::of_block(&shreds, batch) {
            let payload = proof.payload(slot, id, version, Consensus::Tower).unwrap();
            decode_entries(&payload).unwrap().iter().flat_map(|entry| &entry.transactions).for_each(|_| tally.pass());
            tally.refuse(proof.payload(slot, B256::ZERO, version, Consensus::Tower), "block_id");
            tally.refuse(proof.payload(slot, id, version, Consensus::Alpenglow), "block");
            tally.refuse(
                proof.payload(slot + 1, id, version, Consensus::Tower),
                if batch == 0 { "batch[0].slot" } else { "before.slot" },
            );
            // A bit of the data, of the header, of the chained root and of the proof.
            for place in [65, 74, 90, 1_060, 1_100, 1_202] {
                let mut changed = proof.clone();
                let mut bytes = changed.batch[0].to_vec();
                bytes[place] ^= 1;
                changed.batch[0] = bytes.into();
                // Retransmitters sign the last set anew: their signature, at its end, is no part of the proof.
                let is_signature = proof.batch[0][64] & 0x20 != 0 && place >= 1_203 - 64;
                assert_eq!(
                    changed.payload(slot, id, version, Consensus::Tower).is_ok(),
                    is_signature,
                    "{name} {batch} {place}"
                );
                tally.refused += usize::from(!is_signature);
            }
            batch += 1;
        }
        println!("{name}: {batch} batches");
    }
}

#[test]
fn a_recorded_manifest_holds_what_the_votes_prove() {
    let mut tally = Tally::new("bank manifests");
    for (name, bytes) in files("solana", "manifest.bin.gz") {
        let manifest = unzip(&bytes);
        let holds = |part: &[u8]| memchr(&manifest, part);
        for Recording { ballot, file, electorate, .. } in recordings() {
            assert!(holds(ballot.bank_hash.as_slice()) && holds(ballot.block_id.as_slice()), "{name}");
            assert!(holds(&unhex(&file["bank"]["accounts_lt_hash"])), "{name}");
            // A vote account, its stake, and that account's data, which names its voter.
            for row in &electorate.table().stakes {
                assert!(holds(&[row.vote_account.as_slice(), &row.stake.to_le_bytes()].concat()), "{:?}", row);
                tally.pass();
            }
        }
    }
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

/// Shreds with a length of 64 bits before each.
fn framed(bytes: &[u8]) -> Option<Vec<&[u8]>> {
    let (mut rest, mut shreds) = (bytes, Vec::new());
    while !rest.is_empty() {
        let (length, after) = rest.split_first_chunk::<8>()?;
        let (shred, after) = after.split_at_checked(usize::try_from(u64::from_le_bytes(*length)).ok()?)?;
        shreds.push(shred);
        rest = after;
    }
    Some(shreds)
}

/// Members of a Unix archive.
fn archived(bytes: &[u8]) -> Vec<&[u8]> {
    let (mut rest, mut members) = (bytes.strip_prefix(b"!<arch>\n").unwrap(), Vec::new());
    while rest.len() > 60 {
        let length: usize = std::str::from_utf8(&rest[48..58]).unwrap().trim().parse().unwrap();
        members.push(&rest[60..60 + length]);
        rest = rest.get(60 + length.next_multiple_of(2)..).unwrap_or_default();
    }
    members
}

/// Parses shreds of sets; all shreds of one set lead to one root, unless the file is of another kind. Returns how
/// many sets there are.
fn check_sets(name: &str, shreds: &[&[u8]], tally: &mut Tally) -> usize {
    let (mut roots, mut conflicts) = (BTreeMap::new(), 0);
    for (place, (bytes, shred)) in shreds.iter().zip(Shred::parse_each(shreds)).enumerate() {
        match shred {
            Ok(shred) => {
                let set = (shred.slot, shred.fec_set_index, shred.version);
                conflicts += usize::from(*roots.entry(set).or_insert(shred.root) != shred.root);
                assert_eq!(Shred::parse(bytes).unwrap(), shred);
                tally.pass();
            }
            // Legacy shreds carry no proof.
            Err(error) if matches!(bytes[64], 0x5a | 0xa5) => {
                assert!(error.found.contains("variant"), "{error}");
                tally.refused += 1;
            }
            Err(error) => panic!("{name} {place}: {error}"),
        }
    }
    // One file is made to conflict, and one is of before version 1.14, when a shred held its root as well.
    let apart = ["merkle_root_metas", "conflict", "duplicate", "localnet-slot0"];
    let is_made_to = apart.iter().any(|part| name.contains(part));
    assert_eq!(conflicts > 0, is_made_to, "{name}: {conflicts} conflicts");
    tally.refused += conflicts;
    roots.len()
}

#[test]
fn recorded_shreds_lead_to_the_roots_of_their_sets() {
    let mut tally = Tally::new("shreds of sets");
    for (name, bytes) in files("solana", ".bin").into_iter().filter(|(name, _)| name.contains("sig_shreds")) {
        if let Some(shreds) = framed(&bytes).filter(|_| name.contains("shreds.bin") || name.contains("test_shreds")) {
            let sets = check_sets(&name, &shreds, &mut tally);
            println!("{}: {} shreds, {sets} sets", name.rsplit('/').next().unwrap(), shreds.len());
        }
    }
    for (name, bytes) in files("solana/firedancer", ".ar") {
        check_sets(&name, &archived(&bytes), &mut tally);
    }
}

#[test]
fn recorded_shreds_decode_to_the_recorded_entries() {
    let mut tally = Tally::new("entries of shreds");
    let all = files("solana/sig_shreds", "");
    for (name, bytes) in all.iter().filter(|(name, _)| name.ends_with("entries.bin")) {
        // Entries with a length before each; together they are the data of the shreds beside them.
        let expected = framed(bytes).unwrap();
        let batch = [&(expected.len() as u64).to_le_bytes()[..], &expected.concat()].concat();
        assert_eq!(decode_entries(&batch).unwrap().len(), expected.len());
        let beside = name.replace("entries.bin", "shreds.bin");
        if let Some((_, shreds)) = all.iter().find(|(other, _)| *other == beside) {
            let shreds = framed(shreds).unwrap();
            let shreds: Vec<_> = Shred::parse_each(&shreds).into_iter().map(Result::unwrap).collect();
            assert_eq!(batches(&shreds).concat(), batch);
            tally.pass();
        }
        tally.pass();
    }
    for (name, bytes) in all.iter().filter(|(name, _)| name.ends_with("manifest.zon")) {
        let text = std::str::from_utf8(bytes).unwrap();
        let number = |key: &str| -> usize {
            let after = text.split_once(&format!(".{key} = ")).unwrap().1;
            after.split(',').next().unwrap().trim().parse().unwrap()
        };
        let (_, shreds) = all.iter().find(|(other, _)| *other == name.replace("manifest.zon", "shreds.bin")).unwrap();
        let shreds = framed(shreds).unwrap();
        let shreds: Vec<_> = Shred::parse_each(&shreds).into_iter().map(Result::unwrap).collect();
        let data: Vec<_> = shreds.iter().filter(|shred| shred.is_data()).cloned().collect();
        assert!(shreds.iter().all(|shred| usize::from(shred.version) == number("shred_version")));
        assert!(data.iter().all(|shred| shred.slot == number("slot") as u64));
        assert_eq!(data[0].index as usize, number("first_data_index"));
        assert_eq!(data.last().unwrap().index as usize, number("last_data_index"));
        if text.contains(".decoded = true") && text.contains("\"entry_batch\"") {
            let payload = batches(&data).concat();
            assert_eq!(payload.len(), number("entry_payload_len"));
            let entries = decode_entries(&payload).unwrap();
            assert_eq!(entries.len(), number("entry_count"));
            let transactions: Vec<_> = entries.iter().flat_map(|entry| &entry.transactions).collect();
            assert_eq!(transactions.len(), number("transaction_count"));
            for transaction in transactions {
                let ids = transaction.signatures.iter().map(|signature| bitcoin::base58::encode(signature));
                assert!(ids.into_iter().all(|id| text.contains(&id)));
                tally.pass();
            }
        } else {
            tally.skip("a set that the manifest does not decode either");
        }
    }
}

#[test]
fn recorded_transactions_decode_and_are_signed() {
    let mut tally = Tally::new("raw transactions");
    for (name, bytes) in files("solana/firedancer", ".bin").iter().filter(|(name, _)| name.contains("/txn/")) {
        // Lookup tables without any account: made to be refused.
        if name.ends_with("transaction5.bin") {
            tally.refuse(Transaction::decode(bytes), "transaction");
            continue;
        }
        let transaction = Transaction::decode(bytes).unwrap_or_else(|error| panic!("{name}: {error}"));
        let message = &transaction.message;
        let signed = message.keys.iter().zip(transaction.signatures);
        let valid =
            signed.filter(|(key, signature)| verify_strict(&B256::new(**key), message.bytes, signature)).count();
        println!("{}: {valid} of {} signatures valid", name.rsplit('/').next().unwrap(), transaction.signatures.len());
        tally.pass();
        let longer = [&bytes[..], &[0]].concat();
        tally.refuse(Transaction::decode(&longer), "transaction");
        tally.refuse(Transaction::decode(&bytes[..bytes.len() - 1]), "transaction");
    }
}

#[test]
fn a_recorded_equivocation_is_seen() {
    let mut tally = Tally::new("equivocation");
    let found = files("solana/firedancer", ".bin");
    let named = |name: &str| found.iter().find(|(path, _)| path.ends_with(&format!("/eqvoc/fixtures/{name}.bin")));
    let (Some((_, a)), Some((_, b))) = (named("pay1"), named("pay2")) else { return };
    let (a, b) = (Shred::parse(a).unwrap(), Shred::parse(b).unwrap());
    assert_eq!((a.slot, a.version), (b.slot, b.version));
    assert_ne!(a.root, b.root);
    println!("{:?} {:?}", (a.slot, a.index, a.fec_set_index), (b.slot, b.index, b.fec_set_index));
    tally.skip("the fixtures do not say who the leader is, so its signatures are not checked");
    tally.refuse(equivocation(&a, &b, B256::ZERO), "shred");
}

#[test]
fn recorded_vote_accounts_name_their_voters() {
    let mut tally = Tally::new("vote accounts");
    for (name, bytes) in files("solana/firedancer", ".bin").iter().filter(|(name, _)| name.contains("vote_acc_")) {
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

/// A CRDS value: signature, tag 1 (vote), index, origin, then the transaction.
#[test]
fn a_recorded_gossip_vote_decodes() {
    let mut tally = Tally::new("gossip votes");
    for (_, bytes) in files("solana/mithril", "push_vote_message.bin") {
        // The message holds votes after its head of tag 2, origin and count.
        let is_vote = |place: &usize| {
            let Ok(transaction) = transaction_at(&bytes[*place..]) else { return false };
            let message = &transaction.message;
            verify_strict(&B256::new(message.keys[0]), message.bytes, &transaction.signatures[0])
        };
        let places: Vec<usize> = (44..bytes.len() - 200).filter(is_vote).collect();
        assert!(!places.is_empty());
        for place in places {
            let transaction = transaction_at(&bytes[place..]).unwrap();
            match Vote::of(&transaction) {
                Ok(_) => tally.pass(),
                // Votes of 2024, of a kind that is dead since SIMD-0138.
                Err(error) => {
                    println!("{error}");
                    assert_eq!(error.field, "vote");
                    tally.refused += 1;
                }
            }
        }
    }
}

/// The transaction that some prefix of `bytes` is.
fn transaction_at(bytes: &[u8]) -> Result<Transaction<'_>, ()> {
    if bytes[0] != 1 && bytes[0] != 2 {
        return Err(());
    }
    (200..bytes.len().min(600)).find_map(|length| Transaction::decode(&bytes[..length]).ok()).ok_or(())
}

#[test]
fn recorded_blocks_of_nodes_decode_and_their_votes_count() {
    let mut tally = Tally::new("blocks of a local validator");
    for (name, bytes) in files("solana/test_validator_devnet", "block.json") {
        let accounts = std::fs::read(name.replace("block.json", "vote_accounts.json")).unwrap();
        let stakes = json(&accounts)["current"]
            .as_array()
            .unwrap()
            .iter()
            .map(|row| {
                let vote_account = base58(&row["votePubkey"]);
                let stake = row["activatedStake"].as_u64().unwrap();
                Stake { vote_account, stake, authorized_voter: vote_account, alpenglow: None }
            })
            .collect();
        let electorate = Electorate::new(StakeTable::new(0, stakes).unwrap()).unwrap();
        let block = json(&bytes);
        for transaction in block["base64"]["transactions"].as_array().unwrap() {
            let bytes: Bytes = unbase64(transaction["transaction"][0].as_str().unwrap()).into();
            let decoded = Transaction::decode(&bytes).unwrap();
            let message = &decoded.message;
            for (key, signature) in message.keys.iter().zip(decoded.signatures) {
                assert!(verify_strict(&B256::new(*key), message.bytes, signature));
            }
            match Vote::of(&decoded) {
                Ok(vote) => {
                    assert_eq!(vote.ballot.slot + 1, block["slot"].as_u64().unwrap());
                    let majority = require_majority(&electorate, vote.ballot, std::slice::from_ref(&bytes)).unwrap();
                    assert_eq!(majority.stake, electorate.total());
                    tally.pass();
                }
                Err(error) => {
                    assert_eq!(error.field, "vote");
                    tally.refused += 1;
                }
            }
        }
    }
}

/// `static ushort const lthash_NAME[1024] = { … };` in Firedancer's test: the hash of NAME.
#[test]
fn lattice_hashes_are_the_known_ones() {
    let mut tally = Tally::new("lattice hashes");
    for (_, bytes) in files("solana/firedancer", "test_lthash.c") {
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
    for (_, bytes) in files("solana", "accounts.json.gz") {
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

#[test]
fn what_no_rule_of_today_reads_is_said() {
    let mut tally = Tally::new("files that are not read");
    for (name, _) in files("solana", "accts.json") {
        assert!(name.contains("mithril"));
        tally.skip("accounts of the delta hash, which SIMD-0223 removed from bank hashes");
    }
    for (_, bytes) in files("solana/firedancer", "reference_proofs.bin") {
        assert_eq!(bytes.len() % 20, 0);
        tally.skip("proofs in a tree with prefixes of one byte, which no shred has; its 32-byte twin is checked by a known answer");
    }
    for (_, bytes) in files("solana/firedancer", "/id.bin") {
        Shred::parse(&bytes).unwrap();
        tally.pass();
    }
}

#[test]
fn a_recorded_table_survives_its_stored_form() {
    for Recording { electorate, .. } in recordings() {
        let trusted = TrustedSlots::new(electorate.table().clone()).unwrap();
        let stored = serde_json::to_string(&trusted).unwrap();
        assert_eq!(serde_json::from_str::<TrustedSlots>(&stored).unwrap(), trusted);
    }
}
