//! The stake table of an epoch: whose vote weighs how much, and who may sign it.
//!
//! Nothing that an epoch signs commits to the next epoch's table. It is weakly subjective: brought by a quorum of
//! named sources ([`StakeTable::digest`] is what they sign), and bounded by the votes of those that are trusted already.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use alloy_primitives::{B256, Bytes, FixedBytes};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::ranks::RankMap;
use super::strict::VoterKey;
use crate::VerifyError;

/// Most vote accounts in one table: several times what any cluster has.
pub const MAX_VOTE_ACCOUNTS: usize = 16_384;

/// A compressed BLS public key.
pub type BlsKey = FixedBytes<48>;

/// The vote accounts with stake in one epoch, in rising order of their addresses.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StakeTable {
    /// The epoch in whose slots these stakes vote.
    pub epoch: u64,
    /// The vote accounts.
    pub stakes: Vec<Stake>,
}

/// One vote account.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Stake {
    /// Its address.
    pub vote_account: B256,
    /// Lamports delegated to it and active; never zero.
    pub stake: u64,
    /// Who signs its votes in this epoch (TowerBFT).
    pub authorized_voter: B256,
    /// What it needs to take part in Alpenglow.
    pub alpenglow: Option<AlpenglowKeys>,
}

/// The identity under which a vote account takes part in Alpenglow.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AlpenglowKeys {
    /// The validator's identity.
    pub node: B256,
    /// Its BLS key, whose possession was proven when it entered the vote account.
    pub bls: BlsKey,
}

impl StakeTable {
    /// A table of these vote accounts, in the order that it must have.
    ///
    /// # Errors
    /// As [`StakeTable::validate`].
    pub fn new(epoch: u64, mut stakes: Vec<Stake>) -> Result<Self, VerifyError> {
        stakes.sort_by_key(|stake| stake.vote_account);
        let table = Self { epoch, stakes };
        table.validate().map(|_| table)
    }

    /// Refuses an empty or oversized table, a vote account twice or out of order, no stake, and a total beyond 64 bits.
    /// Returns the total.
    pub fn validate(&self) -> Result<u64, VerifyError> {
        if self.stakes.is_empty() || self.stakes.len() > MAX_VOTE_ACCOUNTS {
            let expected = format!("1 to {MAX_VOTE_ACCOUNTS} vote accounts");
            return Err(VerifyError::malformed("stakes", expected, self.stakes.len()));
        }
        if let Some(pair) = self.stakes.array_windows().find(|[a, b]| a.vote_account >= b.vote_account) {
            let [_, second] = pair;
            return Err(VerifyError::invalid("stakes", "vote accounts once, in rising order", second.vote_account));
        }
        if let Some(idle) = self.stakes.iter().find(|stake| stake.stake == 0) {
            return Err(VerifyError::invalid("stakes.stake", "some stake", idle.vote_account));
        }
        self.stakes
            .iter()
            .try_fold(0_u64, |total, stake| total.checked_add(stake.stake))
            .ok_or_else(|| VerifyError::invalid("stakes.stake", "a total of 64 bits", "more"))
    }

    /// `sha256` of the epoch and every row, fixed lengths, integers little-endian; a row without Alpenglow keys ends
    /// with 0, another with 1, node and BLS key.
    pub fn digest(&self) -> B256 {
        let mut hash = Sha256::new_with_prefix(b"spandrel.solana.stakes.v1");
        hash.update(self.epoch.to_le_bytes());
        for row in &self.stakes {
            hash.update(row.vote_account);
            hash.update(row.stake.to_le_bytes());
            hash.update(row.authorized_voter);
            match &row.alpenglow {
                None => hash.update([0]),
                Some(keys) => hash.update([&[1][..], keys.node.as_slice(), keys.bls.as_slice()].concat()),
            }
        }
        B256::new(hash.finalize().into())
    }
}

/// A valid stake table with its keys prepared for many signatures. Cheap to clone.
#[derive(Clone, Serialize, Deserialize)]
#[serde(try_from = "StakeTable", into = "StakeTable")]
pub struct Electorate(Arc<Prepared>);

struct Prepared {
    table: StakeTable,
    total: u64,
    seats: BTreeMap<B256, Seat>,
    ranks: RankMap,
}

/// What a vote account brings.
#[derive(Clone, Debug)]
pub(super) struct Seat {
    pub(super) stake: u64,
    pub(super) voter: Arc<VoterKey>,
}

impl Electorate {
    /// Validates a table and prepares the key of every voter, on all threads.
    ///
    /// # Errors
    /// As [`StakeTable::validate`].
    pub fn new(table: StakeTable) -> Result<Self, VerifyError> {
        Self::prepare(table, None)
    }

    /// As [`Electorate::new`], with the keys that `self` has prepared already.
    ///
    /// # Errors
    /// As [`StakeTable::validate`].
    pub fn next(&self, table: StakeTable) -> Result<Self, VerifyError> {
        Self::prepare(table, Some(self))
    }

    fn prepare(table: StakeTable, known: Option<&Self>) -> Result<Self, VerifyError> {
        let total = table.validate()?;
        let prepared = |row: &Stake| {
            let seat = known.and_then(|known| known.seat(row.vote_account));
            seat.filter(|seat| seat.voter.bytes() == row.authorized_voter).map(|seat| seat.voter.clone())
        };
        let voters: Vec<Option<Arc<VoterKey>>> = table.stakes.iter().map(prepared).collect();
        let rows = || table.stakes.iter().zip(&voters);
        let new: Vec<B256> = rows().filter(|(_, voter)| voter.is_none()).map(|(row, _)| row.authorized_voter).collect();
        let mut new = VoterKey::each(&new).into_iter().map(Arc::new);
        let seats = rows().filter_map(|(row, voter)| {
            let voter = voter.clone().or_else(|| new.next())?;
            Some((row.vote_account, Seat { stake: row.stake, voter }))
        });
        let seats = seats.collect();
        let ranks = RankMap::new(&table);
        Ok(Self(Arc::new(Prepared { seats, ranks, total, table })))
    }

    /// The table.
    pub fn table(&self) -> &StakeTable {
        &self.0.table
    }

    /// The epoch.
    pub fn epoch(&self) -> u64 {
        self.0.table.epoch
    }

    /// The sum of all stakes.
    pub fn total(&self) -> u64 {
        self.0.total
    }

    /// Who takes part in Alpenglow, by rank.
    pub fn ranks(&self) -> &RankMap {
        &self.0.ranks
    }

    pub(super) fn seat(&self, vote_account: B256) -> Option<&Seat> {
        self.0.seats.get(&vote_account)
    }

    pub(super) fn seats(&self) -> usize {
        self.0.seats.len()
    }
}

impl TryFrom<StakeTable> for Electorate {
    type Error = VerifyError;
    fn try_from(table: StakeTable) -> Result<Self, VerifyError> {
        Self::new(table)
    }
}

impl From<Electorate> for StakeTable {
    fn from(electorate: Electorate) -> Self {
        electorate.table().clone()
    }
}

impl PartialEq for Electorate {
    fn eq(&self, other: &Self) -> bool {
        self.table() == other.table()
    }
}

impl Eq for Electorate {}

impl fmt::Debug for Electorate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Electorate(epoch {}, {} vote accounts)", self.epoch(), self.seats())
    }
}

/// Whether `part` is at least `numerator / denominator` of `total`, in integers.
pub(super) fn is_share(part: u64, total: u64, numerator: u8, denominator: u8) -> bool {
    // 64 bits times 8 bits.
    u128::from(part).saturating_mul(denominator.into()) >= u128::from(total).saturating_mul(numerator.into())
}

/// Votes as they are carried: raw transactions.
pub(super) type RawVotes = [Bytes];

#[cfg(test)]
mod tests {
    use super::*;

    fn row(account: u8, stake: u64) -> Stake {
        let authorized_voter = B256::repeat_byte(account);
        Stake { vote_account: B256::repeat_byte(account), stake, authorized_voter, alpenglow: None }
    }

    #[test]
    fn a_table_has_each_account_once_and_a_total_that_fits() {
        assert_eq!(StakeTable::new(1, vec![row(2, 5), row(1, 7)]).unwrap().validate().unwrap(), 12);
        for (stakes, field) in [
            (vec![], "stakes"),
            (vec![row(1, 5), row(1, 7)], "stakes"),
            (vec![row(1, 5), row(2, 0)], "stakes.stake"),
            (vec![row(1, u64::MAX), row(2, 1)], "stakes.stake"),
        ] {
            assert_eq!(StakeTable::new(1, stakes).unwrap_err().field, field);
        }
        let unordered = StakeTable { epoch: 1, stakes: vec![row(2, 5), row(1, 7)] };
        assert_eq!(Electorate::new(unordered).unwrap_err().field, "stakes");
    }

    #[test]
    fn every_field_moves_the_digest() {
        let keys = AlpenglowKeys { node: B256::repeat_byte(3), bls: BlsKey::repeat_byte(4) };
        let base = StakeTable { epoch: 1, stakes: vec![row(1, 5)] };
        let with = |change: fn(&mut Stake)| {
            let mut table = base.clone();
            change(&mut table.stakes[0]);
            table.digest()
        };
        let digests = [
            base.digest(),
            StakeTable { epoch: 2, ..base.clone() }.digest(),
            with(|row| row.vote_account = B256::ZERO),
            with(|row| row.stake = 6),
            with(|row| row.authorized_voter = B256::ZERO),
            StakeTable { epoch: 1, stakes: vec![Stake { alpenglow: Some(keys), ..row(1, 5) }] }.digest(),
        ];
        let distinct: std::collections::BTreeSet<_> = digests.iter().collect();
        assert_eq!(distinct.len(), digests.len());
    }

    #[test]
    fn shares_are_inclusive_and_exact() {
        assert!(is_share(2, 3, 2, 3) && !is_share(1, 3, 2, 3));
        assert!(is_share(u64::MAX, u64::MAX, 1, 1) && !is_share(u64::MAX - 1, u64::MAX, 1, 1));
        // Two thirds of 10^18 + 1 lie between these two.
        assert!(!is_share(666_666_666_666_666_667, 1_000_000_000_000_000_001, 2, 3));
        assert!(is_share(666_666_666_666_666_668, 1_000_000_000_000_000_001, 2, 3));
        assert!(is_share(60, 100, 60, 100) && !is_share(59, 100, 60, 100));
    }
}
