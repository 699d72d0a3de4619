//! Whether the process lives, and whether it can do its work.

use std::collections::BTreeMap;

use axum::extract::State;
use axum::http::StatusCode;
use spandrel_bus::Link;
use spandrel_engine::EngineError;
use spandrel_store::summary::Summary;
use spandrel_verifiers::{ChainId, UnixSeconds};

use super::Served;
use crate::clock::unix_now;
use crate::supervise::Pulses;

/// What is looked at beside the ledger.
#[derive(Clone, Debug, Default)]
pub struct Vitals {
    /// The tasks' signs of life.
    pub pulses: Pulses,
    /// Seconds, by chain, after which its last block is too old.
    pub late_after: BTreeMap<ChainId, u64>,
    /// The bus to other processes.
    pub bus: Option<Link>,
}

type Answer = (StatusCode, String);

fn answer(well: &str, reasons: &[String]) -> Answer {
    match reasons.is_empty() {
        true => (StatusCode::OK, format!("{well}\n")),
        false => (StatusCode::SERVICE_UNAVAILABLE, reasons.concat()),
    }
}

/// 503 while a task is stuck: to be started again.
pub async fn alive(State(served): State<Served>) -> Answer {
    let stuck = served.vitals.pulses.stuck(unix_now());
    let reasons: Vec<String> =
        stuck.iter().map(|(task, seconds)| format!("{task}: at one step for {seconds} s\n")).collect();
    answer("ok", &reasons)
}

/// 503 while a chain is halted, late or disputed by its nodes, a sentinel found something, a lane is paused, the bus is away,
/// or another policy is agreed on.
pub async fn ready(State(served): State<Served>) -> Answer {
    let mut reasons = served.metrics.lasting_dissent();
    if !served.vitals.is_heard() {
        reasons.push("bus: its server is away\n".to_owned());
    }
    let alarms = served.metrics.alarms().standing();
    let pausing = alarms.into_iter().filter(|finding| finding.is_pausing);
    reasons.extend(pausing.map(|finding| format!("{}: {}\n", finding.rule, finding.what)));
    let Some(book) = &served.book else { return answer("ready", &reasons) };
    let now = unix_now();
    let summary = match book.ledger().summary(now).await {
        Ok(summary) => summary,
        Err(error) => return (StatusCode::SERVICE_UNAVAILABLE, format!("ledger: {error}\n")),
    };
    reasons.extend(summary.halted.iter().map(|(chain, reason)| format!("{chain} is halted: {reason}\n")));
    reasons.extend(late(&summary, &served.vitals.late_after, now));
    let risk = book.risk_now();
    if risk.is_superseded {
        reasons.push(format!("policy: {}\n", EngineError::Superseded));
    }
    reasons.extend(risk.state.pauses_at(now).map(|(scope, pause)| format!("paused: {scope}: {}\n", pause.reason)));
    answer("ready", &reasons)
}

impl Vitals {
    /// Whether other processes are heard; true where there is no bus to them.
    pub fn is_heard(&self) -> bool {
        self.bus.as_ref().is_none_or(Link::is_connected)
    }
}

/// Chains whose last block is too old, a line each.
pub(crate) fn late<'a>(
    summary: &'a Summary,
    late_after: &'a BTreeMap<ChainId, u64>,
    now: UnixSeconds,
) -> impl Iterator<Item = String> + 'a {
    summary.late(late_after, now).map(|(chain, what)| format!("{chain} is late: {what}\n"))
}
