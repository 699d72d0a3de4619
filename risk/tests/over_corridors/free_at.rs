//! When a window that is full has room again.

use proptest::prelude::*;
use spandrel_risk::{AssetRules, Corridor, Decision, Lane, Limit, Position, RiskPolicy, RiskState, WINDOW_SECONDS};
use spandrel_verifiers::{Deposit, UnixSeconds};

use crate::common::wide::{ask, elsewhere, of, policy, priced, rules, valued};
use crate::common::{NOW, amount, pay};

fn free_at(policy: &RiskPolicy, state: &RiskState, about: &Deposit, now: u64) -> Option<UnixSeconds> {
    Position::new(state, about.id(), about, Lane::Fast, now).windows_free_at(policy)
}

#[test]
fn it_is_the_second_from_which_on_the_decision_lets_it_pass() {
    let policy = policy(AssetRules { window: amount(10), ..rules() });
    let mut state = RiskState::default();
    pay(&policy, &mut state, &of(0, 4), Lane::Fast, NOW);
    pay(&policy, &mut state, &of(1, 5), Lane::Fast, NOW + 60);
    let now = NOW + 100;
    for (value, left) in [(2, NOW), (5, NOW), (6, NOW + 60), (10, NOW + 60)] {
        let at = left + WINDOW_SECONDS;
        assert_eq!(free_at(&policy, &state, &of(9, value), now), Some(at), "{value}");
        assert_ne!(ask(&policy, &state, &of(9, value), at - 1), Decision::Allow);
        assert_eq!(ask(&policy, &state, &of(9, value), at), Decision::Allow);
    }
    assert_eq!(free_at(&policy, &state, &of(9, 1), now), Some(now), "there is room");
    assert_eq!(free_at(&policy, &state, &of(9, 11), now), None, "more than it ever lets pass");
}

#[test]
fn nobody_says_when_what_comes_back_makes_room_or_what_has_no_value_passes() {
    let (mut policy, state) = valued(amount(10), amount(10));
    assert_eq!(free_at(&policy, &state, &of(9, 1), NOW), Some(NOW));
    policy.wide.assets.values_mut().for_each(|rules| rules.price = None);
    assert_eq!(free_at(&policy, &state, &of(9, 1), NOW), None, "without a value");
    let (mut policy, state) = valued(amount(10), amount(10));
    let corridor = Corridor::of(&of(9, 1), Lane::Fast);
    policy.wide.corridors.get_mut(&corridor).unwrap().netted_with = Some(corridor.clone());
    assert_eq!(free_at(&policy, &state, &of(9, 1), NOW), None, "netted");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    /// The model adds up, at every time at which something leaves, what was cleared in the 24 hours before.
    #[test]
    fn it_is_what_adding_up_all_that_was_cleared_says(
        cleared in prop::collection::vec((0u64..30_000, 1u64..20, any::<bool>()), 0..12),
        [corridor, asset, destination] in [1u64..80, 1u64..120, 1u64..120],
        asked in 1u64..60,
        later in 0u64..90_000,
    ) {
        let (mut policy, _) = valued(Limit::Unlimited, amount(destination));
        policy.wide.assets.values_mut().for_each(|rules| rules.window = amount(asset));
        policy.limits.get_mut(&Corridor::of(&of(0, 1), Lane::Fast)).unwrap().window = amount(corridor);
        let (mut state, mut now, mut paid) = (RiskState::default(), NOW, Vec::new());
        for (n, (after, value, is_elsewhere)) in cleared.into_iter().enumerate() {
            now += after;
            let about = if is_elsewhere { elsewhere(n as u64, value) } else { of(n as u64, value) };
            pay(&policy, &mut state, &about, Lane::Fast, now);
            paid.push((now, value, is_elsewhere));
        }
        now += later;
        // What was cleared without a price counts by its floor, one; what is asked, by its price, two.
        state.apply(&priced(2, 0, now), now);
        let fits = |at: u64| {
            let in_it = || paid.iter().filter(|(time, ..)| at < time + WINDOW_SECONDS);
            let all: u64 = in_it().map(|(_, value, _)| value).sum();
            let here: u64 = in_it().filter(|(.., is_elsewhere)| !is_elsewhere).map(|(_, value, _)| value).sum();
            here + asked <= corridor && all + asked <= asset && here + 2 * asked <= destination
        };
        let leaves = paid.iter().map(|(time, ..)| time + WINDOW_SECONDS).filter(|at| *at > now);
        let model = std::iter::once(now).chain(leaves).filter(|at| fits(*at)).min();
        prop_assert_eq!(free_at(&policy, &state, &of(900, asked), now), model);
    }
}
