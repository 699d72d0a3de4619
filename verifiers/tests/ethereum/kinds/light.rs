//! Light-client data of any network: each part stands where the roots of its headers say.

use std::path::Path;

use alloy_primitives::B256;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use spandrel_verifiers::VerifyError;
use spandrel_verifiers::ethereum::bls::Committee;
use spandrel_verifiers::ethereum::containers::{
    BeaconBlockHeader, Bootstrap, ExecutionPayloadHeader, FinalityUpdate, LightClientData, LightClientHeader,
    LightClientUpdate, OptimisticUpdate, SyncCommittee,
};
use spandrel_verifiers::ethereum::ssz::{HashTreeRoot, verify_branch};
use spandrel_verifiers::ethereum::{Fork, Form, Gindex, Preset};

use super::json as read_json;
use crate::chain::Network;
use crate::mainnet::{PlainBootstrap, PlainUpdate};
use crate::networks::minimal_network;
use crate::support::{Tally, bytes, texts, vectors};
use crate::vector_coverage::{Coverage, Ran, Report, is_home, stated};

/// Later ones first: data of Fulu has the form of Electra's, and that of Bellatrix Altair's.
const FORKS: [Fork; 5] = [Fork::Gloas, Fork::Fulu, Fork::Deneb, Fork::Capella, Fork::Bellatrix];
const PRESETS: [Preset; 2] = [Preset::Mainnet, Preset::Minimal];

/// Data whose parts can be held against each other.
pub trait Whole: LightClientData + PartialEq + std::fmt::Debug {
    /// The slot of its first header.
    fn slot(&self) -> u64;
    /// Whether all that is in it stands under its header's roots. Its signature is another matter.
    fn check(&self, form: Form) -> Result<(), VerifyError>;
}

/// Whether what a header says of execution stands in its body, under its own fork, which may be older than the form's.
fn check_header(header: &LightClientHeader, form: Form) -> Result<(), VerifyError> {
    let older = [Fork::Altair, Fork::Capella, Fork::Deneb, Fork::Electra, Fork::Gloas];
    let newest = header.verify(&minimal_network(form.fork, B256::ZERO));
    let networks = older.into_iter().filter(|fork| *fork < form.fork).map(|fork| minimal_network(fork, B256::ZERO));
    if networks.into_iter().any(|network| header.verify(&network).is_ok()) { Ok(()) } else { newest }
}

fn check_committee(committee: &SyncCommittee, branch: &[B256], index: Gindex, state: B256) -> Result<(), VerifyError> {
    verify_branch("sync_committee_branch", committee.hash_tree_root(), branch, index, state)?;
    Committee::new(committee).map(drop)
}

fn check_finalized(update: (&LightClientHeader, &LightClientHeader, &[B256]), form: Form) -> Result<(), VerifyError> {
    let (attested, finalized, branch) = update;
    check_header(attested, form)?;
    if finalized.is_empty() && branch.iter().all(B256::is_zero) {
        return Ok(());
    }
    // Of the first block, which has no root yet, the branch proves a zero.
    let root = if finalized.is_empty() {
        B256::ZERO
    } else {
        check_header(finalized, form)?;
        finalized.beacon.hash_tree_root()
    };
    verify_branch("finality_branch", root, branch, form.fork.finalized_root_gindex(), attested.beacon.state_root)
}

impl Whole for Bootstrap {
    fn slot(&self) -> u64 {
        self.header.beacon.slot
    }

    fn check(&self, form: Form) -> Result<(), VerifyError> {
        check_header(&self.header, form)?;
        let index = form.fork.current_committee_gindex();
        let state = self.header.beacon.state_root;
        check_committee(&self.current_sync_committee, &self.current_sync_committee_branch, index, state)
    }
}

impl Whole for LightClientUpdate {
    fn slot(&self) -> u64 {
        self.attested_header.beacon.slot
    }

    fn check(&self, form: Form) -> Result<(), VerifyError> {
        check_finalized((&self.attested_header, &self.finalized_header, &self.finality_branch), form)?;
        let branch = &self.next_sync_committee_branch;
        if branch.iter().all(B256::is_zero) {
            return Ok(());
        }
        let (index, state) = (form.fork.next_committee_gindex(), self.attested_header.beacon.state_root);
        check_committee(&self.next_sync_committee, branch, index, state)
    }
}

impl Whole for FinalityUpdate {
    fn slot(&self) -> u64 {
        self.attested_header.beacon.slot
    }

    fn check(&self, form: Form) -> Result<(), VerifyError> {
        check_finalized((&self.attested_header, &self.finalized_header, &self.finality_branch), form)
    }
}

impl Whole for OptimisticUpdate {
    fn slot(&self) -> u64 {
        self.attested_header.beacon.slot
    }

    fn check(&self, form: Form) -> Result<(), VerifyError> {
        check_header(&self.attested_header, form)
    }
}

fn forms() -> impl Iterator<Item = Form> {
    FORKS.into_iter().flat_map(|fork| PRESETS.map(|preset| Form { fork, preset }))
}

/// What is said of a piece of data.
pub struct Verdict {
    slot: u64,
    pub result: Result<(), VerifyError>,
}

impl Verdict {
    /// Goerli's bootstrap, whatever its file is called: its execution header has not the hash that the block's body
    /// commits to.
    fn is_known_to_be_spoiled(&self) -> bool {
        self.slot == 7_479_968 && self.result.as_ref().is_err_and(|error| error.field == "execution_branch")
    }
}

/// Data read from JSON: in every form that it can have, encoded and read again, and whole in one of them.
fn judge<T: Whole>(data: &T) -> Verdict {
    let mut verdict = Err(VerifyError::malformed("data", "the form of some fork", "another"));
    for form in forms().filter(|form| data.conform(*form).is_ok()) {
        assert_eq!(T::decode_ssz(&data.encode_ssz(), form).as_ref(), Ok(data));
        verdict = data.check(form);
        if verdict.is_ok() {
            break;
        }
    }
    Verdict { slot: data.slot(), result: verdict }
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

/// Counts pieces of a file. All are right, unless it is stated that they are not, or known of one.
///
/// # Panics
/// When one is not as it should be.
fn counted(verdicts: &[Verdict], stated: Option<bool>) -> Option<Ran> {
    let (mut passed, mut refused) = (0, 0);
    for verdict in verdicts {
        match (&verdict.result, stated) {
            (Ok(()), _) => passed += 1,
            (Err(_), Some(false)) => refused += 1,
            (Err(_), _) if verdict.is_known_to_be_spoiled() => refused += 1,
            (Err(error), _) => panic!("slot {}: {error}", verdict.slot),
        }
    }
    assert!(stated != Some(false) || refused > 0, "what is said to be spoiled is whole");
    (!verdicts.is_empty()).then_some(Ran::Cases(passed, refused))
}

/// By itself, in an envelope, in lists, or among other things.
pub fn json_data(path: &Path, bytes: &[u8]) -> Option<Ran> {
    let file = read_json(bytes)?;
    let found = verdicts(&file);
    if found.is_empty() { None } else { counted(&found, stated(path, &file)) }
}

/// What a node sends of blocks as they come: every piece of light-client data in it.
pub fn stream(path: &Path, bytes: &[u8]) -> Option<Ran> {
    let text = std::str::from_utf8(bytes).ok().filter(|text| text.starts_with("event: "))?;
    let data = text.lines().filter_map(|line| serde_json::from_str(line.strip_prefix("data: ")?).ok());
    let found: Vec<_> = data.flat_map(|value: Value| verdicts(&value)).collect();
    if found.is_empty() { None } else { counted(&found, stated(path, &Value::Null)) }
}

/// SSZ has no names: of the forms in which it can be read and written again, whole in one of them, or else what the last
/// lacks. `None` if there is no such form.
fn in_some_form<T: Whole>(bytes: &[u8]) -> Option<Verdict> {
    let read = |form| T::decode_ssz(bytes, form).ok().filter(|data| data.encode_ssz() == bytes);
    let judged = forms().filter_map(|form| read(form).map(|data| (data.slot(), data.check(form))));
    let mut verdict = None;
    for (slot, result) in judged {
        verdict = Some(Verdict { slot, result });
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
            counted(&found, stated(path, &Value::Null))
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
