//! `spandrel proof verify|explain`: an honest file and tampered ones, by verdict, words and exit code.

use std::path::Path;

use serde_json::Value;
use spandrel_core::ledger::{Commit, Halt, Ledger};
use spandrel_store::Sqlite;
use spandrel_verifiers::ethereum::containers::ExecutionPayloadHeader;
use spandrel_verifiers::ethereum::{SigningCommittee, finality_bytes};
use spandrel_verifiers::file::{EvidenceFile, Trust};
use spandrel_verifiers::{Contradiction, Evidence, bitcoin, cosmos, ethereum, solana};

use crate::cosmos::scene::packet;
use crate::ethereum::chain::{Network, SEATS, committee, payload};
use crate::honest::HONEST;
use crate::run::{configured, ends, json};

const DONE: i32 = 0;
const REFUSED: i32 = 3;

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
fn an_honest_file_of_any_chain_is_proven_and_told_step_by_step() {
    let folder = tempfile::tempdir().unwrap();
    for file in &HONEST.files {
        let expected = file.verify(file.at).unwrap();
        let (id, recipient) = (expected.fact().id().to_string(), expected.fact().recipient.to_string());
        let said = file.trust.said();
        for path in write(folder.path(), file) {
            let words: Vec<&str> =
                ["proven", &id, &recipient].into_iter().chain(said.iter().map(String::as_str)).collect();
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
}

/// Refused by both commands in both forms of the file, by the name that the library gives, at the step whose claim has
/// the words `step`.
fn assert_refused(file: &EvidenceFile, field: &str, step: &str) {
    let folder = tempfile::tempdir().unwrap();
    let name = file.verify(file.at).unwrap_err().field;
    assert!(name.starts_with(field), "{name}");
    for path in write(folder.path(), file) {
        ends(folder.path(), &["proof", "verify", path], REFUSED, &["refused", &name]);
        ends(folder.path(), &["proof", "explain", path], REFUSED, &["REFUSED", "refused", &name, step]);
        let verified = json(&ends(folder.path(), &["proof", "verify", path, "--json"], REFUSED, &[]));
        assert_eq!((&verified["proven"], verified["error"]["field"].as_str()), (&false.into(), Some(name.as_str())));
        let explained = json(&ends(folder.path(), &["proof", "explain", path, "--json"], REFUSED, &[]));
        let outcomes = outcomes(&explained);
        let refused = outcomes.iter().position(|outcome| outcome["refused"]["field"] == name).expect("a step");
        let claim = explained["steps"][refused]["claim"].as_str().unwrap();
        assert!(claim.contains(step), "{name} is told at {claim:?}");
        assert!(outcomes[..refused].iter().all(|outcome| **outcome == "checked"), "{outcomes:?}");
        assert!(outcomes[refused + 1..].iter().all(|outcome| **outcome == "not_reached"), "{outcomes:?}");
    }
}

/// The honest file of a chain with `change` done to its evidence.
fn tampered(chain: usize, change: impl FnOnce(&mut Evidence)) -> EvidenceFile {
    let mut file = HONEST.files[chain].clone();
    change(&mut file.evidence);
    file
}

#[test]
fn a_tampered_file_of_bitcoin_is_refused_by_field_and_by_step() {
    type Change = fn(&mut bitcoin::Inclusion);
    let changes: [(Change, &str, &str); 4] = [
        (|inclusion| inclusion.terms.recipient.0[31] ^= 1, "evidence.terms", "terms"),
        (|inclusion| inclusion.path[0].0[0] ^= 1, "evidence.", "levels below"),
        (|inclusion| inclusion.output = 0, "evidence.output", "output 0"),
        (|inclusion| inclusion.height += 1, "evidence.", "stands at height"),
    ];
    for (change, field, step) in changes {
        let file = tampered(0, |evidence| match evidence {
            Evidence::Bitcoin(inclusion) => change(inclusion),
            other => unreachable!("{}", other.kind()),
        });
        assert_refused(&file, field, step);
    }
}

#[test]
fn a_tampered_file_of_ethereum_is_refused_by_field_and_by_step() {
    type Change = fn(&mut ethereum::DepositEvidence);
    let changes: [(Change, &str, &str); 4] = [
        (|evidence| drop(evidence.inclusion.account_proof.pop()), "evidence.", "outbox's account"),
        (|evidence| evidence.inclusion.deposit.recipient.0[31] ^= 1, "evidence.", "deposit's id"),
        (|evidence| evidence.inclusion.deposit.version = 2, "evidence.", "names this chain"),
        (|evidence| evidence.finality = None, "evidence.", "is final"),
    ];
    for (change, field, step) in changes {
        let file = tampered(1, |evidence| match evidence {
            Evidence::Ethereum(evidence) => change(evidence),
            other => unreachable!("{}", other.kind()),
        });
        assert_refused(&file, field, step);
    }
    let mut file = HONEST.files[1].clone();
    let Trust::Ethereum(trust) = &mut file.trust else { unreachable!("a file of Ethereum") };
    trust.trusted_root.0[0] ^= 1;
    assert_refused(&file, "trust.", "bootstrap's header");
}

#[test]
fn a_tampered_file_of_cosmos_is_refused_by_field_and_by_step() {
    type Change = fn(&mut cosmos::DepositEvidence);
    let changes: [(Change, &str, &str); 3] = [
        (|evidence| evidence.headers.clear(), "evidence.", "headers lead"),
        (|evidence| evidence.inclusion.app_hash.0[0] ^= 1, "evidence.", "app hash is"),
        (|evidence| evidence.inclusion.packet = packet(6).encode().into(), "evidence.", "packet's commitment"),
    ];
    for (change, field, step) in changes {
        let file = tampered(2, |evidence| match evidence {
            Evidence::Cosmos(evidence) => change(evidence),
            other => unreachable!("{}", other.kind()),
        });
        assert_refused(&file, field, step);
    }
    let mut file = HONEST.files[2].clone();
    let Trust::Cosmos(trust) = &mut file.trust else { unreachable!("a file of Cosmos") };
    trust.updates.push(cosmos::Update::Header(Default::default()));
    assert_refused(&file, "trust.", "updates extend");
}

#[test]
fn a_tampered_file_of_solana_is_refused_by_field_and_by_step() {
    type Change = fn(&mut solana::DepositEvidence);
    let changes: [(Change, &str, &str); 3] = [
        (|evidence| drop(evidence.inclusion.shreds.batch.pop()), "evidence.", "shreds stand"),
        (|evidence| evidence.inclusion.instruction += 1, "evidence.", "token transfer"),
        (|evidence| evidence.execution.signatures.clear(), "evidence.", "TRUSTED, not proven"),
    ];
    for (change, field, step) in changes {
        let file = tampered(3, |evidence| match evidence {
            Evidence::Solana(evidence) => change(evidence),
            other => unreachable!("{}", other.kind()),
        });
        assert_refused(&file, field, step);
    }
    let mut file = HONEST.files[3].clone();
    let Trust::Solana(trust) = &mut file.trust else { unreachable!("a file of Solana") };
    trust.updates.remove(0);
    assert_refused(&file, "trust.", "updates: two thirds");
}

/// Two final blocks of one slot, each signed.
fn equivocation() -> ethereum::Contradiction {
    let network = Network::electra();
    let update = |gas_used, signed_at| {
        let executed = ExecutionPayloadHeader { gas_used, ..payload(72) };
        let finalized = network.block_with(72, executed, None);
        let attested = network.block(signed_at, Some(&finalized));
        finality_bytes(&network.config, &network.finality_update(&attested, &finalized, 0..SEATS)).unwrap()
    };
    let committees = vec![SigningCommittee::new(1, &committee(1))];
    let (first, second) = (update(1, 96), update(2, 97));
    ethereum::Contradiction { network: network.config.clone(), committees, first, second, headers: Vec::new() }
}

#[tokio::test]
async fn a_contradiction_is_exported_from_the_ledger_and_checked_by_anyone() {
    let folder = tempfile::tempdir().unwrap();
    let (here, config) = (folder.path(), configured(folder.path()));
    let honest = equivocation();
    let chain = honest.network.chain.clone();
    let store = Sqlite::open(&config.database).await.unwrap();
    let export = |to: &str, code, words: &[&str]| {
        ends(here, &["proof", "export", chain.as_str(), "--to", to], code, words);
    };
    export("none.pb", 1, &["expected a halt with evidence, found none"]);
    let evidence = Some(Contradiction::Ethereum(Box::new(honest.clone())).to_bytes().into());
    let halt = Halt { evidence, ..Halt::told(chain.clone(), "two final blocks") };
    store.commit(Commit { now: 1, halt: Some(halt), ..Commit::default() }).await.unwrap();
    store.close().await;
    let words = ["sync committee of period 1 signed", "they contradict each other", "period 1 has root 0x"];
    for file in ["two.json", "two.pb"] {
        export(file, DONE, &[]);
        ends(here, &["proof", "verify", file], DONE, &words);
        ends(here, &["proof", "explain", file], DONE, &words);
        let verified = json(&ends(here, &["proof", "verify", file, "--json"], DONE, &[]));
        assert_eq!((&verified["proven"], &verified["contradiction"]["number"]), (&true.into(), &72.into()));
        let explained = json(&ends(here, &["proof", "explain", file, "--json"], DONE, &[]));
        assert!(outcomes(&explained).iter().all(|outcome| *outcome == "checked"));
    }
    let forged = ethereum::Contradiction { second: honest.first.clone(), ..honest };
    std::fs::write(here.join("forged.pb"), Contradiction::Ethereum(Box::new(forged)).to_bytes()).unwrap();
    ends(here, &["proof", "verify", "forged.pb"], REFUSED, &["refused"]);
    ends(here, &["proof", "explain", "forged.pb"], REFUSED, &["REFUSED", "another final block"]);
}
