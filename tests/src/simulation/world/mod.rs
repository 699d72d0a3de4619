//! One seed: a storm of random acts, then calm, with the checks after every act.

mod chains;
mod people;
mod process;

use std::collections::BTreeMap;
use std::sync::Arc;

use spandrel_core::journal::Journal;
use spandrel_core::ledger::{Ledger, TransferFilter};
use spandrel_core::{Event, Policy, Transfer};
use spandrel_engine::{Clock, Observer};
use spandrel_risk::{Lane, Reason};
use spandrel_store::{CrashPoint, Memory};
use spandrel_verifiers::DepositId;

use super::bus::SimBus;
use super::check::{Checker, Finding};
use super::clock::{START, SimClock};
use super::keys::{self, MEMBERS};
use super::members::{Conduct, SimSigner, SimVerifier};
use super::plan::{LATE, Plan};
use super::relayer::{Relayer, now};
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
            9..=11 if self.chance(|dice| dice.percent(4)) => self.break_finality(place),
            9..=11 => self.reorg_source(place),
            12..=19 => self.sync_node(place),
            20..=21 if self.chance(|dice| dice.percent(20)) => self.equivocate(place),
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
            98 if self.chance(|dice| dice.percent(50)) => self.outage()?,
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
            self.settle_findings()?;
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
            self.follow_payouts()?;
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
