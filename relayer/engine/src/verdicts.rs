//! Asking the verifiers, and collecting their verdicts.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use alloy_primitives::Address;
use spandrel_core::ledger::{EffectEnd, Ledger};
use spandrel_core::{Effect, Executor, Input, Transfer};
use spandrel_verifiers::attestation::recover;
use spandrel_verifiers::{DepositId, SignedVerdict};

use crate::gate::{Gate, retry};
use crate::{Book, Bus, Change, Clock, EngineError, EvidenceRequest, Message};

const LEASE_SECONDS: u64 = 60;
const ASK_AGAIN_SECONDS: u64 = 3;
const BATCH: u32 = 64;

/// The relayer's side of verification.
pub struct VerdictDesk<L, C, B> {
    book: Arc<Book<L, C>>,
    bus: B,
    collected: Mutex<Collected>,
}

/// The newest verdict of each member per deposit: what strangers send is never kept.
type Collected = HashMap<DepositId, BTreeMap<Address, SignedVerdict>>;

impl<L: Ledger, C: Clock, B: Bus> VerdictDesk<L, C, B> {
    /// A desk on `bus`.
    pub fn new(book: Arc<Book<L, C>>, bus: B) -> Self {
        Self { book, bus, collected: Mutex::default() }
    }

    /// Publishes evidence that waits for verdicts. Answers how many effects were taken.
    pub async fn ask_once(&self) -> Result<usize, EngineError> {
        let now = self.book.clock().now();
        let due = self.book.ledger().lease(&Executor::Verifiers, now, now + LEASE_SECONDS, BATCH).await?;
        let taken = due.len();
        let mut change = Change::default();
        for leased in due {
            let (transfer, evidence) = match (Gate::of(&self.book, &leased).await?, leased.effect) {
                (Gate::Open(transfer), Effect::RequestVerdicts { evidence }) => (transfer, evidence),
                (Gate::Later(reason), _) => {
                    change = change.ending(leased.id, retry(now, leased.attempt, reason));
                    continue;
                }
                (Gate::Open(_) | Gate::Pause | Gate::Never(_), _) => {
                    change = change.ending(leased.id, EffectEnd::Done);
                    continue;
                }
            };
            let request = EvidenceRequest {
                deposit: leased.deposit,
                source: transfer.deposit.source_chain.clone(),
                destination: transfer.deposit.destination_chain.clone(),
                evidence,
            };
            let asked = self.bus.publish(Message::Evidence(Arc::new(request))).await;
            let run_at = now + ASK_AGAIN_SECONDS;
            let error = asked.err().map_or_else(|| "no quorum yet".to_owned(), |error| format!("bus: {error}"));
            change = change.ending(leased.id, EffectEnd::Retry { run_at, error });
        }
        self.book.record(change).await?;
        Ok(taken)
    }

    /// Takes a verdict; once enough members speak of one block, the machine decides whether they are a quorum.
    pub async fn take(&self, verdict: SignedVerdict) -> Result<(), EngineError> {
        let id = verdict.verdict.deposit_id;
        let transfer = self.book.ledger().transfer(id).await?.filter(|transfer| transfer.checkpoint.is_none());
        let Some(transfer) = transfer else {
            self.lock().remove(&id);
            return Ok(());
        };
        let Some(member) = self.member(&transfer, &verdict) else {
            tracing::warn!(deposit = %id, "verdict dropped: not by a member of the verifier set");
            return Ok(());
        };
        let so_far: Vec<SignedVerdict> = {
            let mut collected = self.lock();
            let verdicts = collected.entry(id).or_default();
            let checkpoint = verdict.verdict.checkpoint.clone();
            verdicts.insert(member, verdict);
            let agree = verdicts.values().filter(|signed| signed.verdict.checkpoint == checkpoint).count();
            if agree < self.book.policy().verifiers.threshold {
                return Ok(());
            }
            verdicts.values().cloned().collect()
        };
        let changed = self.book.record(Change::one(id, Input::Verdicts(so_far))).await?;
        if changed.iter().any(|transfer| transfer.checkpoint.is_some()) {
            self.lock().remove(&id);
        }
        Ok(())
    }

    fn member(&self, transfer: &Transfer, signed: &SignedVerdict) -> Option<Address> {
        let policy = self.book.policy();
        let target = policy.destinations.get(&transfer.deposit.destination_chain)?;
        let signer = recover(signed.verdict.digest(&target.domain), &signed.signature).ok()?;
        policy.verifiers.members.contains(&signer).then_some(signer)
    }

    fn lock(&self) -> MutexGuard<'_, Collected> {
        self.collected.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
