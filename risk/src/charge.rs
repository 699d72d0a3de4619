//! What a clearance is charged over corridors, and the sums that are kept of it.

use alloy_primitives::{U256, U512};
use rpds::RedBlackTreeMapSync;
use serde::{Deserialize, Serialize};
use spandrel_verifiers::{AssetId, ChainId, DepositId, UnixSeconds};

use crate::parts::Parted;
use crate::record::Payout;
use crate::state::change;
use crate::velocity::{Buckets, Fill, Party, Sizes};
use crate::window::Window;
use crate::{Corridor, as_list};

/// What a clearance is charged beside its corridor's window. Computed when it is decided, stored, and folded as it is, so
/// that a later policy or price changes nothing of it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Charge {
    /// Its value.
    pub notional: U256,
    /// The buckets it fills.
    pub fills: Vec<Fill>,
}

/// What a sum of notional is kept for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(tag = "tank", rename_all = "snake_case")]
pub enum Tank {
    /// One lane of one asset from one chain to another.
    Corridor(Corridor),
    /// All that goes to a chain.
    Destination {
        /// Which.
        chain: ChainId,
    },
    /// All that comes from a chain.
    Source {
        /// Which.
        chain: ChainId,
    },
    /// All of an asset, wherever it goes.
    Asset {
        /// Which.
        asset: AssetId,
    },
    /// What of a corridor is over and stands as paid, from when that was so: what makes room the other way.
    Paid(Corridor),
}

/// The sums over corridors.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Sums {
    #[serde(with = "as_list")]
    assets: RedBlackTreeMapSync<AssetId, Window>,
    #[serde(with = "as_list")]
    notional: RedBlackTreeMapSync<Tank, Window>,
    buckets: Buckets,
    #[serde(with = "as_list")]
    sizes: RedBlackTreeMapSync<AssetId, Sizes>,
}

fn tanks(corridor: &Corridor) -> [Tank; 4] {
    [
        Tank::Corridor(corridor.clone()),
        Tank::Destination { chain: corridor.destination.clone() },
        Tank::Source { chain: corridor.source.clone() },
        Tank::Asset { asset: corridor.asset.clone() },
    ]
}

impl Sums {
    /// Takes a clearance in; what an earlier clearance of the same deposit was charged is taken out.
    pub(crate) fn clear(&mut self, id: DepositId, payout: &Payout, was_cleared: bool, at: UnixSeconds) {
        change(&mut self.assets, &payout.corridor.asset, |window| {
            if was_cleared {
                window.withdraw(id);
            }
            payout.enter(window, id, payout.amount, at);
        });
        if was_cleared {
            for tank in tanks(&payout.corridor) {
                change(&mut self.notional, &tank, |window| window.withdraw(id));
            }
        }
    }

    /// Takes in what the clearance is charged. `is_first`: of this deposit; a bucket is filled by it once.
    pub(crate) fn charge(&mut self, id: DepositId, payout: &Payout, charge: &Charge, is_first: bool, at: UnixSeconds) {
        for tank in tanks(&payout.corridor) {
            change(&mut self.notional, &tank, |window| payout.enter(window, id, charge.notional, at));
        }
        if !is_first {
            return;
        }
        for fill in &charge.fills {
            let party: Party = (payout.corridor.asset.clone(), fill.side, fill.party);
            self.buckets.fill(party, payout.amount, fill.terms, at);
        }
        change(&mut self.sizes, &payout.corridor.asset, |sizes| sizes.add(payout.amount));
    }

    /// Takes in that a payout which counted until then is paid or given back.
    pub(crate) fn let_go(&mut self, id: DepositId, payout: &Payout, at: UnixSeconds) {
        change(&mut self.assets, &payout.corridor.asset, |window| window.let_go(id, payout.amount, at));
        if payout.is_charged {
            for tank in tanks(&payout.corridor) {
                change(&mut self.notional, &tank, |window| window.let_go(id, payout.notional, at));
            }
        }
    }

    /// Takes in that a payout is over, and stands.
    pub(crate) fn stand(&mut self, id: DepositId, payout: &Payout, at: UnixSeconds) {
        if !payout.notional.is_zero() {
            let tank = Tank::Paid(payout.corridor.clone());
            change(&mut self.notional, &tank, |window| window.charge(id, payout.notional, at));
        }
    }

    pub(crate) fn forget(&mut self, now: UnixSeconds) {
        self.buckets.forget_empty(now);
    }

    pub(crate) fn asset_used(&self, asset: &AssetId, now: UnixSeconds) -> U512 {
        self.assets.get(asset).map_or(U512::ZERO, |window| window.used(now))
    }

    pub(crate) fn notional_used(&self, tank: &dyn Parted, now: UnixSeconds) -> U512 {
        self.notional.get(tank).map_or(U512::ZERO, |window| window.used(now))
    }

    pub(crate) fn filled(&self, party: &dyn Parted, now: UnixSeconds) -> U512 {
        self.buckets.filled(party, now)
    }

    pub(crate) fn p99(&self, asset: &AssetId) -> Option<U256> {
        self.sizes.get(asset).and_then(Sizes::p99)
    }
}
