//! What an asset is worth, as a contract on an EVM chain publishes it.
//!
//! Nothing proves a price: it is the word of its publishers and of the nodes that are asked. Whoever uses it must let it
//! tighten limits and never widen them. What counts is what enough nodes tell alike: one that lies can neither set a price
//! nor make the true one look too old or too wide.

use std::time::Duration;

use alloy::sol;
use alloy_primitives::{Address, B256, U256};
use futures::future::join_all;
use serde::{Deserialize, Serialize};
use spandrel_verifiers::ChainId;
use spandrel_verifiers::follow::FollowError;

use super::Endpoint;
use super::execution::Execution;

sol! {
    /// `PythStructs.Price`: `price` and `conf` times ten to the power of `expo`.
    struct PythPrice {
        int64 price;
        uint64 conf;
        int32 expo;
        uint256 publishTime;
    }

    /// `IPyth`.
    function getPriceUnsafe(bytes32 id) returns (PythPrice price);

    /// `AggregatorV3Interface`.
    function latestRoundData()
        returns (uint80 roundId, int256 answer, uint256 startedAt, uint256 updatedAt, uint80 answeredInRound);
    /// `AggregatorV3Interface`.
    function decimals() returns (uint8 decimals);
}

/// Parts of a value in which [`PriceContract::Chainlink`]'s deviation counts.
const PARTS: u64 = 10_000;
/// Most digits a scale may shift by: no published price has as many.
const MOST_DIGITS: u32 = 60;

/// What kind of contract publishes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum PriceContract {
    /// Pyth: many feeds in one contract, each with its confidence.
    Pyth {
        /// Of the feed.
        id: B256,
    },
    /// A Chainlink aggregator.
    Chainlink {
        /// How far the price may move before the feed publishes, in hundredths of a percent: it has no confidence of its
        /// own, and this is the least that it is wrong by.
        deviation: u32,
    },
}

/// What was published: of one whole asset, in the unit that the reader asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PublishedPrice {
    /// The best guess, rounded up.
    pub value: U256,
    /// Half the width of the interval that the publisher is confident of, rounded up.
    pub confidence: U256,
    /// Unix seconds.
    pub published_at: u64,
}

/// A contract that publishes a price, and the nodes by which it is read.
#[derive(Debug)]
pub struct PriceFeed {
    contract: Address,
    kind: PriceContract,
    digits: u8,
    nodes: Vec<Execution>,
    quorum: usize,
}

impl PriceFeed {
    /// The feed of `contract` on `chain`. Prices are told with `digits` decimal digits, when `quorum` of `nodes` tell the
    /// same. Nothing is asked yet.
    ///
    /// # Errors
    /// When the quorum is not more than half of the nodes, or is more than all, or the client cannot be built.
    pub fn new(
        chain: &ChainId,
        contract: Address,
        kind: PriceContract,
        digits: u8,
        nodes: Vec<Endpoint>,
        quorum: usize,
        timeout: Duration,
    ) -> Result<Self, FollowError> {
        let majority = nodes.len() / 2 + 1;
        if !(majority..=nodes.len()).contains(&quorum) {
            return Err(FollowError::Permanent {
                field: "quorum".to_owned(),
                expected: format!("{majority} to {}", nodes.len()),
                found: quorum.to_string(),
            });
        }
        let nodes =
            nodes.into_iter().map(|node| Execution::new(node, chain.clone(), timeout)).collect::<Result<_, _>>()?;
        Ok(Self { contract, kind, digits, nodes, quorum })
    }

    /// What a quorum of nodes tell alike; there is at most one such price.
    ///
    /// # Errors
    /// When no quorum agrees: nodes do not answer, serve another chain, or are about to see the next price. Always
    /// transient: without a price value goes by its floor, and no node can end who asks it.
    pub async fn read(&self) -> Result<PublishedPrice, FollowError> {
        let (mut votes, mut errors): (Vec<(PublishedPrice, usize)>, _) = (Vec::new(), Vec::new());
        for told in join_all(self.nodes.iter().map(|node| self.read_from(node))).await {
            match told {
                Ok(price) => match votes.iter_mut().find(|(other, _)| *other == price) {
                    Some((_, count)) => *count = count.saturating_add(1),
                    None => votes.push((price, 1)),
                },
                Err(refused) => errors.push(refused.to_string()),
            }
        }
        let agreed = votes.iter().find(|(_, count)| *count >= self.quorum).map(|(price, _)| *price);
        agreed.ok_or_else(|| FollowError::Transient {
            endpoint: format!("price nodes of {}", self.contract),
            reason: format!("expected {} to tell the same, found {votes:?} and {errors:?}", self.quorum),
        })
    }

    async fn read_from(&self, node: &Execution) -> Result<PublishedPrice, FollowError> {
        node.require_chain().await?;
        match self.kind {
            PriceContract::Pyth { id } => {
                let told = node.ask(self.contract, &getPriceUnsafeCall { id }).await?;
                let scale = i64::from(told.expo).saturating_add(self.digits.into());
                let price = scaled(U256::from(told.price.max(0).unsigned_abs()), scale);
                let confidence = scaled(U256::from(told.conf), scale);
                published(node, price, confidence, told.publishTime)
            }
            PriceContract::Chainlink { deviation } => {
                let told = node.ask(self.contract, &latestRoundDataCall {}).await?;
                let of_answer = node.ask(self.contract, &decimalsCall {}).await?;
                let scale = i64::from(self.digits).saturating_sub(of_answer.into());
                let value = scaled(U256::try_from(told.answer).unwrap_or_default(), scale);
                let parts = value.and_then(|value| value.checked_mul(U256::from(deviation)));
                let confidence = parts.map(|parts| parts.div_ceil(U256::from(PARTS)));
                published(node, value, confidence, told.updatedAt)
            }
        }
    }
}

/// `value` times ten to the power of `by`, rounded up; `None` when it does not fit.
fn scaled(value: U256, by: i64) -> Option<U256> {
    let digits = u32::try_from(by.unsigned_abs()).ok().filter(|digits| *digits <= MOST_DIGITS)?;
    let factor = U256::from(10).checked_pow(U256::from(digits))?;
    if by >= 0 { value.checked_mul(factor) } else { Some(value.div_ceil(factor)) }
}

fn published(
    node: &Execution,
    value: Option<U256>,
    confidence: Option<U256>,
    published_at: U256,
) -> Result<PublishedPrice, FollowError> {
    let refused = || node.lied("eth_call", "expected a price and a time within bounds");
    match (value, confidence, u64::try_from(published_at)) {
        (Some(value), Some(confidence), Ok(published_at)) if !value.is_zero() => {
            Ok(PublishedPrice { value, confidence, published_at })
        }
        _ => Err(refused()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scales_round_up_and_never_overflow() {
        assert_eq!(scaled(U256::from(12_345), -2), Some(U256::from(124)));
        assert_eq!(scaled(U256::from(12_300), -2), Some(U256::from(123)));
        assert_eq!(scaled(U256::from(7), 3), Some(U256::from(7_000)));
        assert_eq!(scaled(U256::from(7), 60).map(|value| value > U256::ZERO), Some(true));
        assert_eq!(scaled(U256::MAX, 1), None);
        assert_eq!(scaled(U256::from(7), i64::from(i32::MIN)), None);
        assert_eq!(scaled(U256::from(7), 61), None);
    }
}
