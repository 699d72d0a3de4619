//! Vote instructions beside `solana-vote-interface`.
//!
//! Theirs reads every kind, and whatever tower; nodes then refuse crooked towers when they execute the vote
//! (`check_and_filter_proposed_vote_state`, `process_new_vote_state`), and ignore what stands behind an instruction. Ours
//! takes `TowerSync` and `TowerSyncSwitch` alone, in their one encoding, with towers that a node could accept.

use proptest::prelude::*;
use solana_vote_interface::instruction::VoteInstruction;
use solana_vote_interface::state::{Lockout, TowerSync};
use spandrel_verifiers::solana::{Transaction, VOTE_PROGRAM, Vote};

use super::near_within;
use crate::corpus::{self, by_length};
use crate::maker::{key, vote_transaction};
use crate::support::Tally;

/// Rising slots above the root, each locked for longer than the next.
fn is_straight(tower: &TowerSync) -> bool {
    let lockouts: Vec<(u64, u32)> =
        tower.lockouts.iter().map(|lockout| (lockout.slot(), lockout.confirmation_count())).collect();
    let falls = lockouts.windows(2).all(|pair| pair[0].0 < pair[1].0 && pair[0].1 > pair[1].1);
    let above_root = tower.root.is_none_or(|root| lockouts.first().is_some_and(|(slot, _)| *slot > root));
    let in_bounds = lockouts.iter().all(|(_, confirmations)| (1..=31).contains(confirmations));
    (1..=31).contains(&lockouts.len()) && falls && above_root && in_bounds
}

/// The tower that an instruction's data is, by the peer and the rule above.
fn peer(data: &[u8]) -> Option<TowerSync> {
    let instruction: VoteInstruction = wincode::deserialize(data).ok()?;
    let is_whole = wincode::serialize(&instruction).is_ok_and(|again| again == data);
    match instruction {
        VoteInstruction::TowerSync(tower) | VoteInstruction::TowerSyncSwitch(tower, _) => {
            Some(tower).filter(|tower| is_whole && is_straight(tower))
        }
        _ => None,
    }
}

/// Whether both take the vote that a transaction is; they must agree, also on what it means.
fn agree(bytes: &[u8]) -> bool {
    let Ok(transaction) = Transaction::decode(bytes) else { return false };
    let [instruction] = transaction.message.instructions.as_slice() else {
        assert!(Vote::decode(bytes).is_err());
        return false;
    };
    let account = |place: usize| transaction.message.account(instruction, place);
    let signs = || instruction.accounts.get(1).is_some_and(|index| transaction.message.is_signer(*index));
    let is_vote = transaction.message.program(instruction) == Some(VOTE_PROGRAM);
    let theirs = peer(instruction.data).filter(|_| is_vote && account(0).is_some() && account(1).is_some() && signs());
    let ours = Vote::decode(bytes);
    assert_eq!(ours.is_ok(), theirs.is_some(), "{ours:?}, {theirs:?}: {}", hex::encode(instruction.data));
    let (Ok(ours), Some(theirs)) = (ours, theirs) else { return false };
    assert_eq!(Some(ours.ballot.slot), theirs.lockouts.back().map(Lockout::slot));
    assert_eq!((ours.ballot.bank_hash.0, ours.ballot.block_id.0), (theirs.hash.to_bytes(), theirs.block_id.to_bytes()));
    assert_eq!((ours.root, ours.timestamp), (theirs.root, theirs.timestamp));
    assert_eq!((Some(ours.vote_account), Some(ours.authority)), (account(0), account(1)));
    true
}

/// Where the data of a transaction's only instruction stands, which is at the end of a legacy message.
fn data_of(bytes: &[u8]) -> Option<std::ops::Range<usize>> {
    let transaction = Transaction::decode(bytes).ok()?;
    let [instruction] = transaction.message.instructions.as_slice() else { return None };
    let length = instruction.data.len();
    bytes.ends_with(instruction.data).then(|| bytes.len() - length..bytes.len())
}

#[test]
fn recorded_votes_and_what_is_close_to_them_are_read_alike() {
    let recorded = corpus::transactions();
    let mut tally = Tally::new("recorded votes beside solana-vote-interface");
    for bytes in &recorded {
        if agree(bytes) { tally.pass() } else { tally.refused += 1 }
    }
    let mut tally = Tally::new("changed votes beside solana-vote-interface");
    let voter = key("a voter");
    for (seed, bytes) in by_length(&recorded).into_iter().enumerate() {
        // As it stands: a data of another length breaks the transaction around it.
        let Some(range) = data_of(bytes) else { continue };
        for changed in near_within(bytes, range.clone(), seed as u64).step_by(3) {
            if agree(&changed) { tally.pass() } else { tally.refused += 1 }
        }
        // The data alone, of whatever length, in a transaction that fits.
        for data in super::near(&bytes[range], seed as u64).filter(|data| data.len() < 900).step_by(3) {
            let whole = vote_transaction(&voter, Default::default(), &data);
            if agree(&whole) { tally.pass() } else { tally.refused += 1 }
        }
    }
    assert!(recorded.is_empty() || (tally.passed > 1_000 && tally.refused > 1_000));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]
    #[test]
    fn made_votes_are_read_alike(
        root: Option<u32>, steps in prop::collection::vec((0..4_u64, 0..4_u32), 0..33), is_straight: bool,
        hash: [u8; 32], block_id: [u8; 32], timestamp: Option<i64>, switch: Option<[u8; 32]>,
    ) {
        let (mut slot, mut confirmations) = (root.map_or(0, u64::from), 34);
        let lockouts = steps.into_iter().map(|(offset, fall)| {
            slot += offset + u64::from(is_straight);
            confirmations = if is_straight { confirmations.min(32) - 1 } else { u32::saturating_sub(confirmations, fall) };
            Lockout::new_with_confirmation_count(slot, confirmations)
        });
        let lockouts = lockouts.collect();
        let root = root.map(u64::from);
        let tower = TowerSync { lockouts, root, hash: hash.into(), timestamp, block_id: block_id.into() };
        let instruction = match switch {
            None => VoteInstruction::TowerSync(tower.clone()),
            Some(proof) => VoteInstruction::TowerSyncSwitch(tower.clone(), proof.into()),
        };
        let data = wincode::serialize(&instruction).unwrap();
        let whole = vote_transaction(&key("a voter"), Default::default(), &data);
        prop_assert_eq!(agree(&whole), super::votes::is_straight(&tower));
    }
}
