//! A deposit's way from one chain to the other and back, by every lane that an EVM source has.

use alloy::primitives::{Address, Bytes, U256};
use alloy::providers::Provider;
use spandrel_contracts::{
    Inbox, Outbox, RiskGuard, Vault, WrappedToken, deposit_slot, lane, nullifier_slot, proof, solidity_deposit,
};
use spandrel_verifiers::{Deposit, Evidence, LanePreference};

use crate::anvil::SlotProof;
use crate::bitcoin_block;
use crate::bridge::{HOLD, Side, error_name, pair};

const ANYONE: Address = Address::repeat_byte(0xaa);

async fn prove_deposit(from: &Side, deposit: &Deposit) -> SlotProof {
    from.chain.prove(from.at.outbox, deposit_slot(U256::from_be_bytes(deposit.source_key.0))).await
}

fn storage(proven: &SlotProof) -> Bytes {
    proof::storage(&proven.header, &proven.account_proof, &proven.storage_proof).unwrap()
}

#[tokio::test]
async fn a_deposit_has_the_same_id_in_rust_and_solidity_and_crosses_by_storage_proof() {
    let Some((home, away)) = pair().await else { return };
    home.lock(Address::ZERO, 5000, &away, ANYONE, 0).await;
    let deposit = home.lock(Address::ZERO, 7000, &away, ANYONE, 2).await;
    let outbox = Outbox::new(home.at.outbox, home.provider());
    assert_eq!(outbox.deposits(U256::ONE).call().await.unwrap(), deposit.id().0);

    let proven = prove_deposit(&home, &deposit).await;
    assert!(away.submit(&proven.checkpoint).await.status());
    let inbox = away.inbox();
    let terms = solidity_deposit(&deposit);
    let claim = inbox.claim(lane::ETHEREUM, terms.clone(), storage(&proven));
    let receipt = claim.send().await.unwrap().get_receipt().await.unwrap();
    assert!(receipt.status());
    let token = WrappedToken::new(away.at.wrapped[0], away.provider());
    assert_eq!(token.balanceOf(ANYONE).call().await.unwrap(), U256::from(7000));
    assert_eq!(inbox.nullifiers(deposit.id().0).call().await.unwrap(), lane::ETHEREUM);
    let again = inbox.claim(lane::ETHEREUM, terms, storage(&proven)).call().await;
    assert_eq!(error_name(again), "AlreadyClaimed");
}

#[tokio::test]
async fn a_fast_payout_is_exposure_until_its_proof_settles_it() {
    let Some((home, away)) = pair().await else { return };
    let first = home.lock(Address::ZERO, 5000, &away, ANYONE, 0).await;
    let second = home.lock(Address::ZERO, 6000, &away, ANYONE, 1).await;
    let cautious = home.lock(Address::ZERO, 7000, &away, ANYONE, 2).await;
    let (tree, _) = away.attest(&[&first, &second, &cautious]).await;
    let item = |index: usize, deposit: &Deposit| Inbox::ClaimItem {
        lane: lane::FAST,
        deposit: solidity_deposit(deposit),
        proof: proof::fast(tree.root(), index as u32, &tree.path(index)),
    };
    let inbox = away.inbox();
    let items = vec![item(0, &first), item(2, &cautious), item(1, &second)];
    let refused = inbox.claimBatch(items.clone()).call().await;
    let data = refused.err().unwrap().as_revert_data().unwrap();
    assert_eq!(spandrel_contracts::revert::decode(&data).item, Some(1));
    let batch = inbox.claimEach(items);
    let failures = batch.call().await.unwrap();
    assert_eq!((failures[0].len(), failures[2].len()), (0, 0));
    let revert = spandrel_contracts::revert::decode(&failures[1]);
    assert_eq!((revert.item, revert.name), (Some(1), Some("LaneNotAllowed")));
    assert!(batch.send().await.unwrap().get_receipt().await.unwrap().status());
    let guard = RiskGuard::new(away.at.guard, away.provider());
    let owed = || guard.exposureOf(first.asset.hash(), first.source_chain.hash());
    assert_eq!(owed().call().await.unwrap(), U256::from(11_000));

    let proven = prove_deposit(&home, &first).await;
    away.submit(&proven.checkpoint).await;
    let settle = inbox.settle(solidity_deposit(&first), lane::ETHEREUM, storage(&proven));
    assert!(settle.send().await.unwrap().get_receipt().await.unwrap().status());
    assert_eq!(owed().call().await.unwrap(), U256::from(6000));
    let twice = inbox.settle(solidity_deposit(&first), lane::ETHEREUM, storage(&proven)).call().await;
    assert_eq!(error_name(twice), "NothingOwed");
}

#[tokio::test]
async fn what_came_over_goes_back_and_is_released_once() {
    let Some((home, away)) = pair().await else { return };
    let wrapped = away.at.wrapped[0];
    let there = home.lock(Address::ZERO, 9000, &away, away.chain.deployer, 0).await;
    let proven = prove_deposit(&home, &there).await;
    away.submit(&proven.checkpoint).await;
    let claim = away.inbox().claim(lane::ETHEREUM, solidity_deposit(&there), storage(&proven)).send().await.unwrap();
    claim.get_receipt().await.unwrap();

    let back = away.lock(wrapped, 4000, &home, ANYONE, 0).await;
    let proven = prove_deposit(&away, &back).await;
    home.submit(&proven.checkpoint).await;
    let claim = home.inbox().claim(lane::ETHEREUM, solidity_deposit(&back), storage(&proven)).send().await.unwrap();
    claim.get_receipt().await.unwrap();
    assert_eq!(home.provider().get_balance(ANYONE).await.unwrap(), U256::from(4000));
    let vault = Vault::new(home.at.vault, home.provider());
    let outstanding = vault.outstanding(Address::ZERO, away.chain.id().hash()).call().await.unwrap();
    assert_eq!(outstanding, U256::from(5000));
    let token = WrappedToken::new(wrapped, away.provider());
    assert_eq!(token.supplyOf(home.chain.id().hash()).call().await.unwrap(), U256::from(5000));
}

#[tokio::test]
async fn an_expired_deposit_is_refunded_by_proof_of_absence_and_a_paid_one_never() {
    let Some((home, away)) = pair().await else { return };
    let paid = home.lock(Address::ZERO, 5000, &away, ANYONE, 0).await;
    let unpaid = home.lock(Address::ZERO, 6000, &away, ANYONE, 0).await;
    let proven = prove_deposit(&home, &paid).await;
    away.submit(&proven.checkpoint).await;
    let claim = away.inbox().claim(lane::ETHEREUM, solidity_deposit(&paid), storage(&proven)).send().await.unwrap();
    claim.get_receipt().await.unwrap();

    let vault = Vault::new(home.at.vault, home.provider());
    let refund = |deposit: &Deposit, proven: &SlotProof| {
        vault.refund(solidity_deposit(deposit).into(), Address::ZERO, storage(proven))
    };
    let early = away.chain.prove(away.at.inbox, nullifier_slot(unpaid.id())).await;
    home.submit(&early.checkpoint).await;
    assert_eq!(error_name(refund(&unpaid, &early).call().await), "NotExpired");

    away.chain.mine_at(unpaid.expiry + 1).await;
    home.chain.mine_at(unpaid.expiry + 1).await;
    let absent = away.chain.prove(away.at.inbox, nullifier_slot(unpaid.id())).await;
    home.submit(&absent.checkpoint).await;
    assert_eq!(error_name(refund(&unpaid, &absent).call().await), "RootTooFresh");
    home.chain.mine_at(home.chain.now().await + HOLD).await;
    let present = away.chain.prove(away.at.inbox, nullifier_slot(paid.id())).await;
    assert_eq!(error_name(refund(&paid, &present).call().await), "WasPaid");
    // The absence of one nullifier says nothing of another.
    let other = refund(&paid, &absent).call().await;
    assert!(["UnusedNodes", "NodeHashMismatch", "PathIncomplete"].contains(&error_name(other).as_str()));
    let receipt = refund(&unpaid, &absent).send().await.unwrap().get_receipt().await.unwrap();
    assert!(receipt.status());
    assert_eq!(error_name(refund(&unpaid, &absent).call().await), "AlreadyRefunded");
    let late = away.inbox().claim(lane::ETHEREUM, solidity_deposit(&unpaid), Bytes::new()).call().await;
    assert_eq!(error_name(late), "DepositExpired");
}

/// One output proves one deposit. Were another version of it another deposit, whoever has the proof could close the lane.
#[tokio::test]
async fn a_true_bitcoin_deposit_does_not_contradict_its_own_fast_payout() {
    let Some((_, away)) = pair().await else { return };
    let time = away.chain.now().await;
    let made = bitcoin_block::deposit_by(LanePreference::Any, time, 50_000, &away.chain.id(), away.at.inbox, ANYONE);
    let (tree, _) = away.attest(&[&made.deposit]).await;
    let inbox = away.inbox();
    let paid = solidity_deposit(&made.deposit);
    let fast = inbox.claim(lane::FAST, paid.clone(), proof::fast(tree.root(), 0, &tree.path(0)));
    assert!(fast.send().await.unwrap().get_receipt().await.unwrap().status());
    away.submit(&made.checkpoint).await;
    let encoded = proof::encode(&Evidence::Bitcoin(Box::new(made.inclusion)), &made.deposit).unwrap();
    let again = solidity_deposit(&Deposit { version: 2, ..made.deposit.clone() });
    let contradiction = inbox.contradict(paid.clone(), again, lane::BITCOIN, encoded.clone()).call().await;
    assert_eq!(error_name(contradiction), "WrongVersion");
    let settle = inbox.settle(paid, lane::BITCOIN, encoded);
    assert!(settle.send().await.unwrap().get_receipt().await.unwrap().status());
}

#[tokio::test]
async fn a_bitcoin_deposit_is_minted_by_proof_of_inclusion() {
    let Some((_, away)) = pair().await else { return };
    let time = away.chain.now().await;
    let made = bitcoin_block::deposit(time, 50_000, &away.chain.id(), away.at.inbox, ANYONE);
    let encoded = proof::encode(&Evidence::Bitcoin(Box::new(made.inclusion)), &made.deposit).unwrap();
    let inbox = away.inbox();
    let claim = inbox.claim(lane::BITCOIN, solidity_deposit(&made.deposit), encoded);
    assert_eq!(error_name(claim.call().await), "UnknownCheckpoint");
    away.submit(&made.checkpoint).await;
    assert!(claim.send().await.unwrap().get_receipt().await.unwrap().status());
    let token = WrappedToken::new(away.at.wrapped[1], away.provider());
    assert_eq!(token.balanceOf(ANYONE).call().await.unwrap(), U256::from(50_000));
    assert_eq!(error_name(claim.call().await), "AlreadyClaimed");
}
