//! Vote accounts beside `solana-vote-interface`.
//!
//! Theirs bounds nothing but by the data's length, and takes voters in any order: ours takes what the vote program writes.

use solana_vote_interface::state::VoteStateVersions;
use spandrel_verifiers::solana::VoteAccount;

use super::near;
use crate::corpus;
use crate::support::Tally;

/// What the peer reads, if no more than the program keeps, and in the form in which it writes.
fn peer(data: &[u8]) -> Option<VoteStateVersions> {
    let state = VoteStateVersions::deserialize(data).ok()?;
    let (votes, voters, credits) = match &state {
        VoteStateVersions::V1_14_11(state) => {
            (state.votes.len(), state.authorized_voters.len(), state.epoch_credits.len())
        }
        VoteStateVersions::V3(state) => (state.votes.len(), state.authorized_voters.len(), state.epoch_credits.len()),
        VoteStateVersions::V4(state) => (state.votes.len(), state.authorized_voters.len(), state.epoch_credits.len()),
        VoteStateVersions::Uninitialized => return None,
    };
    let is_written_so = wincode::serialize(&state).is_ok_and(|again| data.starts_with(&again));
    let is_bounded = data.len() <= 3_762 && votes <= 31 && voters <= 64 && credits <= 64;
    Some(state).filter(|_| is_bounded && is_written_so)
}

fn agree(data: &[u8]) -> bool {
    let (ours, theirs) = (VoteAccount::decode(data), peer(data));
    assert_eq!(ours.is_ok(), theirs.is_some(), "{ours:?}, {theirs:?}");
    let (Ok(ours), Some(theirs)) = (ours, theirs) else { return false };
    let (node, bls, last_voted, root, voters) = match &theirs {
        VoteStateVersions::V1_14_11(state) => {
            let last_voted = state.votes.back().map(|lockout| lockout.slot());
            (state.node_pubkey, None, last_voted, state.root_slot, &state.authorized_voters)
        }
        VoteStateVersions::V3(state) => {
            let last_voted = state.votes.back().map(|vote| vote.slot());
            (state.node_pubkey, None, last_voted, state.root_slot, &state.authorized_voters)
        }
        VoteStateVersions::V4(state) => {
            let last_voted = state.votes.back().map(|vote| vote.slot());
            (state.node_pubkey, state.bls_pubkey_compressed, last_voted, state.root_slot, &state.authorized_voters)
        }
        VoteStateVersions::Uninitialized => unreachable!("refused above"),
    };
    assert_eq!((ours.node.0, ours.bls.map(|key| key.0)), (node.to_bytes(), bls));
    assert_eq!((ours.last_voted, ours.root), (last_voted, root));
    let theirs: Vec<_> = voters.iter().map(|(epoch, voter)| (*epoch, voter.to_bytes())).collect();
    assert!(ours.voters.into_iter().map(|(epoch, voter)| (epoch, voter.0)).eq(theirs));
    true
}

#[test]
fn recorded_vote_accounts_and_what_is_close_to_them_are_read_alike() {
    let recorded = corpus::vote_accounts();
    let mut tally = Tally::new("vote accounts beside solana-vote-interface");
    for (seed, data) in recorded.iter().enumerate() {
        assert!(agree(data));
        tally.pass();
        for changed in near(data, seed as u64) {
            if agree(&changed) { tally.pass() } else { tally.refused += 1 }
        }
    }
    assert!(recorded.is_empty() || (tally.passed > 1_000 && tally.refused > 100));
}
