//! The risk state: a fold of [`RiskEvent`]s.

mod books;
mod read;

use rpds::RedBlackTreeMapSync;
use serde::{Deserialize, Serialize};
use spandrel_verifiers::{AssetId, ChainId, DepositId, UnixSeconds};

use self::books::{Book, Exposure};
use crate::charge::Sums;
use crate::record::{Account, Closed, Payout, Record};
use crate::window::Window;
use crate::{Corridor, Lane, Price, RiskEvent, Scope, as_list};

/// Everything the decisions depend on. Folded from events, never set.
///
/// Guarantees: the same events give the same state; an event that comes twice changes nothing; a deposit counts at
/// most once in ledger, exposure and each window; no amount overflows (sums are 512 bits wide); a copy shares what it
/// was copied from and costs nothing; what is remembered is bounded by the work that is open (what is cleared and not paid
/// is, and the windows keep but its sum), the charges of a day, the sizes of a thousand clearances an asset, the buckets
/// that are not empty and the ids of closed deposits that have not expired.
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
            RiskEvent::Reopened { id } => self.reopen(*id),
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
            let at = self.clock;
            let was_cleared = before.was_cleared();
            change(&mut self.windows, &payout.corridor, |window| {
                if was_cleared {
                    window.withdraw(id);
                }
                payout.enter(window, id, payout.amount, at);
            });
            self.sums.clear(id, payout, was_cleared, at);
        }
        if let Some(payout) = before.unpaid().filter(|_| after.unpaid().is_none()) {
            self.let_go(id, payout);
        }
        if let (RiskEvent::Charged { charge, .. }, Some(payout)) = (event, &after.payout) {
            self.sums.charge(id, payout, charge, !before.is_charged, self.clock);
        }
        self.records.insert_mut(id, after);
    }

    /// It is paid or given back: it counts for one more window.
    fn let_go(&mut self, id: DepositId, payout: &Payout) {
        change(&mut self.windows, &payout.corridor, |window| window.let_go(id, payout.amount, self.clock));
        self.sums.let_go(id, payout, self.clock);
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
        if let Some(payout) = record.unpaid() {
            self.let_go(id, payout);
        }
        if let (Some(Lane::LightClient), Some(payout)) = (closed.lane, &record.payout) {
            self.sums.stand(id, payout, self.clock);
        }
        self.records.remove_mut(&id);
        self.closed.insert_mut(id, closed);
        self.expiries.insert_mut((expiry, id), ());
        self.forget_expired();
    }

    /// What was closed unpaid counts again. Its charges in the windows have stayed there.
    fn reopen(&mut self, id: DepositId) {
        let Some(record) = self.closed.get(&id).and_then(Closed::reopened) else { return };
        self.closed.remove_mut(&id);
        if record != Record::default() {
            self.records.insert_mut(id, record);
        }
    }

    /// A deposit whose expiry has passed is refused before anything that is known of it is looked at.
    fn forget_expired(&mut self) {
        while let Some((expiry, id)) = self.expiries.first().map(|(key, ())| *key).filter(|key| key.0 < self.clock) {
            self.expiries.remove_mut(&(expiry, id));
            self.closed.remove_mut(&id);
        }
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
