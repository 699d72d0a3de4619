//! Two finality updates that contradict each other are told, and no pair that does not.

use alloy_primitives::{B256, Bytes};
use spandrel_verifiers::ethereum::{self, SigningCommittee};
use spandrel_verifiers::file::{ContradictionFile, Outcome, ProofFile};
use spandrel_verifiers::{Contradicted, Contradiction, MAX_CONTRADICTION, VerifyError};

use crate::chain::{SEATS, committee, header_rlp};
use crate::pairs::{executed, of_one_slot, of_two_heights, pair, update};

fn checked(pair: &ethereum::Contradiction) -> Result<Contradicted, VerifyError> {
    Contradiction::Ethereum(Box::new(pair.clone())).verify()
}

#[test]
fn two_final_blocks_of_one_slot_or_one_height_are_told() {
    let shown = checked(&of_one_slot()).unwrap();
    assert_eq!((shown.place, shown.number), ("the final block of slot", 72));
    assert_ne!(shown.first, shown.second);
    assert!(shown.to_string().contains("sync committee of period 1 signed"), "{shown}");

    let (one, other) = (executed(B256::ZERO, 5, 1), executed(B256::ZERO, 5, 2));
    let of_one_height = pair(update(72, &one, 96, 0..SEATS), update(73, &other, 97, 0..SEATS), Vec::new(), 1..2);
    let shown = checked(&of_one_height).unwrap();
    assert_eq!((shown.place, shown.number), ("final block", 5));
    assert_eq!((shown.first, shown.second), (one.block_hash, other.block_hash));
}

#[test]
fn a_final_block_that_does_not_descend_from_the_other_is_told_by_the_headers_between_them() {
    let (one, other) = (executed(B256::ZERO, 5, 1), executed(B256::ZERO, 5, 2));
    let two = of_two_heights();
    let headers = two.headers.clone();
    let shown = checked(&two).unwrap();
    assert_eq!((shown.number, shown.first, shown.second), (5, one.block_hash, other.block_hash));
    assert!(shown.to_string().contains("periods 1 and 2"), "{shown}");

    let refused = |headers: &[Bytes]| {
        checked(&ethereum::Contradiction { headers: headers.to_vec(), ..two.clone() }).unwrap_err().field
    };
    assert_eq!(refused(&[]), "headers", "a later final block alone is none");
    assert_eq!(refused(&headers[..2]), "headers");
    assert_eq!(refused(&headers[1..]), "headers[0].header");
    assert_eq!(refused(&[headers[0].clone(), headers[2].clone()]), "headers.ancestors[0].header");

    // An honest pair: the later block descends from the earlier.
    let child = executed(one.block_hash, 6, 1);
    let honest = pair(two.first, update(80, &child, 97, 0..SEATS), [&child, &one].map(header_rlp).to_vec(), 1..2);
    assert_eq!(checked(&honest).unwrap_err().field, "headers");
}

#[test]
fn a_forged_pair_is_refused() {
    let honest = of_one_slot();
    let refused = |change: &dyn Fn(&mut ethereum::Contradiction)| {
        let mut forged = honest.clone();
        change(&mut forged);
        checked(&forged).unwrap_err().field
    };
    assert_eq!(refused(&|two| two.second = two.first.clone()), "second", "one update twice");
    let few = update(72, &executed(B256::ZERO, 5, 2), 97, 0..SEATS / 2);
    assert_eq!(refused(&|two| two.second = few.clone()), "second.sync_aggregate.sync_committee_bits");
    assert_eq!(refused(&|two| two.committees = vec![SigningCommittee::new(2, &committee(1))]), "first.signature_slot");
    let other = SigningCommittee::new(1, &committee(2));
    assert!(refused(&|two| two.committees = vec![other.clone()]).starts_with("first.sync_aggregate"));
    assert!(refused(&|two| two.network.genesis_validators_root.0[0] ^= 1).starts_with("first.sync_aggregate"));
    assert_eq!(refused(&|two| two.headers = vec![Bytes::new()]), "headers");
    for place in (0..honest.second.len()).step_by(7) {
        let mut bytes = honest.second.to_vec();
        bytes[place] ^= 1;
        let flipped = ethereum::Contradiction { second: bytes.into(), ..honest.clone() };
        assert!(checked(&flipped).is_err(), "byte {place}");
    }
}

#[test]
fn both_forms_of_a_file_say_the_same_and_what_is_trusted() {
    let file = ContradictionFile::new(Contradiction::Ethereum(Box::new(of_one_slot())));
    let (bytes, json) = (file.contradiction.to_bytes(), serde_json::to_vec(&file).unwrap());
    for form in [bytes.as_slice(), &json] {
        let ProofFile::Contradiction(read) = ProofFile::read(form).unwrap() else { panic!("another file") };
        assert_eq!((&*read, read.contradiction.to_bytes()), (&file, bytes.clone()));
        let explained = read.explain();
        assert_eq!(explained.verdict, file.contradiction.verify());
        assert!(explained.steps.iter().all(|step| step.outcome == Outcome::Checked));
        let words = explained.to_string();
        assert!(words.contains("they contradict each other") && words.contains("period 1 has root 0x"), "{words}");
    }
    let mut forged = of_one_slot();
    forged.second = forged.first.clone();
    let explained = ContradictionFile::new(Contradiction::Ethereum(Box::new(forged))).explain();
    assert!(explained.verdict.is_err() && explained.to_string().contains("REFUSED"));
}

#[test]
fn what_is_longer_than_the_format_allows_is_not_read() {
    let mut long = of_one_slot();
    long.headers = vec![Bytes::from(vec![1_u8; 4096]); MAX_CONTRADICTION / 4096];
    let bytes = Contradiction::Ethereum(Box::new(long.clone())).to_bytes();
    assert_eq!(Contradiction::from_bytes(&bytes).unwrap_err().field, "contradiction");
    let json = serde_json::to_vec(&ContradictionFile::new(Contradiction::Ethereum(Box::new(long)))).unwrap();
    assert_eq!(ProofFile::read(&json).unwrap_err().field, "contradiction", "nor as JSON");
    let many =
        ethereum::Contradiction { committees: vec![SigningCommittee::new(1, &committee(1)); 3], ..of_one_slot() };
    let bytes = Contradiction::Ethereum(Box::new(many)).to_bytes();
    assert_eq!(Contradiction::from_bytes(&bytes).unwrap_err().field, "committees");
}
