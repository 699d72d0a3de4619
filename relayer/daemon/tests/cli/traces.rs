//! Traces, as a collector gets them.

use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::routing::post;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message;
use spandrel::clock::unix_now;
use spandrel::traces::{Traces, TransferSpans, root_of, trace_of};
use spandrel_core::Input;
use spandrel_core::ledger::Ledger;
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};
use tracing_subscriber::layer::SubscriberExt;

use crate::run::{book, configured, ends, see, tell};

async fn take(State(spans): State<UnboundedSender<Span>>, body: Bytes) {
    let request = ExportTraceServiceRequest::decode(body).expect("OTLP, protobuf");
    for resource in request.resource_spans {
        let attributes = &resource.resource.as_ref().unwrap().attributes;
        assert!(attributes.iter().any(|attribute| attribute.key == "service.name"));
        for span in resource.scope_spans.into_iter().flat_map(|scope| scope.spans) {
            spans.send(span).unwrap();
        }
    }
}

/// A relayer that stores, and a verifier in another process that refuses: one trace, by the deposit's id alone.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_transfer_is_one_trace_whatever_process_is_at_it() {
    let (told, mut spans) = unbounded_channel();
    let collector = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}/v1/traces", collector.local_addr().unwrap());
    let router = Router::new().route("/v1/traces", post(take)).with_state(told);
    tokio::spawn(async move { axum::serve(collector, router).await.unwrap() });

    let folder = tempfile::tempdir().unwrap();
    let config = configured(folder.path());
    let relayer = Traces::start(&endpoint).unwrap();
    let book = book(&config, relayer.clone()).await;
    let id = see(&book, &config, 1).await;
    let other = see(&book, &config, 2).await;
    tell(&book, id, Input::Broken("odd".to_owned())).await;
    tell(&book, id, Input::Drop("ada: a drill".to_owned())).await;

    let verifier = Traces::start(&endpoint).unwrap();
    let subscriber = tracing_subscriber::registry().with(TransferSpans(verifier.clone()));
    tracing::subscriber::with_default(subscriber, || {
        let span = tracing::info_span!("verify", deposit = %id, chain = "a", error = tracing::field::Empty);
        span.record("error", "state_root: expected 1, found 2");
        drop(span);
        drop(tracing::info_span!("of no deposit", chain = "a"));
    });
    let closing = [relayer, verifier].map(|traces: Arc<Traces>| tokio::task::spawn_blocking(move || traces.close()));
    for closed in closing {
        closed.await.unwrap();
    }

    let mut all = Vec::new();
    while let Ok(span) = spans.try_recv() {
        all.push(span);
    }
    let (own, others): (Vec<&Span>, Vec<&Span>) = all.iter().partition(|span| span.trace_id == trace_of(id).to_bytes());
    assert!(!others.is_empty() && others.iter().all(|span| span.trace_id == trace_of(other).to_bytes()), "{others:?}");
    let mut names: Vec<&str> = own.iter().map(|span| span.name.as_str()).collect();
    names.sort_unstable();
    assert_eq!(names, ["observed", "quarantined", "rejected", "transfer", "verify"]);
    let whole = own.iter().find(|span| span.name == "transfer").unwrap();
    assert_eq!((&whole.span_id[..], whole.parent_span_id.len()), (&root_of(id).to_bytes()[..], 0));
    assert!(whole.start_time_unix_nano / 1_000_000_000 <= unix_now());
    for span in own.iter().filter(|span| span.name != "transfer") {
        assert_eq!(span.parent_span_id, root_of(id).to_bytes(), "{}", span.name);
    }
    let verify = own.iter().find(|span| span.name == "verify").unwrap();
    assert!(verify.attributes.iter().any(|attribute| attribute.key == "spandrel.error"), "{verify:?}");
    assert_eq!(verify.status.as_ref().unwrap().code, 2, "an error");
}

/// Transfers go on without a collector, and an endpoint that is none is refused at the start.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_collector_that_is_away_costs_spans_alone() {
    let folder = tempfile::tempdir().unwrap();
    let config = configured(folder.path());
    let away = format!("http://127.0.0.1:{}/v1/traces", crate::run::free_port());
    let traces = Traces::start(&away).unwrap();
    let book = book(&config, traces.clone()).await;
    let id = see(&book, &config, 1).await;
    assert_eq!(book.ledger().transfer(id).await.unwrap().unwrap().status.name(), "observed");
    tokio::task::spawn_blocking(move || traces.close()).await.unwrap();

    let text = std::fs::read_to_string(folder.path().join("spandrel.toml")).unwrap();
    let text = text.replace("format = \"json\"", "format = \"json\"\notlp = \"collector\"");
    std::fs::write(folder.path().join("spandrel.toml"), text).unwrap();
    let found = ["telemetry.otlp: expected an http or https URL, found collector"];
    ends(folder.path(), &["config", "check"], 1, &found);
}
