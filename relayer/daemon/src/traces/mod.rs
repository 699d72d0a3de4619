//! OTLP traces that follow a transfer across processes, and one span for each request of the APIs.
//!
//! The first half of a deposit's id is its trace's id, so that relayer, verifiers and signers add to one trace without
//! telling each other anything. The span that stands for the whole transfer is named by the relayer, when it has ended, by
//! the next eight bytes; every other span is below it. What is in a trace is what logs hold: no keys, no secrets.

mod layer;
mod requests;

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result};
use opentelemetry::trace::{SpanContext, SpanId, SpanKind, Status, TraceFlags, TraceId, TraceState};
use opentelemetry::{InstrumentationScope, KeyValue};
use opentelemetry_otlp::{SpanExporter, WithExportConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::{BatchSpanProcessor, SpanData, SpanEvents, SpanLinks, SpanProcessor};
use rand::RngCore;
use spandrel_core::{Event, Transfer};
use spandrel_engine::Observer;
use spandrel_verifiers::DepositId;

pub use layer::TransferSpans;
pub use requests::traced;

/// Longest that a collector is waited for, at each batch and at the end.
const COLLECTOR_TIMEOUT: Duration = Duration::from_secs(5);

/// Where spans go. A collector that is away costs spans and nothing else: they wait in a bounded queue.
#[derive(Debug)]
pub struct Traces(BatchSpanProcessor);

/// A span to be.
struct Told {
    name: String,
    from: SystemTime,
    to: SystemTime,
    attributes: Vec<KeyValue>,
    is_failed: bool,
}

impl Traces {
    /// Sends to `endpoint`, the whole URL of an OTLP collector's traces (HTTP, protobuf).
    ///
    /// # Errors
    /// When the endpoint is no URL.
    pub fn start(endpoint: &str) -> Result<Arc<Self>> {
        let exporter = SpanExporter::builder()
            .with_http()
            .with_endpoint(endpoint)
            .with_timeout(COLLECTOR_TIMEOUT)
            .build()
            .with_context(|| format!("telemetry.otlp: not an endpoint: {endpoint:?}"))?;
        let mut processor = BatchSpanProcessor::builder(exporter).build();
        processor.set_resource(&Resource::builder().with_service_name("spandrel").build());
        Ok(Arc::new(Self(processor)))
    }

    /// Sends what waits, and ends.
    pub fn close(&self) {
        if let Err(error) = self.0.shutdown_with_timeout(COLLECTOR_TIMEOUT) {
            tracing::warn!(%error, "spans were lost at the end");
        }
    }

    /// A span of its own below the transfer's.
    fn tell(&self, id: DepositId, told: Told) {
        self.send((trace_of(id), any_span()), Some(root_of(id)), SpanKind::Internal, told);
    }

    /// A request: a trace of its own, as no caller says of which it is.
    fn tell_request(&self, told: Told) {
        let mut bytes = [0; 16];
        rand::rng().fill_bytes(&mut bytes);
        self.send((TraceId::from_bytes(bytes), any_span()), None, SpanKind::Server, told);
    }

    fn send(&self, (trace, span): (TraceId, SpanId), parent: Option<SpanId>, span_kind: SpanKind, told: Told) {
        let context = SpanContext::new(trace, span, TraceFlags::SAMPLED, false, TraceState::default());
        let status = if told.is_failed { Status::error("") } else { Status::Unset };
        self.0.on_end(SpanData {
            span_context: context,
            parent_span_id: parent.unwrap_or(SpanId::INVALID),
            parent_span_is_remote: parent.is_some(),
            span_kind,
            name: told.name.into(),
            start_time: told.from,
            end_time: told.to,
            attributes: told.attributes,
            dropped_attributes_count: 0,
            events: SpanEvents::default(),
            links: SpanLinks::default(),
            status,
            instrumentation_scope: InstrumentationScope::builder("spandrel").build(),
        });
    }
}

fn any_span() -> SpanId {
    let mut bytes = [0; 8];
    rand::rng().fill_bytes(&mut bytes);
    SpanId::from_bytes(bytes)
}

/// The trace of a deposit: the first 16 bytes of its id.
pub fn trace_of(id: DepositId) -> TraceId {
    let (half, _) = id.0.0.split_first_chunk().unwrap_or((&[0; 16], &[]));
    TraceId::from_bytes(*half)
}

/// The span of the whole transfer: the next 8 bytes.
pub fn root_of(id: DepositId) -> SpanId {
    let rest = id.0.0.get(16..).and_then(|rest| rest.first_chunk()).unwrap_or(&[0; 8]);
    SpanId::from_bytes(*rest)
}

impl Observer for Traces {
    /// One moment for each event, and the whole transfer when it has ended.
    fn stored(&self, transfer: &Transfer, events: &[Event]) {
        let now = SystemTime::now();
        let attributes = || {
            vec![
                KeyValue::new("spandrel.deposit", transfer.id.to_string()),
                KeyValue::new("spandrel.status", transfer.status.name()),
                KeyValue::new("spandrel.source", transfer.deposit.source_chain.to_string()),
                KeyValue::new("spandrel.destination", transfer.deposit.destination_chain.to_string()),
            ]
        };
        for event in events {
            let name = event.name().to_owned();
            self.tell(transfer.id, Told { name, from: now, to: now, attributes: attributes(), is_failed: false });
        }
        if transfer.status.is_terminal() {
            let from = UNIX_EPOCH + Duration::from_secs(transfer.created_at);
            let name = "transfer".to_owned();
            let told = Told { name, from, to: now, attributes: attributes(), is_failed: false };
            self.send((trace_of(transfer.id), root_of(transfer.id)), None, SpanKind::Internal, told);
        }
    }

    fn refused(&self, id: DepositId, reason: &str) {
        let now = SystemTime::now();
        let attributes = vec![KeyValue::new("spandrel.reason", reason.to_owned())];
        self.tell(id, Told { name: "refused".to_owned(), from: now, to: now, attributes, is_failed: true });
    }
}
