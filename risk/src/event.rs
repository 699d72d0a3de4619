//! What changes the risk state, and the scopes of a pause.

use alloy_primitives::{B256, U256};
use serde::{Deserialize, Serialize};
use spandrel_verifiers::{AssetId, ChainId, Deposit, DepositId, UnixSeconds};

use crate::{Charge, Corridor, Decision, Lane, Price};

/// What a pause covers.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(tag = "scope", rename_all = "snake_case")]
pub enum Scope {
    /// Everything.
    Global,
    /// Everything from or to a chain.
    Chain {
        /// Which.
        chain: ChainId,
    },
    /// One asset.
    Asset {
        /// Which.
        asset: AssetId,
    },
    /// One source to one destination.
    Route {
        /// From.
        source: ChainId,
        /// To.
        destination: ChainId,
    },
    /// One lane of everything that comes from `source`, or of all sources.
    Lane {
        /// Which lane.
        lane: Lane,
        /// From which chain; all when absent.
        source: Option<ChainId>,
    },
    /// One direction of everything on a chain: what is deposited there, or what is paid there.
    Direction {
        /// Which chain.
        chain: ChainId,
        /// Which direction.
        direction: Direction,
    },
}

/// A direction, as a chain sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// What comes from the chain.
    Deposits,
    /// What goes to it.
    Payouts,
}

impl Direction {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Deposits, Self::Payouts];

    /// Whether what goes from `source` to `destination` goes in this direction on `chain`.
    fn is_of(self, chain: &ChainId, source: &ChainId, destination: &ChainId) -> bool {
        match self {
            Self::Deposits => chain == source,
            Self::Payouts => chain == destination,
        }
    }
}

impl std::fmt::Display for Direction {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Deposits => "deposits",
            Self::Payouts => "payouts",
        })
    }
}

impl Scope {
    /// Whether a pause of this scope stops everything on this lane of a corridor.
    pub fn stops(&self, corridor: &Corridor) -> bool {
        self.is_on((&corridor.source, &corridor.destination), &corridor.asset, corridor.lane)
    }

    /// Whether a pause of this scope stops `deposit` on `lane`.
    pub fn covers(&self, deposit: &Deposit, lane: Lane) -> bool {
        self.is_on((&deposit.source_chain, &deposit.destination_chain), &deposit.asset, lane)
    }

    fn is_on(&self, (source, destination): (&ChainId, &ChainId), asset: &AssetId, lane: Lane) -> bool {
        match self {
            Self::Global => true,
            Self::Chain { chain } => chain == source || chain == destination,
            Self::Asset { asset: paused } => paused == asset,
            Self::Route { source: from, destination: to } => from == source && to == destination,
            Self::Lane { lane: paused, source: from } => {
                *paused == lane && from.as_ref().is_none_or(|from| from == source)
            }
            Self::Direction { chain, direction } => direction.is_of(chain, source, destination),
        }
    }
}

impl std::fmt::Display for Scope {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Global => write!(f, "global"),
            Self::Chain { chain } => write!(f, "chain {chain}"),
            Self::Asset { asset } => write!(f, "asset {asset}"),
            Self::Route { source, destination } => write!(f, "route {source} -> {destination}"),
            Self::Lane { lane, source: Some(source) } => write!(f, "{lane} lane from {source}"),
            Self::Lane { lane, source: None } => write!(f, "{lane} lane"),
            Self::Direction { chain, direction } => write!(f, "{direction} on {chain}"),
        }
    }
}

/// A change of the risk state. Variants are never removed or renumbered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum RiskEvent {
    /// A deposit was proven: it may be released once.
    Proven {
        /// Which.
        id: DepositId,
        /// From where.
        source: ChainId,
        /// Asset.
        asset: AssetId,
        /// Base units.
        amount: U256,
    },
    /// A payout was cleared: counts against the window, and against ledger or exposure by lane.
    Cleared {
        /// Which.
        id: DepositId,
        /// From where.
        source: ChainId,
        /// To where.
        destination: ChainId,
        /// Asset.
        asset: AssetId,
        /// Base units.
        amount: U256,
        /// By which lane.
        lane: Lane,
        /// Whether it counts against every window until it is paid or given back, and for a day from then. What was cleared
        /// before payments were told does not: it counts for a day from its clearance.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        until_paid: bool,
    },
    /// A cleared payout did not happen (failed, cancelled): gives back ledger or exposure, not window.
    Returned {
        /// Which.
        id: DepositId,
    },
    /// A fast payout's deposit was proven and settled on-chain: its exposure is repaid.
    Settled {
        /// Which.
        id: DepositId,
    },
    /// A fast payout whose deposit is gone: the exposure is a loss.
    Shortfall {
        /// Which.
        id: DepositId,
    },
    /// The transfer is over and nothing more is said of it: paid for good, or never to be paid (what was proven locked
    /// is not there any more then). Without effect while a fast payout is neither settled nor returned.
    Closed {
        /// Which.
        id: DepositId,
        /// Its expiry: from then on the deposit is refused without anything being known of it.
        expiry: UnixSeconds,
    },
    /// A scope was paused until a time.
    Paused {
        /// What.
        scope: Scope,
        /// Unix seconds; a longer pause of the same scope wins.
        until: UnixSeconds,
        /// Who or what, and why.
        reason: String,
    },
    /// A pause was lifted by two people.
    Resumed {
        /// What.
        scope: Scope,
    },
    /// What the clearance before it is charged over corridors. Once for each clearance.
    Charged {
        /// Which deposit.
        id: DepositId,
        /// What.
        charge: Charge,
    },
    /// A feed published a price. One that is older than what is known, or from the future, counts for nothing.
    Priced {
        /// Of what.
        asset: AssetId,
        /// Which.
        price: Price,
    },
    /// What was decided, and from what. Changes nothing; a second engine that folded what came before it must decide the
    /// same from the same.
    Decided {
        /// About which deposit.
        id: DepositId,
        /// On which lane.
        lane: Lane,
        /// When the large-transfer delay began, Unix seconds.
        first_asked_at: UnixSeconds,
        /// When it was asked, Unix seconds.
        asked_at: UnixSeconds,
        /// How many blocks the deposit stood under, its own included.
        confirmations: u64,
        /// The answer.
        decision: Decision,
        /// Hash of everything that it depends on: see `Position::inputs`.
        inputs: B256,
    },
    /// What was closed unpaid was paid all the same, by whoever brought its proof or attestation to the destination: what is
    /// said of it counts again. Said before what is proven, cleared and charged of it.
    Reopened {
        /// Which deposit.
        id: DepositId,
    },
    /// A cleared payout is final on its destination: it leaves the windows a day from now.
    Paid {
        /// Which deposit.
        id: DepositId,
    },
}

impl RiskEvent {
    /// The clearance of `deposit`, whose id is `id`, on `lane`. It counts until it is paid.
    pub fn cleared(id: DepositId, deposit: &Deposit, lane: Lane) -> Self {
        Self::Cleared {
            id,
            source: deposit.source_chain.clone(),
            destination: deposit.destination_chain.clone(),
            asset: deposit.asset.clone(),
            amount: deposit.amount,
            lane,
            until_paid: true,
        }
    }

    /// The deposit whose record it changes; `None` for what changes none.
    pub fn deposit(&self) -> Option<DepositId> {
        match self {
            Self::Proven { id, .. }
            | Self::Cleared { id, .. }
            | Self::Returned { id }
            | Self::Settled { id }
            | Self::Shortfall { id }
            | Self::Closed { id, .. }
            | Self::Charged { id, .. }
            | Self::Reopened { id }
            | Self::Paid { id } => Some(*id),
            Self::Paused { .. } | Self::Resumed { .. } | Self::Priced { .. } | Self::Decided { .. } => None,
        }
    }
}
