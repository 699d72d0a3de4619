//! Recorded transactions by themselves, and votes in gossip.

use alloy_primitives::B256;
use solana_transaction::versioned::VersionedTransaction;
use spandrel_verifiers::solana::{Transaction, Vote, verify_strict};

use crate::corpus::{Kind, of_kind, short, written};
use crate::support::Tally;

#[test]
fn recorded_transactions_decode_and_are_signed() {
    let mut tally = Tally::new("raw transactions");
    for (name, bytes) in of_kind(Kind::Transaction) {
        // Made to be refused: lookup tables without any account.
        let peer: VersionedTransaction = wincode::deserialize_exact(&bytes).unwrap();
        if peer.sanitize().is_err() {
            tally.refuse(Transaction::decode(&bytes), "transaction");
            continue;
        }
        let transaction = Transaction::decode(&bytes).unwrap_or_else(|error| panic!("{name}: {error}"));
        let message = &transaction.message;
        let signed = message.keys.iter().zip(transaction.signatures);
        let valid =
            signed.filter(|(key, signature)| verify_strict(&B256::new(**key), message.bytes, signature)).count();
        println!("{}: {valid} of {} signatures valid", short(&name), transaction.signatures.len());
        tally.pass();
        let longer = [&bytes[..], &[0]].concat();
        tally.refuse(Transaction::decode(&longer), "transaction");
        tally.refuse(Transaction::decode(&bytes[..bytes.len() - 1]), "transaction");
    }
}

/// A CRDS value: signature, tag 1 (vote), index, origin, then the transaction.
#[test]
fn a_recorded_gossip_vote_decodes() {
    let mut tally = Tally::new("gossip votes");
    for (_, bytes) in of_kind(Kind::GossipPush) {
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
                    assert_eq!((error.field.as_str(), is_tower_sync(&transaction)), ("vote", false));
                    tally.refused += 1;
                }
            }
        }
    }
}

/// Whether a transaction is one TowerSync vote and nothing else.
pub fn is_tower_sync(transaction: &Transaction<'_>) -> bool {
    let VersionedTransaction { message, .. } = wincode::deserialize_exact(&written(transaction)).unwrap();
    let [instruction] = message.instructions() else { return false };
    let program = message.static_account_keys()[usize::from(instruction.program_id_index)].to_bytes();
    // `TowerSync` and `TowerSyncSwitch`.
    solana_vote_interface::program::id().to_bytes() == program
        && matches!(instruction.data.first_chunk(), Some([14 | 15, 0, 0, 0]))
}

/// The transaction that some prefix of `bytes` is.
fn transaction_at(bytes: &[u8]) -> Result<Transaction<'_>, ()> {
    if bytes[0] != 1 && bytes[0] != 2 {
        return Err(());
    }
    (200..bytes.len().min(600)).find_map(|length| Transaction::decode(&bytes[..length]).ok()).ok_or(())
}
