//! No public decoder of the crate is missing among those that the flips go through.

use std::path::Path;

use crate::decoder_finder::{Calls, Decoder, Excuse, functions, judge, sources};

use Excuse::{Since, Through};

/// The list.
const LISTED: [&str; 2] = [include_str!("decoders.rs"), include_str!("proofs.rs")];

/// Decoders that are not on the list themselves.
const EXCUSED: &[(&str, Excuse)] = &[
    ("LightClientData::decode_ssz", Through("T::decode_ssz")),
    ("SyncCommittee::decode_ssz", Through("T::decode_ssz")),
    ("LightClientHeader::decode_ssz", Through("T::decode_ssz")),
    ("BeaconBlockHeader::decode_ssz", Through("T::decode_ssz")),
    ("ExecutionPayloadHeader::decode_ssz", Through("T::decode_ssz")),
    ("ExistenceProof::decode", Through("CommitmentProof::decode")),
    ("NonExistenceProof::decode", Through("CommitmentProof::decode")),
    ("Node::decode", Through("Account::prove")),
    ("Path::decode", Through("Account::prove")),
    ("caip_text!: FromStr", Through("ChainId::parse")),
    ("Lattice::from_bytes", Since("any bytes of its length are one")),
    ("ShredProof::of_block", Since("cuts evidence out of a block that is trusted")),
    ("Footer::decode", Since("every bit of it is flipped in tests/solana/flips.rs")),
    ("VoteAccount::decode", Since("every bit of it is flipped in tests/solana/flips.rs")),
    ("Shred::parse", Since("not all of it is kept; evidence is flipped with its shreds in tests/solana/tampering.rs")),
    ("Shred::parse_each", Since("as Shred::parse, many at once")),
    ("Vote::decode", Since("not all of it is kept; the fuzz target `solana_vote` lets no majority stand on another")),
];

fn decoders() -> Vec<Decoder> {
    let sources = sources(Path::new(env!("CARGO_MANIFEST_DIR")).join("src"));
    sources.iter().flat_map(|(path, text)| functions(&path.display().to_string(), text)).collect()
}

#[test]
fn every_public_decoder_is_on_the_list() {
    let listed = Calls::of(LISTED);
    let wrong = judge(&decoders(), &listed, EXCUSED);
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn a_decoder_that_is_taken_off_the_list_is_missed() {
    let (decoders, listed) = (decoders(), Calls::of(LISTED));
    let without = judge(&decoders, &listed.without("Commit::decode"), EXCUSED);
    assert!(matches!(&without[..], [missing] if missing.starts_with("Commit::decode")), "{without:?}");
}
