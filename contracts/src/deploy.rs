//! Puts the contracts of one EVM chain in place: the same set on every chain, source and destination alike.
//!
//! Addresses follow from the deployer's nonce, so that contracts can refer to each other immutably and two chains can
//! be configured for each other before either is deployed: see [`Deployment::predict`].

mod configure;
mod transactions;

use alloy::primitives::{Address, B256};
use alloy::providers::Provider;
use spandrel_verifiers::{AssetId, ChainId};

pub use configure::{accept_source, hand_over, open_route, register_asset};
use transactions::Sender;

use crate::roles::Roles;
use crate::{
    AccessManager, BitcoinInclusionVerifier, CheckpointRegistry, EthereumStorageVerifier, FastLane, Inbox, Outbox,
    PauseController, RiskGuard, Vault, WrappedToken,
};

/// A day: a refund knows no cap and no pause, and so its checkpoint is looked at first.
pub const REFUND_HOLD: u64 = 24 * 3_600;

/// Everything that is decided when a chain is set up.
#[derive(Clone, Debug)]
pub struct DeployConfig {
    /// Verifiers whose quorum signs checkpoints.
    pub verifiers: Quorum,
    /// Signers of the fast lane.
    pub fast_signers: Quorum,
    /// Seconds for which a replaced set stays valid beside its successor.
    pub retention: u64,
    /// Seconds between a signed rotation of the fast-lane set and its taking effect.
    pub rotation_delay: u64,
    /// Seconds for which a destination's checkpoint must have stood, undisputed, before it refunds a deposit: at most a week.
    /// [`REFUND_HOLD`] where there is money; development chains may take 0.
    pub refund_hold: u64,
    /// The Bitcoin chain whose deposits can be claimed here, if any.
    pub bitcoin: Option<BitcoinChain>,
    /// Wrapped tokens to create; `Deployment.wrapped` has their addresses in this order.
    pub wrapped: Vec<WrappedConfig>,
    /// Source chains whose deposits are paid here.
    pub sources: Vec<SourceConfig>,
    /// Tokens of this chain that can be deposited.
    pub assets: Vec<LocalAsset>,
    /// Destination chains and their inboxes, left-padded.
    pub routes: Vec<(ChainId, B256)>,
    /// Who may do what afterwards; `None` leaves the deployer as administrator without delays (development only).
    pub roles: Option<Roles>,
}

/// An m-of-n set.
#[derive(Clone, Debug)]
pub struct Quorum {
    /// The members; sorted before use.
    pub members: Vec<Address>,
    /// How many of them must sign: at least two and more than half.
    pub threshold: u16,
}

/// A Bitcoin chain and its coin.
#[derive(Clone, Debug)]
pub struct BitcoinChain {
    /// `bip122:…`.
    pub chain: ChainId,
    /// `<chain>/slip44:0`.
    pub asset: AssetId,
}

/// A wrapped token to create.
#[derive(Clone, Debug)]
pub struct WrappedConfig {
    /// ERC-20 name.
    pub name: String,
    /// ERC-20 symbol.
    pub symbol: String,
    /// Those of the asset it stands for.
    pub decimals: u8,
}

/// A source chain whose deposits are paid here.
#[derive(Clone, Debug)]
pub struct SourceConfig {
    /// The chain.
    pub chain: ChainId,
    /// Its only accepted bridge: `Outbox` left-padded, or the Bitcoin vault's x-only key.
    pub bridge: B256,
    /// Seconds for which a checkpoint can be used, from its block time; 0 closes the chain. Where deposits go to that chain,
    /// at least twice [`DeployConfig::refund_hold`]: else they could hardly be refunded.
    pub max_age: u64,
    /// Seconds by which its block times may run backwards (Bitcoin 7200, else 0).
    pub time_slack: u64,
    /// Assets of that chain that are paid.
    pub assets: Vec<PaidAsset>,
}

/// An asset of a source chain, and how it is paid here.
#[derive(Clone, Debug)]
pub struct PaidAsset {
    /// The asset in the source chain's terms.
    pub asset: AssetId,
    /// What the recipient gets.
    pub payout: Payout,
    /// Limits by lane ([`crate::lane`]); a lane that is not named is closed.
    pub limits: Vec<(u8, RiskGuard::Limits)>,
}

/// How a claim is paid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Payout {
    /// Released from the vault: this token (zero address for the native coin) was locked for that chain.
    Release(Address),
    /// Minted: this `WrappedToken`.
    Mint(Address),
    /// Minted: the wrapped token created as number n of [`DeployConfig::wrapped`].
    MintCreated(usize),
}

/// A token of this chain that can be deposited.
#[derive(Clone, Copy, Debug)]
pub struct LocalAsset {
    /// The token; zero address for the native coin.
    pub token: Address,
    /// Whether it is one of this bridge's `WrappedToken`s, which are burnt instead of locked.
    pub is_wrapped: bool,
    /// Least base units of one deposit.
    pub minimum: u128,
}

/// Addresses of one chain's contracts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deployment {
    /// `AccessManager`.
    pub manager: Address,
    /// `PauseController`.
    pub pauses: Address,
    /// `CheckpointRegistry`.
    pub registry: Address,
    /// `Outbox`: `source_bridge` of deposits made here.
    pub outbox: Address,
    /// `Vault`.
    pub vault: Address,
    /// `RiskGuard`.
    pub guard: Address,
    /// `Inbox`: `destination_bridge` of deposits paid here.
    pub inbox: Address,
    /// `FastLane`.
    pub fast_lane: Address,
    /// `EthereumStorageVerifier`.
    pub ethereum_verifier: Address,
    /// `BitcoinInclusionVerifier`, when a Bitcoin chain was configured.
    pub bitcoin_verifier: Option<Address>,
    /// The wrapped tokens, in the configuration's order.
    pub wrapped: Vec<Address>,
    /// `TimelockController` that administers the manager, once roles were handed over.
    pub timelock: Option<Address>,
}

impl Deployment {
    /// The addresses [`deploy`] will give when `deployer` starts at `nonce`.
    pub fn predict(deployer: Address, nonce: u64, config: &DeployConfig) -> Self {
        let bitcoin = u64::from(config.bitcoin.is_some());
        let after = nonce + 9 + bitcoin;
        Self {
            manager: deployer.create(nonce),
            pauses: deployer.create(nonce + 1),
            registry: deployer.create(nonce + 2),
            outbox: deployer.create(nonce + 3),
            vault: deployer.create(nonce + 4),
            guard: deployer.create(nonce + 5),
            inbox: deployer.create(nonce + 6),
            fast_lane: deployer.create(nonce + 7),
            ethereum_verifier: deployer.create(nonce + 8),
            bitcoin_verifier: config.bitcoin.as_ref().map(|_| deployer.create(nonce + 9)),
            wrapped: (after..).take(config.wrapped.len()).map(|nonce| deployer.create(nonce)).collect(),
            timelock: None,
        }
    }
}

/// Why a deployment stopped. What was deployed until then stays, unused.
#[derive(Debug, thiserror::Error)]
pub enum DeployError {
    /// The node refused or failed a request.
    #[error("{step}: {source}")]
    Node {
        /// What was being done.
        step: String,
        /// The contract library's error; revert data is inside, see [`crate::revert`].
        source: alloy::contract::Error,
    },
    /// A transaction was mined and failed.
    #[error("{step}: transaction {transaction} failed")]
    Failed {
        /// What was being done.
        step: String,
        /// Its hash.
        transaction: B256,
    },
    /// A contract landed elsewhere than predicted: another transaction of the deployer came in between.
    #[error("{step}: expected address {expected}, found {found:?}")]
    Misplaced {
        /// What was being deployed.
        step: String,
        /// Where the others expect it.
        expected: Address,
        /// Where it is.
        found: Option<Address>,
    },
    /// Checkpoints of a destination could not be used for long enough after they have stood for the hold.
    #[error("max_age of {chain}: expected at least {expected} seconds, twice the refund hold, found {found}")]
    HeldTooLong {
        /// The destination.
        chain: ChainId,
        /// Twice the hold.
        expected: u64,
        /// Its rule.
        found: u64,
    },
    /// The configuration refers to a wrapped token it does not create.
    #[error("payout of {asset}: expected the index of one of {created} wrapped tokens, found {found}")]
    NoSuchWrapped {
        /// Whose payout.
        asset: AssetId,
        /// How many there are.
        created: usize,
        /// What was asked for.
        found: usize,
    },
}

/// Deploys all contracts from `deployer`, which must be an account that `provider` signs for, and applies `config`.
///
/// Restricted functions are wired to [`crate::roles`] at the end; with `config.roles` the deployer gives up every right.
pub async fn deploy<P: Provider>(
    provider: &P,
    deployer: Address,
    config: &DeployConfig,
) -> Result<Deployment, DeployError> {
    if let Some(error) = held_too_long(config) {
        return Err(error);
    }
    let nonce = provider.get_transaction_count(deployer).pending().await.map_err(|source| DeployError::Node {
        step: "reading the deployer's nonce".to_owned(),
        source: source.into(),
    })?;
    let mut at = Deployment::predict(deployer, nonce, config);
    create_contracts(provider, deployer, &at, config).await?;
    let mut sender = Sender::new();
    configure::open_lanes(&mut sender, provider, &at).await?;
    for source in &config.sources {
        configure::send_source(&mut sender, provider, &at, source).await?;
    }
    for asset in &config.assets {
        configure::send_asset(&mut sender, provider, &at, asset).await?;
    }
    for (chain, bridge) in &config.routes {
        configure::send_route(&mut sender, provider, &at, chain, *bridge).await?;
    }
    sender.finish().await?;
    match &config.roles {
        Some(roles) => at.timelock = Some(hand_over(provider, deployer, &at, roles).await?),
        None => configure::keep_all_roles(provider, deployer, &at).await?,
    }
    Ok(at)
}

/// A checkpoint that is too old once it has stood for the hold would refund nothing.
fn held_too_long(config: &DeployConfig) -> Option<DeployError> {
    let expected = config.refund_hold.saturating_mul(2);
    let is_destination = |source: &&SourceConfig| config.routes.iter().any(|(chain, _)| *chain == source.chain);
    let too_short = |source: &&SourceConfig| source.max_age != 0 && source.max_age < expected;
    let source = config.sources.iter().filter(is_destination).find(too_short)?;
    Some(DeployError::HeldTooLong { chain: source.chain.clone(), expected, found: source.max_age })
}

async fn create_contracts<P: Provider>(
    provider: &P,
    deployer: Address,
    at: &Deployment,
    config: &DeployConfig,
) -> Result<(), DeployError> {
    let mut sender = Sender::new();
    macro_rules! create {
        ($contract:ident, $expected:expr $(, $argument:expr)*) => {
            sender
                .create(stringify!($contract), $expected, $contract::deploy_builder(provider $(, $argument)*))
                .await?
        };
    }
    let sorted = |quorum: &Quorum| {
        let mut members = quorum.members.clone();
        members.sort_unstable();
        (members, alloy::primitives::U256::from(quorum.threshold))
    };
    create!(AccessManager, at.manager, deployer);
    create!(PauseController, at.pauses, at.manager, at.inbox);
    let (members, threshold) = sorted(&config.verifiers);
    create!(CheckpointRegistry, at.registry, at.manager, members, threshold, config.retention);
    create!(Outbox, at.outbox, at.vault);
    create!(Vault, at.vault, at.manager, at.outbox, at.inbox, at.pauses, at.registry, config.refund_hold);
    create!(RiskGuard, at.guard, at.manager, at.inbox);
    create!(Inbox, at.inbox, at.manager, at.vault, at.guard, at.pauses);
    let (members, threshold) = sorted(&config.fast_signers);
    create!(FastLane, at.fast_lane, at.manager, members, threshold, config.retention, config.rotation_delay);
    create!(EthereumStorageVerifier, at.ethereum_verifier, at.registry);
    if let (Some(bitcoin), Some(verifier)) = (&config.bitcoin, at.bitcoin_verifier) {
        create!(BitcoinInclusionVerifier, verifier, at.registry, bitcoin.chain.hash(), bitcoin.asset.hash());
    }
    for (token, address) in config.wrapped.iter().zip(&at.wrapped) {
        let (name, symbol) = (token.name.clone(), token.symbol.clone());
        create!(WrappedToken, *address, name, symbol, token.decimals, at.inbox);
    }
    sender.finish().await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_destination_whose_checkpoints_grow_too_old_to_refund_is_refused() {
        let set = Quorum { members: vec![], threshold: 2 };
        let chain = ChainId::eip155(2);
        let rule = |max_age| DeployConfig {
            verifiers: set.clone(),
            fast_signers: set.clone(),
            retention: 3_600,
            rotation_delay: 3_600,
            refund_hold: REFUND_HOLD,
            bitcoin: None,
            wrapped: vec![],
            sources: vec![SourceConfig {
                chain: chain.clone(),
                bridge: B256::ZERO,
                max_age,
                time_slack: 0,
                assets: vec![],
            }],
            assets: vec![],
            routes: vec![(chain.clone(), B256::ZERO)],
            roles: None,
        };
        let refused = held_too_long(&rule(2 * REFUND_HOLD - 1));
        assert!(matches!(refused, Some(DeployError::HeldTooLong { expected, .. }) if expected == 2 * REFUND_HOLD));
        assert!(held_too_long(&rule(2 * REFUND_HOLD)).is_none());
        assert!(held_too_long(&DeployConfig { routes: vec![], ..rule(1) }).is_none());
    }
}
