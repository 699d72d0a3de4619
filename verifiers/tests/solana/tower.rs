//! TowerBFT on a small cluster: what counts as a vote, what makes a block final, how a stake table is handed over.

use alloy_primitives::{B256, Bytes, keccak256};
use spandrel_verifiers::solana::{
    Ballot, BankPreimage, CarriedBlock, Electorate, RootUpdate, SolanaVerifier, StakeTable, StakesUpdate, Standing,
    TrustedSlots, Update, VOTE_PROGRAM, Vote, VotesUpdate, require_majority, select_votes, stakes_digest,
};
use spandrel_verifiers::{ErrorKind, Verifier, VerifyError};

use super::maker::{
    NOW, Validator, bank, config, key, public, quorum, table, tower_sync, transaction, validators, vote_transaction,
    votes, witnesses,
};
use super::scene::{SLOT, Scene, ballot, finalizing};

fn any_ballot() -> Ballot {
    ballot(100, B256::repeat_byte(5))
}

fn electorate() -> Electorate {
    Electorate::new(table(0, &validators())).unwrap()
}

fn majority(votes: &[Bytes]) -> Result<u64, VerifyError> {
    require_majority(&electorate(), any_ballot(), votes).map(|majority| majority.stake)
}

fn refused(votes: &[Bytes]) -> String {
    majority(votes).unwrap_err().field
}

/// The votes of ann, bob and the others, whose stakes are 40, 30, 15, 10 and 5.
fn all_votes() -> Vec<Bytes> {
    votes(any_ballot(), &validators()).votes
}

#[test]
fn two_thirds_of_the_stake_prove_a_block_and_less_do_not() {
    let votes = all_votes();
    assert_eq!(majority(&votes).unwrap(), 100);
    assert_eq!(majority(&votes[..2]).unwrap(), 70);
    // 40 + 15 + 10 is 65: two thirds of a hundred are more than 66.
    let less = [votes[0].clone(), votes[2].clone(), votes[3].clone()];
    assert_eq!(refused(&less), "votes");
    assert_eq!(refused(&[]), "votes");
}

#[test]
fn a_vote_account_counts_once_however_often_it_votes() {
    let votes = all_votes();
    let twice = [votes[0].clone(), votes[0].clone(), votes[2].clone()];
    assert_eq!(refused(&twice), "votes");
    // Nor by another transaction of the same vote.
    let ann = &validators()[0];
    let again = vote_transaction(&ann.voter, ann.vote_account(), &tower_sync(any_ballot(), None));
    assert_ne!(again, votes[0]);
    assert_eq!(refused(&[votes[0].clone(), again]), "votes");
}

/// A vote that is sent once more leaves its clock out. Whoever brings such votes of the others would leave the time to few.
#[test]
fn the_time_is_that_of_most_of_the_stake_or_not_known() {
    let late = NOW as i64 + 1_000_000;
    let vote = |(validator, clock): (&Validator, Option<i64>)| {
        vote_transaction(&validator.voter, validator.vote_account(), &tower_sync(any_ballot(), clock))
    };
    let time = |clocks: [Option<i64>; 3]| {
        let votes: Vec<Bytes> = validators().iter().zip(clocks).map(vote).collect();
        require_majority(&electorate(), any_ballot(), &votes).unwrap().time
    };
    let now = Some(NOW as i64);
    // Of 85 that vote, 40, 30 and 15.
    assert_eq!(time([now, now, Some(late)]), NOW);
    assert_eq!(time([None, None, Some(late)]), 0);
    assert_eq!(time([Some(-5), None, Some(late)]), 0);
    assert_eq!(time([None, now, Some(late)]), NOW);
    // Of two votes of one account that differ in this alone, the one that says is chosen.
    let ann = &validators()[0];
    let (silent, says) = (vote((ann, None)), vote((ann, now)));
    for both in [[silent.clone(), says.clone()], [says.clone(), silent.clone()]] {
        assert_eq!(select_votes(&electorate(), any_ballot(), &both), std::slice::from_ref(&says));
    }
    assert_eq!(select_votes(&electorate(), any_ballot(), std::slice::from_ref(&silent)), [silent]);
}

/// Everyone's votes for a block, all with one clock or without.
fn told(ballot: Ballot, clock: Option<i64>) -> Update {
    let vote = |validator: &Validator| {
        vote_transaction(&validator.voter, validator.vote_account(), &tower_sync(ballot, clock))
    };
    Update::Votes(VotesUpdate { votes: validators().iter().map(vote).collect(), ..votes(ballot, &[]) })
}

/// Who brings silent votes first does not keep the block from a time, nor others from being verified until then.
#[test]
fn a_block_of_unknown_time_learns_it_and_expires_nothing() {
    let scene = Scene::shared();
    let mut trusted = scene.trusted.clone();
    let later = |clock| told(ballot(300, B256::repeat_byte(6)), clock);
    scene.verifier.advance(&mut trusted, &later(None), NOW).unwrap();
    assert_eq!(trusted.block(300).unwrap().time, 0);
    scene.verifier.verify(&trusted, &scene.evidence, NOW).unwrap();
    scene.verifier.advance(&mut trusted, &later(Some(NOW as i64)), NOW).unwrap();
    assert_eq!(trusted.block(300).unwrap().time, NOW);
    // A time that is known is not changed by another majority.
    scene.verifier.advance(&mut trusted, &later(Some(NOW as i64 + 9)), NOW).unwrap();
    assert_eq!(trusted.block(300).unwrap().time, NOW);
}

/// Nor does such a one have a deposit of that block refused for good: it is asked again, once votes with clocks came.
#[test]
fn a_deposit_of_a_block_of_unknown_time_is_not_proven_yet() {
    let scene = Scene::shared();
    let mut trusted = TrustedSlots::new(table(0, &validators())).unwrap();
    let mut updates = finalizing(SLOT, scene.block.chained_id());
    let Update::Votes(first) = &updates[0] else { panic!("votes first") };
    let voted = Ballot { slot: first.slot, bank_hash: first.bank_hash, block_id: first.block_id };
    let of_block = |clock| told(voted, clock);
    updates[0] = of_block(None);
    for update in &updates {
        scene.verifier.advance(&mut trusted, update, NOW).unwrap();
    }
    let error = scene.verifier.verify(&trusted, &scene.evidence, NOW).unwrap_err();
    assert_eq!((error.field.as_str(), error.kind), ("execution.time", ErrorKind::NotYet));
    scene.verifier.advance(&mut trusted, &of_block(Some(NOW as i64)), NOW).unwrap();
    scene.verifier.verify(&trusted, &scene.evidence, NOW).unwrap();
}

#[test]
fn only_the_authorized_voter_of_the_epoch_votes_for_an_account() {
    let [ann, bob, ..] = &validators()[..] else { panic!() };
    let data = tower_sync(any_ballot(), None);
    let by_bob = vote_transaction(&bob.voter, ann.vote_account(), &data);
    assert_eq!(refused(&[by_bob]), "votes[0].vote.authority");
    // A new voter of the account, but not of this epoch.
    let next = vote_transaction(&key("ann's next voter"), ann.vote_account(), &data);
    assert_eq!(refused(&[next]), "votes[0].vote.authority");
    let stranger = vote_transaction(&key("stranger"), keccak256("no vote account"), &data);
    assert_eq!(refused(&[stranger]), "votes[0].vote.vote_account");
}

#[test]
fn the_authority_must_have_signed_not_only_stand_in_the_message() {
    let ann = &validators()[0];
    let payer = key("payer");
    let keys = [public(&payer), public(&ann.voter), ann.vote_account(), VOTE_PROGRAM];
    let data = tower_sync(any_ballot(), None);
    let unsigned = transaction(&[&payer], &keys, 1, &[(3, &[2, 1], &data)]);
    assert_eq!(refused(&[unsigned]), "votes[0].vote.authority");
    // With both signing it counts, whoever pays.
    let both = transaction(&[&payer, &ann.voter], &keys, 1, &[(3, &[2, 1], &data)]);
    let votes = [both, all_votes()[1].clone()];
    assert_eq!(majority(&votes).unwrap(), 70);
    // The payer's signature in the voter's place does not.
    let mut bytes = votes[0].to_vec();
    bytes.copy_within(1..65, 65);
    assert_eq!(refused(&[bytes.into(), votes[1].clone()]), "votes[0].vote.signature");
}

#[test]
fn a_vote_speaks_for_the_last_slot_of_its_tower_alone() {
    let ann = &validators()[0];
    let later = Ballot { slot: 101, ..any_ballot() };
    // The tower of this vote holds slots 100 and 101; its hash is that of 101.
    let vote = Vote::decode(&ann.vote(later)).map(|vote| vote.ballot).unwrap();
    assert_eq!(vote, later);
    assert_eq!(refused(&[ann.vote(later)]), "votes[0].ballot");
    for other in [Ballot { bank_hash: B256::ZERO, ..any_ballot() }, Ballot { block_id: B256::ZERO, ..any_ballot() }] {
        assert_eq!(refused(&[ann.vote(other)]), "votes[0].ballot");
    }
}

#[test]
fn votes_of_dead_kinds_and_crooked_towers_are_refused() {
    let ann = &validators()[0];
    let good = tower_sync(any_ballot(), Some(5));
    let vote = |data: &[u8]| vote_transaction(&ann.voter, ann.vote_account(), data);
    let decode = |data: &[u8]| Vote::decode(&vote(data)).map(|vote| vote.ballot);
    assert_eq!(decode(&good).unwrap(), any_ballot());
    let mut switch = [&good[..], &[9; 32]].concat();
    switch[0] = 15;
    assert_eq!(decode(&switch).unwrap(), any_ballot());
    for kind in [2, 6, 8, 9, 12, 13, 16] {
        let mut dead = good.clone();
        dead[0] = kind;
        assert_eq!(decode(&dead).unwrap_err().field, "vote", "{kind}");
    }
    // Kind 4, root 8, count 1, then offset and confirmations of two lockouts.
    for (place, value) in
        [(12, 0), (12, 1), (12, 32), (13, 0x80), (14, 0), (14, 32), (14, 1), (15, 0), (16, 2), (16, 0)]
    {
        let mut crooked = good.clone();
        crooked[place] = value;
        assert!(decode(&crooked).is_err(), "{place} := {value}");
    }
    assert!(decode(&good[..good.len() - 1]).is_err());
    assert!(decode(&[&good[..], &[0]].concat()).is_err());
    let two: &[(u8, &[u8], &[u8])] = &[(2, &[1, 0], &good), (2, &[1, 0], &good)];
    let keys = [public(&ann.voter), ann.vote_account(), VOTE_PROGRAM];
    assert_eq!(Vote::decode(&transaction(&[&ann.voter], &keys, 1, two)).unwrap_err().field, "vote");
    let other_program = [public(&ann.voter), ann.vote_account(), keccak256("program")];
    let transaction = transaction(&[&ann.voter], &other_program, 1, &two[..1]);
    assert_eq!(Vote::decode(&transaction).unwrap_err().field, "vote");
}

/// A cluster whose blocks 100 and 140 are voted, with the banks between them.
pub fn rooted() -> (SolanaVerifier, TrustedSlots, RootUpdate) {
    let verifier = SolanaVerifier::new(config()).unwrap();
    let mut trusted = TrustedSlots::new(table(0, &validators())).unwrap();
    let (_, root) = bank(B256::ZERO, 0);
    let (mut banks, mut tip) = (Vec::<BankPreimage>::new(), root);
    for n in 1..=20 {
        let (preimage, hash) = bank(tip, n);
        banks.insert(0, preimage);
        tip = hash;
    }
    for ballot in [ballot(100, root), ballot(140, tip)] {
        verifier.advance(&mut trusted, &Update::Votes(votes(ballot, &validators())), NOW).unwrap();
    }
    (verifier, trusted, RootUpdate { slot: 100, descendant: 140, banks })
}

#[test]
fn a_block_is_final_when_two_thirds_vote_for_its_descendant_after_32_slots() {
    let (verifier, mut trusted, update) = rooted();
    assert_eq!(trusted.block(100).unwrap().standing, Standing::Voted);
    assert_eq!(trusted.block(100).unwrap().time, NOW);
    verifier.advance(&mut trusted, &Update::Root(update), NOW).unwrap();
    assert_eq!(trusted.block(100).unwrap().standing, Standing::Final);
    assert_eq!(trusted.block(140).unwrap().standing, Standing::Voted);
}

#[test]
fn a_block_is_final_by_a_descendant_exactly_32_slots_later_and_by_none_before() {
    for (distance, is_final) in [(1, false), (31, false), (32, true), (33, true)] {
        let verifier = SolanaVerifier::new(config()).unwrap();
        let mut trusted = TrustedSlots::new(table(0, &validators())).unwrap();
        let (_, root) = bank(B256::ZERO, 0);
        let (child, tip) = bank(root, 1);
        for ballot in [ballot(100, root), ballot(100 + distance, tip)] {
            verifier.advance(&mut trusted, &Update::Votes(votes(ballot, &validators())), NOW).unwrap();
        }
        let update = RootUpdate { slot: 100, descendant: 100 + distance, banks: vec![child] };
        let refused = verifier.advance(&mut trusted, &Update::Root(update), NOW).err().map(|error| error.field);
        assert_eq!(refused.as_deref(), (!is_final).then_some("root.descendant"), "{distance} slots later");
        let expected = if is_final { Standing::Final } else { Standing::Voted };
        assert_eq!(trusted.block(100).unwrap().standing, expected);
    }
}

#[test]
fn a_block_is_not_final_by_a_near_descendant_or_a_broken_line() {
    let (verifier, mut trusted, update) = rooted();
    let refused = |trusted: &mut TrustedSlots, update: RootUpdate| {
        let before = trusted.clone();
        let error = verifier.advance(trusted, &Update::Root(update), NOW).unwrap_err();
        assert_eq!(*trusted, before);
        // The near one may become final by itself; the other two blocks are not known yet, or no descendant.
        let is_not_yet = error.field == "root.descendant" && error.found != "100";
        assert_eq!(error.kind == ErrorKind::NotYet, is_not_yet, "{error}");
        error.field
    };
    let (_, near) = bank(B256::ZERO, 77);
    verifier.advance(&mut trusted, &Update::Votes(votes(ballot(131, near), &validators())), NOW).unwrap();
    assert_eq!(refused(&mut trusted, RootUpdate { descendant: 131, ..update.clone() }), "root.descendant");
    assert_eq!(refused(&mut trusted, RootUpdate { descendant: 100, ..update.clone() }), "root.descendant");
    assert_eq!(refused(&mut trusted, RootUpdate { descendant: 141, ..update.clone() }), "root.descendant");
    let mut banks = update.banks.clone();
    banks.remove(7);
    assert_eq!(refused(&mut trusted, RootUpdate { banks, ..update.clone() }), "root.banks[7].hash");
    let banks = update.banks[..19].to_vec();
    assert_eq!(refused(&mut trusted, RootUpdate { banks, ..update.clone() }), "root.banks");
    let mut banks = update.banks.clone();
    banks[3].signature_count += 1;
    assert_eq!(refused(&mut trusted, RootUpdate { banks, ..update.clone() }), "root.banks[3].hash");
    assert_eq!(refused(&mut trusted, RootUpdate { banks: vec![], ..update }), "root.banks");
}

#[test]
fn a_second_block_in_a_slot_is_a_conflict_and_changes_nothing() {
    let (verifier, mut trusted, _) = rooted();
    let before = trusted.clone();
    let other = ballot(100, B256::repeat_byte(9));
    let error = verifier.advance(&mut trusted, &Update::Votes(votes(other, &validators())), NOW).unwrap_err();
    assert_eq!((error.field.as_str(), error.kind), ("conflict", ErrorKind::Invalid));
    assert_eq!(trusted, before);
}

#[test]
fn votes_of_an_epoch_without_a_table_are_not_yet_and_of_a_forgotten_one_expired() {
    let verifier = SolanaVerifier::new(config()).unwrap();
    let mut trusted = TrustedSlots::new(table(5, &validators())).unwrap();
    for (slot, kind) in [(6_000, ErrorKind::NotYet), (4_999, ErrorKind::Expired)] {
        let update = Update::Votes(votes(ballot(slot, B256::ZERO), &validators()));
        let error = verifier.advance(&mut trusted, &update, NOW).unwrap_err();
        assert_eq!((error.field.as_str(), error.kind), ("votes.epoch", kind));
    }
}

/// The table of epoch 1 with votes for slot 1,000 by `voters`.
fn handover(table: StakeTable, voters: &[Validator]) -> StakesUpdate {
    let config = config();
    let digest = stakes_digest(&config.chain, &table, config.stake_sources.epoch);
    let votes = votes(ballot(1_000, B256::repeat_byte(3)), voters);
    let signatures = quorum(digest, &witnesses("source").1);
    StakesUpdate { table, signatures, carried: CarriedBlock::Votes(votes) }
}

fn hand_over(update: StakesUpdate) -> Result<TrustedSlots, VerifyError> {
    let verifier = SolanaVerifier::new(config()).unwrap();
    let mut trusted = TrustedSlots::new(table(0, &validators())).unwrap();
    let before = trusted.clone();
    let result = verifier.advance(&mut trusted, &Update::Stakes(Box::new(update)), NOW);
    assert!(result.is_ok() || trusted == before);
    result.map(|()| trusted)
}

#[test]
fn a_table_is_handed_over_by_its_sources_and_carried_by_the_old_stake() {
    let mut next = validators();
    next[4] = Validator::new("fay", 20);
    let trusted = hand_over(handover(table(1, &next), &next)).unwrap();
    assert_eq!(trusted.newest().unwrap().epoch(), 1);
    assert_eq!(trusted.block(1_000).unwrap().standing, Standing::Voted);
}

#[test]
fn sources_cannot_bring_a_table_of_strangers() {
    // All sources agree on a made-up table, whose voters duly vote.
    let strangers: Vec<Validator> = (0..5).map(|n| Validator::new(&format!("stranger {n}"), 20)).collect();
    let error = hand_over(handover(table(1, &strangers), &strangers)).unwrap_err();
    assert_eq!(error.field, "stakes.carried.stake");
    // Nor the same vote accounts under other keys.
    let mut stolen = table(1, &validators());
    let mut thieves = validators();
    for (row, thief) in stolen.stakes.iter_mut().zip(0_u8..) {
        let place = thieves.iter().position(|thief| thief.vote_account() == row.vote_account).unwrap();
        thieves[place].voter = key(&format!("thief {thief}"));
        row.authorized_voter = public(&thieves[place].voter);
    }
    assert_eq!(hand_over(handover(stolen, &thieves)).unwrap_err().field, "stakes.carried.stake");
    // Nor a table in which the old voters hold little, though they vote.
    let mut diluted = validators();
    diluted.push(Validator::new("whale", 1_000));
    let error = hand_over(handover(table(1, &diluted), &validators())).unwrap_err();
    assert_eq!(error.field, "stakes.carried.votes");
}

#[test]
fn a_table_needs_its_sources_its_epoch_and_votes_of_that_epoch() {
    let good = handover(table(1, &validators()), &validators());
    hand_over(good.clone()).unwrap();
    let refused = |update: StakesUpdate| hand_over(update).unwrap_err().field;
    let one = StakesUpdate { signatures: good.signatures[..1].to_vec(), ..good.clone() };
    assert_eq!(refused(one), "stakes.signatures");
    let twice = StakesUpdate { signatures: vec![good.signatures[0]; 2], ..good.clone() };
    assert_eq!(refused(twice), "stakes.signatures[1]");
    let mut reversed = good.clone();
    reversed.signatures.reverse();
    assert_eq!(refused(reversed), "stakes.signatures[1]");
    let mut other = good.clone();
    other.table.stakes[0].stake += 1;
    assert!(refused(other).starts_with("stakes.signatures["));
    let strangers = witnesses("stranger").1;
    let digest = stakes_digest(&config().chain, &good.table, 7);
    assert_eq!(
        refused(StakesUpdate { signatures: quorum(digest, &strangers), ..good.clone() }),
        "stakes.signatures[0]"
    );
    // A later one may follow the newest some day, an older one never.
    for (epoch, kind) in [(2, ErrorKind::NotYet), (0, ErrorKind::Invalid)] {
        let error = hand_over(handover(table(epoch, &validators()), &validators())).unwrap_err();
        assert_eq!((error.field.as_str(), error.kind), ("stakes.table.epoch", kind));
    }
    let early = CarriedBlock::Votes(votes(ballot(999, B256::ZERO), &validators()));
    assert_eq!(refused(StakesUpdate { carried: early, ..good }), "stakes.carried.slot");
}
