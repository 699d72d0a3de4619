//! A second engine folds the log and must decide the same, from the same.

use alloy_primitives::B256;
use spandrel_verifiers::{Deposit, DepositId, UnixSeconds};

use crate::{Decision, Position, RiskEvent, RiskPolicy, RiskState};

/// A decision that does not come out as it was recorded.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Mismatch {
    /// The deposit that was decided about is not known.
    #[error("event {place}: expected deposit {id}, found none")]
    Deposit {
        /// Its place in the log.
        place: usize,
        /// Which.
        id: DepositId,
    },
    /// It was decided from something else: another policy, another log, or a state that was set by hand.
    #[error("event {place}: inputs: expected {expected}, found {found}")]
    Inputs {
        /// Its place in the log.
        place: usize,
        /// As recorded.
        expected: B256,
        /// As replayed.
        found: B256,
    },
    /// Something else was decided.
    #[error("event {place}: decision: expected {expected:?}, found {found:?}")]
    Decision {
        /// Its place in the log.
        place: usize,
        /// As recorded.
        expected: Box<Decision>,
        /// As replayed.
        found: Box<Decision>,
    },
}

/// Folds `log` from the beginning and decides again whatever was decided under `policy`. Answers the state after it, and
/// how many decisions came out as they were recorded: all of them, or the first that did not is the error.
pub fn replay<D: std::borrow::Borrow<Deposit>>(
    policy: &RiskPolicy,
    deposit: impl Fn(DepositId) -> Option<D>,
    log: impl IntoIterator<Item = (RiskEvent, UnixSeconds)>,
) -> Result<(RiskState, u64), Mismatch> {
    let (mut state, mut agreed) = (RiskState::default(), 0u64);
    for (place, (event, at)) in log.into_iter().enumerate() {
        if let RiskEvent::Decided { id, lane, first_asked_at, asked_at, confirmations, decision, inputs } = &event {
            let about = deposit(*id).ok_or(Mismatch::Deposit { place, id: *id })?;
            let position = Position::new(&state, *id, about.borrow(), *lane, *asked_at);
            let position = position.with_confirmations(*confirmations);
            let found = position.inputs(policy, *first_asked_at);
            if found != *inputs {
                return Err(Mismatch::Inputs { place, expected: *inputs, found });
            }
            let found = position.decide(policy, *first_asked_at);
            if found != *decision {
                return Err(Mismatch::Decision { place, expected: Box::new(decision.clone()), found: Box::new(found) });
            }
            agreed = agreed.saturating_add(1);
        }
        state.apply(&event, at);
    }
    Ok((state, agreed))
}
