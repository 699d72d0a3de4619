//! The risk state: a fold of [`RiskEvent`]s.

use std::collections::BTreeSet;

use alloy_primitives::{B256, U256, U512};
use rpds::RedBlackTreeMapSync;
use serde::{Deserialize, Serialize};
use spandrel_verifiers::{AssetId, ChainId, Deposit, DepositId, UnixSeconds};

use crate::charge::Sums;
use crate::parts::{Parted, Parts};
use crate::record::{Account, Closed, Payout, Record, Stage, Tally};
use crate::window::Window;
use crate::{Corridor, Lane, Price, RiskEvent, Scope, Side, Tank, as_list};

/// Everything the decisions depend on. Folded from events, never set.
///
/// Guarantees: the same events give the same state; an event that comes twice changes nothing; a deposit counts at
/// most once in ledger, exposure and each window; no amount overflows (sums are 512 bits wide); a copy shares what it
/// was copied from and costs nothing; what is remembered is bounded by the work that is open, the charges of a day, the
/// sizes of a thousand clearances an asset, the buckets that are not empty and the ids of closed deposits that have not
/// expired.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RiskState {
    /// The latest time any event carried: windows never run backwards.
    clock: UnixSeconds,
    #[serde(with = "as_list")]
    pauses: RedBlackTreeMapSync<Scope, Pause>,
    #[serde(with = "as_list")]
    records: RedBlackTreeMapSync<DepositId, Record>,
    /// What is left of a deposit when it is closed, until it expires.
    #[serde(with = "as_list")]
    closed: RedBlackTreeMapSync<DepositId, Closed>,
    /// The same by expiry.
    #[serde(with = "as_list")]
    expiries: RedBlackTreeMapSync<(UnixSeconds, DepositId), ()>,
    #[serde(with = "as_list")]
    ledger: RedBlackTreeMapSync<Account, Book>,
    #[serde(with = "as_list")]
    exposures: RedBlackTreeMapSync<(Account, ChainId), Exposure>,
    #[serde(with = "as_list")]
    windows: RedBlackTreeMapSync<Corridor, Window>,
    #[serde(default)]
    sums: Sums,
    /// The newest price of each asset.
    #[serde(with = "as_list", default)]
    prices: RedBlackTreeMapSync<AssetId, Price>,
}

/// A pause in force or expired.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pause {
    /// Unix seconds; from then on it is over.
    pub until: UnixSeconds,
    /// Who or what, and why.
    pub reason: String,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Book {
    proven: U512,
    released: U512,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Exposure {
    #[serde(with = "as_list")]
    open: RedBlackTreeMapSync<DepositId, U256>,
    sum: U512,
}

impl RiskState {
    /// Takes one event in. `at` is when it was stored; a time before an earlier event's counts as that one's.
    pub fn apply(&mut self, event: &RiskEvent, at: UnixSeconds) {
        self.clock = self.clock.max(at);
        self.forget_expired();
        self.sums.forget(self.clock);
        match event {
            RiskEvent::Paused { scope, until, reason } => {
                if self.pauses.get(scope).is_none_or(|standing| standing.until < *until) {
                    self.pauses.insert_mut(scope.clone(), Pause { until: *until, reason: reason.clone() });
                }
            }
            RiskEvent::Resumed { scope } => {
                self.pauses.remove_mut(scope);
            }
            RiskEvent::Closed { id, expiry } => self.close(*id, *expiry),
            RiskEvent::Priced { asset, price } => self.take_price(asset, *price),
            RiskEvent::Decided { .. } => {}
            _ => {
                if let Some(id) = event.deposit().filter(|id| !self.closed.contains_key(id)) {
                    self.update(id, event);
                }
            }
        }
    }

    fn update(&mut self, id: DepositId, event: &RiskEvent) {
        let before = self.record(id);
        let mut after = before.clone();
        after.apply(event);
        if after == before {
            return;
        }
        self.uncount(id, &before);
        self.count(id, &after);
        if let (RiskEvent::Cleared { .. }, Some(payout)) = (event, &after.payout) {
            let (amount, at) = (payout.amount, self.clock);
            let was_cleared = before.payout.is_some();
            change(&mut self.windows, &payout.corridor, |window| {
                if was_cleared {
                    window.withdraw(id);
                }
                window.charge(id, amount, at);
            });
            self.sums.clear(id, payout, was_cleared, at);
        }
        if let (RiskEvent::Charged { charge, .. }, Some(payout)) = (event, &after.payout) {
            self.sums.charge(id, payout, charge, !before.is_charged, self.clock);
        }
        self.records.insert_mut(id, after);
    }

    fn take_price(&mut self, asset: &AssetId, price: Price) {
        let is_newer = self.prices.get(asset).is_none_or(|known| known.published_at < price.published_at);
        if is_newer && price.published_at <= self.clock {
            self.prices.insert_mut(asset.clone(), price);
        }
    }

    /// Only the id and the lane are kept, and the sums. A deposit that was not paid has nothing locked any more.
    fn close(&mut self, id: DepositId, expiry: UnixSeconds) {
        let record = self.record(id);
        let Some(closed) = record.closed() else { return };
        if closed.lane.is_none() {
            self.uncount(id, &record);
        }
        self.records.remove_mut(&id);
        self.closed.insert_mut(id, closed);
        self.expiries.insert_mut((expiry, id), ());
        self.forget_expired();
    }

    /// A deposit whose expiry has passed is refused before anything that is known of it is looked at.
    fn forget_expired(&mut self) {
        while let Some((expiry, id)) = self.expiries.first().map(|(key, ())| *key).filter(|key| key.0 < self.clock) {
            self.expiries.remove_mut(&(expiry, id));
            self.closed.remove_mut(&id);
        }
    }

    fn uncount(&mut self, id: DepositId, record: &Record) {
        if let Some(locked) = &record.proven {
            change(&mut self.ledger, &locked.account, |book| {
                book.proven = book.proven.saturating_sub(U512::from(locked.amount));
            });
        }
        if let Some(payout) = record.payout.as_ref().filter(|_| record.is_released()) {
            change(&mut self.ledger, &payout.account(), |book| {
                book.released = book.released.saturating_sub(U512::from(payout.amount));
            });
        }
        if let Some(payout) = record.payout.as_ref().filter(|payout| payout.is_exposed()) {
            change(&mut self.exposures, &payout.exposure_key(), |exposure| exposure.close(id));
        }
    }

    fn count(&mut self, id: DepositId, record: &Record) {
        if let Some(locked) = &record.proven {
            change(&mut self.ledger, &locked.account, |book| {
                book.proven = book.proven.saturating_add(U512::from(locked.amount));
            });
        }
        if let Some(payout) = record.payout.as_ref().filter(|_| record.is_released()) {
            change(&mut self.ledger, &payout.account(), |book| {
                book.released = book.released.saturating_add(U512::from(payout.amount));
            });
        }
        if let Some(payout) = record.payout.as_ref().filter(|payout| payout.is_exposed()) {
            change(&mut self.exposures, &payout.exposure_key(), |exposure| exposure.open(id, payout.amount));
        }
    }

    /// `now`, or the time of the newest event when that is later: time never runs backwards.
    pub(crate) fn not_before_clock(&self, now: UnixSeconds) -> UnixSeconds {
        now.max(self.clock)
    }

    /// The pause that stops `deposit` on `lane` at `now`, if one does.
    pub fn paused_by(&self, deposit: &Deposit, lane: Lane, now: UnixSeconds) -> Option<&Scope> {
        // An iterator over a tree allocates, and mostly there is no pause.
        if self.pauses.is_empty() {
            return None;
        }
        self.pauses_at(now).map(|(scope, _)| scope).find(|scope| scope.covers(deposit, lane))
    }

    /// The pauses in force at `now`.
    pub fn pauses_at(&self, now: UnixSeconds) -> impl Iterator<Item = (&Scope, &Pause)> {
        self.pauses.iter().filter(move |(_, pause)| now < pause.until)
    }

    /// What is proven locked of `asset` on `source` and not released.
    pub fn available(&self, source: &ChainId, asset: &AssetId) -> U512 {
        let book = self.book(source, asset);
        book.proven.saturating_sub(book.released)
    }

    /// What is proven locked of each asset on each source, and what is released of it, in base units.
    pub fn accounts(&self) -> impl Iterator<Item = (&ChainId, &AssetId, U512, U512)> {
        self.ledger.iter().map(|(Account { source, asset }, book)| (source, asset, book.proven, book.released))
    }

    /// Sum of fast payouts of `asset` from `source` to `destination` that are not settled, shortfalls included.
    pub fn exposure(&self, source: &ChainId, asset: &AssetId, destination: &ChainId) -> U512 {
        let parts: &dyn Parted = &Parts::Exposure { source, asset, destination };
        self.exposures.get(parts).map_or(U512::ZERO, |exposure| exposure.sum)
    }

    /// The same to all destinations but `destination`. There are as few sums as corridors.
    pub(crate) fn exposure_elsewhere(&self, source: &ChainId, asset: &AssetId, destination: &ChainId) -> U512 {
        let others = self
            .exposures
            .iter()
            .filter(|((account, to), _)| account.source == *source && account.asset == *asset && to != destination);
        others.fold(U512::ZERO, |sum, (_, exposure)| sum.saturating_add(exposure.sum))
    }

    /// What of `asset` stands locked on `source`: what was proven, without what was paid for what `came_back` as another.
    pub(crate) fn locked(&self, source: &ChainId, asset: &AssetId, came_back: &BTreeSet<AssetId>) -> U512 {
        self.book(source, asset).proven.saturating_sub(self.came_back(came_back))
    }

    /// What was paid elsewhere for `assets`, which stand for another on their chains.
    pub(crate) fn came_back(&self, assets: &BTreeSet<AssetId>) -> U512 {
        let paid = self.ledger.iter().filter(|(account, _)| assets.contains(&account.asset));
        paid.fold(U512::ZERO, |sum, (_, book)| sum.saturating_add(book.released))
    }

    fn book(&self, source: &ChainId, asset: &AssetId) -> Book {
        let parts: &dyn Parted = &Parts::Account { source, asset };
        self.ledger.get(parts).copied().unwrap_or_default()
    }

    /// What was cleared on `corridor` in the 24 hours before `now`.
    pub fn window_used(&self, corridor: &Corridor, now: UnixSeconds) -> U512 {
        let now = self.not_before_clock(now);
        self.windows.get(corridor).map_or(U512::ZERO, |window| window.used(now))
    }

    /// What was cleared of `asset` in the 24 hours before `now`, over all corridors.
    pub fn asset_used(&self, asset: &AssetId, now: UnixSeconds) -> U512 {
        self.sums.asset_used(asset, self.not_before_clock(now))
    }

    /// The value of what was cleared in the 24 hours before `now`.
    pub fn notional_used(&self, tank: &Tank, now: UnixSeconds) -> U512 {
        self.notional_of(tank.parts(), now)
    }

    pub(crate) fn notional_of(&self, tank: Parts<'_>, now: UnixSeconds) -> U512 {
        self.sums.notional_used(&tank, self.not_before_clock(now))
    }

    /// How full the bucket of a sender or recipient of `asset` is at `now`, base units.
    pub fn bucket_filled(&self, asset: &AssetId, side: Side, party: B256, now: UnixSeconds) -> U512 {
        self.sums.filled(&Parts::Party { asset, side, party: &party }, self.not_before_clock(now))
    }

    /// The size that at most one in a hundred of the last clearances of `asset` is over; `None` while there are too few.
    pub fn p99(&self, asset: &AssetId) -> Option<U256> {
        self.sums.p99(asset)
    }

    /// The newest price of `asset`.
    pub fn price(&self, asset: &AssetId) -> Option<&Price> {
        self.prices.get(asset)
    }

    /// The time of the newest event.
    pub fn clock(&self) -> UnixSeconds {
        self.clock
    }

    /// Fast payouts whose deposits are gone, with their corridor and amount.
    pub fn shortfalls(&self) -> impl Iterator<Item = (DepositId, &Corridor, U256)> {
        let payouts = self.records.iter().filter_map(|(id, record)| Some((*id, record.payout.as_ref()?)));
        payouts
            .filter(|(_, payout)| payout.stage == Stage::Short)
            .map(|(id, payout)| (id, &payout.corridor, payout.amount))
    }

    /// Whether the deposit's fast payout is booked as a shortfall.
    pub fn is_short(&self, id: DepositId) -> bool {
        let payout = self.records.get(&id).and_then(|record| record.payout.as_ref());
        payout.is_some_and(|payout| payout.stage == Stage::Short)
    }

    /// The lane on which a payout stands: cleared and not returned. Unknown once the deposit is closed and expired.
    pub fn cleared_on(&self, id: DepositId) -> Option<Lane> {
        match self.closed.get(&id) {
            Some(closed) => closed.lane,
            None => self.records.get(&id)?.standing_lane(),
        }
    }

    /// Whether the deposit was proven, and is not closed.
    pub fn is_proven(&self, id: DepositId) -> bool {
        self.records.get(&id).is_some_and(|record| record.proven.is_some())
    }

    /// Whether anything is kept of the deposit, but for the mark of one that is closed.
    pub fn is_known(&self, id: DepositId) -> bool {
        self.records.contains_key(&id)
    }

    pub(crate) fn closed(&self, id: DepositId) -> Option<Closed> {
        self.closed.get(&id).copied()
    }

    pub(crate) fn record(&self, id: DepositId) -> Record {
        self.known(id).cloned().unwrap_or_default()
    }

    pub(crate) fn known(&self, id: DepositId) -> Option<&Record> {
        self.records.get(&id)
    }

    pub(crate) fn tally(&self, deposit: &Deposit) -> Tally {
        let (source, asset) = (&deposit.source_chain, &deposit.asset);
        let Book { proven, released } = self.book(source, asset);
        Tally { proven, released, exposure: self.exposure(source, asset, &deposit.destination_chain) }
    }
}

/// Changes the value of `key`, which is the default when there is none.
pub(crate) fn change<K: Ord + Clone, V: Clone + Default>(
    map: &mut RedBlackTreeMapSync<K, V>,
    key: &K,
    change: impl FnOnce(&mut V),
) {
    if !map.contains_key(key) {
        map.insert_mut(key.clone(), V::default());
    }
    if let Some(value) = map.get_mut(key) {
        change(value);
    }
}

impl Exposure {
    fn open(&mut self, id: DepositId, amount: U256) {
        self.open.insert_mut(id, amount);
        self.sum = self.sum.saturating_add(U512::from(amount));
    }

    fn close(&mut self, id: DepositId) {
        if let Some(amount) = self.open.get(&id).copied() {
            self.open.remove_mut(&id);
            self.sum = self.sum.saturating_sub(U512::from(amount));
        }
    }
}

impl Payout {
    fn account(&self) -> Account {
        Account { source: self.corridor.source.clone(), asset: self.corridor.asset.clone() }
    }

    fn exposure_key(&self) -> (Account, ChainId) {
        (self.account(), self.corridor.destination.clone())
    }
}
