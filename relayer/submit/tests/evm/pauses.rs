//! Pauses that are not on the chain yet, coming at the worst moments: the gate is asked last, for what pays without carrying
//! an effect too.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use alloy_primitives::{Address, Bytes};
use spandrel_core::EffectId;
use spandrel_core::journal::{Attempt, Journal, JournaledTx, NewTx, TxState};
use spandrel_core::ledger::StoreError;
use spandrel_core::submission::{DueEffect, SendGate, SubmitError, Submitter};
use spandrel_store::Sqlite;
use spandrel_submit::{EvmConfig, EvmDestination};
use spandrel_verifiers::{ChainId, Deposit, DepositId, UnixSeconds};

use crate::silence::Gateway;
use crate::world::*;

/// The book's gate: what carries no effect has nothing to be refused for, and a pause stops all that pays.
#[derive(Clone, Default)]
struct Pausing(Arc<AtomicBool>);

impl Pausing {
    fn pause(&self, is_paused: bool) {
        self.0.store(is_paused, Ordering::SeqCst);
    }

    fn is_paused(&self) -> bool {
        self.0.load(Ordering::SeqCst)
    }
}

impl SendGate for Pausing {
    async fn is_open(&self, effects: &[EffectId]) -> Result<bool, SubmitError> {
        Ok(effects.is_empty() || !self.is_paused())
    }

    async fn may_execute(&self, _: DepositId) -> Result<bool, SubmitError> {
        Ok(!self.is_paused())
    }
}

/// A payment that the chain has delayed, and whose time has come.
async fn delayed(world: &World, destination: &impl Submitter) -> (Deposit, Vec<DueEffect>) {
    let (big, due) = world.delayed(destination).await;
    destination.follow(&Open).await.unwrap();
    world.pass(700);
    world.anvil.set_next_block_time(wall_clock() + 700).await.unwrap();
    world.anvil.mine(1).await.unwrap();
    assert_eq!(world.mined().await, 2, "attestation and claim");
    (big, due)
}

#[tokio::test]
async fn a_pause_off_the_chain_stops_the_execution_of_a_payment_that_the_chain_delayed() {
    let Some(world) = World::with_delays().await else { return };
    let destination = world.destination().await;
    let (big, due) = delayed(&world, &destination).await;
    let gate = Pausing::default();
    gate.pause(true);
    assert!(is_promised(&said(&destination.submit(&due, &gate).await.unwrap(), &due[0])));
    world.anvil.mine(1).await.unwrap();
    assert_eq!((world.mined().await, world.received(&big).await), (2, 0));

    gate.pause(false);
    destination.submit(&due, &gate).await.unwrap();
    world.until_quiet().await;
    destination.follow(&gate).await.unwrap();
    assert_eq!((world.mined().await, world.received(&big).await), (3, 1_000));
}

#[tokio::test]
async fn a_pause_off_the_chain_calls_back_an_execution_that_is_on_its_way_and_stops_its_replacement() {
    let Some(world) = World::with_delays().await else { return };
    let destination = world.destination().await;
    let (big, due) = delayed(&world, &destination).await;
    world.stop_mining().await;
    let gate = Pausing::default();
    assert!(is_promised(&said(&destination.submit(&due, &gate).await.unwrap(), &due[0])), "it is being executed");

    gate.pause(true);
    world.pass(60);
    destination.follow(&gate).await.unwrap();
    let open = world.journal.open_txs(&ChainId::eip155(CHAIN), destination.account()).await.unwrap();
    assert_eq!(open.iter().map(|tx| tx.attempts.len()).collect::<Vec<_>>(), [2], "it is outbid, once");
    for _ in 0..3 {
        world.pass(60);
        destination.follow(&gate).await.unwrap();
        world.anvil.mine(1).await.unwrap();
    }
    assert_eq!((world.mined().await, world.received(&big).await), (3, 0), "its nonce is used, and nothing is paid");

    gate.pause(false);
    destination.follow(&gate).await.unwrap();
    destination.submit(&due, &gate).await.unwrap();
    world.anvil.mine(1).await.unwrap();
    assert_eq!(world.received(&big).await, 1_000, "later, when it may");
}

/// Between the gate's answer and the broadcast a node is asked what gas costs.
#[tokio::test]
async fn a_pause_that_comes_while_a_node_is_asked_for_fees_or_the_nonce_stops_the_broadcast() {
    let Some(world) = World::start().await else { return };
    for method in ["eth_feeHistory", "eth_getTransactionCount"] {
        let gateway = Gateway::start(world.anvil.url()).await;
        let config = EvmConfig { rpc_url: gateway.url.parse().unwrap(), ..world.config() };
        let destination = world.destination_with(config, world.journal.clone()).await;
        // Attested already: nothing is sent before the claim itself.
        let deposits = [world.deposit(10), world.deposit(20)];
        let due = world.fast(&deposits);
        destination.submit(&due[..1], &Open).await.unwrap();
        follow_to_the_end(&world, &destination, &due[..1]).await;
        let before = world.mined().await;

        let gate = Pausing::default();
        gateway.sets(method, gate.0.clone());
        assert!(destination.submit(&due[1..], &gate).await.unwrap().is_empty());
        assert!(gate.is_paused(), "{method} was asked");
        world.anvil.mine(1).await.unwrap();
        assert_eq!((world.mined().await, world.received(&deposits[1]).await), (before, 0), "{method}");
        assert!(!destination.is_sent(due[1].id).await.unwrap(), "nothing was signed, and no nonce taken");
    }
}

/// Pauses when a signed form is stored: nothing else comes before the node.
#[derive(Clone)]
struct Late {
    inner: Sqlite,
    gate: Pausing,
}

impl Journal for Late {
    async fn open_tx(&self, tx: NewTx, now: UnixSeconds) -> Result<JournaledTx, StoreError> {
        self.inner.open_tx(tx, now).await
    }

    async fn add_attempt(&self, number: i64, attempt: Attempt) -> Result<(), StoreError> {
        self.gate.pause(true);
        self.inner.add_attempt(number, attempt).await
    }

    async fn set_state(&self, number: i64, state: TxState) -> Result<(), StoreError> {
        self.inner.set_state(number, state).await
    }

    async fn open_txs(&self, chain: &ChainId, signer: Address) -> Result<Vec<JournaledTx>, StoreError> {
        self.inner.open_txs(chain, signer).await
    }

    async fn tx_of(&self, effect: EffectId) -> Result<Option<JournaledTx>, StoreError> {
        self.inner.tx_of(effect).await
    }

    async fn failed_txs_of(&self, effect: EffectId) -> Result<Vec<JournaledTx>, StoreError> {
        self.inner.failed_txs_of(effect).await
    }

    async fn failed_calls(
        &self,
        chain: &ChainId,
        signer: Address,
        to: Address,
        input: &Bytes,
    ) -> Result<Vec<JournaledTx>, StoreError> {
        self.inner.failed_calls(chain, signer, to, input).await
    }
}

#[tokio::test]
async fn a_pause_that_comes_while_a_claim_is_signed_and_stored_stops_its_broadcast_and_uses_its_nonce() {
    let Some(world) = World::start().await else { return };
    let gate = Pausing::default();
    let late = Late { inner: world.journal.clone(), gate: gate.clone() };
    let plain = world.destination().await;
    let deposits = [world.deposit(10), world.deposit(20)];
    let due = world.fast(&deposits);
    plain.submit(&due[..1], &Open).await.unwrap();
    follow_to_the_end(&world, &plain, &due[..1]).await;
    let before = world.mined().await;

    let destination: EvmDestination<Late, _> = world.destination_on(late).await;
    assert!(destination.submit(&due[1..], &gate).await.unwrap().is_empty());
    assert!(gate.is_paused() && world.mined().await == before, "signed, and not broadcast");
    world.pass(60);
    world.until_quiet().await;
    destination.follow(&gate).await.unwrap();
    destination.follow(&gate).await.unwrap();
    assert_eq!((world.mined().await, world.received(&deposits[1]).await), (before + 1, 0), "its nonce is used up");
}
