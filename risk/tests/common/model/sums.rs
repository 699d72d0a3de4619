//! What the log adds up to.

use std::collections::BTreeSet;

use alloy_primitives::{B256, U256, U512};
use spandrel_risk::{Charge, Corridor, Lane, Price, RiskEvent, Scope, Side, Tank, Terms, WINDOW_SECONDS};
use spandrel_verifiers::{AssetId, Deposit};

use super::Model;

impl Model {
    pub fn proven(&self, deposit: &Deposit) -> U512 {
        self.sum(|known| known.locked.as_ref().filter(|(corridor, _)| corridor.is_account_of(deposit)).map(|l| l.1))
    }

    pub fn released(&self, deposit: &Deposit) -> U512 {
        self.sum(|known| {
            let (corridor, amount) = known.payout.as_ref()?;
            let counts = corridor.lane == Lane::LightClient || known.locked.is_some();
            (counts && corridor.is_account_of(deposit)).then_some(*amount)
        })
    }

    pub fn available(&self, deposit: &Deposit) -> U512 {
        self.proven(deposit).saturating_sub(self.released(deposit))
    }

    pub fn exposure(&self, deposit: &Deposit) -> U512 {
        let fast = Corridor::of(deposit, Lane::Fast);
        self.sum(|known| {
            let (corridor, amount) = known.payout.as_ref()?;
            (*corridor == fast && !known.is_settled).then_some(*amount)
        })
    }

    /// The same to any destination.
    pub fn exposure_everywhere(&self, deposit: &Deposit) -> U512 {
        self.sum(|known| {
            let (corridor, amount) = known.payout.as_ref()?;
            let is_exposed = corridor.lane == Lane::Fast && !known.is_settled;
            (is_exposed && corridor.is_account_of(deposit)).then_some(*amount)
        })
    }

    /// What stands locked: what was proven, without what was paid for what came back as any of `returned_as`.
    pub fn locked(&self, deposit: &Deposit, returned_as: &BTreeSet<AssetId>) -> U512 {
        let came_back = self.sum(|known| {
            let (corridor, amount) = known.payout.as_ref()?;
            let counts = corridor.lane == Lane::LightClient || known.locked.is_some();
            (counts && returned_as.contains(&corridor.asset)).then_some(*amount)
        });
        self.proven(deposit).saturating_sub(came_back)
    }

    pub fn window_used(&self, corridor: &Corridor, now: u64) -> U512 {
        let now = now.max(self.log.last().map_or(0, |(_, at)| *at));
        let charges = self.ids().into_iter().flat_map(|id| self.known(id).charges);
        let counted = charges.filter(|(charged, _, from)| charged == corridor && counts(*from, now));
        counted.map(|(_, amount, _)| U512::from(amount)).sum()
    }

    pub(super) fn clock(&self) -> u64 {
        self.log.last().map_or(0, |(_, at)| *at)
    }

    pub fn asset_used(&self, asset: &AssetId, now: u64) -> U512 {
        let now = now.max(self.clock());
        let last = self.ids().into_iter().filter_map(|id| self.known(id).last);
        let counted = last.filter(|(corridor, _, from)| corridor.asset == *asset && counts(*from, now));
        counted.map(|(_, amount, _)| U512::from(amount)).sum()
    }

    pub fn notional_used(&self, of: &Tank, now: u64) -> U512 {
        let now = now.max(self.clock());
        let all = self.ids().into_iter().flat_map(|id| self.known(id).notionals);
        let counted = all.filter(|(tank, _, from)| tank == of && counts(*from, now));
        counted.map(|(_, notional, _)| U512::from(notional)).sum()
    }

    /// First charges of an asset, in the order of the log.
    fn firsts(&self, asset: &AssetId) -> Vec<(usize, Corridor, U256, Charge, u64)> {
        let firsts = self.ids().into_iter().filter_map(|id| self.known(id).first);
        let mut firsts: Vec<_> = firsts.filter(|(_, corridor, ..)| corridor.asset == *asset).collect();
        firsts.sort_by_key(|(place, ..)| *place);
        firsts
    }

    pub fn bucket_filled(&self, asset: &AssetId, side: Side, party: B256, now: u64) -> U512 {
        let now = now.max(self.clock());
        let drained = |terms: &Terms, seconds: u64| {
            U512::from(terms.capacity) * U512::from(seconds) / U512::from(terms.refill_seconds.max(1))
        };
        let mut bucket: Option<(U512, u64, Terms)> = None;
        for (_, _, amount, charge, at) in self.firsts(asset) {
            for fill in charge.fills.iter().filter(|fill| fill.side == side && fill.party == party) {
                let left = bucket
                    .map_or(U512::ZERO, |(filled, since, terms)| filled.saturating_sub(drained(&terms, at - since)));
                bucket = Some((left + U512::from(amount), at, fill.terms));
            }
        }
        bucket.map_or(U512::ZERO, |(filled, since, terms)| filled.saturating_sub(drained(&terms, now - since)))
    }

    pub fn p99(&self, asset: &AssetId) -> Option<U256> {
        let mut sizes: Vec<U256> = self.firsts(asset).into_iter().map(|(_, _, amount, ..)| amount).collect();
        sizes.drain(..sizes.len().saturating_sub(1_000));
        sizes.sort();
        (sizes.len() >= 100).then(|| sizes[sizes.len() - 1 - sizes.len() / 100])
    }

    pub fn price(&self, asset: &AssetId) -> Option<Price> {
        self.log.iter().fold(None, |known: Option<Price>, (event, at)| match event {
            RiskEvent::Priced { asset: of, price } if of == asset && price.published_at <= *at => {
                Some(known.filter(|known| known.published_at >= price.published_at).unwrap_or(*price))
            }
            _ => known,
        })
    }

    pub fn paused_by(&self, deposit: &Deposit, lane: Lane, now: u64) -> Option<Scope> {
        let mut scopes: Vec<Scope> = Vec::new();
        for (place, (event, _)) in self.log.iter().enumerate() {
            let RiskEvent::Paused { scope, until, .. } = event else { continue };
            let lifted = |later: &(RiskEvent, u64)| matches!(&later.0, RiskEvent::Resumed { scope: s } if s == scope);
            if now < *until && !self.log[place..].iter().any(lifted) && scope.covers(deposit, lane) {
                scopes.push(scope.clone());
            }
        }
        scopes.into_iter().min()
    }
}

/// Whether what counts, and from some time on for a day more, counts at `now`.
fn counts(from: Option<u64>, now: u64) -> bool {
    from.is_none_or(|from| now - from < WINDOW_SECONDS)
}

pub(super) trait AccountOf {
    fn is_account_of(&self, deposit: &Deposit) -> bool;
}

impl AccountOf for Corridor {
    fn is_account_of(&self, deposit: &Deposit) -> bool {
        self.source == deposit.source_chain && self.asset == deposit.asset
    }
}
