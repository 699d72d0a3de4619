//! SSZ of every light-client container, fork and preset: what decodes conforms, encodes to the same bytes, and goes
//! through JSON unchanged.

use std::fmt::Debug;

use serde::Serialize;
use serde::de::DeserializeOwned;
use spandrel_verifiers::ethereum::containers::{
    BeaconBlockHeader, ExecutionPayloadHeader, LightClientData, LightClientHeader, SyncCommittee, from_json, from_ssz,
    to_json,
};
use spandrel_verifiers::ethereum::{ChainConfig, Form};
use crate::containers::{Choice, Kind, bootstrap, finality, optimistic, update};
use crate::patch::{Patch, patched};

fuzz_target!(|input: (Kind, Choice, Vec<Patch>)| {
    let (kind, choice, patches) = input;
    match kind {
        Kind::Bootstrap => check(bootstrap(choice.form()), choice, &patches),
        Kind::Update => check(update(choice.form()), choice, &patches),
        Kind::Finality => check(finality(choice.form()), choice, &patches),
        Kind::Optimistic => check(optimistic(choice.form()), choice, &patches),
    }
    check_parts(choice.form(), &patches);
});

/// Headers and committees by themselves.
fn check_parts(form: Form, patches: &[Patch]) {
    let header = LightClientHeader::empty(form.fork);
    let bytes = patched(header.encode_ssz(), patches);
    if let Ok(read) = LightClientHeader::decode_ssz(&bytes, form.fork) {
        assert_eq!(read.encode_ssz(), bytes);
    }
    let bytes = patched(header.beacon.encode_ssz(), patches);
    if let Ok(read) = BeaconBlockHeader::decode_ssz(&bytes) {
        assert_eq!(read.encode_ssz(), bytes);
    }
    let bytes = patched(ExecutionPayloadHeader::empty(form.fork).encode_ssz(), patches);
    if let Ok(read) = ExecutionPayloadHeader::decode_ssz(&bytes, form.fork) {
        assert_eq!(read.encode_ssz(), bytes);
    }
    let bytes = patched(SyncCommittee::empty(form.preset).encode_ssz(), patches);
    if let Ok(read) = SyncCommittee::decode_ssz(&bytes, form.preset) {
        assert_eq!(read.encode_ssz(), bytes);
    }
}

fn check<T>(honest: T, choice: Choice, patches: &[Patch])
where
    T: LightClientData + Serialize + DeserializeOwned + PartialEq + Debug,
{
    let (form, config) = (choice.form(), choice.config());
    let bytes = patched(honest.encode_ssz(), patches);
    let decoded = T::decode_ssz(&bytes, form);
    assert_eq!(from_ssz::<T>(&bytes, &config).is_ok(), decoded.is_ok());
    if let Ok(container) = decoded {
        container.conform(form).expect("what decodes conforms");
        assert_eq!(container.encode_ssz(), bytes);
        let json = to_json(&container, &config).expect("a container prints");
        assert_eq!(from_json::<T>(&json, &config), Ok(container));
    }
    if let Ok(container) = from_ssz::<T>(&bytes, &ChainConfig::mainnet()) {
        assert_eq!(container.encode_ssz(), bytes);
    }
}
