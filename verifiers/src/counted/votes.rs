//! What a bad vote costs the votes beside it.

use alloy_primitives::{B256, Bytes};

use super::maker::{Validator, table};
use super::{VOTES, counting};
use crate::solana::{Ballot, Electorate, check_votes};

const BALLOT: Ballot = Ballot { slot: 200, bank_hash: B256::repeat_byte(3), block_id: B256::repeat_byte(4) };

/// Which votes count, and how many signatures were checked for it.
fn work(electorate: &Electorate, votes: &[Bytes]) -> (Vec<bool>, usize) {
    let (results, checked) = counting(&VOTES, || check_votes(electorate, votes));
    (results.iter().map(Result::is_ok).collect(), checked)
}

fn flipped(vote: &Bytes, place: usize) -> Bytes {
    let mut bytes = vote.to_vec();
    bytes[place] ^= 1;
    bytes.into()
}

/// One chunk of votes that share an inversion, and one that is not full.
#[test]
fn a_bad_vote_costs_one_check_at_most_and_its_neighbours_none() {
    let validators: Vec<_> = (0..37_u64).map(|n| Validator::new(&format!("voter {n}"), 10 + n)).collect();
    let electorate = Electorate::new(table(0, &validators)).unwrap();
    let honest: Vec<Bytes> = validators.iter().map(|validator| validator.vote(BALLOT)).collect();
    let count = honest.len();
    assert_eq!(work(&electorate, &honest), (vec![true; count], count));
    for bad in 0..count {
        let expected: Vec<bool> = (0..count).map(|place| place != bad).collect();
        // The signature's `R`, its `s`, the message behind it: each vote is still checked once.
        for place in [1, 40, honest[bad].len() - 1] {
            let mut votes = honest.clone();
            votes[bad] = flipped(&votes[bad], place);
            assert_eq!(work(&electorate, &votes), (expected.clone(), count), "vote {bad}, byte {place}");
        }
        // What does not decode, and what is a stranger's, is not checked at all.
        let stranger = Validator::new("a stranger", 1).vote(BALLOT);
        for other in [Bytes::new(), stranger] {
            let mut votes = honest.clone();
            votes[bad] = other;
            assert_eq!(work(&electorate, &votes), (expected.clone(), count - 1), "vote {bad}");
        }
    }
    let all: Vec<Bytes> = honest.iter().map(|vote| flipped(vote, 1)).collect();
    assert_eq!(work(&electorate, &all), (vec![false; count], count));
}
