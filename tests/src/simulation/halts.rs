//! What must hold of halts: each is stored with its pause, outlives every restart, is lifted by a guardian's signed word that
//! names it and by nothing else, and what it paused is resumed by two.

use std::collections::{BTreeMap, BTreeSet};

use alloy::primitives::{Address, B256};
use spandrel_core::ledger::Ledger;
use spandrel_core::{Effect, Executor};
use spandrel_risk::control::{Act, ControlEvent};
use spandrel_risk::{RiskEvent, Scope};
use spandrel_store::Memory;
use spandrel_verifiers::ChainId;

use super::check::{Finding, ensure, stored};
use super::keys;
use super::relayer::now;

/// What is known of halts, read from the logs alone.
#[derive(Debug, Default)]
pub struct Halts {
    /// Why each halted chain is, as of the last look.
    standing: BTreeMap<ChainId, String>,
    /// Scopes that a halt paused and nobody has resumed.
    paused: BTreeSet<Scope>,
    /// Resumptions that a guardian proposed: what, and by whose key.
    proposed: BTreeMap<B256, (Scope, Address)>,
    /// Those that another agreed to.
    agreed: BTreeSet<Scope>,
    risk_sequence: u64,
    control_sequence: u64,
}

impl Halts {
    /// Whether a halt paused `scope`, and nobody has resumed it.
    pub fn has_paused(&self, scope: &Scope) -> bool {
        self.paused.contains(scope)
    }

    /// After every step that wrote something.
    pub fn hold(&mut self, ledger: &Memory) -> Finding {
        let acknowledged = self.take_words(ledger)?;
        let mut paused = Vec::new();
        for recorded in stored(now(ledger.risk_events(self.risk_sequence)))? {
            self.risk_sequence += 1;
            match recorded.body {
                RiskEvent::Paused { scope, reason, .. } if reason.contains(" is halted: ") => {
                    self.paused.insert(scope.clone());
                    paused.push((scope, reason));
                }
                RiskEvent::Resumed { scope } => {
                    let is_agreed = self.agreed.remove(&scope);
                    let was_halted = self.paused.remove(&scope);
                    ensure(!was_halted || is_agreed, || {
                        format!("{scope} was paused by a halt, and not resumed by two")
                    })?;
                }
                _ => {}
            }
        }
        for chain in keys::sources() {
            let halted = stored(now(ledger.halted(&chain)))?;
            let before = self.standing.get(&chain).cloned();
            match (before, &halted) {
                (None, Some(reason)) => require_paused(ledger, &chain, reason, &paused)?,
                (Some(before), after) if after.as_ref() != Some(&before) => {
                    let is_named = acknowledged.contains(&(chain.clone(), before));
                    ensure(is_named, || format!("the halt of {chain} ended without a guardian's word that names it"))?;
                }
                _ => {}
            }
            match halted {
                Some(reason) => drop(self.standing.insert(chain, reason)),
                None => drop(self.standing.remove(&chain)),
            }
        }
        Ok(())
    }

    /// Takes in what guardians said; answers the halts that they acknowledged.
    fn take_words(&mut self, ledger: &Memory) -> Result<BTreeSet<(ChainId, String)>, String> {
        let mut acknowledged = BTreeSet::new();
        for recorded in stored(now(ledger.control_events(self.control_sequence)))? {
            self.control_sequence += 1;
            let ControlEvent::Taken { digest, signer, signed, .. } = recorded.body else { continue };
            match signed.statement.act {
                Act::AcknowledgeHalt { chain, halt } => drop(acknowledged.insert((chain, halt))),
                Act::Resume { scope } => drop(self.proposed.insert(digest, (scope, signer))),
                Act::Approve { proposal, .. } => {
                    let proposed = self.proposed.get(&proposal);
                    self.agreed.extend(proposed.filter(|(_, by)| *by != signer).map(|(scope, _)| scope.clone()));
                }
                _ => {}
            }
        }
        Ok(acknowledged)
    }
}

/// In the commit of the halt its pause was stored, here and for the destination.
fn require_paused(ledger: &Memory, chain: &ChainId, halt: &str, paused: &[(Scope, String)]) -> Finding {
    let of_chain = Scope::Chain { chain: chain.clone() };
    let is_paused = paused.iter().any(|(scope, reason)| *scope == of_chain && reason.ends_with(halt));
    ensure(is_paused, || format!("{chain} was halted without its pause"))?;
    let far = u64::from(u32::MAX) * 4;
    let executor = Executor::Destination { chain: keys::destination() };
    let snapshot = stored(ledger.snapshot())?;
    let waiting = stored(now(snapshot.lease(&executor, far, far, u32::MAX)))?;
    let is_told = |effect: &Effect| matches!(effect, Effect::Pause { scope, .. } if *scope == of_chain);
    ensure(waiting.iter().any(|leased| is_told(&leased.effect)), || format!("no pause of {chain} waits to be sent"))
}
