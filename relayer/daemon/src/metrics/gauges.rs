//! What the ledger and the book say when they are asked: read anew for every scrape.

use alloy_primitives::U512;
use anyhow::Result;
use prometheus::{GaugeVec, IntGauge, IntGaugeVec, Opts, Registry};
use spandrel_core::Status;
use spandrel_engine::Alarms;
use spandrel_risk::{Corridor, PriceState, RiskPolicy, RiskState};
use spandrel_store::AllWaiting;
use spandrel_store::summary::Summary;
use spandrel_verifiers::UnixSeconds;
use spandrel_watchers::sentinel::Rule;

use super::windows::{CORRIDOR, Windows, approximate};

/// Labels of an account: where an asset is locked.
const ACCOUNT: [&str; 2] = ["source", "asset"];

/// Everything that is read at a scrape.
pub struct Gauges {
    transfers: IntGaugeVec,
    oldest_executed: IntGauge,
    outbox: IntGaugeVec,
    overdue: IntGaugeVec,
    open_txs: IntGaugeVec,
    lowest_nonce: IntGaugeVec,
    cursors: IntGaugeVec,
    finals: IntGaugeVec,
    lag: IntGaugeVec,
    halts: IntGaugeVec,
    webhooks: IntGaugeVec,
    webhook_age: IntGauge,
    busy: IntGaugeVec,
    bus: IntGauge,
    findings: IntGaugeVec,
    looked: IntGauge,
    pauses: IntGauge,
    losses: IntGauge,
    stale_prices: IntGaugeVec,
    price_ages: IntGaugeVec,
    paused: IntGaugeVec,
    proven: GaugeVec,
    released: GaugeVec,
    windows: Windows,
}

impl Gauges {
    /// Shows for how long each task is at its present step.
    pub fn show_tasks(&self, busy: &[(String, u64)]) {
        for (task, seconds) in busy {
            self.busy.with_label_values(&[task]).set(seconds.cast_signed());
        }
    }

    /// Shows whether other processes are heard.
    pub fn show_bus(&self, is_heard: bool) {
        self.bus.set(is_heard.into());
    }

    /// Shows what sentinels found, and when they looked last.
    pub fn show_alarms(&self, alarms: &Alarms, now: UnixSeconds) {
        let standing = alarms.standing();
        for rule in Rule::ALL {
            let count = standing.iter().filter(|finding| finding.rule == rule).count();
            self.findings.with_label_values(&[rule.name()]).set(i64::try_from(count).unwrap_or(i64::MAX));
        }
        let unseen_for = alarms.looked_at().map_or(0, |at| now.saturating_sub(at));
        self.looked.set(unseen_for.cast_signed());
    }

    /// Registers them.
    pub fn new(registry: &Registry) -> Result<Self> {
        let integers = |name, help, labels: &[&str]| integers(registry, name, help, labels);
        let numbers = |name: &str, help: &str, labels: &[&str]| -> Result<GaugeVec> {
            let gauges = GaugeVec::new(Opts::new(name, help), labels)?;
            registry.register(Box::new(gauges.clone()))?;
            Ok(gauges)
        };
        let integer = |name: &str, help: &str| -> Result<IntGauge> {
            let gauge = IntGauge::new(name, help)?;
            registry.register(Box::new(gauge.clone()))?;
            Ok(gauge)
        };
        Ok(Self {
            transfers: integers("spandrel_transfer_states_count", "Transfers by state", &["status"])?,
            oldest_executed: integer(
                "spandrel_transfer_executed_oldest_seconds",
                "For how long the payout that has waited longest for its proof or finality has; 0: none waits",
            )?,
            outbox: integers("spandrel_outbox_depth_count", "Effects waiting, by executor", &["executor"])?,
            overdue: integers(
                "spandrel_outbox_overdue_seconds",
                "For how long the effect that is overdue longest is due or fails, by executor",
                &["executor"],
            )?,
            open_txs: integers(
                "spandrel_submit_open_txs_count",
                "Transactions sent and not final, by chain",
                &["chain"],
            )?,
            lowest_nonce: integers(
                "spandrel_submit_lowest_nonce_count",
                "Transactions of an account before its lowest one that is sent and not final: that one's nonce",
                &["chain", "account"],
            )?,
            cursors: integers("spandrel_watcher_cursor_height", "Height read and stored, by chain", &["chain"])?,
            finals: integers("spandrel_watcher_final_height", "Highest final block reported, by chain", &["chain"])?,
            lag: integers(
                "spandrel_watcher_lag_seconds",
                "Age of the last block read, by its own time, by chain",
                &["chain"],
            )?,
            halts: integers(
                "spandrel_watcher_halted_bool",
                "1 while nothing is read of a chain, until someone says so",
                &["chain"],
            )?,
            busy: integers(
                "spandrel_task_busy_seconds",
                "For how long a task is at its present step; 0: it waits for work",
                &["task"],
            )?,
            webhooks: integers(
                "spandrel_webhook_backlog_count",
                "Deliveries that wait, and those that were given up (waiting, dead)",
                &["status"],
            )?,
            webhook_age: integer(
                "spandrel_webhook_oldest_seconds",
                "For how long the oldest delivery that is not taken has waited",
            )?,
            bus: integer("spandrel_bus_connected_bool", "0 while the server of the bus to other processes is away")?,
            findings: integers(
                "spandrel_sentinel_findings_count",
                "What sentinels found and nobody has lifted, by rule",
                &["rule"],
            )?,
            looked: integer(
                "spandrel_sentinel_blind_seconds",
                "For how long sentinels have not seen everything that they look at; 0 where none run",
            )?,
            pauses: integer("spandrel_risk_pauses_count", "Pauses in force")?,
            losses: integer(
                "spandrel_risk_open_losses_count",
                "Fast payouts whose deposits are gone, and whose losses guardians have not accepted",
            )?,
            stale_prices: integers(
                "spandrel_price_stale_bool",
                "1 while no price of an asset is to be believed: value goes by the floor",
                &["asset"],
            )?,
            price_ages: integers(
                "spandrel_price_age_seconds",
                "Age of the last price, by its publisher's time",
                &["asset"],
            )?,
            paused: integers(
                "spandrel_risk_lane_paused_bool",
                "1 while a pause stops a lane of a corridor",
                &CORRIDOR,
            )?,
            proven: numbers("spandrel_ledger_proven_units", "Proven to be locked on a source, base units", &ACCOUNT)?,
            released: numbers(
                "spandrel_ledger_released_units",
                "Cleared for payment against what is proven to be locked, base units",
                &ACCOUNT,
            )?,
            windows: Windows::new(registry)?,
        })
    }

    /// Shows the ledger. A state that no transfer is in is shown as 0.
    pub fn show_ledger(&self, summary: &Summary, webhooks: &AllWaiting, now: UnixSeconds) {
        for status in Status::NAMES {
            let count = summary.transfers.get(status).copied().unwrap_or(0);
            self.transfers.with_label_values(&[status]).set(count.cast_signed());
        }
        self.oldest_executed.set(summary.oldest_executed_age.unwrap_or(0).cast_signed());
        self.outbox.reset();
        self.overdue.reset();
        for (executor, depth) in &summary.outbox {
            self.outbox.with_label_values(&[executor]).set(depth.waiting.cast_signed());
            self.overdue.with_label_values(&[executor]).set(depth.oldest_due_age.unwrap_or(0).cast_signed());
        }
        self.open_txs.reset();
        self.lowest_nonce.reset();
        for open in &summary.open_txs {
            self.open_txs.with_label_values(&[open.chain.as_str()]).add(open.count.cast_signed());
            let account = open.signer.to_string();
            let nonces = self.lowest_nonce.with_label_values(&[open.chain.as_str(), &account]);
            nonces.set(open.lowest_nonce.cast_signed());
        }
        self.halts.reset();
        for (chain, cursor) in &summary.cursors {
            let label = [chain.as_str()];
            self.halts.with_label_values(&label).set(0);
            if let Some(tip) = &cursor.tip {
                self.cursors.with_label_values(&label).set(tip.height.cast_signed());
                self.lag.with_label_values(&label).set(now.saturating_sub(tip.time).cast_signed());
            }
            if let Some(block) = &cursor.finalized {
                self.finals.with_label_values(&label).set(block.height.cast_signed());
            }
        }
        for chain in summary.halted.keys() {
            self.halts.with_label_values(&[chain.as_str()]).set(1);
        }
        let AllWaiting { backlog, oldest_age } = webhooks;
        self.webhooks.with_label_values(&["waiting"]).set(backlog.waiting.cast_signed());
        self.webhooks.with_label_values(&["dead"]).set(backlog.dead.cast_signed());
        self.webhook_age.set(oldest_age.unwrap_or(0).cast_signed());
    }

    /// Shows how many losses wait for guardians.
    pub fn show_losses(&self, open: usize) {
        self.losses.set(i64::try_from(open).unwrap_or(i64::MAX));
    }

    /// Shows limits as they stand, and what is used of them.
    pub fn show_risk(&self, policy: &RiskPolicy, risk: &RiskState, now: UnixSeconds) {
        self.pauses.set(i64::try_from(risk.pauses_at(now).count()).unwrap_or(i64::MAX));
        for corridor in policy.limits.keys() {
            let Corridor { source, destination, asset, lane } = corridor;
            let (asset_name, lane_name) = (asset.to_string(), lane.to_string());
            let labels = [source.as_str(), destination.as_str(), &asset_name, &lane_name];
            let is_paused = risk.pauses_at(now).any(|(scope, _)| scope.stops(corridor));
            self.paused.with_label_values(&labels).set(is_paused.into());
            self.show_account([source.as_str(), &asset_name], U512::ZERO, U512::ZERO);
        }
        for (source, asset, proven, released) in risk.accounts() {
            self.show_account([source.as_str(), &asset.to_string()], proven, released);
        }
        for (asset, rules) in &policy.wide.assets {
            let name = asset.to_string();
            if let Some(rule) = &rules.price {
                let price = risk.price(asset);
                let is_stale = price.is_none_or(|price| price.state(rule, now) == PriceState::Stale);
                self.stale_prices.with_label_values(&[&name]).set(is_stale.into());
                if let Some(price) = price {
                    let age = now.saturating_sub(price.published_at);
                    self.price_ages.with_label_values(&[&name]).set(age.cast_signed());
                }
            }
        }
        self.windows.show(policy, risk, now);
    }

    fn show_account(&self, account: [&str; 2], proven: U512, released: U512) {
        self.proven.with_label_values(&account).set(approximate(&proven));
        self.released.with_label_values(&account).set(approximate(&released));
    }
}

/// Gauges of whole numbers, registered.
pub(super) fn integers(registry: &Registry, name: &str, help: &str, labels: &[&str]) -> Result<IntGaugeVec> {
    let gauges = IntGaugeVec::new(Opts::new(name, help), labels)?;
    registry.register(Box::new(gauges.clone()))?;
    Ok(gauges)
}
