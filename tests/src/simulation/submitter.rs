//! Carries effects out on the destination, with the journal in the ledger: intent and nonce, then the signed form, then
//! the broadcast, and a crash may come between any two. The order of writes and answers is that of the EVM destination
//! in `spandrel-submit`; an end is journaled by the call after the one that answered it.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use alloy::primitives::{Address, B256, U256, keccak256};
use spandrel_core::journal::{Attempt, Journal, JournaledTx, NewTx, TxState};
use spandrel_core::ledger::StoreError;
use spandrel_core::submission::{DueEffect, Lasting, Progress, SendGate, SubmitError, Submitter};
use spandrel_core::{Effect, EffectId, TxRef};
use spandrel_engine::Clock;
use spandrel_risk::Lane;
use spandrel_store::Memory;
use spandrel_verifiers::DepositId;

use super::clock::SimClock;
use super::destination::{Receipt, SentTx};
use super::keys;
use super::rules::State;
use super::universe::Shared;

type Answers = Vec<(EffectId, Progress)>;

const STUCK_AFTER: u64 = 40;
/// Seconds for which an effect is left alone whose own transaction reverted.
const REVERTED_SECONDS: u64 = 30;
const BATCH: usize = 4;

/// Calldata of a transaction that only uses up its nonce.
pub const NOTHING: B256 = B256::ZERO;

/// The relayer's account.
pub const ACCOUNT: Address = Address::repeat_byte(0x5e);

/// The submitter of the one destination.
#[derive(Debug)]
pub struct SimSubmitter {
    journal: Memory,
    universe: Shared,
    clock: SimClock,
    memory: Mutex<Said>,
}

/// What was said; lost in a crash.
#[derive(Debug, Default)]
struct Said {
    last: BTreeMap<EffectId, Progress>,
    ended: Vec<(i64, TxState, Vec<EffectId>)>,
}

impl Said {
    fn news(&mut self, effect: EffectId, progress: Progress) -> Option<(EffectId, Progress)> {
        let is_news = self.last.get(&effect) != Some(&progress);
        self.last.insert(effect, progress.clone());
        is_news.then_some((effect, progress))
    }
}

enum Journaled {
    Sendable { failed: Option<(u64, usize)> },
    Open,
    Succeeded(B256),
}

impl SimSubmitter {
    /// A submitter that knows only what is in the journal.
    pub fn new(journal: Memory, universe: Shared, clock: SimClock) -> Self {
        Self { journal, universe, clock, memory: Mutex::default() }
    }

    fn said(&self) -> MutexGuard<'_, Said> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn node(&self, percent: u64) -> Result<(), SubmitError> {
        if self.universe.lock().fault(percent) {
            return Err(SubmitError::Transient { endpoint: "destination".to_owned(), reason: "injected".to_owned() });
        }
        Ok(())
    }

    async fn journaled(&self, effect: EffectId) -> Result<Journaled, SubmitError> {
        let tx = self.journal.tx_of(effect).await.map_err(journal_error)?;
        let Some(tx) = tx else { return Ok(Journaled::Sendable { failed: None }) };
        Ok(match tx.state {
            TxState::Final { success: false, .. } => {
                let at = tx.attempts.last().map_or(0, |attempt| attempt.at);
                Journaled::Sendable { failed: Some((at, tx.tx.effects.len())) }
            }
            TxState::Pending | TxState::Included { .. } => Journaled::Open,
            TxState::Final { success: true, hash } => Journaled::Succeeded(hash),
        })
    }

    /// What the chain knows of candidates: done ones are answered, or left out until that is final; the others are left.
    fn without_done(
        &self,
        candidates: Vec<(DueEffect, Option<B256>, bool)>,
        answers: &mut Answers,
    ) -> Vec<(DueEffect, bool)> {
        let universe = self.universe.lock();
        let chain = &universe.destination;
        let mut left = Vec::new();
        for (due, succeeded, is_alone) in candidates {
            let elsewhere = done_elsewhere(chain.finalized(), &due.effect);
            let progress = match (succeeded, &due.effect) {
                (Some(hash), Effect::Pause { .. } | Effect::CloseOverdue { .. }) => finalized(hash),
                (Some(hash), effect) if is_done(chain.latest(), effect) => finalized(hash),
                (Some(_), _) => not_now("a final transaction is gone from the chain"),
                (None, effect) if is_done(chain.latest(), effect) => match elsewhere {
                    Some(progress) => progress,
                    None => continue,
                },
                (None, Effect::CloseOverdue { deposit }) => match chain.latest().payment(deposit.id()) {
                    Some(payment) if payment.is_proven => continue,
                    Some(payment) if self.clock.now() <= payment.deadline => {
                        Progress::NotYet { until: payment.deadline }
                    }
                    _ => {
                        left.push((due, is_alone));
                        continue;
                    }
                },
                (None, Effect::ConfirmUnpaid { deposit } | Effect::ConfirmPaid { deposit })
                    if chain.final_time() > deposit.expiry =>
                {
                    Progress::Refused { reason: "expired unpaid".to_owned(), lasting: Lasting::ForEver }
                }
                (None, Effect::ConfirmUnpaid { .. } | Effect::ConfirmPaid { .. }) => continue,
                (None, _) => {
                    left.push((due, is_alone));
                    continue;
                }
            };
            answers.push((due.id, progress));
        }
        left
    }

    /// Groups by lane, settlements, pauses and what reverted alone; drops what fails in a simulation.
    fn vet(&self, candidates: Vec<(DueEffect, bool)>, answers: &mut Answers) -> Vec<Vec<DueEffect>> {
        let universe = self.universe.lock();
        let (alone, together): (Vec<_>, Vec<_>) = candidates.into_iter().partition(|(_, is_alone)| *is_alone);
        let mut groups: Vec<Vec<DueEffect>> = Vec::new();
        for (due, _) in together {
            let fits = |group: &Vec<DueEffect>| {
                let lane: Option<Lane> = due.effect.lane();
                lane.is_some() && group.len() < BATCH && group[0].effect.lane() == lane
            };
            match groups.iter_mut().find(|group| fits(group)) {
                Some(group) => group.push(due),
                None => groups.push(vec![due]),
            }
        }
        groups.extend(alone.into_iter().map(|(due, _)| vec![due]));
        for group in &mut groups {
            let effects: Vec<Effect> = group.iter().map(|due| due.effect.clone()).collect();
            let results = universe.destination.simulate(&effects, self.clock.now(), &universe.sources);
            let mut results = results.into_iter();
            group.retain(|due| match results.next() {
                Some(Err(revert)) => {
                    let reason = revert.reason.to_owned();
                    answers.push((due.id, Progress::Refused { reason, lasting: revert.lasting }));
                    false
                }
                _ => true,
            });
        }
        groups.retain(|group| !group.is_empty());
        groups
    }

    async fn send(&self, group: Vec<DueEffect>, answers: &mut Answers) -> Result<(), SubmitError> {
        let effects: Vec<EffectId> = group.iter().map(|due| due.id).collect();
        let (input, chain_nonce) = {
            let mut universe = self.universe.lock();
            let input = calldata(&group);
            universe.destination.encode(input, group.into_iter().map(|due| due.effect).collect());
            (input, universe.destination.latest().nonce)
        };
        let new = NewTx {
            chain: keys::destination(),
            signer: ACCOUNT,
            effects: effects.clone(),
            to: keys::domain().inbox,
            input: input.to_vec().into(),
            gas_limit: 1_000_000,
            chain_nonce,
        };
        let mut tx = match self.journal.open_tx(new, self.clock.now()).await {
            Ok(tx) => tx,
            Err(StoreError::Conflict { .. }) => return Ok(()),
            Err(error) => return Err(journal_error(error)),
        };
        self.node(3)?;
        if self.attempt(&mut tx, input).await?
            && let Some(progress) = broadcast(&tx)
        {
            answers.extend(effects.into_iter().filter_map(|effect| self.said().news(effect, progress.clone())));
        }
        Ok(())
    }

    /// Signs with a higher fee than before, journals, broadcasts. Answers whether the node has it.
    async fn attempt(&self, tx: &mut JournaledTx, input: B256) -> Result<bool, SubmitError> {
        let fee = tx.attempts.last().map_or(10, |last| last.max_fee_per_gas + 2);
        let seed = [input.as_slice(), &tx.nonce.to_be_bytes(), &fee.to_be_bytes()].concat();
        let hash = keccak256(&seed);
        let attempt =
            Attempt { hash, raw: seed.into(), max_fee_per_gas: fee, max_priority_fee_per_gas: 1, at: self.clock.now() };
        self.journal.add_attempt(tx.number, attempt.clone()).await.map_err(journal_error)?;
        tx.attempts.push(attempt);
        self.node(3)?;
        Ok(self.deliver(tx))
    }

    /// Broadcasts the newest attempt: it may be lost on the way, and an error says nothing.
    fn deliver(&self, tx: &JournaledTx) -> bool {
        let (Some(attempt), Some(input)) = (tx.attempts.last(), input_of(tx)) else { return false };
        let mut universe = self.universe.lock();
        if universe.fault(10) {
            return false;
        }
        let is_taken = universe.destination.send(SentTx { hash: attempt.hash, nonce: Some(tx.nonce), input });
        let is_silent = universe.fault(10);
        let is_known = is_taken || tx.attempts.iter().any(|attempt| universe.destination.knows(attempt.hash));
        is_known && !is_silent
    }

    async fn close_ended(&self) -> Result<(), SubmitError> {
        loop {
            let Some((number, state, effects)) = self.said().ended.first().cloned() else { return Ok(()) };
            self.journal.set_state(number, state).await.map_err(journal_error)?;
            let mut said = self.said();
            said.ended.remove(0);
            for effect in effects {
                said.last.remove(&effect);
            }
        }
    }

    async fn follow_one<G: SendGate>(&self, mut tx: JournaledTx, gate: &G) -> Result<Answers, SubmitError> {
        let receipt = {
            let universe = self.universe.lock();
            tx.attempts.iter().rev().find_map(|attempt| universe.destination.receipt(attempt.hash))
        };
        match (&tx.state, receipt) {
            (TxState::Final { .. }, _) => Ok(Answers::new()),
            (_, Some(receipt)) => self.included(&tx, receipt).await,
            (TxState::Pending, None) if tx.attempts.is_empty() => {
                let is_open = gate.is_open(&tx.tx.effects).await?;
                let input = if is_open { B256::from_slice(&tx.tx.input) } else { NOTHING };
                let is_known = self.attempt(&mut tx, input).await?;
                Ok(self.delivered(&tx, is_known))
            }
            (TxState::Pending, None) if !self.is_wanted(&tx, gate).await? => {
                let is_known = self.attempt(&mut tx, NOTHING).await?;
                Ok(self.delivered(&tx, is_known))
            }
            (TxState::Pending, None) => {
                let age = tx.attempts.last().map_or(0, |last| self.clock.now() - last.at);
                let is_known = match input_of(&tx) {
                    Some(input) if age >= STUCK_AFTER => self.attempt(&mut tx, input).await?,
                    _ => self.deliver(&tx),
                };
                Ok(self.delivered(&tx, is_known))
            }
            (TxState::Included { height, block, .. }, None) => {
                let (height, block) = (*height, *block);
                let is_replaced =
                    self.universe.lock().destination.block_hash(height).is_some_and(|found| found != block);
                if is_replaced { self.reorged(tx, gate).await } else { Ok(Answers::new()) }
            }
        }
    }

    async fn included(&self, tx: &JournaledTx, receipt: Receipt) -> Result<Answers, SubmitError> {
        let Receipt { hash, height, block, success, done } = receipt;
        let state = TxState::Included { hash, height, block, success, gas_used: 100, fee: U256::from(1000) };
        if tx.state != state {
            self.journal.set_state(tx.number, state).await.map_err(journal_error)?;
        }
        let universe = self.universe.lock();
        let mut said = self.said();
        if !universe.destination.is_final(height) {
            let included = Progress::Included { tx: tx_ref(hash) };
            let effects = tx.tx.effects.iter().zip(done).filter(|(_, is_done)| *is_done);
            return Ok(effects.filter_map(|(effect, _)| said.news(*effect, included.clone())).collect());
        }
        let chain = &universe.destination;
        let calls = chain.decode(B256::from_slice(&tx.tx.input));
        let mut answers = Answers::new();
        let are_done = done.iter().copied().chain(std::iter::repeat(false));
        for ((effect, call), is_ours) in tx.tx.effects.iter().zip(calls).zip(are_done) {
            let progress = match done_elsewhere(chain.finalized(), call) {
                _ if is_ours => finalized(hash),
                Some(progress) => progress,
                None if is_done(chain.latest(), call) || (!success && tx.tx.effects.len() > 1) => Progress::Reverted,
                None => not_now("the transaction did not carry it out"),
            };
            answers.extend(said.news(*effect, progress));
        }
        let success = success && done.len() == tx.tx.effects.len() && done.iter().all(|is_done| *is_done);
        said.ended.push((tx.number, TxState::Final { hash, success }, tx.tx.effects.clone()));
        Ok(answers)
    }

    /// Whether its newest form may leave the house again.
    async fn is_wanted<G: SendGate>(&self, tx: &JournaledTx, gate: &G) -> Result<bool, SubmitError> {
        let asks = input_of(tx) != Some(NOTHING) && !self.universe.lock().is_unheeding();
        Ok(!asks || gate.is_open(&tx.tx.effects).await?)
    }

    async fn reorged<G: SendGate>(&self, mut tx: JournaledTx, gate: &G) -> Result<Answers, SubmitError> {
        let was_done = matches!(tx.state, TxState::Included { success: true, .. });
        self.journal.set_state(tx.number, TxState::Pending).await.map_err(journal_error)?;
        tx.state = TxState::Pending;
        let mut answers = Answers::new();
        if was_done {
            let mut said = self.said();
            answers.extend(tx.tx.effects.iter().filter_map(|effect| said.news(*effect, Progress::Reorged)));
        }
        if self.is_wanted(&tx, gate).await? {
            let is_known = self.deliver(&tx);
            answers.extend(self.delivered(&tx, is_known));
        }
        Ok(answers)
    }

    fn delivered(&self, tx: &JournaledTx, is_known: bool) -> Answers {
        let Some(progress) = broadcast(tx).filter(|_| is_known) else { return Answers::new() };
        let mut said = self.said();
        tx.tx.effects.iter().filter_map(|effect| said.news(*effect, progress.clone())).collect()
    }
}

impl Submitter for SimSubmitter {
    async fn submit<G: SendGate>(&self, due: &[DueEffect], gate: &G) -> Result<Answers, SubmitError> {
        let (mut answers, mut candidates) = (Answers::new(), Vec::new());
        for due in due {
            match self.journaled(due.id).await? {
                Journaled::Open => answers.extend(self.said().last.get(&due.id).map(|said| (due.id, said.clone()))),
                Journaled::Succeeded(hash) => candidates.push((due.clone(), Some(hash), false)),
                Journaled::Sendable { failed: Some((at, 1)) } if self.clock.now() < at + REVERTED_SECONDS => {}
                Journaled::Sendable { failed } => candidates.push((due.clone(), None, failed.is_some())),
            }
        }
        self.node(10)?;
        let left = self.without_done(candidates, &mut answers);
        for group in self.vet(left, &mut answers) {
            let effects: Vec<EffectId> = group.iter().map(|due| due.id).collect();
            if self.universe.lock().is_unheeding() || gate.is_open(&effects).await? {
                self.send(group, &mut answers).await?;
            }
        }
        Ok(answers)
    }

    async fn follow<G: SendGate>(&self, gate: &G) -> Result<Answers, SubmitError> {
        self.close_ended().await?;
        let open = self.journal.open_txs(&keys::destination(), ACCOUNT).await.map_err(journal_error)?;
        let (mut answers, mut failure) = (Answers::new(), None);
        for tx in open {
            match self.node(5) {
                Ok(()) => match self.follow_one(tx, gate).await {
                    Ok(news) => answers.extend(news),
                    Err(error) => failure = Some(error),
                },
                Err(error) => failure = Some(error),
            }
        }
        match failure {
            Some(error) if answers.is_empty() => Err(error),
            _ => Ok(answers),
        }
    }

    async fn is_sent(&self, effect: EffectId) -> Result<bool, SubmitError> {
        Ok(!matches!(self.journaled(effect).await?, Journaled::Sendable { .. }))
    }

    async fn is_paid(&self, deposit: B256) -> Result<bool, SubmitError> {
        Ok(self.universe.lock().destination.latest().payment(DepositId(deposit)).is_some())
    }
}

fn is_done(state: &State, effect: &Effect) -> bool {
    match effect {
        Effect::PayFast { deposit, .. }
        | Effect::PayProven { deposit, .. }
        | Effect::ConfirmUnpaid { deposit }
        | Effect::ConfirmPaid { deposit } => state.payment(deposit.id()).is_some(),
        Effect::Settle { deposit, .. } => {
            state.payment(deposit.id()).is_some_and(|p| p.is_proven && p.lane == Lane::Fast)
        }
        Effect::CloseOverdue { deposit } => state.closed.contains(&deposit.source_chain),
        _ => false,
    }
}

/// What is to be said of an effect that someone else had done, if `state` says so.
fn done_elsewhere(state: &State, effect: &Effect) -> Option<Progress> {
    if !is_done(state, effect) {
        return None;
    }
    match effect {
        Effect::PayFast { deposit, .. }
        | Effect::PayProven { deposit, .. }
        | Effect::ConfirmUnpaid { deposit }
        | Effect::ConfirmPaid { deposit } => {
            state.payment(deposit.id()).map(|payment| Progress::PaidElsewhere { lane: payment.lane })
        }
        _ => Some(finalized(B256::ZERO)),
    }
}

fn calldata(group: &[DueEffect]) -> B256 {
    let mut bytes = Vec::new();
    for due in group {
        bytes.extend(due.id.0);
        match &due.effect {
            Effect::PayFast { attestation, .. } => {
                bytes.extend(attestation.batch.root);
                bytes.extend(attestation.batch.expiry.to_be_bytes());
                bytes.extend(attestation.signatures.iter().flat_map(|signature| signature.as_bytes()));
            }
            Effect::PayProven { evidence, checkpoint, .. } | Effect::Settle { evidence, checkpoint, .. } => {
                bytes.extend(evidence.root());
                bytes.extend(checkpoint.signatures.iter().flat_map(|signature| signature.as_bytes()));
            }
            _ => {}
        }
    }
    keccak256(bytes)
}

fn tx_ref(hash: B256) -> TxRef {
    TxRef { chain: keys::destination(), hash, gas_used: None }
}

/// What the newest signed form calls.
/// Calldata of the newest signed form.
pub fn input_of(tx: &JournaledTx) -> Option<B256> {
    tx.attempts.last().map(|attempt| B256::from_slice(&attempt.raw[..32]))
}

fn broadcast(tx: &JournaledTx) -> Option<Progress> {
    let newest = tx.attempts.last().filter(|_| input_of(tx) != Some(NOTHING));
    newest.map(|attempt| Progress::Broadcast { tx: tx_ref(attempt.hash) })
}

fn finalized(hash: B256) -> Progress {
    Progress::Finalized { tx: tx_ref(hash) }
}

fn not_now(reason: &str) -> Progress {
    Progress::Refused { reason: reason.to_owned(), lasting: Lasting::ForNow }
}

fn journal_error(error: StoreError) -> SubmitError {
    SubmitError::Journal(error.to_string())
}
