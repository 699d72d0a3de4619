//! The risk state as a list of events, read from the beginning for every question: slow, and plainly right.

mod assess;
mod sums;

use alloy_primitives::{U256, U512};
use spandrel_risk::{Charge, Corridor, Lane, RiskEvent, Tank};
use spandrel_verifiers::DepositId;

#[derive(Clone, Default)]
pub struct Model {
    pub log: Vec<(RiskEvent, u64)>,
}

/// What is known of one deposit after reading the whole log.
#[derive(Clone, Default)]
pub struct Known {
    pub locked: Option<(Corridor, U256)>,
    pub payout: Option<(Corridor, U256)>,
    pub is_short: bool,
    pub is_settled: bool,
    /// Nothing is said of it any more.
    pub is_closed: bool,
    /// Clearances that took effect: corridor, amount, and from when on they count for a day; until then they count.
    pub charges: Vec<(Corridor, U256, Option<u64>)>,
    /// The last of them.
    pub last: Option<(Corridor, U256, Option<u64>)>,
    /// Whether that one counts until it is paid or given back, and is neither.
    is_unpaid: bool,
    /// Whether what that one is charged over corridors came.
    is_charged: bool,
    /// By value.
    pub notionals: Vec<(Tank, U256, Option<u64>)>,
    /// Its first charge: place in the log, corridor, amount, charge, time.
    pub first: Option<(usize, Corridor, U256, Charge, u64)>,
}

impl Model {
    pub fn apply(&mut self, event: RiskEvent, at: u64) {
        let last = self.log.last().map_or(0, |(_, at)| *at);
        self.log.push((event, at.max(last)));
    }

    fn ids(&self) -> Vec<DepositId> {
        let mut ids: Vec<DepositId> = self.log.iter().filter_map(|(event, _)| event.deposit()).collect();
        ids.sort();
        ids.dedup();
        ids
    }

    pub fn known(&self, of: DepositId) -> Known {
        let mut known = Known::default();
        let log = self.log.iter().enumerate();
        for (place, (event, at)) in log.filter(|(_, (event, _))| event.deposit() == Some(of)) {
            if known.is_closed {
                known.is_closed = known.payout.is_some() || !matches!(event, RiskEvent::Reopened { .. });
                continue;
            }
            match event {
                RiskEvent::Closed { .. } => {
                    let is_known = known.locked.is_some() || !known.charges.is_empty();
                    let is_exposed = known.is_fast() && !known.is_settled;
                    known.is_closed = is_known && !is_exposed;
                    if known.is_closed {
                        known.let_go(*at);
                    }
                    if known.is_closed && known.payout.is_none() {
                        known.locked = None;
                    }
                    let slow = known.payout.as_ref().map(|(corridor, _)| corridor).filter(|_| !known.is_fast());
                    if let Some(corridor) = slow.filter(|_| known.is_closed).cloned() {
                        let own = Tank::Corridor(corridor.clone());
                        let charge = known.notionals.iter().find(|(tank, ..)| *tank == own).map(|charge| charge.1);
                        known.notionals.extend(charge.map(|notional| (Tank::Paid(corridor), notional, Some(*at))));
                    }
                }
                RiskEvent::Proven { source, asset, amount, .. } if known.locked.is_none() => {
                    let (source, asset) = (source.clone(), asset.clone());
                    let any = Corridor { destination: source.clone(), source, asset, lane: Lane::LightClient };
                    known.locked = Some((any, *amount));
                }
                RiskEvent::Cleared { source, destination, asset, amount, lane, until_paid, .. }
                    if known.payout.is_none() =>
                {
                    let (source, destination, asset) = (source.clone(), destination.clone(), asset.clone());
                    let corridor = Corridor { source, destination, asset, lane: *lane };
                    known.charges.retain(|(charged, ..)| *charged != corridor);
                    let from = (!until_paid).then_some(*at);
                    known.charges.push((corridor.clone(), *amount, from));
                    known.last = Some((corridor.clone(), *amount, from));
                    known.is_unpaid = *until_paid;
                    known.is_charged = false;
                    known.notionals.retain(|(tank, ..)| !tanks(&corridor).contains(tank));
                    known.payout = Some((corridor, *amount));
                }
                RiskEvent::Charged { charge, .. } if known.payout.is_some() => {
                    let is_open = !known.is_settled && !known.is_short && !known.is_charged;
                    let Some((corridor, amount)) = known.payout.clone().filter(|_| is_open) else { continue };
                    known.is_charged = true;
                    let from = (!known.is_unpaid).then_some(*at);
                    let charged = tanks(&corridor).map(|tank| (tank, charge.notional, from));
                    known.notionals.extend(charged);
                    if known.first.is_none() {
                        known.first = Some((place, corridor, amount, charge.clone(), *at));
                    }
                }
                RiskEvent::Paid { .. } => known.let_go(*at),
                RiskEvent::Returned { .. } if !known.is_settled => {
                    known.let_go(*at);
                    known.payout = None;
                    known.is_short = false;
                }
                RiskEvent::Settled { .. } if known.is_fast() => {
                    known.let_go(*at);
                    known.is_settled = true;
                    known.is_short = false;
                }
                RiskEvent::Shortfall { .. } if known.is_fast() && !known.is_settled => known.is_short = true,
                _ => {}
            }
        }
        known
    }

    fn sum(&self, of: impl Fn(&Known) -> Option<U256>) -> U512 {
        self.ids().into_iter().filter_map(|id| of(&self.known(id))).map(U512::from).sum()
    }
}

fn tanks(corridor: &Corridor) -> [Tank; 4] {
    let Corridor { source, destination, asset, .. } = corridor.clone();
    let (of_source, of_asset) = (Tank::Source { chain: source }, Tank::Asset { asset });
    [Tank::Corridor(corridor.clone()), Tank::Destination { chain: destination }, of_source, of_asset]
}

impl Known {
    /// Whatever counts until it is paid or given back counts for a day from `at` on.
    fn let_go(&mut self, at: u64) {
        self.is_unpaid = false;
        let times = self.charges.iter_mut().chain(&mut self.last).map(|charge| &mut charge.2);
        for from in times.chain(self.notionals.iter_mut().map(|charge| &mut charge.2)) {
            from.get_or_insert(at);
        }
    }

    pub fn is_fast(&self) -> bool {
        self.payout.as_ref().is_some_and(|(corridor, _)| corridor.lane == Lane::Fast)
    }
}
