//! Whoever reads a file is told all that decides its verdict and is proven by nothing in it: two that differ in any of it are
//! told apart.

use alloy_primitives::B256;
use serde_json::Value;
use spandrel_verifiers::cosmos::{DepositEvidence, Inclusion};
use spandrel_verifiers::file::{BlockTrust, CosmosTrust, EvidenceFile, Trust};
use spandrel_verifiers::{Contradiction, Evidence};

use crate::contradictions::CONTRADICTIONS;
use crate::cosmos::scene::scene;
use crate::honest::HONEST;
use crate::trusts;

/// What follows from the rest, or is refused: it is proven, not trusted.
const PROVEN: [&str; 7] = ["headers", "bootstrap", "updates", "first", "second", "replaced", "replacing"];

/// Other words that may stand where one of them does.
const WORDS: [&str; 6] = ["minimal", "mainnet", "refused", "at_genesis_certificate", "altair", "fulu"];

/// What may stand instead of a value.
fn others(value: &Value) -> Vec<Value> {
    match value {
        Value::Bool(value) => vec![(!value).into()],
        Value::Number(number) => number.as_u64().map(|number| vec![(number + 1).into()]).unwrap_or_default(),
        Value::String(text) => {
            let other = if text.ends_with('1') { "2" } else { "1" };
            let last = text.char_indices().last().map_or(0, |(place, _)| place);
            let changed = format!("{}{other}", &text[..last]);
            WORDS.iter().map(|word| Value::from(*word)).chain([changed.into()]).filter(|other| other != value).collect()
        }
        _ => Vec::new(),
    }
}

/// Every document that is this one but for one value, or without one part of a list; with where that is.
fn changed(value: &Value, place: &str) -> Vec<(String, Value)> {
    let mut all: Vec<_> = others(value).into_iter().map(|other| (place.to_owned(), other)).collect();
    match value {
        Value::Object(members) => {
            for (name, part) in members.iter().filter(|(name, _)| !PROVEN.contains(&name.as_str())) {
                for (place, other) in changed(part, &format!("{place}.{name}")) {
                    let mut members = members.clone();
                    members.insert(name.clone(), other);
                    all.push((place, members.into()));
                }
            }
        }
        Value::Array(items) => {
            for (index, part) in items.iter().enumerate() {
                let place = format!("{place}[{index}]");
                let mut fewer = items.clone();
                fewer.remove(index);
                all.push((place.clone(), fewer.into()));
                for (place, other) in changed(part, &place) {
                    let mut items = items.clone();
                    items[index] = other;
                    all.push((place, items.into()));
                }
            }
        }
        _ => {}
    }
    all
}

/// Where what is read after a change is another, and is told as the honest one is. At least `least` changes are read.
fn untold<T: serde::Serialize + serde::de::DeserializeOwned + PartialEq>(
    honest: &T,
    said: impl Fn(&T) -> Vec<String>,
    least: usize,
) -> Vec<String> {
    let told = said(honest);
    let (mut read, mut untold) = (0, Vec::new());
    for (place, document) in changed(&serde_json::to_value(honest).unwrap(), "") {
        let Ok(other) = serde_json::from_value::<T>(document) else { continue };
        read += 1;
        if other != *honest && said(&other) == told {
            untold.push(place);
        }
    }
    assert!(read >= least, "{read} changes are read");
    untold
}

#[test]
fn whatever_is_trusted_is_told() {
    for file in &HONEST.files {
        assert_eq!(untold(&file.trust, Trust::said, 5), [] as [String; 0], "{}", file.evidence.kind());
    }
    let Trust::Bitcoin(from) = &HONEST.files[0].trust else { unreachable!() };
    let block = BlockTrust { chain: from.chain.clone(), bridge: from.vault, block: HONEST.files[0].evidence.root() };
    assert_eq!(untold(&Trust::Block(Box::new(block)), Trust::said, 3), [] as [String; 0]);
}

#[test]
fn whatever_a_contradiction_stands_on_is_told() {
    for two in &*CONTRADICTIONS {
        assert_eq!(untold(two, Contradiction::said, 3), [] as [String; 0]);
    }
}

/// Nothing ties what a Cosmos anchor says of its state to its hash: who is shown height, hash and time alone would take a
/// forger's tree for the chain's.
#[test]
fn a_forged_state_under_an_honest_headers_hash_is_told() {
    let scene = scene();
    let Trust::Cosmos(honest) = trusts::cosmos(&scene).trust else { unreachable!() };
    let honest = CosmosTrust { updates: Vec::new(), ..*honest };
    let mut forged = honest.clone();
    let app_hash: B256 = scene.app.app_hash();
    forged.anchor.app_hash = app_hash.to_vec().into();
    let inclusion = Inclusion { height: honest.anchor.height, ..scene.inclusion(5) };
    let evidence = Evidence::from(DepositEvidence { headers: Vec::new(), inclusion });
    let file = |trust| EvidenceFile {
        trust: Trust::Cosmos(Box::new(trust)),
        evidence: evidence.clone(),
        ..trusts::cosmos(&scene)
    };
    let (forged, honest) = (file(forged), file(honest));
    forged.verify(forged.at).expect("whoever trusts the state trusts what is in it");
    honest.verify(honest.at).unwrap_err();
    assert_ne!(forged.trust.said(), honest.trust.said());
    assert!(forged.trust.said().iter().any(|line| line.contains(&app_hash.to_string())));
}
