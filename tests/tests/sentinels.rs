//! What sentinels do on real chains while everything else goes on.

use std::sync::Arc;
use std::time::{Duration, Instant};

use alloy::eips::BlockNumberOrTag;
use alloy::primitives::{Address, B256, Bytes, U256};
use alloy::providers::{DynProvider, Provider, ProviderBuilder};
use anyhow::{Context, Result, ensure};
use spandrel::clock::unix_now;
use spandrel::config::KeyRef;
use spandrel::demo::bridge::{Bridge, wallet};
use spandrel::demo::chains::{Chains, RealNodes};
use spandrel::demo::deposit;
use spandrel::up::{self, Running};
use spandrel::wiring::unlock;
use spandrel_contracts::attest::{batch_digest, join_signatures, rotation_digest};
use spandrel_contracts::{
    CheckpointRegistry, FastLane, Inbox, PauseController, WrappedToken, lane, native_asset, proof, revert,
    solidity_deposit,
};
use spandrel_core::ledger::{Ledger, TransferFilter};
use spandrel_core::{Status, Transfer};
use spandrel_engine::Silent;
use spandrel_risk::{Lane, RiskEvent, Scope};
use spandrel_tests::PATIENCE;
use spandrel_verifiers::merkle::BatchTree;
use spandrel_verifiers::{Checkpoint, Deposit, LanePreference};
use tokio_util::sync::CancellationToken;

struct Stage {
    chains: Chains,
    bridge: Bridge,
    running: Running,
    stop: CancellationToken,
    _folder: tempfile::TempDir,
}

impl Stage {
    async fn set() -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let chains = Chains::start(&RealNodes::default()).await?;
        let bridge = Bridge::build(&chains, folder.path()).await?;
        let stop = CancellationToken::new();
        let running = up::start(bridge.config.clone(), Some(Arc::new(Silent)), stop.clone()).await?;
        Ok(Self { chains, bridge, running, stop, _folder: folder })
    }

    async fn clear(self) -> Result<()> {
        self.stop.cancel();
        self.running.finish().await
    }

    async fn ether(&self, recipient: Address, wei: u64) -> Result<()> {
        let wei = U256::from(wei);
        deposit::ethereum(&self.chains, &self.bridge, recipient, wei, LanePreference::Fast).await
    }

    /// The transfer to `recipient` once it is as wanted.
    async fn transfer(&self, recipient: Address, is_wanted: impl Fn(&Status) -> bool) -> Result<Transfer> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let transfers = self.running.store().transfers(&TransferFilter::default()).await?;
            let of_recipient = |transfer: &&Transfer| transfer.deposit.recipient == recipient.into_word();
            let found = transfers.iter().find(of_recipient);
            if let Some(transfer) = found.filter(|transfer| is_wanted(&transfer.status)) {
                return Ok(transfer.clone());
            }
            let state = found.map(|transfer| transfer.status.name());
            ensure!(Instant::now() < deadline, "the transfer to {recipient} is {state:?}");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    /// Pauses in the risk log: scope and reason.
    async fn pauses(&self) -> Result<Vec<(Scope, String)>> {
        let events = self.running.store().risk_events(0).await?;
        let pauses = events.into_iter().filter_map(|event| match event.body {
            RiskEvent::Paused { scope, reason, .. } => Some((scope, reason)),
            _ => None,
        });
        Ok(pauses.collect())
    }

    /// Waits until the destination itself refuses the fast lane.
    async fn fast_lane_paused_on_chain(&self, provider: &DynProvider) -> Result<()> {
        let pauses = PauseController::new(self.bridge.target.pauses, provider);
        let scope = pauses.laneScope(lane::FAST).call().await?;
        let deadline = Instant::now() + PATIENCE;
        while !pauses.isPaused(scope).call().await? {
            ensure!(Instant::now() < deadline, "the fast lane is not paused on the destination");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        Ok(())
    }

    /// Waits for a pause of `scope` and answers its reason.
    async fn reason(&self, scope: &Scope) -> Result<String> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let pauses = self.pauses().await?;
            if let Some((_, reason)) = pauses.iter().find(|(paused, _)| paused == scope) {
                return Ok(reason.clone());
            }
            ensure!(Instant::now() < deadline, "{scope} is not paused: {pauses:?}");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    /// A quorum of the fast lane's signers signs `digest`.
    fn quorum_signs(&self, digest: B256) -> Result<Bytes> {
        let config = &self.bridge.config;
        self.sign(digest, config.signer.iter().map(|role| &role.key).take(config.signer_set.threshold))
    }

    fn sign<'a>(&self, digest: B256, keys: impl Iterator<Item = &'a KeyRef>) -> Result<Bytes> {
        let mut signatures = Vec::new();
        for key in keys {
            let key = unlock(&self.bridge.config, key)?;
            signatures.push((key.address(), key.sign_digest(digest)?));
        }
        Ok(join_signatures(&signatures))
    }

    /// Whoever stole a quorum of the verifiers' keys registers `root` as block `height` of the source.
    async fn register(&self, height: u64, root: B256, thief: &DynProvider) -> Result<()> {
        let (config, registry) = (&self.bridge.config, self.bridge.target.registry);
        let (epoch, chain) = (config.verifier_set.epoch, self.chains.ethereum_id());
        let checkpoint = Checkpoint { chain, height, root, time: unix_now(), up_to: Checkpoint::ANY_AMOUNT };
        let digest = checkpoint.digest(self.chains.destination.chain_id(), registry, epoch);
        let keys = config.verifier.iter().map(|role| &role.key).take(config.verifier_set.threshold);
        let signatures = self.sign(digest, keys)?;
        let registry = CheckpointRegistry::new(registry, thief);
        let submit = registry.submit(
            checkpoint.chain.hash(),
            height,
            root,
            checkpoint.time,
            checkpoint.up_to,
            epoch,
            signatures,
        );
        ensure!(submit.send().await?.get_receipt().await?.status(), "registered");
        Ok(())
    }

    /// A deposit that nobody made.
    fn phantom(&self, recipient: Address) -> Result<Deposit> {
        let source_chain = self.chains.ethereum_id();
        Ok(Deposit {
            version: Deposit::VERSION,
            source_bridge: self.bridge.source.outbox.into_word(),
            source_key: B256::from(U256::from(999)),
            asset: native_asset(&source_chain)?,
            source_chain,
            amount: U256::from(1_000_000),
            destination_chain: self.chains.destination_id(),
            destination_bridge: self.bridge.target.inbox.into_word(),
            recipient: recipient.into_word(),
            sender: B256::repeat_byte(0xee),
            lane: LanePreference::Fast,
            expiry: unix_now() + 3600,
        })
    }

    /// A quorum of the fast lane's signers attests `deposit`, and it is claimed.
    async fn collude(&self, deposit: &Deposit, thief: &DynProvider) -> Result<()> {
        let (config, at) = (&self.bridge.config, &self.bridge.target);
        let tree = BatchTree::new(&[deposit.id()])?;
        let (root, expiry, epoch) = (tree.root(), unix_now() + 600, config.signer_set.epoch);
        let digest = batch_digest(self.chains.destination.chain_id(), at.fast_lane, root, 1, epoch, expiry);
        let attest = FastLane::new(at.fast_lane, thief);
        let attest = attest.attestBatch(root, 1, epoch, expiry, self.quorum_signs(digest)?);
        ensure!(attest.send().await?.get_receipt().await?.status(), "attested");
        let inbox = Inbox::new(at.inbox, thief);
        let claim = inbox.claim(lane::FAST, solidity_deposit(deposit), proof::fast(root, 0, &tree.path(0)));
        ensure!(claim.send().await?.get_receipt().await?.status(), "claimed");
        Ok(())
    }
}

/// Two signers out of three attest a deposit that nobody made. What they claimed is lost, within the caps; nothing more
/// leaves by the fast lane, and the rest goes on.
#[tokio::test(flavor = "multi_thread")]
async fn a_payout_that_no_deposit_stands_behind_pauses_the_fast_lane_before_the_next_is_sent() -> Result<()> {
    let stage = Stage::set().await?;
    let honest = Address::repeat_byte(0x51);
    stage.ether(honest, 2_000_000).await?;
    let paid = stage.transfer(honest, |status| matches!(status, Status::Settled { .. })).await?;
    ensure!(paid.payout.context("paid")?.lane == Lane::Fast, "the fast lane pays what was deposited");
    ensure!(stage.pauses().await?.is_empty(), "and nothing is paused for it: {:?}", stage.pauses().await?);

    let (thief, address) = wallet(&stage.chains.destination, 3)?;
    let phantom = stage.phantom(address)?;
    stage.collude(&phantom, &thief).await?;
    let token = WrappedToken::new(stage.bridge.target.wrapped[1], &thief);
    ensure!(token.balanceOf(address).call().await? == phantom.amount, "the thieves have it");
    let claimed = Instant::now();
    stage.fast_lane_paused_on_chain(&thief).await?;
    println!("paused on the destination {:.1} s after the claim", claimed.elapsed().as_secs_f64());

    let next = Address::repeat_byte(0x52);
    stage.ether(next, 3_000_000).await?;
    let transfer = stage.transfer(next, |status| matches!(status, Status::Final { .. })).await?;
    ensure!(transfer.payout.context("paid")?.lane == Lane::LightClient, "by its proof, not by the signers' word");
    let pauses = stage.pauses().await?;
    ensure!(pauses.len() == 1, "one finding, one pause: {pauses:?}");
    let (scope, reason) = &pauses[0];
    ensure!(*scope == Scope::Lane { lane: Lane::Fast, source: None }, "{scope}");
    ensure!(reason.starts_with(&format!("sentinel: payout_without_deposit {}: ", phantom.id())), "{reason}");
    stage.clear().await
}

/// A quorum of signers hands the fast lane over to others of their choice, and waits until that is in force.
#[tokio::test(flavor = "multi_thread")]
async fn a_set_that_signers_put_in_their_place_pauses_the_fast_lane() -> Result<()> {
    let stage = Stage::set().await?;
    let (anyone, _) = wallet(&stage.chains.destination, 3)?;
    let fast_lane = FastLane::new(stage.bridge.target.fast_lane, &anyone);
    let newest = anyone.get_block_by_number(BlockNumberOrTag::Latest).await?.context("a block")?;
    let valid_from = newest.header.timestamp + fast_lane.rotationDelay().call().await? + 60;
    let members: Vec<Address> = (1..=3).map(Address::repeat_byte).collect();
    let chain = stage.chains.destination.chain_id();
    let digest = rotation_digest(chain, *fast_lane.address(), &members, 2, 2, valid_from);
    let rotate = fast_lane.rotate(members, 2, valid_from, stage.quorum_signs(digest)?);
    ensure!(rotate.send().await?.get_receipt().await?.status(), "rotated");
    ensure!(stage.pauses().await?.is_empty(), "what is not in force yet pauses nothing");
    stage.chains.destination.set_next_block_time(valid_from + 1).await?;
    stage.chains.destination.mine(1).await?;
    let reason = stage.reason(&Scope::Lane { lane: Lane::Fast, source: None }).await?;
    ensure!(reason.starts_with("sentinel: signer_set_differs ") && reason.contains("nobody agreed"), "{reason}");
    stage.fast_lane_paused_on_chain(&anyone).await?;
    stage.clear().await
}

/// What was locked is not there any more, whoever took it.
#[tokio::test(flavor = "multi_thread")]
async fn a_vault_that_holds_less_than_is_outstanding_pauses_its_asset() -> Result<()> {
    let stage = Stage::set().await?;
    let honest = Address::repeat_byte(0x53);
    stage.ether(honest, 2_000_000).await?;
    stage.transfer(honest, |status| matches!(status, Status::Settled { .. })).await?;
    ensure!(stage.pauses().await?.is_empty(), "the vault holds it");
    let source = ProviderBuilder::new().connect_http(stage.chains.ethereum.execution_url().parse()?);
    let drained = (stage.bridge.source.vault, U256::from(1_999_999));
    let _: serde_json::Value = source.raw_request("anvil_setBalance".into(), drained).await?;
    let asset = native_asset(&stage.chains.ethereum_id())?;
    let reason = stage.reason(&Scope::Asset { asset }).await?;
    ensure!(reason.contains("the vault holds 1999999 of "), "{reason}");
    stage.clear().await
}

/// A quorum of stolen verifier keys signs a block that the source never had, to prove deposits in it that nobody made.
#[tokio::test(flavor = "multi_thread")]
async fn a_false_checkpoint_pauses_the_destination_before_anything_is_claimed_under_it() -> Result<()> {
    let stage = Stage::set().await?;
    let honest = Address::repeat_byte(0x54);
    stage.ether(honest, 2_000_000).await?;
    stage.transfer(honest, |status| matches!(status, Status::Settled { .. })).await?;
    ensure!(stage.pauses().await?.is_empty(), "true checkpoints pause nothing: {:?}", stage.pauses().await?);

    let (thief, address) = wallet(&stage.chains.destination, 3)?;
    stage.register(1, B256::repeat_byte(0x66), &thief).await?;
    let registered = Instant::now();
    let destination = stage.chains.destination_id();
    let reason = stage.reason(&Scope::Chain { chain: destination.clone() }).await?;
    ensure!(reason.starts_with("sentinel: checkpoint_foreign ") && reason.contains("0x6666"), "{reason}");
    let pauses = PauseController::new(stage.bridge.target.pauses, &thief);
    let scope = pauses.chainScope(destination.hash()).call().await?;
    let deadline = Instant::now() + PATIENCE;
    while !pauses.isPaused(scope).call().await? {
        ensure!(Instant::now() < deadline, "the destination has not paused");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    println!("paused on the destination {:.1} s after the checkpoint", registered.elapsed().as_secs_f64());
    let inbox = Inbox::new(stage.bridge.target.inbox, &thief);
    let phantom = Deposit { lane: LanePreference::LightClient, ..stage.phantom(address)? };
    let claim = inbox.claim(lane::ETHEREUM, solidity_deposit(&phantom), Bytes::new());
    let refused = claim.call().await.err().and_then(|error| error.as_revert_data()).context("a revert")?;
    ensure!(revert::decode(&refused).name == Some("ScopePaused"), "{}", revert::reason(&refused));
    stage.clear().await
}
