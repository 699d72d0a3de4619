//! Evidence files of Cosmos deposits: both forms, and what is told of the step that fails.

use spandrel_verifiers::Evidence;
use spandrel_verifiers::cosmos::{DepositEvidence, Update};
use spandrel_verifiers::file::{CosmosTrust, EvidenceFile, Outcome, Trust, VERSION};

use crate::chain::state;
use crate::scene::{NOW, packet, route, scene};

fn file() -> EvidenceFile {
    let scene = scene();
    let trust = CosmosTrust {
        client: scene.verifier.params().clone(),
        route: route(),
        anchor: state(&scene.anchor),
        updates: vec![Update::Header(scene.header(8))],
    };
    let evidence = Evidence::from(scene.evidence(5));
    EvidenceFile { version: VERSION, at: NOW, trust: Trust::Cosmos(Box::new(trust)), evidence }
}

#[test]
fn both_forms_of_a_file_say_the_same() {
    let file = file();
    let (json, bytes) = (serde_json::to_vec(&file).unwrap(), file.to_bytes().unwrap());
    let (from_json, from_bytes) = (EvidenceFile::read(&json).unwrap(), EvidenceFile::read(&bytes).unwrap());
    assert_eq!((from_json.to_bytes().unwrap(), from_bytes.to_bytes().unwrap()), (bytes.clone(), bytes));
    let verified = from_bytes.verify(NOW).unwrap();
    assert_eq!(verified, from_json.verify(NOW).unwrap());
    assert_eq!(verified.fact().source_key, packet(5).source_key());
}

#[test]
fn an_explanation_marks_the_step_that_fails() {
    let honest = file().explain(NOW);
    honest.verdict.as_ref().unwrap();
    assert!(honest.steps.iter().all(|step| step.outcome == Outcome::Checked));
    assert!(honest.trusted.iter().any(|line| line.contains("trusted at a header")));

    let refused = |change: &dyn Fn(&mut CosmosTrust, &mut DepositEvidence)| {
        let mut file = file();
        let (Trust::Cosmos(trust), Evidence::Cosmos(evidence)) = (&mut file.trust, &mut file.evidence) else {
            unreachable!("a file of Cosmos")
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
    type Change<'a> = &'a dyn Fn(&mut CosmosTrust, &mut DepositEvidence);
    let cases: [(&str, Change<'_>); 7] = [
        ("make sense", &|trust, _| trust.client.trust_level.numerator = 0),
        ("updates extend", &|trust, _| trust.updates.push(Update::Header(Default::default()))),
        ("neither expired", &|trust, _| {
            trust.client.trusting_period = 20;
            trust.updates.clear();
        }),
        ("headers lead", &|_, evidence| evidence.headers.clear()),
        ("app hash is", &|_, evidence| evidence.inclusion.app_hash.0[0] ^= 1),
        ("transfer over this route", &|trust, _| trust.route.destination_client = "spandrel-1".to_owned()),
        ("packet's commitment", &|_, evidence| evidence.inclusion.packet = packet(6).encode().into()),
    ];
    for (expected, change) in cases {
        let (claim, error) = refused(change);
        assert!(claim.contains(expected), "{expected}: marked {claim:?} for {error}");
    }
}
