//! A crash at every write of the journal, before it and after it, and between answer and storing.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use alloy_primitives::{Address, Bytes};
use serde_json::{Value, json};
use spandrel_core::EffectId;
use spandrel_core::journal::{Attempt, Journal, JournaledTx, NewTx, TxState};
use spandrel_core::ledger::StoreError;
use spandrel_core::submission::{DueEffect, Progress, Submitter};
use spandrel_store::Sqlite;
use spandrel_verifiers::{ChainId, UnixSeconds};

use crate::world::*;

/// A journal whose process dies at its n-th write: every call from then on fails.
#[derive(Clone)]
pub struct Dying {
    inner: Sqlite,
    writes_left: Arc<AtomicI64>,
    is_last_write_stored: bool,
}

impl Dying {
    pub fn new(inner: Sqlite, writes: i64, is_last_write_stored: bool) -> Self {
        Self { inner, writes_left: Arc::new(AtomicI64::new(writes)), is_last_write_stored }
    }

    pub fn died(&self) -> bool {
        self.writes_left.load(Ordering::SeqCst) < 0
    }

    fn dead() -> StoreError {
        StoreError::Database("the process died".to_owned())
    }

    async fn write<T>(&self, write: impl Future<Output = Result<T, StoreError>>) -> Result<T, StoreError> {
        match self.writes_left.fetch_sub(1, Ordering::SeqCst) {
            left if left > 0 => write.await,
            0 if self.is_last_write_stored => write.await.and(Err(Self::dead())),
            _ => Err(Self::dead()),
        }
    }

    async fn read<T>(&self, read: impl Future<Output = Result<T, StoreError>>) -> Result<T, StoreError> {
        if self.died() { Err(Self::dead()) } else { read.await }
    }
}

impl Journal for Dying {
    async fn open_tx(&self, tx: NewTx, now: UnixSeconds) -> Result<JournaledTx, StoreError> {
        self.write(self.inner.open_tx(tx, now)).await
    }

    async fn add_attempt(&self, number: i64, attempt: Attempt) -> Result<(), StoreError> {
        self.write(self.inner.add_attempt(number, attempt)).await
    }

    async fn set_state(&self, number: i64, state: TxState) -> Result<(), StoreError> {
        self.write(self.inner.set_state(number, state)).await
    }

    async fn open_txs(&self, chain: &ChainId, signer: Address) -> Result<Vec<JournaledTx>, StoreError> {
        self.read(self.inner.open_txs(chain, signer)).await
    }

    async fn tx_of(&self, effect: EffectId) -> Result<Option<JournaledTx>, StoreError> {
        self.read(self.inner.tx_of(effect)).await
    }

    async fn failed_txs_of(&self, effect: EffectId) -> Result<Vec<JournaledTx>, StoreError> {
        self.read(self.inner.failed_txs_of(effect)).await
    }

    async fn failed_calls(
        &self,
        chain: &ChainId,
        signer: Address,
        to: Address,
        input: &Bytes,
    ) -> Result<Vec<JournaledTx>, StoreError> {
        self.read(self.inner.failed_calls(chain, signer, to, input)).await
    }
}

/// What the engine remembers: durable, so it outlives the submitter.
struct Book {
    due: Vec<DueEffect>,
    is_final: bool,
}

impl Book {
    fn record(&mut self, answers: &[(EffectId, Progress)], outbox: &[DueEffect]) {
        for (effect, progress) in answers {
            self.is_final |= matches!(progress, Progress::Finalized { .. });
            match progress {
                Progress::Refused { .. } => self.due = outbox.to_vec(),
                _ => self.due.retain(|due| due.id != *effect),
            }
        }
    }
}

/// One round of an engine: what is due is submitted, a block is made, what is open is followed.
async fn round<S: Submitter>(world: &World, submitter: &S, book: &mut Book, outbox: &[DueEffect]) {
    if !book.due.is_empty()
        && let Ok(answers) = submitter.submit(&book.due, &Open).await
    {
        book.record(&answers, outbox);
    }
    world.anvil.mine(1).await.unwrap();
    if let Ok(answers) = submitter.follow(&Open).await {
        book.record(&answers, outbox);
    }
}

async fn dies_at(world: &World, writes: i64, is_last_write_stored: bool) -> bool {
    let deposit = world.deposit(10);
    let outbox = world.fast(std::slice::from_ref(&deposit));
    let mut book = Book { due: outbox.clone(), is_final: false };
    let journal = Dying::new(world.journal.clone(), writes, is_last_write_stored);
    let mortal = world.destination_on(journal.clone()).await;
    for _ in 0..6 {
        if !journal.died() {
            round(world, &mortal, &mut book, &outbox).await;
        }
    }
    drop(mortal);
    let successor = world.destination().await;
    for _ in 0..6 {
        round(world, &successor, &mut book, &outbox).await;
    }
    let place = format!("death at write {writes}, stored: {is_last_write_stored}");
    assert!(book.is_final, "{place}");
    assert_eq!(world.received(&deposit).await, 10, "{place}");
    let open = world.journal.open_txs(&ChainId::eip155(31_338), submitter_key().address()).await.unwrap();
    assert!(open.is_empty(), "{place}: {open:?}");
    journal.died()
}

#[tokio::test]
async fn a_death_at_any_write_of_the_journal_loses_nothing_and_pays_once() {
    let Some(world) = World::start().await else { return };
    for is_last_write_stored in [false, true] {
        let mut writes = 0;
        while dies_at(&world, writes, is_last_write_stored).await {
            writes += 1;
        }
        assert!(writes >= 8, "two transactions: opened, attempted, included, final; found {writes} writes");
    }
}

#[tokio::test]
async fn nothing_is_broadcast_that_the_journal_does_not_hold() {
    let Some(world) = World::start().await else { return };
    world.stop_mining().await;
    let due = world.fast(&[world.deposit(10)]);
    // Writes: open, attempt. Dying at either, whatever was broadcast would be unknown to the next process.
    for writes in [0, 1] {
        let mortal = world.destination_on(Dying::new(world.journal.clone(), writes, false)).await;
        assert!(mortal.submit(&due, &Open).await.is_err());
        let pool: Value = world.anvil.rpc("txpool_status", json!([])).await.unwrap();
        assert_eq!(pool, json!({ "pending": "0x0", "queued": "0x0" }));
    }
}

#[tokio::test]
async fn an_answer_that_was_not_stored_is_given_again() {
    let Some(world) = World::start().await else { return };
    let deposit = world.deposit(10);
    let due = world.fast(std::slice::from_ref(&deposit));
    world.destination().await.submit(&due, &Open).await.unwrap();
    for _ in 0..2 {
        world.until_quiet().await;
        let answers = world.destination().await.follow(&Open).await.unwrap();
        assert!(matches!(said(&answers, &due[0]), Some(Progress::Included { .. })), "{answers:?}");
    }
    world.anvil.mine(1).await.unwrap();
    for _ in 0..2 {
        let answers = world.destination().await.follow(&Open).await.unwrap();
        assert!(is_final(&said(&answers, &due[0])), "{answers:?}");
    }
    assert_eq!(world.received(&deposit).await, 10);
    assert_eq!(world.mined().await, 2);
}

#[tokio::test]
async fn a_pending_transaction_is_taken_up_by_the_next_process() {
    let Some(world) = World::start().await else { return };
    world.stop_mining().await;
    let due = world.fast(&[world.deposit(10)]);
    let before = world.destination().await;
    let hash = hash_of(said(&before.submit(&due, &Open).await.unwrap(), &due[0]));
    drop(before);
    let after = world.destination().await;
    assert_eq!(
        said(&after.submit(&due, &Open).await.unwrap(), &due[0]),
        None,
        "nothing is known before it was followed"
    );
    assert_eq!(hash_of(said(&after.follow(&Open).await.unwrap(), &due[0])), hash);
    follow_to_the_end(&world, &after, &due).await;
    assert_eq!(world.mined().await, 2);
}

#[tokio::test]
async fn a_first_signature_after_a_crash_asks_the_gate_and_only_uses_up_the_nonce_when_it_is_closed() {
    let Some(world) = World::start().await else { return };
    let deposit = world.deposit(10);
    let due = world.fast(std::slice::from_ref(&deposit));
    // The attestation is sent, the claim is journaled, and the process dies before it is signed.
    let mortal = world.destination_on(Dying::new(world.journal.clone(), 3, false)).await;
    assert!(mortal.submit(&due, &Open).await.is_err());
    let destination = world.destination().await;
    assert!(destination.is_sent(due[0].id).await.unwrap());
    for _ in 0..4 {
        destination.follow(&Closed).await.unwrap();
        world.anvil.mine(1).await.unwrap();
    }
    assert_eq!(world.received(&deposit).await, 0, "paused since");
    assert_eq!(world.mined().await, 2, "what comes after it does not wait");
    assert!(!destination.is_sent(due[0].id).await.unwrap());
    destination.submit(&due, &Open).await.unwrap();
    follow_to_the_end(&world, &destination, &due).await;
    assert_eq!(world.received(&deposit).await, 10);
}

#[tokio::test]
async fn what_the_gate_stops_after_the_simulation_is_not_sent() {
    let Some(world) = World::start().await else { return };
    let destination = world.destination().await;
    let deposit = world.deposit(10);
    let due = world.fast(std::slice::from_ref(&deposit));
    assert!(destination.submit(&due, &Closed).await.unwrap().is_empty());
    assert!(!destination.is_sent(due[0].id).await.unwrap());
    assert_eq!(world.mined().await, 0);
    destination.submit(&due, &Open).await.unwrap();
    follow_to_the_end(&world, &destination, &due).await;
}
