//! What the state answers.

use std::collections::BTreeSet;

use alloy_primitives::{B256, U256, U512};
use spandrel_verifiers::{AssetId, ChainId, Deposit, DepositId, UnixSeconds};

use super::books::Book;
use super::{Pause, RiskState};
use crate::parts::{Parted, Parts};
use crate::record::{Account, Closed, Record, Stage, Tally};
use crate::{Corridor, Lane, Price, Scope, Side, Tank};

impl RiskState {
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

    /// What is cleared on `corridor` and not paid, and what was paid or given back in the 24 hours before `now`; of what was
    /// cleared before payments were told, what was in those 24 hours.
    pub fn window_used(&self, corridor: &Corridor, now: UnixSeconds) -> U512 {
        let now = self.not_before_clock(now);
        self.windows.get(corridor).map_or(U512::ZERO, |window| window.used(now))
    }

    /// The same of `asset`, over all corridors.
    pub fn asset_used(&self, asset: &AssetId, now: UnixSeconds) -> U512 {
        self.sums.asset_used(asset, self.not_before_clock(now))
    }

    /// The same by value; of what makes room the other way, what was over in the 24 hours before `now`.
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
