//! Evidence files of Solana deposits: both forms, and what is told of the step that fails.

use spandrel_verifiers::Evidence;
use spandrel_verifiers::file::{EvidenceFile, Outcome, SolanaTrust, Trust, VERSION};
use spandrel_verifiers::solana::DepositEvidence;

use super::maker::{NOW, config, table, validators};
use super::scene::{SLOT, Scene, finalizing};

fn file() -> EvidenceFile {
    let scene = Scene::shared();
    let updates = finalizing(SLOT, scene.block.chained_id());
    let trust = SolanaTrust { config: config(), table: table(0, &validators()), updates };
    let evidence = Evidence::from(scene.evidence.clone());
    EvidenceFile { version: VERSION, at: NOW, trust: Trust::Solana(Box::new(trust)), evidence }
}

#[test]
fn both_forms_of_a_file_say_the_same() {
    let file = file();
    let (json, bytes) = (serde_json::to_vec(&file).unwrap(), file.to_bytes().unwrap());
    let (from_json, from_bytes) = (EvidenceFile::read(&json).unwrap(), EvidenceFile::read(&bytes).unwrap());
    assert_eq!((from_json.to_bytes().unwrap(), from_bytes.to_bytes().unwrap()), (bytes.clone(), bytes));
    let verified = from_bytes.verify(NOW).unwrap();
    assert_eq!(verified, from_json.verify(NOW).unwrap());
    assert_eq!(verified, Scene::shared().verify(&Scene::shared().evidence).unwrap());
}

#[test]
fn an_explanation_marks_the_step_that_fails_and_says_what_is_not_proven() {
    let honest = file().explain(NOW);
    honest.verdict.as_ref().unwrap();
    assert!(honest.steps.iter().all(|step| step.outcome == Outcome::Checked));
    assert!(honest.trusted.iter().any(|line| line.contains("no Solana block proves it")));

    let refused = |change: &dyn Fn(&mut SolanaTrust, &mut DepositEvidence)| {
        let mut file = file();
        let (Trust::Solana(trust), Evidence::Solana(evidence)) = (&mut file.trust, &mut file.evidence) else {
            unreachable!("a file of Solana")
        };
        change(trust, evidence);
        let explanation = file.explain(NOW);
        let error = explanation.verdict.unwrap_err();
        let place = explanation.steps.iter().position(|step| step.outcome == Outcome::Refused(error.clone()));
        let place = place.expect("a step is marked");
        assert!(explanation.steps[..place].iter().all(|step| step.outcome == Outcome::Checked));
        assert!(explanation.steps[place + 1..].iter().all(|step| step.outcome == Outcome::NotReached));
        (explanation.steps[place].claim.clone(), error)
    };
    type Change<'a> = &'a dyn Fn(&mut SolanaTrust, &mut DepositEvidence);
    let cases: [(&str, Change<'_>); 6] = [
        ("stake table make sense", &|trust, _| trust.table.stakes.reverse()),
        ("updates: two thirds", &|trust, _| drop(trust.updates.remove(0))),
        ("is final", &|trust, _| trust.updates.clear()),
        ("shreds stand", &|_, evidence| drop(evidence.inclusion.shreds.batch.pop())),
        ("token transfer", &|_, evidence| evidence.inclusion.instruction += 1),
        ("TRUSTED, not proven", &|_, evidence| evidence.execution.signatures.clear()),
    ];
    for (expected, change) in cases {
        let (claim, error) = refused(change);
        assert!(claim.contains(expected), "{expected}: marked {claim:?} for {error}");
    }
}
