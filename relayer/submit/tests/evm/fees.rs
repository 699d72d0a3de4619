//! Stuck transactions are replaced, lost ones broadcast again, and stolen nonces noticed.

use alloy::network::TransactionBuilder;
use alloy::providers::Provider;
use alloy::rpc::types::TransactionRequest;
use alloy_primitives::{Address, U256};
use serde_json::{Value, json};
use spandrel_core::journal::Journal;
use spandrel_core::submission::{Lasting, Progress, Submitter};
use spandrel_verifiers::ChainId;

use crate::claims::pay_as_governor;
use crate::world::*;

#[tokio::test]
async fn a_stuck_transaction_is_replaced_at_a_higher_fee_under_the_same_nonce() {
    let Some(world) = World::start().await else { return };
    world.stop_mining().await;
    let destination = world.destination().await;
    let deposit = world.deposit(10);
    let due = world.fast(std::slice::from_ref(&deposit));
    let first = hash_of(said(&destination.submit(&due, &Open).await.unwrap(), &due[0]));
    assert!(destination.follow(&Open).await.unwrap().is_empty(), "not stuck yet");
    world.pass(31);
    let second = hash_of(said(&destination.follow(&Open).await.unwrap(), &due[0]));
    assert_ne!(first, second);
    assert!(destination.follow(&Open).await.unwrap().is_empty(), "the replacement has its own time");

    let tx = world.journal.tx_of(due[0].id).await.unwrap().unwrap();
    assert_eq!(tx.attempts.len(), 2);
    let (old, new) = (&tx.attempts[0], &tx.attempts[1]);
    assert!(new.max_fee_per_gas * 8 >= old.max_fee_per_gas * 9);
    assert!(new.max_priority_fee_per_gas * 8 >= old.max_priority_fee_per_gas * 9);
    world.anvil.mine(1).await.unwrap();
    let answers = destination.follow(&Open).await.unwrap();
    assert_eq!(hash_of(said(&answers, &due[0])), second);
    assert!(matches!(said(&answers, &due[0]), Some(Progress::Included { .. })));
    follow_to_the_end(&world, &destination, &due).await;
    assert_eq!(world.mined().await, 2);
    assert_eq!(world.received(&deposit).await, 10);
}

#[tokio::test]
async fn an_older_attempt_that_is_mined_after_all_counts() {
    let Some(world) = World::start().await else { return };
    world.stop_mining().await;
    let destination = world.destination().await;
    let due = world.fast(&[world.deposit(10)]);
    let first = hash_of(said(&destination.submit(&due, &Open).await.unwrap(), &due[0]));
    world.pass(31);
    assert_ne!(hash_of(said(&destination.follow(&Open).await.unwrap(), &due[0])), first);
    // A miner that never saw the replacements.
    world.anvil.rpc::<Value>("anvil_dropAllTransactions", json!([])).await.unwrap();
    for tx in world.journal.open_txs(&ChainId::eip155(31_338), destination.account()).await.unwrap() {
        assert_eq!(tx.attempts.len(), 2);
        world.anvil.rpc::<Value>("eth_sendRawTransaction", json!([tx.attempts[0].raw])).await.unwrap();
    }
    world.anvil.mine(1).await.unwrap();
    let answers = destination.follow(&Open).await.unwrap();
    assert!(matches!(said(&answers, &due[0]), Some(Progress::Included { tx }) if tx.hash == first), "{answers:?}");
    follow_to_the_end(&world, &destination, &due).await;
}

#[tokio::test]
async fn fees_stop_rising_at_the_allowed_multiple() {
    let Some(world) = World::start().await else { return };
    world.stop_mining().await;
    let destination = world.destination().await;
    let due = world.fast(&[world.deposit(10)]);
    destination.submit(&due, &Open).await.unwrap();
    for _ in 0..20 {
        world.pass(31);
        destination.follow(&Open).await.unwrap();
    }
    let tx = world.journal.tx_of(due[0].id).await.unwrap().unwrap();
    let (first, last) = (&tx.attempts[0], tx.attempts.last().unwrap());
    assert!(tx.attempts.len() < 20, "{}", tx.attempts.len());
    assert!(last.max_fee_per_gas <= first.max_fee_per_gas * 4);
    follow_to_the_end(&world, &destination, &due).await;
}

#[tokio::test]
async fn a_transaction_the_node_forgot_is_broadcast_again_as_it_was() {
    let Some(world) = World::start().await else { return };
    world.stop_mining().await;
    let destination = world.destination().await;
    let due = world.fast(&[world.deposit(10)]);
    let hash = hash_of(said(&destination.submit(&due, &Open).await.unwrap(), &due[0]));
    world.anvil.rpc::<Value>("anvil_dropAllTransactions", json!([])).await.unwrap();
    assert!(world.governor.get_transaction_by_hash(hash).await.unwrap().is_none());
    destination.follow(&Open).await.unwrap();
    assert!(world.governor.get_transaction_by_hash(hash).await.unwrap().is_some());
    follow_to_the_end(&world, &destination, &due).await;
    assert_eq!(hash_of(said(&destination.submit(&due, &Open).await.unwrap(), &due[0])), hash);
}

#[tokio::test]
async fn what_is_paused_after_it_was_sent_is_called_back_and_never_sent_again() {
    let Some(world) = World::start().await else { return };
    let destination = world.destination().await;
    let deposit = world.deposit(10);
    let due = world.fast(std::slice::from_ref(&deposit));
    world.stop_mining().await;
    destination.submit(&due, &Open).await.unwrap();
    // The node forgets it; under a pause it must not be told again.
    world.anvil.rpc::<Value>("anvil_dropAllTransactions", json!([])).await.unwrap();
    let tx = world.journal.tx_of(due[0].id).await.unwrap().unwrap();
    for _ in 0..3 {
        world.pass(31);
        destination.follow(&Closed).await.unwrap();
        for attempt in &tx.attempts {
            assert!(world.governor.get_transaction_by_hash(attempt.hash).await.unwrap().is_none());
        }
    }
    for _ in 0..3 {
        world.anvil.mine(1).await.unwrap();
        destination.follow(&Closed).await.unwrap();
    }
    assert_eq!((world.received(&deposit).await, world.mined().await), (0, 2), "its nonce holds nothing up");
    assert!(!destination.is_sent(due[0].id).await.unwrap());
    destination.submit(&due, &Open).await.unwrap();
    follow_to_the_end(&world, &destination, &due).await;
    assert_eq!(world.received(&deposit).await, 10, "once it is wanted again");
}

#[tokio::test]
async fn what_was_mined_before_it_could_be_called_back_counts() {
    let Some(world) = World::start().await else { return };
    let destination = world.destination().await;
    let deposit = world.deposit(10);
    let due = world.fast(std::slice::from_ref(&deposit));
    world.stop_mining().await;
    let hash = hash_of(said(&destination.submit(&due, &Open).await.unwrap(), &due[0]));
    destination.follow(&Closed).await.unwrap();
    world.anvil.rpc::<Value>("anvil_dropAllTransactions", json!([])).await.unwrap();
    for tx in world.journal.open_txs(&ChainId::eip155(31_338), destination.account()).await.unwrap() {
        world.anvil.rpc::<Value>("eth_sendRawTransaction", json!([tx.attempts[0].raw])).await.unwrap();
    }
    world.anvil.mine(1).await.unwrap();
    let answers = destination.follow(&Closed).await.unwrap();
    assert!(matches!(said(&answers, &due[0]), Some(Progress::Included { tx }) if tx.hash == hash), "{answers:?}");
    follow_to_the_end(&world, &destination, &due).await;
    assert_eq!(world.received(&deposit).await, 10);
}

#[tokio::test]
async fn a_payout_that_a_reorg_takes_away_under_a_pause_is_not_broadcast_again() {
    let Some(world) = World::start().await else { return };
    let destination = world.destination().await;
    let deposit = world.deposit(10);
    let due = world.fast(std::slice::from_ref(&deposit));
    world.stop_mining().await;
    destination.submit(&due, &Open).await.unwrap();
    world.anvil.mine(1).await.unwrap();
    destination.follow(&Open).await.unwrap();
    world.anvil.reorg(1).await.unwrap();
    world.anvil.rpc::<Value>("anvil_dropAllTransactions", json!([])).await.unwrap();
    let answers = destination.follow(&Closed).await.unwrap();
    assert_eq!(said(&answers, &due[0]), Some(Progress::Reorged), "{answers:?}");
    for _ in 0..4 {
        destination.follow(&Closed).await.unwrap();
        world.anvil.mine(1).await.unwrap();
    }
    assert_eq!(world.received(&deposit).await, 0);
    destination.submit(&due, &Open).await.unwrap();
    follow_to_the_end(&world, &destination, &due).await;
    assert_eq!(world.received(&deposit).await, 10);
}

/// Spends the submitter's next `count` nonces from outside.
async fn steal_nonces(world: &World, count: u64) {
    let thief = stranger(world);
    let first = world.mined().await;
    for nonce in first..first + count {
        let spend = TransactionRequest::default()
            .with_to(Address::repeat_byte(0x77))
            .with_value(U256::from(1))
            .with_nonce(nonce)
            .with_max_fee_per_gas(400 * GWEI)
            .with_max_priority_fee_per_gas(50 * GWEI);
        drop(thief.send_transaction(spend).await.unwrap());
    }
}

#[tokio::test]
async fn a_nonce_taken_from_outside_frees_the_effect_once_that_is_final() {
    let Some(world) = World::start().await else { return };
    world.stop_mining().await;
    let destination = world.destination().await;
    let deposit = world.deposit(10);
    let due = world.fast(std::slice::from_ref(&deposit));
    destination.submit(&due, &Open).await.unwrap();
    steal_nonces(&world, 2).await;
    world.anvil.mine(1).await.unwrap();
    assert!(destination.follow(&Open).await.unwrap().is_empty(), "the thief may still be reorged away");
    world.anvil.mine(1).await.unwrap();
    let (reason, lasting) = refusal(said(&destination.follow(&Open).await.unwrap(), &due[0]));
    assert!(lasting == Lasting::ForNow && reason.contains("not in the journal"), "{reason}");
    destination.follow(&Open).await.unwrap();
    assert!(!destination.is_sent(due[0].id).await.unwrap());

    destination.submit(&due, &Open).await.unwrap();
    follow_to_the_end(&world, &destination, &due).await;
    assert_eq!(world.received(&deposit).await, 10);
    assert_eq!(world.mined().await, 4);
}

#[tokio::test]
async fn an_effect_whose_nonce_was_taken_and_that_another_paid_is_final() {
    let Some(world) = World::start().await else { return };
    let destination = world.destination().await;
    let deposit = world.deposit(10);
    let due = world.fast(std::slice::from_ref(&deposit));
    world.stop_mining().await;
    destination.submit(&due, &Open).await.unwrap();
    world.anvil.rpc::<Value>("anvil_dropAllTransactions", json!([])).await.unwrap();
    steal_nonces(&world, 2).await;
    world.anvil.rpc::<Value>("evm_setAutomine", json!([true])).await.unwrap();
    world.anvil.mine(1).await.unwrap();
    pay_as_governor(&world, &due[0].effect).await;
    world.anvil.mine(1).await.unwrap();
    let answers = destination.follow(&Open).await.unwrap();
    assert!(is_final(&said(&answers, &due[0])), "{answers:?}");
    assert_eq!(world.received(&deposit).await, 10);
}

#[tokio::test]
async fn an_account_without_money_keeps_the_transaction_until_it_has_some() {
    let Some(world) = World::start().await else { return };
    let destination = world.destination().await;
    world.anvil.set_balance(destination.account(), U256::ZERO).await.unwrap();
    let due = world.fast(&[world.deposit(10)]);
    assert_eq!(said(&destination.submit(&due, &Open).await.unwrap(), &due[0]), None);
    assert!(destination.follow(&Open).await.unwrap().is_empty());
    assert_eq!(said(&destination.submit(&due, &Open).await.unwrap(), &due[0]), None, "and not a second one");
    let open = world.journal.open_txs(&ChainId::eip155(31_338), destination.account()).await.unwrap();
    assert_eq!(open.len(), 2);
    world.anvil.set_balance(destination.account(), U256::from(10).pow(U256::from(20))).await.unwrap();
    follow_to_the_end(&world, &destination, &due).await;
    assert_eq!(world.mined().await, 2);
}
