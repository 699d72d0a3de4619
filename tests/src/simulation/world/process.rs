//! What the relayer's process does, step by step, and how it dies and is started again.

use spandrel_core::Input;
use spandrel_core::ledger::{Commit, Ledger};
use spandrel_engine::{Change, Clock, EngineError, Message, Step};
use spandrel_store::CrashPoint;

use super::World;
use crate::simulation::bus::To;
use crate::simulation::check::{Finding, Stand};
use crate::simulation::keys;
use crate::simulation::relayer::{Relayer, now};
use crate::simulation::universe::Breakage;

impl World {
    /// One step of the relayer. A crash restarts it on its ledger; what may be tried again is.
    pub(super) fn work(
        &mut self,
        what: &'static str,
        act: impl FnOnce(&Relayer) -> Result<(), EngineError>,
    ) -> Finding {
        self.note(|| what.to_owned());
        let done = act(&self.relayer);
        if self.relayer.ledger.is_crashed().map_err(|error| error.to_string())? {
            self.count("crash");
            return self.restart();
        }
        match done {
            Ok(()) => Ok(()),
            Err(error) if error.is_transient() || matches!(error, EngineError::Halted { .. }) => {
                self.note(|| format!("  {error}"));
                Ok(())
            }
            Err(error) => Err(format!("{what}: {error}")),
        }
    }

    pub(super) fn restart(&mut self) -> Finding {
        self.note(|| "  restarted".to_owned());
        let ledger = self.relayer.ledger.restart().map_err(|error| error.to_string())?;
        if let Some((nth, point)) = self.dies_at.filter(|_| !self.tally.contains_key("crash")) {
            ledger.crash_at(nth, point).map_err(|error| error.to_string())?;
        }
        if self.chance(|dice| dice.percent(50)) {
            self.bus.lose_relayers_mail();
        }
        if self.universe.lock().breakage == Some(Breakage::ForgottenHalt) {
            for chain in keys::sources() {
                let acknowledged = Some((chain, "nobody".to_owned()));
                // A chain that is not halted has nothing to forget: that is refused.
                now(ledger.commit(Commit { now: self.clock.now(), acknowledged, ..Commit::default() }))
                    .unwrap_or_default();
            }
        }
        self.relayer =
            Relayer::start(ledger, &self.universe, &self.clock, &self.bus, self.policy.clone(), self.observer.clone())
                .map_err(|error| format!("restart: {error}"))?;
        Ok(())
    }

    /// One of the next `within` writes will be the last one of this process.
    pub(super) fn arm_crash(&mut self, within: u64) -> Finding {
        let writes = self.relayer.ledger.writes().map_err(|error| error.to_string())?;
        let (nth, point) =
            self.chance(|dice| (writes + 1 + dice.below(within), dice.pick(&[CrashPoint::Before, CrashPoint::After])));
        if self.dies_at.is_some() {
            return Ok(());
        }
        self.note(|| format!("will crash {point:?} write {nth}"));
        self.relayer.ledger.crash_at(nth, point).map_err(|error| error.to_string())
    }

    /// Reads one batch. Answers whether there was one.
    pub(super) fn follow(&mut self, place: usize) -> Result<bool, String> {
        let mut is_news = false;
        self.work("follow source", |relayer| {
            is_news = now(relayer.followers[place].read_once())?;
            Ok(())
        })?;
        Ok(is_news)
    }

    pub(super) fn tick(&mut self) -> Finding {
        let tick = || Change { steps: vec![Step::All(Input::Tick)], ..Change::default() };
        self.work("tick", |relayer| now(relayer.book.record(tick())).map(drop))?;
        self.work("carry out", |relayer| now(relayer.book.carry_out(None)).map(drop))
    }

    /// Everything that is paid here was deposited, however nodes lag, reorganise and lie: no sentinel may say otherwise.
    pub(super) fn stand_sentinel(&mut self) -> Finding {
        self.work("sentinel", |relayer| now(relayer.sentinel.look_once()))?;
        let standing = self.relayer.alarms.standing();
        match standing.iter().find(|finding| finding.what.contains("never deposited")) {
            Some(finding) => Err(format!("a false alarm: {}", finding.what)),
            _ => Ok(()),
        }
    }

    /// As things stand before a step: nothing that it sends may be against that.
    fn stand(&self) -> Result<Stand, String> {
        let mut halted = Vec::new();
        for chain in keys::sources() {
            if now(self.relayer.ledger.halted(&chain)).map_err(|error| error.to_string())?.is_some() {
                halted.push(chain);
            }
        }
        Ok(Stand { risk: self.relayer.book.risk_now().state, halted, at: self.clock.now() })
    }

    pub(super) fn submit(&mut self) -> Finding {
        let stand = self.stand()?;
        self.work("submit", |relayer| now(relayer.payouts.submit_once()).map(drop))?;
        self.nothing_left_against(&stand)?;
        self.checker.nothing_sent_under(&self.relayer.ledger, &stand)
    }

    pub(super) fn follow_payouts(&mut self) -> Finding {
        let stand = self.stand()?;
        let before = self.checker.signed(&self.relayer.ledger)?;
        self.work("follow payouts", |relayer| now(relayer.payouts.follow_once()).map(drop))?;
        self.nothing_left_against(&stand)?;
        self.checker.nothing_signed_under(&self.relayer.ledger, &before, &stand)
    }

    /// Of what went to a node since this was asked last.
    fn nothing_left_against(&mut self, stand: &Stand) -> Finding {
        let broadcast = std::mem::take(&mut self.universe.lock().broadcast);
        self.checker.nothing_of_a_halted_chain(&self.relayer.ledger, &broadcast, stand)
    }

    /// Delivers one message. Answers whether there was one.
    pub(super) fn deliver(&mut self) -> Result<bool, String> {
        let Some((to, message)) = self.bus.next() else { return Ok(false) };
        match (to, message) {
            (To::Verifier(member), Message::Evidence(request)) => {
                self.verifiers[member].answer(&self.universe, &request).into_iter().for_each(|m| self.bus.answer(m));
            }
            (To::Signer(member), Message::AttestRequest(request)) => {
                let answer = self.signers[member].answer(&request, self.clock.now());
                answer.into_iter().for_each(|message| self.bus.answer(message));
            }
            (To::Relayer, Message::Verdict(verdict)) => {
                self.work("verdict", |relayer| now(relayer.verdicts.take(*verdict)))?;
            }
            (To::Relayer, Message::Attestation { root, signature }) => {
                self.work("attestation", |relayer| now(relayer.attestations.take(root, signature)))?;
            }
            (To::Relayer, Message::Unseen(unseen)) => self.relayer.attestations.take_unseen(&unseen),
            _ => {}
        }
        Ok(true)
    }
}
