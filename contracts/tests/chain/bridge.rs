//! Two chains with the bridge on both, three verifiers (two must sign) and five fast-lane signers (three must sign).

use alloy::network::Ethereum;
use alloy::primitives::{Address, B256, Bytes, U256};
use alloy::providers::DynProvider;
use alloy::rpc::types::TransactionReceipt;
use alloy::signers::SignerSync;
use alloy::signers::local::PrivateKeySigner;
use spandrel_contracts::deploy::{
    BitcoinChain, DeployConfig, Deployment, LocalAsset, PaidAsset, Payout, Quorum, SourceConfig, WrappedConfig, deploy,
};
use spandrel_contracts::{
    CheckpointRegistry, FastLane, Inbox, Outbox, RiskGuard, Vault, attest, lane, native_asset, revert,
};
use spandrel_verifiers::merkle::BatchTree;
use spandrel_verifiers::{Checkpoint, Deposit};

use crate::anvil::{Chain, key};
use crate::bitcoin_block;

/// One side: the chain and the contracts on it.
pub struct Side {
    pub chain: Chain,
    pub at: Deployment,
}

/// Limits that stop nothing.
pub fn open_limits() -> RiskGuard::Limits {
    RiskGuard::Limits {
        perTransfer: u128::MAX,
        perWindow: u128::MAX,
        exposureCap: u128::MAX,
        bigFrom: u128::MAX,
        bigDelay: 0,
        settleWithin: 3600,
    }
}

/// Seconds for which a checkpoint stands before it refunds.
pub const HOLD: u64 = 3600;

/// Names of the signer sets, their sizes and thresholds.
const VERIFIERS: (&str, usize, u16) = ("verifier", 3, 2);
const FAST_SIGNERS: (&str, usize, u16) = ("signer", 5, 3);

/// The signers of a set, by ascending address.
fn members((name, size, _): (&str, usize, u16)) -> Vec<PrivateKeySigner> {
    let mut members: Vec<_> = (0..size).map(|index| key(&format!("{name} {index}"))).collect();
    members.sort_by_key(PrivateKeySigner::address);
    members
}

fn quorum(set: (&str, usize, u16)) -> Quorum {
    Quorum { members: members(set).iter().map(PrivateKeySigner::address).collect(), threshold: set.2 }
}

/// Signatures of as many of a set as its threshold asks for.
fn sign(set: (&str, usize, u16), digest: B256) -> Bytes {
    let signed = members(set).into_iter().take(set.2.into());
    let signatures: Vec<_> = signed.map(|signer| (signer.address(), signer.sign_hash_sync(&digest).unwrap())).collect();
    attest::join_signatures(&signatures)
}

/// A configuration with nothing to pay.
pub fn empty_config() -> DeployConfig {
    DeployConfig {
        verifiers: quorum(VERIFIERS),
        fast_signers: quorum(FAST_SIGNERS),
        retention: 3600,
        rotation_delay: 3600,
        refund_hold: HOLD,
        bitcoin: None,
        wrapped: vec![],
        sources: vec![],
        assets: vec![],
        routes: vec![],
        roles: None,
    }
}

/// A home chain whose native coin can be deposited, and a chain where a wrapped token stands for it. Both know each other.
pub async fn pair() -> Option<(Side, Side)> {
    let home = Chain::start(31337).await?;
    let away = Chain::start(31338).await?;
    let coin = native_asset(&home.id()).unwrap();
    let mut home_config = empty_config();
    let wrapped = |name: &str, decimals| WrappedConfig { name: name.into(), symbol: name.into(), decimals };
    let mut away_config = DeployConfig {
        wrapped: vec![wrapped("wCOIN", 18), wrapped("wBTC", 8)],
        bitcoin: Some(BitcoinChain { chain: bitcoin_block::chain(), asset: bitcoin_block::satoshis() }),
        ..empty_config()
    };
    let home_at = Deployment::predict(home.deployer, 0, &home_config);
    let away_at = Deployment::predict(away.deployer, 0, &away_config);
    let coin_there = away_at.wrapped[0];
    let limits = vec![(lane::FAST, open_limits()), (lane::ETHEREUM, open_limits())];

    home_config.assets = vec![LocalAsset { token: Address::ZERO, is_wrapped: false, minimum: 1000 }];
    home_config.routes = vec![(away.id(), away_at.inbox.into_word())];
    home_config.sources = vec![SourceConfig {
        chain: away.id(),
        bridge: away_at.outbox.into_word(),
        max_age: 86_400 * 30,
        time_slack: 0,
        assets: vec![PaidAsset {
            asset: spandrel_contracts::erc20_asset(&away.id(), coin_there).unwrap(),
            payout: Payout::Release(Address::ZERO),
            limits: limits.clone(),
        }],
    }];
    away_config.assets = vec![LocalAsset { token: coin_there, is_wrapped: true, minimum: 1 }];
    away_config.routes = vec![(home.id(), home_at.inbox.into_word())];
    away_config.sources = vec![SourceConfig {
        chain: home.id(),
        bridge: home_at.outbox.into_word(),
        max_age: 86_400,
        time_slack: 0,
        assets: vec![PaidAsset { asset: coin, payout: Payout::MintCreated(0), limits }],
    }];
    away_config.sources.push(SourceConfig {
        chain: bitcoin_block::chain(),
        bridge: bitcoin_block::x_only("vault"),
        max_age: 86_400,
        time_slack: 7200,
        assets: vec![PaidAsset {
            asset: bitcoin_block::satoshis(),
            payout: Payout::MintCreated(1),
            limits: vec![(lane::BITCOIN, open_limits()), (lane::FAST, open_limits())],
        }],
    });
    let deployed = deploy(&home.provider, home.deployer, &home_config).await.unwrap();
    assert_eq!(deployed, home_at);
    assert_eq!(deploy(&away.provider, away.deployer, &away_config).await.unwrap(), away_at);
    Some((Side { chain: home, at: home_at }, Side { chain: away, at: away_at }))
}

impl Side {
    pub fn provider(&self) -> &DynProvider {
        &self.chain.provider
    }

    pub fn inbox(&self) -> Inbox::InboxInstance<&DynProvider, Ethereum> {
        Inbox::new(self.at.inbox, &self.chain.provider)
    }

    /// Deposits `amount` of `token` for `recipient` on `to`, and returns the deposit under its names.
    pub async fn lock(&self, token: Address, amount: u64, to: &Side, recipient: Address, lane: u8) -> Deposit {
        let (deposit, _) = self.lock_with_receipt(token, amount, to, recipient, lane).await;
        deposit
    }

    pub async fn lock_with_receipt(
        &self,
        token: Address,
        amount: u64,
        to: &Side,
        recipient: Address,
        lane: u8,
    ) -> (Deposit, TransactionReceipt) {
        let vault = Vault::new(self.at.vault, self.provider());
        let value = if token.is_zero() { U256::from(amount) } else { U256::ZERO };
        let expiry = self.chain.now().await + 6 * 3600;
        let (chain, inbox) = (to.chain.id().hash(), to.at.inbox.into_word());
        let call = vault.lock(token, U256::from(amount), chain, inbox, recipient.into_word(), lane, expiry);
        let receipt = call.value(value).send().await.unwrap().get_receipt().await.unwrap();
        assert!(receipt.status());
        let event = receipt.decoded_log::<Outbox::Deposited>().unwrap();
        let asset = match token.is_zero() {
            true => native_asset(&self.chain.id()).unwrap(),
            false => spandrel_contracts::erc20_asset(&self.chain.id(), token).unwrap(),
        };
        let deposit = event.deposit.named(&self.chain.id(), &to.chain.id(), &asset).unwrap();
        assert_eq!(deposit.id().0, event.id);
        assert_eq!(U256::from_be_bytes(deposit.source_key.0), event.nonce);
        (deposit, receipt)
    }

    /// Attests a batch of these deposits, by three signers, for an hour.
    pub async fn attest(&self, deposits: &[&Deposit]) -> (BatchTree, TransactionReceipt) {
        let ids: Vec<_> = deposits.iter().map(|deposit| deposit.id()).collect();
        let tree = BatchTree::new(&ids).unwrap();
        let (root, count) = (tree.root(), ids.len() as u32);
        let expiry = self.chain.now().await + 3600;
        let digest = attest::batch_digest(self.chain.number, self.at.fast_lane, root, count, 1, expiry);
        let fast = FastLane::new(self.at.fast_lane, self.provider());
        let call = fast.attestBatch(root, count, 1, expiry, sign(FAST_SIGNERS, digest));
        (tree, call.send().await.unwrap().get_receipt().await.unwrap())
    }

    /// Submits a checkpoint that two verifiers signed.
    pub async fn submit(&self, checkpoint: &Checkpoint) -> TransactionReceipt {
        let digest = checkpoint.digest(self.chain.number, self.at.registry, 1);
        let registry = CheckpointRegistry::new(self.at.registry, self.provider());
        let Checkpoint { chain, height, root, time, up_to } = checkpoint;
        let call = registry.submit(chain.hash(), *height, *root, *time, *up_to, 1, sign(VERIFIERS, digest));
        call.send().await.unwrap().get_receipt().await.unwrap()
    }
}

/// Name of the Solidity error a call reverts with.
pub fn error_name<T>(result: Result<T, alloy::contract::Error>) -> String {
    let Err(error) = result else { panic!("the call should have reverted") };
    let data = error.as_revert_data().unwrap_or_else(|| panic!("no revert data: {error}"));
    let revert = revert::decode(&data);
    revert.name.unwrap_or_else(|| panic!("unnamed revert: {}", revert.text)).to_owned()
}
