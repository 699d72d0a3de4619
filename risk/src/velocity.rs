//! How fast one sender and one recipient may move, and what size is usual.
//!
//! A bucket fills with what is cleared and drains evenly: its capacity in `refill_seconds`. It carries the terms that it
//! was last filled under, so that folding needs no policy. Which transfers are unusual is said by the sizes of the last
//! [`SIZES`] clearances of an asset.

use alloy_primitives::{B256, U256, U512};
use rpds::RedBlackTreeMapSync;
use serde::{Deserialize, Serialize};
use spandrel_verifiers::{AssetId, UnixSeconds};

use crate::parts::Parted;
use crate::{Limit, as_list};

/// How many of an asset's last clearances are looked at for what is usual.
pub const SIZES: u64 = 1_000;
/// With fewer than these nothing is unusual.
pub const LEAST_SIZES: u64 = 100;

/// A token bucket, by configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Bucket {
    /// Most that may be cleared at once, base units.
    pub capacity: Limit,
    /// Seconds in which a full bucket drains.
    pub refill_seconds: u64,
}

impl Bucket {
    /// Holds nobody, by decision.
    pub const UNLIMITED: Self = Self { capacity: Limit::Unlimited, refill_seconds: 1 };

    /// The terms under which a clearance fills it; `None` when nothing needs to be remembered.
    fn terms(&self) -> Option<Terms> {
        match self.capacity {
            Limit::Amount(capacity) => Some(Terms { capacity, refill_seconds: self.refill_seconds }),
            Limit::Unlimited => None,
        }
    }
}

/// What a bucket was filled under.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Terms {
    /// Base units.
    pub capacity: U256,
    /// Seconds in which a full bucket drains.
    pub refill_seconds: u64,
}

/// Whose bucket.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Side {
    /// Who deposited.
    Sender,
    /// Who is paid.
    Recipient,
}

impl std::fmt::Display for Side {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Sender => "sender",
            Self::Recipient => "recipient",
        })
    }
}

/// One side of one asset, by address.
pub(crate) type Party = (AssetId, Side, B256);

/// How full a bucket is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Level {
    filled: U512,
    at: UnixSeconds,
    terms: Terms,
}

/// What a clearance fills a bucket with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fill {
    /// Whose.
    pub side: Side,
    /// By address, as deposits name it.
    pub party: B256,
    /// Under which terms.
    pub terms: Terms,
}

impl Fill {
    pub(crate) fn of(side: Side, party: B256, bucket: &Bucket) -> Option<Self> {
        Some(Self { side, party, terms: bucket.terms()? })
    }
}

impl Level {
    /// What is left in it at `now`.
    pub(crate) fn filled(&self, now: UnixSeconds) -> U512 {
        let elapsed = U256::from(now.saturating_sub(self.at));
        let drained: U512 = self.terms.capacity.widening_mul(elapsed);
        let drained = drained.checked_div(U512::from(self.terms.refill_seconds.max(1))).unwrap_or_default();
        self.filled.saturating_sub(drained)
    }

    /// When it is empty, if nothing is added.
    fn empty_at(&self) -> UnixSeconds {
        self.at.saturating_add(seconds_for(self.filled, &self.terms))
    }
}

/// Seconds in which `amount` drains, rounded up.
fn seconds_for(amount: U512, terms: &Terms) -> u64 {
    let time = amount.saturating_mul(U512::from(terms.refill_seconds.max(1)));
    let capacity = U512::from(terms.capacity);
    let (whole, rest) = (time.checked_div(capacity), time.checked_rem(capacity));
    let Some(whole) = whole else { return u64::MAX };
    let up = u64::from(rest.is_some_and(|rest| !rest.is_zero()));
    whole.saturating_to::<u64>().saturating_add(up)
}

/// What a bucket says of an amount.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Room {
    /// It fits.
    Now,
    /// It fits once enough has drained.
    From(UnixSeconds),
    /// It is more than the bucket holds.
    Never,
}

impl Bucket {
    /// Whether `amount` fits into a bucket that is filled like this at `now`.
    pub(crate) fn room(&self, filled: U512, amount: U256, now: UnixSeconds) -> Room {
        let Some(terms) = self.terms() else { return Room::Now };
        let capacity = U512::from(terms.capacity);
        if U512::from(amount) > capacity {
            return Room::Never;
        }
        let excess = filled.saturating_add(U512::from(amount)).saturating_sub(capacity);
        if excess.is_zero() { Room::Now } else { Room::From(now.saturating_add(seconds_for(excess, &terms))) }
    }
}

/// The buckets that are not empty.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Buckets {
    #[serde(with = "as_list")]
    levels: RedBlackTreeMapSync<Party, Level>,
    /// By when they are empty, so that they are forgotten then.
    #[serde(with = "as_list")]
    ends: RedBlackTreeMapSync<(UnixSeconds, Party), ()>,
}

impl Buckets {
    pub(crate) fn fill(&mut self, party: Party, amount: U256, terms: Terms, now: UnixSeconds) {
        let left = self.levels.get(&party).map(|level| (level.filled(now), level.empty_at()));
        if let Some((_, end)) = left {
            self.ends.remove_mut(&(end, party.clone()));
        }
        let filled = left.map_or(U512::ZERO, |(filled, _)| filled).saturating_add(U512::from(amount));
        let level = Level { filled, at: now, terms };
        self.ends.insert_mut((level.empty_at(), party.clone()), ());
        self.levels.insert_mut(party, level);
    }

    pub(crate) fn filled(&self, party: &dyn Parted, now: UnixSeconds) -> U512 {
        self.levels.get(party).map_or(U512::ZERO, |level| level.filled(now))
    }

    pub(crate) fn forget_empty(&mut self, now: UnixSeconds) {
        while let Some((end, party)) = self.ends.first().map(|(key, ())| key.clone()).filter(|key| key.0 <= now) {
            self.ends.remove_mut(&(end, party.clone()));
            self.levels.remove_mut(&party);
        }
    }
}

/// The sizes of an asset's last clearances.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Sizes {
    #[serde(with = "as_list")]
    by_time: RedBlackTreeMapSync<u64, U256>,
    #[serde(with = "as_list")]
    by_size: RedBlackTreeMapSync<(U256, u64), ()>,
    next: u64,
    /// The size that at most one in a hundred is over; `None` while there are too few. Read for every decision.
    p99: Option<U256>,
}

impl Sizes {
    pub(crate) fn add(&mut self, amount: U256) {
        self.by_time.insert_mut(self.next, amount);
        self.by_size.insert_mut((amount, self.next), ());
        self.next = self.next.saturating_add(1);
        if let Some(old) = self.next.checked_sub(SIZES.saturating_add(1))
            && let Some(amount) = self.by_time.get(&old).copied()
        {
            self.by_time.remove_mut(&old);
            self.by_size.remove_mut(&(amount, old));
        }
        self.p99 = self.find_p99();
    }

    pub(crate) fn p99(&self) -> Option<U256> {
        self.p99
    }

    fn find_p99(&self) -> Option<U256> {
        let count = self.next.min(SIZES);
        let over = usize::try_from(count.checked_div(100)?).ok()?;
        let mut largest_first = self.by_size.iter().rev();
        (count >= LEAST_SIZES).then(|| largest_first.nth(over).map(|((amount, _), ())| *amount)).flatten()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BUCKET: Bucket = Bucket { capacity: Limit::Amount(U256::from_limbs([100, 0, 0, 0])), refill_seconds: 1_000 };

    fn party() -> Party {
        (AssetId::parse("eip155:1/slip44:60").unwrap(), Side::Sender, B256::ZERO)
    }

    #[test]
    fn a_bucket_drains_evenly_and_says_when_there_is_room() {
        let mut buckets = Buckets::default();
        buckets.fill(party(), U256::from(80), BUCKET.terms().unwrap(), 500);
        let room =
            |buckets: &Buckets, amount: u64, now| BUCKET.room(buckets.filled(&party(), now), U256::from(amount), now);
        assert_eq!(room(&buckets, 20, 500), Room::Now);
        assert_eq!(room(&buckets, 21, 500), Room::From(510));
        assert_eq!((room(&buckets, 21, 509), room(&buckets, 21, 510)), (Room::From(519), Room::Now));
        assert_eq!(room(&buckets, 101, 5_000), Room::Never);
        buckets.forget_empty(1_299);
        assert_eq!(buckets.levels.size(), 1);
        buckets.forget_empty(1_300);
        assert_eq!((buckets.levels.size(), buckets.ends.size()), (0, 0));
    }

    #[test]
    fn a_bucket_of_nothing_has_room_for_nothing_and_never_overflows() {
        let none = Bucket { capacity: Limit::CLOSED, refill_seconds: 0 };
        assert_eq!(none.room(U512::ZERO, U256::ONE, 5), Room::Never);
        let mut buckets = Buckets::default();
        for _ in 0..3 {
            buckets.fill(party(), U256::MAX, Terms { capacity: U256::ZERO, refill_seconds: 0 }, u64::MAX);
        }
        assert!(buckets.filled(&party(), u64::MAX) > U512::from(U256::MAX));
    }

    #[test]
    fn one_in_a_hundred_is_over_the_p99_of_the_last_thousand() {
        let mut sizes = Sizes::default();
        (1..100u64).for_each(|n| sizes.add(U256::from(n)));
        assert_eq!(sizes.p99(), None);
        sizes.add(U256::from(100));
        assert_eq!(sizes.p99(), Some(U256::from(99)));
        (0..1_000).for_each(|_| sizes.add(U256::from(7)));
        assert_eq!((sizes.p99(), sizes.by_time.size(), sizes.by_size.size()), (Some(U256::from(7)), 1_000, 1_000));
    }
}
