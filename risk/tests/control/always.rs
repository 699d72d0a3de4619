//! Whatever is said by whomever in whatever order, some things never happen.

use proptest::prelude::*;
use spandrel_risk::control::{Act, ControlEvent, ControlState, Outcome};
use spandrel_risk::{Limit, Scope};

use crate::world::{DAY, QUARTER, World, asset_window, corridor, key, limits, pause, raise, resume};

#[derive(Clone, Debug)]
enum Move {
    Say(u8, Box<Act>),
    Approve(u8, usize),
    Cancel(u8, usize),
    Wait(u64),
    Execute(usize, bool),
}

fn amount(n: u64) -> Limit {
    Limit::Amount(alloy_primitives::U256::from(n))
}

fn moves() -> impl Strategy<Value = Vec<Move>> {
    let speaker = prop_oneof![0_u8..4, Just(9)];
    let act = prop_oneof![
        (1_u64..6 * DAY).prop_map(pause),
        Just(resume()),
        Just(Act::Freeze { scope: Scope::Global }),
        (90_u64..210).prop_map(raise),
        (0_u64..110).prop_map(|n| Act::LowerLimits { corridor: corridor(), limits: limits(n) }),
        (90_u64..210).prop_map(|n| Act::RaiseWideLimit { limit: asset_window(), value: amount(n) }),
        (0_u64..210).prop_map(|n| Act::LowerWideLimit { limit: asset_window(), value: amount(n) }),
    ];
    let step = prop_oneof![
        (speaker.clone(), act).prop_map(|(who, act)| Move::Say(who, Box::new(act))),
        (speaker.clone(), 0_usize..4).prop_map(|(who, which)| Move::Approve(who, which)),
        (speaker, 0_usize..4).prop_map(|(who, which)| Move::Cancel(who, which)),
        prop_oneof![0_u64..QUARTER * 2, 0..2 * DAY].prop_map(Move::Wait),
        (0_usize..4, any::<bool>()).prop_map(|(which, green)| Move::Execute(which, green)),
    ];
    prop::collection::vec(step, 1..40)
}

/// Plays the moves; answers the events with their times.
fn play(world: &mut World, moves: Vec<Move>) -> Vec<(u64, ControlEvent)> {
    let mut log = Vec::new();
    for step in moves {
        let before = world.log.len();
        let nth = |world: &World, which: usize| world.state.proposals().nth(which).map(|(id, _)| *id);
        match step {
            Move::Say(who, act) => drop(world.say(who, *act)),
            Move::Approve(who, which) => {
                if let Some(id) = nth(world, which) {
                    drop(world.approve(who, id));
                }
            }
            Move::Cancel(who, which) => {
                if let Some((id, what)) =
                    nth(world, which).and_then(|id| Some((id, world.state.proposal(&id)?.act.to_string())))
                {
                    drop(world.say(who, Act::Cancel { proposal: id, what }));
                }
            }
            Move::Wait(seconds) => world.now += seconds,
            Move::Execute(which, green) => {
                if let Some(id) = nth(world, which) {
                    drop(world.execute(id, (!green).then_some("red")));
                }
            }
        }
        log.extend(world.log[before..].iter().map(|event| (world.now, event.clone())));
    }
    log
}

/// Who proposed and who approved `proposal`, and when the approval came.
fn people(log: &[(u64, ControlEvent)], wanted: &alloy_primitives::B256) -> (Option<String>, Option<(String, u64)>) {
    let mut found = (None, None);
    for (at, event) in log {
        match event {
            ControlEvent::Taken { digest, person, .. } if digest == wanted => found.0 = Some(person.clone()),
            ControlEvent::Approved { proposal, person, .. } if proposal == wanted => {
                found.1 = Some((person.clone(), *at));
            }
            _ => {}
        }
    }
    found
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(192))]

    #[test]
    fn nothing_dangerous_happens_without_two_people_and_time(moves in moves()) {
        let mut world = World::new();
        let log = play(&mut world, moves);
        let (mut window, mut of_asset) = (limits(100).window, Limit::Unlimited);
        for (at, event) in &log {
            let ControlEvent::Done { proposal, outcome, .. } = event else { continue };
            let delay = match outcome {
                Outcome::Resumed { .. } => QUARTER,
                Outcome::Limited { limits, .. } if limits.window > window => DAY,
                Outcome::WideLimited { value, .. } if *value > of_asset => DAY,
                Outcome::WideLimited { value, .. } => {
                    of_asset = *value;
                    continue;
                }
                Outcome::Paused { until: u64::MAX, .. } => 0,
                Outcome::Paused { until, .. } => {
                    prop_assert!(*until <= at + 5 * DAY);
                    continue;
                }
                Outcome::Limited { limits, .. } => {
                    window = limits.window;
                    continue;
                }
                other => panic!("nobody asked for {other:?}"),
            };
            match outcome {
                Outcome::Limited { limits, .. } => window = limits.window,
                Outcome::WideLimited { value, .. } => of_asset = *value,
                _ => {}
            }
            let (proposer, approver) = people(&log, &proposal.expect("one person did it alone"));
            let (approver, approved_at) = approver.unwrap();
            prop_assert_ne!(proposer.unwrap(), approver);
            prop_assert!(*at >= approved_at + delay, "too early");
        }
        prop_assert!(window < amount(210));
    }

    #[test]
    fn the_state_is_the_fold_of_its_events_and_nonces_rise_by_one(moves in moves()) {
        let mut world = World::new();
        let log = play(&mut world, moves);
        let mut folded = ControlState::default();
        for (at, event) in &log {
            if let ControlEvent::Taken { signer, signed, .. } = event {
                prop_assert_eq!(folded.next_nonce(signer), signed.statement.nonce);
            }
            folded.apply(event, *at);
        }
        prop_assert_eq!(&folded, &world.state);
        prop_assert_eq!(folded.next_nonce(&key(9).address()), 0);
    }

    #[test]
    fn events_read_back_as_they_were_written(moves in moves()) {
        let mut world = World::new();
        for (_, event) in play(&mut world, moves) {
            let text = serde_json::to_string(&event).unwrap();
            prop_assert_eq!(serde_json::from_str::<ControlEvent>(&text).unwrap(), event);
        }
    }
}
