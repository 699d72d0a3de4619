//! The rule that a vault holds what it owes: for every asset that is locked at a source, no less than is outstanding on all
//! destinations together.
//!
//! Debt and holdings are read under one block's hash, and both move in one transaction there, so no honest moment shows a
//! gap. A token that takes from its holders by itself shows one, rightly.

use std::time::Duration;

use alloy_primitives::{Address, U256};
use futures::future::{BoxFuture, join_all};
use spandrel_verifiers::follow::FollowError;
use spandrel_verifiers::{AssetId, ChainId, UnixSeconds};

use super::{Concern, Finding, Rule, VaultPause, vault_pause};
use crate::ethereum::{Endpoint, Execution};

/// What `Outbox.sol`, `Vault.sol` and ERC-20 tokens answer.
mod told {
    alloy::sol! {
        function vault() returns (address vault);
        function outstanding(address token, bytes32 chain) returns (uint256 amount);
        function balanceOf(address account) returns (uint256 amount);
    }
}

/// One asset at one moment, base units.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Holding {
    /// Which.
    pub asset: AssetId,
    /// What is outstanding on the destinations that are known.
    pub owed: U256,
    /// What the vault holds.
    pub held: U256,
}

/// A source's vault as sentinels see it.
pub trait VaultView: Send + Sync {
    /// On which chain.
    fn chain(&self) -> &ChainId;

    /// Of how many nodes the word counts.
    fn quorum(&self) -> usize;

    /// Every asset, as each node that answers tells it.
    fn holdings(&self) -> BoxFuture<'_, Vec<Vec<Holding>>>;

    /// The deposits that its contract refuses at `now`, as each node that answers tells it.
    fn pauses(&self, now: UnixSeconds) -> BoxFuture<'_, Vec<Vec<VaultPause>>>;
}

/// Reads one vault.
pub struct VaultWatch {
    chain: ChainId,
    outbox: Address,
    tokens: Vec<(AssetId, Address)>,
    destinations: Vec<ChainId>,
    nodes: Vec<Execution>,
    quorum: usize,
}

impl VaultWatch {
    /// The vault of the outbox at `outbox` on `chain`, for those of `assets` that are of this chain, towards
    /// `destinations`. Nothing is asked yet.
    ///
    /// # Errors
    /// When no client can be built.
    pub fn new<'a>(
        chain: &ChainId,
        outbox: Address,
        assets: impl IntoIterator<Item = &'a AssetId>,
        destinations: impl IntoIterator<Item = &'a ChainId>,
        (nodes, quorum): (Vec<Endpoint>, usize),
        timeout: Duration,
    ) -> Result<Self, FollowError> {
        let nodes = nodes.into_iter().map(|node| Execution::new(node, chain.clone(), timeout));
        let tokens = assets.into_iter().filter_map(|asset| Some((asset.clone(), token_of(chain, asset)?)));
        Ok(Self {
            chain: chain.clone(),
            outbox,
            tokens: tokens.collect(),
            destinations: destinations.into_iter().cloned().collect(),
            nodes: nodes.collect::<Result<_, _>>()?,
            quorum,
        })
    }

    async fn holdings_by(&self, node: &Execution) -> Result<Vec<Holding>, FollowError> {
        node.require_chain().await?;
        let block = node.head().await?.hash;
        let vault = node.ask_at(self.outbox, &told::vaultCall {}, block).await?;
        let mut holdings = Vec::new();
        for (asset, token) in &self.tokens {
            let mut owed = U256::ZERO;
            for chain in &self.destinations {
                let call = told::outstandingCall { token: *token, chain: chain.hash() };
                owed = owed.saturating_add(node.ask_at(vault, &call, block).await?);
            }
            let held = match token.is_zero() {
                true => node.balance_at(vault, block).await?,
                false => node.ask_at(*token, &told::balanceOfCall { account: vault }, block).await?,
            };
            holdings.push(Holding { asset: asset.clone(), owed, held });
        }
        Ok(holdings)
    }

    async fn pauses_by(&self, node: &Execution, now: UnixSeconds) -> Result<Vec<VaultPause>, FollowError> {
        node.require_chain().await?;
        let vault = node.ask(self.outbox, &told::vaultCall {}).await?;
        let assets: Vec<&AssetId> = self.tokens.iter().map(|(asset, _)| asset).collect();
        vault_pause::read(node, vault, &self.chain, &self.destinations, &assets, now).await
    }

    /// What each node that answers tells of `what`.
    async fn each<'a, T, F>(&'a self, what: &str, ask: impl Fn(&'a Execution) -> F) -> Vec<T>
    where
        F: Future<Output = Result<T, FollowError>> + Send,
    {
        let told = join_all(self.nodes.iter().map(ask)).await.into_iter();
        let answered = told.filter_map(|answer| {
            let refused =
                |error| tracing::warn!(outbox = %self.outbox, what, %error, "the vault is not watched by this node");
            answer.map_err(refused).ok()
        });
        answered.collect()
    }
}

impl VaultView for VaultWatch {
    fn chain(&self) -> &ChainId {
        &self.chain
    }

    fn quorum(&self) -> usize {
        self.quorum
    }

    fn holdings(&self) -> BoxFuture<'_, Vec<Vec<Holding>>> {
        Box::pin(self.each("holdings", |node| self.holdings_by(node)))
    }

    fn pauses(&self, now: UnixSeconds) -> BoxFuture<'_, Vec<Vec<VaultPause>>> {
        Box::pin(self.each("pauses", move |node| self.pauses_by(node, now)))
    }
}

/// The vault's name of an asset of this chain: zero is the native coin.
fn token_of(chain: &ChainId, asset: &AssetId) -> Option<Address> {
    let own = asset.as_str().strip_prefix(chain.as_str())?;
    match own.strip_prefix("/erc20:") {
        Some(token) => token.parse().ok(),
        None => (own == "/slip44:60").then_some(Address::ZERO),
    }
}

/// Judges one asset by what each node tells. `quorum` of them must see the gap. A gap that has doubled is other evidence.
pub fn judge_vault(told: &[Holding], quorum: usize) -> Option<Finding> {
    let short = told.iter().filter(|holding| holding.held < holding.owed);
    let least = short.clone().min_by_key(|holding| holding.owed.saturating_sub(holding.held))?;
    if short.count() < quorum {
        return None;
    }
    let Holding { asset, owed, held } = least;
    let gap = owed.saturating_sub(*held);
    Some(Finding {
        rule: Rule::VaultShort,
        subject: format!("{asset} {}", gap.bit_len()),
        concern: Concern::Asset(asset.clone()),
        is_pausing: true,
        what: format!("the vault holds {held} of {asset} and owes {owed}"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn holding(owed: u64, held: u64) -> Holding {
        let asset = AssetId::slip44(&ChainId::eip155(1), 60);
        Holding { asset, owed: U256::from(owed), held: U256::from(held) }
    }

    #[test]
    fn a_vault_that_holds_less_than_it_owes_is_found_by_a_quorum_of_nodes() {
        assert_eq!(judge_vault(&[holding(5, 5)], 1), None);
        assert!(judge_vault(&[holding(5, 4)], 1).unwrap().is_pausing);
        assert_eq!(judge_vault(&[holding(5, 4), holding(5, 5)], 2), None, "one node's word of two");
        assert!(judge_vault(&[holding(5, 4), holding(6, 4)], 2).is_some());
        assert_eq!(judge_vault(&[], 1), None);
    }

    #[test]
    fn a_gap_is_other_evidence_only_once_it_has_doubled() {
        let key = |owed| judge_vault(&[holding(owed, 0)], 1).unwrap().key();
        assert_eq!(key(1_000), key(1_001));
        assert_ne!(key(1_000), key(2_100));
    }

    #[test]
    fn only_assets_of_its_own_chain_are_a_vaults() {
        let (chain, other) = (ChainId::eip155(1), ChainId::eip155(10));
        let token = Address::repeat_byte(7);
        let named = AssetId::parse(&format!("{chain}/erc20:{token:#x}")).unwrap();
        assert_eq!(token_of(&chain, &named), Some(token));
        assert_eq!(token_of(&chain, &AssetId::slip44(&chain, 60)), Some(Address::ZERO));
        assert_eq!(token_of(&other, &named), None);
        assert_eq!(token_of(&chain, &AssetId::slip44(&other, 60)), None);
    }
}
