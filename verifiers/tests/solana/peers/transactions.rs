//! Transactions beside `solana-transaction` with `sanitize`, as a node takes them from an entry.
//!
//! The difference: theirs bounds no length, a packet does.

use proptest::collection::vec;
use proptest::prelude::*;
use solana_message::compiled_instruction::CompiledInstruction;
use solana_message::v0::MessageAddressTableLookup;
use solana_message::v1::TransactionConfig;
use solana_message::{MessageHeader, VersionedMessage, legacy, v0, v1};
use solana_transaction::versioned::VersionedTransaction;
use spandrel_verifiers::solana::{MAX_TRANSACTION_LENGTH, MAX_TRANSACTION_V1_LENGTH, MessageVersion, Transaction};

use super::near;
use crate::corpus::{self, by_length};
use crate::support::Tally;

/// What the peer reads from all of `bytes`.
fn peer(bytes: &[u8]) -> Option<VersionedTransaction> {
    let transaction: VersionedTransaction = wincode::deserialize_exact(bytes).ok()?;
    transaction.sanitize().is_ok().then_some(transaction)
}

fn limit(transaction: &VersionedTransaction) -> usize {
    if matches!(transaction.message, VersionedMessage::V1(_)) {
        MAX_TRANSACTION_V1_LENGTH
    } else {
        MAX_TRANSACTION_LENGTH
    }
}

/// Whether both take `bytes`; they must agree, also on what it means.
fn agree(bytes: &[u8]) -> bool {
    let (ours, theirs) = (Transaction::decode(bytes), peer(bytes));
    let theirs = theirs.filter(|transaction| bytes.len() <= limit(transaction));
    assert_eq!(ours.is_ok(), theirs.is_some(), "{ours:?}, {theirs:?}: {}", hex::encode(bytes));
    let (Ok(ours), Some(theirs)) = (ours, theirs) else { return false };
    require_same(&ours, &theirs);
    true
}

/// That both say the same of a transaction.
pub fn require_same(ours: &Transaction<'_>, theirs: &VersionedTransaction) {
    assert!(ours.signatures.iter().map(|signature| &signature[..]).eq(theirs.signatures.iter().map(AsRef::as_ref)));
    let (ours, theirs) = (&ours.message, &theirs.message);
    assert_eq!(ours.bytes, theirs.serialize());
    assert!(ours.keys.iter().eq(theirs.static_account_keys().iter().map(|key| key.as_array())));
    assert_eq!(ours.recent_blockhash.0, theirs.recent_blockhash().to_bytes());
    let signers = theirs.header().num_required_signatures;
    assert!(ours.is_signer(signers - 1) && !ours.is_signer(signers));
    assert_eq!(ours.instructions.len(), theirs.instructions().len());
    for (ours, theirs) in ours.instructions.iter().zip(theirs.instructions()) {
        assert_eq!(
            (ours.program, ours.accounts, ours.data),
            (theirs.program_id_index, &theirs.accounts[..], &theirs.data[..])
        );
    }
    let looked_up = |lookup: &MessageAddressTableLookup| lookup.writable_indexes.len() + lookup.readonly_indexes.len();
    let (version, lookups) = match theirs {
        VersionedMessage::Legacy(_) => (MessageVersion::Legacy, 0),
        VersionedMessage::V0(message) => {
            (MessageVersion::Zero, message.address_table_lookups.iter().map(looked_up).sum())
        }
        VersionedMessage::V1(_) => (MessageVersion::One, 0),
    };
    assert_eq!((ours.version, ours.looked_up), (version, lookups));
}

#[test]
fn recorded_transactions_and_what_is_close_to_them_are_read_alike() {
    let recorded = corpus::transactions();
    let mut tally = Tally::new("recorded transactions beside solana-transaction");
    for bytes in &recorded {
        if agree(bytes) { tally.pass() } else { tally.refused += 1 }
    }
    let mut tally = Tally::new("changed transactions beside solana-transaction");
    for (seed, bytes) in by_length(&recorded).into_iter().enumerate() {
        for changed in near(bytes, seed as u64) {
            if agree(&changed) { tally.pass() } else { tally.refused += 1 }
        }
    }
    assert!(recorded.is_empty() || (tally.passed > 1_000 && tally.refused > 1_000));
}

/// Parts of a message that may not fit together.
#[derive(Clone, Debug)]
struct Parts {
    header: [u8; 3],
    keys: Vec<[u8; 32]>,
    blockhash: [u8; 32],
    instructions: Vec<(u8, Vec<u8>, Vec<u8>)>,
    lookups: Vec<([u8; 32], Vec<u8>, Vec<u8>)>,
    limits: (Option<u64>, [Option<u32>; 3]),
    version: u8,
}

fn parts() -> impl Strategy<Value = Parts> {
    let keys = vec(any::<[u8; 32]>(), 1..9);
    let instruction = (0..9_u8, vec(0..12_u8, 0..6), vec(any::<u8>(), 0..200));
    let lookup = (any::<[u8; 32]>(), vec(any::<u8>(), 0..3), vec(any::<u8>(), 0..3));
    let header = prop_oneof![3 => Just([1, 0, 1]), 1 => [0..4_u8, 0..3, 0..4]];
    let limits = any::<(Option<u64>, [Option<u32>; 3])>();
    let (instructions, lookups) = (vec(instruction, 0..4), vec(lookup, 0..3));
    (header, keys, any::<[u8; 32]>(), instructions, lookups, limits, 0..3_u8).prop_map(
        |(header, keys, blockhash, instructions, lookups, limits, version)| Parts {
            header,
            keys,
            blockhash,
            instructions,
            lookups,
            limits,
            version,
        },
    )
}

impl Parts {
    fn transaction(self) -> VersionedTransaction {
        let [num_required_signatures, num_readonly_signed_accounts, num_readonly_unsigned_accounts] = self.header;
        let header =
            MessageHeader { num_required_signatures, num_readonly_signed_accounts, num_readonly_unsigned_accounts };
        let account_keys = self.keys.into_iter().map(Into::into).collect();
        let recent_blockhash = self.blockhash.into();
        let instruction = |(program_id_index, accounts, data)| CompiledInstruction { program_id_index, accounts, data };
        let instructions = self.instructions.into_iter().map(instruction).collect();
        let message = match self.version {
            0 => VersionedMessage::Legacy(legacy::Message { header, account_keys, recent_blockhash, instructions }),
            1 => {
                let lookup = |(key, writable_indexes, readonly_indexes): ([u8; 32], _, _)| MessageAddressTableLookup {
                    account_key: key.into(),
                    writable_indexes,
                    readonly_indexes,
                };
                let address_table_lookups = self.lookups.into_iter().map(lookup).collect();
                VersionedMessage::V0(v0::Message {
                    header,
                    account_keys,
                    recent_blockhash,
                    instructions,
                    address_table_lookups,
                })
            }
            _ => {
                let (priority_fee, [compute_unit_limit, loaded_accounts_data_size_limit, heap_size]) = self.limits;
                let config =
                    TransactionConfig { priority_fee, compute_unit_limit, loaded_accounts_data_size_limit, heap_size };
                let lifetime_specifier = recent_blockhash;
                VersionedMessage::V1(v1::Message { header, config, lifetime_specifier, account_keys, instructions })
            }
        };
        VersionedTransaction::new_unsigned(message)
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]
    #[test]
    fn made_transactions_are_read_alike(parts in parts(), place: prop::sample::Index, value: u8) {
        let transaction = parts.transaction();
        let mut bytes = wincode::serialize(&transaction).unwrap();
        prop_assert_eq!(agree(&bytes), transaction.sanitize().is_ok() && bytes.len() <= limit(&transaction));
        *place.get_mut(&mut bytes) = value;
        agree(&bytes);
    }
}

/// As many bytes as each version may have, and one more.
#[test]
fn each_version_has_its_own_limit() {
    for (version, most) in [(0, MAX_TRANSACTION_LENGTH), (1, MAX_TRANSACTION_LENGTH), (2, MAX_TRANSACTION_V1_LENGTH)] {
        let with = |data: usize| {
            let parts = Parts {
                header: [1, 0, 1],
                keys: vec![[1; 32], [2; 32]],
                blockhash: [3; 32],
                instructions: vec![(1, vec![0], vec![7; data])],
                lookups: Vec::new(),
                limits: (None, [None; 3]),
                version,
            };
            wincode::serialize(&parts.transaction()).unwrap()
        };
        // Data of 200 bytes and more has a length of two bytes.
        let others = with(200).len() - 200;
        assert_eq!(with(most - others).len(), most);
        assert!(agree(&with(most - others)) && !agree(&with(most - others + 1)));
        assert!(peer(&with(most - others + 1)).is_some());
    }
}
