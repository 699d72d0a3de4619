//! One limit over corridors, by its name in the configuration: what guardians lower and raise, each by itself.
//!
//! These are all numbers over corridors of which less is stricter. What is stricter when it is more (how slowly a bucket
//! drains, the fewest blocks) and what is no number (prices, netting, what counts as come back) is said by files alone.

use std::fmt;

use alloy_primitives::U256;
use serde::{Deserialize, Serialize};
use spandrel_verifiers::{AssetId, ChainId, VerifyError};

use crate::agreement::named;
use crate::{AssetRules, Corridor, ExposureRule, Limit, WideLimits};

/// Which limit over corridors.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(tag = "row", rename_all = "snake_case", deny_unknown_fields)]
pub enum WideLimit {
    /// One of an asset, wherever it goes.
    Asset {
        /// Which asset.
        asset: AssetId,
        /// Which of its limits.
        limit: AssetLimit,
    },
    /// By value, of everything towards a destination in any 24 hours.
    Destination {
        /// Which.
        chain: ChainId,
    },
    /// By value, of one lane of one corridor in any 24 hours.
    Corridor {
        /// Which.
        corridor: Corridor,
    },
    /// What a block of a source costs whoever fakes it: the less, the deeper a deposit must stand for its value.
    Depth {
        /// Which source.
        chain: ChainId,
    },
}

/// Which limit of an asset.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(into = "&'static str", try_from = "String")]
pub enum AssetLimit {
    /// In any 24 hours, base units.
    Window,
    /// In any 24 hours, by value.
    Notional,
    /// Of one sender at once, base units.
    SenderCapacity,
    /// To one recipient at once, base units.
    RecipientCapacity,
    /// Of one transfer, in p99 of the last ones.
    MostOfP99,
    /// Up to which nothing is unusual, base units.
    Usual,
    /// Paid by the fast lane before its proof, hundredths of a percent of what stands locked.
    ExposureShare,
}

impl WideLimit {
    /// Each limit that `wide` has.
    pub fn all(wide: &WideLimits) -> Vec<Self> {
        let WideLimits { assets, destinations, corridors, depths } = wide;
        let of_assets =
            assets.keys().flat_map(|asset| AssetLimit::ALL.map(|limit| Self::Asset { asset: asset.clone(), limit }));
        let of_destinations = destinations.keys().map(|chain| Self::Destination { chain: chain.clone() });
        let of_corridors = corridors.keys().map(|corridor| Self::Corridor { corridor: corridor.clone() });
        let of_depths = depths.keys().map(|chain| Self::Depth { chain: chain.clone() });
        let all = of_assets.chain(of_destinations).chain(of_corridors).chain(of_depths);
        all.filter(|limit| limit.of(wide).is_some()).collect()
    }

    /// As `wide` has it; `None` where it has none, and nobody but a file sets one.
    pub fn of(&self, wide: &WideLimits) -> Option<Limit> {
        match self {
            Self::Asset { asset, limit } => limit.of(wide.assets.get(asset)?),
            Self::Destination { chain } => wide.destinations.get(chain).copied(),
            Self::Corridor { corridor } => Some(wide.corridors.get(corridor)?.notional),
            Self::Depth { chain } => Some(Limit::Amount(wide.depths.get(chain)?.block_cost)),
        }
    }

    /// Puts `value` in the place of what `wide` has, if it has one.
    pub(crate) fn set(&self, wide: &mut WideLimits, value: Limit) {
        let value = value.min(self.most());
        match self {
            Self::Asset { asset, limit } => {
                if let Some(rules) = wide.assets.get_mut(asset) {
                    limit.set(rules, value);
                }
            }
            Self::Destination { chain } => {
                if let Some(notional) = wide.destinations.get_mut(chain) {
                    *notional = value;
                }
            }
            Self::Corridor { corridor } => {
                if let Some(rules) = wide.corridors.get_mut(corridor) {
                    rules.notional = value;
                }
            }
            Self::Depth { chain } => {
                if let Some(rule) = wide.depths.get_mut(chain) {
                    rule.block_cost = value.amount();
                }
            }
        }
    }

    /// The most that it can be.
    pub fn most(&self) -> Limit {
        match self {
            Self::Asset { limit: AssetLimit::ExposureShare, .. } => Limit::Amount(U256::from(ExposureRule::WHOLE)),
            Self::Asset { limit: AssetLimit::Usual, .. } | Self::Depth { .. } => Limit::Amount(U256::MAX),
            _ => Limit::Unlimited,
        }
    }

    /// Its name within its row.
    pub fn field(&self) -> &'static str {
        match self {
            Self::Asset { limit, .. } => limit.name(),
            Self::Destination { .. } | Self::Corridor { .. } => "notional",
            Self::Depth { .. } => "block_cost",
        }
    }
}

impl fmt::Display for WideLimit {
    /// Its name in the configuration, as a refusal of a file has it. Injective.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let row = match self {
            Self::Asset { asset, .. } => format!("wide.asset {asset}"),
            Self::Destination { chain } => format!("wide.destination {chain}"),
            Self::Corridor { corridor } => named("wide.corridor", corridor),
            Self::Depth { chain } => format!("wide.depth {chain}"),
        };
        write!(f, "{row}.{}", self.field())
    }
}

impl AssetLimit {
    /// All.
    pub const ALL: [Self; 7] = [
        Self::Window,
        Self::Notional,
        Self::SenderCapacity,
        Self::RecipientCapacity,
        Self::MostOfP99,
        Self::Usual,
        Self::ExposureShare,
    ];

    /// Its name in the asset's row.
    pub fn name(self) -> &'static str {
        match self {
            Self::Window => "window",
            Self::Notional => "notional",
            Self::SenderCapacity => "sender.capacity",
            Self::RecipientCapacity => "recipient.capacity",
            Self::MostOfP99 => "most_of_p99",
            Self::Usual => "usual",
            Self::ExposureShare => "exposure.share",
        }
    }

    fn of(self, rules: &AssetRules) -> Option<Limit> {
        let AssetRules { window, notional, price: _, sender, recipient, most_of_p99, usual, exposure } = rules;
        match self {
            Self::Window => Some(*window),
            Self::Notional => *notional,
            Self::SenderCapacity => Some(sender.capacity),
            Self::RecipientCapacity => Some(recipient.capacity),
            Self::MostOfP99 => Some(*most_of_p99),
            Self::Usual => Some(Limit::Amount(*usual)),
            Self::ExposureShare => exposure.as_ref().map(|rule| Limit::Amount(U256::from(rule.share))),
        }
    }

    fn set(self, rules: &mut AssetRules, value: Limit) {
        match self {
            Self::Window => rules.window = value,
            Self::Notional => rules.notional = rules.notional.map(|_| value),
            Self::SenderCapacity => rules.sender.capacity = value,
            Self::RecipientCapacity => rules.recipient.capacity = value,
            Self::MostOfP99 => rules.most_of_p99 = value,
            Self::Usual => rules.usual = value.amount(),
            Self::ExposureShare => {
                if let Some(rule) = &mut rules.exposure {
                    rule.share = value.amount().saturating_to();
                }
            }
        }
    }
}

impl From<AssetLimit> for &'static str {
    fn from(limit: AssetLimit) -> Self {
        limit.name()
    }
}

impl TryFrom<String> for AssetLimit {
    type Error = VerifyError;

    fn try_from(name: String) -> Result<Self, VerifyError> {
        let found = Self::ALL.into_iter().find(|limit| limit.name() == name);
        found.ok_or_else(|| {
            let names = Self::ALL.map(Self::name).join(", ");
            VerifyError::invalid("limit", format!("one of {names}"), format!("{name:?}"))
        })
    }
}
