//! Evidence changed in every field and bit, alone and among honest evidence.

use alloy_primitives::{B256, Bytes};
use proptest::prelude::*;
use serde_json::Value;
use spandrel_verifiers::bitcoin::{Inclusion, deposit_script};
use spandrel_verifiers::{Evidence, Verifier};

use super::bitcoin_deposits::{Scene, VAULT, terms};
use super::bitcoin_miner::regtest_chain;

/// Every leaf of a JSON value as a path of keys.
fn leaves(value: &Value, at: &mut Vec<String>, found: &mut Vec<Vec<String>>) {
    let mut each = |key: String, value: &Value| {
        at.push(key);
        leaves(value, at, found);
        at.pop();
    };
    match value {
        Value::Object(fields) => fields.iter().for_each(|(key, value)| each(key.clone(), value)),
        Value::Array(items) => items.iter().enumerate().for_each(|(index, value)| each(index.to_string(), value)),
        _ => found.push(at.clone()),
    }
}

/// Other values of the same kind for a leaf.
fn altered(path: &[String], value: &Value) -> Vec<Value> {
    match (path.last().map(String::as_str), value) {
        (Some("lane"), _) => ["any", "light_client", "slow"].map(Value::from).to_vec(),
        (Some("destination_chain"), _) => ["eip155:1", "cosmos:hub", "nonsense"].map(Value::from).to_vec(),
        (_, Value::Number(number)) => {
            let number = number.as_u64().unwrap();
            [number + 1, number.wrapping_sub(1), number ^ 2, 0]
                .iter()
                .filter(|other| **other != number)
                .map(|other| (*other).into())
                .collect()
        }
        (_, Value::String(text)) => {
            let flip = |at: usize| {
                let mut text: Vec<char> = text.chars().collect();
                text[at] = if text[at] == '0' { '1' } else { '0' };
                Value::from(text.into_iter().collect::<String>())
            };
            let middle = text.len() / 2;
            let cut = Value::from(&text[..text.len() - 2]);
            vec![flip(2), flip(3), flip(middle), flip(text.len() - 1), cut, format!("{text}00").into(), "".into()]
        }
        other => panic!("no leaf is {other:?}"),
    }
}

#[test]
fn evidence_tampered_in_any_field_is_refused_by_that_fields_name() {
    let scene = Scene::new(6);
    let sent = serde_json::to_value(Evidence::Bitcoin(Box::new(scene.evidence.clone()))).unwrap();
    let mut found = Vec::new();
    leaves(&sent, &mut Vec::new(), &mut found);
    assert!(found.len() > 18, "{found:?}");
    let (mut refused, mut unread) = (0, 0);
    for path in found {
        let pointer = format!("/{}", path.join("/"));
        for other in altered(&path, sent.pointer(&pointer).unwrap()) {
            let mut tampered = sent.clone();
            *tampered.pointer_mut(&pointer).unwrap() = other.clone();
            let Ok(Evidence::Bitcoin(evidence)) = serde_json::from_value::<Evidence>(tampered) else {
                unread += 1;
                continue;
            };
            let error = scene.verify(&evidence).expect_err(&pointer);
            let names: Vec<&str> = error.field.split(" or ").collect();
            let name = path[1].as_str();
            let is_named = names.iter().any(|named| named.split('.').next() == Some(name));
            assert!(is_named, "{pointer} := {other} was refused as `{error}`");
            refused += 1;
        }
    }
    println!("tampered evidence: {refused} refused by name, {unread} unreadable");
    assert!(refused > 50);
}

fn flip(bytes: &Bytes, at: usize) -> Bytes {
    let mut bytes = bytes.to_vec();
    bytes[at / 8] ^= 1 << (at % 8);
    bytes.into()
}

/// How many parts [`spoiled`] knows.
const PARTS: usize = 8;

/// `honest` with one bit of one part changed; unchanged when there is no such part.
fn spoiled(honest: &Inclusion, part: usize, pick: prop::sample::Index) -> Inclusion {
    let mut evidence = honest.clone();
    let bit = |length: usize| pick.index(length * 8);
    match part {
        0 => evidence.header = flip(&evidence.header, bit(80)),
        1 => evidence.transaction = flip(&evidence.transaction, bit(evidence.transaction.len())),
        2 => evidence.coinbase = flip(&evidence.coinbase, bit(evidence.coinbase.len())),
        3 => evidence.index ^= 1 << (bit(4)),
        4 => evidence.output ^= 1 << (bit(4)),
        5 => evidence.height ^= 1 << (bit(8)),
        6 => {
            let at = bit(32 * evidence.path.len());
            evidence.path[at / 256].0[at % 256 / 8] ^= 1 << (at % 8);
        }
        7 => {
            let at = bit(32 * evidence.coinbase_path.len());
            evidence.coinbase_path[at / 256].0[at % 256 / 8] ^= 1 << (at % 8);
        }
        _ => {}
    }
    evidence
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]
    #[test]
    fn a_flipped_bit_anywhere_is_refused(part in 0usize..PARTS, pick: prop::sample::Index) {
        let scene = Scene::shared();
        prop_assert!(scene.verify(&spoiled(&scene.evidence, part, pick)).is_err());
    }

    #[test]
    fn a_batch_judges_each_item_as_it_would_be_alone(
        changes in prop::collection::vec((0usize..PARTS + 6, any::<prop::sample::Index>()), 0..60)
    ) {
        let scene = Scene::shared();
        let items: Vec<Inclusion> =
            changes.iter().map(|(part, pick)| spoiled(&scene.evidence, *part, *pick)).collect();
        let together = scene.verifier.verify_batch(&scene.chain, &items, scene.now);
        prop_assert_eq!(together.len(), items.len());
        for ((item, verdict), (part, _)) in items.iter().zip(together).zip(&changes) {
            prop_assert_eq!(verdict.is_ok(), *part >= PARTS);
            prop_assert_eq!(verdict, scene.verify(item));
        }
    }

    #[test]
    fn arbitrary_evidence_never_panics(
        header in prop::collection::vec(any::<u8>(), 0..100),
        transaction in prop::collection::vec(any::<u8>(), 0..200),
        coinbase in prop::collection::vec(any::<u8>(), 0..200),
        path in prop::collection::vec(any::<[u8; 32]>(), 0..20),
        coinbase_path in prop::collection::vec(any::<[u8; 32]>(), 0..20),
        numbers in any::<(u64, u32, u32, u16)>(),
        kept in any::<u8>(),
    ) {
        let scene = Scene::shared();
        let mut evidence = scene.evidence.clone();
        let hashes = |list: Vec<[u8; 32]>| list.into_iter().map(B256::from).collect::<Vec<_>>();
        let is_replaced = |bit: u8| kept & (1 << bit) == 0;
        if is_replaced(0) { evidence.header = header.into(); }
        if is_replaced(1) { evidence.transaction = transaction.into(); }
        if is_replaced(2) { evidence.coinbase = coinbase.into(); }
        if is_replaced(3) { evidence.path = hashes(path); }
        if is_replaced(4) { evidence.coinbase_path = hashes(coinbase_path); }
        if is_replaced(5) { evidence.height = numbers.0; }
        if is_replaced(6) { (evidence.index, evidence.output) = (numbers.1, numbers.2); }
        if is_replaced(7) { evidence.terms.refund_delay = numbers.3; }
        let is_same = evidence == scene.evidence;
        prop_assert_eq!(scene.verify(&evidence).is_ok(), is_same);
    }

    #[test]
    fn arbitrary_headers_never_panic(headers in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..100), 1..4)) {
        let mut chain = regtest_chain();
        let headers = headers.into_iter().map(Bytes::from).collect::<Vec<_>>();
        prop_assert!(chain.extend(&headers, 0).is_err());
    }
}

#[test]
fn a_batch_says_of_each_what_the_single_check_says() {
    let scene = Scene::shared();
    let mut batch = vec![scene.evidence.clone(); 5];
    batch[1].height += 1;
    batch[3].terms.expiry += 1;
    let fields: Vec<Option<String>> = scene
        .verifier
        .verify_batch(&scene.chain, &batch, scene.now)
        .into_iter()
        .map(|result| result.err().map(|error| error.field))
        .collect();
    assert_eq!(fields, [None, Some("height".into()), None, Some("terms".into()), None]);
    assert!(deposit_script(VAULT, &terms()).is_ok());
}
