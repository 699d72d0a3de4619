//! What a submitter is asked and what it answers.

use alloy_primitives::B256;
use spandrel_core::submission::{DueEffect, Lasting, Progress, SendGate, SubmitError, Submitter};
use spandrel_core::{Effect, EffectId, Executor, Turn};
use spandrel_verifiers::{ChainId, Deposit, DepositId};

use crate::world::{CHAIN, World};

pub fn due(deposit: &Deposit, effect: Effect) -> DueEffect {
    let executor = Executor::Destination { chain: ChainId::eip155(CHAIN) };
    DueEffect { id: effect.id(deposit.id(), &executor, Turn::default()), effect }
}

/// A gate that is open.
pub struct Open;

impl SendGate for Open {
    async fn is_open(&self, _: &[EffectId]) -> Result<bool, SubmitError> {
        Ok(true)
    }

    async fn may_execute(&self, _: DepositId) -> Result<bool, SubmitError> {
        Ok(true)
    }
}

/// A gate that is closed.
pub struct Closed;

impl SendGate for Closed {
    async fn is_open(&self, _: &[EffectId]) -> Result<bool, SubmitError> {
        Ok(false)
    }

    async fn may_execute(&self, _: DepositId) -> Result<bool, SubmitError> {
        Ok(false)
    }
}

/// The last thing said of an effect.
pub fn said(answers: &[(EffectId, Progress)], effect: &DueEffect) -> Option<Progress> {
    answers.iter().rev().find(|(id, _)| *id == effect.id).map(|(_, progress)| progress.clone())
}

pub fn refusal(progress: Option<Progress>) -> (String, Lasting) {
    match progress {
        Some(Progress::Refused { reason, lasting }) => (reason, lasting),
        other => panic!("expected a refusal, found {other:?}"),
    }
}

pub fn hash_of(progress: Option<Progress>) -> B256 {
    match progress {
        Some(Progress::Broadcast { tx } | Progress::Included { tx } | Progress::Finalized { tx }) => tx.hash,
        other => panic!("expected a transaction, found {other:?}"),
    }
}

pub fn is_final(progress: &Option<Progress>) -> bool {
    matches!(progress, Some(Progress::Finalized { .. } | Progress::PaidElsewhere { .. }))
}

pub fn is_promised(progress: &Option<Progress>) -> bool {
    matches!(progress, Some(Progress::Promised { .. }))
}

/// Follows, one block a round, until every effect was answered as final.
pub async fn follow_to_the_end<S: Submitter>(world: &World, destination: &S, due: &[DueEffect]) {
    let mut missing: Vec<EffectId> = due.iter().map(|due| due.id).collect();
    for _ in 0..10 {
        world.anvil.mine(1).await.unwrap();
        for (effect, progress) in destination.follow(&Open).await.unwrap() {
            if is_final(&Some(progress)) {
                missing.retain(|id| *id != effect);
            }
        }
        if missing.is_empty() {
            return;
        }
    }
    panic!("not final: {missing:?}");
}
