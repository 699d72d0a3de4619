//! Building evidence for deposits whose block is final.

use std::sync::Arc;

use spandrel_core::ledger::{EffectEnd, LeasedEffect, Ledger};
use spandrel_core::{Effect, Executor, Input};
use spandrel_verifiers::ChainId;
use spandrel_verifiers::follow::EvidenceSource;
use tracing::Instrument;

use crate::gate::{Gate, retry, wait};
use crate::{Book, Change, Clock, EngineError};

const LEASE_SECONDS: u64 = 60;
const BATCH: u32 = 16;

/// Builds evidence on one source chain.
pub struct EvidenceDesk<S, L, C> {
    chain: ChainId,
    source: S,
    book: Arc<Book<L, C>>,
}

impl<S: EvidenceSource, L: Ledger, C: Clock> EvidenceDesk<S, L, C> {
    /// A desk for `chain`.
    pub fn new(chain: ChainId, source: S, book: Arc<Book<L, C>>) -> Self {
        Self { chain, source, book }
    }

    /// Carries out what is due. Answers how many effects were taken.
    pub async fn build_once(&self) -> Result<usize, EngineError> {
        let now = self.book.clock().now();
        let executor = Executor::Evidence { chain: self.chain.clone() };
        let due = self.book.ledger().lease(&executor, now, now + LEASE_SECONDS, BATCH).await?;
        let taken = due.len();
        for leased in due {
            let span = tracing::info_span!("build_evidence", deposit = %leased.deposit, chain = %self.chain);
            self.build(leased).instrument(span).await?;
        }
        Ok(taken)
    }

    async fn build(&self, leased: LeasedEffect) -> Result<(), EngineError> {
        let now = self.book.clock().now();
        let change = match (Gate::of(&self.book, &leased).await?, &leased.effect) {
            (Gate::Open(_), Effect::BuildEvidence { seen, at }) => match self.source.evidence(seen, at).await {
                Ok(evidence) => {
                    Change::one(leased.deposit, Input::EvidenceBuilt(evidence)).ending(leased.id, EffectEnd::Done)
                }
                Err(error) => {
                    tracing::info!(deposit = %leased.deposit, %error, "evidence not available yet");
                    Change::default().ending(leased.id, retry(now, leased.attempt, error.to_string()))
                }
            },
            (Gate::Later(reason), _) => Change::default().ending(leased.id, wait(now, leased.attempt, reason)),
            (Gate::Open(_) | Gate::Pause | Gate::Free | Gate::Never(_), _) => {
                Change::default().ending(leased.id, EffectEnd::Done)
            }
        };
        self.book.record(change).await?;
        Ok(())
    }
}
