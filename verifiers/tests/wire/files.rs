//! Evidence files: both forms say the same, and a change in either is refused by the name of what was changed.

use protox::prost::Message;
use protox::prost_reflect::DynamicMessage;
use spandrel_verifiers::bitcoin::{ConfirmationPolicy, Inclusion};
use spandrel_verifiers::file::{
    BitcoinTrust, BlockTrust, EvidenceFile, MAX_FILE, MAX_NESTING, Outcome, ProofFile, Trust,
};
use spandrel_verifiers::{ChainId, Checkpoint, Deposit, Evidence, LanePreference, Verified};

use crate::bitcoin_deposits::Scene;
use crate::definitions::message;
use crate::honest::{HONEST, of_bitcoin};

fn file() -> EvidenceFile {
    of_bitcoin(&Scene::new(6))
}

#[test]
fn both_forms_of_a_file_say_the_same() {
    let file = file();
    let json = serde_json::to_string_pretty(&file).unwrap();
    let bytes = file.to_bytes().unwrap();
    let (from_json, from_bytes) = (EvidenceFile::read(json.as_bytes()).unwrap(), EvidenceFile::read(&bytes).unwrap());
    assert_eq!(from_bytes.to_bytes().unwrap(), bytes);
    assert_eq!(from_json.to_bytes().unwrap(), bytes);
    let verified = from_bytes.verify(file.at).unwrap();
    assert_eq!(verified, from_json.verify(file.at + 1).unwrap());
    assert_eq!(verified.fact().lane, LanePreference::Fast);
    assert_eq!(from_bytes.verify(file.at - 1).unwrap_err().field, "at");
    let standard = DynamicMessage::decode(message("EvidenceFile"), bytes.as_slice()).unwrap();
    assert_eq!(standard.encode_to_vec(), bytes);
}

#[test]
fn what_is_no_file_is_refused_by_the_field_that_spoils_it() {
    let bytes = file().to_bytes().unwrap();
    let refused = |bytes: &[u8]| EvidenceFile::read(bytes).unwrap_err().field;
    assert_eq!((refused(&[]), refused(b"what?"), refused(&[0x10, 1])), ("file".into(), "file".into(), "file".into()));
    assert_eq!(refused(&[0x08, 2]), "trust.chain");
    for version in [1, 3] {
        assert_eq!(refused(&[&[0x08, version], &bytes[2..]].concat()), "version");
    }
    assert_eq!(refused(&vec![b' '; MAX_FILE + 1]), "file");
    assert_eq!(refused(&[&bytes[..], &[0]].concat()), "field 0");
    let spaced = String::from_utf8_lossy(&bytes).find("\"height\"").unwrap();
    let mut other = bytes.clone();
    other[spaced] = b' ';
    assert!(refused(&other).starts_with("trust.anchor"));
    let json = serde_json::to_string(&file()).unwrap();
    assert_eq!(refused(format!("{json}{{}}").as_bytes()), "file");
    assert_eq!(refused(json.replace("\"version\":1", "\"version\":2").as_bytes()), "version");
}

/// How many objects and lists stand in one another.
fn levels(value: &serde_json::Value) -> usize {
    match value {
        serde_json::Value::Object(members) => 1 + members.values().map(levels).max().unwrap_or_default(),
        serde_json::Value::Array(items) => 1 + items.iter().map(levels).max().unwrap_or_default(),
        _ => 0,
    }
}

/// How deep JSON is nested is limited before it is parsed.
#[test]
fn a_files_json_is_no_deeper_than_the_limit() {
    let deepest = HONEST.files.iter().map(|file| levels(&serde_json::to_value(file).unwrap())).max().unwrap();
    assert!((8..MAX_NESTING).contains(&deepest), "{deepest}");
    let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    let limit = format!("at most {MAX_NESTING} levels of nesting");
    // One level more is refused for its depth, one fewer for what it says.
    for name in ["trust", "contradiction"] {
        let refused =
            |depth: usize| ProofFile::read(format!("{{\"{name}\":{}}}", nested(depth)).as_bytes()).unwrap_err();
        let error = refused(MAX_NESTING);
        assert_eq!((error.field.as_str(), &error.expected), ("file", &limit));
        assert_ne!(refused(MAX_NESTING - 1).expected, limit);
    }
}

/// JSON is read within the limits of the protobuf form.
#[test]
fn a_field_beyond_its_limit_is_refused_in_either_form() {
    let refused = |change: &dyn Fn(&mut BitcoinTrust, &mut Inclusion)| {
        let mut file = file();
        let (Trust::Bitcoin(trust), Evidence::Bitcoin(inclusion)) = (&mut file.trust, &mut file.evidence) else {
            unreachable!("a file of Bitcoin")
        };
        change(trust, inclusion);
        let forms = [serde_json::to_vec(&file).unwrap(), file.to_bytes().unwrap()];
        let [json, bytes] = forms.map(|form| EvidenceFile::read(&form).unwrap_err());
        assert_eq!(json, bytes);
        json.field
    };
    assert_eq!(refused(&|trust, _| trust.headers[1] = vec![0; 79].into()), "trust.headers[1]");
    assert_eq!(refused(&|_, inclusion| inclusion.path = vec![Default::default(); 16]), "evidence.path");
    assert_eq!(refused(&|_, inclusion| inclusion.transaction = vec![0; 400_001].into()), "evidence.transaction");
}

/// Of two neighbouring lists, one too long and one too short: protobuf would say another thing.
#[test]
fn what_json_alone_can_say_is_refused() {
    let mut file = HONEST.files[1].clone();
    let Trust::Ethereum(trust) = &mut file.trust else { unreachable!("the second file is Ethereum's") };
    let (committee, branch) =
        (&mut trust.bootstrap.current_sync_committee, &mut trust.bootstrap.current_sync_committee_branch);
    // Two keys are as long as three hashes.
    assert!(branch.len() > 3);
    committee.pubkeys.extend([committee.pubkeys[0]; 2]);
    branch.truncate(branch.len() - 3);
    EvidenceFile::read(&file.to_bytes().unwrap()).expect("as protobuf it is another file");
    let error = EvidenceFile::read(&serde_json::to_vec(&file).unwrap()).unwrap_err();
    assert_eq!((error.field.as_str(), error.expected.as_str()), ("file", "what both forms can say"));
}

/// As the transfer API answers: under the deposit's block alone, with what it says beside the file.
#[test]
fn an_answer_is_a_file_that_trusts_the_block_it_names() {
    let honest = file();
    let Trust::Bitcoin(from) = &honest.trust else { unreachable!() };
    let trust = BlockTrust { chain: from.chain.clone(), bridge: from.vault, block: honest.evidence.root() };
    let trusting = |trust: BlockTrust| EvidenceFile { trust: Trust::Block(Box::new(trust)), ..honest.clone() };
    let (file, proven) = (trusting(trust.clone()), honest.verify(honest.at).unwrap());
    // The same, but that a block by itself says nothing of how many stand on it.
    let under_the_block = Checkpoint { up_to: 0, ..proven.under().clone() };
    let is_the_same = |found: Verified<Deposit>| found.fact() == proven.fact() && *found.under() == under_the_block;
    assert!(is_the_same(file.verify(honest.at).unwrap()));
    assert!(file.trust.said()[0].contains("look it up"), "{:?}", file.trust.said());
    assert!(is_the_same(EvidenceFile::read(&file.to_bytes().unwrap()).unwrap().verify(honest.at).unwrap()));
    let refused = |trust: BlockTrust| trusting(trust).verify(honest.at).unwrap_err().field;
    assert_eq!(refused(BlockTrust { block: Default::default(), ..trust.clone() }), "evidence.header");
    assert_eq!(refused(BlockTrust { bridge: Default::default(), ..trust.clone() }), "trust.vault");
    assert_eq!(refused(BlockTrust { chain: ChainId::eip155(1), ..trust }), "trust.chain");
    let mut answer = serde_json::to_value(&file).unwrap();
    answer["deposit"] = proven.fact().id().to_string().into();
    answer["root"] = honest.evidence.root().to_string().into();
    (answer["checkpoint"], answer["claim"]) = (serde_json::Value::Null, serde_json::json!([{ "step": "claim" }]));
    let read = |answer: &serde_json::Value| EvidenceFile::read(answer.to_string().as_bytes());
    assert!(is_the_same(read(&answer).unwrap().verify(honest.at).unwrap()));
    for name in ["deposit", "root"] {
        let mut other = answer.clone();
        other[name] = format!("0x{}", "1".repeat(64)).into();
        assert_eq!(read(&other).unwrap_err().field, name);
    }
    answer["more"] = true.into();
    assert!(read(&answer).is_err(), "what nobody knows is not read over");
}

/// Every bit of a file: what is trusted, when, and the evidence.
#[test]
fn no_flipped_bit_of_a_file_proves_another_deposit() {
    let file = file();
    let (bytes, honest) = (file.to_bytes().unwrap(), file.verify(file.at).unwrap());
    let (mut unread, mut unproven, mut same) = (0, 0, 0);
    for place in 0..bytes.len() {
        for bit in 0..8 {
            let mut flipped = bytes.clone();
            flipped[place] ^= 1 << bit;
            let Ok(read) = EvidenceFile::read(&flipped) else {
                unread += 1;
                continue;
            };
            assert_eq!(read.to_bytes().unwrap(), flipped, "byte {place} bit {bit}");
            match read.verify(file.at) {
                Ok(verified) => {
                    assert_eq!(verified, honest, "byte {place} bit {bit}");
                    same += 1;
                }
                Err(_) => unproven += 1,
            }
        }
    }
    println!("{unread} flipped bits do not decode, {unproven} do not verify, {same} prove the same");
    // Other times and laxer policies, which the reader sees, prove the same.
    assert!(unread > 1_000 && unproven > 1_000 && same < 200);
}

#[test]
fn an_explanation_marks_the_step_that_fails() {
    let honest = file();
    let explanation = honest.explain(honest.at);
    explanation.verdict.as_ref().unwrap();
    assert!(explanation.steps.iter().all(|step| step.outcome == Outcome::Checked));
    assert!(explanation.trusted.iter().any(|line| line.contains("vault key")));
    let text = explanation.to_string();
    assert!(text.contains("proven") && !text.contains("REFUSED"), "{text}");

    let refused = |change: &dyn Fn(&mut EvidenceFile)| {
        let mut file = file();
        change(&mut file);
        let explanation = file.explain(file.at);
        let error = explanation.verdict.unwrap_err();
        let place = explanation.steps.iter().position(|step| step.outcome == Outcome::Refused(error.clone()));
        let place = place.expect("a step is marked");
        assert!(explanation.steps[..place].iter().all(|step| step.outcome == Outcome::Checked));
        assert!(explanation.steps[place + 1..].iter().all(|step| step.outcome == Outcome::NotReached));
        explanation.steps[place].claim.clone()
    };
    let inclusion = |file: &mut EvidenceFile, change: &dyn Fn(&mut Inclusion)| {
        let Evidence::Bitcoin(inclusion) = &mut file.evidence else { unreachable!() };
        change(inclusion);
    };
    let trust = |file: &mut EvidenceFile, change: &dyn Fn(&mut BitcoinTrust)| {
        let Trust::Bitcoin(trust) = &mut file.trust else { unreachable!() };
        change(trust);
    };
    type Change<'a> = &'a dyn Fn(&mut EvidenceFile);
    let cases: [(&str, Change<'_>); 6] = [
        ("anchor", &|file| trust(file, &|trust| trust.anchor.height = 1)),
        ("headers extend it", &|file| trust(file, &|trust| drop(trust.headers.remove(0)))),
        ("stands at height", &|file| inclusion(file, &|inclusion| inclusion.height += 1)),
        ("levels below", &|file| inclusion(file, &|inclusion| inclusion.path[0].0[0] ^= 1)),
        ("commits to the terms", &|file| inclusion(file, &|inclusion| inclusion.terms.expiry += 1)),
        ("deep enough", &|file| trust(file, &|trust| trust.confirmations = ConfirmationPolicy::flat(7))),
    ];
    for (expected, change) in cases {
        let claim = refused(change);
        assert!(claim.contains(expected), "{expected}: marked {claim:?}");
    }
    let early = honest.explain(honest.at - 1);
    assert!(matches!(early.steps[0].outcome, Outcome::Refused(_)));
}
