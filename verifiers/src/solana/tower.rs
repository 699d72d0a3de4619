//! Counting the votes of TowerBFT.
//!
//! A block is voted when at least two thirds of the epoch's stake signed it; each vote account counts once, through the
//! authorized voter of the voted slot's epoch, and for the last slot of its tower alone.

use std::collections::BTreeMap;

use alloy_primitives::{B256, Bytes};

use super::stakes::{Electorate, RawVotes, Seat, is_share};
use super::strict::{Signed, verify_strict_each};
use super::vote::{Ballot, Vote};
use crate::VerifyError;

/// A vote that counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CountedVote {
    /// Whose.
    pub vote_account: B256,
    /// Who signed it.
    pub voter: B256,
    /// What for.
    pub ballot: Ballot,
    /// How much it weighs.
    pub stake: u64,
    /// The voter's clock, if it says.
    pub timestamp: Option<i64>,
}

/// A ballot that at least two thirds of the stake signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Majority {
    /// The block.
    pub ballot: Ballot,
    /// Stake that voted for it.
    pub stake: u64,
    /// Median of the voters' clocks by stake, Unix seconds; 0 when half of them do not say.
    pub time: u64,
    /// The votes that were counted, each vote account once.
    pub votes: Vec<CountedVote>,
}

/// Checks each vote on its own: it decodes, its vote account has stake in `electorate`, the authorized voter signed it.
/// A result per vote, in order; whether two of them are one account's is not said here.
///
/// A bad vote costs one single check more than a good one, and its neighbours nothing: each signature has an equation of
/// its own. 417 votes with a bad one are to take at most 1.1 times as long as good ones: the check is a hundredth, and where
/// in memory two equal batches lie makes up to some hundredths more or less.
pub fn check_votes(electorate: &Electorate, votes: &RawVotes) -> Vec<Result<CountedVote, VerifyError>> {
    let decoded: Vec<Result<(Vote<'_>, &Seat), VerifyError>> = votes
        .iter()
        .map(|bytes| {
            let vote = Vote::decode(bytes)?;
            require_seat(electorate, &vote).map(|seat| (vote, seat))
        })
        .collect();
    let signed: Vec<Signed<'_>> = decoded
        .iter()
        .flatten()
        .map(|(vote, seat)| Signed { key: &seat.voter, message: vote.message, signature: vote.signature })
        .collect();
    #[cfg(test)]
    crate::counted::add(&crate::counted::VOTES, signed.len());
    let mut verdicts = verify_strict_each(&signed).into_iter();
    let mut counted = |(vote, seat): (Vote<'_>, &Seat)| {
        if verdicts.next() != Some(true) {
            let expected = format!("a signature by {}", vote.authority);
            return Err(VerifyError::invalid("vote.signature", expected, hex::encode(vote.signature)));
        }
        let Vote { vote_account, ballot, timestamp, authority: voter, .. } = vote;
        Ok(CountedVote { vote_account, voter, ballot, stake: seat.stake, timestamp })
    };
    decoded.into_iter().map(|vote| vote.and_then(&mut counted)).collect()
}

fn require_seat<'a>(electorate: &'a Electorate, vote: &Vote<'_>) -> Result<&'a Seat, VerifyError> {
    let Some(seat) = electorate.seat(vote.vote_account) else {
        let expected = format!("an account with stake in epoch {}", electorate.epoch());
        return Err(VerifyError::invalid("vote.vote_account", expected, vote.vote_account));
    };
    if seat.voter.bytes() != vote.authority {
        return Err(VerifyError::invalid("vote.authority", seat.voter.bytes(), vote.authority));
    }
    Ok(seat)
}

/// Checks that all of `votes` are for `ballot`, each vote account once, and that they carry two thirds of the stake.
/// The caller has chosen the electorate of the ballot's slot.
///
/// # Errors
/// Names `votes[i]…` for a vote that must not be here, `votes` when they are too many or carry too little.
pub fn require_majority(electorate: &Electorate, ballot: Ballot, votes: &RawVotes) -> Result<Majority, VerifyError> {
    if votes.len() > electorate.seats() {
        return Err(VerifyError::malformed("votes", format!("at most {}", electorate.seats()), votes.len()));
    }
    let mut counted = Vec::with_capacity(votes.len());
    for (index, vote) in check_votes(electorate, votes).into_iter().enumerate() {
        let named = |error: VerifyError| error.within(&format!("votes[{index}]"));
        let vote = vote.map_err(named)?;
        if vote.ballot != ballot {
            return Err(named(VerifyError::invalid("ballot", shown(&ballot), shown(&vote.ballot))));
        }
        counted.push(vote);
    }
    counted.sort_by_key(|vote| vote.vote_account);
    if let Some([_, second]) = counted.array_windows().find(|[a, b]| a.vote_account == b.vote_account) {
        return Err(VerifyError::invalid("votes", "each vote account once", second.vote_account));
    }
    // Each vote account once: no more than the table's total, which fits.
    let stake = counted.iter().fold(0_u64, |sum, vote| sum.saturating_add(vote.stake));
    if !is_share(stake, electorate.total(), 2, 3) {
        let expected = format!("two thirds of {} lamports", electorate.total());
        return Err(VerifyError::invalid("votes", expected, stake));
    }
    Ok(Majority { ballot, stake, time: median_time(&counted), votes: counted })
}

/// Stake-weighted median of the clocks. Who does not say counts as the earliest: votes that are sent once more leave their
/// clock out, and whoever brings them could leave the word to the few that say.
fn median_time(votes: &[CountedVote]) -> u64 {
    let clock = |vote: &CountedVote| vote.timestamp.and_then(|time| u64::try_from(time).ok()).unwrap_or_default();
    let mut clocks: Vec<(u64, u64)> = votes.iter().map(|vote| (clock(vote), vote.stake)).collect();
    clocks.sort_unstable();
    let half = clocks.iter().fold(0_u64, |sum, (_, stake)| sum.saturating_add(*stake)) / 2;
    let mut below = 0_u64;
    let is_median = |(_, stake): &&(u64, u64)| {
        below = below.saturating_add(*stake);
        below > half
    };
    clocks.iter().find(is_median).map_or(0, |(clock, _)| *clock)
}

fn shown(ballot: &Ballot) -> String {
    format!("slot {}, bank {}, block {}", ballot.slot, ballot.bank_hash, ballot.block_id)
}

/// The votes among the transactions of a block or of a node's answer that are for `ballot`, as
/// [`require_majority`] takes them: of each vote account with stake the first valid one, before it the first that says
/// the voter's clock. All else is left out.
pub fn select_votes(electorate: &Electorate, ballot: Ballot, transactions: &[Bytes]) -> Vec<Bytes> {
    let checked = check_votes(electorate, transactions).into_iter().zip(transactions);
    let mut chosen = BTreeMap::new();
    for (vote, bytes) in checked {
        if let Ok(vote) = vote
            && vote.ballot == ballot
        {
            let (has_clock, kept) = chosen.entry(vote.vote_account).or_insert((vote.timestamp.is_some(), bytes));
            if vote.timestamp.is_some() && !*has_clock {
                (*has_clock, *kept) = (true, bytes);
            }
        }
    }
    chosen.into_values().map(|(_, bytes)| bytes.clone()).collect()
}
