//! Vote transactions: what decodes is all of the bytes, and no majority stands on a vote that was changed.

use std::sync::LazyLock;

use alloy_primitives::{B256, Bytes};
use spandrel_verifiers::solana::{Ballot, Electorate, MessageVersion, Transaction, Vote, require_majority};
use crate::patch::{Patch, patched};
use crate::solana::{table, validators, votes};

const BALLOT: Ballot = Ballot { slot: 200, bank_hash: B256::repeat_byte(3), block_id: B256::repeat_byte(4) };

static VOTES: LazyLock<Vec<Bytes>> = LazyLock::new(|| votes(BALLOT, &validators()).votes);
static ELECTORATE: LazyLock<Electorate> =
    LazyLock::new(|| Electorate::new(table(0, &validators())).expect("a valid table"));

fuzz_target!(|input: (u8, Vec<Patch>)| {
    let (place, patches) = input;
    let place = usize::from(place) % VOTES.len();
    let bytes = patched(VOTES[place].to_vec(), &patches);
    if let Ok(transaction) = Transaction::decode(&bytes) {
        let signatures = transaction.signatures.as_flattened().len();
        let count = usize::from(transaction.message.version != MessageVersion::One);
        assert_eq!(count + signatures + transaction.message.bytes.len(), bytes.len());
    }
    let is_vote = Vote::decode(&bytes).is_ok();
    let mut all = VOTES.clone();
    all[place] = bytes.into();
    let is_honest = all[place] == VOTES[place];
    assert!(is_vote || !is_honest);
    assert_eq!(require_majority(&ELECTORATE, BALLOT, &all).is_ok(), is_honest);
});
