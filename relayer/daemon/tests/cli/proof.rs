//! `spandrel proof verify|explain`: an honest file and tampered ones, by verdict, words and exit code.

use std::path::Path;

use serde_json::Value;
use spandrel_verifiers::bitcoin::{Anchor, ChainParams, ConfirmationPolicy, Inclusion};
use spandrel_verifiers::file::{BitcoinTrust, EvidenceFile, Trust, VERSION};
use spandrel_verifiers::{Deposit, DepositId, Evidence};

use crate::bitcoin_deposits::{Scene, VAULT};
use crate::run::{ends, json};

const DONE: i32 = 0;
const REFUSED: i32 = 3;

/// A Bitcoin deposit six deep, from the genesis block on, with `change` done to its inclusion.
fn file(change: impl FnOnce(&mut Inclusion)) -> EvidenceFile {
    let scene = Scene::shared();
    let params = ChainParams::regtest();
    let trust = BitcoinTrust {
        chain: params.chain(),
        vault: VAULT,
        confirmations: ConfirmationPolicy::flat(6),
        anchor: Anchor::genesis(&params).unwrap(),
        headers: scene.headers.clone(),
    };
    let mut inclusion = scene.evidence.clone();
    change(&mut inclusion);
    let evidence = Evidence::from(inclusion);
    EvidenceFile { version: VERSION, at: scene.now, trust: Trust::Bitcoin(Box::new(trust)), evidence }
}

/// The file in both of its forms.
fn write(folder: &Path, file: &EvidenceFile) -> [&'static str; 2] {
    std::fs::write(folder.join("proof.json"), serde_json::to_vec_pretty(file).unwrap()).unwrap();
    std::fs::write(folder.join("proof.bin"), file.to_bytes().unwrap()).unwrap();
    ["proof.json", "proof.bin"]
}

fn outcomes(explained: &Value) -> Vec<&Value> {
    explained["steps"].as_array().unwrap().iter().map(|step| &step["outcome"]).collect()
}

#[test]
fn an_honest_file_is_proven_and_told_step_by_step() {
    let folder = tempfile::tempdir().unwrap();
    let expected = Scene::shared().verify_own().unwrap();
    let (deposit, id): (&Deposit, DepositId) = (expected.fact(), expected.fact().id());
    for path in write(folder.path(), &file(|_| ())) {
        let (id, recipient) = (id.to_string(), deposit.recipient.to_string());
        let words = ["proven", "vault key", &id, &recipient];
        let verified = ends(folder.path(), &["proof", "verify", path], DONE, &words);
        let explained = ends(folder.path(), &["proof", "explain", path], DONE, &words);
        for output in [verified, explained] {
            assert!(!String::from_utf8_lossy(&output.stdout).to_lowercase().contains("refused"));
        }
        let verified = json(&ends(folder.path(), &["proof", "verify", path, "--json"], DONE, &[]));
        assert_eq!((&verified["proven"], verified["id"].as_str()), (&true.into(), Some(id.as_str())));
        let explained = json(&ends(folder.path(), &["proof", "explain", path, "--json"], DONE, &[]));
        assert!(outcomes(&explained).len() > 4 && outcomes(&explained).iter().all(|outcome| *outcome == "checked"));
    }
}

#[test]
fn a_tampered_file_is_refused_by_field_and_by_step() {
    let folder = tempfile::tempdir().unwrap();
    type Change = fn(&mut Inclusion);
    let changes: [(Change, &str, &str); 4] = [
        (|inclusion| inclusion.terms.recipient.0[31] ^= 1, "evidence.terms", "terms"),
        (|inclusion| inclusion.path[0].0[0] ^= 1, "evidence.", "levels below"),
        (|inclusion| inclusion.output = 0, "evidence.output", "output 0"),
        (|inclusion| inclusion.height += 1, "evidence.", "stands at height"),
    ];
    for (change, field, step) in changes {
        for path in write(folder.path(), &file(change)) {
            ends(folder.path(), &["proof", "verify", path], REFUSED, &["refused", field]);
            ends(folder.path(), &["proof", "explain", path], REFUSED, &["REFUSED", "refused", field, step]);
            let verified = json(&ends(folder.path(), &["proof", "verify", path, "--json"], REFUSED, &[]));
            let named = verified["error"]["field"].as_str().unwrap();
            assert!(verified["proven"] == false && named.starts_with(field), "{named}");
            let explained = json(&ends(folder.path(), &["proof", "explain", path, "--json"], REFUSED, &[]));
            let outcomes = outcomes(&explained);
            let refused = outcomes.iter().position(|outcome| outcome["refused"]["field"] == named).expect("a step");
            assert!(outcomes[..refused].iter().all(|outcome| **outcome == "checked"), "{outcomes:?}");
            assert!(outcomes[refused + 1..].iter().all(|outcome| **outcome == "not_reached"), "{outcomes:?}");
        }
    }
}
