//! The judgement on one statement.

use alloy_primitives::{Address, B256};
use spandrel_verifiers::UnixSeconds;

use super::before::with_what_they_replace;
use super::freeze::freeze;
use super::limits::{lower, lower_wide, require_possible};
use super::policy::{MAX_TTL, is_same_person};
use super::statement::MAX_LIFETIME;
use super::{
    Act, ControlEvent, ControlPolicy, ControlRefusal, ControlState, Outcome, Proposal, ProposalEnd, SignedStatement,
    View, said_changes,
};
use crate::{Agreement, Scope, looser};

/// How long a proposal waits for its second person, and an approved one for its health.
const PROPOSAL_LIFETIME: u64 = 7 * 86_400;
/// Open proposals of one person, but for freezes: what is in the safe direction neither waits for room nor takes any.
const MAX_PROPOSALS: usize = 32;
/// Longest that one guardian makes a held transfer wait: 30 days.
const MAX_HOLD: u64 = 30 * 86_400;
/// Most blocks that one order has read again.
const MAX_REOBSERVED: u64 = 10_000;

/// What follows from `signed`, or why nothing does.
///
/// # Errors
/// The first rule that it breaks. Nothing is changed then, the nonce is not used either.
pub fn decide(
    state: &ControlState,
    signed: &SignedStatement,
    view: &View<'_>,
) -> Result<Vec<ControlEvent>, ControlRefusal> {
    let said = authenticate(state, signed, view)?;
    let mut events = vec![ControlEvent::Taken {
        digest: said.digest,
        signer: said.signer,
        person: said.person.to_owned(),
        signed: Box::new(signed.clone()),
    }];
    events.extend(with_what_they_replace(said.follow(state, view)?, view));
    Ok(events)
}

/// A statement by a guardian, for this deployment, in time, and new.
pub(super) struct Said<'a> {
    pub(super) digest: B256,
    pub(super) signer: Address,
    pub(super) person: &'a str,
    act: &'a Act,
    reason: &'a str,
}

/// The guardian whose statement this is, and whose key that is: all that can be told of it without what stands.
///
/// # Errors
/// For a statement without reason, out of time, or not signed by a guardian of this deployment.
pub fn by_a_guardian<'a>(
    signed: &SignedStatement,
    policy: &'a ControlPolicy,
    now: UnixSeconds,
) -> Result<(Address, &'a str), ControlRefusal> {
    let statement = &signed.statement;
    let expiry = statement.expiry;
    if !statement.has_reason() {
        return Err(ControlRefusal::ReasonMissing);
    }
    if expiry <= now {
        return Err(ControlRefusal::Expired { expiry, now });
    }
    let latest = now.saturating_add(MAX_LIFETIME);
    if expiry > latest {
        return Err(ControlRefusal::ExpiryTooFar { expiry, latest });
    }
    let signer = signed.signer(policy.deployment).map_err(ControlRefusal::BadSignature)?;
    if signer != statement.guardian {
        return Err(ControlRefusal::WrongSigner { expected: statement.guardian, found: signer });
    }
    let person = policy.person(&signer).ok_or(ControlRefusal::UnknownGuardian(signer))?;
    Ok((signer, person))
}

fn authenticate<'a>(
    state: &ControlState,
    signed: &'a SignedStatement,
    view: &View<'a>,
) -> Result<Said<'a>, ControlRefusal> {
    let (signer, person) = by_a_guardian(signed, view.policy, view.now)?;
    let statement = &signed.statement;
    let digest = statement.digest(view.policy.deployment);
    if state.was_taken(&digest) {
        return Err(ControlRefusal::AlreadyTaken(digest));
    }
    let (expected, found) = (state.next_nonce(&signer), statement.nonce);
    if expected != found {
        return Err(ControlRefusal::WrongNonce { expected, found });
    }
    Ok(Said { digest, signer, person, act: &statement.act, reason: &statement.reason })
}

impl Said<'_> {
    fn follow(&self, state: &ControlState, view: &View<'_>) -> Result<Vec<ControlEvent>, ControlRefusal> {
        match self.act {
            Act::Pause { scope, seconds } => {
                if *seconds == 0 || *seconds > MAX_TTL {
                    return Err(ControlRefusal::TtlOutOfRange { maximum: MAX_TTL, found: *seconds });
                }
                let mut events = overtake(state, "a pause", |act| resumes(act, scope));
                events.push(
                    self.done(Outcome::Paused { scope: scope.clone(), until: view.now.saturating_add(*seconds) }),
                );
                Ok(events)
            }
            Act::Freeze { scope } => Ok(freeze(self, state, view, scope)),
            Act::Resume { scope } => {
                let Some(until) = paused_until(view, scope) else {
                    return Err(ControlRefusal::NotPaused(scope.to_string()));
                };
                self.propose(state, view, Some(until))
            }
            Act::LowerLimits { corridor, limits } => {
                let mut events = lower(state, view, corridor, limits)?;
                events.push(self.done(Outcome::Limited { corridor: corridor.clone(), limits: Box::new(*limits) }));
                Ok(events)
            }
            Act::RaiseLimits { corridor, .. } => {
                view.limits.limits(corridor).ok_or(ControlRefusal::UnknownCorridor)?;
                self.propose(state, view, None)
            }
            Act::LowerWideLimit { limit, value } => {
                let mut events = lower_wide(state, view, limit, value)?;
                events.push(self.done(Outcome::WideLimited { limit: limit.clone(), value: *value }));
                Ok(events)
            }
            Act::RaiseWideLimit { limit, value } => {
                require_possible(view, limit, value)?;
                self.propose(state, view, None)
            }
            Act::DropHeld { transfer } => {
                require(view.is_held, ControlRefusal::NotHeld)?;
                require(view.is_idle, ControlRefusal::PayoutUnderWay)?;
                let mut events = overtake(state, "a drop", |act| *act == Act::ReleaseHeld { transfer: *transfer });
                events.push(self.done(Outcome::Dropped { transfer: *transfer }));
                Ok(events)
            }
            Act::ExtendHold { transfer, until } => {
                require(view.is_held, ControlRefusal::NotHeld)?;
                let standing = view.held_until.unwrap_or_default().max(view.now);
                let (earliest, latest) = (standing.saturating_add(1), view.now.saturating_add(MAX_HOLD));
                if *until < earliest || *until > latest {
                    return Err(ControlRefusal::HoldOutOfRange { earliest, latest, found: *until });
                }
                let mut events =
                    overtake(state, "a longer hold", |act| *act == Act::ReleaseHeld { transfer: *transfer });
                events.push(self.done(Outcome::Extended { transfer: *transfer, until: *until }));
                Ok(events)
            }
            Act::ReleaseHeld { .. } => {
                require(view.is_held, ControlRefusal::NotHeld)?;
                require(view.is_idle, ControlRefusal::PayoutUnderWay)?;
                self.propose(state, view, None)
            }
            Act::RequeueQuarantined { transfer } => {
                require(view.is_quarantined, ControlRefusal::NotQuarantined)?;
                Ok(vec![self.done(Outcome::Requeued { transfer: *transfer })])
            }
            Act::DropQuarantined { transfer } => {
                require(view.is_quarantined, ControlRefusal::NotQuarantined)?;
                require(view.is_idle, ControlRefusal::PayoutUnderWay)?;
                Ok(vec![self.done(Outcome::Dropped { transfer: *transfer })])
            }
            Act::ChangeSigners { role, set } => {
                set.validate().map_err(ControlRefusal::BadSignerSet)?;
                let standing = view.signers.get(role).map_or(0, |set| set.epoch);
                if set.epoch <= standing {
                    return Err(ControlRefusal::EpochNotLater { standing, found: set.epoch });
                }
                self.propose(state, view, None)
            }
            Act::ChangePolicy { policy, changes } => {
                require_said(state, policy, changes)?;
                self.propose(state, view, None)
            }
            Act::AcknowledgeHalt { chain, halt } => {
                let standing = view.halt.ok_or(ControlRefusal::NotHalted)?;
                require(standing == halt, ControlRefusal::AnotherHalt(standing.to_owned()))?;
                Ok(vec![self.done(Outcome::HaltAcknowledged { chain: chain.clone() })])
            }
            Act::Reobserve { chain, from, to } => {
                let is_source = view.limits.limits.keys().any(|corridor| corridor.source == *chain);
                require(is_source, ControlRefusal::NoSource(chain.clone()))?;
                let is_range = *from > 0 && from <= to && to.saturating_sub(*from) < MAX_REOBSERVED;
                require(is_range, ControlRefusal::RangeOutOfRange { maximum: MAX_REOBSERVED, from: *from, to: *to })?;
                Ok(vec![self.done(Outcome::Reobserved { chain: chain.clone(), from: *from, to: *to })])
            }
            Act::AcceptLoss { transfer } => {
                let stands = view.risk.is_short(*transfer) && !state.has_accepted(transfer);
                require(stands, ControlRefusal::NotShort)?;
                self.propose(state, view, None)
            }
            Act::Approve { proposal, what } => self.approve(state, view, *proposal, what),
            Act::Cancel { proposal, what } => {
                open_proposal(state, view, *proposal, what)?;
                let end = ProposalEnd::Cancelled { person: self.person.to_owned() };
                Ok(vec![ControlEvent::Ended { proposal: *proposal, end }])
            }
        }
    }

    fn propose(
        &self,
        state: &ControlState,
        view: &View<'_>,
        paused_until: Option<UnixSeconds>,
    ) -> Result<Vec<ControlEvent>, ControlRefusal> {
        let open = state.proposals().filter(|(_, proposal)| proposal.lapses_at > view.now);
        let mut own = 0_usize;
        for (id, proposal) in open {
            if proposal.act == *self.act {
                return Err(ControlRefusal::NeedsSecondApprover(*id));
            }
            let is_own = is_same_person(&proposal.person, self.person) && !matches!(proposal.act, Act::Freeze { .. });
            own = own.saturating_add(usize::from(is_own));
        }
        if own >= MAX_PROPOSALS {
            return Err(ControlRefusal::TooManyProposals(MAX_PROPOSALS));
        }
        let lapses_at = view.now.saturating_add(PROPOSAL_LIFETIME);
        Ok(vec![ControlEvent::Proposed { proposal: self.digest, lapses_at, paused_until }])
    }

    fn approve(
        &self,
        state: &ControlState,
        view: &View<'_>,
        id: B256,
        what: &str,
    ) -> Result<Vec<ControlEvent>, ControlRefusal> {
        let proposal = open_proposal(state, view, id, what)?;
        if proposal.approval.is_some() {
            return Err(ControlRefusal::AlreadyApproved(id));
        }
        let proposer = view.policy.person(&proposal.signer).ok_or(ControlRefusal::UnknownGuardian(proposal.signer))?;
        if is_same_person(proposer, self.person) {
            return Err(ControlRefusal::SelfApproval(proposer.to_owned()));
        }
        if let Act::Freeze { scope } = &proposal.act {
            return Err(ControlRefusal::NeedsOwnFreeze(scope.to_string()));
        }
        let ready_at = view.now.saturating_add(delay(&proposal.act, view));
        let person = self.person.to_owned();
        Ok(vec![ControlEvent::Approved { proposal: id, signer: self.signer, person, ready_at }])
    }

    pub(super) fn done(&self, outcome: Outcome) -> ControlEvent {
        ControlEvent::Done { proposal: None, outcome, by: format!("{}: {}", self.person, self.reason), before: None }
    }
}

/// Seconds between the second approval and the effect.
fn delay(act: &Act, view: &View<'_>) -> u64 {
    match act {
        Act::Resume { .. } | Act::ReleaseHeld { .. } => view.policy.resume_delay,
        _ => view.policy.timelock,
    }
}

fn open_proposal<'s>(
    state: &'s ControlState,
    view: &View<'_>,
    id: B256,
    what: &str,
) -> Result<&'s Proposal, ControlRefusal> {
    let open = state.proposal(&id).filter(|proposal| proposal.lapses_at > view.now);
    let proposal = open.ok_or(ControlRefusal::NoSuchProposal(id))?;
    let expected = proposal.act.to_string();
    if expected != what {
        return Err(ControlRefusal::OtherProposal { expected, found: what.to_owned() });
    }
    Ok(proposal)
}

/// Ends the open proposals that a newer order in the safe direction contradicts.
pub(super) fn overtake(state: &ControlState, by: &str, is_overtaken: impl Fn(&Act) -> bool) -> Vec<ControlEvent> {
    let overtaken = state.proposals().filter(|(_, proposal)| is_overtaken(&proposal.act));
    let end = |(id, _): (&B256, &Proposal)| ControlEvent::Ended {
        proposal: *id,
        end: ProposalEnd::Overtaken { by: by.to_owned() },
    };
    overtaken.map(end).collect()
}

pub(super) fn resumes(act: &Act, scope: &Scope) -> bool {
    matches!(act, Act::Resume { scope: resumed } if resumed == scope)
}

/// The words are what the policy allows beyond what is agreed on: all of it, and nothing else.
fn require_said(state: &ControlState, policy: &Agreement, changes: &str) -> Result<(), ControlRefusal> {
    let (Some(filed), Some(agreed)) = (state.filed(), state.agreed()) else {
        return Err(ControlRefusal::NothingAgreed);
    };
    let loosenings = looser(&policy.over(filed, &agreed), &agreed);
    if let Some(part) = loosenings.iter().find(|part| part.set.is_some()) {
        return Err(ControlRefusal::SetInPolicy(part.field.clone()));
    }
    require(!loosenings.is_empty(), ControlRefusal::NotLooser)?;
    let expected = said_changes(&loosenings);
    if expected != changes {
        return Err(ControlRefusal::OtherChanges { expected, found: changes.to_owned() });
    }
    Ok(())
}

/// Until when exactly this scope is paused, if it is.
pub(super) fn paused_until(view: &View<'_>, scope: &Scope) -> Option<UnixSeconds> {
    let pause = view.risk.pauses_at(view.now).find(|(paused, _)| *paused == scope);
    pause.map(|(_, pause)| pause.until)
}

pub(super) fn require(holds: bool, refusal: ControlRefusal) -> Result<(), ControlRefusal> {
    if holds { Ok(()) } else { Err(refusal) }
}
