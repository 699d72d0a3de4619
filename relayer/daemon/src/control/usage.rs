//! How much of each limit is used: folded from the ledger, whatever runs.

use alloy_primitives::U512;
use anyhow::Result;
use serde::Serialize;
use spandrel_api::Denominations;
use spandrel_core::ledger::{Ledger, each_risk_event};
use spandrel_risk::control::ControlState;
use spandrel_risk::{Corridor, CorridorRules, Lane, Limit, Limits, RiskPolicy, RiskState, Tank};
use spandrel_verifiers::UnixSeconds;

use crate::clock::unix_now;
use crate::config::Config;
use crate::output::print;
use crate::status::{look_at, table};
use crate::units::cell;

/// A window in base units.
const BY_AMOUNT: &str = "amount";

/// All limits of which something is used up.
#[derive(Serialize)]
struct Usage {
    lanes: Vec<LaneUse>,
    windows: Vec<WindowUse>,
}

/// One lane of a corridor.
#[derive(Serialize)]
struct LaneUse {
    #[serde(flatten)]
    corridor: Corridor,
    /// Whether a guardian has set its limits.
    set_by_guardians: bool,
    /// What stops it now, if anything does.
    paused: Option<String>,
    per_transfer: Limit,
    window: Limit,
    /// What is cleared and not paid, and what was paid in the last 24 hours, base units.
    window_used: String,
    /// Of the fast lane, as it is enforced now: its own, or what other destinations leave of the share of what stands
    /// locked.
    exposure_cap: Option<Limit>,
    /// Paid and not proven, base units; of the fast lane.
    exposure_used: Option<String>,
}

/// A window that several lanes share, or one lane's by value.
#[derive(Serialize)]
struct WindowUse {
    #[serde(flatten)]
    of: Tank,
    /// `amount`: base units; `value`: the unit of the configured prices.
    by: &'static str,
    /// Of the last 24 hours; of a corridor that is netted, less what was paid the other way.
    used: String,
    limit: Limit,
}

/// Prints every lane and every window over lanes with its limits as they stand and what is used of them.
pub async fn usage(config: &Config, json: bool) -> Result<()> {
    let store = look_at(&config.database).await?;
    let (mut risk, mut control) = (RiskState::default(), ControlState::default());
    each_risk_event(&store, 0, |recorded| risk.apply(&recorded.body, recorded.at)).await?;
    for recorded in store.control_events(0).await? {
        control.apply(&recorded.body, recorded.at);
    }
    store.close().await;
    let (policy, now) = (control.limited(&crate::wiring::policy(config)?.risk), unix_now());
    let lane = |(corridor, limits)| lane((&policy, &risk, &control), corridor, limits, now);
    let usage = Usage { lanes: policy.limits.iter().map(lane).collect(), windows: windows(&policy, &risk, now) };
    print(json, &usage, || usage.words(&config.denominations()))
}

fn lane(
    (policy, risk, control): (&RiskPolicy, &RiskState, &ControlState),
    corridor: &Corridor,
    limits: &Limits,
    now: UnixSeconds,
) -> LaneUse {
    let is_fast = corridor.lane == Lane::Fast;
    let exposure = risk.exposure(&corridor.source, &corridor.asset, &corridor.destination);
    LaneUse {
        corridor: corridor.clone(),
        set_by_guardians: control.limits().contains_key(corridor),
        paused: paused(risk, corridor, now),
        per_transfer: limits.per_transfer,
        window: limits.window,
        window_used: risk.window_used(corridor, now).to_string(),
        exposure_cap: is_fast.then(|| policy.exposure_cap(risk, corridor)),
        exposure_used: is_fast.then(|| exposure.to_string()),
    }
}

/// The windows of assets, by amount and by value, and those of destinations and corridors, by value.
fn windows(policy: &RiskPolicy, risk: &RiskState, now: UnixSeconds) -> Vec<WindowUse> {
    let by_value =
        |of: Tank, limit| WindowUse { used: risk.notional_used(&of, now).to_string(), of, by: "value", limit };
    let mut found = Vec::new();
    for (asset, rules) in &policy.wide.assets {
        let of = Tank::Asset { asset: asset.clone() };
        let used = risk.asset_used(asset, now).to_string();
        found.push(WindowUse { of: of.clone(), by: BY_AMOUNT, used, limit: rules.window });
        found.extend(rules.notional.map(|limit| by_value(of, limit)));
    }
    for (chain, limit) in &policy.wide.destinations {
        found.push(by_value(Tank::Destination { chain: chain.clone() }, *limit));
    }
    for (corridor, rules) in &policy.wide.corridors {
        let used = corridor_value(risk, corridor, rules, now).to_string();
        found.push(WindowUse { of: Tank::Corridor(corridor.clone()), by: "value", used, limit: rules.notional });
    }
    found
}

/// What a lane of a corridor has used by value; where it is netted, less what was paid the other way. The fast lane never is.
pub(crate) fn corridor_value(risk: &RiskState, corridor: &Corridor, rules: &CorridorRules, now: UnixSeconds) -> U512 {
    let with = rules.netted_with.as_ref().filter(|with| corridor.lane != Lane::Fast && with.lane != Lane::Fast);
    let returned = with.map(|with| risk.notional_used(&Tank::Paid(with.clone()), now)).unwrap_or_default();
    risk.notional_used(&Tank::Corridor(corridor.clone()), now).saturating_sub(returned)
}

/// The pause that stops everything on this lane of this corridor, if there is one.
fn paused(risk: &RiskState, corridor: &Corridor, now: UnixSeconds) -> Option<String> {
    let mut stopping = risk.pauses_at(now).filter(|(scope, _)| scope.stops(corridor));
    stopping.next().map(|(scope, _)| scope.to_string())
}

impl Usage {
    fn words(&self, denominations: &Denominations) -> String {
        let mut lanes = table(&["corridor", "lane", "window used", "of", "exposure", "of", "per transfer", "paused"]);
        for lane in &self.lanes {
            let of = denominations.of(lane.corridor.asset.as_str());
            let cell = |amount: &str| cell(amount, of.as_ref());
            lanes.add_row([
                path(&lane.corridor),
                lane.corridor.lane.to_string(),
                cell(&lane.window_used),
                cell(&lane.window.to_string()),
                lane.exposure_used.as_deref().map_or_else(|| "-".to_owned(), cell),
                lane.exposure_cap.map_or_else(|| "-".to_owned(), |cap| cell(&cap.to_string())),
                cell(&lane.per_transfer.to_string()),
                lane.paused.clone().unwrap_or_else(|| "no".to_owned()),
            ]);
        }
        let mut windows = table(&["window", "by", "used", "of"]);
        for WindowUse { of, by, used, limit } in &self.windows {
            let unit = match of {
                Tank::Asset { asset } if *by == BY_AMOUNT => denominations.of(asset.as_str()),
                _ => None,
            };
            let cells = [used.as_str(), &limit.to_string()].map(|amount| cell(amount, unit.as_ref()));
            let [used, limit] = cells;
            windows.add_row([named(of), (*by).to_owned(), used, limit]);
        }
        format!("{lanes}\n{windows}")
    }
}

fn named(of: &Tank) -> String {
    match of {
        Tank::Asset { asset } => asset.to_string(),
        Tank::Destination { chain } => format!("to {chain}"),
        Tank::Source { chain } => format!("from {chain}"),
        Tank::Corridor(corridor) | Tank::Paid(corridor) => format!("{}\n{} lane", path(corridor), corridor.lane),
    }
}

fn path(Corridor { source, destination, asset, .. }: &Corridor) -> String {
    format!("{asset}\n{source} -> {destination}")
}
