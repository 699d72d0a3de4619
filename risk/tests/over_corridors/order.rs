//! The order of all checks (docs/architecture.md), on either lane.

use alloy_primitives::U256;
use spandrel_risk::{
    AssetRules, Bucket, Corridor, CorridorRules, Decision, DepthRule, ExposureRule, Lane, Limit, Limits, Position,
    RiskEvent, RiskPolicy, RiskState, Scope, WINDOW_SECONDS,
};
use spandrel_verifiers::{Deposit, LanePreference};

use crate::common::wide::{PRICED, of, policy, priced};
use crate::common::{NOW, amount, open, pay, proven};

/// The checks that both lanes have after their own, as they are relieved one by one.
const AFTER_CAPS: [&str; 11] = [
    "window",
    "asset_window",
    "notional_window",
    "notional_window",
    "notional_window",
    "large_transfer",
    "confirmations",
    "velocity",
    "velocity",
    "unusual",
    "none",
];

/// A question for which everything bites at once, and the reasons that were found.
struct Asked {
    about: Deposit,
    lane: Lane,
    confirmations: u64,
    policy: RiskPolicy,
    state: RiskState,
    found: Vec<String>,
}

impl Asked {
    fn on(lane: Lane) -> Self {
        let closed = Bucket { capacity: amount(1), refill_seconds: 10 };
        let asset = AssetRules {
            window: amount(1),
            notional: Some(amount(1)),
            price: Some(PRICED),
            sender: closed,
            recipient: closed,
            most_of_p99: Limit::CLOSED,
            usual: U256::ZERO,
            exposure: Some(ExposureRule { share: 1, returned_as: [].into() }),
        };
        let mut policy = policy(asset);
        let about = of(900, 5);
        let limits = Limits {
            per_transfer: amount(1),
            exposure_cap: amount(1),
            window: amount(1),
            large_from: Limit::CLOSED,
            large_delay: 9,
            ..open()
        };
        policy.limits.insert(Corridor::of(&about, lane), limits);
        policy.wide.destinations.insert(about.destination_chain.clone(), amount(1));
        policy.wide.depths.insert(about.source_chain.clone(), DepthRule { block_cost: U256::from(1), least: 3 });
        let mut state = RiskState::default();
        for n in 0..100 {
            pay(&RiskPolicy::default(), &mut state, &of(n, 1), Lane::Fast, NOW - WINDOW_SECONDS);
        }
        state.apply(&priced(2, 0, NOW), NOW);
        state.apply(&RiskEvent::Paused { scope: Scope::Global, until: NOW + 1, reason: String::new() }, NOW);
        Self { about, lane, confirmations: 0, policy, state, found: Vec::new() }
    }

    fn ask(&mut self) {
        let position = Position::new(&self.state, self.about.id(), &self.about, self.lane, NOW);
        let decision = position.with_confirmations(self.confirmations).decide(&self.policy, NOW);
        self.found.push(match decision {
            Decision::Hold { reason } | Decision::Delay { reason, .. } | Decision::Reject { reason } => {
                serde_json::to_value(reason).unwrap()["reason"].as_str().unwrap().to_owned()
            }
            Decision::Allow => "none".to_owned(),
        });
    }

    fn happens(&mut self, event: &RiskEvent) {
        self.state.apply(event, NOW);
        self.ask();
    }

    fn relieve(&mut self, relieved: impl FnOnce(&mut Limits)) {
        let corridor = Corridor::of(&self.about, self.lane);
        relieved(self.policy.limits.get_mut(&corridor).unwrap());
        self.ask();
    }

    fn relieve_asset(&mut self, relieved: impl FnOnce(&mut AssetRules)) {
        relieved(self.policy.wide.assets.get_mut(&self.about.asset).unwrap());
        self.ask();
    }

    /// Relieves [`AFTER_CAPS`], of which the first has been found.
    fn relieve_the_rest(&mut self) {
        self.relieve(|limits| limits.window = Limit::Unlimited);
        self.relieve_asset(|asset| asset.window = Limit::Unlimited);
        let by_value = CorridorRules { notional: Limit::Unlimited, netted_with: None };
        self.policy.wide.corridors.insert(Corridor::of(&self.about, self.lane), by_value);
        self.ask();
        self.relieve_asset(|asset| asset.notional = Some(Limit::Unlimited));
        self.policy.wide.destinations.insert(self.about.destination_chain.clone(), Limit::Unlimited);
        self.ask();
        self.relieve(|limits| limits.large_from = Limit::Unlimited);
        self.confirmations = 1_000;
        self.ask();
        self.relieve_asset(|asset| asset.sender = Bucket::UNLIMITED);
        self.relieve_asset(|asset| asset.recipient = Bucket::UNLIMITED);
        self.relieve_asset(|asset| asset.most_of_p99 = Limit::Unlimited);
    }
}

/// What is relieved one by one shows the order. Exposure is none of this lane's, however full it is.
#[test]
fn the_checks_run_in_their_order_and_stop_at_the_first_that_bites() {
    let mut asked = Asked::on(Lane::LightClient);
    asked.ask();
    asked.happens(&RiskEvent::Resumed { scope: Scope::Global });
    asked.happens(&proven(&asked.about.clone()));
    asked.relieve(|limits| limits.per_transfer = Limit::Unlimited);
    asked.relieve_the_rest();
    assert_eq!(asked.found, [&["paused", "ledger", "per_transfer_cap"], &AFTER_CAPS[..]].concat());
}

/// Nothing is proven before it is paid: the exposure, of the corridor and of what stands locked, is asked in its place.
#[test]
fn on_the_fast_lane_exposure_is_asked_after_the_cap_and_before_the_window() {
    let mut asked = Asked::on(Lane::Fast);
    asked.ask();
    asked.happens(&RiskEvent::Resumed { scope: Scope::Global });
    asked.relieve(|limits| limits.per_transfer = Limit::Unlimited);
    asked.relieve(|limits| limits.exposure_cap = Limit::Unlimited);
    asked.relieve_asset(|asset| asset.exposure = None);
    asked.relieve_the_rest();
    let before = ["paused", "per_transfer_cap", "exposure_cap", "exposure_cap"];
    assert_eq!(asked.found, [&before, &AFTER_CAPS[..]].concat());
}

/// A pause says "later"; what is never paid on this lane is told so while it lasts.
#[test]
fn what_is_refused_for_good_is_refused_during_a_pause() {
    let mut asked = Asked::on(Lane::Fast);
    let corridor = Corridor::of(&asked.about, Lane::Fast);
    let known = asked.policy.limits.remove(&corridor).unwrap();
    asked.about.expiry = NOW - 1;
    asked.about.lane = LanePreference::LightClient;
    asked.ask();
    asked.about.expiry = NOW;
    asked.ask();
    asked.about.lane = LanePreference::Any;
    asked.ask();
    asked.policy.limits.insert(corridor, Limits { dust: asked.about.amount + U256::ONE, ..known });
    asked.ask();
    asked.relieve(|limits| limits.dust = U256::ZERO);
    assert_eq!(asked.found, ["expired", "lane_not_asked_for", "unknown", "dust", "paused"]);
}
