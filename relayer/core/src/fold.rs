//! A transfer is the fold of its events. Impossible sequences are refused, so no log can talk a payout into being.

use spandrel_risk::Lane;
use spandrel_verifiers::{DepositId, UnixSeconds};

use crate::{Event, FoldError, Issued, Output, Payout, PayoutStage, Standing, Status, Transfer, Turn, TxRef};

/// The transfer after the events of `output`, stored at `now`. Without a transfer the first event must begin one.
pub fn apply(transfer: Option<Transfer>, output: &Output, now: UnixSeconds) -> Result<Transfer, FoldError> {
    let mut events = output.events.iter();
    let begun = match transfer {
        Some(transfer) => transfer,
        None => match events.next() {
            Some(event @ Event::Observed { seen }) => Transfer::fold(None, seen.deposit.id(), event, now)?,
            other => return Err(FoldError::NotBorn(other.map_or("nothing", Event::name))),
        },
    };
    events.try_fold(begun, |mut transfer, event| transfer.take_in(event, now).map(|()| transfer))
}

impl Transfer {
    /// The transfer after one more event, stored at `at`.
    pub fn fold(previous: Option<Self>, id: DepositId, event: &Event, at: UnixSeconds) -> Result<Self, FoldError> {
        let mut transfer = match previous {
            None => return Self::begin(id, event, at),
            Some(transfer) if transfer.id == id => transfer,
            Some(transfer) => return Err(FoldError::WrongDeposit { expected: transfer.id, found: id }),
        };
        transfer.take_in(event, at)?;
        Ok(transfer)
    }

    fn begin(id: DepositId, event: &Event, at: UnixSeconds) -> Result<Self, FoldError> {
        let Event::Observed { seen } = event else { return Err(FoldError::NotBorn(event.name())) };
        let found = seen.deposit.id();
        if found != id {
            return Err(FoldError::WrongDeposit { expected: id, found });
        }
        Ok(Self {
            id,
            deposit: seen.deposit.clone(),
            standing: Standing::Mined { seen: seen.clone(), is_final: false },
            status: Status::Observed,
            final_at: None,
            attestation: None,
            evidence: None,
            checkpoint: None,
            verified_at: None,
            fast_refused: None,
            issued: None,
            payout: None,
            proof_refused: None,
            turn: Turn::default(),
            sequence: 1,
            created_at: at,
            updated_at: at,
        })
    }

    /// Takes one event in, or changes nothing and says what should have held.
    pub(crate) fn take_in(&mut self, event: &Event, at: UnixSeconds) -> Result<(), FoldError> {
        if let Some(expected) = self.objection(event) {
            let (sequence, status) = (self.sequence, self.status.name());
            return Err(FoldError::Impossible { sequence, expected, found: event.name(), status });
        }
        self.change(event, at);
        self.status = self.status_after(event);
        self.sequence = self.sequence.saturating_add(1);
        self.updated_at = at;
        Ok(())
    }

    /// What must hold before `event` and does not.
    fn objection(&self, event: &Event) -> Option<&'static str> {
        let pays = |lane: &Lane| self.payout.as_ref().is_some_and(|payout| payout.lane == *lane);
        let holds = match event {
            Event::PaidAllTheSame => (self.status.may_be_paid_all_the_same(), "an end without a payout or an expiry"),
            _ if self.status.is_terminal() => (false, "nothing after the end"),
            Event::Observed { seen } => {
                (self.mined().is_none() && seen.deposit == self.deposit, "the same deposit, gone before")
            }
            Event::SourceFinal { .. } | Event::SourceReorged { .. } => (self.mined().is_some(), "a mined deposit"),
            Event::Proven { .. } | Event::Attested { .. } => (self.mined().is_some(), "a mined deposit"),
            Event::Verified { .. } => (self.evidence.is_some(), "evidence"),
            Event::FastRefused { .. } => (!self.is_paid_by(Lane::Fast), "no fast payout in a block"),
            Event::Cleared { lane } => {
                let is_free = self.issued.is_none_or(|issued| issued.lane == *lane);
                (self.payout.is_none() && is_free, "no payout, and none issued on the other lane")
            }
            Event::PayoutRefused { lane, .. } => {
                (self.is_issued_on(*lane) && !self.is_paid_by(*lane), "a payout issued on this lane, in no block")
            }
            Event::ProofRefused { .. } => {
                (self.checkpoint.is_some() && !pays(&Lane::LightClient), "a proof that no payout stands on")
            }
            Event::Held { .. } | Event::Rejected { .. } => (!self.is_broadcast(), "no payout broadcast"),
            Event::Submitted { lane, .. } | Event::Executed { lane, .. } | Event::PayoutFinal { lane, .. } => {
                (pays(lane), "a payout cleared on this lane")
            }
            Event::Promised { .. } => (
                pays(&Lane::Fast) && !self.is_claimed_fast(),
                "a fast payout that was cleared, and neither promised nor paid",
            ),
            Event::PromiseProven { .. } => (
                self.payout.as_ref().is_some_and(|payout| payout.stage == PayoutStage::Promised),
                "a payout that was promised",
            ),
            Event::PayoutReorged { lane } => (self.is_paid_by(*lane), "a payout of this lane in a block"),
            Event::Settled { .. } | Event::Shortfall => {
                (pays(&Lane::Fast) && self.is_broadcast(), "a fast payout that was broadcast")
            }
            Event::Failed { .. } => {
                (!self.is_paid_by(Lane::Fast) && !self.is_paid_by(Lane::LightClient), "no payout in a block")
            }
            Event::Requeued => (matches!(self.status, Status::Quarantined { .. }), "a quarantined transfer"),
            Event::Quarantined { .. } => (true, ""),
        };
        (!holds.0).then_some(holds.1)
    }

    fn change(&mut self, event: &Event, at: UnixSeconds) {
        match event {
            Event::Observed { seen } => {
                self.standing = Standing::Mined { seen: seen.clone(), is_final: false };
                self.begin_round();
            }
            Event::SourceFinal { at } => {
                self.final_at = Some(*at);
                if let Standing::Mined { is_final, .. } = &mut self.standing {
                    *is_final = true;
                }
            }
            Event::SourceReorged { ancestor } => {
                if let Standing::Mined { seen, .. } = &self.standing {
                    self.standing = Standing::Gone { was: seen.clone(), ancestor: *ancestor };
                }
                self.final_at = None;
                self.forget_proof();
            }
            Event::Proven { evidence } => {
                self.evidence = Some(evidence.clone());
                self.proof_refused = None;
            }
            Event::Verified { checkpoint, .. } => {
                self.checkpoint = Some(checkpoint.clone());
                self.verified_at.get_or_insert(at);
                self.turn.proofs = self.turn.proofs.saturating_add(1);
            }
            Event::Attested { attestation } => self.attestation = Some(attestation.clone()),
            Event::FastRefused { reason } => {
                self.fast_refused = Some(reason.clone());
                self.give_up(Lane::Fast);
            }
            Event::Cleared { lane } => {
                self.issued.get_or_insert(Issued { lane: *lane, proof: self.turn.proofs });
                self.payout = Some(Payout { lane: *lane, stage: PayoutStage::Cleared, tx: None });
            }
            Event::PayoutRefused { lane, .. } => self.give_up(*lane),
            Event::ProofRefused { reason } => {
                self.evidence = None;
                self.checkpoint = None;
                self.proof_refused = Some(reason.clone());
                self.begin_round();
            }
            Event::Submitted { tx, .. } => self.move_payout(PayoutStage::Submitted, Some(tx)),
            Event::Promised { tx, .. } => self.move_payout(PayoutStage::Promised, Some(tx)),
            Event::PromiseProven { .. } => self.move_payout(PayoutStage::PromiseProven, None),
            Event::Executed { tx, .. } => self.move_payout(PayoutStage::Executed, Some(tx)),
            Event::PayoutFinal { tx, .. } => self.move_payout(PayoutStage::Final, Some(tx)),
            Event::PayoutReorged { .. } => self.move_payout(PayoutStage::Cleared, None),
            Event::Failed { .. } | Event::Rejected { .. } => {
                self.give_up(Lane::Fast);
                self.give_up(Lane::LightClient);
            }
            Event::Requeued => self.begin_round(),
            Event::Held { .. }
            | Event::Settled { .. }
            | Event::Shortfall
            | Event::Quarantined { .. }
            | Event::PaidAllTheSame => {}
        }
    }

    fn begin_round(&mut self) {
        self.turn.round = self.turn.round.saturating_add(1);
    }

    /// What was proven of a replaced block is void. What was broadcast keeps what it was broadcast with.
    fn forget_proof(&mut self) {
        if !self.is_broadcast() {
            self.payout = None;
            self.attestation = None;
        }
        if self.payout.as_ref().is_none_or(|payout| payout.lane == Lane::Fast) {
            self.evidence = None;
            self.checkpoint = None;
            self.verified_at = None;
            self.proof_refused = None;
        }
    }

    fn give_up(&mut self, lane: Lane) {
        if self.is_issued_on(lane) {
            self.issued = None;
            self.payout = None;
        }
    }

    fn move_payout(&mut self, stage: PayoutStage, tx: Option<&TxRef>) {
        if let Some(payout) = &mut self.payout {
            payout.stage = stage;
            payout.tx = tx.cloned().or(payout.tx.take());
        }
    }

    fn status_after(&self, event: &Event) -> Status {
        let paid_with = || self.payout.as_ref().and_then(|payout| payout.tx.clone());
        match (event, &self.status) {
            (Event::Rejected { reason }, _) => Status::Rejected { reason: reason.clone() },
            (Event::Failed { reason }, _) => Status::Failed { reason: reason.clone() },
            (Event::PayoutFinal { lane: Lane::LightClient, tx }, _) => Status::Final { tx: tx.clone() },
            (Event::Settled { tx }, _) => match paid_with() {
                Some(payout) => Status::Settled { payout, tx: tx.clone() },
                None => self.status.clone(),
            },
            (Event::Quarantined { error }, _) => Status::Quarantined { error: error.clone() },
            (Event::Requeued, _) => self.progress(),
            (Event::Shortfall, _) | (_, Status::Shortfall { .. }) => match paid_with() {
                Some(payout) => Status::Shortfall { payout },
                None => self.progress(),
            },
            (_, Status::Quarantined { .. }) => self.status.clone(),
            (Event::Held { reason, until }, _) => Status::Held { reason: reason.clone(), until: *until },
            _ => self.progress(),
        }
    }
}
