//! Logs: text for people, JSON for machines, filtered by one setting; beside them, traces.

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};
use tracing::level_filters::LevelFilter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer, Registry};

use crate::traces::TransferSpans;

/// How log lines look.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// One JSON object a line.
    Json,
}

/// Starts logging to stderr, and tracing where it is asked for. `filter` is an `EnvFilter` such as `info` or
/// `spandrel=debug,info`; it is for logs alone.
pub fn start(filter: &str, format: LogFormat, traces: Option<TransferSpans>) -> Result<()> {
    let filter = EnvFilter::try_new(filter).with_context(|| format!("telemetry.log: not a log filter: {filter:?}"))?;
    let lines = tracing_subscriber::fmt::layer().with_writer(std::io::stderr);
    let lines: Box<dyn Layer<Registry> + Send + Sync> = match format {
        LogFormat::Text => lines.boxed(),
        LogFormat::Json => lines.json().boxed(),
    };
    let traces = traces.map(|traces| traces.with_filter(LevelFilter::INFO));
    let started = tracing_subscriber::registry().with(lines.with_filter(filter)).with(traces).try_init();
    started.map_err(|error| anyhow::anyhow!("logging does not start: {error}"))
}
