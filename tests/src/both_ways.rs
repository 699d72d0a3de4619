//! A bridge that pays both ways: two EVM chains with their consensus, the same contracts on each, and the configuration of
//! one process with every role. What is locked at home is minted away, and what is burnt away is released at home: home's
//! coin, and an ERC-20 of home.

use std::path::Path;
use std::time::{Duration, Instant};

use alloy::eips::BlockNumberOrTag;
use alloy::primitives::{Address, U256};
use alloy::providers::{DynProvider, Provider};
use anyhow::{Context, Result, ensure};
use spandrel::config::{AssetConfig, Config};
use spandrel::demo::bridge::{destination, ethereum_source, source_wallet};
use spandrel::demo::keys::KeyRing;
use spandrel::demo::members::{Ends, Members};
use spandrel_api::Denomination;
use spandrel_contracts::deploy::{
    DeployConfig, Deployment, LocalAsset, PaidAsset, Payout, SourceConfig, WrappedConfig, deploy,
};
use spandrel_contracts::{RiskGuard, TestToken, erc20_asset, lane, native_asset};
use spandrel_core::ledger::{Ledger, TransferFilter};
use spandrel_core::{Status, Transfer};
use spandrel_risk::{Corridor, Lane, Limit, LimitTable, Limits, WideLimits};
use spandrel_store::Sqlite;
use spandrel_testnets::ethereum::SourceChain;
use spandrel_verifiers::{AssetId, ChainId};

use crate::PATIENCE;

/// Most base units of one transfer; more is held.
pub const CAP: u64 = 1_000_000;
/// Base units of the token that the user has in the beginning.
pub const FUNDS: u64 = 10 * CAP;

/// One chain, and the bridge's contracts on it.
pub struct Side {
    /// The chain.
    pub chain: SourceChain,
    /// The contracts.
    pub at: Deployment,
    /// Home's coin, or what stands for it: its contract here, zero for the coin itself.
    pub coin: Address,
    /// Home's token, or what stands for it.
    pub token: Address,
    /// A user's account with coins for gas, the same on both chains.
    pub user: DynProvider,
}

/// Both sides, and the process between them.
pub struct BothWays {
    /// Where coin and token are at home.
    pub home: Side,
    /// Where they are wrapped.
    pub away: Side,
    /// The user's address.
    pub user: Address,
    /// The keystore behind the configuration.
    pub keys: KeyRing,
    /// The process's configuration.
    pub config: Config,
}

impl Side {
    /// CAIP-2.
    pub fn id(&self) -> ChainId {
        ChainId::eip155(self.chain.chain_id())
    }

    /// CAIP-19 of an ERC-20 here, or of the coin.
    pub fn asset(&self, token: Address) -> Result<AssetId> {
        let id = self.id();
        Ok(if token.is_zero() { native_asset(&id)? } else { erc20_asset(&id, token)? })
    }

    /// A funded account that the bridge does not know.
    pub fn anyone(&self) -> Result<DynProvider> {
        Ok(source_wallet(&self.chain, 7)?.0)
    }

    /// Time of the newest block, Unix seconds.
    pub async fn now(&self) -> Result<u64> {
        let newest = self.user.get_block_by_number(BlockNumberOrTag::Latest).await?.context("a block")?;
        Ok(newest.header.timestamp)
    }
}

impl BothWays {
    /// Starts both chains, deploys on both, and makes keys and a ledger's place in `folder`.
    pub async fn build(folder: &Path) -> Result<Self> {
        Self::build_behind(folder, Duration::ZERO).await
    }

    /// The same with home's clock so far behind the system's.
    pub async fn build_behind(folder: &Path, behind: Duration) -> Result<Self> {
        let (home, away) = tokio::try_join!(SourceChain::behind(31337, behind), SourceChain::start(31338, None))?;
        let keys = KeyRing::make(folder)?;
        let members = Members::make(&keys)?;
        let (user_at_home, user) = source_wallet(&home, 1)?;
        let (user_away, _) = source_wallet(&away, 1)?;
        let (deployer_at_home, deployer) = source_wallet(&home, 0)?;
        let (deployer_away, _) = source_wallet(&away, 0)?;

        let token = *TestToken::deploy(&deployer_at_home, "Token".into(), "TKN".into(), 6).await?.address();
        let minted = TestToken::new(token, &user_at_home).mint(user, U256::from(FUNDS)).send().await?;
        ensure!(minted.get_receipt().await?.status(), "the user has tokens");
        let (at_home, at_away) = contracts(&home, &away, token, deployer, members.contracts())?;
        let (home_at, away_at) = tokio::try_join!(
            deploy(&deployer_at_home, deployer, &at_home),
            deploy(&deployer_away, deployer, &at_away)
        )?;
        let [coin_away, token_away] = away_at.wrapped[..] else { anyhow::bail!("{:?}", away_at.wrapped) };
        let home = Side { chain: home, at: home_at, coin: Address::ZERO, token, user: user_at_home };
        let away = Side { chain: away, at: away_at, coin: coin_away, token: token_away, user: user_away };
        let config = members.process(folder, &keys, ends(&home, &away, &keys).await?)?;
        Ok(Self { home, away, user, keys, config })
    }

    /// One way only: nothing goes home, and no checkpoint comes there with a payout.
    pub fn one_way(mut self) -> Result<Self> {
        let (config, from) = (&mut self.config, self.home.id());
        config.limit.limits.retain(|corridor, _| corridor.source == from);
        config.asset.retain(|row| config.limit.limits.keys().any(|corridor| corridor.asset == row.id));
        config.wide = WideLimits::unlimited(config.limit.limits.keys());
        config.check()?;
        Ok(self)
    }
}

/// The transfer to `recipient` once it is as wanted.
pub async fn transfer(store: &Sqlite, recipient: Address, is_wanted: impl Fn(&Status) -> bool) -> Result<Transfer> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let transfers = store.transfers(&TransferFilter::default()).await?;
        let of_recipient = |transfer: &&Transfer| transfer.deposit.recipient == recipient.into_word();
        let found = transfers.iter().find(of_recipient);
        if let Some(transfer) = found.filter(|transfer| is_wanted(&transfer.status)) {
            return Ok(transfer.clone());
        }
        let state = found.map(|transfer| &transfer.status);
        ensure!(Instant::now() < deadline, "the transfer to {recipient} is {state:?}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// What is decided on both chains. The deployer keeps its rights: nobody governs here.
fn contracts(
    home: &SourceChain,
    away: &SourceChain,
    token: Address,
    deployer: Address,
    known: DeployConfig,
) -> Result<(DeployConfig, DeployConfig)> {
    let [home, away] = [home, away].map(|chain| ChainId::eip155(chain.chain_id()));
    let wrapped = |name: &str, decimals| WrappedConfig { name: name.into(), symbol: name.into(), decimals };
    let assets = [Address::ZERO, token].map(|token| LocalAsset { token, is_wrapped: false, minimum: 1_000 });
    let mut at_home = DeployConfig { assets: assets.into(), ..known };
    let mut at_away = DeployConfig { wrapped: vec![wrapped("wCOIN", 18), wrapped("wTKN", 6)], ..at_home.clone() };
    // At home the token was deployed first.
    let home_at = Deployment::predict(deployer, 1, &at_home);
    let away_at = Deployment::predict(deployer, 0, &at_away);
    at_away.assets =
        away_at.wrapped.iter().map(|token| LocalAsset { token: *token, is_wrapped: true, minimum: 1 }).collect();
    at_home.routes = vec![(away.clone(), away_at.inbox.into_word())];
    at_away.routes = vec![(home.clone(), home_at.inbox.into_word())];
    let [coin_away, token_away] = away_at.wrapped[..] else { anyhow::bail!("{:?}", away_at.wrapped) };
    let released = [(coin_away, Address::ZERO), (token_away, token)];
    let released = released.map(|(wrapped, token)| anyhow::Ok((erc20_asset(&away, wrapped)?, Payout::Release(token))));
    let minted = [(native_asset(&home)?, Payout::MintCreated(0)), (erc20_asset(&home, token)?, Payout::MintCreated(1))];
    at_home.sources = vec![accepted(away, away_at.outbox, released.into_iter().collect::<Result<_>>()?)];
    at_away.sources = vec![accepted(home, home_at.outbox, minted.into())];
    Ok((at_home, at_away))
}

/// A source whose deposits the contracts pay without limits of their own: what stops one here is the process.
fn accepted(chain: ChainId, outbox: Address, assets: Vec<(AssetId, Payout)>) -> SourceConfig {
    let open = RiskGuard::Limits {
        perTransfer: u128::MAX,
        perWindow: u128::MAX,
        exposureCap: u128::MAX,
        bigFrom: u128::MAX,
        bigDelay: 0,
        settleWithin: 1_800,
    };
    let paid = |(asset, payout): (AssetId, Payout)| PaidAsset {
        asset,
        payout,
        limits: vec![(lane::FAST, open.clone()), (lane::ETHEREUM, open.clone())],
    };
    let assets = assets.into_iter().map(paid).collect();
    SourceConfig { chain, bridge: outbox.into_word(), max_age: 7 * 24 * 3_600, time_slack: 0, assets }
}

/// What the process stands between; it pays from new accounts with coins.
async fn ends(home: &Side, away: &Side, keys: &KeyRing) -> Result<Ends> {
    let mut paid_on = Vec::new();
    for (name, side) in [("home", home), ("away", away)] {
        let (account, address) = keys.create(&format!("relayer-{name}"))?;
        let funds = (address, U256::from(10).pow(U256::from(20)));
        let _: serde_json::Value = side.user.raw_request("anvil_setBalance".into(), funds).await?;
        paid_on.push(destination(side.id(), side.chain.execution_url(), &side.at, account));
    }
    Ok(Ends {
        bitcoin: Vec::new(),
        ethereum: vec![ethereum_source(&home.chain, &home.at).await?, ethereum_source(&away.chain, &away.at).await?],
        destination: paid_on,
        limit: limits(home, away)?,
        asset: denominated(home, away)?,
    })
}

/// How amounts are written: as the tokens are deployed.
fn denominated(home: &Side, away: &Side) -> Result<Vec<AssetConfig>> {
    let mut rows = Vec::new();
    let ways = [(home, away, [("ETH", "wCOIN"), ("TKN", "wTKN")]), (away, home, [("wCOIN", "ETH"), ("wTKN", "TKN")])];
    for (from, to, symbols) in ways {
        for (token, decimals, (own, paid)) in [(from.coin, 18, symbols[0]), (from.token, 6, symbols[1])] {
            let paid_as = [(to.id(), Denomination::new(paid, decimals)?)].into();
            rows.push(AssetConfig { id: from.asset(token)?, own: Denomination::new(own, decimals)?, paid_as });
        }
    }
    Ok(rows)
}

fn limits(home: &Side, away: &Side) -> Result<LimitTable> {
    let times = |factor: u64| Limit::Amount(U256::from(CAP * factor));
    let mut table = LimitTable::default();
    for (from, to) in [(home, away), (away, home)] {
        for token in [from.coin, from.token] {
            for lane in [Lane::Fast, Lane::LightClient] {
                let limits = Limits {
                    per_transfer: times(1),
                    window: times(10),
                    exposure_cap: times(4),
                    large_from: Limit::Unlimited,
                    large_delay: 0,
                    dust: U256::from(1_000),
                };
                let corridor = Corridor { source: from.id(), destination: to.id(), asset: from.asset(token)?, lane };
                table.limits.insert(corridor, limits);
            }
        }
    }
    Ok(table)
}
