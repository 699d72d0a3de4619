//! What in a file allows more than what was agreed on.

use alloy_primitives::{Address, B256, U256};
use spandrel_risk::{Agreement, AssetRules, Corridor, Limit};
use spandrel_verifiers::AssetId;
use spandrel_verifiers::bitcoin::ConfirmationPolicy;

use crate::files::{Change, asset, file, slow, started, with};
use crate::world::{DAY, World, chain, corridor, key, limits};

/// Each thing that one person might do with a file, and the field that it is refused by.
const LOOSER: [(&str, Change); 40] = [
    ("lane.window: agreed 100, found 101", |file| {
        file.risk.limits.get_mut(&corridor()).unwrap().window = Limit::Amount(U256::from(101));
    }),
    ("lane.window: agreed 100, found unlimited", |file| {
        file.risk.limits.get_mut(&corridor()).unwrap().window = Limit::Unlimited;
    }),
    (".per_transfer", |file| file.risk.limits.get_mut(&slow()).unwrap().per_transfer = Limit::Unlimited),
    (".exposure_cap", |file| file.risk.limits.get_mut(&corridor()).unwrap().exposure_cap = Limit::Unlimited),
    (".large_delay: agreed 60, found 59", |file| file.risk.limits.get_mut(&corridor()).unwrap().large_delay = 59),
    (".dust", |file| file.risk.limits.get_mut(&corridor()).unwrap().dust = U256::ZERO),
    ("limit eip155:1/slip44:60 from eip155:1 to eip155:10", |file| {
        file.risk.limits.insert(Corridor { destination: chain(10), ..corridor() }, limits(1));
    }),
    ("wide.asset eip155:1/slip44:61: agreed none", |file| {
        file.risk.wide.assets.insert(AssetId::slip44(&chain(1), 61), AssetRules::UNLIMITED);
    }),
    ("wide.asset eip155:1/slip44:60.window: agreed 500, found unlimited", |file| {
        file.risk.wide.assets.get_mut(&asset()).unwrap().window = Limit::Unlimited;
    }),
    ("wide.asset eip155:1/slip44:60.notional: agreed 800, found 801", |file| {
        file.risk.wide.assets.get_mut(&asset()).unwrap().notional = Some(Limit::Amount(U256::from(801)));
    }),
    ("wide.asset eip155:1/slip44:60.notional: agreed 800, found unlimited", |file| {
        file.risk.wide.assets.get_mut(&asset()).unwrap().notional = None;
    }),
    (".sender.capacity", |file| {
        file.risk.wide.assets.get_mut(&asset()).unwrap().sender.capacity = Limit::Unlimited;
    }),
    (".recipient.refill_seconds", |file| {
        file.risk.wide.assets.get_mut(&asset()).unwrap().recipient.refill_seconds = 1;
    }),
    (".price: agreed one, found none", |file| file.risk.wide.assets.get_mut(&asset()).unwrap().price = None),
    (".price.floor: agreed 5, found 4", |file| {
        file.risk.wide.assets.get_mut(&asset()).unwrap().price.as_mut().unwrap().floor = U256::from(4);
    }),
    ("wide.destination eip155:9.notional: agreed 900", |file| {
        file.risk.wide.destinations.insert(chain(9), Limit::Unlimited);
    }),
    ("wide.corridor eip155:1/slip44:60", |file| {
        let rules = spandrel_risk::CorridorRules { notional: Limit::Unlimited, netted_with: None };
        file.risk.wide.corridors.insert(corridor(), rules);
    }),
    ("source eip155:2: agreed none", |file| {
        let source = file.sources[&chain(1)].clone();
        file.sources.insert(chain(2), source);
    }),
    ("source eip155:1.bridge", |file| file.sources.get_mut(&chain(1)).unwrap().bridge = B256::repeat_byte(3)),
    ("source eip155:1.quorum: agreed 2, found 1", |file| file.sources.get_mut(&chain(1)).unwrap().quorum = 1),
    ("source eip155:1.confirmations", |file| {
        let depth = file.sources.get_mut(&chain(1)).unwrap().depth.as_mut().unwrap();
        depth.confirmations = ConfirmationPolicy::flat(5);
    }),
    ("source eip155:1.fast_confirmations: agreed 2, found 1", |file| {
        file.sources.get_mut(&chain(1)).unwrap().depth.as_mut().unwrap().fast_confirmations = 1;
    }),
    ("source eip155:1.confirmations: agreed some", |file| file.sources.get_mut(&chain(1)).unwrap().depth = None),
    ("source eip155:1.pauses: agreed contracts, found none", |file| {
        file.sources.get_mut(&chain(1)).unwrap().pauses = None;
    }),
    ("source eip155:1.pauses.inbox", |file| {
        file.sources.get_mut(&chain(1)).unwrap().pauses.as_mut().unwrap().inbox = Address::repeat_byte(1);
    }),
    ("source eip155:1.pauses.pause_controller", |file| {
        file.sources.get_mut(&chain(1)).unwrap().pauses.as_mut().unwrap().pause_controller = Address::repeat_byte(1);
    }),
    ("destination eip155:10: agreed none", |file| {
        let destination = file.destinations[&chain(9)].clone();
        file.destinations.insert(chain(10), destination);
    }),
    ("destination eip155:9.inbox", |file| {
        file.destinations.get_mut(&chain(9)).unwrap().inbox = Address::repeat_byte(1);
    }),
    ("destination eip155:9.pause_controller", |file| {
        file.destinations.get_mut(&chain(9)).unwrap().pause_controller = Address::repeat_byte(1);
    }),
    ("destination eip155:9.confirmations: agreed 12", |file| {
        file.destinations.get_mut(&chain(9)).unwrap().confirmations = Some(11);
    }),
    ("destination eip155:9.witness_rpc", |file| file.destinations.get_mut(&chain(9)).unwrap().witnesses = 0),
    ("price_feed eip155:1/slip44:60: agreed a feed", |file| file.feeds.clear()),
    ("price_feed eip155:1/slip44:60.contract", |file| {
        file.feeds.get_mut(&asset()).unwrap().contract = Address::repeat_byte(1);
    }),
    ("control: agreed guardians, found none", |file| file.guardians = None),
    ("control.guardians", |file| {
        let people = &mut file.guardians.as_mut().unwrap().people;
        people.remove(&key(3).address());
        people.insert(key(9).address(), "cy".to_owned());
    }),
    ("control.timelock", |file| file.guardians.as_mut().unwrap().timelock = DAY - 1),
    ("profile: agreed production, found dev", |file| file.is_production = false),
    ("pause_seconds: agreed 600, found 1", |file| file.pause_seconds = 1),
    ("api.vaults eip155:1: agreed 0x0303", |file| {
        file.vaults = Some([(chain(1), Address::repeat_byte(4))].into());
    }),
    ("api.vaults eip155:2: agreed none, found one", |file| {
        file.vaults.as_mut().unwrap().insert(chain(2), Address::repeat_byte(3));
    }),
];

#[test]
fn one_person_loosens_nothing_by_another_file_and_is_told_each_field() {
    for (named, change) in LOOSER {
        let mut world = started();
        let refused = world.start(&with(change)).unwrap_err().to_string();
        assert!(refused.contains(named), "{named}: {refused}");
        assert!(refused.contains("spandrel policy propose"), "{refused}");
        assert_eq!(world.state.filed(), Some(&file()), "nothing changed");
    }
    let several = with(|file| LOOSER.iter().step_by(16).for_each(|(_, change)| change(file)));
    let refused = started().start(&several).unwrap_err().to_string();
    assert!(LOOSER.iter().step_by(16).all(|(named, _)| refused.contains(named)), "{refused}");
}

#[test]
fn a_window_by_value_of_an_asset_is_lowered_at_once_by_one() {
    let by_value =
        |limit: Option<Limit>| with(|file| file.risk.wide.assets.get_mut(&asset()).unwrap().notional = limit);
    let mut world = World::new();
    world.start(&by_value(None)).unwrap();
    for limit in [Limit::Amount(U256::from(800)), Limit::Amount(U256::from(40)), Limit::CLOSED] {
        world.start(&by_value(Some(limit))).unwrap();
        assert_eq!(world.state.agreed().unwrap().risk.wide.assets[&asset()].notional, Some(limit));
    }
    assert!(world.start(&by_value(Some(Limit::Amount(U256::ONE)))).is_err());
}

/// Without a floor and a feed the asset does not go where value is limited; whoever adds one lets it go.
#[test]
fn a_first_feed_or_price_of_what_nobody_could_value_opens_where_value_is_limited() {
    let floor = |floor: u64| {
        move |file: &mut Agreement| {
            let rules = file.risk.wide.assets.get_mut(&asset()).unwrap();
            rules.price.as_mut().unwrap().floor = U256::from(floor);
            file.feeds.clear();
        }
    };
    let mut world = World::new();
    world.start(&with(floor(0))).unwrap();
    let fed = Agreement { feeds: file().feeds, ..with(floor(0)) };
    let refused = world.start(&fed).unwrap_err().to_string();
    assert!(refused.contains("price_feed eip155:1/slip44:60: agreed none, found a feed"), "{refused}");
    let refused = world.start(&with(floor(1))).unwrap_err().to_string();
    assert!(refused.contains("wide.asset eip155:1/slip44:60.price: agreed none with a floor"), "{refused}");
    let unlimited: Change = |file| {
        file.risk.wide.destinations.insert(chain(9), Limit::Unlimited);
    };
    for (least, open) in [(0, unlimited), (5, |_: &mut Agreement| {})] {
        let mut unfed = with(floor(least));
        open(&mut unfed);
        let mut world = World::new();
        world.start(&unfed).unwrap();
        world.start(&Agreement { feeds: file().feeds, ..unfed }).unwrap();
    }
}
