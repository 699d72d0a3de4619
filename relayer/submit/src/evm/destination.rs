//! One EVM destination: its parts, and the port it fulfils.

use alloy_primitives::{Address, B256};
use spandrel_contracts::{Inbox, PauseController};
use spandrel_core::EffectId;
use spandrel_core::journal::Journal;
use spandrel_core::submission::{DueEffect, Progress, SendGate, SubmitError, Submitter};
use spandrel_signer::DigestSigner;
use tokio::sync::Mutex;

use super::config::{Clock, EvmConfig, permanent};
use super::memory::Memory;
use super::rpc::Rpc;
use super::submit::Journaled;

/// Carries effects out on one EVM chain, with one account and one journal.
///
/// An effect that `submit` does not answer at all waits for something that is under way; it can be submitted again at
/// any time. What is open is followed, rebroadcast and repriced while the gate is open for it, and called back by a
/// transaction that does nothing once it is not: its nonce has to be used before anything else can be sent. Nothing but this
/// destination may send with the same account: a transaction from elsewhere with one of our nonces is found, reported and
/// worked around, but it costs time.
pub struct EvmDestination<J, K> {
    pub(super) config: EvmConfig,
    pub(super) chain_number: u64,
    pub(super) guard: Address,
    pub(super) rpc: Rpc,
    pub(super) witnesses: Vec<Rpc>,
    pub(super) journal: J,
    pub(super) signer: K,
    pub(super) clock: Clock,
    /// Also the lane's lock: one call at a time assigns nonces.
    memory: Mutex<Memory>,
}

impl<J: Journal, K: DigestSigner> EvmDestination<J, K> {
    /// Checks the configuration against the node: chain number, `eth_simulateV1`, an `Inbox` at its address, and a
    /// `PauseController` that takes statements which name it.
    ///
    /// Errors: `Permanent` when it can never work like this, `Transient` when the node does not answer.
    pub async fn connect(config: EvmConfig, journal: J, signer: K, clock: Clock) -> Result<Self, SubmitError> {
        let expected = config.validate()?;
        let rpc = Rpc::new(&config.rpc_url, config.timeout)?;
        let chain_number = rpc.chain_number().await?;
        require_chain(&rpc, expected, chain_number)?;
        let mut witnesses = Vec::new();
        for url in &config.witnesses {
            let witness = Rpc::new(url, config.timeout)?;
            match witness.chain_number().await {
                Ok(found) => require_chain(&witness, expected, found)?,
                Err(error) => tracing::warn!(%error, "a witness does not answer: nothing ends for good until it does"),
            }
            witnesses.push(witness);
        }
        let time = rpc.latest_time().await?.saturating_add(1);
        rpc.simulate(signer.address(), &[], time).await?;
        let guard = rpc.read(config.contracts.inbox, &Inbox::guardCall {}, None).await?;
        let named = rpc.read(config.contracts.pauses, &PauseController::inboxCall {}, None).await?;
        if named != config.contracts.inbox {
            return Err(permanent(
                "contracts.inbox",
                format!("{named}, the pause controller's"),
                config.contracts.inbox,
            ));
        }
        Ok(Self { config, chain_number, guard, rpc, witnesses, journal, signer, clock, memory: Mutex::default() })
    }

    /// The account that sends.
    pub fn account(&self) -> Address {
        self.signer.address()
    }
}

fn require_chain(rpc: &Rpc, expected: u64, found: u64) -> Result<(), SubmitError> {
    if found == expected {
        return Ok(());
    }
    Err(permanent(format!("chain id of {}", rpc.url()), expected, found))
}

impl<J: Journal, K: DigestSigner> Submitter for EvmDestination<J, K> {
    async fn submit<G: SendGate>(&self, due: &[DueEffect], gate: &G) -> Result<Vec<(EffectId, Progress)>, SubmitError> {
        self.submit_due(due, gate, &mut *self.memory.lock().await).await
    }

    async fn follow<G: SendGate>(&self, gate: &G) -> Result<Vec<(EffectId, Progress)>, SubmitError> {
        self.follow_open(gate, &mut *self.memory.lock().await).await
    }

    async fn is_sent(&self, effect: EffectId) -> Result<bool, SubmitError> {
        Ok(!matches!(self.journaled(effect).await?, Journaled::Sendable { .. }))
    }

    async fn is_paid(&self, deposit: B256) -> Result<bool, SubmitError> {
        Ok(self.facts_by(&self.rpc, deposit, None).await?.is_paid())
    }
}
