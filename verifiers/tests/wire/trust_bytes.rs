//! What is trusted and the consensus evidence after it: both forms say the same, and bytes are read as themselves or not at
//! all.

use std::sync::LazyLock;

use proptest::prelude::*;
use proptest::sample::Index;
use protox::prost::Message;
use protox::prost_reflect::DynamicMessage;
use spandrel_verifiers::file::Trust;

use crate::both_forms::assert_both_forms;
use crate::definitions::{assert_known, assert_same_names, message};
use crate::honest::HONEST;
use crate::updates::every_trust;

/// Of files that prove their deposits, and with updates of every kind.
pub static TRUSTS: LazyLock<Vec<Trust>> =
    LazyLock::new(|| HONEST.files.iter().map(|file| file.trust.clone()).chain(every_trust()).collect());

#[test]
fn json_becomes_protobuf_and_the_same_json_again() {
    TRUSTS.iter().for_each(assert_both_forms);
}

#[test]
fn a_standard_implementation_reads_and_writes_the_same_bytes_under_the_same_names() {
    let definition = message("Trust");
    for trust in &*TRUSTS {
        let bytes = trust.to_bytes();
        let read = DynamicMessage::decode(definition.clone(), bytes.as_slice()).unwrap();
        assert_known(&read);
        assert_eq!(read.encode_to_vec(), bytes);
        assert_same_names(&definition, &serde_json::to_value(trust).unwrap());
    }
}

/// Consensus evidence is no text: none of its JSON names stands in the bytes.
#[test]
fn what_proves_is_not_carried_as_text() {
    for trust in &*TRUSTS {
        let bytes = trust.to_bytes();
        let text = String::from_utf8_lossy(&bytes);
        for name in ["\"headers\"", "\"bootstrap\"", "\"updates\"", "\"table\"", "\"sync_aggregate\"", "\"votes\""] {
            assert!(!text.contains(name), "{name}");
        }
    }
}

#[test]
fn no_two_chains_and_no_unknown_one_are_read() {
    let bytes = TRUSTS[0].to_bytes();
    let refused = |bytes: &[u8]| Trust::from_bytes(bytes).unwrap_err().field;
    assert_eq!((refused(&[]), refused(&[0x32, 0])), ("chain".into(), "chain".into()));
    assert_eq!(refused(&[&bytes[..], &[0x12, 0]].concat()), "field 2");
    assert_eq!(refused(&[&bytes[..], &bytes[..]].concat()), "chain");
}

fn read_as_itself(bytes: &[u8]) -> Result<(), TestCaseError> {
    if let Ok(read) = Trust::from_bytes(bytes) {
        prop_assert_eq!(read.to_bytes(), bytes);
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn mutated_trust_is_read_as_itself_or_not_at_all(
        which: Index,
        place: Index,
        with in prop::collection::vec(any::<u8>(), 0..4),
        taken in 0_usize..4,
    ) {
        let mut bytes = which.get(&TRUSTS).to_bytes();
        let start = place.index(bytes.len());
        let end = bytes.len().min(start + taken);
        bytes.splice(start..end, with);
        read_as_itself(&bytes)?;
    }

    #[test]
    fn a_flipped_byte_of_trust_is_refused_or_means_something_else(which: Index, place: Index, mask in 1..=255_u8) {
        let honest = which.get(&TRUSTS);
        let mut bytes = honest.to_bytes();
        let place = place.index(bytes.len());
        bytes[place] ^= mask;
        read_as_itself(&bytes)?;
        prop_assert_ne!(Trust::from_bytes(&bytes), Ok(honest.clone()));
    }

    #[test]
    fn arbitrary_bytes_are_trust_as_they_stand_or_none(bytes in prop::collection::vec(any::<u8>(), 0..120)) {
        read_as_itself(&bytes)?;
        // Behind what begins trust in each chain, too.
        for chain in 1..=5 {
            read_as_itself(&[&[chain << 3 | 2, u8::try_from(bytes.len()).unwrap()], &bytes[..]].concat())?;
        }
    }
}
