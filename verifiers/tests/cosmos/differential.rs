//! The same headers under `tendermint-light-client`'s `ProdVerifier`: the same verdict, or a written reason.

use std::time::Duration;

use ibc_relayer_types::clients::ics07_tendermint::header::decode_header;
use proptest::prelude::*;
use spandrel_verifiers::cosmos::{ClientHeader, CommitSig, KeyTables, LightBlock, Outcome, verify_header};
use tendermint_light_client::verifier::options::Options;
use tendermint_light_client::verifier::types::{TrustedBlockState, UntrustedBlockState};
use tendermint_light_client::verifier::{ProdVerifier, Verdict, Verifier};

use crate::chain::{CHAIN, Does, START, block, commit, members, state};
use crate::edge::generated;
use crate::scene::params;

const NOW: u64 = START + 2_000;
const TRUSTING: u64 = 3_000;

#[derive(Debug, PartialEq)]
enum Said {
    Verified,
    NotEnoughTrust,
    Refused,
}

fn options() -> Options {
    Options {
        trust_threshold: Default::default(),
        trusting_period: Duration::from_secs(TRUSTING),
        clock_drift: Duration::from_secs(1),
    }
}

fn ours(trusted: &LightBlock, header: &ClientHeader) -> Said {
    match verify_header(&params(CHAIN, TRUSTING), &state(trusted), header, NOW, &KeyTables::new()) {
        Ok(Outcome::Verified(_)) => Said::Verified,
        Ok(Outcome::NotEnoughTrust { .. }) => Said::NotEnoughTrust,
        Err(_) => Said::Refused,
    }
}

/// The peer's verdict on the same bytes. It leaves to its caller that the trusted set has the trusted hash.
fn peer(trusted: &LightBlock, bytes: &[u8]) -> Said {
    let Ok(header) = decode_header(bytes) else { return Said::Refused };
    let anchor = decode_header(&trusted.verified_from(trusted).encode()[..]).unwrap();
    let anchor_header = anchor.signed_header.header();
    if header.trusted_validator_set.hash() != anchor_header.next_validators_hash {
        return Said::Refused;
    }
    let trusted = TrustedBlockState {
        chain_id: &anchor_header.chain_id,
        header_time: anchor_header.time,
        height: anchor_header.height,
        next_validators: &header.trusted_validator_set,
        next_validators_hash: anchor_header.next_validators_hash,
    };
    let untrusted = UntrustedBlockState {
        signed_header: &header.signed_header,
        validators: &header.validator_set,
        next_validators: None,
    };
    let now = tendermint::Time::from_unix_timestamp(NOW as i64, 0).unwrap();
    match ProdVerifier::default().verify_update_header(untrusted, trusted, &options(), now) {
        Verdict::Success => Said::Verified,
        Verdict::NotEnoughTrust(_) => Said::NotEnoughTrust,
        Verdict::Invalid(_) => Said::Refused,
    }
}

fn assert_agree(trusted: &LightBlock, header: &ClientHeader) -> Said {
    let found = ours(trusted, header);
    assert_eq!(found, peer(trusted, &header.encode()));
    found
}

#[test]
fn a_set_of_150_validators() {
    let members = members(0..150, 10);
    let trusted = block(3, &members, &members);
    for height in [4, 30] {
        let header = block(height, &members, &members).verified_from(&trusted);
        assert_eq!(assert_agree(&trusted, &header), Said::Verified);
    }
}

/// The generator's work grows with the square of the set.
#[test]
fn sets_of_testgen_up_to_30_validators() {
    for count in [1, 4, 30] {
        let (trusted, next, later) = (generated(count, 5), generated(count, 6), generated(count, 60));
        let params = params("test-chain", TRUSTING);
        let ours_trusted = LightBlock::try_from(&trusted).unwrap();
        for block in [&next, &later] {
            let now = tendermint::Time::from_unix_timestamp(1_700_000_100, 0).unwrap();
            let verdict = ProdVerifier::default().verify_update_header(
                block.as_untrusted_state(),
                trusted.as_trusted_state(),
                &options(),
                now,
            );
            assert_eq!(verdict, Verdict::Success);
            let header = LightBlock::try_from(block).unwrap().verified_from(&ours_trusted);
            let outcome =
                verify_header(&params, &state(&ours_trusted), &header, 1_700_000_100, &KeyTables::new()).unwrap();
            assert!(matches!(outcome, Outcome::Verified(_)));
        }
    }
}

#[test]
fn sets_that_turn_over_and_validators_that_do_not_sign() {
    for replaced in 0..=9_u32 {
        for silent in 0..=9_usize {
            let (old, new) = (members(0..9, 10), members(replaced..9 + replaced, 10));
            let trusted = block(3, &old, &old);
            let mut header = block(30, &new, &new).verified_from(&trusted);
            for idle in [Does::Nothing, Does::VoteNil] {
                let does = |index| if index < silent { idle } else { Does::Sign };
                header.signed_header.commit = commit(&header.signed_header.header, &new, 0, does);
                assert_agree(&trusted, &header);
            }
        }
    }
}

#[test]
fn where_ours_is_stricter_there_is_a_reason() {
    // Two nil votes in one validator's name: neither counts, and no honest commit has them.
    let members = members(0..10, 10);
    let trusted = block(3, &members, &members);
    let mut header = block(30, &members, &members).verified_from(&trusted);
    let does = |index| if index >= 8 { Does::VoteNil } else { Does::Sign };
    header.signed_header.commit = commit(&header.signed_header.header, &members, 0, does);
    header.signed_header.commit.signatures[9] = header.signed_header.commit.signatures[8];
    assert_eq!((ours(&trusted, &header), peer(&trusted, &header.encode())), (Said::Refused, Said::Verified));
    // A block id without parts: `Commit.ValidateBasic` of CometBFT refuses it, the peer signs over it.
    let mut header = block(30, &members, &members).verified_from(&trusted);
    header.signed_header.commit.block_id.parts_total = 0;
    assert_eq!(ours(&trusted, &header), Said::Refused);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_500))]

    /// One byte of the encoded header is changed: the same verdict, or a written reason.
    #[test]
    fn mutated_bytes(is_adjacent: bool, place in any::<prop::sample::Index>(), mask in 1..=255_u8) {
        let members = members(0..4, 10);
        let trusted = block(3, &members, &members);
        let height = if is_adjacent { 4 } else { 30 };
        let mut bytes = block(height, &members, &members).verified_from(&trusted).encode().to_vec();
        let at = place.index(bytes.len());
        bytes[at] ^= mask;
        assert_agree_but_for_a_reason(&trusted, &bytes);
    }
}

/// Every byte, with masks that turn tags, lengths and flags into their neighbours.
#[test]
fn every_mutated_byte() {
    let members = members(0..4, 10);
    let trusted = block(3, &members, &members);
    let mut reasons = std::collections::BTreeMap::new();
    for height in [4, 30] {
        let honest = block(height, &members, &members).verified_from(&trusted).encode().to_vec();
        for at in 0..honest.len() {
            for mask in [1, 2, 4, 8, 0x80, 0xff] {
                let mut bytes = honest.clone();
                bytes[at] ^= mask;
                if let Some(reason) = assert_agree_but_for_a_reason(&trusted, &bytes) {
                    *reasons.entry(reason).or_insert(0_usize) += 1;
                }
            }
        }
    }
    println!("what the peer alone takes: {reasons:?}");
}

/// The reason for which the peer alone verifies `bytes`, if it does.
fn assert_agree_but_for_a_reason(trusted: &LightBlock, bytes: &[u8]) -> Option<&'static str> {
    let (found, decoded) = match ClientHeader::decode(bytes) {
        Ok(header) => (ours(trusted, &header), Ok(header)),
        Err(error) => (Said::Refused, Err(error)),
    };
    let expected = peer(trusted, bytes);
    // Which check refuses first is another matter: the peer may check signatures before power.
    if found == expected || (found != Said::Verified && expected != Said::Verified) {
        return None;
    }
    assert_ne!(found, Said::Verified, "taken here alone");
    // A second encoding of a header that verifies here too, in the one encoding that there is of it.
    let theirs = ClientHeader::try_from(&decode_header(bytes).unwrap()).unwrap();
    // The peer is given what a header stands on, and reads nothing of what the header says about that.
    let ClientHeader { signed_header, validators, .. } = theirs.clone();
    let block = LightBlock { signed_header, validators, next_validators: trusted.next_validators.clone() };
    let standing = block.verified_from(trusted);
    if standing != theirs && ours(trusted, &standing) == Said::Verified {
        return Some("a header that says it stands on something else");
    }
    if theirs.encode()[..] != *bytes && ours(trusted, &theirs) == Said::Verified {
        return Some("another encoding of a header that verifies");
    }
    panic!("the peer alone takes {decoded:?}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    /// One field of the typed header is changed: the same verdict.
    #[test]
    fn mutated_fields(
        is_adjacent: bool, what in 0..10_usize, seat in 0..10_usize, byte in 0..64_usize, mask in 1..=255_u8,
    ) {
        let members = members(0..10, 10);
        let trusted = block(3, &members, &members);
        let height = if is_adjacent { 4 } else { 30 };
        let mut header = block(height, &members, &members).verified_from(&trusted);
        let signed = &mut header.signed_header;
        let mut vote = *signed.commit.signatures[seat].for_block().unwrap();
        match what {
            0 => vote.signature.0[byte] ^= mask,
            1 => vote.validator.0[byte % 20] ^= mask,
            2 => vote.timestamp = crate::chain::at(START + u64::from(mask)),
            3 => signed.commit.round ^= u32::from(mask),
            4 => signed.header.app_hash = vec![mask; 32].into(),
            5 => signed.header.validators_hash.0[byte % 32] ^= mask,
            6 => signed.header.time = crate::chain::at(START + u64::from(mask) * 20),
            7 => signed.commit.height += u64::from(mask),
            8 => signed.header.next_validators_hash.0[byte % 32] ^= mask,
            _ => signed.commit.block_id.parts_hash = Some([mask; 32].into()),
        }
        signed.commit.signatures[seat] = CommitSig::ForBlock(vote);
        if what == 6 {
            signed.commit = commit(&signed.header, &members, 0, |_| Does::Sign);
        }
        assert_agree(&trusted, &header);
    }
}
