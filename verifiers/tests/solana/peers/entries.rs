//! Entries beside the peer's transactions in a node's own layout: a count, hashes, a hash, transactions (Agave
//! `solana-entry`, whose `Entry` is these three fields; the crate itself brings the program runtime).
//!
//! Ours refuses no entries at all (a marker of Alpenglow). Nodes ignore what follows the entries, and so do both here.

use solana_transaction::versioned::VersionedTransaction;
use spandrel_verifiers::solana::{MAX_TRANSACTION_LENGTH, decode_entries};

use super::{near, near_within};
use crate::corpus;
use crate::maker::{entries, terms, transfer};
use crate::scene::depositor;
use crate::support::Tally;

type Entry = (u64, [u8; 32], Vec<VersionedTransaction>);

fn peer(bytes: &[u8]) -> Option<Vec<Entry>> {
    let entries: Vec<Entry> = wincode::deserialize(bytes).ok()?;
    // No version 1 here: the longest of the recorded and made transactions is below the limit of all.
    let fits = |transaction: &VersionedTransaction| {
        transaction.sanitize().is_ok()
            && wincode::serialized_size(transaction).is_ok_and(|size| size <= MAX_TRANSACTION_LENGTH as u64)
    };
    let is_sound = entries.iter().flat_map(|(_, _, transactions)| transactions).all(fits);
    Some(entries).filter(|entries| is_sound && !entries.is_empty())
}

fn agree(bytes: &[u8]) -> bool {
    let (ours, theirs) = (decode_entries(bytes), peer(bytes));
    assert_eq!(ours.is_ok(), theirs.is_some(), "{ours:?}: {}", hex::encode(bytes));
    let (Ok(ours), Some(theirs)) = (ours, theirs) else { return false };
    assert_eq!(ours.len(), theirs.len());
    for (ours, (num_hashes, hash, transactions)) in ours.iter().zip(&theirs) {
        assert_eq!((ours.num_hashes, ours.hash.0, ours.transactions.len()), (*num_hashes, *hash, transactions.len()));
        ours.transactions.iter().zip(transactions).for_each(|(ours, theirs)| {
            super::transactions::require_same(ours, theirs);
        });
    }
    true
}

#[test]
fn recorded_entries_and_what_is_close_to_them_are_read_alike() {
    let recorded = corpus::batches();
    let mut tally = Tally::new("recorded batches of entries beside the peer's");
    for batch in &recorded {
        assert!(agree(batch));
        tally.pass();
    }
    let mut tally = Tally::new("changed batches of entries beside the peer's");
    for (seed, batch) in recorded.iter().enumerate() {
        // The beginning, where the counts stand; the rest is transactions, which are changed elsewhere.
        for changed in near_within(batch, 0..batch.len().min(60), seed as u64).step_by(7) {
            if agree(&changed) { tally.pass() } else { tally.refused += 1 }
        }
    }
}

#[test]
fn small_batches_and_what_is_close_to_them_are_read_alike() {
    let transfer = transfer(&depositor(), 5, &terms().memo());
    let mut tally = Tally::new("small batches of entries beside the peer's");
    let batches = [vec![vec![]], vec![vec![], vec![transfer.clone()]], vec![vec![transfer.clone(), transfer], vec![]]];
    for (seed, batch) in batches.into_iter().enumerate() {
        for changed in near(&entries(&batch), seed as u64) {
            if agree(&changed) { tally.pass() } else { tally.refused += 1 }
        }
    }
    assert!(tally.passed > 1_000 && tally.refused > 1_000);
}
