//! Ranks of the validators that take part in Alpenglow.
//!
//! Source: Agave `runtime/src/epoch_stakes.rs` (`BLSPubkeyToRankMap`), SIMD-0357, SIMD-0387. Of the vote accounts with
//! stake and a decodable BLS key, those whose BLS key or node is another's too are dropped, all of them; the rest rank by
//! stake, most first, then by compressed key; the first 2,000 take part, and the sum of their stakes is what thresholds
//! are shares of.

use std::collections::BTreeMap;

use alloy_primitives::B256;
use blst::min_pk::{AggregatePublicKey, PublicKey};
use rayon::prelude::*;

use super::bitmap::MAX_RANKS;
use super::stakes::{BlsKey, StakeTable};
use crate::VerifyError;

/// The validators by rank.
#[derive(Clone, Debug, Default)]
pub struct RankMap {
    seats: Vec<RankedKey>,
    total: u64,
}

/// One of them.
#[derive(Clone, Debug)]
pub struct RankedKey {
    /// Its vote account.
    pub vote_account: B256,
    /// Its stake.
    pub stake: u64,
    /// Its BLS key.
    pub bls: BlsKey,
    key: PublicKey,
}

impl RankMap {
    /// The ranks of a valid table. Keys are checked to be in the group and not infinity; possession was proven when they
    /// entered their vote accounts, which is why their sums can be trusted.
    pub fn new(table: &StakeTable) -> Self {
        let decoded: Vec<(RankedKey, B256)> = table
            .stakes
            .par_iter()
            .filter_map(|row| {
                let keys = row.alpenglow.as_ref()?;
                let key = PublicKey::key_validate(keys.bls.as_slice()).ok()?;
                let seat = RankedKey { vote_account: row.vote_account, stake: row.stake, bls: keys.bls, key };
                Some((seat, keys.node))
            })
            .collect();
        let (mut nodes, mut keys) = (BTreeMap::<B256, u32>::new(), BTreeMap::<BlsKey, u32>::new());
        for (seat, node) in &decoded {
            let uses = nodes.entry(*node).or_default();
            *uses = uses.saturating_add(1);
            let uses = keys.entry(seat.bls).or_default();
            *uses = uses.saturating_add(1);
        }
        let is_unique =
            |(seat, node): &(RankedKey, B256)| nodes.get(node) == Some(&1) && keys.get(&seat.bls) == Some(&1);
        let mut seats: Vec<_> = decoded.into_iter().filter(is_unique).map(|(seat, _)| seat).collect();
        seats.sort_by(|a, b| b.stake.cmp(&a.stake).then(a.bls.cmp(&b.bls)));
        seats.truncate(MAX_RANKS);
        // No more than the table's total, which fits.
        let total = seats.iter().fold(0_u64, |total, seat| total.saturating_add(seat.stake));
        Self { seats, total }
    }

    /// How many take part.
    pub fn len(&self) -> usize {
        self.seats.len()
    }

    /// Whether nobody does.
    pub fn is_empty(&self) -> bool {
        self.seats.is_empty()
    }

    /// The sum of their stakes.
    pub fn total(&self) -> u64 {
        self.total
    }

    /// Who has a rank.
    pub fn get(&self, rank: usize) -> Option<&RankedKey> {
        self.seats.get(rank)
    }

    /// The stake of distinct ranks.
    pub(super) fn stake(&self, ranks: &[usize]) -> u64 {
        let stakes = ranks.iter().filter_map(|rank| self.get(*rank));
        stakes.fold(0, |sum, seat| sum.saturating_add(seat.stake))
    }

    /// The stake here of the validators that have these ranks in `other`, under the same keys.
    pub(super) fn stake_of(&self, other: &Self, ranks: &[usize]) -> u64 {
        let here: BTreeMap<(B256, BlsKey), u64> =
            self.seats.iter().map(|seat| ((seat.vote_account, seat.bls), seat.stake)).collect();
        let stakes = ranks.iter().filter_map(|rank| {
            let seat = other.get(*rank)?;
            here.get(&(seat.vote_account, seat.bls))
        });
        stakes.fold(0, |sum: u64, stake| sum.saturating_add(*stake))
    }

    /// The stakes and the sum of the keys of distinct ranks; no sum for no ranks.
    pub(super) fn aggregate(&self, ranks: &[usize]) -> Result<(u64, Option<PublicKey>), VerifyError> {
        let (mut stake, mut sum) = (0_u64, None::<AggregatePublicKey>);
        for rank in ranks {
            let seat = self
                .get(*rank)
                .ok_or_else(|| VerifyError::invalid("bitmap", format!("a rank below {}", self.seats.len()), rank))?;
            stake = stake.saturating_add(seat.stake);
            match &mut sum {
                None => sum = Some(AggregatePublicKey::from_public_key(&seat.key)),
                Some(sum) => sum
                    .add_public_key(&seat.key, false)
                    .map_err(|error| VerifyError::invalid("bitmap", "keys that add up", format!("{error:?}")))?,
            }
        }
        Ok((stake, sum.map(|sum| sum.to_public_key())))
    }
}
