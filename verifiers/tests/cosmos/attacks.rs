//! Attacks on header verification, each refused by the rule that is there for it.

use alloy_primitives::FixedBytes;
use spandrel_verifiers::cosmos::{
    BlockId, ClientHeader, CommitSig, KeyTables, LightBlock, Outcome, Timestamp, Validator, ValidatorSet, verify_header,
};
use spandrel_verifiers::{ErrorKind, VerifyError};

use crate::chain::{CHAIN, Does, Member, START, at, block, block_of, commit, header, members, set, state};
use crate::scene::params;

const NOW: u64 = START + 200;

fn judge(trusted: &LightBlock, header: &ClientHeader) -> Result<Outcome, VerifyError> {
    verify_header(&params(CHAIN, 1_000), &state(trusted), header, NOW, &KeyTables::new())
}

/// A header of height 10 from a trusted height 3, ten validators of power 10.
fn scene() -> (Vec<Member>, LightBlock, ClientHeader) {
    let members = members(0..10, 10);
    let trusted = block(3, &members, &members);
    let header = block(10, &members, &members).verified_from(&trusted);
    (members, trusted, header)
}

fn refused(field: &str, edit: impl FnOnce(&[Member], &mut ClientHeader)) -> VerifyError {
    let (members, trusted, mut header) = scene();
    edit(&members, &mut header);
    let error = judge(&trusted, &header).expect_err(field);
    assert_eq!(error.field, field, "{error}");
    error
}

/// Signs what the header has become.
fn sign_again(members: &[Member], header: &mut ClientHeader) {
    header.signed_header.commit = commit(&header.signed_header.header, members, 0, |_| Does::Sign);
}

#[test]
fn an_honest_header_is_verified() {
    let (members, trusted, header) = scene();
    assert!(matches!(judge(&trusted, &header), Ok(Outcome::Verified(_))));
    let adjacent = block(4, &members, &members).verified_from(&trusted);
    assert!(matches!(judge(&trusted, &adjacent), Ok(Outcome::Verified(_))));
}

#[test]
fn another_chain_and_heights_that_do_not_rise_are_refused() {
    refused("header.chain_id", |members, header| {
        header.signed_header.header.chain_id = "spandrel-8".to_owned();
        sign_again(members, header);
    });
    refused("client_header.trusted_height.revision", |_, header| header.revision = 6);
    refused("client_header.trusted_height", |_, header| header.trusted_height = 2);
    for height in [3, 2, 1] {
        refused("header.height", |members, header| {
            header.signed_header.header.height = height;
            sign_again(members, header);
        });
    }
}

#[test]
fn times_must_rise_and_not_run_ahead() {
    for time in [at(START + 30), at(START)] {
        refused("header.time", |members, header| {
            header.signed_header.header.time = time;
            sign_again(members, header);
        });
    }
    let early = refused("header.time", |members, header| {
        header.signed_header.header.time = at(NOW + 1);
        sign_again(members, header);
    });
    assert_eq!(early.kind, ErrorKind::NotYet);
}

#[test]
fn trust_that_ran_out_is_expired() {
    let (_, trusted, header) = scene();
    let end = START + 30 + 1_000;
    let judge_at = |now| verify_header(&params(CHAIN, 1_000), &state(&trusted), &header, now, &KeyTables::new());
    assert!(judge_at(end).is_ok(), "a quarter of a second is left");
    assert_eq!(judge_at(end + 1).unwrap_err().kind, ErrorKind::Expired);
}

#[test]
fn a_commit_for_another_header_height_or_block_is_refused() {
    refused("commit.block_id.hash", |_, header| header.signed_header.header.app_hash = vec![0; 32].into());
    refused("commit.height", |_, header| header.signed_header.commit.height = 11);
    refused("commit.block_id", |_, header| header.signed_header.commit.block_id.parts_total = 0);
    refused("commit.block_id", |_, header| header.signed_header.commit.block_id = BlockId::default());
    // Round and parts are signed.
    refused("commit.signatures[0].signature", |_, header| header.signed_header.commit.round = 1);
    refused("commit.signatures[0].signature", |_, header| {
        header.signed_header.commit.block_id.parts_hash = Some(FixedBytes::repeat_byte(1));
    });
}

#[test]
fn sets_must_be_those_that_headers_name() {
    refused("validators", |members, header| {
        let mut others = members.to_vec();
        others[9] = others[9].clone().with_power(11);
        header.validators = set(&others);
    });
    refused("trusted_validators", |_, header| header.trusted_validators = set(&members(50..54, 10)));
    let (members, trusted, _) = scene();
    let others = crate::chain::members(50..60, 10);
    let stolen = block(4, &others, &members).verified_from(&trusted);
    assert_eq!(judge(&trusted, &stolen).unwrap_err().field, "header.validators_hash");
}

#[test]
fn exactly_two_thirds_are_too_few_and_exactly_one_third_is_no_trust() {
    let six = members(0..6, 10);
    let trusted = block(3, &six, &six);
    for (signing, is_enough) in [(5, true), (4, false)] {
        let mut header = block(10, &six, &six).verified_from(&trusted);
        let does = |index| if index < signing { Does::Sign } else { Does::Nothing };
        header.signed_header.commit = commit(&header.signed_header.header, &six, 0, does);
        assert_eq!(judge(&trusted, &header).is_ok(), is_enough);
    }
    // Four of the six left; the two that remain are exactly a third of the trusted power.
    for (stayed, is_trusted) in [(2_u32, false), (3, true)] {
        let new = members(6 - stayed..12 - stayed, 10);
        let header = block(10, &new, &new).verified_from(&trusted);
        let outcome = judge(&trusted, &header).unwrap();
        assert_eq!(matches!(outcome, Outcome::Verified(_)), is_trusted, "{outcome:?}");
    }
}

#[test]
fn nil_and_absent_votes_count_for_nothing() {
    for idle in [Does::Nothing, Does::VoteNil] {
        let (members, trusted, mut header) = scene();
        let does = |index| if index < 6 { Does::Sign } else { idle };
        header.signed_header.commit = commit(&header.signed_header.header, &members, 0, does);
        assert_eq!(judge(&trusted, &header).unwrap_err().field, "commit.power");
    }
    let (members, trusted, mut header) = scene();
    header.signed_header.commit = commit(&header.signed_header.header, &members, 0, |_| Does::Nothing);
    assert_eq!(judge(&trusted, &header).unwrap_err().field, "commit.signatures");
    // A nil vote passed off as one for the block does not verify.
    header.signed_header.commit = commit(&header.signed_header.header, &members, 0, |_| Does::VoteNil);
    for signature in &mut header.signed_header.commit.signatures {
        *signature = CommitSig::ForBlock(*signature.vote().unwrap());
    }
    assert_eq!(judge(&trusted, &header).unwrap_err().field, "commit.signatures[0].signature");
}

#[test]
fn one_validator_cannot_vote_twice_nor_a_stranger_once() {
    refused("commit.signatures[1].validator_address", |_, header| {
        let signatures = &mut header.signed_header.commit.signatures;
        signatures[1] = signatures[0];
    });
    refused("commit.signatures[4].validator_address", |_, header| {
        let signatures = &mut header.signed_header.commit.signatures;
        let mut vote = *signatures[4].vote().unwrap();
        vote.validator = *Member::new(99, 1).validator().address();
        signatures[4] = CommitSig::ForBlock(vote);
    });
    refused("commit.signatures", |_, header| {
        header.signed_header.commit.signatures.pop();
    });
}

#[test]
fn a_vote_under_anothers_name_is_refused() {
    // The spoofed vote of GHSA-6jrf-4jv4-r9mw: one key's signature under the address of another.
    refused("commit.signatures[2].signature", |_, header| {
        let signatures = &mut header.signed_header.commit.signatures;
        let (mut vote, other) = (*signatures[2].vote().unwrap(), *signatures[3].vote().unwrap());
        (vote.signature, vote.timestamp) = (other.signature, other.timestamp);
        signatures[2] = CommitSig::ForBlock(vote);
    });
    // And the set that claims such an address does not decode.
    let (one, other) = (Member::new(1, 5).validator(), Member::new(2, 5).validator());
    let bytes = ValidatorSet::new(vec![one]).unwrap().encode();
    let mut forged = bytes.to_vec();
    let start = forged.windows(20).position(|window| window == one.address().as_slice()).unwrap();
    forged[start..start + 20].copy_from_slice(other.address().as_slice());
    assert_eq!(ValidatorSet::decode(&forged).unwrap_err().field, "validator.address");
}

#[test]
fn each_signature_is_over_its_own_timestamp() {
    // GHSA-c32p-wcqj-j677: all votes carry one time, though each was signed with another.
    refused("commit.signatures[1].signature", |_, header| {
        let time = header.signed_header.commit.signatures[0].vote().unwrap().timestamp;
        for signature in &mut header.signed_header.commit.signatures {
            if let CommitSig::ForBlock(vote) = signature {
                vote.timestamp = time;
            }
        }
    });
    refused("commit.signatures[0].signature", |_, header| {
        if let CommitSig::ForBlock(vote) = &mut header.signed_header.commit.signatures[0] {
            vote.timestamp = Timestamp::new(vote.timestamp.seconds(), vote.timestamp.nanos() + 1).unwrap();
        }
    });
}

#[test]
fn the_bad_signature_is_named_wherever_it_is_and_with_or_without_tables() {
    let members = members(0..40, 10);
    let trusted = block(3, &members, &members);
    let tables = KeyTables::new();
    let honest = block(10, &members, &members).verified_from(&trusted);
    let judge = |header: &ClientHeader, tables: &KeyTables| {
        verify_header(&params(CHAIN, 1_000), &state(&trusted), header, NOW, tables)
    };
    for _ in 0..3 {
        judge(&honest, &tables).unwrap();
    }
    for bad in [0, 1, 13, 26] {
        let mut header = honest.clone();
        if let CommitSig::ForBlock(vote) = &mut header.signed_header.commit.signatures[bad] {
            vote.signature.0[40] ^= 1;
        }
        let field = format!("commit.signatures[{bad}].signature");
        assert_eq!(judge(&header, &tables).unwrap_err().field, field);
        assert_eq!(judge(&header, &KeyTables::new()).unwrap_err().field, field);
    }
    // Beyond two thirds nothing is counted, and so nothing is checked.
    let mut header = honest.clone();
    if let CommitSig::ForBlock(vote) = &mut header.signed_header.commit.signatures[30] {
        vote.signature.0[40] ^= 1;
    }
    assert!(judge(&header, &tables).is_ok());
}

#[test]
fn forged_headers_put_no_honest_tables_out_and_have_none_made() {
    let honest = members(0..10, 10);
    let trusted = block(3, &honest, &honest);
    let tables = KeyTables::new();
    let judge = |header: &ClientHeader| verify_header(&params(CHAIN, 1_000), &state(&trusted), header, NOW, &tables);
    for _ in 0..2 {
        judge(&block(10, &honest, &honest).verified_from(&trusted)).unwrap();
    }
    let kept = format!("{tables:?}");
    for more in 11..20 {
        // The trusted validators are in it, so only signatures are left to refuse it by.
        let everybody = members(0..more, 10);
        let mut forged = block(10, &everybody, &everybody).verified_from(&trusted);
        for vote in &mut forged.signed_header.commit.signatures {
            let CommitSig::ForBlock(vote) = vote else { continue };
            vote.signature.0[40] ^= 1;
        }
        for _ in 0..2 {
            let refused = judge(&forged).unwrap_err();
            assert!(refused.field.starts_with("commit.signatures["), "{refused}");
        }
    }
    assert_eq!(format!("{tables:?}"), kept);
}

#[test]
fn power_that_would_wrap_is_refused() {
    let huge: Vec<Validator> =
        (0..16).map(|seed| Validator::new(*Member::new(seed, 0).validator().key(), u64::MAX / 16)).collect();
    assert_eq!(ValidatorSet::new(huge).unwrap_err().field, "validators.power");
}

#[test]
fn a_key_of_small_order_signs_by_zip_215_but_only_for_its_own_power() {
    // The identity as key: R = identity, S = 0 verifies for any message under ZIP-215, as on the chain itself.
    let mut weak = [0_u8; 32];
    weak[0] = 1;
    let weak = Validator::new(spandrel_verifiers::cosmos::PublicKey::Ed25519(weak), 10);
    let strong = members(0..9, 10);
    let mut all: Vec<Validator> = strong.iter().map(Member::validator).chain([weak]).collect();
    all.sort_by_key(|validator| *validator.address());
    let everybody = ValidatorSet::new(all).unwrap();
    let mut head = header(10, &strong, &strong);
    (head.validators_hash, head.next_validators_hash) = (everybody.hash(), everybody.hash());
    let mut trusted_head = header(3, &strong, &strong);
    trusted_head.next_validators_hash = everybody.hash();
    let trusted = block_of(trusted_head, &strong, &strong);
    let by_address =
        |validator: &Validator| strong.iter().find(|member| member.validator().address() == validator.address());
    let template = commit(&head, &strong[..1], 0, |_| Does::Sign);
    let mut signed = template.clone();
    signed.signatures = everybody
        .validators()
        .iter()
        .map(|validator| {
            let mut vote = *template.signatures[0].vote().unwrap();
            vote.validator = *validator.address();
            vote.signature = match by_address(validator) {
                Some(member) => member.sign(&template.sign_bytes(CHAIN, &vote)),
                None => {
                    let mut forged = [0_u8; 64];
                    forged[0] = 1;
                    FixedBytes(forged)
                }
            };
            CommitSig::ForBlock(vote)
        })
        .collect();
    let mut client_header = block_of(head, &strong, &strong).verified_from(&trusted);
    client_header.signed_header.commit = signed;
    client_header.validators = everybody.clone();
    client_header.trusted_validators = everybody;
    let trusted_state = spandrel_verifiers::cosmos::ConsensusState {
        next_validators_hash: client_header.validators.hash(),
        height: 3,
        hash: FixedBytes::ZERO,
        time: trusted.signed_header.header.time,
        app_hash: vec![0; 32].into(),
    };
    let tables = KeyTables::new();
    for _ in 0..3 {
        let outcome = verify_header(&params(CHAIN, 1_000), &trusted_state, &client_header, NOW, &tables).unwrap();
        assert!(matches!(outcome, Outcome::Verified(_)));
    }
}
