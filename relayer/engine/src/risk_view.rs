//! The risk state of a book: as it is stored, as a decision in the making sees it, and as it is shown.

use std::sync::Arc;

use spandrel_core::Policy;
use spandrel_risk::control::{ControlEvent, ControlState};
use spandrel_risk::{Agreement, RiskEvent, RiskPolicy, RiskState};
use spandrel_verifiers::UnixSeconds;

use crate::waits::Waits;

/// The risk state, what guardians said and the limits as they were stored last. All share what they hold: copies cost next to
/// nothing.
#[derive(Clone, Debug)]
pub struct RiskNow {
    /// What was decided.
    pub state: RiskState,
    /// What guardians said.
    pub control: Arc<ControlState>,
    /// The agreed limits with those that guardians have set in their place.
    pub limits: Arc<RiskPolicy>,
    /// Why what two guardians agreed on is not carried out yet, by the process that carries it out.
    pub waits: Arc<Waits>,
    /// Whether something other than limits is agreed on now than when this process was started: it decides nothing more.
    pub is_superseded: bool,
}

/// The risk state twice: as it is stored, and as a decision in the making sees it. The state grows with the bridge, so
/// it is copied only when a decision could not be stored.
pub(crate) struct RiskView {
    pub(crate) state: RiskState,
    pub(crate) draft: RiskState,
    pub(crate) sequence: u64,
    /// What guardians said, as it is stored.
    pub(crate) control: ControlState,
    pub(crate) control_sequence: u64,
    /// The configured policy with the limits that are agreed on.
    pub(crate) policy: Policy,
    /// What this process was started with.
    file: Option<Agreement>,
    pub(crate) is_superseded: bool,
}

impl RiskView {
    pub(crate) fn under(policy: Policy) -> Self {
        let (state, draft, control) = (RiskState::default(), RiskState::default(), ControlState::default());
        Self { state, draft, sequence: 0, control, control_sequence: 0, policy, file: None, is_superseded: false }
    }

    /// Takes in an event that is stored.
    pub(crate) fn apply(&mut self, event: &RiskEvent, at: UnixSeconds) {
        self.state.apply(event, at);
        self.draft.apply(event, at);
        self.sequence += 1;
    }

    /// The draft was stored.
    pub(crate) fn keep(&mut self, events: &[RiskEvent], at: UnixSeconds) {
        for event in events {
            self.state.apply(event, at);
        }
        self.sequence += events.len() as u64;
    }

    /// Takes in what guardians did, which is stored.
    pub(crate) fn obey(&mut self, event: &ControlEvent, at: UnixSeconds, configured: &Policy) {
        self.control.apply(event, at);
        self.control_sequence += 1;
        if event.sets_limits() {
            self.policy.risk = self.control.limited(&configured.risk);
            self.compare();
        }
    }

    /// The process was started with `file`, and it is agreed on.
    pub(crate) fn serve(&mut self, file: Agreement) {
        self.file = Some(file);
        self.compare();
    }

    fn compare(&mut self) {
        let (file, filed) = (self.file.as_ref(), self.control.filed());
        self.is_superseded = file.zip(filed).is_some_and(|(file, filed)| !file.differs_only_in_limits(filed));
    }

    /// For whoever looks on.
    pub(crate) fn show(&self, shown: &mut RiskNow) {
        shown.state.clone_from(&self.state);
        shown.is_superseded = self.is_superseded;
        // Its version counts the events that it is made of.
        if shown.control.version() != self.control.version() {
            shown.control = Arc::new(self.control.clone());
        }
        if *shown.limits != self.policy.risk {
            shown.limits = Arc::new(self.policy.risk.clone());
        }
    }

    /// The draft was not stored.
    pub(crate) fn discard(&mut self) {
        self.draft.clone_from(&self.state);
    }
}
