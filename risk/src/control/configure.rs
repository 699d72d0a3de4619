//! What a start with a configuration makes of what was agreed on: the file's stricter parts are taken at once, looser ones
//! only as two people agreed on them, after the timelock.

use alloy_primitives::B256;
use spandrel_verifiers::{UnixSeconds, VerifyError};

use super::policy::is_same_person;
use super::{Act, ControlEvent, ControlState, Outcome, Proposal, ProposalEnd, SignerRole};
use crate::{Agreement, Loosening, looser};

/// Why a process must not start with a configuration.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConfigureRefusal {
    /// A set of signers is not the one that guardians agreed on.
    #[error("{0}")]
    AnotherSet(#[from] VerifyError),
    /// It allows more than what was agreed on.
    #[error("{}", self.told())]
    Looser {
        /// What exactly.
        loosenings: Vec<Loosening>,
        /// What has come of a proposal of this very configuration, if there is one.
        proposal: Option<NotYet>,
        /// Whether there is anybody who could agree.
        has_guardians: bool,
    },
}

/// Why a proposal of a configuration does not let it start.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotYet {
    /// One person alone.
    #[error("proposal {0} needs a second approver")]
    Unapproved(B256),
    /// Its timelock runs.
    #[error("proposal {0} is in force at {1} at the earliest (Unix seconds)")]
    Timelock(B256, UnixSeconds),
    /// Who proposed or approved it is no guardian any more, or both are one person now.
    #[error("proposal {0} was made by others than the guardians that are agreed on")]
    OtherGuardians(B256),
}

/// The events that a start with `file` leads to; none when it says what was said before.
///
/// # Errors
/// What it allows beyond what was agreed on.
pub fn configure(
    state: &ControlState,
    file: &Agreement,
    now: UnixSeconds,
) -> Result<Vec<ControlEvent>, ConfigureRefusal> {
    state.require_agreed(SignerRole::Verifiers, &file.verifiers)?;
    state.require_agreed(SignerRole::FastLane, &file.signers)?;
    let configured = |file: &Agreement| {
        let (policy, digest) = (Box::new(file.clone()), file.digest());
        ControlEvent::Configured { policy, digest }
    };
    let (Some(filed), Some(agreed)) = (state.filed(), state.agreed()) else { return Ok(vec![configured(file)]) };
    let file = &file.completed(filed);
    if file == filed {
        return Ok(Vec::new());
    }
    let loosenings = looser(&file.over(filed, &agreed), &agreed);
    if loosenings.is_empty() {
        let mut events = overtaken(state, filed, file, None);
        events.push(configured(file));
        return Ok(events);
    }
    let refuse = |proposal| {
        let (loosenings, has_guardians) = (loosenings.clone(), agreed.guardians.is_some());
        Err(ConfigureRefusal::Looser { loosenings, proposal, has_guardians })
    };
    // Sets of signers have orders of their own: a policy that came with other ones was agreed on under another set.
    let proposed = state.proposals().find(|(_, proposal)| proposal.lapses_at > now && proposes(&proposal.act, file));
    let Some((id, proposal)) = proposed.filter(|_| loosenings.iter().all(|part| part.set.is_none())) else {
        return refuse(None);
    };
    match agreed_by(*id, proposal, &agreed, now) {
        Err(not_yet) => refuse(Some(not_yet)),
        Ok(by) => {
            let mut events = overtaken(state, filed, file, Some(id));
            let outcome = Outcome::PolicyChanged { policy: Box::new(file.clone()), digest: file.digest() };
            events.push(ControlEvent::Done { proposal: Some(*id), outcome, by, before: None });
            Ok(events)
        }
    }
}

fn proposes(act: &Act, file: &Agreement) -> bool {
    matches!(act, Act::ChangePolicy { policy, .. } if **policy == *file)
}

/// By whom, once two of the guardians that are agreed on have said so and the timelock is over.
fn agreed_by(id: B256, proposal: &Proposal, agreed: &Agreement, now: UnixSeconds) -> Result<String, NotYet> {
    let approval = proposal.approval.as_ref().ok_or(NotYet::Unapproved(id))?;
    let person = |key| agreed.guardians.as_ref().and_then(|guardians| guardians.people.get(key));
    let (proposer, approver) = (person(&proposal.signer), person(&approval.signer));
    let are_two = proposer.zip(approver).is_some_and(|(proposer, approver)| !is_same_person(proposer, approver));
    if !are_two {
        return Err(NotYet::OtherGuardians(id));
    }
    if now < approval.ready_at {
        return Err(NotYet::Timelock(id, approval.ready_at));
    }
    Ok(format!("{} and {}: {}", proposal.person, approval.person, proposal.reason))
}

/// Ends what was proposed on what stood before: every other policy, and higher limits in place of those that `file` changes.
fn overtaken(state: &ControlState, filed: &Agreement, file: &Agreement, but: Option<&B256>) -> Vec<ControlEvent> {
    let is_over = |act: &Act| match act {
        Act::ChangePolicy { .. } => true,
        Act::RaiseLimits { corridor, .. } => filed.risk.limits(corridor) != file.risk.limits(corridor),
        Act::RaiseWideLimit { limit, .. } => limit.of(&filed.risk.wide) != limit.of(&file.risk.wide),
        _ => false,
    };
    let over = state.proposals().filter(|(id, proposal)| Some(*id) != but && is_over(&proposal.act));
    let by = "another configuration".to_owned();
    over.map(|(id, _)| ControlEvent::Ended { proposal: *id, end: ProposalEnd::Overtaken { by: by.clone() } }).collect()
}

impl ConfigureRefusal {
    fn told(&self) -> String {
        let Self::Looser { loosenings, proposal, has_guardians } = self else { return String::new() };
        let lines: String = loosenings.iter().map(|part| format!("\n  {part}")).collect();
        let has_sets = loosenings.iter().any(|part| part.set.is_some());
        let mend = match proposal {
            Some(not_yet) => not_yet.to_string(),
            None if !has_guardians => "no guardians are agreed on who could: name some in [control] first".to_owned(),
            None if has_sets => "guardians change sets first: spandrel signers change".to_owned(),
            None => "to have it agreed on, with the file of before running: spandrel policy propose FILE".to_owned(),
        };
        format!("the configuration allows more than what was agreed on:{lines}\n{mend}")
    }
}
