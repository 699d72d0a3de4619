//! The machine: what is known of a transfer and an input, to events, effects and risk events.
//!
//! Pure. Every input may come twice, late or out of order; what is irrelevant gives an empty [`Output`]. What an input
//! claims about signatures is checked here, not by the caller.

mod clear;
mod fast;
mod held;
mod payout;
mod proof;
mod refused;
mod source;

use spandrel_risk::{Decision, Lane, Position, RiskEvent};
use spandrel_verifiers::DepositId;

use crate::ledger::NewEffect;
use crate::submission::Progress;
use crate::{Context, Destination, Effect, EffectId, Event, Executor, Input, Refusal, Status, Transfer};

/// What a step gives: to be stored and carried out together, or not at all.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Output {
    /// New events of the transfer, in order.
    pub events: Vec<Event>,
    /// What is to be done, and by whom. An effect that was given before has the same id.
    pub effects: Vec<NewEffect>,
    /// New risk events, in order.
    pub risk: Vec<RiskEvent>,
}

impl Output {
    /// Whether nothing changed.
    pub fn is_empty(&self) -> bool {
        self.events.is_empty() && self.effects.is_empty() && self.risk.is_empty()
    }
}

/// One step of one transfer. `None` is a transfer that is not known yet: only [`Input::Seen`] begins one.
///
/// Guarantees: the output folds onto `transfer`; at most one lane is ever issued before the other is definitively
/// refused; no payout is issued without a quorum of verifiers (light client) or signers (fast), nor under a pause; the
/// risk state is told once that a transfer which it knows is over, and nothing of it after that, unless the destination
/// paid all the same what had ended unpaid.
pub fn step(transfer: Option<&Transfer>, input: &Input, context: &Context<'_>) -> Result<Output, Refusal> {
    let Some(transfer) = transfer else {
        return match input {
            Input::Seen(seen) => source::begin(seen, context),
            _ => Ok(Output::default()),
        };
    };
    let mut draft = Draft { context: *context, transfer: transfer.clone(), output: Output::default() };
    if !transfer.status.is_terminal() || draft.may_hear(input) {
        draft.take(input)?;
        draft.close_if_over();
    }
    Ok(draft.output)
}

/// A step in the making: the transfer as it will be, and what is put out so far.
struct Draft<'a> {
    context: Context<'a>,
    transfer: Transfer,
    output: Output,
}

impl<'a> Draft<'a> {
    fn take(&mut self, input: &Input) -> Result<(), Refusal> {
        match input {
            Input::Seen(seen) => self.seen(seen),
            Input::SourceReorged { ancestor, dropped } => self.source_reorged(*ancestor, dropped),
            Input::SourceFinal(block) => self.source_final(*block),
            Input::EvidenceBuilt(evidence) => self.evidence_built(evidence),
            Input::Verdicts(verdicts) => self.verdicts(verdicts),
            Input::Attested(attestation) => self.attested(attestation),
            Input::AttestationRefused(reason) => self.attestation_refused(reason),
            Input::Progress(id, progress) => self.progress(*id, progress),
            Input::ShownPaid => self.shown_paid(),
            Input::Contradicted(by) => self.contradicted(by),
            Input::Tick => self.tick(),
            Input::Broken(error) => self.broken(error),
            Input::Requeue => self.requeue(),
            Input::Drop(reason) => self.drop_unpaid(reason),
            Input::Extend(until) => self.extend_hold(*until),
            Input::Release => self.release_early(),
        }
    }

    /// Whether `input` counts after the end: what tells that its destination paid what had ended unpaid.
    fn may_hear(&self, input: &Input) -> bool {
        let is_of_payment = matches!(input, Input::ShownPaid | Input::Progress(_, Progress::PaidElsewhere { .. }));
        is_of_payment && self.transfer.status.may_be_paid_all_the_same()
    }

    fn broken(&mut self, error: &str) -> Result<(), Refusal> {
        if self.is_quarantined() {
            return Ok(());
        }
        self.record(Event::Quarantined { error: error.to_owned() })
    }

    fn requeue(&mut self) -> Result<(), Refusal> {
        if !self.is_quarantined() {
            return Ok(());
        }
        self.record(Event::Requeued)?;
        self.resume()
    }

    fn record(&mut self, event: Event) -> Result<(), Refusal> {
        self.transfer.take_in(&event, self.context.now)?;
        self.output.events.push(event);
        Ok(())
    }

    fn risk(&mut self, event: RiskEvent) {
        self.output.risk.push(event);
    }

    /// What never came to the risk state, as what is rejected when it is seen, leaves nothing there to forget.
    fn close_if_over(&mut self) {
        let id = self.id();
        let is_known = || self.context.risk.is_known(id);
        let is_over = self.transfer.status.is_terminal();
        if is_over && (is_known() || self.output.risk.iter().any(|event| event.deposit() == Some(id))) {
            self.risk(RiskEvent::Closed { id, expiry: self.transfer.deposit.expiry });
        }
    }

    fn ask(&mut self, executor: Executor, effect: Effect) {
        let (deposit, run_at) = (self.id(), self.context.now);
        let id = effect.id(deposit, &executor, self.transfer.turn);
        self.output.effects.push(NewEffect { id, deposit, executor, effect, run_at });
    }

    fn ask_destination(&mut self, effect: Effect) {
        let chain = self.transfer.deposit.destination_chain.clone();
        self.ask(Executor::Destination { chain }, effect);
    }

    fn id(&self) -> DepositId {
        self.transfer.id
    }

    fn is_quarantined(&self) -> bool {
        matches!(self.transfer.status, Status::Quarantined { .. })
    }

    fn is_expired(&self) -> bool {
        self.context.now > self.transfer.deposit.expiry
    }

    fn destination(&self) -> Result<&'a Destination, Refusal> {
        let chain = &self.transfer.deposit.destination_chain;
        self.context.policy.destinations.get(chain).ok_or_else(|| Refusal::UnknownDestination(chain.clone()))
    }

    /// The risk engine's word, with what this step already decided counted in, and the event that records it: to be put
    /// out when anything comes of it.
    fn assess(&self, lane: Lane) -> (Decision, RiskEvent) {
        let first_asked_at = match lane {
            Lane::Fast => self.transfer.created_at,
            Lane::LightClient => self.transfer.verified_at.unwrap_or(self.context.now),
        };
        self.position(lane).decided(&self.context.policy.risk, first_asked_at)
    }

    /// What the risk state says about this deposit on `lane`, with what this step already decided counted in.
    fn position(&self, lane: Lane) -> Position<'_> {
        let Transfer { id, deposit, .. } = &self.transfer;
        let Context { risk, now, .. } = self.context;
        let position = Position::new(risk, *id, deposit, lane, now).with_confirmations(self.transfer.confirmations());
        self.output.risk.iter().fold(position, Position::after)
    }

    /// Which payout (`lane`) or settlement (`None`) of this deposit an effect is, and under which of its checkpoints.
    fn effect_of(&self, id: EffectId) -> Option<(Option<Lane>, u32)> {
        let chain = &self.transfer.deposit.destination_chain;
        let is = |lane, proof| EffectId::of_payout(self.transfer.id, lane, proof, chain) == id;
        if is(Some(Lane::Fast), 0) {
            return Some((Some(Lane::Fast), 0));
        }
        let lanes = [Some(Lane::LightClient), None];
        let attempts = (1..=self.transfer.turn.proofs.max(1)).rev();
        attempts.flat_map(|proof| lanes.map(|lane| (lane, proof))).find(|(lane, proof)| is(*lane, *proof))
    }
}
