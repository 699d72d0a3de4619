//! A second engine takes both logs and decides under the policy that was in force.

use alloy_primitives::{B256, U256};
use spandrel_risk::control::{Act, ControlEvent};
use spandrel_risk::{Limit, Position, RiskEvent, SecondEngine};
use spandrel_verifiers::{Deposit, LanePreference};

use crate::files::file;
use crate::world::{World, asset_window, corridor, limits, pause};

pub fn deposit() -> Deposit {
    Deposit {
        version: Deposit::VERSION,
        source_chain: corridor().source,
        source_bridge: B256::repeat_byte(2),
        source_key: B256::ZERO,
        asset: corridor().asset,
        amount: U256::from(5),
        destination_chain: corridor().destination,
        destination_bridge: B256::repeat_byte(7),
        recipient: B256::repeat_byte(8),
        sender: B256::repeat_byte(9),
        lane: LanePreference::Any,
        expiry: u64::MAX,
    }
}

/// Of one of both logs.
#[derive(Clone)]
enum Logged {
    Risk(RiskEvent),
    Control(ControlEvent),
}

/// A first engine beside its guardians, and the log of both as a ledger has it.
struct First {
    world: World,
    log: Vec<(Logged, u64)>,
}

impl First {
    fn new() -> Self {
        Self { world: World::new(), log: Vec::new() }
    }

    fn ordered(&mut self, events: Vec<ControlEvent>) {
        let risk: Vec<RiskEvent> = events.iter().filter_map(ControlEvent::risk).collect();
        let all = events.into_iter().map(Logged::Control).chain(risk.into_iter().map(Logged::Risk));
        self.log.extend(all.map(|logged| (logged, self.world.now)));
    }

    fn decide(&mut self) {
        let (about, now) = (deposit(), self.world.now);
        let policy = self.world.state.limited(&self.world.limits);
        let position = Position::new(&self.world.risk, about.id(), &about, corridor().lane, now);
        let (_, decided) = position.decided(&policy, now);
        self.log.push((Logged::Risk(decided), now));
        self.world.now += 1;
    }
}

fn replayed(mut second: SecondEngine, log: &[(Logged, u64)]) -> Result<SecondEngine, &'static str> {
    for (logged, at) in log {
        match logged {
            Logged::Control(event) => second.obey(event, *at),
            Logged::Risk(event) => second.take(event, *at, Some(&deposit())).map_err(|mismatch| mismatch.field)?,
        }
    }
    second.finish().map_err(|mismatch| mismatch.field)?;
    Ok(second)
}

#[test]
fn a_second_engine_follows_the_policy_that_is_agreed_on_and_what_guardians_make_of_it() {
    let mut first = First::new();
    first.decide();
    let events = first.world.start(&file()).unwrap();
    first.ordered(events);
    first.decide();
    let lower = Act::LowerLimits { corridor: corridor(), limits: limits(7) };
    let events = first.world.say(0, lower).unwrap();
    first.ordered(events);
    first.decide();
    let lower = Act::LowerWideLimit { limit: asset_window(), value: Limit::Amount(U256::from(4)) };
    let events = first.world.say(2, lower).unwrap();
    first.ordered(events);
    first.decide();
    let mut stricter = file();
    stricter.risk.limits.values_mut().for_each(|limits| limits.window = Limit::Amount(U256::from(6)));
    let events = first.world.start(&stricter).unwrap();
    first.ordered(events);
    first.decide();

    let configured = first.world.limits.clone();
    let knowing = replayed(SecondEngine::new(Some(configured)), &first.log).unwrap();
    assert_eq!((knowing.agreed(), knowing.unjudged()), (5, 0));
    let unknowing = replayed(SecondEngine::new(None), &first.log).unwrap();
    assert_eq!((unknowing.agreed(), unknowing.unjudged()), (4, 1), "the first was made under a file that is not there");
    // Each of the policies is asked for: without any of their events the next decision is another.
    let controls: Vec<usize> =
        first.log.iter().enumerate().filter(|(_, (logged, _))| is_policy(logged)).map(|(place, _)| place).collect();
    assert_eq!(controls.len(), 4);
    for place in controls {
        let mut log = first.log.clone();
        log.remove(place);
        let second = SecondEngine::new(Some(first.world.limits.clone()));
        assert_eq!(replayed(second, &log).err(), Some("inputs"), "{place}");
    }
}

fn is_policy(logged: &Logged) -> bool {
    matches!(logged, Logged::Control(event) if event.sets_limits())
}

#[test]
fn a_pause_that_was_ordered_and_is_not_in_the_risk_log_is_found_out() {
    let mut first = First::new();
    let events = first.world.say(0, pause(600)).unwrap();
    first.ordered(events);
    first.decide();
    let second = || SecondEngine::new(Some(first.world.limits.clone()));
    assert_eq!(replayed(second(), &first.log).unwrap().agreed(), 1);
    let mut log = first.log.clone();
    log.retain(|(logged, _)| !matches!(logged, Logged::Risk(RiskEvent::Paused { .. })));
    assert_eq!(replayed(second(), &log).err(), Some("order"), "the decision stands where the pause must");
    log.pop();
    assert_eq!(replayed(second(), &log).err(), Some("order"), "and so it is at the end of the log");
}
