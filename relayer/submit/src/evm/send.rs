//! Journal, sign, journal, broadcast: in this order, because a crash may come between any two.
//!
//! - `open_tx` gives the nonce and stores the intent. After a crash here, following signs it.
//! - `add_attempt` stores the signed bytes. After a crash here, following broadcasts the very same bytes.
//! - Only then are they broadcast, if the gate is open for them: it is asked last, with nothing between its answer and the
//!   node. Whatever that answers, the journal owns the transaction from here on, and no second one is made for its effects.

use alloy::consensus::{SignableTransaction, Transaction, TxEip1559, TxEnvelope};
use alloy::eips::eip2718::{Decodable2718, Encodable2718};
use alloy_primitives::{B256, Bytes, TxKind, U256};
use spandrel_core::EffectId;
use spandrel_core::TxRef;
use spandrel_core::journal::{Attempt, Journal, JournaledTx, NewTx};
use spandrel_core::ledger::StoreError;
use spandrel_core::submission::{Progress, SendGate, SubmitError};
use spandrel_signer::DigestSigner;

use super::EvmDestination;
use super::build::{self, Call};
use super::fees::{self, Fees};
use super::rpc_error::SendFault;

/// Whether a node has a signed transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Delivery {
    /// It is in the pool or in a block.
    Known,
    /// Another transaction with its nonce, or the node's floor, asks for more.
    Outbid,
    /// Not now; following tries again.
    NotYet,
    /// The node refuses it for what it is.
    Refused,
    /// The gate has closed for it: it was not broadcast.
    Unwanted,
}

/// What a signed form of a journaled transaction does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Content {
    /// What was journaled.
    Carried,
    /// Nothing but use up its nonce: an empty transfer to ourselves.
    Nothing,
}

/// Gas of a transfer without data.
const TRANSFER_GAS: u64 = 21_000;

impl<J: Journal, K: DigestSigner> EvmDestination<J, K> {
    /// Sends a call that was simulated. `None` when one of its effects is in another transaction already, or the gate is
    /// closed.
    pub(super) async fn send<G: SendGate>(
        &self,
        call: Call,
        gas_limit: u64,
        effects: Vec<EffectId>,
        gate: &G,
    ) -> Result<Option<(JournaledTx, Delivery)>, SubmitError> {
        let fees = self.market_fees().await?;
        let new = NewTx {
            chain: self.config.chain.clone(),
            signer: self.account(),
            effects,
            to: call.to,
            input: call.input,
            gas_limit,
            chain_nonce: self.rpc.nonce(self.account(), None).await?,
        };
        if !self.is_wanted(&new, gate).await? {
            return Ok(None);
        }
        let mut tx = match self.journal.open_tx(new, (self.clock)()).await {
            Ok(tx) => tx,
            Err(StoreError::Conflict { .. }) => return Ok(None),
            Err(error) => return Err(journal_error(error)),
        };
        let delivery = self.attempt(&mut tx, Content::Carried, fees, gate).await?;
        Ok(Some((tx, delivery)))
    }

    /// Signs a journaled transaction with these fees, journals the attempt, and broadcasts it.
    pub(super) async fn attempt<G: SendGate>(
        &self,
        tx: &mut JournaledTx,
        content: Content,
        fees: Fees,
        gate: &G,
    ) -> Result<Delivery, SubmitError> {
        let attempt = self.sign(tx, content, fees).await?;
        self.journal.add_attempt(tx.number, attempt.clone()).await.map_err(journal_error)?;
        tx.attempts.push(attempt);
        self.deliver(tx, gate).await
    }

    /// Whether what a transaction carries or executes may leave the house now.
    pub(super) async fn is_wanted<G: SendGate>(&self, tx: &NewTx, gate: &G) -> Result<bool, SubmitError> {
        if let Some(deposit) = build::executed(&tx.input)
            && !gate.may_execute(deposit).await?
        {
            return Ok(false);
        }
        gate.is_open(&tx.effects).await
    }

    /// Broadcasts the newest attempt, if what it carries is still wanted. After an ambiguous answer every attempt's hash is
    /// asked for.
    pub(super) async fn deliver<G: SendGate>(&self, tx: &JournaledTx, gate: &G) -> Result<Delivery, SubmitError> {
        let Some(attempt) = tx.attempts.last() else { return Ok(Delivery::NotYet) };
        if self.content_of(tx) == Content::Carried && !self.is_wanted(&tx.tx, gate).await? {
            return Ok(Delivery::Unwanted);
        }
        let Err((fault, reason)) = self.rpc.broadcast(&attempt.raw).await else { return Ok(Delivery::Known) };
        let (nonce, hash) = (tx.nonce, attempt.hash);
        match fault {
            SendFault::AlreadyKnown => Ok(Delivery::Known),
            SendFault::NonceTooLow | SendFault::Unanswered => {
                tracing::info!(nonce, %hash, %reason, "ambiguous answer to a broadcast");
                for attempt in &tx.attempts {
                    if self.rpc.knows(attempt.hash).await? {
                        return Ok(Delivery::Known);
                    }
                }
                Ok(Delivery::NotYet)
            }
            SendFault::ReplacementUnderpriced | SendFault::Underpriced => {
                tracing::info!(nonce, %hash, %reason, "the node asks for more");
                Ok(Delivery::Outbid)
            }
            SendFault::InsufficientFunds | SendFault::Rejected => {
                tracing::error!(nonce, %hash, %reason, account = %self.account(), "the node refuses a transaction");
                Ok(if fault == SendFault::Rejected { Delivery::Refused } else { Delivery::NotYet })
            }
        }
    }

    /// What the market suggests now, within the policy.
    pub(super) async fn market_fees(&self) -> Result<Fees, SubmitError> {
        let market = self.rpc.market().await?;
        Ok(fees::suggest(market.next_base_fee, &market.priorities, &self.config.fees))
    }

    /// How a transaction is named to the outside.
    pub(super) fn tx_ref(&self, hash: B256, gas_used: Option<u64>) -> TxRef {
        TxRef { chain: self.config.chain.clone(), hash, gas_used }
    }

    /// `Broadcast` under the newest attempt's hash.
    pub(super) fn broadcast_progress(&self, tx: &JournaledTx) -> Option<Progress> {
        let hash = tx.attempts.last()?.hash;
        Some(Progress::Broadcast { tx: self.tx_ref(hash, None) })
    }

    /// What the newest signed form does; what was journaled when nothing is signed yet.
    pub(super) fn content_of(&self, tx: &JournaledTx) -> Content {
        let newest = tx.attempts.last().and_then(|attempt| TxEnvelope::decode_2718_exact(&attempt.raw).ok());
        match newest {
            Some(signed) if signed.to() == Some(self.account()) && signed.input().is_empty() => Content::Nothing,
            _ => Content::Carried,
        }
    }

    async fn sign(&self, tx: &JournaledTx, content: Content, fees: Fees) -> Result<Attempt, SubmitError> {
        let (to, input, gas_limit) = match content {
            Content::Carried => (tx.tx.to, tx.tx.input.clone(), tx.tx.gas_limit),
            Content::Nothing => (self.account(), Bytes::new(), TRANSFER_GAS),
        };
        let unsigned = TxEip1559 {
            chain_id: self.chain_number,
            nonce: tx.nonce,
            gas_limit,
            max_fee_per_gas: fees.max,
            max_priority_fee_per_gas: fees.priority,
            to: TxKind::Call(to),
            value: U256::ZERO,
            access_list: Default::default(),
            input,
        };
        let signature = self.signer.sign(unsigned.signature_hash()).await.map_err(|error| SubmitError::Transient {
            endpoint: format!("signer {}", self.account()),
            reason: error.to_string(),
        })?;
        let signed = unsigned.into_signed(signature);
        let hash = *signed.hash();
        Ok(Attempt {
            hash,
            raw: TxEnvelope::from(signed).encoded_2718().into(),
            max_fee_per_gas: fees.max,
            max_priority_fee_per_gas: fees.priority,
            at: (self.clock)(),
        })
    }
}

pub(super) fn journal_error(error: StoreError) -> SubmitError {
    SubmitError::Journal(error.to_string())
}
