//! A whole bridge around one transfer: outbox, journal, source and destination chain, crashes between broadcast and
//! record, reorgs on both sides. Safety at every move, and an end to every story once the world is quiet.

mod common;

use std::collections::BTreeMap;

use common::*;
use proptest::prelude::*;
use spandrel_core::submission::{Lasting, Progress};
use spandrel_core::{Blocked, Effect, EffectId, Event, Executor, Input, Output, Status};
use spandrel_risk::{Lane, Limit, Limits, RiskEvent, Scope};

/// A transaction in the journal.
#[derive(Clone, Debug, PartialEq)]
enum Sent {
    Pending,
    Included,
    Final,
    Reverted,
}

fn lane_of(step: &str) -> Option<Lane> {
    match step {
        "pay_fast" => Some(Lane::Fast),
        "pay_proven" => Some(Lane::LightClient),
        _ => None,
    }
}

#[derive(Debug)]
struct World {
    house: House,
    outbox: BTreeMap<EffectId, (Effect, bool)>,
    journal: BTreeMap<EffectId, Sent>,
    /// Height and branch of the block that holds the deposit, on the source's best chain.
    mined: Option<(u64, u8)>,
    height: u64,
    branch: u8,
    is_final: bool,
    /// The depositor spent the coins elsewhere: it will not be mined again.
    is_double_spent: bool,
}

impl World {
    fn new(house: House) -> Self {
        let (outbox, journal) = Default::default();
        Self { house, outbox, journal, mined: None, height: 10, branch: 0, is_final: false, is_double_spent: false }
    }

    fn tell(&mut self, input: Input) {
        let output = self.house.tell(input);
        self.store(output);
    }

    fn store(&mut self, output: Output) {
        for asked in output.effects {
            let effect = asked.effect;
            let on_destination = matches!(asked.executor, Executor::Destination { .. });
            let is_for_it = effect.lane().is_some()
                || matches!(effect.step(), "settle" | "close_overdue" | "confirm_unpaid" | "pause");
            assert_eq!(on_destination, is_for_it);
            self.outbox.entry(asked.id).or_insert((effect, false));
        }
    }

    fn due(&self, steps: &[&str]) -> Vec<(EffectId, Effect)> {
        let due = self.outbox.iter().filter(|(_, (effect, done))| !done && steps.contains(&effect.step()));
        due.map(|(id, (effect, _))| (*id, effect.clone())).collect()
    }

    fn end(&mut self, id: EffectId) {
        if let Some((_, done)) = self.outbox.get_mut(&id) {
            *done = true;
        }
    }

    fn mine(&mut self) {
        if self.mined.is_none() && !self.is_double_spent {
            self.height += 1;
            self.branch = self.branch.wrapping_add(1);
            self.mined = Some((self.height, self.branch));
            let seen = seen(&self.house.deposit, block(self.height, self.branch));
            self.tell(Input::Seen(seen));
        }
    }

    fn reorg(&mut self) {
        if let Some((height, branch)) = self.mined.filter(|_| !self.is_final) {
            self.mined = None;
            self.tell(Input::SourceReorged { ancestor: block(9, 0), dropped: vec![block(height, branch).hash] });
        }
    }

    fn finalize(&mut self) {
        self.is_final = self.mined.is_some();
        self.tell(Input::SourceFinal(block(self.height, self.branch)));
    }

    fn evidence_desk(&mut self) {
        for (id, _) in self.due(&["build_evidence"]) {
            self.end(id);
            if self.mined.is_some() {
                let built = evidence(&self.house.deposit, "header");
                self.tell(Input::EvidenceBuilt(built));
            }
        }
    }

    fn verifiers(&mut self) {
        for (id, _) in self.due(&["request_verdicts"]) {
            self.end(id);
            let deposit = self.house.deposit.clone();
            self.tell(verdicts(&[0, 1], &deposit, "header"));
        }
    }

    fn signers(&mut self, sign: bool) {
        for (id, _) in self.due(&["request_attestation"]) {
            self.end(id);
            let attestation = Attesting { expiry: EXPIRY, ..Attesting::default() }.of(&self.house.deposit);
            self.tell(if sign { Input::Attested(attestation) } else { Input::AttestationRefused("no".into()) });
        }
    }

    fn confirmations(&mut self) {
        for (id, effect) in self.due(&["confirm_unpaid"]) {
            if self.house.may(&effect).is_ok() {
                assert_eq!(self.paid(), None, "what is paid is not asked about");
                self.end(id);
                self.tell(Input::Progress(id, unpaid()));
            }
        }
    }

    /// What the engine does with a leased effect. `crash` loses what was sent before it is recorded; the simulation may
    /// refuse it, for now or with its proof.
    fn submitter(&mut self, crash: bool, simulation: Option<Lasting>) {
        for (id, effect) in self.due(&["pay_fast", "pay_proven", "settle"]) {
            match self.house.may(&effect) {
                _ if self.journal.contains_key(&id) => {}
                Ok(()) if simulation.is_some() => {
                    let lasting = simulation.unwrap_or(Lasting::ForNow);
                    self.tell(Input::Progress(id, Progress::Refused { reason: "no".into(), lasting }));
                    if effect.lane() == Some(Lane::Fast) || lasting != Lasting::ForNow {
                        self.end(id);
                    }
                }
                Ok(()) => {
                    let paused = effect.lane().and_then(|lane| {
                        let House { risk, deposit, now, .. } = &self.house;
                        risk.paused_by(deposit, lane, *now)
                    });
                    assert_eq!(paused, None, "broadcast under a pause");
                    assert!(effect.lane().is_none() || self.lanes_sent().is_empty(), "both lanes broadcast");
                    self.journal.insert(id, Sent::Pending);
                    if !crash {
                        self.tell(Input::Progress(id, Progress::Broadcast { tx: tx(1) }));
                    }
                }
                Err(Blocked::Later(_)) => {}
                Err(Blocked::Obsolete(reason)) => {
                    self.end(id);
                    if effect.lane().is_some() {
                        self.tell(Input::Progress(id, Progress::Refused { reason, lasting: Lasting::ForEver }));
                    }
                }
            }
        }
    }

    /// The destination takes pending transactions in by the contract's rules, payouts before settlements: all are one
    /// account's, in the order of their nonces.
    fn include(&mut self) {
        let mut pending = self.sent(|sent| *sent == Sent::Pending);
        pending.sort_by_key(|(_, step)| *step == "settle");
        for (id, step) in pending {
            let succeeds = match step {
                "settle" => self.paid() == Some(Lane::Fast) && !self.is_settled(),
                _ => self.house.now <= EXPIRY && self.paid().is_none(),
            };
            self.journal.insert(id, if succeeds { Sent::Included } else { Sent::Reverted });
        }
    }

    /// What is in the journal, with the steps of its effects.
    fn sent(&self, is_wanted: impl Fn(&Sent) -> bool) -> Vec<(EffectId, &'static str)> {
        let wanted = self.journal.iter().filter(|(_, sent)| is_wanted(sent));
        wanted.map(|(id, _)| (*id, self.outbox[id].0.step())).collect()
    }

    fn standing(&self) -> impl Iterator<Item = &'static str> {
        self.sent(|sent| matches!(sent, Sent::Included | Sent::Final)).into_iter().map(|(_, step)| step)
    }

    /// The lane whose payout stands in a block.
    fn paid(&self) -> Option<Lane> {
        self.standing().find_map(lane_of)
    }

    fn is_settled(&self) -> bool {
        self.standing().any(|step| step == "settle")
    }

    fn lanes_sent(&self) -> Vec<Lane> {
        self.sent(|sent| *sent != Sent::Reverted).into_iter().filter_map(|(_, step)| lane_of(step)).collect()
    }

    fn destination_reorg(&mut self) {
        let dropped: Vec<EffectId> =
            self.journal.iter().filter(|(_, sent)| **sent == Sent::Included).map(|(id, _)| *id).collect();
        for id in dropped {
            self.journal.insert(id, Sent::Pending);
            self.tell(Input::Progress(id, Progress::Reorged));
        }
    }

    fn destination_finalizes(&mut self) {
        for sent in self.journal.values_mut().filter(|sent| **sent == Sent::Included) {
            *sent = Sent::Final;
        }
    }

    fn follow(&mut self) {
        for (id, sent) in self.journal.clone() {
            self.tell(Input::Progress(
                id,
                match sent {
                    Sent::Pending => Progress::Broadcast { tx: tx(1) },
                    Sent::Included => Progress::Included { tx: tx(1) },
                    Sent::Final => Progress::Finalized { tx: tx(1) },
                    Sent::Reverted => Progress::Refused { reason: "reverted".into(), lasting: Lasting::ForEver },
                },
            ));
            if matches!(sent, Sent::Final | Sent::Reverted) {
                self.end(id);
            }
        }
    }

    fn act(&mut self, kind: u8, detail: u8) {
        match kind {
            0..=3 => self.mine(),
            4 => self.reorg(),
            5 if detail < 40 => self.is_double_spent = self.mined.is_none(),
            5..=7 => self.finalize(),
            8..=10 => self.evidence_desk(),
            11..=13 => self.verifiers(),
            14..=16 => self.signers(detail > 40),
            17..=20 => {
                let refusals = [Lasting::ForNow, Lasting::WithThisProof];
                self.submitter(detail.is_multiple_of(4), refusals.get(usize::from(detail % 9)).copied());
                self.confirmations();
            }
            21..=22 => self.include(),
            23 => self.destination_reorg(),
            24 => self.destination_finalizes(),
            25..=27 => self.follow(),
            28 => self.house.pause(Scope::Lane { lane: Lane::Fast, source: None }),
            29 => self.house.pause(Scope::Global),
            30 => self.house.now += u64::from(detail) * 8,
            _ => self.tell(Input::Tick),
        }
    }

    /// Everything works and nothing surprises any more.
    fn quiet(&mut self) {
        for _ in 0..30 {
            self.house.now += 700;
            self.mine();
            self.finalize();
            self.signers(true);
            self.submitter(false, None);
            self.evidence_desk();
            self.verifiers();
            self.submitter(false, None);
            self.include();
            self.follow();
            self.destination_finalizes();
            self.follow();
            self.tell(Input::Tick);
            self.confirmations();
        }
    }

    fn must_add_up(&self) {
        let Some(transfer) = &self.house.transfer else { return };
        let (paid, is_settled) = (self.paid(), self.is_settled());
        match &transfer.status {
            Status::Final { .. } => assert_eq!(paid, Some(Lane::LightClient)),
            Status::Settled { .. } => assert!(paid == Some(Lane::Fast) && is_settled),
            Status::Rejected { .. } | Status::Failed { .. } => assert_eq!(self.lanes_sent(), []),
            _ => {}
        }
    }
}

fn worlds() -> impl Strategy<Value = World> {
    (any::<bool>(), 0u64..3, any::<bool>()).prop_map(|(is_slow, delay, is_fast_closed)| {
        let cap = if is_fast_closed { Limit::CLOSED } else { Limit::Unlimited };
        let fast = Limits { exposure_cap: cap, ..open() };
        let proven = Limits { large_from: Limit::CLOSED, large_delay: delay * 600, ..open() };
        World::new(House::under(policy(fast, proven), if is_slow { slow_deposit() } else { deposit() }))
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn every_story_ends_and_every_payout_is_accounted_for(
        mut world in worlds(), acts in prop::collection::vec((0u8..32, any::<u8>()), 0..80), expires: bool
    ) {
        world.mine();
        for (kind, detail) in acts {
            world.act(kind, detail);
            world.must_add_up();
        }
        world.quiet();
        world.must_add_up();
        if expires {
            world.house.now = EXPIRY + 1;
            world.quiet();
        }
        let transfer = world.house.transfer().clone();
        let deposit = &world.house.deposit;
        let gone = world.is_double_spent && world.mined.is_none();
        let (status, sent) = (transfer.status.name(), world.lanes_sent());
        match status {
            "final" | "settled" | "rejected" => {}
            "shortfall" => prop_assert!(gone && sent == [Lane::Fast]),
            "reorged" => prop_assert!(gone && sent.is_empty() && !expires),
            other => prop_assert!(false, "{other} is no end: {transfer:?}"),
        }
        // What is held ends as released, as rejected, or as expired, and only once.
        let events: Vec<&Event> = world.house.log.iter().map(|(event, _)| event).collect();
        let held = events.iter().rposition(|event| matches!(event, Event::Held { .. }));
        if let Some(last) = held.filter(|_| transfer.status.is_terminal()) {
            let is_released = events[last..].iter().any(|event| matches!(event, Event::Cleared { .. }));
            let is_rejected = events[last..].iter().any(|event| matches!(event, Event::Rejected { .. }));
            prop_assert!(is_released != is_rejected, "{:?}", events);
        }
        let log = &world.house.risk_log;
        let charged = log.iter().fold(None, |charged, event| match event {
            RiskEvent::Cleared { lane, .. } => Some(*lane),
            RiskEvent::Returned { .. } => None,
            _ => charged,
        });
        prop_assert_eq!(charged, sent.first().copied(), "{} {:?}", status, world.journal);
        let may_be_kept = !transfer.status.is_terminal();
        prop_assert!(may_be_kept || !world.house.risk.is_known(deposit.id()), "{} is kept", status);
        let lost = world.house.risk_log.iter().filter(|event| matches!(event, RiskEvent::Shortfall { .. })).count();
        prop_assert!(lost <= 1);
        prop_assert_eq!(world.house.risk.is_short(deposit.id()), status == "shortfall");
    }
}
