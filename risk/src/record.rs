//! What is known of one deposit, and what it adds to the sums.
//!
//! Every sum of the state is the sum of its records' [`Tally`]s, so an event that comes twice changes no record and
//! therefore no sum.

use alloy_primitives::{U256, U512};
use serde::{Deserialize, Serialize};
use spandrel_verifiers::{AssetId, ChainId, DepositId, UnixSeconds};

use crate::window::Window;
use crate::{Corridor, Lane, RiskEvent};

/// One deposit's facts.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Record {
    pub(crate) proven: Option<Locked>,
    pub(crate) payout: Option<Payout>,
    /// Whether a clearance of it was charged before: it fills buckets once.
    #[serde(default)]
    pub(crate) is_charged: bool,
    /// Whether a clearance of it was forgotten when it was closed unpaid: the windows remember it.
    #[serde(default)]
    was_cleared: bool,
}

/// What was proven to be locked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Locked {
    pub(crate) account: Account,
    pub(crate) amount: U256,
}

/// What was cleared, last time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Payout {
    pub(crate) corridor: Corridor,
    pub(crate) amount: U256,
    pub(crate) stage: Stage,
    /// Whether what it is charged over corridors came.
    #[serde(default)]
    pub(crate) is_charged: bool,
    /// The value that it is charged.
    #[serde(default)]
    pub(crate) notional: U256,
    /// Whether the windows count it until it is paid or given back, and it is neither yet.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) is_unpaid: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Stage {
    /// May be under way or paid.
    Open,
    /// Paid, and the deposit is gone.
    Short,
    /// Paid, proven and settled.
    Settled,
    /// Did not happen.
    Returned,
}

/// What is left of a closed deposit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Closed {
    /// By which lane it was paid, if it was.
    pub(crate) lane: Option<Lane>,
    /// Whether it was ever cleared.
    #[serde(default)]
    was_cleared: bool,
    /// Whether a clearance of it was charged.
    #[serde(default)]
    is_charged: bool,
}

impl Closed {
    /// What is known of the deposit once it is paid all the same; `None` when it was closed as paid.
    pub(crate) fn reopened(&self) -> Option<Record> {
        let Self { lane, was_cleared, is_charged } = *self;
        lane.is_none().then(|| Record { was_cleared, is_charged, ..Record::default() })
    }
}

/// Where the bridge keeps its books: one asset on one source chain.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Account {
    pub(crate) source: ChainId,
    pub(crate) asset: AssetId,
}

/// What a record adds to the sums of one account.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    pub(crate) proven: U512,
    pub(crate) released: U512,
    pub(crate) exposure: U512,
}

impl Payout {
    /// Its lane while it may have happened, `None` once it was returned.
    pub(crate) fn standing_lane(&self) -> Option<Lane> {
        (self.stage != Stage::Returned).then_some(self.corridor.lane)
    }

    /// Whether it is fast, not returned and not settled.
    pub(crate) fn is_exposed(&self) -> bool {
        self.corridor.lane == Lane::Fast && matches!(self.stage, Stage::Open | Stage::Short)
    }

    /// Enters its clearance at `at` into a window: until it is paid or given back, where that will be told.
    pub(crate) fn enter(&self, window: &mut Window, id: DepositId, amount: U256, at: UnixSeconds) {
        if self.is_unpaid { window.hold(amount) } else { window.charge(id, amount, at) }
    }

    pub(crate) fn is_of(&self, source: &ChainId, asset: &AssetId) -> bool {
        self.corridor.source == *source && self.corridor.asset == *asset
    }
}

impl Record {
    /// Takes an event about this deposit in; one that came before, or that contradicts what stands, changes nothing.
    pub(crate) fn apply(&mut self, event: &RiskEvent) {
        match event {
            RiskEvent::Proven { source, asset, amount, .. } => {
                let account = Account { source: source.clone(), asset: asset.clone() };
                self.proven.get_or_insert(Locked { account, amount: *amount });
            }
            RiskEvent::Cleared { source, destination, asset, amount, lane, until_paid, .. } => {
                if self.payout.as_ref().is_none_or(|payout| payout.stage == Stage::Returned) {
                    let (source, destination, asset) = (source.clone(), destination.clone(), asset.clone());
                    let corridor = Corridor { source, destination, asset, lane: *lane };
                    self.payout = Some(Payout {
                        corridor,
                        amount: *amount,
                        stage: Stage::Open,
                        is_charged: false,
                        notional: U256::ZERO,
                        is_unpaid: *until_paid,
                    });
                }
            }
            RiskEvent::Charged { charge, .. } => {
                let is_due = |payout: &&mut Payout| payout.stage == Stage::Open && !payout.is_charged;
                if let Some(payout) = self.payout.as_mut().filter(is_due) {
                    payout.is_charged = true;
                    payout.notional = charge.notional;
                    self.is_charged = true;
                }
            }
            RiskEvent::Returned { .. } => {
                self.advance(|payout| (payout.stage != Stage::Settled).then_some(Stage::Returned));
            }
            RiskEvent::Settled { .. } => self.advance(|payout| payout.is_exposed().then_some(Stage::Settled)),
            RiskEvent::Shortfall { .. } => self.advance(|payout| payout.is_exposed().then_some(Stage::Short)),
            RiskEvent::Paid { .. } => {
                if let Some(payout) = &mut self.payout {
                    payout.is_unpaid = false;
                }
            }
            RiskEvent::Closed { .. }
            | RiskEvent::Reopened { .. }
            | RiskEvent::Paused { .. }
            | RiskEvent::Resumed { .. }
            | RiskEvent::Priced { .. }
            | RiskEvent::Decided { .. } => {}
        }
    }

    /// The lane on which a payout stands: cleared and not returned.
    pub(crate) fn standing_lane(&self) -> Option<Lane> {
        self.payout.as_ref().and_then(Payout::standing_lane)
    }

    /// What is left when the deposit is closed; `None` when nothing is known of it, or its exposure is open.
    pub(crate) fn closed(&self) -> Option<Closed> {
        let may_close = *self != Self::default() && !self.is_exposed();
        let (lane, was_cleared, is_charged) = (self.standing_lane(), self.was_cleared(), self.is_charged);
        may_close.then_some(Closed { lane, was_cleared, is_charged })
    }

    /// Whether it was ever cleared.
    pub(crate) fn was_cleared(&self) -> bool {
        self.was_cleared || self.payout.is_some()
    }

    /// Whether a fast payout is neither settled nor returned.
    pub(crate) fn is_exposed(&self) -> bool {
        self.payout.as_ref().is_some_and(Payout::is_exposed)
    }

    fn advance(&mut self, next: impl Fn(&Payout) -> Option<Stage>) {
        if let Some(payout) = &mut self.payout {
            payout.stage = next(payout).unwrap_or(payout.stage);
            // What is settled was paid, though its payment was not told.
            payout.is_unpaid &= !matches!(payout.stage, Stage::Settled | Stage::Returned);
        }
    }

    /// The payout that the windows count until it is paid or given back.
    pub(crate) fn unpaid(&self) -> Option<&Payout> {
        self.payout.as_ref().filter(|payout| payout.is_unpaid)
    }

    /// Whether the payout counts as released: always on the light-client lane, on the fast lane once the deposit is
    /// proven (until then it is exposure alone).
    pub(crate) fn is_released(&self) -> bool {
        let lane = self.standing_lane();
        lane == Some(Lane::LightClient) || (lane == Some(Lane::Fast) && self.proven.is_some())
    }

    /// What this record adds to the account of `asset` on `source`, and to its exposure towards `destination`.
    pub(crate) fn tally(&self, source: &ChainId, asset: &AssetId, destination: &ChainId) -> Tally {
        let mut tally = Tally::default();
        if let Some(locked) = &self.proven
            && locked.account.source == *source
            && locked.account.asset == *asset
        {
            tally.proven = U512::from(locked.amount);
        }
        if let Some(payout) = self.payout.as_ref().filter(|payout| payout.is_of(source, asset)) {
            let amount = U512::from(payout.amount);
            if self.is_released() {
                tally.released = amount;
            }
            if payout.is_exposed() && payout.corridor.destination == *destination {
                tally.exposure = amount;
            }
        }
        tally
    }
}

impl Tally {
    /// These sums with one record's share `before` replaced by its share `after`.
    pub(crate) fn replacing(self, before: Self, after: Self) -> Self {
        let swap = |sum: U512, before: U512, after: U512| sum.saturating_sub(before).saturating_add(after);
        Self {
            proven: swap(self.proven, before.proven, after.proven),
            released: swap(self.released, before.released, after.released),
            exposure: swap(self.exposure, before.exposure, after.exposure),
        }
    }
}
