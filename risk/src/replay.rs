//! A second engine folds the logs and must decide the same, from the same.

use std::collections::VecDeque;

use serde::Serialize;
use spandrel_verifiers::{Deposit, DepositId, UnixSeconds};

use crate::control::{ControlEvent, ControlState};
use crate::{Position, RiskEvent, RiskPolicy, RiskState};

/// What is stored, and is not what a second engine comes to.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{field}: stored {stored}, found {found}")]
pub struct Mismatch {
    /// What differs: `deposit`, `inputs`, `decision`, `clearance`, `charge` or `order`.
    pub field: &'static str,
    /// As it is stored.
    pub stored: String,
    /// As a second engine finds it.
    pub found: String,
}

/// A second engine. It takes in risk and control events in the order in which they were stored, and decides again whatever
/// was decided, under the policy that was in force then.
///
/// Guarantees: a decision that did not follow from what was stored before it is a [`Mismatch`], and so is a clearance of
/// anything but its deposit or one that counts shorter than those before it, a charge that is not the policy's, and a pause
/// or resumption that is missing after its order.
/// What it cannot judge, because no policy is known, it counts.
#[derive(Clone, Debug, Default)]
pub struct SecondEngine {
    state: RiskState,
    control: ControlState,
    /// What the first process was started with, if that is known: in force until something is agreed on.
    configured: Option<RiskPolicy>,
    /// What is in force.
    policy: Option<RiskPolicy>,
    /// What guardians' orders do to the risk state, until the risk log has it.
    due: VecDeque<RiskEvent>,
    /// Whether a clearance counted until it is paid: then all that come later do.
    counts_until_paid: bool,
    agreed: u64,
    unjudged: u64,
}

impl SecondEngine {
    /// Before the first event. `configured` is in force until something is agreed on; without it, nothing is judged until
    /// then.
    pub fn new(configured: Option<RiskPolicy>) -> Self {
        Self { policy: configured.clone(), configured, ..Self::default() }
    }

    /// Takes in what guardians did, or what was agreed on.
    pub fn obey(&mut self, event: &ControlEvent, at: UnixSeconds) {
        self.control.apply(event, at);
        self.due.extend(event.risk());
        if event.sets_limits() {
            let known = self.configured.as_ref().or(self.control.filed().map(|filed| &filed.risk));
            self.policy = known.map(|known| self.control.limited(known));
        }
    }

    /// The deposit that must be at hand for [`Self::take`] to judge `event`, if one must.
    pub fn subject(event: &RiskEvent) -> Option<DepositId> {
        match event {
            RiskEvent::Decided { id, .. } | RiskEvent::Cleared { id, .. } | RiskEvent::Charged { id, .. } => Some(*id),
            _ => None,
        }
    }

    /// Judges an event by what came before it, and takes it in. `deposit` is its subject.
    ///
    /// # Errors
    /// The first thing in it that is not what it must be. It is not taken in then.
    pub fn take(&mut self, event: &RiskEvent, at: UnixSeconds, deposit: Option<&Deposit>) -> Result<(), Mismatch> {
        if let Some(ordered) = self.due.pop_front() {
            same("order", event, &ordered)?;
        }
        if let Some(id) = Self::subject(event) {
            let about = deposit.filter(|deposit| deposit.id() == id);
            let about = about.ok_or_else(|| Mismatch::new("deposit", id.to_string(), "none".to_owned()))?;
            self.judge(event, at, about)?;
        }
        self.counts_until_paid |= matches!(event, RiskEvent::Cleared { until_paid: true, .. });
        self.state.apply(event, at);
        Ok(())
    }

    fn judge(&mut self, event: &RiskEvent, at: UnixSeconds, about: &Deposit) -> Result<(), Mismatch> {
        match (event, &self.policy) {
            (RiskEvent::Decided { .. }, None) => self.unjudged = self.unjudged.saturating_add(1),
            (
                RiskEvent::Decided { id, lane, first_asked_at, asked_at, confirmations, decision, inputs },
                Some(policy),
            ) => {
                let position = Position::new(&self.state, *id, about, *lane, *asked_at);
                let position = position.with_confirmations(*confirmations);
                same("inputs", inputs, &position.inputs(policy, *first_asked_at))?;
                same("decision", decision, &position.decide(policy, *first_asked_at))?;
                self.agreed = self.agreed.saturating_add(1);
            }
            (RiskEvent::Cleared { id, lane, until_paid: stored, .. }, _) => {
                let mut due = RiskEvent::cleared(*id, about, *lane);
                if let RiskEvent::Cleared { until_paid, .. } = &mut due {
                    *until_paid = *stored || self.counts_until_paid;
                }
                same("clearance", event, &due)?;
            }
            (RiskEvent::Charged { charge, .. }, Some(policy)) => {
                same("charge", charge, &policy.wide.charge(&self.state, about, at))?;
            }
            _ => {}
        }
        Ok(())
    }

    /// After the last event: nothing that was ordered may be missing.
    ///
    /// # Errors
    /// What is.
    pub fn finish(&self) -> Result<(), Mismatch> {
        match self.due.front() {
            Some(ordered) => Err(Mismatch::new("order", "nothing".to_owned(), told(ordered))),
            None => Ok(()),
        }
    }

    /// The state after what was taken in.
    pub fn state(&self) -> &RiskState {
        &self.state
    }

    /// How many decisions came out as they were recorded.
    pub fn agreed(&self) -> u64 {
        self.agreed
    }

    /// How many decisions were made under a policy that is not known; neither they nor their charges were judged.
    pub fn unjudged(&self) -> u64 {
        self.unjudged
    }
}

impl Mismatch {
    fn new(field: &'static str, stored: String, found: String) -> Self {
        Self { field, stored, found }
    }
}

fn same<T: PartialEq + Serialize>(field: &'static str, stored: &T, found: &T) -> Result<(), Mismatch> {
    if stored == found { Ok(()) } else { Err(Mismatch::new(field, told(stored), told(found))) }
}

fn told(value: &impl Serialize) -> String {
    serde_json::to_string(value).unwrap_or_else(|error| error.to_string())
}
