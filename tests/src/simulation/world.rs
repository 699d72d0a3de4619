//! One seed: a storm of random acts, then calm, with the checks after every act.

use std::collections::BTreeMap;
use std::sync::Arc;

use alloy::primitives::{B256, keccak256};
use spandrel_core::journal::Journal;
use spandrel_core::ledger::{Commit, CursorMove, Ledger, TransferFilter};
use spandrel_core::{Event, Input, Policy, Status, Transfer};
use spandrel_engine::{Change, Clock, EngineError, Message, Observer, Step};
use spandrel_risk::{Direction, Lane, Reason, RiskEvent, Scope};
use spandrel_store::{CrashPoint, Memory};
use spandrel_verifiers::DepositId;
use spandrel_verifiers::follow::Cursor;

use super::bus::{SimBus, To};
use super::check::{Checker, Finding};
use super::clock::{START, SimClock};
use super::destination::SentTx;
use super::keys::{self, MEMBERS};
use super::members::{Conduct, SimSigner, SimVerifier};
use super::node::forge_branch;
use super::plan::{LATE, Plan};
use super::relayer::{Relayer, now};
use super::source::DEPTH;
use super::submitter::ACCOUNT;
use super::universe::{Breakage, Shared, Universe};

/// Random acts of the storm.
const STORM: u64 = 350;
/// Most rounds of the calm, and seconds each.
const CALM: (u64, u64) = (80, 20);
/// Most rounds after every expiry, and seconds each.
const AFTERWARDS: (u64, u64) = (100, 20);
/// Seconds for which verdicts of a verifier set count after it was rotated out.
const RETENTION: u64 = 60;

/// How often things happened.
pub type Tally = BTreeMap<&'static str, u64>;

/// The world of one seed.
pub struct World {
    universe: Shared,
    clock: SimClock,
    bus: SimBus,
    policy: Policy,
    observer: Arc<dyn Observer>,
    relayer: Relayer,
    verifiers: Vec<SimVerifier>,
    signers: Vec<SimSigner>,
    plan: Plan,
    checker: Checker,
    tally: Tally,
    /// How many in 100 chances to mine a source block are taken.
    tempo: u64,
    is_traced: bool,
    step: u64,
    /// The one write at which it dies, if crashes do not come by chance.
    dies_at: Option<(u64, CrashPoint)>,
}

/// Prints what is stored.
struct Printer(SimClock);

impl Observer for Printer {
    fn stored(&self, transfer: &Transfer, events: &[Event]) {
        let names: Vec<&str> = events.iter().map(Event::name).collect();
        let at = self.0.now() - START;
        println!("  {at:>6}s {} {} -> {}", short(transfer.id), names.join(" "), transfer.status.name());
    }

    fn refused(&self, id: DepositId, reason: &str) {
        println!("          {} refused: {reason}", short(id));
    }
}

fn short(id: DepositId) -> String {
    id.to_string().chars().take(8).collect()
}

impl World {
    /// Prepares `seed`.
    pub fn new(seed: u64, breakage: Option<Breakage>, is_traced: bool) -> Result<Self, String> {
        let universe = Shared::new(Universe::new(seed, breakage));
        let clock = SimClock::default();
        let bus = SimBus::new(universe.clone());
        let policy = keys::policy(breakage != Some(Breakage::NoExposureCap));
        let observer: Arc<dyn Observer> =
            if is_traced { Arc::new(Printer(clock.clone())) } else { Arc::new(spandrel_engine::Silent) };
        let relayer = Relayer::start(Memory::new(), &universe, &clock, &bus, policy.clone(), observer.clone())
            .map_err(|error| error.to_string())?;
        let (plan, conducts, tempo) = {
            let dice = &mut universe.lock().dice;
            let conducts = [draw_conducts(dice, breakage), draw_conducts(dice, breakage)];
            (Plan::draw(dice), conducts, dice.pick(&[25, 50, 100]))
        };
        let verifiers =
            conducts[0].iter().enumerate().map(|(member, conduct)| SimVerifier { member, conduct: *conduct });
        let signers = conducts[1].iter().enumerate();
        let signers = signers.map(|(member, conduct)| SimSigner::new(member, *conduct, universe.clone()));
        let (verifiers, signers) = (verifiers.collect(), signers.collect());
        let mut checker = Checker::default();
        for order in plan.orders.iter().flatten() {
            checker.real.insert(order.id, order.clone());
        }
        let (tally, step) = Default::default();
        Ok(Self {
            universe,
            clock,
            bus,
            policy,
            observer,
            relayer,
            verifiers,
            signers,
            plan,
            checker,
            tally,
            tempo,
            is_traced,
            step,
            dies_at: None,
        })
    }

    /// Dies at its `nth` write, and at no other.
    pub fn dying_at(mut self, nth: u64, point: CrashPoint) -> Result<Self, String> {
        self.dies_at = Some((nth, point));
        self.relayer.ledger.crash_at(nth, point).map_err(|error| error.to_string())?;
        Ok(self)
    }

    /// Lives through it. Answers how often what happened.
    pub fn run(mut self) -> Result<Tally, (u64, String)> {
        match self.live() {
            Ok(()) => Ok(self.tally),
            Err(finding) => Err((self.step, finding)),
        }
    }

    fn live(&mut self) -> Finding {
        for _ in 0..STORM {
            self.step += 1;
            self.act()?;
            if self.step.is_multiple_of(4) {
                self.stand_sentinel()?;
            }
            self.checker.always(&self.relayer, &self.universe.lock())?;
        }
        self.calm_down()?;
        self.rounds(CALM)?;
        self.checker.everything_payable_is_paid(&self.relayer, &self.universe.lock())?;
        self.pass(LATE - self.clock.now() + 1);
        self.rounds(AFTERWARDS)?;
        self.checker.everything_ended(&self.relayer, &self.universe.lock())?;
        for lane in Checker::lanes(&self.universe.lock()) {
            *self.tally.entry(if lane == Lane::Fast { "paid fast" } else { "paid proven" }).or_default() += 1;
        }
        for _ in 0..self.universe.lock().destination.finalized().closed.len() {
            *self.tally.entry("fast lane closed").or_default() += 1;
        }
        let reverted = self.universe.lock().destination.reverted();
        for _ in 0..reverted {
            self.count("reverted");
        }
        for transfer in now(self.relayer.ledger.transfers(&TransferFilter::default())).map_err(|e| e.to_string())? {
            self.count(transfer.status.name());
            let events = now(self.relayer.ledger.events(transfer.id)).map_err(|e| e.to_string())?;
            let is_delayed = |event: &Event| matches!(event, Event::Held { reason: Reason::Window { .. }, .. });
            if events.iter().any(|event| is_delayed(&event.body)) {
                self.count("delayed by a window");
            }
            for event in events.iter().filter(|event| matches!(event.body, Event::ProofRefused { .. })) {
                self.count(event.body.name());
            }
        }
        Ok(())
    }

    fn act(&mut self) -> Finding {
        let seconds = self.chance(|dice| if dice.percent(60) { 0 } else { dice.below(6) });
        self.pass(seconds);
        let place = self.chance(|dice| dice.place(2));
        match self.chance(|dice| dice.below(100)) {
            0..=8 if self.chance(|dice| dice.percent(self.tempo)) => self.mine_source(place),
            9..=11 => self.reorg_source(place),
            12..=19 => self.sync_node(place),
            20..=21 => self.lie(place),
            22..=35 => drop(self.follow(place)?),
            36..=40 => self.work("evidence", |relayer| now(relayer.evidence[place].build_once()).map(drop))?,
            41..=44 => self.work("ask verifiers", |relayer| now(relayer.verdicts.ask_once()).map(drop))?,
            45..=48 => self.work("ask signers", |relayer| now(relayer.attestations.ask_once()).map(drop))?,
            49..=66 => drop(self.deliver()?),
            67..=69 => self.tick()?,
            70..=76 => self.submit()?,
            77..=83 => self.follow_payouts()?,
            84..=89 => self.mine_destination(),
            90 => self.reorg_destination(),
            91 => self.forget_transaction(),
            92 => self.pause()?,
            93 => self.resume()?,
            94 => self.stranger_claims(),
            97 if self.chance(|dice| dice.percent(15)) => self.rotate_verifiers()?,
            95 => self.arm_crash(6)?,
            96 => {
                self.arm_crash(3)?;
                self.submit()?;
            }
            97 => self.operate()?,
            _ => drop(self.deliver()?),
        }
        Ok(())
    }

    /// Rounds in which everybody does all there is to do, until nothing is left or `most` are over.
    fn rounds(&mut self, (most, seconds): (u64, u64)) -> Finding {
        for _ in 0..most {
            self.step += 1;
            self.pass(seconds);
            self.operate()?;
            for place in 0..2 {
                self.mine_source(place);
                self.sync_node(place);
                while self.follow(place)? {}
                self.work("evidence", |relayer| now(relayer.evidence[place].build_once()).map(drop))?;
            }
            self.work("ask verifiers", |relayer| now(relayer.verdicts.ask_once()).map(drop))?;
            self.work("ask signers", |relayer| now(relayer.attestations.ask_once()).map(drop))?;
            while self.deliver()? {}
            self.tick()?;
            self.submit()?;
            self.mine_destination();
            self.work("follow payouts", |relayer| now(relayer.payouts.follow_once()).map(drop))?;
            self.stand_sentinel()?;
            self.checker.always(&self.relayer, &self.universe.lock())?;
            if self.checker.is_quiet(&self.relayer, &self.universe.lock())? {
                return Ok(());
            }
        }
        Ok(())
    }

    fn chance<T>(&self, draw: impl FnOnce(&mut super::dice::Dice) -> T) -> T {
        draw(&mut self.universe.lock().dice)
    }

    fn count(&mut self, what: &'static str) {
        *self.tally.entry(what).or_default() += 1;
    }

    fn note(&self, what: impl FnOnce() -> String) {
        if self.is_traced {
            println!("[{:>3}] {:>6}s {}", self.step, self.clock.now() - START, what());
        }
    }

    fn pass(&self, seconds: u64) {
        self.clock.advance(seconds);
        self.universe.lock().now = self.clock.now();
    }

    /// One step of the relayer. A crash restarts it on its ledger; what may be tried again is.
    fn work(&mut self, what: &'static str, act: impl FnOnce(&Relayer) -> Result<(), EngineError>) -> Finding {
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

    fn restart(&mut self) -> Finding {
        self.note(|| "  restarted".to_owned());
        let ledger = self.relayer.ledger.restart().map_err(|error| error.to_string())?;
        if let Some((nth, point)) = self.dies_at.filter(|_| !self.tally.contains_key("crash")) {
            ledger.crash_at(nth, point).map_err(|error| error.to_string())?;
        }
        if self.chance(|dice| dice.percent(50)) {
            self.bus.lose_relayers_mail();
        }
        self.relayer =
            Relayer::start(ledger, &self.universe, &self.clock, &self.bus, self.policy.clone(), self.observer.clone())
                .map_err(|error| format!("restart: {error}"))?;
        Ok(())
    }

    /// One of the next `within` writes will be the last one of this process.
    fn arm_crash(&mut self, within: u64) -> Finding {
        let writes = self.relayer.ledger.writes().map_err(|error| error.to_string())?;
        let (nth, point) =
            self.chance(|dice| (writes + 1 + dice.below(within), dice.pick(&[CrashPoint::Before, CrashPoint::After])));
        if self.dies_at.is_some() {
            return Ok(());
        }
        self.note(|| format!("will crash {point:?} write {nth}"));
        self.relayer.ledger.crash_at(nth, point).map_err(|error| error.to_string())
    }

    fn mine_source(&mut self, place: usize) {
        let universe = &mut *self.universe.lock();
        let mut orders = Vec::new();
        let is_stormy = universe.is_stormy;
        let dice = &mut universe.dice;
        self.plan.orders[place].retain(|order| {
            let is_mined = !is_stormy || dice.percent(40);
            orders.extend(is_mined.then(|| order.clone()));
            !is_mined
        });
        if self.is_traced {
            let ids: Vec<String> = orders.iter().map(|order| short(order.id)).collect();
            println!("[{:>3}] {} mines {ids:?}", self.step, universe.sources[place].id);
        }
        universe.sources[place].mine(orders, universe.now);
    }

    fn reorg_source(&mut self, place: usize) {
        self.count("source reorg");
        let universe = &mut *self.universe.lock();
        let depth = 1 + universe.dice.place(DEPTH as usize - 1);
        let dropped = universe.sources[place].drop_blocks(depth);
        let mut again = Vec::new();
        for order in dropped {
            let (is_gone, is_retaken) = (universe.dice.percent(40), universe.dice.percent(50));
            if is_gone && is_retaken {
                let other = self.plan.variant(&order);
                self.checker.real.insert(other.id, other.clone());
                self.plan.orders[place].push(other);
            } else if !is_gone && is_retaken {
                again.push(order);
            } else if !is_gone {
                self.plan.orders[place].push(order);
            }
        }
        if self.is_traced {
            println!("[{:>3}] {} replaces {depth} blocks", self.step, universe.sources[place].id);
        }
        for _ in 0..=depth {
            let count = universe.dice.place(again.len() + 1);
            let rest = again.split_off(count);
            universe.sources[place].mine(again, universe.now);
            again = rest;
        }
        self.plan.orders[place].extend(again);
    }

    fn sync_node(&mut self, place: usize) {
        let universe = &mut *self.universe.lock();
        let best = universe.sources[place].best();
        let lag = if universe.is_stormy { universe.dice.place(3) } else { 0 };
        universe.nodes[place] = best[..best.len() - lag].to_vec();
    }

    /// The node shows blocks that nobody mined; now and then so many that they look final.
    fn lie(&mut self, place: usize) {
        self.count("lie");
        let universe = &mut *self.universe.lock();
        let lowest = universe.sources[place].final_height() as usize;
        let tip = universe.sources[place].best().len() - 1;
        let fork = lowest + universe.dice.place(tip - lowest + 1);
        let length = if universe.dice.percent(20) { DEPTH as usize + 1 } else { 1 + universe.dice.place(3) };
        let fakes = self.plan.fakes[place].clone();
        if self.is_traced {
            println!("[{:>3}] the node of {} lies from {fork} for {length}", self.step, universe.sources[place].id);
        }
        forge_branch(universe, place, fork, fakes, length);
    }

    /// Reads one batch. Answers whether there was one.
    fn follow(&mut self, place: usize) -> Result<bool, String> {
        let mut is_news = false;
        self.work("follow source", |relayer| {
            is_news = now(relayer.followers[place].read_once())?;
            Ok(())
        })?;
        Ok(is_news)
    }

    fn tick(&mut self) -> Finding {
        let tick = || Change { steps: vec![Step::All(Input::Tick)], ..Change::default() };
        self.work("tick", |relayer| now(relayer.book.record(tick())).map(drop))
    }

    /// Everything that is paid here was deposited, however nodes lag, reorganise and lie: no sentinel may say otherwise.
    fn stand_sentinel(&mut self) -> Finding {
        self.work("sentinel", |relayer| now(relayer.sentinel.look_once()))?;
        let standing = self.relayer.alarms.standing();
        match standing.iter().find(|finding| finding.what.contains("never deposited")) {
            Some(finding) => Err(format!("a false alarm: {}", finding.what)),
            _ => Ok(()),
        }
    }

    fn submit(&mut self) -> Finding {
        let (risk, at) = (self.relayer.book.risk_now().state, self.clock.now());
        self.work("submit", |relayer| now(relayer.payouts.submit_once()).map(drop))?;
        self.checker.nothing_sent_under(&self.relayer.ledger, &risk, at)
    }

    fn follow_payouts(&mut self) -> Finding {
        let (risk, at) = (self.relayer.book.risk_now().state, self.clock.now());
        let before = self.checker.signed(&self.relayer.ledger)?;
        self.work("follow payouts", |relayer| now(relayer.payouts.follow_once()).map(drop))?;
        self.checker.nothing_signed_under(&self.relayer.ledger, &before, &risk, at)
    }

    /// Delivers one message. Answers whether there was one.
    fn deliver(&mut self) -> Result<bool, String> {
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

    fn mine_destination(&mut self) {
        let universe = &mut *self.universe.lock();
        let is_stormy = universe.is_stormy;
        universe.destination.mine(universe.now, &universe.sources, &mut universe.dice, is_stormy);
    }

    fn reorg_destination(&mut self) {
        self.count("destination reorg");
        let universe = &mut *self.universe.lock();
        let count = 1 + universe.dice.place(2);
        universe.destination.reorg(count, universe.now, &universe.sources, &mut universe.dice);
    }

    fn forget_transaction(&mut self) {
        let universe = &mut *self.universe.lock();
        universe.destination.forget(&mut universe.dice);
    }

    /// Governance rotates the verifier set, and the relayer is started again with it.
    fn rotate_verifiers(&mut self) -> Finding {
        self.count("rotation");
        self.note(|| "rotation".to_owned());
        let epoch = {
            let universe = &mut *self.universe.lock();
            universe.destination.rotate_verifiers(universe.now + RETENTION);
            universe.destination.verifier_epoch()
        };
        self.policy.verifiers = keys::Set::Verifiers.members(epoch);
        self.restart()
    }

    /// Anyone may send what the relayer sent, or some of it.
    fn stranger_claims(&mut self) {
        let universe = &mut *self.universe.lock();
        let inputs = universe.destination.inputs();
        if inputs.is_empty() {
            return;
        }
        let mut input = universe.dice.pick(&inputs);
        let calls = universe.destination.decode(input).to_vec();
        if !calls.is_empty() && universe.dice.percent(50) {
            let call = universe.dice.pick(&calls);
            input = keccak256([input.as_slice(), call.step().as_bytes(), &self.step.to_be_bytes()].concat());
            universe.destination.encode(input, vec![call]);
        }
        let hash = keccak256([input.as_slice(), &self.step.to_be_bytes()].concat());
        universe.destination.send(SentTx { hash, nonce: None, input });
    }

    fn pause(&mut self) -> Finding {
        self.count("pause");
        let sources = keys::sources();
        let (scope, until, is_guarded) = self.chance(|dice| {
            let source = dice.pick(&sources);
            let lane = dice.pick(&[Lane::Fast, Lane::LightClient]);
            let scope = match dice.below(8) {
                0 => Scope::Global,
                1 => Scope::Chain { chain: source },
                2 => Scope::Asset { asset: keys::asset(&source) },
                3 => Scope::Route { source, destination: keys::destination() },
                4 => Scope::Lane { lane, source: Some(source) },
                5 => Scope::Direction { chain: source, direction: Direction::Deposits },
                6 => Scope::Direction { chain: keys::destination(), direction: Direction::Payouts },
                _ => Scope::Lane { lane, source: None },
            };
            (scope, self.clock.now() + 10 + dice.below(200), dice.percent(50))
        });
        self.note(|| format!("pause {scope} until {}", until - START));
        if is_guarded {
            self.universe.lock().destination.guarded.insert(scope.clone(), until);
        }
        let event = RiskEvent::Paused { scope, until, reason: "guardian".to_owned() };
        self.work("record pause", |relayer| now(relayer.book.record_risk(event)))
    }

    fn resume(&mut self) -> Finding {
        let risk = self.relayer.book.risk_now().state;
        let Some((scope, _)) = risk.pauses_at(self.clock.now()).next() else { return Ok(()) };
        let event = RiskEvent::Resumed { scope: scope.clone() };
        self.universe.lock().destination.guarded.remove(scope);
        self.work("record resume", |relayer| now(relayer.book.record_risk(event)))
    }

    /// What people do: look at a halted chain, put its node right, go on; send quarantined transfers back to work.
    fn operate(&mut self) -> Finding {
        for place in 0..2 {
            let chain = keys::sources()[place].clone();
            let ledger = self.relayer.ledger.clone();
            if now(ledger.halted(&chain)).map_err(|error| error.to_string())?.is_none() {
                continue;
            }
            self.count("halt");
            self.note(|| format!("operator: {chain}"));
            self.sync_node(place);
            let at = self.clock.now();
            let acknowledged = Some((chain.clone(), "operator".to_owned()));
            let commit = Commit { now: at, acknowledged, ..Commit::default() };
            self.work("acknowledge", |_| Ok(now(ledger.commit(commit))?))?;
            let ledger = self.relayer.ledger.clone();
            let Some(cursor) = now(ledger.cursor(&chain)).map_err(|error| error.to_string())? else { continue };
            let next = self.forget_false_finality(place, &cursor);
            let moved = CursorMove { chain, expected: Some(cursor), next };
            let commit = Commit { now: at, cursor: Some(moved), ..Commit::default() };
            self.work("correct cursor", |_| Ok(now(ledger.commit(commit))?))?;
        }
        let transfers = now(self.relayer.ledger.transfers(&TransferFilter { source: None, open_only: true }));
        for transfer in transfers.map_err(|error| error.to_string())? {
            if let Status::Quarantined { error } = &transfer.status {
                self.note(|| format!("operator: requeue {}: {error}", short(transfer.id)));
                self.count("quarantine");
                let requeue = Change::one(transfer.id, Input::Requeue);
                self.work("requeue", |relayer| now(relayer.book.record(requeue)).map(drop))?;
            }
        }
        Ok(())
    }

    fn forget_false_finality(&self, place: usize, cursor: &Cursor) -> Cursor {
        let universe = self.universe.lock();
        let chain = &universe.sources[place];
        let is_true = |hash: B256, height: u64| {
            height <= chain.final_height() && chain.best().get(height as usize) == Some(&hash)
        };
        let mut finals = cursor.recent.iter().rev().filter(|block| is_true(block.hash, block.height));
        let known = cursor.finalized.map_or(0, |block| block.height);
        Cursor { recent: cursor.recent.clone(), finalized: finals.find(|block| block.height <= known).copied() }
    }

    fn calm_down(&mut self) -> Finding {
        self.note(|| "calm".to_owned());
        if self.dies_at.is_none() {
            self.relayer.ledger.crash_at(u64::MAX, CrashPoint::Before).map_err(|error| error.to_string())?;
        }
        self.universe.lock().is_stormy = false;
        for verifier in &mut self.verifiers {
            verifier.conduct = awake(verifier.conduct);
        }
        for signer in &mut self.signers {
            signer.conduct = awake(signer.conduct);
        }
        let open =
            now(self.relayer.ledger.open_txs(&keys::destination(), ACCOUNT)).map_err(|error| error.to_string())?;
        self.note(|| format!("{} transactions are open", open.len()));
        Ok(())
    }
}

fn awake(conduct: Conduct) -> Conduct {
    if conduct == Conduct::Offline { Conduct::Honest } else { conduct }
}

/// At most one byzantine member, and sometimes one that sleeps through the storm.
fn draw_conducts(dice: &mut super::dice::Dice, breakage: Option<Breakage>) -> [Conduct; MEMBERS] {
    if breakage == Some(Breakage::Gullible) {
        return [Conduct::Byzantine; MEMBERS];
    }
    let mut conducts = [Conduct::Honest; MEMBERS];
    if dice.percent(25) {
        conducts[dice.place(MEMBERS)] = Conduct::Offline;
    }
    if dice.percent(70) {
        conducts[dice.place(MEMBERS)] = Conduct::Byzantine;
    }
    conducts
}
