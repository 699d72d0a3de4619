//! The question before any leased effect is carried out, and again before it leaves the house: is it still wanted?

use spandrel_core::ledger::{EffectEnd, LeasedEffect, Ledger};
use spandrel_core::submission::{SendGate, SubmitError};
use spandrel_core::{Blocked, Context, Effect, EffectId, Transfer, may_broadcast, may_execute};
use spandrel_verifiers::DepositId;

use crate::{Book, Clock, EngineError};

/// Seconds after its block in which a checkpoint is registered by itself.
const REGISTERED_WITHIN: u64 = 6 * 3_600;

/// Whether to go on.
pub enum Gate {
    /// Carry it out for this transfer.
    Open(Box<Transfer>),
    /// A pause that stands is carried out, whatever became of what it came of.
    Pause,
    /// Carry it out: it is of no transfer.
    Free,
    /// Not now.
    Later(String),
    /// Never.
    Never(String),
}

impl Gate {
    /// Asks the machine, on what is stored and the risk state as of now.
    pub async fn of<L: Ledger, C: Clock>(book: &Book<L, C>, leased: &LeasedEffect) -> Result<Self, EngineError> {
        if let Effect::Pause { scope, .. } = &leased.effect {
            // Lifted, perhaps in another process, before it came to its chain: it would stop there what goes on here.
            book.refresh().await?;
            let now = book.clock().now();
            let stands = book.read_risk(|risk| risk.pauses_at(now).any(|(paused, _)| paused == scope)).await;
            return Ok(if stands { Self::Pause } else { Self::Never(format!("{scope} is not paused any more")) });
        }
        if let Effect::RegisterCheckpoint { checkpoint, .. } = &leased.effect {
            // It opens refunds, which nothing pauses; of a chain that contradicted itself no block is final.
            if let Some(halt) = book.halt_of(&checkpoint.checkpoint.chain).await {
                return Ok(Self::Later(halt));
            }
            // One that could not be sent for so long is asked for anew: none pile up behind an account that is empty.
            let age = book.clock().now().saturating_sub(checkpoint.checkpoint.time);
            let is_old = age > REGISTERED_WITHIN;
            return Ok(if is_old { Self::Never(format!("the checkpoint is {age} s old")) } else { Self::Free });
        }
        let Some(transfer) = book.ledger().transfer(leased.deposit).await? else {
            return Ok(Self::Never("no such transfer".to_owned()));
        };
        if !leased.effect.closes_fast_lane()
            && let Some(halt) = book.halt_of(&transfer.deposit.source_chain).await
        {
            return Ok(Self::Later(halt));
        }
        // A pause may have been stored by another process.
        book.refresh().await?;
        if book.risk_now().is_superseded {
            return Ok(Self::Later(EngineError::Superseded.to_string()));
        }
        let now = book.clock().now();
        let may = |risk: &_| may_broadcast(&transfer, &leased.effect, &Context { policy: book.policy(), risk, now });
        Ok(match book.read_risk(may).await {
            Ok(()) => Self::Open(Box::new(transfer)),
            Err(Blocked::Later(reason)) => Self::Later(reason),
            Err(Blocked::Obsolete(reason)) => Self::Never(reason),
        })
    }
}

impl<L: Ledger, C: Clock> SendGate for Book<L, C> {
    async fn is_open(&self, effects: &[EffectId]) -> Result<bool, SubmitError> {
        for effect in effects {
            let failed = |error: EngineError| SubmitError::Journal(error.to_string());
            let stored = self.ledger().effect(*effect).await.map_err(|error| failed(error.into()))?;
            let is_wanted = match stored {
                Some(leased) => {
                    matches!(Gate::of(self, &leased).await.map_err(failed)?, Gate::Open(_) | Gate::Pause | Gate::Free)
                }
                None => false,
            };
            if !is_wanted {
                return Ok(false);
            }
        }
        Ok(true)
    }

    async fn may_execute(&self, deposit: DepositId) -> Result<bool, SubmitError> {
        let failed = |error: EngineError| SubmitError::Journal(error.to_string());
        let stored = self.ledger().transfer(deposit).await.map_err(|error| failed(error.into()))?;
        let Some(transfer) = stored else { return Ok(false) };
        if self.halt_of(&transfer.deposit.source_chain).await.is_some() {
            return Ok(false);
        }
        self.refresh().await.map_err(failed)?;
        if self.risk_now().is_superseded {
            return Ok(false);
        }
        let now = self.clock().now();
        let may = |risk: &_| may_execute(&transfer, &Context { policy: self.policy(), risk, now });
        Ok(self.read_risk(may).await.is_ok())
    }
}

/// To be tried again after 1, 2, 4 … 60 seconds, because it did not work.
pub fn retry(now: u64, attempt: u32, error: impl Into<String>) -> EffectEnd {
    EffectEnd::Retry { run_at: again_at(now, attempt), error: error.into() }
}

/// To be asked again after as long, because it is not wanted now.
pub fn wait(now: u64, attempt: u32, reason: impl Into<String>) -> EffectEnd {
    EffectEnd::Later { run_at: again_at(now, attempt), reason: reason.into() }
}

fn again_at(now: u64, attempt: u32) -> u64 {
    now + 1u64.checked_shl(attempt.min(6)).unwrap_or(60).min(60)
}
