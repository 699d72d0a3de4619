//! A transfer that is held and not paid goes back to its depositor, by a guardian's word or by its expiry alone: on the real
//! chains of a whole bridge.

use std::sync::Arc;
use std::time::Duration;

use alloy::eips::BlockNumberOrTag;
use alloy::primitives::{Address, B256, Bytes, U256};
use alloy::providers::Provider;
use alloy::rlp::Decodable;
use anyhow::{Context, Result, bail, ensure};
use spandrel::clock::unix_now;
use spandrel::config::{Config, KeyRef};
use spandrel::{up, wiring};
use spandrel_contracts::{
    CheckpointRegistry, Inbox, Vault, WrappedToken, lane, nullifier_slot, proof, revert, solidity_deposit,
};
use spandrel_core::{Status, Transfer};
use spandrel_engine::{BlockRequest, Message};
use spandrel_risk::Reason;
use spandrel_risk::control::Act;
use spandrel_signer::signatures_blob;
use spandrel_tests::PATIENCE;
use spandrel_tests::both_ways::{BothWays, CAP, Side, transfer};
use spandrel_tests::guardians::{guard, order};
use spandrel_verifiers::{BlockEvidence, ChainId, Checkpoint, DepositId, LanePreference, SignedCheckpoint};
use spandrel_watchers::ethereum::Endpoint;
use spandrel_watchers::refund::{FinalBlocks, RefundView, RefundWatch};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

const RECIPIENT: Address = Address::repeat_byte(0xd1);
/// Wei: more than one transfer may be.
const AMOUNT: u64 = 2 * CAP;
/// Seconds: the vault wants ten minutes at least.
const LIFETIME: u64 = 900;
/// How far home's clock is behind: what is deposited for the vault's ten minutes is over for the bridge at once.
const BEHIND: Duration = Duration::from_secs(600);
/// Seconds that a deposit of home is longer good for: in them it is proven and held.
const HELD_FOR: u64 = 60;

/// Guardians for the bridge, one of whom has a key.
fn guarded(bridge: &BothWays) -> Result<(Config, KeyRef)> {
    let mut config = bridge.config.clone();
    let (key, address) = bridge.keys.create("ada")?;
    guard(&mut config, [(address, "ada"), (Address::repeat_byte(0xb0), "bo")])?;
    Ok((config, key))
}

/// Locks coins at home, good for `lifetime` seconds of its clock.
async fn lock(bridge: &BothWays, lifetime: u64) -> Result<()> {
    let BothWays { home, away, .. } = bridge;
    let vault = Vault::new(home.at.vault, &home.user);
    let (chain, inbox, expiry) = (away.id().hash(), away.at.inbox.into_word(), home.now().await? + lifetime);
    let (amount, lane) = (U256::from(AMOUNT), LanePreference::LightClient as u8);
    let call = vault.lock(home.coin, amount, chain, inbox, RECIPIENT.into_word(), lane, expiry);
    ensure!(call.value(amount).send().await?.get_receipt().await?.status(), "the deposit transaction failed");
    Ok(())
}

/// Stores a checkpoint on `side`.
async fn register(side: &Side, signed: &SignedCheckpoint) -> Result<()> {
    let SignedCheckpoint { checkpoint: Checkpoint { chain, height, root, time, up_to }, epoch, signatures } = signed;
    let registry = CheckpointRegistry::new(side.at.registry, side.anyone()?);
    let submit = registry.submit(chain.hash(), *height, *root, *time, *up_to, *epoch, signatures_blob(signatures));
    ensure!(submit.send().await?.get_receipt().await?.status(), "the checkpoint is stored");
    Ok(())
}

/// What away's state says of the nullifier now, under a checkpoint that the verifiers signed for home.
async fn absence(bridge: &BothWays, id: DepositId) -> Result<Bytes> {
    let BothWays { home, away, config, .. } = bridge;
    let block = away.user.get_block_by_number(BlockNumberOrTag::Latest).await?.context("a block")?.header;
    let checkpoint = Checkpoint {
        chain: away.id(),
        height: block.number,
        root: block.hash,
        time: block.timestamp,
        up_to: Checkpoint::ANY_AMOUNT,
    };
    let epoch = config.verifier_set.epoch;
    let digest = checkpoint.digest(home.chain.chain_id(), home.at.registry, epoch);
    let mut signed = Vec::new();
    for role in config.verifier.iter().take(config.verifier_set.threshold) {
        let key = wiring::unlock(config, &role.key)?;
        signed.push((key.address(), key.sign_digest(digest)?));
    }
    signed.sort_by_key(|(signer, _)| *signer);
    let signatures = signed.into_iter().map(|(_, signature)| signature).collect();
    register(home, &SignedCheckpoint { checkpoint, epoch, signatures }).await?;
    proof_at(away, id, block.number).await
}

/// What away's state says of the nullifier at `height`.
async fn proof_at(away: &Side, id: DepositId, height: u64) -> Result<Bytes> {
    let block = away.user.get_block_by_number(height.into()).await?.context("a block")?.header;
    let proof = away.user.get_proof(away.at.inbox, vec![nullifier_slot(id)]).number(height).await?;
    let slot = proof.storage_proof.first().context("a slot")?;
    Ok(proof::storage(&alloy::rlp::encode(&block.inner).into(), &proof.account_proof, &slot.proof)?)
}

/// Makes a block at `time`, if there is none yet that is as late.
async fn wait_until(side: &Side, time: u64) -> Result<()> {
    if side.now().await? < time {
        let _: serde_json::Value = side.user.raw_request("evm_mine".into(), (U256::from(time),)).await?;
    }
    ensure!(side.now().await? >= time, "the chain is at {time}");
    Ok(())
}

/// The name of the contract's error.
fn refused<T>(answer: Result<T, alloy::contract::Error>) -> Result<&'static str> {
    let Err(error) = answer else { bail!("it was not refused") };
    let data = error.as_revert_data().with_context(|| format!("no revert data: {error}"))?;
    revert::decode(&data).name.context("an error without a name")
}

/// The transfer once a guardian has dropped it, while it was held.
async fn dropped(bridge: &BothWays) -> Result<Transfer> {
    let (config, ada) = guarded(bridge)?;
    let stop = CancellationToken::new();
    let running = up::start(config.clone(), None, stop.clone()).await?;
    lock(bridge, LIFETIME).await?;
    let is_held = |status: &Status| matches!(status, Status::Held { reason: Reason::PerTransferCap { .. }, .. });
    let held = transfer(running.store(), RECIPIENT, is_held).await?;
    ensure!(held.checkpoint.is_some(), "what is held is proven");
    order(&config, &ada, Act::DropHeld { transfer: held.id }, "nobody knows the depositor").await?;
    let is_dropped = |status: &Status| matches!(status, Status::Rejected { reason: Reason::Dropped { .. } });
    let ended = transfer(running.store(), RECIPIENT, is_dropped).await?;
    ensure!(ended.status.is_terminal(), "{:?}", ended.status);
    stop.cancel();
    running.finish().await?;
    Ok(ended)
}

/// Takes a deposit back that is on both chains past its expiry: its depositor has it, once, and it is never paid.
async fn take_back(bridge: &BothWays, transfer: &Transfer) -> Result<()> {
    let (BothWays { home, away, user, .. }, deposit) = (bridge, &transfer.deposit);
    let late = deposit.expiry + 1;
    tokio::try_join!(wait_until(home, late), wait_until(away, late))?;
    let evidence = proof::encode(transfer.evidence.as_ref().context("evidence")?, deposit)?;
    let inbox = Inbox::new(away.at.inbox, away.anyone()?);
    let claim = inbox.claim(lane::ETHEREUM, solidity_deposit(deposit), evidence);
    ensure!(refused(claim.call().await)? == "DepositExpired", "a late payout");

    // The refund is anyone's to send, and the depositor's to have.
    let vault = Vault::new(home.at.vault, home.anyone()?);
    let absent = absence(bridge, transfer.id).await?;
    let refund = || vault.refund(solidity_deposit(deposit).into(), home.coin, absent.clone());
    let before = home.user.get_balance(*user).await?;
    ensure!(refund().send().await?.get_receipt().await?.status(), "refunded");
    ensure!(home.user.get_balance(*user).await? == before + U256::from(AMOUNT), "the depositor has it back");
    ensure!(refused(refund().call().await)? == "AlreadyRefunded", "twice");
    ensure!(refused(claim.call().await)? == "DepositExpired", "a payout after the refund");

    ensure!(vault.outstanding(home.coin, away.id().hash()).call().await?.is_zero(), "nothing is owed any more");
    ensure!(home.user.get_balance(home.at.vault).await?.is_zero(), "and nothing is kept");
    let paid = WrappedToken::new(away.coin, &away.user).balanceOf(RECIPIENT).call().await?;
    ensure!(paid.is_zero(), "{paid} was paid");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_held_transfer_that_a_guardian_drops_goes_back_to_its_depositor_once_and_is_never_paid() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let bridge = BothWays::build(folder.path()).await?;
    let transfer = dropped(&bridge).await?;
    let (BothWays { home, away, .. }, deposit) = (&bridge, &transfer.deposit);

    // The proof is as good as any until the deposit expires: what the relayer drops, it alone does not pay.
    register(away, transfer.checkpoint.as_ref().context("a checkpoint")?).await?;
    let evidence = proof::encode(transfer.evidence.as_ref().context("evidence")?, deposit)?;
    let inbox = Inbox::new(away.at.inbox, away.anyone()?);
    inbox.claim(lane::ETHEREUM, solidity_deposit(deposit), evidence).call().await.context("a claim in time")?;
    let early = absence(&bridge, transfer.id).await?;
    let refund = Vault::new(home.at.vault, home.anyone()?);
    let refund = refund.refund(solidity_deposit(deposit).into(), home.coin, early);
    ensure!(refused(refund.call().await)? == "NotExpired", "while it may still be paid");
    take_back(&bridge, &transfer).await
}

/// Nobody orders anything, and the bridge goes on running: what holds a transfer holds it no longer than its expiry.
#[tokio::test(flavor = "multi_thread")]
async fn a_held_transfer_expires_on_the_running_bridge_and_goes_back_to_its_depositor() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let bridge = BothWays::build_behind(folder.path(), BEHIND).await?;
    let stop = CancellationToken::new();
    let running = up::start(bridge.config.clone(), None, stop.clone()).await?;
    lock(&bridge, BEHIND.as_secs() + HELD_FOR).await?;
    let is_held = |status: &Status| matches!(status, Status::Held { reason: Reason::PerTransferCap { .. }, .. });
    let held = transfer(running.store(), RECIPIENT, is_held).await?;
    ensure!(held.checkpoint.is_some(), "what is held is proven");
    let is_expired = |status: &Status| matches!(status, Status::Rejected { reason: Reason::Expired { .. } });
    let expired = transfer(running.store(), RECIPIENT, is_expired).await?;
    ensure!(bridge.away.now().await? > expired.deposit.expiry, "it ended before its destination was past its expiry");
    ensure!(expired.status.is_terminal() && expired.payout.is_none(), "{:?}", expired.status);
    take_back(&bridge, &expired).await?;
    let after = transfer(running.store(), RECIPIENT, |_| true).await?;
    ensure!(after.status == expired.status, "{:?}", after.status);
    stop.cancel();
    running.finish().await
}

/// Nothing goes home, so that no payout brings a checkpoint there, and nobody registers one by hand.
#[tokio::test(flavor = "multi_thread")]
async fn what_expired_on_a_one_way_route_is_taken_back_under_a_checkpoint_that_the_relayer_brought_by_itself()
-> Result<()> {
    let folder = tempfile::tempdir()?;
    let bridge = BothWays::build_behind(folder.path(), BEHIND).await?.one_way()?;
    let BothWays { home, away, user, .. } = &bridge;
    let stop = CancellationToken::new();
    let running = up::start(bridge.config.clone(), None, stop.clone()).await?;
    lock(&bridge, BEHIND.as_secs() + HELD_FOR).await?;
    let is_expired = |status: &Status| matches!(status, Status::Rejected { reason: Reason::Expired { .. } });
    let transfer = transfer(running.store(), RECIPIENT, is_expired).await?;

    let (registry, chain) = (CheckpointRegistry::new(home.at.registry, home.anyone()?), away.id().hash());
    let deadline = Instant::now() + PATIENCE;
    let newest = loop {
        let newest = registry.latest(chain).call().await?;
        if newest.time > transfer.deposit.expiry {
            break newest;
        }
        ensure!(Instant::now() < deadline, "no checkpoint: {newest:?}");
        tokio::time::sleep(Duration::from_millis(200)).await;
    };
    let proof = proof_at(away, transfer.id, newest.height).await?;
    let vault = Vault::new(home.at.vault, home.anyone()?);
    let refund = vault.refund(solidity_deposit(&transfer.deposit).into(), home.coin, proof);
    let before = home.user.get_balance(*user).await?;
    ensure!(refund.send().await?.get_receipt().await?.status(), "refunded");
    ensure!(home.user.get_balance(*user).await? == before + U256::from(AMOUNT), "the depositor has it back");
    stop.cancel();
    running.finish().await?;

    // What the relayer goes by, and that it is the registry which the vault asks.
    let watch = |registry| {
        let node = Endpoint::parse("execution", home.chain.execution_url())?;
        RefundWatch::new(&home.id(), home.at.outbox, registry, node, PATIENCE)
    };
    let told = watch(home.at.registry)?;
    let known = told.newest(&away.id(), None).await?;
    ensure!(known.time == registry.latest(chain).call().await?.time && known.max_age > 0, "{known:?}");
    ensure!(told.newest(&ChainId::eip155(7), None).await?.max_age == 0, "a chain that is not accepted");
    ensure!(told.is_refunded(transfer.id).await? && !told.is_refunded(DepositId(B256::ZERO)).await?);
    let strange = watch(away.at.vault)?.newest(&away.id(), None).await.map_err(|error| error.to_string());
    ensure!(strange.as_ref().is_err_and(|error| error.contains("the vault's registry")), "{strange:?}");
    Ok(())
}

/// Asked by a relayer that lies about blocks of a real chain.
#[tokio::test(flavor = "multi_thread")]
async fn a_verifier_signs_no_block_but_a_final_one_of_the_chain_that_is_asked_for() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let bridge = BothWays::build(folder.path()).await?;
    let BothWays { home, away, config, .. } = &bridge;
    let (member, verifier) = wiring::verifier_role(config, &config.verifier[0])?;
    let source = config.ethereum.iter().find(|source| source.network.chain == away.id()).context("a source")?;
    let ask = async |chain: ChainId, registered_on: ChainId, evidence: &BlockEvidence| {
        let evidence = evidence.clone();
        verifier.answer_blocks(&[Arc::new(BlockRequest { chain, registered_on, evidence })], unix_now()).await
    };
    let (blocks, deadline) = (wiring::final_blocks(source)?, Instant::now() + PATIENCE);
    let (checkpoint, honest) = loop {
        match blocks.newest_final().await {
            Ok(newest) => break newest,
            Err(error) => ensure!(Instant::now() < deadline, "{error}"),
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    };
    let signed = ask(away.id(), home.id(), &honest).await;
    let [Message::Checkpoint(vote)] = &signed[..] else { bail!("not signed: {signed:?}") };
    ensure!(vote.checkpoint == checkpoint && checkpoint.chain == away.id(), "{vote:?}");
    let digest = checkpoint.digest(home.chain.chain_id(), home.at.registry, config.verifier_set.epoch);
    ensure!(vote.signature.recover_address_from_prehash(&digest)? == member, "for the registry beside the vault");

    let head = away.user.get_block_by_number(BlockNumberOrTag::Latest).await?.context("a block")?.header;
    ensure!(head.number > checkpoint.height, "the head is not final");
    let mut later = alloy::consensus::Header::decode(&mut &honest.header[..])?;
    later.timestamp += 600;
    let under = |header: &alloy::consensus::Header, finality: &Option<Bytes>| BlockEvidence {
        header: alloy::rlp::encode(header).into(),
        finality: finality.clone(),
    };
    // Both chains have the same committee here: what tells networks apart is in the verifiers' own tests.
    let lies = [under(&head.inner, &honest.finality), under(&later, &honest.finality), under(&later, &None)];
    for (lie, evidence) in lies.iter().enumerate() {
        let said = ask(away.id(), home.id(), evidence).await;
        ensure!(said.is_empty(), "lie {lie}: {said:?}");
    }
    let elsewhere = ChainId::eip155(7);
    for (chain, registered_on) in [(elsewhere.clone(), home.id()), (away.id(), elsewhere)] {
        let said = ask(chain, registered_on, &honest).await;
        ensure!(said.is_empty(), "a chain or a registry that is not the bridge's: {said:?}");
    }
    Ok(())
}
