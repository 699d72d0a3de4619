//! A destination as sentinels see it, by each of its nodes for itself.

use std::time::Duration;

use alloy_primitives::{Address, U256};
use futures::future::{BoxFuture, join_all};
use spandrel_verifiers::attestation::SignerSet;
use spandrel_verifiers::follow::FollowError;
use spandrel_verifiers::{ChainId, UnixSeconds};

use super::funds::Funds;
use super::place::Place;
use super::sets::set_in_force;
use super::{PaidOut, Payable, PayoutPause, Registered, SetOf, checkpoint, inbox};
use crate::ethereum::{Endpoint, Execution};

/// What sentinels look at on a destination. Errors are transient: no node answers.
pub trait DestinationView: Send + Sync {
    /// Which chain.
    fn chain(&self) -> &ChainId;

    /// Of how many nodes the word counts where none may be alone: more than half.
    fn quorum(&self) -> usize;

    /// Payouts that were not told before, and those of blocks that are not final, again.
    fn payouts(&self) -> BoxFuture<'_, Result<Vec<PaidOut>, FollowError>>;

    /// Checkpoints that its registry stored and that were not told before, and those of blocks that are not final, again.
    fn checkpoints(&self) -> BoxFuture<'_, Result<Vec<Registered>, FollowError>>;

    /// The set in force, as each node that answers tells it.
    fn sets(&self, of: SetOf) -> BoxFuture<'_, Result<Vec<SignerSet>, FollowError>>;

    /// What the account that pays for gas has; `None` where the account is not known.
    fn funds(&self) -> BoxFuture<'_, Result<Option<Funds>, FollowError>>;

    /// The payouts that its contract refuses at `now`, as each node that answers tells it.
    fn pauses(&self, now: UnixSeconds) -> BoxFuture<'_, Result<Vec<Vec<PayoutPause>>, FollowError>>;
}

/// The contracts and the account of a destination.
#[derive(Clone, Debug)]
pub struct Watched {
    /// `Inbox`.
    pub inbox: Address,
    /// `FastLane`.
    pub fast_lane: Address,
    /// `CheckpointRegistry`.
    pub registry: Address,
    /// Blocks after which one is final; absent: the chain's `finalized` tag.
    pub confirmations: Option<u64>,
    /// Who pays for gas, and the least wei it should have.
    pub account: Option<(Address, U256)>,
    /// What is paid here.
    pub payable: Payable,
}

/// Reads one destination.
pub struct DestinationWatch {
    chain: ChainId,
    watched: Watched,
    nodes: Vec<Node>,
}

struct Node {
    execution: Execution,
    inbox: Place,
    registry: Place,
}

impl DestinationWatch {
    /// `watched` on `chain`, by all of `nodes`. Nothing is asked yet.
    ///
    /// # Errors
    /// When no client can be built.
    pub fn new(chain: ChainId, watched: Watched, nodes: Vec<Endpoint>, timeout: Duration) -> Result<Self, FollowError> {
        let node = |endpoint| {
            let execution = Execution::new(endpoint, chain.clone(), timeout)?;
            Ok(Node { execution, inbox: Place::default(), registry: Place::default() })
        };
        let nodes = nodes.into_iter().map(node).collect::<Result<_, FollowError>>()?;
        Ok(Self { chain, watched, nodes })
    }

    /// What each node that answers tells.
    async fn each<'a, T, F>(&'a self, what: &str, ask: impl Fn(&'a Node) -> F) -> Result<Vec<T>, FollowError>
    where
        F: Future<Output = Result<T, FollowError>> + Send,
    {
        let ask = |node: &'a Node| {
            let asked = ask(node);
            async move {
                node.execution.require_chain().await?;
                asked.await
            }
        };
        let (mut told, mut refused) = (Vec::new(), None);
        for answer in join_all(self.nodes.iter().map(ask)).await {
            match answer {
                Ok(answer) => told.push(answer),
                Err(error) => {
                    tracing::debug!(chain = %self.chain, what, %error, "a node tells the sentinels nothing");
                    refused = Some(error.to_string());
                }
            }
        }
        match refused {
            Some(reason) if told.is_empty() => {
                Err(FollowError::Transient { endpoint: format!("nodes of {}", self.chain), reason })
            }
            _ => Ok(told),
        }
    }
}

impl DestinationView for DestinationWatch {
    fn chain(&self) -> &ChainId {
        &self.chain
    }

    fn quorum(&self) -> usize {
        (self.nodes.len() / 2).saturating_add(1)
    }

    fn payouts(&self) -> BoxFuture<'_, Result<Vec<PaidOut>, FollowError>> {
        let Watched { inbox, confirmations, .. } = self.watched;
        Box::pin(async move {
            let told = self.each("payouts", move |node| {
                node.inbox.read(&node.execution, inbox, &inbox::TOPICS, confirmations, inbox::payout)
            });
            Ok(told.await?.concat())
        })
    }

    fn checkpoints(&self) -> BoxFuture<'_, Result<Vec<Registered>, FollowError>> {
        let Watched { registry, confirmations, .. } = self.watched;
        Box::pin(async move {
            let told = self.each("checkpoints", move |node| {
                node.registry.read(
                    &node.execution,
                    registry,
                    &checkpoint::TOPICS,
                    confirmations,
                    checkpoint::registered,
                )
            });
            Ok(told.await?.concat())
        })
    }

    fn sets(&self, of: SetOf) -> BoxFuture<'_, Result<Vec<SignerSet>, FollowError>> {
        let contract = match of {
            SetOf::FastLane => self.watched.fast_lane,
            SetOf::Verifiers => self.watched.registry,
        };
        Box::pin(self.each("sets", move |node| set_in_force(&node.execution, contract)))
    }

    fn funds(&self) -> BoxFuture<'_, Result<Option<Funds>, FollowError>> {
        Box::pin(async {
            let Some((account, least)) = self.watched.account else { return Ok(None) };
            let balances = self.each("funds", |node| node.execution.balance(account)).await?;
            Ok(balances.into_iter().max().map(|balance| Funds { account, balance, least }))
        })
    }

    fn pauses(&self, now: UnixSeconds) -> BoxFuture<'_, Result<Vec<Vec<PayoutPause>>, FollowError>> {
        let Watched { inbox, payable, .. } = &self.watched;
        Box::pin(self.each("pauses", move |node| payable.refused_by(&node.execution, *inbox, &self.chain, now)))
    }
}
