//! Guardians' orders at the book: judged on what is stored now, and stored with everything they do in one transaction.

use std::collections::BTreeMap;

use spandrel_core::ledger::{Ledger, NewEffect};
use spandrel_core::{Input, Status, Transfer};
use spandrel_risk::RiskPolicy;
use spandrel_risk::control::{
    Act, ControlEvent, ControlPolicy, ControlRefusal, ControlState, Outcome, Seen, SignedStatement, SignerRole, View,
    by_a_guardian, decide, execute,
};
use spandrel_verifiers::attestation::SignerSet;
use spandrel_verifiers::{ChainId, DepositId, UnixSeconds};

use crate::book::{MAX_CONFLICTS, conflict};
use crate::observe_again;
use crate::risk_view::RiskView;
use crate::{Book, Change, Clock, EngineError, Step};

/// Why an order changed nothing.
#[derive(Debug, thiserror::Error)]
pub enum OrderError {
    /// This relayer has no guardians.
    #[error("no guardians are configured")]
    NoGuardians,
    /// Dual control refuses it.
    #[error(transparent)]
    Refused(#[from] ControlRefusal),
    /// Something changed since the caller looked.
    #[error("version: expected {expected}, found {found}")]
    Stale {
        /// What the caller saw.
        expected: Seen,
        /// What stands.
        found: Seen,
    },
    /// It could not be stored.
    #[error(transparent)]
    Engine(#[from] EngineError),
}

impl<L: Ledger, C: Clock> Book<L, C> {
    /// Takes a guardian's statement: what follows from it is in force when this returns. `seen` is what the caller
    /// looked at, if it matters.
    ///
    /// # Errors
    /// Why nothing was changed.
    pub async fn order(&self, signed: &SignedStatement, seen: Option<Seen>) -> Result<Vec<ControlEvent>, OrderError> {
        let guardians = self.guardians.as_ref().ok_or(OrderError::NoGuardians)?;
        // Before decisions are held up for it: anybody may send statements.
        by_a_guardian(signed, guardians, self.clock.now())?;
        let subject = Subject::of(&signed.statement.act);
        let mut view = self.risk.lock().await;
        for _ in 0..MAX_CONFLICTS {
            let facts = self.facts(guardians, &subject, &view).await?;
            if let Some(expected) = seen {
                let found = facts.standing(expected, &view);
                if found != expected {
                    return Err(OrderError::Stale { expected, found });
                }
            }
            let events = decide(&view.control, signed, &facts.view(&view))?;
            let mut change = change(&events);
            change.effects = self.pauses_on_chains(&events, facts.now);
            change.effects.extend(reading_again(&events));
            if self.record_once(&change, &events, &mut view).await?.is_some() {
                return Ok(events);
            }
        }
        Err(conflict("control log").into())
    }

    /// Carries out the proposals whose time has come, and ends those that have lapsed. `health` is what is wrong, if
    /// anything. Answers how many there were; why the others wait is shown.
    pub async fn carry_out(&self, health: Option<&str>) -> Result<usize, EngineError> {
        let Some(guardians) = &self.guardians else { return Ok(0) };
        let mut view = self.risk.lock().await;
        let (mut done, mut waits) = (0, BTreeMap::new());
        for (proposal, transfer) in view.control.due(self.clock.now()) {
            let subject = Subject { transfer, chain: None };
            for attempt in 0.. {
                let facts = self.facts(guardians, &subject, &view).await?;
                let events = match execute(&view.control, proposal, &facts.view(&view), health) {
                    Ok(events) => events,
                    Err(wait) => {
                        waits.insert(proposal, wait);
                        break;
                    }
                };
                if self.record_once(&change(&events), &events, &mut view).await?.is_some() {
                    done += 1;
                    break;
                }
                if attempt == MAX_CONFLICTS {
                    return Err(conflict("control log"));
                }
            }
        }
        self.keep_waits(waits);
        Ok(done)
    }

    /// Who the guardians are, if there are any.
    pub fn guardians(&self) -> Option<&ControlPolicy> {
        self.guardians.as_ref()
    }

    /// A copy of what guardians said, and of the limits as they stand.
    pub async fn control(&self) -> (ControlState, RiskPolicy) {
        let view = self.risk.lock().await;
        (view.control.clone(), view.policy.risk.clone())
    }

    /// Fast payouts whose deposits are gone, and whose losses nobody has accepted.
    pub async fn open_shortfalls(&self) -> Vec<DepositId> {
        let view = self.risk.lock().await;
        let short = view.state.shortfalls().map(|(id, ..)| id);
        short.filter(|id| !view.control.has_accepted(id)).collect()
    }

    async fn facts<'a>(
        &self,
        guardians: &'a ControlPolicy,
        subject: &Subject,
        view: &RiskView,
    ) -> Result<Facts<'a>, EngineError> {
        let transfer = match subject.transfer {
            Some(id) => self.ledger().transfer(id).await?,
            None => None,
        };
        let halt = match &subject.chain {
            Some(chain) => self.ledger().halted(chain).await?,
            None => None,
        };
        let mut signers = BTreeMap::from([(SignerRole::Verifiers, view.policy.verifiers.clone())]);
        if let Some(target) = view.policy.destinations.values().max_by_key(|target| target.signers.epoch) {
            signers.insert(SignerRole::FastLane, target.signers.clone());
        }
        Ok(Facts { guardians, transfer, halt, signers, now: self.clock.now() })
    }
}

/// What an order is about.
struct Subject {
    transfer: Option<DepositId>,
    chain: Option<ChainId>,
}

impl Subject {
    fn of(act: &Act) -> Self {
        Self { transfer: act.transfer(), chain: act.halted_chain().cloned() }
    }
}

/// What a decision looks at that is not in the view.
struct Facts<'a> {
    guardians: &'a ControlPolicy,
    transfer: Option<Transfer>,
    halt: Option<String>,
    signers: BTreeMap<SignerRole, SignerSet>,
    now: UnixSeconds,
}

impl Facts<'_> {
    /// The version that stands of what the caller looked at.
    fn standing(&self, seen: Seen, view: &RiskView) -> Seen {
        match seen {
            Seen::Control(_) => Seen::Control(view.control.version()),
            Seen::Transfer(_) => Seen::Transfer(self.transfer.as_ref().map_or(0, |transfer| transfer.sequence)),
        }
    }

    fn view<'v>(&'v self, view: &'v RiskView) -> View<'v> {
        let transfer = self.transfer.as_ref();
        let status = transfer.map(|transfer| &transfer.status);
        let held_until = match status {
            Some(Status::Held { until, .. }) => *until,
            _ => None,
        };
        View {
            policy: self.guardians,
            limits: &view.policy.risk,
            signers: &self.signers,
            risk: &view.state,
            is_held: matches!(status, Some(Status::Held { .. })),
            held_until,
            is_quarantined: matches!(status, Some(Status::Quarantined { .. })),
            is_idle: transfer.is_some_and(|transfer| transfer.payout.is_none() && transfer.issued.is_none()),
            halt: self.halt.as_deref(),
            now: self.now,
        }
    }
}

/// What the events do to transfers and halts.
fn change(events: &[ControlEvent]) -> Change {
    let acknowledged = events.iter().find_map(|event| match event {
        ControlEvent::Done { outcome: Outcome::HaltAcknowledged { chain }, by, .. } => {
            Some((chain.clone(), by.clone()))
        }
        _ => None,
    });
    Change { steps: events.iter().filter_map(step).collect(), acknowledged, ..Change::default() }
}

/// The reading that was ordered, if one was.
fn reading_again(events: &[ControlEvent]) -> Option<NewEffect> {
    let Some(ControlEvent::Taken { digest, .. }) = events.first() else { return None };
    events.iter().find_map(|event| match event {
        ControlEvent::Done { outcome: Outcome::Reobserved { chain, from, to }, .. } => {
            Some(observe_again::effect(DepositId(*digest), chain, *from, *to))
        }
        _ => None,
    })
}

fn step(event: &ControlEvent) -> Option<Step> {
    let ControlEvent::Done { outcome, by, .. } = event else { return None };
    let (id, input) = match outcome {
        Outcome::Dropped { transfer } => (transfer, Input::Drop(by.clone())),
        Outcome::Extended { transfer, until } => (transfer, Input::Extend(*until)),
        Outcome::Released { transfer } => (transfer, Input::Release),
        Outcome::Requeued { transfer } => (transfer, Input::Requeue),
        _ => return None,
    };
    Some(Step::One(*id, input))
}
