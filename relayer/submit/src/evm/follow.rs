//! Following: every open transaction is brought nearer to its end, and what changed is answered.
//!
//! - Every attempt's hash is asked for, not only the newest: any of them may be the one that was mined.
//! - A block is remembered by its hash; when another block stands at its height, the transaction is pending again.
//! - A transaction counts as lost to a stranger only when its nonce is used in a *final* block and none of its
//!   attempts has a receipt.
//! - What is not wanted any more (paused, its deposit gone) is not broadcast again: its nonce is used up instead. The same
//!   goes for the execution of a delayed payment, which carries no effect and pays.
//! - An end is journaled by the call after the one that answered it (see `memory`).

use alloy::rpc::types::TransactionReceipt;
use alloy_primitives::{B256, U256};
use spandrel_core::EffectId;
use spandrel_core::journal::{Journal, JournaledTx, TxState};
use spandrel_core::submission::{Progress, SendGate, SubmitError};
use spandrel_signer::DigestSigner;

use super::EvmDestination;
use super::ending::End;
use super::fees::{self, Fees};
use super::memory::Memory;
use super::outcome::Outcome;
use super::rpc::{Head, Rpc};
use super::send::{Content, Delivery, journal_error};

type Answers = Vec<(EffectId, Progress)>;

/// Where chain and account stand.
struct View {
    head: Head,
    /// The account's next nonce after the newest block.
    nonce: u64,
    /// The account's next nonce after the newest final block.
    final_nonce: u64,
}

impl<J: Journal, K: DigestSigner> EvmDestination<J, K> {
    pub(super) async fn follow_open<G: SendGate>(&self, gate: &G, memory: &mut Memory) -> Result<Answers, SubmitError> {
        self.close_ended(memory).await?;
        let open = self.journal.open_txs(&self.config.chain, self.account()).await.map_err(journal_error)?;
        if open.is_empty() {
            return Ok(Answers::new());
        }
        let view = self.view().await?;
        let (mut answers, mut failure) = (Answers::new(), None);
        for tx in open {
            let (number, nonce) = (tx.number, tx.nonce);
            match self.follow_one(tx, &view, gate, memory).await {
                Ok(news) => answers.extend(news),
                Err(error) => {
                    tracing::warn!(number, nonce, %error, "a transaction could not be followed now");
                    failure = Some(error);
                }
            }
        }
        match failure {
            Some(error) if answers.is_empty() => Err(error),
            _ => Ok(answers),
        }
    }

    async fn close_ended(&self, memory: &mut Memory) -> Result<(), SubmitError> {
        while let Some(ended) = memory.ended().first() {
            self.journal.set_state(ended.number, ended.state.clone()).await.map_err(journal_error)?;
            memory.forget_first_ended();
        }
        Ok(())
    }

    async fn view(&self) -> Result<View, SubmitError> {
        let head = self.rpc.head(self.config.confirmation).await?;
        let nonce = self.rpc.nonce(self.account(), None).await?;
        let final_nonce = match head.last_final {
            Some(height) => self.rpc.nonce(self.account(), Some(height)).await?,
            None => 0,
        };
        Ok(View { head, nonce, final_nonce })
    }

    async fn follow_one<G: SendGate>(
        &self,
        tx: JournaledTx,
        view: &View,
        gate: &G,
        memory: &mut Memory,
    ) -> Result<Answers, SubmitError> {
        let receipt = self.receipt_by(&self.rpc, &tx).await?;
        match (&tx.state, receipt) {
            (TxState::Final { .. }, _) => Ok(Answers::new()),
            (TxState::Pending, Some(receipt)) => self.included(&tx, &receipt, &view.head, memory).await,
            (TxState::Pending, None) if tx.attempts.is_empty() => self.first_attempt(tx, gate, memory).await,
            (TxState::Pending, None) if view.nonce > tx.nonce => self.nonce_used(&tx, view, memory).await,
            (TxState::Pending, None) => self.keep_alive(tx, gate, memory).await,
            (TxState::Included { .. }, Some(receipt)) => self.included(&tx, &receipt, &view.head, memory).await,
            (TxState::Included { height, block, .. }, None) => {
                let (height, block) = (*height, *block);
                if self.is_replaced(height, block, &view.head).await? {
                    self.reorged(tx, gate, memory).await
                } else {
                    Ok(Answers::new())
                }
            }
        }
    }

    /// The receipt of whichever attempt was mined, by the word of `rpc`.
    pub(super) async fn receipt_by(
        &self,
        rpc: &Rpc,
        tx: &JournaledTx,
    ) -> Result<Option<TransactionReceipt>, SubmitError> {
        for attempt in tx.attempts.iter().rev() {
            if let Some(receipt) = rpc.receipt(attempt.hash).await?
                && receipt.block_number.is_some()
            {
                return Ok(Some(receipt));
            }
        }
        Ok(None)
    }

    /// The nonce was assigned, and the process died before anything was signed: the same intent is signed now, if the
    /// gate is still open for all of it. If not, its nonce is used by a transaction that does nothing, so that what
    /// comes after it, such as a pause or a settlement, need not wait.
    async fn first_attempt<G: SendGate>(
        &self,
        mut tx: JournaledTx,
        gate: &G,
        memory: &mut Memory,
    ) -> Result<Answers, SubmitError> {
        let fees = self.market_fees().await?;
        let content = if self.is_wanted(&tx.tx, gate).await? { Content::Carried } else { Content::Nothing };
        let delivery = self.attempt(&mut tx, content, fees, gate).await?;
        Ok(self.delivered(&tx, delivery, memory))
    }

    /// Broadcasts the newest attempt again (it may never have arrived, or have been forgotten), with a higher fee when
    /// it is stuck or outbid. What the gate has closed for since is called back instead, and so is what the node has refused
    /// for as long as others wait for a higher fee: everything behind its nonce waits, pauses too.
    async fn keep_alive<G: SendGate>(
        &self,
        mut tx: JournaledTx,
        gate: &G,
        memory: &mut Memory,
    ) -> Result<Answers, SubmitError> {
        let delivery = self.deliver(&tx, gate).await?;
        if delivery == Delivery::Unwanted {
            return self.call_back(tx, gate, memory).await;
        }
        let age = tx.attempts.last().map_or(0, |attempt| (self.clock)().saturating_sub(attempt.at));
        let is_old = age >= self.config.escalate_after;
        if is_old && delivery == Delivery::Refused && self.content_of(&tx) == Content::Carried {
            memory.refuse(&tx.tx.effects, (self.clock)());
            return self.call_back(tx, gate, memory).await;
        }
        let is_stuck = is_old && delivery == Delivery::Known;
        if !is_stuck && delivery != Delivery::Outbid {
            return Ok(self.delivered(&tx, delivery, memory));
        }
        let delivery = match self.escalated_fees(&tx).await? {
            Some(fees) => {
                tracing::info!(nonce = tx.nonce, max_fee = fees.max, age, "raising the fee of a stuck transaction");
                let content = self.content_of(&tx);
                self.attempt(&mut tx, content, fees, gate).await?
            }
            None => {
                tracing::warn!(nonce = tx.nonce, age, "a transaction is stuck and its fee is at the cap");
                delivery
            }
        };
        Ok(self.delivered(&tx, delivery, memory))
    }

    /// Outbids it by a transaction that does nothing, so that it is not mined if that can still be helped, and what comes
    /// after its nonce, such as a pause, need not wait.
    async fn call_back<G: SendGate>(
        &self,
        mut tx: JournaledTx,
        gate: &G,
        memory: &mut Memory,
    ) -> Result<Answers, SubmitError> {
        let Some(fees) = self.escalated_fees(&tx).await? else {
            tracing::warn!(nonce = tx.nonce, "a transaction that is to be called back cannot be outbid: at the cap");
            return Ok(Answers::new());
        };
        tracing::warn!(
            nonce = tx.nonce,
            max_fee = fees.max,
            "a transaction is called back: it is not wanted, or not taken"
        );
        let delivery = self.attempt(&mut tx, Content::Nothing, fees, gate).await?;
        Ok(self.delivered(&tx, delivery, memory))
    }

    async fn escalated_fees(&self, tx: &JournaledTx) -> Result<Option<Fees>, SubmitError> {
        let (Some(first), Some(last)) = (tx.attempts.first(), tx.attempts.last()) else { return Ok(None) };
        let fees = |attempt: &spandrel_core::journal::Attempt| Fees {
            max: attempt.max_fee_per_gas,
            priority: attempt.max_priority_fee_per_gas,
        };
        let market = self.market_fees().await?;
        Ok(fees::escalate(fees(first), fees(last), market, &self.config.fees))
    }

    fn delivered(&self, tx: &JournaledTx, delivery: Delivery, memory: &mut Memory) -> Answers {
        match self.broadcast_progress(tx) {
            Some(progress) if delivery == Delivery::Known && self.content_of(tx) == Content::Carried => {
                tx.tx.effects.iter().filter_map(|effect| memory.news(*effect, progress.clone())).collect()
            }
            _ => Answers::new(),
        }
    }

    /// It stands in a block: journals where, and answers `Included`, or `Finalized` when the block is final.
    async fn included(
        &self,
        tx: &JournaledTx,
        receipt: &TransactionReceipt,
        head: &Head,
        memory: &mut Memory,
    ) -> Result<Answers, SubmitError> {
        let (Some(height), Some(block)) = (receipt.block_number, receipt.block_hash) else {
            return Ok(Answers::new());
        };
        let state = TxState::Included {
            hash: receipt.transaction_hash,
            height,
            block,
            success: receipt.status(),
            gas_used: receipt.gas_used,
            fee: U256::from(receipt.gas_used) * U256::from(receipt.effective_gas_price),
        };
        if tx.state != state {
            if !receipt.status() {
                tracing::warn!(nonce = tx.nonce, hash = %receipt.transaction_hash, "a transaction was mined and reverted");
            }
            self.journal.set_state(tx.number, state).await.map_err(journal_error)?;
        }
        let outcomes = self.outcomes_of(tx, receipt);
        let is_final = head.is_final(height)
            && self.rpc.block_hash(height).await? == Some(block)
            && self.is_final_by_all(receipt.transaction_hash, height, block, receipt.status()).await;
        if is_final {
            let end =
                End { hash: receipt.transaction_hash, gas_used: Some(receipt.gas_used), success: receipt.status() };
            return self.ended(tx, end, outcomes, head, memory).await;
        }
        let included = Progress::Included { tx: self.tx_ref(receipt.transaction_hash, Some(receipt.gas_used)) };
        let done = tx.tx.effects.iter().zip(&outcomes).filter(|(_, outcome)| **outcome == Outcome::Done);
        Ok(done.filter_map(|(effect, _)| memory.news(*effect, included.clone())).collect())
    }

    /// Its nonce is used, and not by any attempt that the node has a receipt of. Until the user of the nonce is final
    /// that may be a lagging node or a block that goes away; afterwards a stranger has our key or we lost our journal.
    async fn nonce_used(&self, tx: &JournaledTx, view: &View, memory: &mut Memory) -> Result<Answers, SubmitError> {
        let (nonce, account) = (tx.nonce, self.account());
        if view.final_nonce <= nonce {
            tracing::warn!(nonce, %account, "a nonce is used by a transaction that is not in the journal");
            return Ok(Answers::new());
        }
        if !self.is_nonce_lost_by_all(tx, account).await {
            return Ok(Answers::new());
        }
        tracing::error!(nonce, %account, "a nonce is finally used by a transaction that is not in the journal");
        let outcomes = vec![Outcome::Undone; tx.tx.effects.len()];
        let end = End { hash: B256::ZERO, gas_used: None, success: false };
        self.ended(tx, end, outcomes, &view.head, memory).await
    }

    /// Whether another block than `block` stands at `height`. A node that is not that far knows nothing.
    async fn is_replaced(&self, height: u64, block: B256, head: &Head) -> Result<bool, SubmitError> {
        if head.number < height {
            return Ok(false);
        }
        Ok(self.rpc.block_hash(height).await?.is_some_and(|canonical| canonical != block))
    }

    /// Its block is gone: it is pending again, and its newest attempt is broadcast again if it is still wanted. One that
    /// is not is called back once this is known to who asked for it.
    async fn reorged<G: SendGate>(
        &self,
        mut tx: JournaledTx,
        gate: &G,
        memory: &mut Memory,
    ) -> Result<Answers, SubmitError> {
        tracing::warn!(nonce = tx.nonce, "the block of a transaction was replaced");
        let was_done = matches!(tx.state, TxState::Included { success: true, .. });
        self.journal.set_state(tx.number, TxState::Pending).await.map_err(journal_error)?;
        tx.state = TxState::Pending;
        let mut answers = Answers::new();
        if was_done {
            answers.extend(tx.tx.effects.iter().filter_map(|effect| memory.news(*effect, Progress::Reorged)));
        }
        match self.deliver(&tx, gate).await {
            Ok(delivery) => answers.extend(self.delivered(&tx, delivery, memory)),
            Err(error) => tracing::warn!(nonce = tx.nonce, %error, "not broadcast again yet"),
        }
        Ok(answers)
    }
}
