//! Halts: a source chain that contradicts itself is not believed, in anything, until a guardian has looked.

use std::sync::{Mutex, MutexGuard, PoisonError};

use alloy_primitives::{Bytes, keccak256};
use spandrel_core::ledger::{Commit, Halt, Ledger};
use spandrel_risk::{RiskEvent, Scope};
use spandrel_verifiers::follow::{ChainEvent, Watcher};
use spandrel_verifiers::{ChainId, Contradiction, MAX_CONTRADICTION};

use crate::{Book, ChainFollower, Clock, EngineError};

/// What was seen and is not stored yet. It outlives a commit that fails: a node that contradicted itself once need not do it
/// again.
#[derive(Default)]
pub(crate) struct Seen(Mutex<Option<Halt>>);

impl Seen {
    fn lock(&self) -> MutexGuard<'_, Option<Halt>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether `events` tell that `chain` contradicts itself. It is remembered.
    pub(crate) fn note(&self, chain: &ChainId, events: &[ChainEvent]) -> bool {
        let halt = events.iter().find_map(|event| match event {
            ChainEvent::Halted { reason, evidence } => Some(halt(chain, reason, evidence.as_deref())),
            _ => None,
        });
        let is_halting = halt.is_some();
        if is_halting {
            *self.lock() = halt;
        }
        is_halting
    }
}

/// Evidence that nobody could read again is not kept. It stops no halt.
fn halt(chain: &ChainId, reason: &str, evidence: Option<&Contradiction>) -> Halt {
    let Some(bytes) = evidence.map(|evidence| Bytes::from(evidence.to_bytes())) else {
        return Halt::told(chain.clone(), reason);
    };
    if Contradiction::from_bytes(&bytes).is_err() {
        let (found, most) = (bytes.len(), MAX_CONTRADICTION);
        return Halt::told(
            chain.clone(),
            format!("{reason}; its evidence is not kept: {found} bytes of at most {most}"),
        );
    }
    Halt { chain: chain.clone(), reason: reason.to_owned(), evidence: Some(bytes) }
}

impl<W: Watcher, L: Ledger, C: Clock> ChainFollower<W, L, C> {
    /// Writes the halt that was seen, if one was. Answers whether.
    pub(crate) async fn write_halt(&self) -> Result<bool, EngineError> {
        let Some(seen) = self.seen.lock().clone() else { return Ok(false) };
        self.book.halt(seen).await?;
        *self.seen.lock() = None;
        Ok(true)
    }
}

impl<L: Ledger, C: Clock> Book<L, C> {
    /// Halts a chain, with its evidence, and pauses it, here and on the chains, in one commit. It is the safe
    /// direction: a process that decides nothing more by its policy does it too.
    async fn halt(&self, halt: Halt) -> Result<(), EngineError> {
        let (scope, ttl) = (Scope::Chain { chain: halt.chain.clone() }, self.policy().pause_ttl);
        let until = self.clock().now().saturating_add(ttl);
        let said = halted(&halt.chain, halt.reason.clone());
        let effects = self.pause_effects(&scope, ttl, keccak256(format!("{said} {until}")), None);
        let with = Commit { halt: Some(halt), effects, ..Commit::default() };
        self.record_risk_with(RiskEvent::Paused { scope, until, reason: said }, with).await
    }

    /// Why nothing is done for deposits of `chain`, if it is halted. A flag that cannot be read counts as one that is set.
    pub(crate) async fn halt_of(&self, chain: &ChainId) -> Option<String> {
        match self.ledger().halted(chain).await {
            Ok(reason) => reason.map(|reason| halted(chain, reason)),
            Err(error) => Some(halted(chain, format!("its flag cannot be read: {error}"))),
        }
    }
}

fn halted(chain: &ChainId, reason: String) -> String {
    EngineError::Halted { chain: chain.to_string(), reason }.to_string()
}
