//! Two headers that one chain cannot have: told by kind, and none of them a frame-up.

use std::sync::LazyLock;

use alloy_primitives::B256;
use proptest::prelude::*;
use spandrel_verifiers::cosmos::{
    Attack, ClientHeader, CommitSig, CosmosVerifier, KeyTables, LightBlock, Misbehaviour, Status, TrustedState, Update,
};
use spandrel_verifiers::{ErrorKind, Verifier};

use crate::chain::{CHAIN, Does, Member, START, at, block, block_of, commit, header, members, state};
use crate::scene::{params, route};

const NOW: u64 = START + 200;

proptest! {
    /// Of either header: refused, or what no rule reads, such as a vote beyond those that are needed.
    #[test]
    fn a_flipped_byte_is_refused_or_proves_the_same(place in any::<prop::sample::Index>(), mask in 1..=255_u8) {
        static BOTH: LazyLock<(Scene, Vec<u8>)> = LazyLock::new(|| {
            let scene = scene();
            let both = Misbehaviour { header_1: scene.header(|_| (), 0), header_2: scene.header(|head| head.data_hash = None, 0) };
            let bytes = both.encode().to_vec();
            (scene, bytes)
        });
        let (scene, honest) = &*BOTH;
        let mut bytes = honest.clone();
        bytes[place.index(honest.len())] ^= mask;
        if let Ok(flipped) = Misbehaviour::decode(&bytes) {
            let again = Misbehaviour::decode(&flipped.encode());
            prop_assert_eq!(again.as_ref(), Ok(&flipped));
            if let Ok(proven) = flipped.verify(&params(CHAIN, 1_000), &scene.trusted, NOW, &KeyTables::new()) {
                prop_assert_eq!((proven.attack, proven.height), (Attack::Equivocation, 10));
                let signed = |suspect| scene.members.iter().any(|member| member.validator().address() == suspect);
                prop_assert!(proven.suspects.iter().all(signed));
            }
        }
    }
}

struct Scene {
    members: Vec<Member>,
    trusted_block: LightBlock,
    trusted: TrustedState,
    verifier: CosmosVerifier,
}

fn scene() -> Scene {
    let members = members(0..7, 10);
    let trusted_block = block(3, &members, &members);
    let trusted = TrustedState::new(state(&trusted_block));
    Scene { members, trusted_block, trusted, verifier: CosmosVerifier::new(params(CHAIN, 1_000), route()).unwrap() }
}

impl Scene {
    fn header(&self, edit: impl FnOnce(&mut spandrel_verifiers::cosmos::Header), round: u32) -> ClientHeader {
        let mut head = header(10, &self.members, &self.members);
        edit(&mut head);
        let mut block = block_of(head, &self.members, &self.members);
        block.signed_header.commit = commit(&block.signed_header.header, &self.members, round, |_| Does::Sign);
        block.verified_from(&self.trusted_block)
    }

    fn judge(&self, header_1: ClientHeader, header_2: ClientHeader) -> Result<Attack, spandrel_verifiers::VerifyError> {
        let misbehaviour = Misbehaviour { header_1, header_2 };
        assert_eq!(Misbehaviour::decode(&misbehaviour.encode()).unwrap(), misbehaviour);
        let proven = misbehaviour.verify(&params(CHAIN, 1_000), &self.trusted, NOW, &KeyTables::new())?;
        // The port takes it too, and nothing is trusted from there on.
        let mut trusted = self.trusted.clone();
        self.verifier.advance(&mut trusted, &Update::Misbehaviour(misbehaviour.encode()), NOW).unwrap();
        assert_eq!(trusted.status(&params(CHAIN, 1_000), NOW), Status::Frozen);
        let frozen = trusted.frozen().unwrap();
        assert_eq!((frozen.attack, frozen.height, frozen.headers.len()), (proven.attack, 10, 2));
        let later = self.verifier.advance(&mut trusted, &Update::Header(misbehaviour.header_1.encode()), NOW);
        assert_eq!(later.unwrap_err().kind, ErrorKind::Expired);
        Ok(proven.attack)
    }
}

#[test]
fn attacks_are_told_apart() {
    let scene = scene();
    let honest = scene.header(|_| (), 0);
    let other_data = |head: &mut spandrel_verifiers::cosmos::Header| head.data_hash = None;
    let other_state = |head: &mut spandrel_verifiers::cosmos::Header| head.app_hash = vec![9; 32].into();
    assert_eq!(scene.judge(honest.clone(), scene.header(other_data, 0)).unwrap(), Attack::Equivocation);
    assert_eq!(scene.judge(honest.clone(), scene.header(other_data, 1)).unwrap(), Attack::Amnesia);
    assert_eq!(scene.judge(honest.clone(), scene.header(other_state, 0)).unwrap(), Attack::Lunatic);
    let lower_but_later = block_of(
        {
            let mut head = header(9, &scene.members, &scene.members);
            head.time = at(START + 150);
            head
        },
        &scene.members,
        &scene.members,
    );
    let lower = lower_but_later.verified_from(&scene.trusted_block);
    assert_eq!(scene.judge(honest.clone(), lower.clone()).unwrap(), Attack::TimeViolation);
    // In the other order, the same header twice, or two of one history: no misbehaviour.
    assert_eq!(scene.judge(lower, honest.clone()).unwrap_err().field, "header_1.height");
    assert_eq!(scene.judge(honest.clone(), honest.clone()).unwrap_err().field, "header_2");
    let before = block(9, &scene.members, &scene.members).verified_from(&scene.trusted_block);
    assert_eq!(scene.judge(honest, before).unwrap_err().field, "header_1.time");
}

#[test]
fn headers_from_the_future_are_evidence_and_unsigned_ones_are_not() {
    let scene = scene();
    let honest = scene.header(|_| (), 0);
    let future = scene.header(|head| head.time = at(NOW + 500), 0);
    assert!(scene.judge(honest.clone(), future).is_ok());
    let mut unsigned = scene.header(|head| head.data_hash = None, 0);
    if let CommitSig::ForBlock(vote) = &mut unsigned.signed_header.commit.signatures[0] {
        vote.signature.0[0] ^= 1;
    }
    let error = scene.judge(honest, unsigned).unwrap_err();
    assert_eq!(error.field, "header_2.commit.signatures[0].signature");
}

#[test]
fn only_those_whose_signatures_are_good_are_suspects() {
    let scene = scene();
    let honest = scene.header(|_| (), 0);
    let mut other = scene.header(|head| head.data_hash = None, 0);
    // Five of seven are enough; the sixth vote is made up, the seventh was not cast.
    if let CommitSig::ForBlock(vote) = &mut other.signed_header.commit.signatures[5] {
        vote.signature.0[0] ^= 1;
    }
    other.signed_header.commit.signatures[6] = CommitSig::Absent;
    let misbehaviour = Misbehaviour { header_1: honest, header_2: other };
    let proven = misbehaviour.verify(&params(CHAIN, 1_000), &scene.trusted, NOW, &KeyTables::new()).unwrap();
    let expected: Vec<_> = scene.members[..5].iter().map(|member| *member.validator().address()).collect();
    assert_eq!(proven.suspects, expected);
}

/// Whichever of the five it is that does not follow from the blocks before; those who were trusted and signed either are
/// suspects, and who was not trusted is none.
#[test]
fn state_that_does_not_follow_is_told_by_any_of_its_parts() {
    type Edit = fn(&mut spandrel_verifiers::cosmos::Header);
    let edits: [Edit; 4] = [
        |head| head.next_validators_hash = B256::repeat_byte(9),
        |head| head.consensus_hash = Some(B256::repeat_byte(9)),
        |head| head.app_hash = vec![9; 32].into(),
        |head| head.last_results_hash = Some(B256::repeat_byte(9)),
    ];
    let scene = scene();
    let mut others: Vec<ClientHeader> = edits.into_iter().map(|edit| scene.header(edit, 0)).collect();
    // Another set of validators: the last of the trusted is not in it, and an eighth is.
    let eight = members(0..8, 10);
    let set: Vec<Member> = eight.into_iter().enumerate().filter(|(n, _)| *n != 6).map(|(_, member)| member).collect();
    others.push(block_of(header(10, &set, &set), &set, &set).verified_from(&scene.trusted_block));
    let mut trusted: Vec<_> = scene.members.iter().map(|member| *member.validator().address()).collect();
    trusted.sort_unstable();
    for (place, header_2) in others.into_iter().enumerate() {
        let two = Misbehaviour { header_1: scene.header(|_| (), 0), header_2 };
        let proven = two.verify(&params(CHAIN, 1_000), &scene.trusted, NOW, &KeyTables::new()).unwrap();
        assert_eq!((proven.attack, &proven.suspects), (Attack::Lunatic, &trusted), "part {place}");
    }
    // Those who signed neither are none.
    let by_five = |mut header: ClientHeader| {
        header.signed_header.commit.signatures[5..].fill(CommitSig::Absent);
        header
    };
    let two = Misbehaviour { header_1: by_five(scene.header(|_| (), 0)), header_2: by_five(scene.header(edits[2], 0)) };
    let proven = two.verify(&params(CHAIN, 1_000), &scene.trusted, NOW, &KeyTables::new()).unwrap();
    let mut five: Vec<_> = scene.members[..5].iter().map(|member| *member.validator().address()).collect();
    five.sort_unstable();
    assert_eq!(proven.suspects, five);
}

#[test]
fn a_second_history_at_a_trusted_height_freezes_the_client() {
    let scene = scene();
    let mut trusted = scene.trusted.clone();
    let honest = scene.header(|_| (), 0).encode();
    let update = Update::Header(honest);
    scene.verifier.advance(&mut trusted, &update, NOW).unwrap();
    scene.verifier.advance(&mut trusted, &update, NOW).unwrap();
    assert_eq!((trusted.kept(), trusted.frozen()), (2, None), "the same header again changes nothing");
    let other = scene.header(|head| head.app_hash = vec![9; 32].into(), 0).encode();
    scene.verifier.advance(&mut trusted, &Update::Header(other.clone()), NOW).unwrap();
    let frozen = trusted.frozen().unwrap();
    assert_eq!((frozen.attack, &frozen.headers[..]), (Attack::ConflictWithTrusted, &[other][..]));
    let stored = serde_json::to_string(&trusted).unwrap();
    assert_eq!(serde_json::from_str::<TrustedState>(&stored).unwrap(), trusted);
}

#[test]
fn a_lower_header_that_is_not_earlier_freezes_the_client() {
    let scene = scene();
    let mut trusted = scene.trusted.clone();
    scene.verifier.advance(&mut trusted, &Update::Header(scene.header(|_| (), 0).encode()), NOW).unwrap();
    let mut head = header(8, &scene.members, &scene.members);
    head.time = at(START + 150);
    let late = block_of(head, &scene.members, &scene.members).verified_from(&scene.trusted_block);
    scene.verifier.advance(&mut trusted, &Update::Header(late.encode()), NOW).unwrap();
    assert_eq!(trusted.frozen().unwrap().attack, Attack::TimeViolation);
}
