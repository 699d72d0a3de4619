//! The demo's bridge: keys, contracts on both EVM chains, and the configuration of one process with every role.

use std::path::Path;

use alloy::network::EthereumWallet;
use alloy::primitives::{Address, B256, U256};
use alloy::providers::{DynProvider, Provider, ProviderBuilder};
use alloy::signers::local::PrivateKeySigner;
use anyhow::{Context, Result};
use spandrel_api::Denomination;
use spandrel_contracts::deploy::{
    BitcoinChain, DeployConfig, Deployment, LocalAsset, PaidAsset, Payout, SourceConfig, WrappedConfig, deploy,
};
use spandrel_contracts::roles::{Delays, Roles};
use spandrel_contracts::{RiskGuard, lane, native_asset};
use spandrel_risk::{Corridor, Lane, Limit, LimitTable, Limits};
use spandrel_signer::SecretRef;
use spandrel_testnets::bitcoin::RegtestNode;
use spandrel_testnets::ethereum::{Anvil, SourceChain};
use spandrel_verifiers::bitcoin::{Anchor, ChainParams, ConfirmationPolicy, ConfirmationTier};
use spandrel_verifiers::{AssetId, ChainId};

use super::chains::Chains;
use super::keys::{KeyRing, write_secret};
use super::members::{Ends, Members};
use crate::config::{
    AssetConfig, BitcoinNode, BitcoinSource, Config, Destination, EthereumNode, EthereumSource, KeyRef,
    WEAK_SUBJECTIVITY,
};

/// Confirmations of the Bitcoin light-client lane for everyday amounts.
pub const BITCOIN_CONFIRMATIONS: u32 = 4;
/// Most satoshis of one fast payout.
pub const FAST_CAP_SATS: u64 = 5_000_000;
/// Most wei of one fast payout: 1 ether.
pub const FAST_CAP_WEI: u128 = 1_000_000_000_000_000_000;
/// Symbols of the coin and of the token by which it is paid.
const BITCOIN: [&str; 2] = ["BTC", "sBTC"];
const BITCOIN_DECIMALS: u8 = 8;
const ETHER: [&str; 2] = ["ETH", "sETH"];
const ETHER_DECIMALS: u8 = 18;
const UNLIMITED: u128 = u128::MAX;
/// x-only key of the demo's vault: the generator point of secp256k1, whose private key is 1.
const VAULT: &str = "0x79be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798";

/// What was deployed and configured.
pub struct Bridge {
    /// Contracts on the source Ethereum chain.
    pub source: Deployment,
    /// Contracts on the destination.
    pub target: Deployment,
    /// The process's configuration.
    pub config: Config,
    /// A user's account with ether on the source chain.
    pub user: DynProvider,
    /// Its address.
    pub user_address: Address,
    /// The relayer's account on the destination.
    pub relayer_address: Address,
}

impl Bridge {
    /// Makes keys in `folder`, deploys on both chains, and writes `folder/spandrel.toml`.
    pub async fn build(chains: &Chains, folder: &Path) -> Result<Self> {
        let keys = KeyRing::make(folder)?;
        let members = Members::make(&keys)?;
        let (relayer, relayer_address) = keys.create("relayer")?;
        chains.destination.set_balance(relayer_address, U256::from(10).pow(U256::from(20))).await?;

        let bitcoin = ChainParams::regtest();
        let (source, target) = deploy_both(chains, &bitcoin, members.contracts(), relayer_address).await?;
        let ends = Ends {
            bitcoin: vec![bitcoin_source(chains, &bitcoin, folder).await?],
            ethereum: vec![ethereum_source(&chains.ethereum, &source).await?],
            destination: vec![destination(chains.destination_id(), chains.destination.url(), &target, relayer)],
            limit: limits(chains, &bitcoin)?,
            asset: assets(chains, &bitcoin)?,
        };
        let config = members.process(folder, &keys, ends)?;
        std::fs::write(folder.join("spandrel.toml"), toml::to_string(&config)?)?;
        let (user, user_address) = source_wallet(&chains.ethereum, 1)?;
        Ok(Self { source, target, config, user, user_address, relayer_address })
    }
}

/// A provider that signs as one of anvil's funded accounts.
pub fn wallet(anvil: &Anvil, index: usize) -> Result<(DynProvider, Address)> {
    signing(anvil.signers(), index, anvil.url())
}

/// The same, on a source chain.
pub fn source_wallet(chain: &SourceChain, index: usize) -> Result<(DynProvider, Address)> {
    signing(chain.signers(), index, chain.execution_url())
}

fn signing(signers: Vec<PrivateKeySigner>, index: usize, url: &str) -> Result<(DynProvider, Address)> {
    let signer = signers.into_iter().nth(index).context("the chain has too few accounts")?;
    let address = signer.address();
    let provider = ProviderBuilder::new().wallet(EthereumWallet::new(signer)).connect_http(url.parse()?);
    Ok((provider.erased(), address))
}

async fn deploy_both(
    chains: &Chains,
    bitcoin: &ChainParams,
    known: DeployConfig,
    guardian: Address,
) -> Result<(Deployment, Deployment)> {
    let (source_provider, deployer) = source_wallet(&chains.ethereum, 0)?;
    let (target_provider, _) = wallet(&chains.destination, 0)?;
    let governor = chains.destination.signers().get(9).context("anvil has too few accounts")?.address();
    let roles = Roles {
        guardians: vec![guardian],
        unpausers: vec![governor],
        limit_raisers: vec![governor],
        governors: vec![governor],
        delays: Delays::default(),
    };
    let base = DeployConfig { roles: Some(roles), ..known };
    let (ethereum_id, destination_id) = (chains.ethereum_id(), chains.destination_id());
    let mut at_source = base.clone();
    at_source.assets = vec![LocalAsset { token: Address::ZERO, is_wrapped: false, minimum: 1_000 }];
    let mut at_target = base;
    at_target.bitcoin = Some(BitcoinChain { chain: bitcoin.chain(), asset: bitcoin.asset() });
    at_target.wrapped = vec![
        WrappedConfig { name: "Bridged Bitcoin".into(), symbol: BITCOIN[1].into(), decimals: BITCOIN_DECIMALS },
        WrappedConfig { name: "Bridged Ether".into(), symbol: ETHER[1].into(), decimals: ETHER_DECIMALS },
    ];
    let (source_at, target_at) =
        (Deployment::predict(deployer, 0, &at_source), Deployment::predict(deployer, 0, &at_target));
    at_source.routes = vec![(destination_id, target_at.inbox.into_word())];
    let vault: B256 = VAULT.parse()?;
    at_target.sources = vec![
        accepted(bitcoin.chain(), vault, 7200, bitcoin.asset(), 0, (FAST_CAP_SATS.into(), lane::BITCOIN)),
        accepted(
            ethereum_id.clone(),
            source_at.outbox.into_word(),
            0,
            native_asset(&ethereum_id)?,
            1,
            (FAST_CAP_WEI, lane::ETHEREUM),
        ),
    ];
    let (source, target) = tokio::try_join!(
        deploy(&source_provider, deployer, &at_source),
        deploy(&target_provider, deployer, &at_target),
    )?;
    Ok((source, target))
}

fn accepted(
    chain: ChainId,
    bridge: B256,
    time_slack: u64,
    asset: AssetId,
    wrapped: usize,
    (fast_cap, light_client): (u128, u8),
) -> SourceConfig {
    let limits = |per_transfer, per_window, exposure_cap| RiskGuard::Limits {
        perTransfer: per_transfer,
        perWindow: per_window,
        exposureCap: exposure_cap,
        bigFrom: UNLIMITED,
        bigDelay: 0,
        settleWithin: 1800,
    };
    SourceConfig {
        chain,
        bridge,
        max_age: 7 * 24 * 3600,
        time_slack,
        assets: vec![PaidAsset {
            asset,
            payout: Payout::MintCreated(wrapped),
            limits: vec![
                (lane::FAST, limits(fast_cap, fast_cap * 10, fast_cap * 4)),
                (light_client, limits(fast_cap * 100, fast_cap * 1000, 0)),
            ],
        }],
    }
}

async fn bitcoin_source(chains: &Chains, params: &ChainParams, folder: &Path) -> Result<BitcoinSource> {
    let rpc = chains.bitcoin.rpc();
    let password = folder.join("bitcoin-password");
    write_secret(&password, &rpc.password)?;
    Ok(BitcoinSource {
        chain: params.chain(),
        vault: VAULT.parse()?,
        anchor: Anchor::genesis(params)?,
        confirmations: ConfirmationPolicy::new(
            vec![ConfirmationTier { up_to: 100 * FAST_CAP_SATS, confirmations: BITCOIN_CONFIRMATIONS }],
            2 * BITCOIN_CONFIRMATIONS,
        )?,
        fast_confirmations: 1,
        quorum: 1,
        nodes: vec![BitcoinNode {
            rpc: rpc.url.to_string(),
            user: rpc.user.clone(),
            password: SecretRef::File(password),
            zmq: Some(chains.bitcoin.zmq_endpoint().to_owned()),
        }],
    })
}

/// How deposits made on `chain` are followed.
pub async fn ethereum_source(chain: &SourceChain, at: &Deployment) -> Result<EthereumSource> {
    Ok(EthereumSource {
        outbox: at.outbox,
        start_block: 1,
        trusted_root: chain.finalized_root().await?,
        weak_subjectivity_seconds: WEAK_SUBJECTIVITY,
        network: chain.network().await?,
        quorum: 1,
        nodes: vec![EthereumNode {
            execution: chain.execution_url().to_owned(),
            beacon: chain.beacon_url().to_owned(),
        }],
        pauses: None,
    })
}

/// How `account` pays on the chain behind `rpc`.
pub fn destination(chain: ChainId, rpc: &str, at: &Deployment, account: KeyRef) -> Destination {
    Destination {
        chain,
        rpc: rpc.into(),
        inbox: at.inbox,
        fast_lane: at.fast_lane,
        checkpoint_registry: at.registry,
        pause_controller: at.pauses,
        account,
        max_fee_per_gas: 500_000_000_000,
        escalate_after_seconds: 20,
        witness_rpc: Vec::new(),
        confirmations: Some(2),
    }
}

/// How amounts are written: as the tokens are deployed.
fn assets(chains: &Chains, bitcoin: &ChainParams) -> Result<Vec<AssetConfig>> {
    let rows =
        [(bitcoin.asset(), BITCOIN, BITCOIN_DECIMALS), (native_asset(&chains.ethereum_id())?, ETHER, ETHER_DECIMALS)];
    let row = |(id, symbols, decimals): (AssetId, [&str; 2], u8)| {
        let [own, paid] = symbols.map(|symbol| Denomination::new(symbol, decimals));
        anyhow::Ok(AssetConfig { id, own: own?, paid_as: [(chains.destination_id(), paid?)].into() })
    };
    rows.into_iter().map(row).collect()
}

fn limits(chains: &Chains, bitcoin: &ChainParams) -> Result<LimitTable> {
    let routes = [
        (bitcoin.chain(), bitcoin.asset(), U256::from(FAST_CAP_SATS)),
        (chains.ethereum_id(), native_asset(&chains.ethereum_id())?, U256::from(FAST_CAP_WEI)),
    ];
    let mut table = LimitTable::default();
    for (source, asset, cap) in routes {
        for lane in [Lane::Fast, Lane::LightClient] {
            let is_fast = lane == Lane::Fast;
            let times = |factor: u64| Limit::Amount(cap * U256::from(factor));
            let limits = Limits {
                per_transfer: times(if is_fast { 1 } else { 100 }),
                window: times(if is_fast { 10 } else { 1000 }),
                exposure_cap: times(if is_fast { 4 } else { 0 }),
                large_from: Limit::Unlimited,
                large_delay: 0,
                dust: U256::from(1000),
            };
            let (source, asset) = (source.clone(), asset.clone());
            table.limits.insert(Corridor { source, destination: chains.destination_id(), asset, lane }, limits);
        }
    }
    Ok(table)
}
