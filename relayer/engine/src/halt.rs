//! Halts: a source chain that contradicts itself is not believed, in anything, until a guardian has looked.

use alloy_primitives::keccak256;
use spandrel_core::ledger::{Commit, Ledger};
use spandrel_risk::{RiskEvent, Scope};
use spandrel_verifiers::ChainId;

use crate::{Book, Clock, EngineError};

impl<L: Ledger, C: Clock> Book<L, C> {
    /// Halts `chain` and pauses it, here and on the chains, in one commit. It is the safe direction: a process
    /// that decides nothing more by its policy does it too.
    pub(crate) async fn halt(&self, chain: &ChainId, reason: &str) -> Result<(), EngineError> {
        let (scope, ttl) = (Scope::Chain { chain: chain.clone() }, self.policy().pause_ttl);
        let until = self.clock().now().saturating_add(ttl);
        let said = halted(chain, reason.to_owned());
        let effects = self.pause_effects(&scope, ttl, keccak256(format!("{said} {until}")), None);
        let with = Commit { halt: Some((chain.clone(), reason.to_owned())), effects, ..Commit::default() };
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
