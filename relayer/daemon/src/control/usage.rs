//! How much of each limit is used: folded from the ledger, whatever runs.

use anyhow::Result;
use serde::Serialize;
use spandrel_core::ledger::Ledger;
use spandrel_risk::control::ControlState;
use spandrel_risk::{Corridor, Lane, Limit, Limits, RiskState};

use crate::clock::unix_now;
use crate::config::Config;
use crate::output::print;
use crate::status::{look_at, table};

/// One lane of a corridor.
#[derive(Serialize)]
struct Row {
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
    exposure_cap: Limit,
    /// Paid and not proven, base units; of the fast lane.
    exposure_used: Option<String>,
}

/// Prints every lane with its limits as they stand and what is used of them.
pub async fn usage(config: &Config, json: bool) -> Result<()> {
    let store = look_at(&config.database).await?;
    let (mut risk, mut control) = (RiskState::default(), ControlState::default());
    for recorded in store.risk_events(0).await? {
        risk.apply(&recorded.body, recorded.at);
    }
    for recorded in store.control_events(0).await? {
        control.apply(&recorded.body, recorded.at);
    }
    store.close().await;
    let policy = control.limited(&crate::wiring::policy(config)?.risk);
    let rows: Vec<Row> =
        policy.limits.iter().map(|(corridor, limits)| row(&risk, &control, corridor, limits)).collect();
    print(json, &rows, || {
        let mut shown = table(&["corridor", "lane", "window used", "of", "exposure", "of", "per transfer", "paused"]);
        for row in &rows {
            let Corridor { source, destination, asset, lane } = &row.corridor;
            shown.add_row([
                format!("{asset}\n{source} -> {destination}"),
                lane.to_string(),
                row.window_used.clone(),
                row.window.to_string(),
                row.exposure_used.clone().unwrap_or_else(|| "-".to_owned()),
                row.exposure_cap.to_string(),
                row.per_transfer.to_string(),
                row.paused.clone().unwrap_or_else(|| "no".to_owned()),
            ]);
        }
        shown.to_string()
    })
}

fn row(risk: &RiskState, control: &ControlState, corridor: &Corridor, limits: &Limits) -> Row {
    let now = unix_now();
    let exposure = risk.exposure(&corridor.source, &corridor.asset, &corridor.destination);
    Row {
        corridor: corridor.clone(),
        set_by_guardians: control.limits().contains_key(corridor),
        paused: paused(risk, corridor, now),
        per_transfer: limits.per_transfer,
        window: limits.window,
        window_used: risk.window_used(corridor, now).to_string(),
        exposure_cap: limits.exposure_cap,
        exposure_used: (corridor.lane == Lane::Fast).then(|| exposure.to_string()),
    }
}

/// The pause that stops everything on this lane of this corridor, if there is one.
fn paused(risk: &RiskState, corridor: &Corridor, now: u64) -> Option<String> {
    let mut stopping = risk.pauses_at(now).filter(|(scope, _)| scope.stops(corridor));
    stopping.next().map(|(scope, _)| scope.to_string())
}
