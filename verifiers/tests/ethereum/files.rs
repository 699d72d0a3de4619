//! Evidence files of Ethereum deposits: both forms, and what is told of the step that fails.

use alloy_primitives::{B256, U256};
use spandrel_verifiers::Evidence;
use spandrel_verifiers::ethereum::{DepositEvidence, Update};
use spandrel_verifiers::file::{EthereumTrust, EvidenceFile, Outcome, Trust, VERSION};

use crate::chain::{Execution, OUTBOX, World, deposit};

/// A deposit that is final by the update it brings.
fn file(world: &World) -> EvidenceFile {
    let (trusted_root, bootstrap) = world.network.bootstrap(&world.network.block(64, None));
    let network = world.network.config.clone();
    let trust = EthereumTrust { network, outbox: OUTBOX, trusted_root, bootstrap, updates: Vec::new() };
    let evidence = Evidence::from(world.execution.evidence(1, Some(&world.finality)));
    let at = world.network.now();
    EvidenceFile { version: VERSION, at, trust: Trust::Ethereum(Box::new(trust)), evidence }
}

fn parts(file: &mut EvidenceFile) -> (&mut EthereumTrust, &mut DepositEvidence) {
    match (&mut file.trust, &mut file.evidence) {
        (Trust::Ethereum(trust), Evidence::Ethereum(evidence)) => (trust, evidence),
        _ => unreachable!("a file of Ethereum"),
    }
}

#[test]
fn both_forms_of_a_file_say_the_same() {
    let world = World::new();
    let file = file(&world);
    let (json, bytes) = (serde_json::to_vec(&file).unwrap(), file.to_bytes().unwrap());
    let (from_json, from_bytes) = (EvidenceFile::read(&json).unwrap(), EvidenceFile::read(&bytes).unwrap());
    assert_eq!((from_json.to_bytes().unwrap(), from_bytes.to_bytes().unwrap()), (bytes.clone(), bytes));
    let verified = from_bytes.verify(file.at).unwrap();
    assert_eq!(verified, from_json.verify(file.at).unwrap());
    assert_eq!(verified.fact(), &deposit(1));
}

#[test]
fn a_deposit_is_final_by_what_it_brings_or_by_what_the_file_advances() {
    let world = World::new();
    let brought = file(&world);
    let mut advanced = brought.clone();
    let (trust, evidence) = parts(&mut advanced);
    trust.updates.push(Update::Finality(Box::new(world.finality.clone())));
    evidence.finality = None;
    for (file, by) in [(brought, "the finality update it brings"), (advanced, "the updates above")] {
        let explanation = file.explain(file.at);
        explanation.verdict.as_ref().unwrap();
        assert!(explanation.steps.iter().all(|step| step.outcome == Outcome::Checked));
        assert!(explanation.steps.last().unwrap().against.contains(by));
        assert!(explanation.trusted.iter().any(|line| line.contains("weak subjectivity")));
        assert!(explanation.trusted.iter().any(|line| line.contains("not slashable")));
    }
}

#[test]
fn an_explanation_marks_the_step_that_fails() {
    let world = World::new();
    let refused = |change: &dyn Fn(&mut EthereumTrust, &mut DepositEvidence)| {
        let mut file = file(&world);
        let (trust, evidence) = parts(&mut file);
        change(trust, evidence);
        let explanation = file.explain(file.at);
        let error = explanation.verdict.unwrap_err();
        let place = explanation.steps.iter().position(|step| step.outcome == Outcome::Refused(error.clone()));
        let place = place.expect("a step is marked");
        assert!(explanation.steps[..place].iter().all(|step| step.outcome == Outcome::Checked));
        assert!(explanation.steps[place + 1..].iter().all(|step| step.outcome == Outcome::NotReached));
        (explanation.steps[place].claim.clone(), error)
    };
    let unsigned = || {
        let mut update = world.finality.clone();
        update.sync_aggregate.sync_committee_signature = Default::default();
        Update::Finality(Box::new(update))
    };
    let stranger = Execution::with_deposits(80, 3);
    type Change<'a> = &'a dyn Fn(&mut EthereumTrust, &mut DepositEvidence);
    let cases: [(&str, Change<'_>); 13] = [
        ("bootstrap's header", &|trust, _| trust.trusted_root = B256::ZERO),
        ("bootstrap's header", &|trust, _| trust.bootstrap.current_sync_committee_branch[0] = B256::ZERO),
        ("updates: signed", &|trust, _| trust.updates.push(unsigned())),
        ("names this chain", &|_, evidence| evidence.inclusion.deposit.version = 2),
        ("names this chain", &|_, evidence| evidence.inclusion.deposit.source_bridge = B256::ZERO),
        ("canonical RLP", &|_, evidence| evidence.inclusion.header = evidence.inclusion.header.slice(1..)),
        ("outbox's account", &|_, evidence| drop(evidence.inclusion.account_proof.pop())),
        ("deposit's id", &|_, evidence| drop(evidence.inclusion.storage_proof.pop())),
        ("deposit's id", &|_, evidence| evidence.inclusion.deposit.amount += U256::from(1)),
        ("deposit's id", &|_, evidence| evidence.inclusion.deposit.recipient = B256::ZERO),
        ("is final", &|_, evidence| evidence.finality = Some(vec![0; 9].into())),
        // All of the inclusion is right: nothing says that its block is final, or what is said is of another block.
        ("is final", &|_, evidence| evidence.finality = None),
        ("is final", &|_, evidence| evidence.inclusion = stranger.inclusion(1)),
    ];
    for (expected, change) in cases {
        let (claim, error) = refused(change);
        assert!(claim.contains(expected), "{expected}: marked {claim:?} for {error}");
    }
}
