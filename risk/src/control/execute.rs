//! Carrying out what two people agreed on, once its time has come.

use alloy_primitives::B256;

use super::before::with_what_they_replace;
use super::decide::{overtake, paused_until};
use super::freeze::freezes;
use super::policy::is_same_person;
use super::{Act, ControlEvent, ControlState, Outcome, Proposal, ProposalEnd, View};

/// Why an approved proposal is not carried out yet.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Wait {
    /// There is no such proposal.
    #[error("no open proposal")]
    Unknown,
    /// One person alone.
    #[error("it needs a second approver")]
    Unapproved,
    /// Its delay has not passed.
    #[error("not before {0}")]
    NotYet(u64),
    /// It is in force when a process is started with it.
    #[error("it waits for a start with this policy")]
    Start,
    /// A resumption or release needs green health.
    #[error("health is not green: {0}")]
    Health(String),
}

/// Carries `proposal` out, or ends it; what it makes void ends with it. `health` is the outside's word: nothing, or what is
/// wrong.
///
/// # Errors
/// Why it must wait.
pub fn execute(
    state: &ControlState,
    id: B256,
    view: &View<'_>,
    health: Option<&str>,
) -> Result<Vec<ControlEvent>, Wait> {
    let ended = |end| Ok(vec![ControlEvent::Ended { proposal: id, end }]);
    let proposal = state.proposal(&id).ok_or(Wait::Unknown)?;
    if proposal.lapses_at <= view.now {
        return ended(ProposalEnd::Lapsed);
    }
    let approval = proposal.approval.as_ref().ok_or(Wait::Unapproved)?;
    if view.now < approval.ready_at {
        return Err(Wait::NotYet(approval.ready_at));
    }
    if let Act::ChangePolicy { .. } = proposal.act {
        return Err(Wait::Start);
    }
    if let Some(by) = overtaken(proposal, view) {
        return ended(ProposalEnd::Overtaken { by: by.to_owned() });
    }
    let needs_health = matches!(proposal.act, Act::Resume { .. } | Act::ReleaseHeld { .. });
    if let Some(wrong) = health.filter(|_| needs_health) {
        return Err(Wait::Health(wrong.to_owned()));
    }
    let by = format!("{} and {}: {}", proposal.person, approval.person, proposal.reason);
    let outcome = outcome_of(&proposal.act).ok_or(Wait::Unknown)?;
    let mut events = vec![ControlEvent::Done { proposal: Some(id), outcome, by, before: None }];
    if let Act::Resume { scope } = &proposal.act {
        events.extend(overtake(state, "a resumption", |act| freezes(act, scope)));
    }
    Ok(with_what_they_replace(events, view))
}

/// What makes a proposal void although two people agreed.
fn overtaken(proposal: &Proposal, view: &View<'_>) -> Option<&'static str> {
    let proposer = view.policy.person(&proposal.signer);
    let approver = proposal.approval.as_ref().and_then(|by| view.policy.person(&by.signer));
    let are_two = proposer.zip(approver).is_some_and(|(proposer, approver)| !is_same_person(proposer, approver));
    if !are_two {
        return Some("a change of guardians");
    }
    match &proposal.act {
        Act::Resume { scope } if paused_until(view, scope) != proposal.paused_until => {
            Some("a later pause, or its end")
        }
        Act::ReleaseHeld { .. } if !(view.is_held && view.is_idle) => Some("the transfer's own course"),
        Act::RaiseLimits { corridor, .. } if view.limits.limits(corridor).is_none() => Some("the configuration"),
        Act::RaiseWideLimit { limit, .. } if limit.of(&view.limits.wide).is_none() => Some("the configuration"),
        Act::ChangeSigners { role, set } if view.signers.get(role).is_some_and(|now| now.epoch >= set.epoch) => {
            Some("a later set")
        }
        Act::AcceptLoss { transfer } if !view.risk.is_short(*transfer) => Some("the deposit, which came back"),
        _ => None,
    }
}

/// What a proposed act does when it is carried out; nothing for what is carried out otherwise: a freeze at once, a policy by a
/// start.
fn outcome_of(act: &Act) -> Option<Outcome> {
    match act {
        Act::Resume { scope } => Some(Outcome::Resumed { scope: scope.clone() }),
        Act::RaiseLimits { corridor, limits } => {
            Some(Outcome::Limited { corridor: corridor.clone(), limits: Box::new(*limits) })
        }
        Act::RaiseWideLimit { limit, value } => Some(Outcome::WideLimited { limit: limit.clone(), value: *value }),
        Act::ReleaseHeld { transfer } => Some(Outcome::Released { transfer: *transfer }),
        Act::ChangeSigners { role, set } => Some(Outcome::SignersChanged { role: *role, set: set.clone() }),
        Act::AcceptLoss { transfer } => Some(Outcome::LossAccepted { transfer: *transfer }),
        _ => None,
    }
}
