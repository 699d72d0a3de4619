//! A freeze: five days by one person, whatever else is proposed, and without end by two who have both signed one.

use spandrel_verifiers::UnixSeconds;

use super::decide::{Said, overtake, paused_until, resumes};
use super::policy::{MAX_TTL, is_same_person};
use super::{Act, ControlEvent, ControlState, Outcome, Proposal, View};
use crate::Scope;

/// What follows from a signed freeze. It counts as `PauseController` counts it: the first word pauses for as long as one
/// person may, and asks for another's until then; another person's own freeze meanwhile makes it endless. The safe
/// direction is never refused: who says it again pauses, and asks, anew.
pub(super) fn freeze(said: &Said<'_>, state: &ControlState, view: &View<'_>, scope: &Scope) -> Vec<ControlEvent> {
    let mut events = overtake(state, "a freeze", |act| resumes(act, scope));
    let mut open = state.proposals().filter(|(_, proposal)| is_first_word(proposal, view, scope));
    let another = open.find(|(_, proposal)| {
        let first = view.policy.person(&proposal.signer);
        first.is_some_and(|first| !is_same_person(first, said.person))
    });
    if let Some((id, proposal)) = another {
        let (signer, person) = (said.signer, said.person.to_owned());
        let by = format!("{} and {}: {}", proposal.person, said.person, proposal.reason);
        events.push(ControlEvent::Approved { proposal: *id, signer, person, ready_at: view.now });
        let outcome = paused(scope, UnixSeconds::MAX);
        events.push(ControlEvent::Done { proposal: Some(*id), outcome, by, before: None });
        return events;
    }
    let until = view.now.saturating_add(MAX_TTL);
    events.extend(overtake(state, "a later freeze", |act| freezes(act, scope)));
    events.push(ControlEvent::Proposed { proposal: said.digest, lapses_at: until, paused_until: None });
    events.push(said.done(paused(scope, until)));
    events
}

/// Whether it is a freeze of this scope.
pub(super) fn freezes(act: &Act, scope: &Scope) -> bool {
    matches!(act, Act::Freeze { scope: frozen } if frozen == scope)
}

/// A first word counts while what it paused is paused: not when two have resumed it, nor when it ended by itself.
fn is_first_word(proposal: &Proposal, view: &View<'_>, scope: &Scope) -> bool {
    freezes(&proposal.act, scope) && proposal.lapses_at > view.now && paused_until(view, scope).is_some()
}

fn paused(scope: &Scope, until: UnixSeconds) -> Outcome {
    Outcome::Paused { scope: scope.clone(), until }
}
