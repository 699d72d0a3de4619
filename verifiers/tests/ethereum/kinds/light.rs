//! Light-client data of any network, as JSON, as SSZ or in a stream: whole, and signed where the committee stands beside.

use std::path::Path;

use alloy_primitives::B256;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use spandrel_verifiers::VerifyError;
use spandrel_verifiers::ethereum::Form;
use spandrel_verifiers::ethereum::bls::Committee;
use spandrel_verifiers::ethereum::containers::{
    BeaconBlockHeader, Bootstrap, ExecutionPayloadHeader, FinalityUpdate, LightClientData, LightClientHeader,
    LightClientUpdate, OptimisticUpdate, SyncCommittee,
};

use super::json as read_json;
use super::signers::{Networks, Signature, Signed, Signers};
use super::whole::{FORKS, PRESETS, Whole, check_header, forms};
use crate::chain::{Network, SEATS};
use crate::mainnet::{PlainBootstrap, PlainUpdate};
use crate::support::{Tally, bytes, texts, vectors};
use crate::vector_coverage::{Coverage, Ran, Report, is_home, stated};

/// What is said of a piece of data.
pub struct Verdict {
    slot: u64,
    pub result: Result<(), VerifyError>,
    signed: Option<Signed>,
    brings: Option<(u64, SyncCommittee)>,
    signature: Signature,
}

impl Verdict {
    /// On data in a form, whose signature nothing is known of.
    fn new<T: Whole>(data: &T, form: Form, result: Result<(), VerifyError>) -> Self {
        let signed = data.signed().map(|signed| Signed::new(signed, form.fork));
        let signature = if signed.is_some() { Signature::NotChecked } else { Signature::Nothing };
        let brings = data.brings().map(|(period, committee)| (period, committee.clone()));
        Self { slot: data.slot(), result, signed, brings, signature }
    }

    /// Goerli's bootstrap, whatever its file is called: its execution header has not the hash that the block's body
    /// commits to.
    fn is_known_to_be_spoiled(&self) -> bool {
        self.slot == 7_479_968 && self.result.as_ref().is_err_and(|error| error.field == "execution_branch")
    }
}

/// Of data that has the form of no fork.
const FORM: Form = Form { fork: FORKS[0], preset: PRESETS[0] };

/// Data read from JSON: in every form that it can have, encoded and read again, and whole in one of them.
fn judge<T: Whole>(data: &T) -> Verdict {
    let unknown = VerifyError::malformed("data", "the form of some fork", "another");
    let mut verdict = Verdict::new(data, FORM, Err(unknown));
    for form in forms().filter(|form| data.conform(*form).is_ok()) {
        assert_eq!(T::decode_ssz(&data.encode_ssz(), form).as_ref(), Ok(data));
        verdict = Verdict::new(data, form, data.check(form));
        if verdict.result.is_ok() {
            break;
        }
    }
    verdict
}

/// Holds each signature against the committees that stand in the document, brought by whole data or alone. One that is
/// signed tells the network: then what its committee did not sign is spoiled.
fn check_signatures(verdicts: &mut [Verdict], document: &Value) {
    if verdicts.iter().all(|verdict| verdict.signed.is_none()) {
        return;
    }
    let whole = verdicts.iter().filter(|verdict| verdict.result.is_ok());
    let brought = whole.filter_map(|verdict| verdict.brings.as_ref());
    let mut signers: Vec<Signers> =
        brought.filter_map(|(period, committee)| Signers::of_period((*period, committee))).collect();
    signers.extend(Signers::alone_in(document));
    let networks = Networks::of(document);
    for verdict in verdicts.iter_mut() {
        if let Some(signed) = verdict.signed.as_ref().filter(|_| verdict.result.is_ok()) {
            verdict.signature = signed.by(&signers, &networks);
        }
    }
    if verdicts.iter().any(|verdict| verdict.signature == Signature::Right) {
        for verdict in verdicts.iter_mut().filter(|verdict| verdict.signature == Signature::Unknown) {
            verdict.result = Err(VerifyError::invalid("sync_committee_signature", "the committee's", "another"));
        }
    }
}

/// The verdict on each piece of light-client data in a JSON document, however deep.
pub fn verdicts(value: &Value) -> Vec<Verdict> {
    fn read<T: DeserializeOwned + Whole>(value: &Value) -> Option<Verdict> {
        serde_json::from_value::<T>(value.clone()).ok().map(|data| judge(&data))
    }
    let plain = || {
        let update = serde_json::from_value::<PlainUpdate>(value.clone()).ok();
        let bootstrap = || serde_json::from_value::<PlainBootstrap>(value.clone()).ok();
        update.map(|update| judge(&update.altair())).or_else(|| bootstrap().map(|plain| judge(&plain.altair())))
    };
    let readers = [read::<Bootstrap>, read::<LightClientUpdate>, read::<FinalityUpdate>, read::<OptimisticUpdate>];
    if let Some(verdict) = readers.iter().find_map(|read| read(value)).or_else(plain) {
        return vec![verdict];
    }
    match value {
        Value::Object(members) => members.values().flat_map(verdicts).collect(),
        Value::Array(items) => items.iter().flat_map(verdicts).collect(),
        _ => Vec::new(),
    }
}

/// Counts pieces of a file. All are right, unless it is stated that they are not, or known of one. What is stated to be
/// spoiled may be so by its signature alone, which is not always to be told.
///
/// # Panics
/// When one is not as it should be.
fn counted(mut verdicts: Vec<Verdict>, document: &Value, stated: Option<bool>) -> Option<Ran> {
    check_signatures(&mut verdicts, document);
    let (mut passed, mut refused, mut open) = (0, 0, 0);
    for verdict in &verdicts {
        match (&verdict.result, stated, verdict.signature) {
            (Ok(()), Some(false), Signature::Unknown) => refused += 1,
            (Ok(()), _, signature) => {
                passed += 1;
                open += usize::from(matches!(signature, Signature::Unknown | Signature::NotChecked));
            }
            (Err(_), Some(false), _) => refused += 1,
            (Err(_), ..) if verdict.is_known_to_be_spoiled() => refused += 1,
            (Err(error), ..) => panic!("slot {}: {error}", verdict.slot),
        }
    }
    (0..open).for_each(|_| println!("skipped: light-client data that is whole: its signature is not checked"));
    assert!(stated != Some(false) || refused + open > 0, "what is said to be spoiled is whole");
    (!verdicts.is_empty()).then_some(Ran::Cases(passed, refused))
}

/// By itself, in an envelope, in lists, or among other things.
pub fn json_data(path: &Path, bytes: &[u8]) -> Option<Ran> {
    let file = read_json(bytes)?;
    let found = verdicts(&file);
    if found.is_empty() { None } else { counted(found, &file, stated(path, &file)) }
}

/// What a node sends of blocks as they come: every piece of light-client data in it.
pub fn stream(path: &Path, bytes: &[u8]) -> Option<Ran> {
    let text = std::str::from_utf8(bytes).ok().filter(|text| text.starts_with("event: "))?;
    let data = text.lines().filter_map(|line| serde_json::from_str(line.strip_prefix("data: ")?).ok());
    let found: Vec<_> = data.flat_map(|value: Value| verdicts(&value)).collect();
    if found.is_empty() { None } else { counted(found, &Value::Null, stated(path, &Value::Null)) }
}

/// SSZ has no names: of the forms in which it can be read and written again, whole in one of them, or else what the last
/// lacks. `None` if there is no such form.
fn in_some_form<T: Whole>(bytes: &[u8]) -> Option<Verdict> {
    let read = |form| T::decode_ssz(bytes, form).ok().filter(|data| data.encode_ssz() == bytes);
    let judged = forms().filter_map(|form| read(form).map(|data| Verdict::new(&data, form, data.check(form))));
    let mut verdict = None;
    for found in judged {
        verdict = Some(found);
        if verdict.as_ref().is_some_and(|verdict| verdict.result.is_ok()) {
            break;
        }
    }
    verdict
}

/// What is said of data, if it is any: where it can be read as two kinds, it is the one that is whole.
pub fn verdict_on(bytes: &[u8]) -> Option<Verdict> {
    let readers = [
        in_some_form::<Bootstrap>,
        in_some_form::<LightClientUpdate>,
        in_some_form::<FinalityUpdate>,
        in_some_form::<OptimisticUpdate>,
    ];
    let found = readers.iter().filter_map(|read| read(bytes));
    found.min_by_key(|verdict| verdict.result.is_err())
}

/// A header, or part of one.
fn is_part(bytes: &[u8]) -> bool {
    let header = |form: Form| {
        let header = LightClientHeader::decode_ssz(bytes, form.fork).ok().filter(|header| header.encode_ssz() == bytes);
        header.is_some_and(|header| check_header(&header, form).is_ok())
    };
    let payload =
        |fork| ExecutionPayloadHeader::decode_ssz(bytes, fork).is_ok_and(|header| header.encode_ssz() == bytes);
    let committee = |preset| SyncCommittee::decode_ssz(bytes, preset).is_ok_and(|found| Committee::new(&found).is_ok());
    BeaconBlockHeader::decode_ssz(bytes).is_ok()
        || forms().any(header)
        || FORKS.into_iter().any(payload)
        || PRESETS.into_iter().any(committee)
}

/// What the answer to a question for updates has: each behind its length and the digest of its fork.
fn framed(bytes: &[u8]) -> Option<Vec<&[u8]>> {
    let (mut rest, mut found) = (bytes, Vec::new());
    while let Some((length, tail)) = rest.split_first_chunk::<8>() {
        let (frame, tail) = tail.split_at_checked(usize::try_from(u64::from_le_bytes(*length)).ok()?)?;
        found.push(frame.get(4..)?);
        rest = tail;
    }
    rest.is_empty().then_some(found)
}

/// Data, a list of it, or a part.
pub fn ssz_data(path: &Path, bytes: &[u8]) -> Option<Ran> {
    if std::str::from_utf8(bytes).is_ok() || bytes.is_empty() {
        return None;
    }
    let all = |frames: Vec<&[u8]>| frames.into_iter().map(verdict_on).collect::<Option<Vec<_>>>();
    let found = framed(bytes).and_then(all).or_else(|| verdict_on(bytes).map(|verdict| vec![verdict]));
    match found.filter(|found| !found.is_empty()) {
        Some(found) if found.iter().all(|verdict| verdict.result.is_ok()) || !is_part(bytes) => {
            counted(found, &Value::Null, stated(path, &Value::Null))
        }
        _ => is_part(bytes).then_some(Ran::Cases(1, 0)),
    }
}

#[test]
fn every_recorded_piece_of_light_client_data_is_whole_but_one() {
    let Some(root) = vectors("ethereum") else { return };
    let mut tally = Tally::new("light-client data, whatever its file is called");
    for file in texts(root) {
        println!("light-client data: {}", file.display());
        if let Some(Ran::Cases(passed, refused)) = json_data(&file, &bytes(&file)) {
            tally.count(passed, refused);
        }
    }
    assert!((tally.passed() > 0 && tally.refused() > 0) || !is_home());
}

#[test]
fn what_is_signed_by_another_or_nobody_or_too_early_is_not_taken_for_right() {
    let folder = tempfile::tempdir().unwrap();
    let network = Network::electra();
    let finalized = network.block(72, None);
    let attested = network.block(96, Some(&finalized));
    let (_, bootstrap) = network.bootstrap(&network.block(64, None));
    let honest = network.finality_update(&attested, &finalized, 0..SEATS);
    let path = folder.path().join("a.json");
    let run = |rest: Value, update: &FinalityUpdate| {
        let mut file = rest;
        file["update"] = serde_json::to_value(update).unwrap();
        let bytes = file.to_string().into_bytes();
        std::panic::catch_unwind(|| json_data(&path, &bytes).unwrap())
    };
    let alone = || json!({});
    let beside = || json!({"bootstrap": bootstrap, "root": {"genesis_root": network.config.genesis_validators_root}});
    let spoiled = |mut file: Value| {
        file["valid"] = json!(false);
        file
    };
    let mut early = honest.clone();
    early.signature_slot = 96;
    let mut nobody = honest.clone();
    nobody.sync_aggregate.sync_committee_bits = vec![0; SEATS / 8].into();
    let mut later = honest.clone();
    (later.attested_header, later.finalized_header) = (honest.finalized_header.clone(), honest.attested_header.clone());
    for (update, field) in [(&early, "signature_slot"), (&nobody, "sync_committee_bits"), (&later, "finalized_header")]
    {
        assert!(run(alone(), update).is_err(), "{field}");
        assert_eq!(run(spoiled(alone()), update).unwrap(), Ran::Cases(0, 1), "{field}");
    }
    // By its signature alone: told where the committee and the network are, left open where they are not.
    let mut forged = honest.clone();
    forged.sync_aggregate = network.finality_update(&finalized, &finalized, 0..SEATS).sync_aggregate;
    assert_eq!(run(beside(), &honest).unwrap(), Ran::Cases(2, 0));
    assert_eq!(run(spoiled(beside()), &forged).unwrap(), Ran::Cases(1, 1));
    run(spoiled(beside()), &honest).unwrap_err();
    assert_eq!(run(alone(), &forged).unwrap(), Ran::Cases(1, 0));
    assert_eq!(run(spoiled(alone()), &forged).unwrap(), Ran::Cases(1, 0));
    // Beside one that is right it is known to be wrong.
    let mut both = beside();
    both["honest"] = json!(honest);
    run(both.clone(), &forged).unwrap_err();
    assert_eq!(run(spoiled(both), &forged).unwrap(), Ran::Cases(2, 1));
}

/// A bootstrap as some node gave it, of a made network.
fn bootstrap() -> Bootstrap {
    let network = Network::electra();
    network.bootstrap(&network.block(64, None)).1
}

#[test]
fn data_that_is_refused_fails_unless_it_is_stated_to_be_spoiled() {
    let folder = tempfile::tempdir().unwrap();
    let report = |content: &[u8], name: &str| {
        std::fs::write(folder.path().join(name), content).unwrap();
        let rare: Vec<&str> = super::KINDS.iter().map(|kind| kind.name).collect();
        let coverage = Coverage { folder: "here", read: &[], unread: &[], kinds: super::KINDS, rare: &rare };
        let Report { unknown, faults, .. } = coverage.report(folder.path(), true);
        std::fs::remove_file(folder.path().join(name)).unwrap();
        (unknown, faults.len())
    };
    let honest = bootstrap();
    let mut spoiled = honest.clone();
    spoiled.current_sync_committee_branch[0] = B256::ZERO;
    let json = |data: &Bootstrap| serde_json::to_value(data).unwrap();
    let text = |value: &Value| value.to_string().into_bytes();
    assert_eq!(report(&text(&json(&honest)), "a.json"), ((1, 0), 0));
    assert_eq!(report(&text(&json(&spoiled)), "a.json"), ((0, 0), 1));
    assert_eq!(report(&honest.encode_ssz(), "a.ssz"), ((1, 0), 0));
    assert_eq!(report(&spoiled.encode_ssz(), "a.ssz"), ((0, 0), 1));
    // With a word on it, in the file or beside it.
    let case = |data: &Bootstrap, is_valid: bool| text(&json!({"valid": is_valid, "bootstrap": json(data)}));
    assert_eq!(report(&case(&spoiled, false), "a.json"), ((0, 1), 0));
    assert_eq!(report(&case(&spoiled, true), "a.json"), ((0, 0), 1));
    assert_eq!(report(&case(&honest, false), "a.json"), ((0, 0), 1));
    std::fs::write(folder.path().join("meta.yaml"), "valid: false\n").unwrap();
    assert_eq!(report(&spoiled.encode_ssz(), "a.ssz"), ((0, 1), 0));
    assert_eq!(report(&honest.encode_ssz(), "a.ssz"), ((0, 0), 1));
}
