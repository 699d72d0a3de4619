//! The port of the transaction journal: what was sent, under which nonce, before it was sent.

use std::future::Future;

use alloy_primitives::{Address, B256, Bytes, U256};
use serde::{Deserialize, Serialize};
use spandrel_verifiers::{ChainId, UnixSeconds};

use crate::EffectId;
use crate::ledger::StoreError;

/// A transaction to be journaled; the nonce is assigned by the journal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewTx {
    /// Destination.
    pub chain: ChainId,
    /// Signing account.
    pub signer: Address,
    /// The effects it carries out, in order; empty for a cancellation.
    pub effects: Vec<EffectId>,
    /// Contract.
    pub to: Address,
    /// Calldata.
    pub input: Bytes,
    /// Gas limit.
    pub gas_limit: u64,
    /// The account's next nonce by the chain, a lower bound for the assigned one.
    pub chain_nonce: u64,
}

/// One signed form of a journaled transaction.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attempt {
    /// Transaction hash.
    pub hash: B256,
    /// Signed EIP-2718 bytes.
    pub raw: Bytes,
    /// Wei per gas.
    pub max_fee_per_gas: u128,
    /// Wei per gas.
    pub max_priority_fee_per_gas: u128,
    /// When it was signed.
    pub at: UnixSeconds,
}

/// How far a journaled transaction is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum TxState {
    /// Nonce assigned; maybe broadcast, not seen in a block.
    Pending,
    /// In a block.
    Included {
        /// The hash that made it.
        hash: B256,
        /// Block number.
        height: u64,
        /// Block hash.
        block: B256,
        /// Whether it succeeded.
        success: bool,
        /// Gas used.
        gas_used: u64,
        /// Wei paid.
        fee: U256,
    },
    /// In a final block.
    Final {
        /// The hash that made it.
        hash: B256,
        /// Whether it succeeded.
        success: bool,
    },
}

/// A journaled transaction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JournaledTx {
    /// Journal number.
    pub number: i64,
    /// What was asked.
    pub tx: NewTx,
    /// Assigned nonce.
    pub nonce: u64,
    /// Signed forms, oldest first.
    pub attempts: Vec<Attempt>,
    /// How far it is.
    pub state: TxState,
}

/// The journal. Every method is one durable transaction.
pub trait Journal: Send + Sync {
    /// Assigns `max(highest journaled nonce of (chain, signer) + 1, chain_nonce)` and stores the intent. Refuses
    /// (`StoreError::Conflict`) when one of the effects is already in an open or successfully final transaction.
    fn open_tx(&self, tx: NewTx, now: UnixSeconds) -> impl Future<Output = Result<JournaledTx, StoreError>> + Send;

    /// Stores a signed form, before it is broadcast.
    fn add_attempt(&self, number: i64, attempt: Attempt) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// Moves the state.
    fn set_state(&self, number: i64, state: TxState) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// All transactions of (chain, signer) that are not final, by nonce.
    fn open_txs(
        &self,
        chain: &ChainId,
        signer: Address,
    ) -> impl Future<Output = Result<Vec<JournaledTx>, StoreError>> + Send;

    /// The newest transaction that carries `effect`, if any.
    fn tx_of(&self, effect: EffectId) -> impl Future<Output = Result<Option<JournaledTx>, StoreError>> + Send;

    /// The transactions that carried `effect`, are final and did not carry it out, oldest first.
    fn failed_txs_of(&self, effect: EffectId) -> impl Future<Output = Result<Vec<JournaledTx>, StoreError>> + Send;

    /// The transactions of (chain, signer) that made this very call, are final and failed, oldest first.
    fn failed_calls(
        &self,
        chain: &ChainId,
        signer: Address,
        to: Address,
        input: &Bytes,
    ) -> impl Future<Output = Result<Vec<JournaledTx>, StoreError>> + Send;
}
