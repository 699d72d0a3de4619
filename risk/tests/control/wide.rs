//! Limits over corridors: one person lowers each, two and later raise it, and no file undoes what guardians set.

use alloy_primitives::U256;
use spandrel_risk::control::{Act, Before, ControlEvent, Outcome, ProposalEnd, Statement, Wait, said_changes};
use spandrel_risk::{
    Agreement, AssetLimit, Corridor, CorridorRules, Decision, DepthRule, ExposureRule, Limit, Position, Reason,
    WideLimit, looser,
};
use spandrel_verifiers::AssetId;

use crate::files::{asset, with};
use crate::world::{DAY, World, asset_window, chain, code, corridor};

fn amount(n: u64) -> Limit {
    Limit::Amount(U256::from(n))
}

/// A file with every kind of limit over corridors.
fn file() -> Agreement {
    with(|file| {
        let wide = &mut file.risk.wide;
        let rules = wide.assets.get_mut(&asset()).unwrap();
        (rules.most_of_p99, rules.usual) = (amount(20), U256::from(7));
        rules.exposure = Some(ExposureRule { share: 1_000, returned_as: [wrapped()].into() });
        wide.corridors.insert(corridor(), CorridorRules { notional: amount(700), netted_with: None });
        wide.depths.insert(chain(1), DepthRule { block_cost: U256::from(100), least: 2 });
    })
}

fn wrapped() -> AssetId {
    AssetId::parse("eip155:9/erc20:0x0606060606060606060606060606060606060606").unwrap()
}

fn all() -> Vec<WideLimit> {
    let all = WideLimit::all(&file().risk.wide);
    assert_eq!(all.len(), 10, "seven of the asset, one of each other row");
    all
}

fn share() -> WideLimit {
    WideLimit::Asset { asset: asset(), limit: AssetLimit::ExposureShare }
}

fn started() -> World {
    let mut world = World::new();
    world.start(&file()).unwrap();
    world
}

fn standing(world: &World, limit: &WideLimit) -> Limit {
    limit.of(&world.state.limited(&world.limits).wide).unwrap()
}

fn lower(limit: &WideLimit, value: Limit) -> Act {
    Act::LowerWideLimit { limit: limit.clone(), value }
}

fn raise(limit: &WideLimit, value: Limit) -> Act {
    Act::RaiseWideLimit { limit: limit.clone(), value }
}

fn one_more(limit: Limit) -> Limit {
    Limit::Amount(limit.amount() + U256::ONE)
}

#[test]
fn one_guardian_lowers_each_and_raises_none() {
    for limit in all() {
        let mut world = started();
        let before = standing(&world, &limit);
        for more in [one_more(before), Limit::Unlimited] {
            assert_eq!(code(world.say(0, lower(&limit, more))), "NOT_A_LOWERING", "{limit}");
        }
        world.say(0, raise(&limit, one_more(before))).unwrap();
        assert_eq!(standing(&world, &limit), before, "{limit}: proposed alone");
        let events = world.say(0, lower(&limit, amount(3))).unwrap();
        let done = Outcome::WideLimited { limit: limit.clone(), value: amount(3) };
        let told = Some(Before::WideLimit { value: before });
        assert!(
            matches!(events.last(), Some(ControlEvent::Done { outcome, before, .. }) if *outcome == done && *before == told)
        );
        assert_eq!(standing(&world, &limit), amount(3));
        let others = all().into_iter().filter(|other| *other != limit);
        let untouched = others.filter(|other| other.of(&file().risk.wide) == Some(standing(&world, other)));
        assert_eq!(untouched.count(), 9, "{limit}: and nothing else");
        // What was lowered is what counts next time.
        assert_eq!(code(world.say(2, lower(&limit, amount(4)))), "NOT_A_LOWERING");
        world.say(2, lower(&limit, Limit::CLOSED)).unwrap();
        assert_eq!(standing(&world, &limit), Limit::CLOSED);
    }
}

#[test]
fn two_raise_after_the_timelock_whatever_keys_they_have_and_anyone_may_cancel() {
    let mut world = started();
    let more = || raise(&share(), amount(2_000));
    let proposal = world.propose(0, more());
    assert_eq!(world.execute(proposal, None), Err(Wait::Unapproved));
    for n in [0, 1] {
        assert_eq!(code(world.approve(n, proposal)), "SELF_APPROVAL");
        assert_eq!(code(world.say(n, more())), "NEEDS_SECOND_APPROVER");
    }
    world.approve(2, proposal).unwrap();
    world.now += DAY - 1;
    assert_eq!(world.execute(proposal, None), Err(Wait::NotYet(world.now + 1)));
    let what = world.state.proposal(&proposal).unwrap().act.to_string();
    assert_eq!(what, "raise wide.asset eip155:1/slip44:60.exposure.share to 2000");
    world.say(3, Act::Cancel { proposal, what }).unwrap();
    world.now += 1;
    assert_eq!(world.execute(proposal, None), Err(Wait::Unknown));
    assert_eq!(standing(&world, &share()), amount(1_000));

    let proposal = world.propose(0, more());
    world.approve(2, proposal).unwrap();
    world.now += DAY;
    world.execute(proposal, Some("health does not matter here")).unwrap();
    assert_eq!(standing(&world, &share()), amount(2_000));
}

#[test]
fn a_statement_counts_once_and_not_after_its_expiry() {
    let mut world = started();
    let signed = world.sign(0, world.statement(0, lower(&asset_window(), amount(30))));
    world.take(&signed).unwrap();
    assert_eq!(code(world.take(&signed)), "ALREADY_TAKEN");
    let again = Statement { nonce: 0, ..world.statement(0, lower(&asset_window(), amount(20))) };
    assert_eq!(code(world.take(&world.sign(0, again))), "WRONG_NONCE");
    let late = world.sign(0, world.statement(0, lower(&asset_window(), amount(20))));
    world.now += 600;
    assert_eq!(code(world.take(&late)), "STATEMENT_EXPIRED");
    let stranger = world.sign(9, world.statement(9, lower(&asset_window(), amount(20))));
    assert_eq!(code(world.take(&stranger)), "UNKNOWN_GUARDIAN");
    let mut changed = world.sign(0, world.statement(0, lower(&asset_window(), amount(20))));
    changed.statement.act = lower(&asset_window(), amount(0));
    assert_eq!(code(world.take(&changed)), "WRONG_SIGNER", "another value under the same signature");
    assert_eq!(standing(&world, &asset_window()), amount(30));
}

/// A lowering is signed as one: when it is not any more, it does not become half of what raises.
#[test]
fn a_lowering_that_would_raise_by_now_is_no_proposal_to_raise() {
    let mut world = started();
    let signed = world.sign(0, world.statement(0, lower(&asset_window(), amount(30))));
    world.say(2, lower(&asset_window(), amount(10))).unwrap();
    assert_eq!(code(world.take(&signed)), "NOT_A_LOWERING");
    assert_eq!(world.state.proposals().count(), 0);
}

#[test]
fn what_is_not_configured_gets_no_limit() {
    let elsewhere = Corridor { source: chain(7), ..corridor() };
    let unknown = [
        WideLimit::Asset { asset: AssetId::slip44(&chain(7), 60), limit: AssetLimit::Window },
        WideLimit::Destination { chain: chain(7) },
        WideLimit::Corridor { corridor: elsewhere },
        WideLimit::Depth { chain: chain(9) },
    ];
    let mut world = started();
    for limit in &unknown {
        assert_eq!(code(world.say(0, lower(limit, Limit::CLOSED))), "UNKNOWN_LIMIT", "{limit}");
        assert_eq!(code(world.say(0, raise(limit, amount(5)))), "UNKNOWN_LIMIT", "{limit}");
    }
    let mut plain = World::new();
    plain.start(&crate::files::file()).unwrap();
    assert_eq!(code(plain.say(0, lower(&share(), Limit::CLOSED))), "UNKNOWN_LIMIT", "the file has no share");
}

#[test]
fn no_two_agree_on_more_than_there_can_be() {
    let mut world = started();
    let usual = WideLimit::Asset { asset: asset(), limit: AssetLimit::Usual };
    let cost = WideLimit::Depth { chain: chain(1) };
    for (limit, value) in
        [(share(), amount(10_001)), (share(), Limit::Unlimited), (usual, Limit::Unlimited), (cost, Limit::Unlimited)]
    {
        assert_eq!(code(world.say(0, raise(&limit, value))), "LIMIT_OUT_OF_RANGE", "{limit}");
    }
    world.say(0, raise(&share(), amount(10_000))).unwrap();
    world.say(0, raise(&asset_window(), Limit::Unlimited)).unwrap();
}

#[test]
fn lowering_ends_what_would_raise_it_and_nothing_else() {
    let mut world = started();
    let raised = world.propose(0, raise(&asset_window(), amount(900)));
    let other = world.propose(0, raise(&share(), amount(2_000)));
    let wider = |change: fn(&mut Agreement)| {
        let mut wider = file();
        change(&mut wider);
        wider
    };
    let window = wider(|file| file.risk.wide.assets.get_mut(&asset()).unwrap().window = amount(901));
    let longer = wider(|file| file.risk.wide.assets.get_mut(&asset()).unwrap().usual = U256::from(8));
    let policies = [&window, &longer].map(|policy| {
        let act = change(&world, policy);
        world.propose(0, act)
    });
    world.say(3, lower(&asset_window(), amount(50))).unwrap();
    for (proposal, is_open) in [(raised, false), (other, true), (policies[0], false), (policies[1], true)] {
        assert_eq!(world.state.proposal(&proposal).is_some(), is_open);
    }
    // What the other policy does not change stays as guardians set it, also when two agreed on it.
    world.approve(2, policies[1]).unwrap();
    world.now += DAY;
    world.start(&longer).unwrap();
    assert_eq!(standing(&world, &asset_window()), amount(50));
}

/// The proposal of `file`, in the words that are true of it.
fn change(world: &World, file: &Agreement) -> Act {
    let (filed, agreed) = (world.state.filed().unwrap(), world.state.agreed().unwrap());
    let changes = said_changes(&looser(&file.over(filed, &agreed), &agreed));
    Act::ChangePolicy { policy: Box::new(file.clone()), changes }
}

/// A file that raises one limit.
fn raised(limit: &WideLimit, value: u64) -> Agreement {
    let mut file = file();
    let wide = &mut file.risk.wide;
    let rules = wide.assets.get_mut(&asset()).unwrap();
    match limit {
        WideLimit::Asset { limit, .. } => match limit {
            AssetLimit::Window => rules.window = amount(value),
            AssetLimit::Notional => rules.notional = Some(amount(value)),
            AssetLimit::SenderCapacity => rules.sender.capacity = amount(value),
            AssetLimit::RecipientCapacity => rules.recipient.capacity = amount(value),
            AssetLimit::MostOfP99 => rules.most_of_p99 = amount(value),
            AssetLimit::Usual => rules.usual = U256::from(value),
            AssetLimit::ExposureShare => rules.exposure.as_mut().unwrap().share = value.try_into().unwrap(),
        },
        WideLimit::Destination { chain } => drop(wide.destinations.insert(chain.clone(), amount(value))),
        WideLimit::Corridor { corridor } => wide.corridors.get_mut(corridor).unwrap().notional = amount(value),
        WideLimit::Depth { chain } => wide.depths.get_mut(chain).unwrap().block_cost = U256::from(value),
    }
    file
}

#[test]
fn what_a_guardian_lowered_stands_over_the_file_that_it_was_lowered_from() {
    for limit in all() {
        let mut world = started();
        world.say(0, lower(&limit, amount(3))).unwrap();
        assert_eq!(world.start(&file()).unwrap(), [], "{limit}: the old file starts, and changes nothing");
        assert_eq!(standing(&world, &limit), amount(3));
        world.start(&with_pauses(file())).unwrap();
        assert_eq!(standing(&world, &limit), amount(3), "{limit}: nor does a file that is stricter elsewhere");
        let refused = world.start(&with_pauses(raised(&limit, 4))).unwrap_err().to_string();
        // By the very name that guardians sign.
        assert!(refused.contains(&format!("{limit}: agreed 3, found 4")), "{limit}: {refused}");
        world.start(&with_pauses(raised(&limit, 2))).unwrap();
        assert_eq!(standing(&world, &limit), amount(2), "{limit}: a stricter file bites below");
        assert!(world.state.wide_limits().is_empty());
        assert!(world.start(&with_pauses(raised(&limit, 3))).is_err(), "{limit}: and is not undone by one person");
    }
}

fn with_pauses(file: Agreement) -> Agreement {
    Agreement { pause_seconds: 900, ..file }
}

/// Somebody takes the limit out of the file and puts it back.
#[test]
fn a_row_that_is_taken_away_and_put_back_is_added_anew() {
    let mut world = started();
    world.say(0, lower(&asset_window(), amount(3))).unwrap();
    let mut without = file();
    without.risk.wide.assets.clear();
    world.start(&without).unwrap();
    assert!(world.state.wide_limits().is_empty());
    assert!(world.start(&file()).is_err());
}

#[test]
fn a_ledger_of_before_keeps_what_guardians_set_at_its_first_start_on_a_file() {
    let mut world = World::new();
    world.limits = file().risk;
    world.say(0, lower(&share(), amount(30))).unwrap();
    world.start(&file()).unwrap();
    assert_eq!(standing(&world, &share()), amount(30));
}

#[test]
fn a_raise_ends_with_another_file_that_changes_the_limit_or_takes_it_away() {
    let mut world = started();
    let proposal = world.propose(0, raise(&share(), amount(2_000)));
    let other = world.propose(0, raise(&asset_window(), amount(2_000)));
    world.start(&raised(&share(), 900)).unwrap();
    assert!(world.state.proposal(&proposal).is_none() && world.state.proposal(&other).is_some());

    let mut world = World::new();
    world.limits = file().risk;
    let proposal = world.propose(0, raise(&share(), amount(2_000)));
    world.approve(2, proposal).unwrap();
    world.limits = with_no_share().risk;
    world.now += DAY;
    let event = world.execute(proposal, None).unwrap();
    assert!(matches!(event, ControlEvent::Ended { end: ProposalEnd::Overtaken { .. }, .. }), "{event:?}");
}

fn with_no_share() -> Agreement {
    let mut file = file();
    file.risk.wide.assets.get_mut(&asset()).unwrap().exposure = None;
    file
}

#[test]
fn the_decision_after_a_lowering_honours_it() {
    let about = crate::replayed::deposit();
    let decision = |world: &World| {
        let policy = world.state.limited(&world.limits);
        Position::new(&world.risk, about.id(), &about, corridor().lane, world.now).decide(&policy, world.now)
    };
    let mut world = World::new();
    assert_eq!(decision(&world), Decision::Allow);
    world.say(0, lower(&asset_window(), amount(4))).unwrap();
    let reason = Reason::AssetWindow { limit: U256::from(4), used: U256::ZERO, amount: U256::from(5) };
    assert_eq!(decision(&world), Decision::Hold { reason });
}

#[test]
fn what_is_stored_and_sent_keeps_its_names() {
    let lowered = serde_json::to_value(lower(&share(), amount(50))).unwrap();
    let expected = serde_json::json!({
        "act": "lower_wide_limit",
        "limit": { "row": "asset", "asset": "eip155:1/slip44:60", "limit": "exposure.share" },
        "value": "50",
    });
    assert_eq!(lowered, expected);
    let names: std::collections::BTreeSet<String> = all().iter().map(ToString::to_string).collect();
    assert_eq!(names.len(), all().len(), "each has a name of its own: what is approved is what is read");
    for limit in all() {
        let text = serde_json::to_string(&raise(&limit, Limit::Unlimited)).unwrap();
        assert_eq!(serde_json::from_str::<Act>(&text).unwrap(), raise(&limit, Limit::Unlimited), "{text}");
    }
    let odd = expected.to_string().replace("exposure.share", "exposure");
    let refused = serde_json::from_str::<Act>(&odd).unwrap_err().to_string();
    assert!(refused.contains("expected one of window, notional") && refused.contains("\"exposure\""), "{refused}");
    let more = expected.to_string().replace("\"row\"", "\"speed\":9,\"row\"");
    assert!(serde_json::from_str::<Act>(&more).is_err(), "nothing is signed that is not read");
}
