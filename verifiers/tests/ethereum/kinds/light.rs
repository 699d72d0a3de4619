//! Light-client data of any network: each part stands where the roots of its headers say.

use std::path::Path;

use alloy_primitives::B256;
use serde::de::DeserializeOwned;
use serde_json::Value;
use spandrel_verifiers::VerifyError;
use spandrel_verifiers::ethereum::bls::Committee;
use spandrel_verifiers::ethereum::containers::{
    BeaconBlockHeader, Bootstrap, ExecutionPayloadHeader, FinalityUpdate, LightClientData, LightClientHeader,
    LightClientUpdate, OptimisticUpdate, SyncCommittee,
};
use spandrel_verifiers::ethereum::ssz::{HashTreeRoot, verify_branch};
use spandrel_verifiers::ethereum::{Fork, Form, Gindex, Preset};

use super::json;
use crate::mainnet::{PlainBootstrap, PlainUpdate};
use crate::networks::minimal_network;
use crate::support::{Tally, bytes, texts, vectors};
use crate::vector_coverage::{Ran, is_home};

/// Later ones first: data of Fulu has the form of Electra's, and that of Bellatrix Altair's.
const FORKS: [Fork; 5] = [Fork::Gloas, Fork::Fulu, Fork::Deneb, Fork::Capella, Fork::Bellatrix];
const PRESETS: [Preset; 2] = [Preset::Mainnet, Preset::Minimal];

/// Data whose parts can be held against each other.
pub trait Whole: LightClientData + PartialEq + std::fmt::Debug {
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
    check_header(finalized, form)?;
    let root = finalized.beacon.hash_tree_root();
    verify_branch("finality_branch", root, branch, form.fork.finalized_root_gindex(), attested.beacon.state_root)
}

impl Whole for Bootstrap {
    fn check(&self, form: Form) -> Result<(), VerifyError> {
        check_header(&self.header, form)?;
        let index = form.fork.current_committee_gindex();
        let state = self.header.beacon.state_root;
        check_committee(&self.current_sync_committee, &self.current_sync_committee_branch, index, state)
    }
}

impl Whole for LightClientUpdate {
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
    fn check(&self, form: Form) -> Result<(), VerifyError> {
        check_finalized((&self.attested_header, &self.finalized_header, &self.finality_branch), form)
    }
}

impl Whole for OptimisticUpdate {
    fn check(&self, form: Form) -> Result<(), VerifyError> {
        check_header(&self.attested_header, form)
    }
}

fn forms() -> impl Iterator<Item = Form> {
    FORKS.into_iter().flat_map(|fork| PRESETS.map(|preset| Form { fork, preset }))
}

/// Data read from JSON: in every form that it can have, encoded and read again, and whole in one of them.
fn judge<T: Whole>(data: &T) -> Result<(), VerifyError> {
    let mut verdict = Err(VerifyError::malformed("data", "the form of some fork", "another"));
    for form in forms().filter(|form| data.conform(*form).is_ok()) {
        assert_eq!(T::decode_ssz(&data.encode_ssz(), form).as_ref(), Ok(data));
        verdict = data.check(form);
        if verdict.is_ok() {
            break;
        }
    }
    verdict
}

/// The verdict on each piece of light-client data in a JSON document, however deep.
pub fn verdicts(value: &Value) -> Vec<Result<(), VerifyError>> {
    fn read<T: DeserializeOwned + Whole>(value: &Value) -> Option<Result<(), VerifyError>> {
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

fn counted(verdicts: &[Result<(), VerifyError>]) -> Option<Ran> {
    let passed = verdicts.iter().filter(|verdict| verdict.is_ok()).count();
    (!verdicts.is_empty()).then_some(Ran::Cases(passed, verdicts.len() - passed))
}

/// By itself, in an envelope, in lists, or among other things.
pub fn json_data(_: &Path, bytes: &[u8]) -> Option<Ran> {
    counted(&verdicts(&json(bytes)?))
}

/// What a node sends of blocks as they come: every piece of light-client data in it.
pub fn stream(_: &Path, bytes: &[u8]) -> Option<Ran> {
    let text = std::str::from_utf8(bytes).ok().filter(|text| text.starts_with("event: "))?;
    let data = text.lines().filter_map(|line| serde_json::from_str(line.strip_prefix("data: ")?).ok());
    counted(&data.flat_map(|value: Value| verdicts(&value)).collect::<Vec<_>>())
}

/// SSZ is known by being whole: it has no names.
fn is_whole<T: Whole>(bytes: &[u8]) -> bool {
    let read = |form| T::decode_ssz(bytes, form).ok().filter(|data| data.encode_ssz() == bytes);
    forms().any(|form| read(form).is_some_and(|data| data.check(form).is_ok()))
}

fn is_data(bytes: &[u8]) -> bool {
    let whole = [
        is_whole::<Bootstrap>,
        is_whole::<LightClientUpdate>,
        is_whole::<FinalityUpdate>,
        is_whole::<OptimisticUpdate>,
    ];
    whole.iter().any(|is_whole| is_whole(bytes))
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
pub fn ssz_data(_: &Path, bytes: &[u8]) -> Option<Ran> {
    if std::str::from_utf8(bytes).is_ok() || bytes.is_empty() {
        return None;
    }
    let frames = framed(bytes).filter(|frames| frames.iter().all(|frame| is_data(frame)));
    let found = frames.map(|frames| frames.len()).or_else(|| (is_data(bytes) || is_part(bytes)).then_some(1))?;
    Some(Ran::Cases(found, 0))
}

#[test]
fn every_recorded_piece_of_light_client_data_is_whole_but_one() {
    let Some(root) = vectors("ethereum") else { return };
    let mut tally = Tally::new("light-client data, whatever its file is called");
    let mut spoiled = Vec::new();
    for file in texts(root) {
        let found = json(&bytes(&file)).iter().flat_map(verdicts).collect::<Vec<_>>();
        for verdict in found {
            match verdict {
                Ok(()) => tally.pass(),
                Err(error) => spoiled.push((file.file_name().unwrap().to_string_lossy().into_owned(), error.field)),
            }
        }
    }
    // Goerli's bootstrap: its execution header has not the hash that the block's body commits to.
    let expected = [("instantiate_goerli.json".to_owned(), "execution_branch".to_owned())];
    assert!(spoiled == expected || !is_home(), "{spoiled:?}");
}
