//! Evidence and updates with any byte changed: refused, or of the same meaning.

use std::sync::LazyLock;

use alloy_primitives::Bytes;
use proptest::prelude::*;
use serde_json::Value;
use spandrel_verifiers::solana::{
    BlockPath, Certificate, DepositEvidence, MessageVersion, RootUpdate, Shred, Signers, SolanaVerifier, Transaction,
    TrustedSlots, Update, Vote, decode_entries,
};
use spandrel_verifiers::{Evidence, Verifier};

use super::maker::{NOW, table, validators, votes};
use super::scene::{Scene, ballot};
use super::tower::rooted;

fn flip(bytes: &Bytes, bit: usize) -> Bytes {
    let mut bytes = bytes.to_vec();
    bytes[bit / 8] ^= 1 << (bit % 8);
    bytes.into()
}

/// The shreds of evidence, for changing one.
fn shreds(evidence: &mut DepositEvidence) -> Vec<&mut Bytes> {
    let proof = &mut evidence.inclusion.shreds;
    let tail = match &mut proof.block {
        BlockPath::Chained { tail } => tail,
        BlockPath::DoubleMerkle { .. } => panic!("a block of TowerBFT"),
    };
    proof.before.iter_mut().chain(&mut proof.batch).chain(tail).collect()
}

static ROOTED: LazyLock<(SolanaVerifier, TrustedSlots, RootUpdate)> = LazyLock::new(rooted);

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]
    #[test]
    fn a_flipped_bit_of_a_shred_is_refused_or_only_the_leaders_signature(which: prop::sample::Index, bit: prop::sample::Index) {
        let scene = Scene::shared();
        let honest = scene.verify(&scene.evidence).unwrap();
        let mut evidence = scene.evidence.clone();
        let mut all = shreds(&mut evidence);
        let shred = which.get_mut(&mut all);
        let bit = bit.index(shred.len() * 8);
        **shred = flip(shred, bit);
        match scene.verify(&evidence) {
            // The leader's signature is no part of the proof: the stake's votes name the block id.
            Ok(verified) => prop_assert!(bit < 512 && verified == honest),
            Err(error) => prop_assert!(error.field.starts_with("inclusion."), "{}", error),
        }
    }

    /// Any byte of either encoded form. What the leader signed and how hex is written change nothing.
    #[test]
    fn a_flipped_byte_of_the_encoded_evidence_is_refused_or_means_the_same(
        is_json: bool, place: prop::sample::Index, mask in 1..=255_u8,
    ) {
        static ENCODED: LazyLock<[Vec<u8>; 2]> = LazyLock::new(|| {
            let evidence = Evidence::from(Scene::shared().evidence.clone());
            [evidence.to_bytes(), serde_json::to_vec(&evidence).unwrap()]
        });
        let scene = Scene::shared();
        let mut bytes = ENCODED[usize::from(is_json)].clone();
        *place.get_mut(&mut bytes) ^= mask;
        let read = if is_json { serde_json::from_slice(&bytes).ok() } else { Evidence::from_bytes(&bytes).ok() };
        if let Some(read) = read {
            prop_assert!(is_json || read.to_bytes() == bytes, "one evidence, one encoding");
            let Evidence::Solana(read) = read else { panic!("{} from Solana's", read.kind()) };
            if let Ok(found) = scene.verify(&read) {
                prop_assert_eq!(found, scene.verify(&scene.evidence).unwrap());
            }
        }
    }

    #[test]
    fn a_flipped_bit_of_a_vote_is_refused(which: prop::sample::Index, bit: prop::sample::Index) {
        let (verifier, trusted, _) = &*ROOTED;
        let mut update = votes(ballot(200, Default::default()), &validators());
        let vote = which.get_mut(&mut update.votes);
        *vote = flip(vote, bit.index(vote.len() * 8));
        prop_assert!(verifier.advance(&mut trusted.clone(), &Update::Votes(update), NOW).is_err());
    }

    #[test]
    fn a_flipped_bit_of_a_bank_is_refused(which: prop::sample::Index, place in 0_usize..2_048 + 72, bit in 0_usize..8) {
        let (verifier, trusted, update) = &*ROOTED;
        let mut update = update.clone();
        let bank = which.get_mut(&mut update.banks);
        match place.checked_sub(72) {
            Some(place) => bank.accounts = flip(&bank.accounts, place * 8 + bit),
            None if place < 32 => bank.parent.0[place] ^= 1 << bit,
            None if place < 64 => bank.last_blockhash.0[place - 32] ^= 1 << bit,
            None => bank.signature_count ^= 1 << ((place - 64) * 8 + bit),
        }
        prop_assert!(verifier.advance(&mut trusted.clone(), &Update::Root(update), NOW).is_err());
    }

    #[test]
    fn arbitrary_bytes_never_panic_and_what_decodes_is_all_of_them(bytes in prop::collection::vec(any::<u8>(), 0..1_400)) {
        let _: (bool, bool, bool) = (
            Transaction::decode(&bytes).is_ok(),
            Vote::decode(&bytes).is_ok(),
            decode_entries(&bytes).is_ok(),
        );
        if let Ok(certificate) = Certificate::decode(&bytes) {
            prop_assert_eq!(certificate.encode(), bytes.clone());
        }
        prop_assert!(Shred::parse(&bytes).is_err() || matches!(bytes.len(), 1_203 | 1_228));
        if let Ok(signers) = Signers::decode(&bytes, 2_000) {
            prop_assert!(signers.count() <= 2_000);
        }
    }

    #[test]
    fn a_changed_transaction_decodes_to_its_own_bytes_or_not_at_all(place: prop::sample::Index, value: u8) {
        let honest = votes(ballot(200, Default::default()), &validators()).votes[0].to_vec();
        let mut bytes = honest.clone();
        *place.get_mut(&mut bytes) = value;
        if let Ok(transaction) = Transaction::decode(&bytes) {
            let signatures = transaction.signatures.as_flattened();
            let count = usize::from(transaction.message.version != MessageVersion::One);
            prop_assert_eq!(count + signatures.len() + transaction.message.bytes.len(), bytes.len());
        }
    }
}

/// Paths to the leaves of JSON.
fn leaves(value: &Value, path: &mut Vec<String>, found: &mut Vec<String>) {
    let mut child = |name: String, value: &Value| {
        path.push(name);
        leaves(value, path, found);
        path.pop();
    };
    match value {
        Value::Object(fields) => fields.iter().for_each(|(name, value)| child(name.clone(), value)),
        Value::Array(items) => items.iter().enumerate().for_each(|(place, value)| child(place.to_string(), value)),
        _ => found.push(format!("/{}", path.join("/"))),
    }
}

fn altered(value: &Value) -> Vec<Value> {
    match value {
        Value::Number(number) => {
            let number = number.as_u64().unwrap();
            vec![(number + 1).into(), (number ^ 2).into(), u64::MAX.into()]
        }
        Value::String(text) => {
            let mut changed: Vec<char> = text.chars().collect();
            let place = changed.len() * 2 / 3;
            changed[place] = if changed[place] == '0' { '1' } else { '0' };
            let longer = format!("{text}00");
            vec![
                changed.into_iter().collect::<String>().into(),
                longer.into(),
                text[..text.len() - 2].into(),
                "".into(),
            ]
        }
        Value::Null => vec!["0x00".into(), 1.into()],
        other => panic!("no leaf is {other:?}"),
    }
}

#[test]
fn evidence_tampered_in_any_field_of_its_stored_form_is_refused_under_that_fields_half() {
    let scene = Scene::shared();
    let sent = serde_json::to_value(&scene.evidence).unwrap();
    assert_eq!(serde_json::from_value::<DepositEvidence>(sent.clone()).unwrap(), scene.evidence);
    let mut found = Vec::new();
    leaves(&sent, &mut Vec::new(), &mut found);
    let (mut refused, mut unread) = (0, 0);
    for pointer in &found {
        for other in altered(sent.pointer(pointer).unwrap()) {
            let mut tampered = sent.clone();
            *tampered.pointer_mut(pointer).unwrap() = other;
            match serde_json::from_value::<DepositEvidence>(tampered) {
                Err(_) => unread += 1,
                Ok(evidence) if evidence == scene.evidence => unread += 1,
                Ok(evidence) => {
                    let error = scene.verify(&evidence).expect_err(pointer);
                    let half = pointer.split('/').nth(1).unwrap();
                    // An index that points elsewhere finds another transfer or none.
                    assert!(error.field.starts_with(half), "{pointer} was refused as `{error}`");
                    refused += 1;
                }
            }
        }
    }
    println!("tampered evidence: {refused} refused, {unread} unreadable, of {} fields", found.len());
    assert!(refused > 30);
}

#[test]
fn a_stored_state_is_the_state() {
    let (_, trusted, _) = rooted();
    let stored = serde_json::to_string(&trusted).unwrap();
    assert_eq!(serde_json::from_str::<TrustedSlots>(&stored).unwrap(), trusted);
    // A table with an account twice does not load.
    let row = serde_json::to_string(&table(0, &validators()).stakes[0]).unwrap();
    let twice = stored.replacen(&row, &format!("{row},{row}"), 1);
    assert_ne!(twice, stored);
    assert!(serde_json::from_str::<TrustedSlots>(&twice).is_err());
}
