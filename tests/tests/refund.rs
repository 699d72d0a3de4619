//! A transfer that is held and not paid goes back to its depositor, by a guardian's word or by its expiry alone: on the real
//! chains of a whole bridge.

use std::time::Duration;

use alloy::eips::BlockNumberOrTag;
use alloy::primitives::{Address, Bytes, U256};
use alloy::providers::Provider;
use anyhow::{Context, Result, bail, ensure};
use spandrel::config::{Config, KeyRef};
use spandrel::{up, wiring};
use spandrel_contracts::{
    CheckpointRegistry, Inbox, Vault, WrappedToken, lane, nullifier_slot, proof, revert, solidity_deposit,
};
use spandrel_core::{Status, Transfer};
use spandrel_risk::Reason;
use spandrel_risk::control::Act;
use spandrel_signer::signatures_blob;
use spandrel_tests::both_ways::{BothWays, CAP, Side, transfer};
use spandrel_tests::guardians::{guard, order};
use spandrel_verifiers::{Checkpoint, DepositId, LanePreference, SignedCheckpoint};
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
    let SignedCheckpoint { checkpoint: Checkpoint { chain, height, root, time }, epoch, signatures } = signed;
    let registry = CheckpointRegistry::new(side.at.registry, side.anyone()?);
    let submit = registry.submit(chain.hash(), *height, *root, *time, *epoch, signatures_blob(signatures));
    ensure!(submit.send().await?.get_receipt().await?.status(), "the checkpoint is stored");
    Ok(())
}

/// What away's state says of the nullifier now, under a checkpoint that the verifiers signed for home.
async fn absence(bridge: &BothWays, id: DepositId) -> Result<Bytes> {
    let BothWays { home, away, config, .. } = bridge;
    let block = away.user.get_block_by_number(BlockNumberOrTag::Latest).await?.context("a block")?.header;
    let checkpoint = Checkpoint { chain: away.id(), height: block.number, root: block.hash, time: block.timestamp };
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
    let proof = away.user.get_proof(away.at.inbox, vec![nullifier_slot(id)]).number(block.number).await?;
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
