//! What the state says about one deposit, and what it says once events that are not stored yet are in it.

use std::borrow::Cow;

use alloy_primitives::U512;
use spandrel_verifiers::{Deposit, DepositId, UnixSeconds};

use crate::record::{Closed, Record, Tally};
use crate::{Corridor, Lane, RiskEvent, RiskState, Scope};

/// What the state says about one deposit on one lane at one time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Position<'a> {
    pub(crate) state: &'a RiskState,
    pub(crate) id: DepositId,
    pub(crate) deposit: &'a Deposit,
    pub(crate) corridor: Corridor,
    pub(crate) now: UnixSeconds,
    /// `now`, or the time of the newest event when that is later.
    pub(crate) latest: UnixSeconds,
    pub(crate) confirmations: u64,
    pub(crate) paused: Option<Scope>,
    /// As the state has it, until an event that is not stored yet changes it.
    pub(crate) record: Cow<'a, Record>,
    pub(crate) closed: Option<Closed>,
    pub(crate) sums: Tally,
    pub(crate) window_used: U512,
}

impl<'a> Position<'a> {
    /// Reads the state. `id` must be the id of `deposit`.
    pub fn new(state: &'a RiskState, id: DepositId, deposit: &'a Deposit, lane: Lane, now: UnixSeconds) -> Self {
        let corridor = Corridor::of(deposit, lane);
        let window_used = state.window_used(&corridor, now);
        Self {
            state,
            id,
            deposit,
            corridor,
            now,
            confirmations: 0,
            latest: state.not_before_clock(now),
            paused: state.paused_by(deposit, lane, now).cloned(),
            record: state.known(id).map_or_else(Cow::default, Cow::Borrowed),
            closed: state.closed(id),
            sums: state.tally(deposit),
            window_used,
        }
    }

    /// The position of a deposit that stands under `confirmations` blocks, its own included. Without this, under none.
    #[must_use]
    pub fn with_confirmations(self, confirmations: u64) -> Self {
        Self { confirmations, ..self }
    }

    /// The position once `event` is in the state too: for events decided in the same step and not stored yet. Counts
    /// events about this deposit, except that a clearance is not charged to the window, and pauses.
    #[must_use]
    pub fn after(mut self, event: &RiskEvent) -> Self {
        if let RiskEvent::Paused { scope, until, .. } = event
            && self.paused.is_none()
            && self.now < *until
            && scope.covers(self.deposit, self.corridor.lane)
        {
            self.paused = Some(scope.clone());
        }
        if let RiskEvent::Reopened { id } = event
            && *id == self.id
            && let Some(record) = self.closed.and_then(|closed| closed.reopened())
        {
            self.closed = None;
            self.record = Cow::Owned(record);
        }
        if event.deposit() == Some(self.id) && self.closed.is_none() {
            let before = self.tally();
            self.record.to_mut().apply(event);
            self.sums = self.sums.replacing(before, self.tally());
            if let RiskEvent::Closed { .. } = event {
                self.close();
            }
        }
        self
    }

    fn close(&mut self) {
        let Some(closed) = self.record.closed() else { return };
        if closed.lane.is_none() {
            self.sums = self.sums.replacing(self.tally(), Tally::default());
        }
        self.record = Cow::Owned(Record::default());
        self.closed = Some(closed);
    }

    fn tally(&self) -> Tally {
        self.record.tally(&self.deposit.source_chain, &self.deposit.asset, &self.deposit.destination_chain)
    }

    /// The lane on which it is paid already.
    pub(crate) fn paid_on(&self) -> Option<Lane> {
        self.closed.map_or_else(|| self.record.standing_lane(), |closed| closed.lane)
    }
}
