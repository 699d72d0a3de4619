//! Prometheus metrics and health, served over HTTP.
//!
//! Names are `spandrel_<subsystem>_<what>_<unit>`; labels are bounded: chains, corridors, lanes, states, routes.

mod balances;
mod followed;
mod gauges;
mod health;
mod requests;
mod trust;
mod vaults;
mod windows;

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Context, Result};
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::get;
use prometheus::{HistogramOpts, HistogramVec, IntCounterVec, IntGaugeVec, Opts, Registry, TextEncoder};
use spandrel_core::{Event, Transfer};
use spandrel_engine::{Alarms, Book, Observer};
use spandrel_store::Sqlite;
use spandrel_verifiers::{ChainId, DepositId};
use spandrel_watchers::pool::{Counts, Health, Standing};
use tokio_util::sync::CancellationToken;

use crate::clock::{SystemClock, unix_now};
pub use balances::Balances;
pub use followed::Followed;
use gauges::Gauges;
pub use health::Vitals;
pub(crate) use health::late;
pub use requests::{Requests, observe};
pub use trust::Trusts;
pub use vaults::Vaults;

type RelayerBook = Book<Sqlite, SystemClock>;

/// What is counted.
pub struct Metrics {
    registry: Registry,
    events: IntCounterVec,
    refusals: IntCounterVec,
    ended_seconds: HistogramVec,
    gauges: Gauges,
    requests: Arc<Requests>,
    circuits: IntGaugeVec,
    dissent: IntGaugeVec,
    answers: IntCounterVec,
    pools: Mutex<Vec<(ChainId, Arc<dyn Health>)>>,
    alarms: Alarms,
    trusts: Trusts,
    balances: Balances,
    vaults: Vaults,
    followed: Followed,
}

impl Metrics {
    /// Registers everything.
    pub fn new() -> Result<Self> {
        let registry = Registry::new();
        let metrics = Self {
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
            gauges: Gauges::new(&registry)?,
            requests: Arc::new(Requests::new(&registry)?),
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
            answers: IntCounterVec::new(
                Opts::new(
                    "spandrel_rpc_answers_total",
                    "What nodes answered since the start: calls (answered, failed) and votes on what another had read \
                     (agree, disagree, missing, abstain)",
                ),
                &["chain", "node", "answer"],
            )?,
            pools: Mutex::default(),
            alarms: Alarms::default(),
            trusts: Trusts::new(&registry)?,
            balances: Balances::new(&registry)?,
            vaults: Vaults::new(&registry)?,
            followed: Followed::new(&registry)?,
            registry,
        };
        let all: [Box<dyn prometheus::core::Collector>; 6] = [
            Box::new(metrics.events.clone()),
            Box::new(metrics.refusals.clone()),
            Box::new(metrics.ended_seconds.clone()),
            Box::new(metrics.circuits.clone()),
            Box::new(metrics.dissent.clone()),
            Box::new(metrics.answers.clone()),
        ];
        for collector in all {
            metrics.registry.register(collector)?;
        }
        Ok(metrics)
    }

    /// Where requests of the transfer API are counted.
    pub fn requests(&self) -> Arc<Requests> {
        self.requests.clone()
    }

    /// Where sentinels say what they found.
    pub fn alarms(&self) -> Alarms {
        self.alarms.clone()
    }

    /// Where it is said for how long trusted roots may be begun at.
    pub fn trusts(&self) -> &Trusts {
        &self.trusts
    }

    /// Where it is said what accounts have.
    pub fn balances(&self) -> Balances {
        self.balances.clone()
    }

    /// Where it is said for how long what is to be moved out of vaults may stay.
    pub fn vaults(&self) -> Vaults {
        self.vaults.clone()
    }

    /// Where it is said what watchers pass over and hear.
    pub fn followed(&self) -> &Followed {
        &self.followed
    }

    /// Shows how the nodes of `chain` stand.
    pub fn watch(&self, chain: &ChainId, health: Arc<dyn Health>) {
        self.pools.lock().unwrap_or_else(PoisonError::into_inner).push((chain.clone(), health));
    }

    /// What keeps holding what is read: nodes that have disagreed for too long.
    pub(crate) fn lasting_dissent(&self) -> Vec<String> {
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
                    followed::show(&self.answers, &labels, count);
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

/// Serves `/metrics`, `/healthz` and `/readyz` until told to stop. A process without a ledger has no book.
pub async fn serve(
    listener: tokio::net::TcpListener,
    metrics: Arc<Metrics>,
    book: Option<Arc<RelayerBook>>,
    vitals: Vitals,
    stop: CancellationToken,
) -> Result<()> {
    let router = axum::Router::new()
        .route("/metrics", get(scrape))
        .route("/healthz", get(health::alive))
        .route("/readyz", get(health::ready))
        .with_state(Served { metrics, book, vitals });
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
    book: Option<Arc<RelayerBook>>,
    vitals: Vitals,
}

async fn scrape(State(served): State<Served>) -> Result<String, (StatusCode, String)> {
    let failed = |error: &dyn std::fmt::Display| (StatusCode::INTERNAL_SERVER_ERROR, format!("{error}\n"));
    let (metrics, now) = (&served.metrics, unix_now());
    if let Some(book) = &served.book {
        let summary = book.ledger().summary(now).await.map_err(|error| failed(&error))?;
        let webhooks = book.ledger().webhooks_waiting(now).await.map_err(|error| failed(&error))?;
        let risk = book.risk_now();
        metrics.gauges.show_ledger(&summary, &webhooks, now);
        metrics.gauges.show_risk(&risk.limits, &risk.state, now);
        metrics.gauges.show_losses(book.open_shortfalls().await.len());
    }
    metrics.show_nodes();
    metrics.trusts.show(now);
    metrics.vaults.show(now);
    metrics.followed.show();
    metrics.gauges.show_tasks(&served.vitals.pulses.busy(now));
    metrics.gauges.show_alarms(&metrics.alarms, now);
    metrics.gauges.show_bus(served.vitals.is_heard());
    TextEncoder::new().encode_to_string(&metrics.registry.gather()).map_err(|error| failed(&error))
}
