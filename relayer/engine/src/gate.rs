//! The question before any leased effect is carried out: is it still wanted?

use spandrel_core::ledger::{EffectEnd, LeasedEffect, Ledger};
use spandrel_core::{Blocked, Context, Transfer, may_broadcast};

use crate::{Book, Clock, EngineError};

/// Whether to go on.
pub enum Gate {
    /// Carry it out for this transfer.
    Open(Box<Transfer>),
    /// Not now.
    Later(String),
    /// Never.
    Never(String),
}

impl Gate {
    /// Asks the machine, on what is stored and the risk state as of now.
    pub async fn of<L: Ledger, C: Clock>(book: &Book<L, C>, leased: &LeasedEffect) -> Result<Self, EngineError> {
        let Some(transfer) = book.ledger().transfer(leased.deposit).await? else {
            return Ok(Self::Never("no such transfer".to_owned()));
        };
        let risk = book.risk().await;
        let context = Context { policy: book.policy(), risk: &risk, now: book.clock().now() };
        Ok(match may_broadcast(&transfer, &leased.effect, &context) {
            Ok(()) => Self::Open(Box::new(transfer)),
            Err(Blocked::Later(reason)) => Self::Later(reason),
            Err(Blocked::Obsolete(reason)) => Self::Never(reason),
        })
    }
}

/// To be tried again after 1, 2, 4 … 60 seconds.
pub fn retry(now: u64, attempt: u32, error: impl Into<String>) -> EffectEnd {
    let seconds = 1u64.checked_shl(attempt.min(6)).unwrap_or(60).min(60);
    EffectEnd::Retry { run_at: now + seconds, error: error.into() }
}
