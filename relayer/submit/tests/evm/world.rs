//! One chain with the bridge on it, three of five verifiers and fast-lane signers, and a submitter's account.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use alloy::network::EthereumWallet;
use alloy::providers::{DynProvider, Provider, ProviderBuilder};
use alloy::signers::local::PrivateKeySigner;
use alloy_primitives::{Address, B256, Bytes, U256, keccak256};
use serde_json::{Value, json};
use spandrel_contracts::deploy::{
    DeployConfig, Deployment, PaidAsset, Payout, Quorum, SourceConfig, WrappedConfig, deploy,
};
use spandrel_contracts::{AccessManager, Inbox, RiskGuard, WrappedToken, deposit_slot, lane, roles};
use spandrel_core::journal::Journal;
use spandrel_core::submission::{DueEffect, Submitter};
use spandrel_core::{BatchTerms, Effect, FastAttestation};
use spandrel_signer::LocalKey;
use spandrel_store::Sqlite;
use spandrel_submit::evm::{BatchLimits, Confirmation, Contracts, FeePolicy, Proofs};
use spandrel_submit::{EvmConfig, EvmDestination};
use spandrel_testnets::ethereum::{Anvil, AnvilOptions, EthereumTestnetError, Mining};
use spandrel_verifiers::attestation::{Collector, SignerSet};
use spandrel_verifiers::merkle::BatchTree;
use spandrel_verifiers::{
    AssetId, ChainId, Checkpoint, Deposit, DepositId, Evidence, LanePreference, SignedCheckpoint, ethereum,
};

pub use crate::answers::*;

pub const GWEI: u128 = 1_000_000_000;
pub const CHAIN: u64 = 31_338;
/// The source's outbox: any account of this same chain in whose storage the tests write.
pub const OUTBOX: Address = Address::repeat_byte(0x5e);
const SUBMITTER: B256 = B256::repeat_byte(0x51);

pub struct World {
    pub anvil: Anvil,
    pub at: Deployment,
    pub journal: Sqlite,
    /// Added to the wall clock.
    pub ahead: Arc<AtomicU64>,
    /// Signs for the account that deployed everything and holds every role.
    pub governor: DynProvider,
    deposits: AtomicU64,
}

pub fn source() -> ChainId {
    ChainId::eip155(1000)
}

pub fn asset() -> AssetId {
    AssetId::parse("eip155:1000/slip44:60").unwrap()
}

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

pub fn members(name: &str) -> Vec<LocalKey> {
    (0..5).map(|index| LocalKey::from_bytes(&keccak256(format!("{name} {index}")).0).unwrap()).collect()
}

pub fn set(name: &str) -> SignerSet {
    SignerSet::new(1, 3, members(name).iter().map(LocalKey::address).collect()).unwrap()
}

pub fn signed_by_three(name: &str, digest: B256) -> Vec<alloy_primitives::Signature> {
    let mut collector = Collector::new(digest, set(name));
    for key in members(name).iter().take(3) {
        collector.add(key.sign_digest(digest).unwrap()).unwrap();
    }
    collector.quorum().unwrap().into_iter().map(|(_, signature)| signature).collect()
}

pub fn wall_clock() -> u64 {
    std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs()
}

impl World {
    pub async fn start() -> Option<Self> {
        Self::with_limits(open_limits()).await
    }

    /// Limits are those of the fast lane; the light-client lane is open.
    pub async fn with_limits(limits: RiskGuard::Limits) -> Option<Self> {
        let options = AnvilOptions { chain_id: CHAIN, mining: Mining::OnTransaction, ..AnvilOptions::default() };
        let anvil = match Anvil::start(options).await {
            Ok(anvil) => anvil,
            Err(EthereumTestnetError::NotFound { .. }) => {
                println!("skipped: anvil not found");
                return None;
            }
            Err(error) => panic!("{error}"),
        };
        let governor = wallet(&anvil, anvil.signers()[0].clone());
        let quorum = |name| Quorum { members: set(name).members.into_iter().collect(), threshold: 3 };
        let config = DeployConfig {
            verifiers: quorum("verifier"),
            fast_signers: quorum("signer"),
            retention: 3600,
            rotation_delay: 3600,
            refund_hold: 0,
            bitcoin: None,
            wrapped: vec![WrappedConfig { name: "Wrapped Coin".into(), symbol: "wCOIN".into(), decimals: 18 }],
            sources: vec![SourceConfig {
                chain: source(),
                bridge: OUTBOX.into_word(),
                max_age: 86_400,
                time_slack: 0,
                assets: vec![PaidAsset {
                    asset: asset(),
                    payout: Payout::MintCreated(0),
                    limits: vec![(lane::FAST, limits), (lane::ETHEREUM, open_limits())],
                }],
            }],
            assets: vec![],
            routes: vec![],
            roles: None,
        };
        let at = deploy(&governor, anvil.signers()[0].address(), &config).await.unwrap();
        let rich = U256::from(10).pow(U256::from(21));
        anvil.set_balance(submitter_key().address(), rich).await.unwrap();
        anvil.set_balance(OUTBOX, rich).await.unwrap();
        let journal = Sqlite::memory().await.unwrap();
        Some(Self { anvil, at, journal, ahead: Arc::default(), governor, deposits: AtomicU64::new(0) })
    }

    /// Payments of 1,000 and more by the fast lane wait for ten minutes.
    pub async fn with_delays() -> Option<Self> {
        Self::with_limits(RiskGuard::Limits { bigFrom: 1_000, bigDelay: 600, ..open_limits() }).await
    }

    /// A payment that the fast lane has claimed and the chain delays.
    pub async fn delayed(&self, destination: &impl Submitter) -> (Deposit, Vec<DueEffect>) {
        let big = self.deposit(1_000);
        let due = self.fast(std::slice::from_ref(&big));
        destination.submit(&due, &Open).await.unwrap();
        destination.follow(&Open).await.unwrap();
        self.anvil.mine(1).await.unwrap();
        destination.follow(&Open).await.unwrap();
        (big, due)
    }

    pub fn config(&self) -> EvmConfig {
        EvmConfig {
            chain: ChainId::eip155(CHAIN),
            rpc_url: self.anvil.url().parse().unwrap(),
            witnesses: Vec::new(),
            timeout: Duration::from_secs(20),
            contracts: Contracts {
                inbox: self.at.inbox,
                pauses: self.at.pauses,
                proofs: Some(Proofs { fast_lane: self.at.fast_lane, registry: self.at.registry }),
            },
            confirmation: Confirmation::Depth(1),
            fees: FeePolicy { least_priority: GWEI, most_priority: 5 * GWEI, cap: 500 * GWEI, most_multiple: 4 },
            escalate_after: 30,
            batch: BatchLimits { items: 16, gas: 8_000_000 },
        }
    }

    pub fn clock(&self) -> Arc<dyn Fn() -> u64 + Send + Sync> {
        let ahead = self.ahead.clone();
        Arc::new(move || wall_clock() + ahead.load(Ordering::SeqCst))
    }

    pub async fn destination(&self) -> EvmDestination<Sqlite, LocalKey> {
        self.destination_on(self.journal.clone()).await
    }

    pub async fn destination_on<J: Journal>(&self, journal: J) -> EvmDestination<J, LocalKey> {
        self.destination_with(self.config(), journal).await
    }

    pub async fn destination_with<J: Journal>(&self, config: EvmConfig, journal: J) -> EvmDestination<J, LocalKey> {
        EvmDestination::connect(config, journal, submitter_key(), self.clock()).await.unwrap()
    }

    /// Blocks are made only by `anvil.mine` from now on.
    pub async fn stop_mining(&self) {
        self.anvil.rpc::<Value>("evm_setAutomine", json!([false])).await.unwrap();
    }

    pub fn pass(&self, seconds: u64) {
        self.ahead.fetch_add(seconds, Ordering::SeqCst);
    }

    /// A new deposit for its own recipient.
    pub fn deposit(&self, amount: u64) -> Deposit {
        let nonce = self.deposits.fetch_add(1, Ordering::SeqCst);
        let mut recipient = [0xaa; 20];
        recipient[12..].copy_from_slice(&nonce.to_be_bytes());
        Deposit {
            version: Deposit::VERSION,
            source_chain: source(),
            source_bridge: OUTBOX.into_word(),
            source_key: U256::from(nonce).into(),
            asset: asset(),
            amount: U256::from(amount),
            destination_chain: ChainId::eip155(CHAIN),
            destination_bridge: self.at.inbox.into_word(),
            recipient: Address::from(recipient).into_word(),
            sender: Address::repeat_byte(0xbb).into_word(),
            lane: LanePreference::Any,
            expiry: wall_clock() + 6 * 3600,
        }
    }

    /// Fast payouts of deposits attested together.
    pub fn fast(&self, deposits: &[Deposit]) -> Vec<DueEffect> {
        let ids: Vec<DepositId> = deposits.iter().map(Deposit::id).collect();
        let tree = BatchTree::new(&ids).unwrap();
        let expiry = wall_clock() + 3600;
        let batch = BatchTerms { root: tree.root(), count: ids.len() as u32, epoch: 1, expiry };
        let signatures = signed_by_three("signer", batch.digest(CHAIN, self.at.fast_lane));
        let attestation = |index: usize| FastAttestation {
            batch,
            signatures: signatures.clone(),
            index: index as u32,
            path: tree.path(index),
        };
        let effect = |(index, deposit): (usize, &Deposit)| {
            due(deposit, Effect::PayFast { deposit: deposit.clone(), attestation: attestation(index) })
        };
        deposits.iter().enumerate().map(effect).collect()
    }

    /// Writes deposits into the source's storage and proves each under one signed checkpoint.
    pub async fn prove(&self, deposits: &[Deposit]) -> Vec<(Evidence, SignedCheckpoint)> {
        for deposit in deposits {
            let slot = deposit_slot(U256::from_be_bytes(deposit.source_key.0));
            let set = json!([OUTBOX, slot, deposit.id().0]);
            self.anvil.rpc::<Value>("anvil_setStorageAt", set).await.unwrap();
        }
        self.anvil.mine(1).await.unwrap();
        let block = self.governor.get_block_by_number(Default::default()).await.unwrap().unwrap();
        let header = &block.header;
        let checkpoint = Checkpoint {
            chain: source(),
            height: header.number,
            root: header.hash,
            time: header.timestamp,
            up_to: Checkpoint::ANY_AMOUNT,
        };
        let digest = checkpoint.digest(CHAIN, self.at.registry, 1);
        let signed = SignedCheckpoint { checkpoint, epoch: 1, signatures: signed_by_three("verifier", digest) };
        let mut proven = Vec::new();
        for deposit in deposits {
            let slot = deposit_slot(U256::from_be_bytes(deposit.source_key.0));
            let proof = self.governor.get_proof(OUTBOX, vec![slot]).number(header.number).await.unwrap();
            let inclusion = ethereum::Inclusion {
                header: Bytes::from(alloy::rlp::encode(&header.inner)),
                account_proof: proof.account_proof,
                storage_proof: proof.storage_proof[0].proof.clone(),
                deposit: deposit.clone(),
            };
            let evidence = ethereum::DepositEvidence { finality: None, inclusion };
            proven.push((Evidence::Ethereum(Box::new(evidence)), signed.clone()));
        }
        proven
    }

    pub async fn proven(&self, deposits: &[Deposit]) -> Vec<DueEffect> {
        let proofs = self.prove(deposits).await;
        let effect = |(deposit, (evidence, checkpoint)): (&Deposit, (Evidence, SignedCheckpoint))| {
            due(deposit, Effect::PayProven { deposit: deposit.clone(), evidence, checkpoint })
        };
        deposits.iter().zip(proofs).map(effect).collect()
    }

    pub async fn settle(&self, deposits: &[Deposit]) -> Vec<DueEffect> {
        let proofs = self.prove(deposits).await;
        let effect = |(deposit, (evidence, checkpoint)): (&Deposit, (Evidence, SignedCheckpoint))| {
            due(deposit, Effect::Settle { deposit: deposit.clone(), evidence, checkpoint })
        };
        deposits.iter().zip(proofs).map(effect).collect()
    }

    pub fn inbox(&self) -> Inbox::InboxInstance<&DynProvider> {
        Inbox::new(self.at.inbox, &self.governor)
    }

    /// What the deposit's recipient has: their whole balance, for each deposit has its own recipient.
    pub async fn received(&self, deposit: &Deposit) -> u64 {
        self.until_quiet().await;
        let token = WrappedToken::new(self.at.wrapped[0], &self.governor);
        token.balanceOf(Address::from_word(deposit.recipient)).call().await.unwrap().to()
    }

    /// How many transactions of the submitter are in blocks.
    pub async fn mined(&self) -> u64 {
        self.until_quiet().await;
        self.governor.get_transaction_count(submitter_key().address()).await.unwrap()
    }

    /// Waits until what the node has answered for is in a block: it mines after it has answered. What pays less than blocks
    /// ask for stays where it is, so a second is waited and no more.
    pub async fn until_quiet(&self) {
        let count = || self.governor.get_transaction_count(submitter_key().address());
        let quiet = async {
            while count().pending().await.unwrap() > count().await.unwrap() {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(1), quiet).await.ok();
    }

    pub async fn make_guardian(&self, account: Address) {
        let manager = AccessManager::new(self.at.manager, &self.governor);
        manager.grantRole(roles::GUARDIAN, account, 0).send().await.unwrap().get_receipt().await.unwrap();
    }
}

pub fn submitter_key() -> LocalKey {
    LocalKey::from_bytes(&SUBMITTER.0).unwrap()
}

/// The submitter's key in other hands.
pub fn stranger(world: &World) -> DynProvider {
    wallet(&world.anvil, PrivateKeySigner::from_bytes(&SUBMITTER).unwrap())
}

pub fn wallet(anvil: &Anvil, signer: PrivateKeySigner) -> DynProvider {
    let provider =
        ProviderBuilder::new().wallet(EthereumWallet::from(signer)).connect_http(anvil.url().parse().unwrap()).erased();
    provider.client().set_poll_interval(Duration::from_millis(5));
    provider
}
