//! The demo's bridge: keys, contracts on both EVM chains, and the configuration of one process with every role.

use std::fs::OpenOptions;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use alloy::network::EthereumWallet;
use alloy::primitives::{Address, B256, U256};
use alloy::providers::{DynProvider, Provider, ProviderBuilder};
use alloy::signers::local::PrivateKeySigner;
use anyhow::{Context, Result};
use spandrel_contracts::deploy::{
    BitcoinChain, DeployConfig, Deployment, LocalAsset, PaidAsset, Payout, Quorum, SourceConfig, WrappedConfig, deploy,
};
use spandrel_contracts::roles::{Delays, Roles};
use spandrel_contracts::{RiskGuard, lane, native_asset};
use spandrel_risk::{Corridor, Lane, Limit, LimitTable, Limits, WideLimits};
use spandrel_signer::{Hardness, Keystore, Secret, SecretRef};
use spandrel_testnets::bitcoin::RegtestNode;
use spandrel_testnets::ethereum::{Anvil, SourceChain};
use spandrel_verifiers::attestation::SignerSet;
use spandrel_verifiers::bitcoin::{Anchor, ChainParams, ConfirmationPolicy, ConfirmationTier};
use spandrel_verifiers::{AssetId, ChainId};

use super::chains::Chains;
use crate::config::{
    BitcoinNode, BitcoinSource, Config, Destination, EthereumNode, EthereumSource, KeyRef, Profile, RoleConfig,
    Telemetry, WEAK_SUBJECTIVITY,
};
use crate::telemetry::LogFormat;

/// Confirmations of the Bitcoin light-client lane for everyday amounts.
pub const BITCOIN_CONFIRMATIONS: u32 = 4;
/// Most satoshis of one fast payout.
pub const FAST_CAP_SATS: u64 = 5_000_000;
/// Most wei of one fast payout: 1 ether.
pub const FAST_CAP_WEI: u128 = 1_000_000_000_000_000_000;
const VERIFIERS: usize = 3;
const SIGNERS: usize = 3;
const QUORUM: u16 = 2;
const EPOCH: u64 = 1;
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

/// A keystore of development keys under one password.
pub struct KeyRing {
    /// The keystore.
    pub folder: PathBuf,
    password: SecretRef,
    store: Keystore,
}

impl KeyRing {
    /// Makes an empty one in `folder`, with a random password beside it.
    pub fn make(folder: &Path) -> Result<Self> {
        let path = folder.join("password");
        write_secret(&path, &B256::from(rand::random::<[u8; 32]>()).to_string())?;
        let keys = folder.join("keys");
        let store = Keystore::open(&keys, Hardness::Dev)?;
        Ok(Self { folder: keys, password: SecretRef::File(path), store })
    }

    /// A new key, and its account.
    pub fn create(&self, name: &str) -> Result<(KeyRef, Address)> {
        let secret: Secret = self.password.read()?;
        let info = self.store.create(name, &secret)?;
        Ok((KeyRef { name: name.to_owned(), password: self.password.clone() }, info.address))
    }

    /// `count` new keys, `kind-1` and so on.
    pub fn several(&self, kind: &str, count: usize) -> Result<Vec<(KeyRef, Address)>> {
        (1..=count).map(|number| self.create(&format!("{kind}-{number}"))).collect()
    }
}

impl Bridge {
    /// Makes keys in `folder`, deploys on both chains, and writes `folder/spandrel.toml`.
    pub async fn build(chains: &Chains, folder: &Path) -> Result<Self> {
        let ring = KeyRing::make(folder)?;
        let verifiers = ring.several("verifier", VERIFIERS)?;
        let signers = ring.several("signer", SIGNERS)?;
        let (relayer, relayer_address) = ring.create("relayer")?;
        chains.destination.set_balance(relayer_address, U256::from(10).pow(U256::from(20))).await?;

        let bitcoin = ChainParams::regtest();
        let quorum = |keys: &[(KeyRef, Address)]| Quorum {
            members: keys.iter().map(|(_, address)| *address).collect(),
            threshold: QUORUM,
        };
        let quorums = (quorum(&verifiers), quorum(&signers));
        let (source, target) = deploy_both(chains, &bitcoin, quorums, relayer_address).await?;

        let set = |keys: &[(KeyRef, Address)]| {
            SignerSet::new(EPOCH, usize::from(QUORUM), keys.iter().map(|(_, address)| *address).collect())
        };
        let bitcoin_source = bitcoin_source(chains, &bitcoin, folder).await?;
        let ethereum_source = ethereum_source(&chains.ethereum, &source).await?;
        let role = |(key, _): &(KeyRef, Address)| RoleConfig {
            key: key.clone(),
            bitcoin: bitcoin_source.nodes.iter().map(|node| (bitcoin_source.chain.clone(), node.clone())).collect(),
            ethereum: ethereum_source.nodes.iter().map(|node| (chains.ethereum_id(), node.clone())).collect(),
        };
        let limit = limits(chains, &bitcoin)?;
        let config = Config {
            profile: Profile::Dev,
            bus: None,
            database: folder.join("spandrel.sqlite"),
            keystore: ring.folder.clone(),
            telemetry: Telemetry {
                listen: ([127, 0, 0, 1], 0).into(),
                log: "warn".to_owned(),
                format: LogFormat::Text,
                late_after: Default::default(),
                otlp: None,
            },
            api: None,
            control: None,
            verifier_set: set(&verifiers)?,
            signer_set: set(&signers)?,
            pause_seconds: 3600,
            verifier: verifiers.iter().map(role).collect(),
            signer: signers.iter().map(role).collect(),
            wide: WideLimits::unlimited(limit.limits.keys()),
            limit,
            price_feed: Vec::new(),
            retired: Default::default(),
            bitcoin: vec![bitcoin_source],
            ethereum: vec![ethereum_source],
            destination: vec![destination(chains.destination_id(), chains.destination.url(), &target, relayer)],
        };
        config.check()?;
        std::fs::write(folder.join("spandrel.toml"), toml::to_string(&config)?)?;
        let (user, user_address) = source_wallet(&chains.ethereum, 1)?;
        Ok(Self { source, target, config, user, user_address, relayer_address })
    }
}

/// Writes a secret to a file that only this user reads.
fn write_secret(path: &Path, secret: &str) -> Result<()> {
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path)?;
    writeln!(file, "{secret}").with_context(|| format!("writing {}", path.display()))
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
    (verifiers, fast_signers): (Quorum, Quorum),
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
    let base = DeployConfig {
        verifiers,
        fast_signers,
        retention: 3600,
        rotation_delay: 3600,
        bitcoin: None,
        wrapped: Vec::new(),
        sources: Vec::new(),
        assets: Vec::new(),
        routes: Vec::new(),
        roles: Some(roles),
    };
    let (ethereum_id, destination_id) = (chains.ethereum_id(), chains.destination_id());
    let mut at_source = base.clone();
    at_source.assets = vec![LocalAsset { token: Address::ZERO, is_wrapped: false, minimum: 1_000 }];
    let mut at_target = base;
    at_target.bitcoin = Some(BitcoinChain { chain: bitcoin.chain(), asset: bitcoin.asset() });
    at_target.wrapped = vec![
        WrappedConfig { name: "Bridged Bitcoin".into(), symbol: "sBTC".into(), decimals: 8 },
        WrappedConfig { name: "Bridged Ether".into(), symbol: "sETH".into(), decimals: 18 },
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
    })
}

/// How `account` pays on the chain behind `rpc`.
pub fn destination(chain: ChainId, rpc: &str, at: &Deployment, account: KeyRef) -> Destination {
    Destination {
        chain,
        rpc: rpc.to_owned(),
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
