//! The port of a destination chain.

use std::future::Future;

use alloy_primitives::B256;
use serde::{Deserialize, Serialize};
use spandrel_risk::Lane;
use spandrel_verifiers::{DepositId, UnixSeconds};

use crate::{Effect, EffectId, TxRef};

/// How far an effect is on its destination.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "progress", rename_all = "snake_case")]
pub enum Progress {
    /// Broadcast under this hash (again on each replacement).
    Broadcast {
        /// The transaction.
        tx: TxRef,
    },
    /// Stands in a block and succeeded.
    Included {
        /// The transaction.
        tx: TxRef,
    },
    /// Final on the destination and succeeded.
    Finalized {
        /// The transaction, or the zero hash when it was someone else's and is not known.
        tx: TxRef,
    },
    /// The deposit is finally paid by someone else's transaction, on this lane, which need not be the effect's.
    PaidElsewhere {
        /// On which lane.
        lane: Lane,
    },
    /// The destination has finally taken a fast payout on, by whoever's claim, and delays it: it owes it. Of a settlement: its
    /// proof is there, and what was promised is not paid yet.
    Promised {
        /// The claim or the settlement, or the zero hash when it was someone else's and is not known.
        tx: TxRef,
        /// From when it can be executed.
        until: UnixSeconds,
    },
    /// Was included, and the destination reorged it away; it is being broadcast again.
    Reorged,
    /// Its transaction was mined and carried nothing out, because of some item in it: each is to be submitted again,
    /// by itself.
    Reverted,
    /// Nothing to be done before this time has passed (Unix seconds), by the destination's word.
    NotYet {
        /// Which.
        until: UnixSeconds,
    },
    /// Will not succeed as it is: simulation or execution reverted with this reason. Nothing more will be sent.
    Refused {
        /// The contract's typed error, decoded.
        reason: String,
        /// For how long.
        lasting: Lasting,
    },
}

/// For how long a destination refuses an effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Lasting {
    /// Trying later may help: paused, a cap used up.
    ForNow,
    /// Never with this proof or attestation, perhaps with a newer one: a checkpoint too old, signers rotated out.
    WithThisProof,
    /// Never: expired, already paid, not payable at all.
    ForEver,
}

/// A due effect, as leased from the outbox.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DueEffect {
    /// Its id.
    pub id: EffectId,
    /// What to do.
    pub effect: Effect,
}

/// Why submission as a whole did not work now.
#[derive(Clone, Debug, thiserror::Error)]
pub enum SubmitError {
    /// The node did not answer: nothing is known, try again.
    #[error("{endpoint}: {reason}")]
    Transient {
        /// Which endpoint, without credentials.
        endpoint: String,
        /// What happened.
        reason: String,
    },
    /// The journal failed.
    #[error("journal: {0}")]
    Journal(String),
    /// Configuration is wrong.
    #[error("{field}: expected {expected}, found {found}")]
    Permanent {
        /// What.
        field: String,
        /// Expected.
        expected: String,
        /// Found.
        found: String,
    },
}

/// Asked last of all before anything leaves the house, after whatever time simulations, fees and signatures took.
pub trait SendGate: Send + Sync {
    /// Whether all of `effects` are still to be sent now.
    fn is_open(&self, effects: &[EffectId]) -> impl Future<Output = Result<bool, SubmitError>> + Send;

    /// Whether a payment of `deposit` that its destination has delayed may be executed now: that pays, whichever effect
    /// it is done for.
    fn may_execute(&self, deposit: DepositId) -> impl Future<Output = Result<bool, SubmitError>> + Send;
}

/// Carries effects out on one destination chain.
///
/// Guarantees: intent, nonce and raw transaction are in the journal before anything is broadcast; submitting an
/// effect id twice sends it once; after a crash, [`Submitter::follow`] takes up every open transaction again; nothing
/// is broadcast, not again either, unless the gate was open for all that it carries or executes right before; what it
/// has closed for already is not signed.
pub trait Submitter: Send + Sync {
    /// Builds, simulates, journals, signs and broadcasts a batch. One bad item never fails its neighbours. Answers
    /// what is known at once, per effect; the rest comes from [`Submitter::follow`]. What is not answered waits for
    /// something under way, or for the gate, and is to be submitted again.
    fn submit<G: SendGate>(
        &self,
        due: &[DueEffect],
        gate: &G,
    ) -> impl Future<Output = Result<Vec<(EffectId, Progress)>, SubmitError>> + Send;

    /// Follows open transactions: receipts, finality, reorgs, fee bumps. Answers what changed, per effect.
    fn follow<G: SendGate>(
        &self,
        gate: &G,
    ) -> impl Future<Output = Result<Vec<(EffectId, Progress)>, SubmitError>> + Send;

    /// Whether the journal holds a transaction of this effect that is open or succeeded. Answered from the journal alone.
    fn is_sent(&self, effect: EffectId) -> impl Future<Output = Result<bool, SubmitError>> + Send;

    /// Whether the destination already paid this deposit (asked before building and after any doubt).
    fn is_paid(&self, deposit: B256) -> impl Future<Output = Result<bool, SubmitError>> + Send;
}
