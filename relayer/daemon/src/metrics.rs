//! Prometheus metrics and health, served over HTTP.
//!
//! Names are `spandrel_<subsystem>_<what>_<unit>`; labels are bounded: chains, lanes, states.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Context, Result};
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::IntoResponse;
use axum::routing::get;
use prometheus::{HistogramOpts, HistogramVec, IntCounterVec, IntGaugeVec, Opts, Registry, TextEncoder};
use spandrel_core::{Event, Transfer};
use spandrel_engine::Observer;
use spandrel_store::Sqlite;
use spandrel_verifiers::{ChainId, DepositId};
use spandrel_watchers::pool::{Counts, Health, Standing};
use tokio_util::sync::CancellationToken;

/// What is counted.
pub struct Metrics {
    registry: Registry,
    events: IntCounterVec,
    refusals: IntCounterVec,
    ended_seconds: HistogramVec,
    transfers: IntGaugeVec,
    outbox: IntGaugeVec,
    overdue: IntGaugeVec,
    cursors: IntGaugeVec,
    halts: IntGaugeVec,
    circuits: IntGaugeVec,
    dissent: IntGaugeVec,
    answers: IntGaugeVec,
    pools: Mutex<Vec<(ChainId, Arc<dyn Health>)>>,
}

impl Metrics {
    /// Registers everything.
    pub fn new() -> Result<Self> {
        let metrics = Self {
            registry: Registry::new(),
            events: IntCounterVec::new(
                Opts::new("spandrel_transfer_events_total", "Events stored, by kind and source chain"),
                &["event", "source"],
            )?,
            refusals: IntCounterVec::new(
                Opts::new("spandrel_transfer_refusals_total", "Inputs the transfer machine refused"),
                &["subsystem"],
            )?,
            ended_seconds: HistogramVec::new(
                HistogramOpts::new("spandrel_transfer_duration_seconds", "From first event to terminal state")
                    .buckets(vec![1.0, 5.0, 15.0, 60.0, 300.0, 900.0, 3600.0, 14400.0, 86400.0]),
                &["status", "source"],
            )?,
            transfers: IntGaugeVec::new(
                Opts::new("spandrel_transfer_states_count", "Transfers by state"),
                &["status"],
            )?,
            outbox: IntGaugeVec::new(
                Opts::new("spandrel_outbox_depth_count", "Effects waiting, by executor"),
                &["executor"],
            )?,
            overdue: IntGaugeVec::new(
                Opts::new("spandrel_outbox_overdue_seconds", "For how long the effect due longest is due, by executor"),
                &["executor"],
            )?,
            cursors: IntGaugeVec::new(
                Opts::new("spandrel_watcher_cursor_height", "Height read and stored, by chain"),
                &["chain"],
            )?,
            halts: IntGaugeVec::new(
                Opts::new("spandrel_watcher_halted_bool", "1 while nothing is read of a chain, until someone says so"),
                &["chain"],
            )?,
            circuits: IntGaugeVec::new(
                Opts::new("spandrel_rpc_circuit_open_bool", "1 while a node is left alone after failures"),
                &["chain", "node"],
            )?,
            dissent: IntGaugeVec::new(
                Opts::new(
                    "spandrel_rpc_dissent_seconds",
                    "For how long a node has disagreed with another; 0: it does not",
                ),
                &["chain", "node"],
            )?,
            answers: IntGaugeVec::new(
                Opts::new(
                    "spandrel_rpc_answers_count",
                    "What nodes answered since the start: calls (answered, failed) and votes on what another had read \
                     (agree, disagree, missing, abstain)",
                ),
                &["chain", "node", "answer"],
            )?,
            pools: Mutex::default(),
        };
        let all: [Box<dyn prometheus::core::Collector>; 11] = [
            Box::new(metrics.events.clone()),
            Box::new(metrics.refusals.clone()),
            Box::new(metrics.ended_seconds.clone()),
            Box::new(metrics.transfers.clone()),
            Box::new(metrics.outbox.clone()),
            Box::new(metrics.overdue.clone()),
            Box::new(metrics.cursors.clone()),
            Box::new(metrics.halts.clone()),
            Box::new(metrics.circuits.clone()),
            Box::new(metrics.dissent.clone()),
            Box::new(metrics.answers.clone()),
        ];
        for collector in all {
            metrics.registry.register(collector)?;
        }
        Ok(metrics)
    }

    /// Shows how the nodes of `chain` stand.
    pub fn watch(&self, chain: &ChainId, health: Arc<dyn Health>) {
        self.pools.lock().unwrap_or_else(PoisonError::into_inner).push((chain.clone(), health));
    }

    /// What keeps holding what is read: nodes that have disagreed for too long.
    fn lasting_dissent(&self) -> Vec<String> {
        let pools = self.pools.lock().unwrap_or_else(PoisonError::into_inner);
        let alarming = |(chain, health): &(ChainId, Arc<dyn Health>)| {
            let nodes = health.standings().into_iter().filter(Standing::is_alarming);
            nodes.map(|node| format!("{chain}: {} disagrees with another node\n", node.name)).collect::<Vec<_>>()
        };
        pools.iter().flat_map(alarming).collect()
    }

    fn show_nodes(&self) {
        for (chain, health) in self.pools.lock().unwrap_or_else(PoisonError::into_inner).iter() {
            for node in health.standings() {
                let labels = [chain.as_str(), &node.name];
                self.circuits.with_label_values(&labels).set(node.is_open.into());
                let dissents_for = node.dissents_for.map_or(0, |dissents_for| dissents_for.as_secs());
                self.dissent.with_label_values(&labels).set(dissents_for.cast_signed());
                let Counts { answered, failed, agree, disagree, missing, abstain } = node.counts;
                let counts = [
                    ("answered", answered),
                    ("failed", failed),
                    ("agree", agree),
                    ("disagree", disagree),
                    ("missing", missing),
                    ("abstain", abstain),
                ];
                for (answer, count) in counts {
                    let labels = [chain.as_str(), &node.name, answer];
                    self.answers.with_label_values(&labels).set(count.cast_signed());
                }
            }
        }
    }
}

impl Observer for Metrics {
    fn stored(&self, transfer: &Transfer, events: &[Event]) {
        let source = transfer.deposit.source_chain.as_str();
        for event in events {
            self.events.with_label_values(&[event.name(), source]).inc();
        }
        if transfer.status.is_terminal() {
            let seconds = transfer.updated_at.saturating_sub(transfer.created_at) as f64;
            self.ended_seconds.with_label_values(&[transfer.status.name(), source]).observe(seconds);
        }
    }

    fn refused(&self, _: DepositId, _: &str) {
        self.refusals.with_label_values(&["transfer"]).inc();
    }
}

/// Serves `/metrics`, `/healthz` and `/readyz` until told to stop.
pub async fn serve(
    listener: tokio::net::TcpListener,
    metrics: Arc<Metrics>,
    store: Sqlite,
    stop: CancellationToken,
) -> Result<()> {
    let state = Served { metrics, store };
    let router = axum::Router::new()
        .route("/metrics", get(scrape))
        .route("/healthz", get(|| async { "ok\n" }))
        .route("/readyz", get(ready))
        .with_state(state);
    axum::serve(listener, router)
        .with_graceful_shutdown(async move { stop.cancelled().await })
        .await
        .context("telemetry server")
}

/// Binds the telemetry address. Refuses anything but loopback: there is no authentication here.
pub async fn bind(address: SocketAddr) -> Result<tokio::net::TcpListener> {
    anyhow::ensure!(address.ip().is_loopback(), "telemetry.listen: expected a loopback address, found {address}");
    tokio::net::TcpListener::bind(address).await.with_context(|| format!("telemetry.listen: {address}"))
}

#[derive(Clone)]
struct Served {
    metrics: Arc<Metrics>,
    store: Sqlite,
}

async fn scrape(State(served): State<Served>) -> Result<String, (StatusCode, String)> {
    let failed = |error: &dyn std::fmt::Display| (StatusCode::INTERNAL_SERVER_ERROR, format!("{error}\n"));
    let summary = served.store.summary(crate::clock::unix_now()).await.map_err(|error| failed(&error))?;
    let metrics = &served.metrics;
    metrics.transfers.reset();
    for (status, count) in &summary.transfers {
        metrics.transfers.with_label_values(&[status]).set(count.cast_signed());
    }
    metrics.outbox.reset();
    metrics.overdue.reset();
    for (executor, depth) in &summary.outbox {
        metrics.outbox.with_label_values(&[executor]).set(depth.waiting.cast_signed());
        metrics.overdue.with_label_values(&[executor]).set(depth.oldest_due_age.unwrap_or(0).cast_signed());
    }
    for (chain, cursor) in &summary.cursors {
        if let Some(tip) = &cursor.tip {
            metrics.cursors.with_label_values(&[chain.as_str()]).set(tip.height.cast_signed());
        }
    }
    metrics.halts.reset();
    for chain in summary.halted.keys() {
        metrics.halts.with_label_values(&[chain.as_str()]).set(1);
    }
    metrics.show_nodes();
    TextEncoder::new().encode_to_string(&metrics.registry.gather()).map_err(|error| failed(&error))
}

async fn ready(State(served): State<Served>) -> impl IntoResponse {
    let summary = match served.store.summary(crate::clock::unix_now()).await {
        Ok(summary) => summary,
        Err(error) => return (StatusCode::SERVICE_UNAVAILABLE, format!("ledger: {error}\n")),
    };
    let halted = summary.halted.iter().map(|(chain, reason)| format!("{chain} is halted: {reason}\n"));
    let reasons: Vec<String> = halted.chain(served.metrics.lasting_dissent()).collect();
    match reasons.is_empty() {
        true => (StatusCode::OK, "ready\n".to_owned()),
        false => (StatusCode::SERVICE_UNAVAILABLE, reasons.concat()),
    }
}
