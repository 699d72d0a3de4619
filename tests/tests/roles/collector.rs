//! What takes the spans of all processes.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Result, ensure};
use axum::Router;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::routing::post;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message as _;
use reqwest::StatusCode;
use spandrel::traces::trace_of;
use spandrel_tests::PATIENCE;
use spandrel_verifiers::DepositId;

/// The spans, each process's at a path of its own.
#[derive(Clone, Default)]
pub struct Collector(Arc<Mutex<Vec<(String, Span)>>>);

impl Collector {
    /// Listens; the address.
    pub async fn start(&self) -> Result<SocketAddr> {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let router = Router::new().route("/{process}", post(Self::take)).with_state(self.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        Ok(address)
    }

    async fn take(State(collector): State<Self>, Path(process): Path<String>, body: Bytes) -> StatusCode {
        let Ok(request) = ExportTraceServiceRequest::decode(body) else { return StatusCode::BAD_REQUEST };
        let scopes = request.resource_spans.into_iter().flat_map(|resource| resource.scope_spans);
        let spans = scopes.flat_map(|scope| scope.spans).map(|span| (process.clone(), span));
        collector.0.lock().unwrap_or_else(PoisonError::into_inner).extend(spans);
        StatusCode::OK
    }

    /// The spans of a deposit's trace, as process and name.
    fn trace(&self, deposit: DepositId) -> BTreeSet<(String, String)> {
        let spans = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let own = spans.iter().filter(|(_, span)| span.trace_id == trace_of(deposit).to_bytes());
        own.map(|(process, span)| (process.clone(), span.name.clone())).collect()
    }

    /// Waits until a deposit's trace has one of these spans from as many processes of each role.
    pub async fn require(&self, deposit: DepositId, expected: &[(&str, &str, usize)]) -> Result<()> {
        let deadline = tokio::time::Instant::now() + PATIENCE;
        loop {
            let trace = self.trace(deposit);
            let missing = expected.iter().find(|(role, name, count)| {
                let told = trace.iter().filter(|(process, span)| process.starts_with(role) && span == name);
                told.count() < *count
            });
            let Some(missing) = missing else {
                println!("trace {:?}: {trace:?}", trace_of(deposit));
                return Ok(());
            };
            ensure!(tokio::time::Instant::now() < deadline, "{missing:?} is missing: {trace:?}");
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }
}
