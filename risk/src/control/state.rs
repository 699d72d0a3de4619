//! The control state: a fold of [`ControlEvent`]s.

use std::collections::{BTreeMap, BTreeSet};

use alloy_primitives::{Address, B256};
use serde::Serialize;
use spandrel_verifiers::attestation::SignerSet;
use spandrel_verifiers::{ChainId, DepositId, UnixSeconds, VerifyError};

use super::{Act, ControlEvent, Outcome, ProposalEnd, SignerRole};
use crate::{Agreement, Corridor, Limit, Limits, RiskEvent, RiskPolicy, Scope, WideLimit};

/// What guardians have said so far, as far as it still matters. The same events give the same state; what is remembered
/// is bounded by guardians, open proposals, limits, accepted losses, readings that came to nothing, and a day's statements.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ControlState {
    version: u64,
    nonces: BTreeMap<Address, u64>,
    /// Digests of statements that were taken, until they would be void anyway.
    taken: BTreeMap<B256, UnixSeconds>,
    /// The statement taken last: what a proposal is made of.
    last: Option<(B256, Act, Address, String, String)>,
    proposals: BTreeMap<B256, Proposal>,
    limits: BTreeMap<Corridor, Limits>,
    wide_limits: BTreeMap<WideLimit, Limit>,
    signers: BTreeMap<SignerRole, SignerSet>,
    losses: BTreeSet<DepositId>,
    /// What the last file that was agreed on says.
    filed: Option<Box<Agreement>>,
    unread: Vec<Unread>,
}

/// Blocks that no node had when they were to be read again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Unread {
    /// Of which chain.
    pub chain: ChainId,
    /// Height of the first.
    pub from: u64,
    /// Height of the last.
    pub to: u64,
    /// What was said last.
    pub reason: String,
    /// Since when nobody asks for them any more, Unix seconds.
    pub at: UnixSeconds,
}

/// What waits for a second person, or for its time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proposal {
    /// What is proposed.
    pub act: Act,
    /// Why.
    pub reason: String,
    /// By which key.
    pub signer: Address,
    /// By whom.
    pub person: String,
    /// When.
    pub at: UnixSeconds,
    /// From then on it is over.
    pub lapses_at: UnixSeconds,
    /// Until when the scope was paused when its resumption was proposed.
    pub paused_until: Option<UnixSeconds>,
    /// The second person's word.
    pub approval: Option<Approval>,
}

/// A second person's word.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Approval {
    /// By which key.
    pub signer: Address,
    /// By whom.
    pub person: String,
    /// When it may be carried out.
    pub ready_at: UnixSeconds,
}

impl ControlState {
    /// Takes one event in. `at` is when it was stored.
    pub fn apply(&mut self, event: &ControlEvent, at: UnixSeconds) {
        self.version = self.version.saturating_add(1);
        match event {
            ControlEvent::Taken { digest, signer, person, signed } => {
                let statement = &signed.statement;
                self.taken.retain(|_, expiry| *expiry > at);
                self.taken.insert(*digest, statement.expiry);
                self.nonces.insert(*signer, statement.nonce.saturating_add(1));
                let (act, reason) = (statement.act.clone(), statement.reason.clone());
                self.last = Some((*digest, act, *signer, person.clone(), reason));
            }
            ControlEvent::Proposed { proposal, lapses_at, paused_until } => {
                let Some((_, act, signer, person, reason)) = self.last.clone().filter(|last| last.0 == *proposal)
                else {
                    return;
                };
                let (lapses_at, paused_until) = (*lapses_at, *paused_until);
                let made = Proposal { act, reason, signer, person, at, lapses_at, paused_until, approval: None };
                self.proposals.insert(*proposal, made);
            }
            ControlEvent::Approved { proposal, signer, person, ready_at } => {
                if let Some(proposal) = self.proposals.get_mut(proposal) {
                    let approval = Approval { signer: *signer, person: person.clone(), ready_at: *ready_at };
                    proposal.approval = Some(approval);
                }
            }
            ControlEvent::Ended { proposal, .. } => {
                self.proposals.remove(proposal);
            }
            ControlEvent::Configured { policy, .. } => self.file(policy),
            ControlEvent::Unread { chain, from, to, reason, .. } => {
                let (chain, reason) = (chain.clone(), reason.clone());
                self.unread.push(Unread { chain, from: *from, to: *to, reason, at });
            }
            ControlEvent::Done { proposal, outcome, .. } => {
                if let Some(proposal) = proposal {
                    self.proposals.remove(proposal);
                }
                self.take_effect(outcome);
            }
        }
    }

    fn take_effect(&mut self, outcome: &Outcome) {
        match outcome {
            Outcome::Limited { corridor, limits } => {
                self.limits.insert(corridor.clone(), **limits);
            }
            Outcome::WideLimited { limit, value } => {
                self.wide_limits.insert(limit.clone(), *value);
            }
            Outcome::SignersChanged { role, set } => {
                self.signers.insert(*role, set.clone());
            }
            Outcome::PolicyChanged { policy, .. } => self.file(policy),
            Outcome::LossAccepted { transfer } => {
                self.losses.insert(*transfer);
            }
            Outcome::Reobserved { chain, from, to } => {
                self.unread.retain(|left| left.chain != *chain || left.from < *from || left.to > *to);
            }
            _ => {}
        }
    }

    /// A file is agreed on. What guardians have set stays where it says what the file before said.
    fn file(&mut self, file: &Agreement) {
        let before = self.filed.as_deref().map(|filed| &filed.risk);
        self.limits.retain(|corridor, set| {
            let Some(next) = file.risk.limits(corridor) else { return false };
            if let Some(before) = before.and_then(|risk| risk.limits(corridor)) {
                *set = set.kept(before, next);
            }
            set != next
        });
        self.wide_limits.retain(|limit, set| {
            let Some(next) = limit.of(&file.risk.wide) else { return false };
            let is_as_before = before.and_then(|risk| limit.of(&risk.wide)).is_none_or(|before| before == next);
            is_as_before && *set != next
        });
        self.filed = Some(Box::new(file.clone()));
    }

    /// What was to be read again and was not, oldest first, until it is ordered again.
    pub fn unread(&self) -> &[Unread] {
        &self.unread
    }

    /// What the last file that was agreed on says; nothing before the first start.
    pub fn filed(&self) -> Option<&Agreement> {
        self.filed.as_deref()
    }

    /// What is agreed on: the file with the limits and the sets of signers that guardians have set in their place.
    pub fn agreed(&self) -> Option<Agreement> {
        let mut agreed = self.filed()?.clone();
        agreed.risk = self.limited(&agreed.risk);
        let set = |role, filed: &SignerSet| self.signers.get(&role).unwrap_or(filed).clone();
        agreed.verifiers = set(SignerRole::Verifiers, &agreed.verifiers);
        agreed.signers = set(SignerRole::FastLane, &agreed.signers);
        Some(agreed)
    }

    /// How many events it is made of: what `If-Match` is asked with.
    pub fn version(&self) -> u64 {
        self.version
    }

    /// The number that `key`'s next statement must have.
    pub fn next_nonce(&self, key: &Address) -> u64 {
        self.nonces.get(key).copied().unwrap_or(0)
    }

    /// Whether a statement was taken, as far back as it could still be valid.
    pub fn was_taken(&self, digest: &B256) -> bool {
        self.taken.contains_key(digest)
    }

    /// Open proposals by the digest of their statement.
    pub fn proposals(&self) -> impl Iterator<Item = (&B256, &Proposal)> {
        self.proposals.iter()
    }

    /// Ends the proposals to resume what `events` pause: the bridge paused by itself, and who agreed to resume had not seen
    /// why.
    pub fn overtaken_by(&self, events: &[RiskEvent]) -> Vec<ControlEvent> {
        let pauses = |scope: &Scope| {
            events.iter().any(|event| matches!(event, RiskEvent::Paused { scope: paused, .. } if paused == scope))
        };
        let is_overtaken = |proposal: &Proposal| matches!(&proposal.act, Act::Resume { scope } if pauses(scope));
        let overtaken = self.proposals.iter().filter(|(_, proposal)| is_overtaken(proposal));
        let by = || "a pause by the bridge itself".to_owned();
        overtaken
            .map(|(id, _)| ControlEvent::Ended { proposal: *id, end: ProposalEnd::Overtaken { by: by() } })
            .collect()
    }

    /// One open proposal.
    pub fn proposal(&self, id: &B256) -> Option<&Proposal> {
        self.proposals.get(id)
    }

    /// Proposals whose time has come at `now`, one way or the other.
    pub fn due(&self, now: UnixSeconds) -> Vec<(B256, Option<DepositId>)> {
        let is_due = |proposal: &Proposal| {
            proposal.lapses_at <= now || proposal.approval.as_ref().is_some_and(|approval| approval.ready_at <= now)
        };
        let due = self.proposals.iter().filter(|(_, proposal)| is_due(proposal));
        due.map(|(id, proposal)| (*id, proposal.act.transfer())).collect()
    }

    /// Whether the loss of this transfer was accepted.
    pub fn has_accepted(&self, transfer: &DepositId) -> bool {
        self.losses.contains(transfer)
    }

    /// Limits of corridors that guardians have set.
    pub fn limits(&self) -> &BTreeMap<Corridor, Limits> {
        &self.limits
    }

    /// Limits over corridors that guardians have set.
    pub fn wide_limits(&self) -> &BTreeMap<WideLimit, Limit> {
        &self.wide_limits
    }

    /// The agreed limits, or before any are the `configured` ones, with those that guardians have set in their place. What
    /// is in neither stays closed.
    pub fn limited(&self, configured: &RiskPolicy) -> RiskPolicy {
        let mut policy = self.filed().map_or(configured, |filed| &filed.risk).clone();
        for (corridor, limits) in &self.limits {
            if let Some(standing) = policy.limits.get_mut(corridor) {
                *standing = *limits;
            }
        }
        for (limit, value) in &self.wide_limits {
            limit.set(&mut policy.wide, *value);
        }
        policy
    }

    /// Refuses a configured set that is not the one guardians have agreed on, once they have.
    pub fn require_agreed(&self, role: SignerRole, configured: &SignerSet) -> Result<(), VerifyError> {
        match self.signers.get(&role) {
            Some(agreed) if agreed != configured => {
                let expected = format!("the set of epoch {} that guardians agreed on", agreed.epoch);
                Err(VerifyError::invalid(role.name(), expected, format!("epoch {}", configured.epoch)))
            }
            _ => Ok(()),
        }
    }
}
