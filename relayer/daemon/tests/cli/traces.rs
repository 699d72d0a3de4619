//! Traces, as a collector gets them.

use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::{get, post};
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message;
use spandrel::clock::unix_now;
use spandrel::traces::{Traces, TransferSpans, root_of, trace_of, traced};
use spandrel_core::Input;
use spandrel_core::ledger::Ledger;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
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

/// A collector's address, and the spans that it gets.
async fn collector() -> (String, UnboundedReceiver<Span>) {
    let (told, spans) = unbounded_channel();
    let router = Router::new().route("/v1/traces", post(take)).with_state(told);
    (served(router).await + "/v1/traces", spans)
}

async fn served(router: Router) -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    url
}

/// A relayer that stores, and a verifier in another process that refuses: one trace, by the deposit's id alone.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_transfer_is_one_trace_whatever_process_is_at_it() {
    let (endpoint, mut spans) = collector().await;
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

/// A key, an address, an id, an amount: what a request carries is its caller's.
#[tokio::test(flavor = "current_thread")]
async fn a_request_is_one_span_and_nothing_that_its_caller_wrote_is_in_it() {
    const SECRET: &str = "sk_hush";
    let (endpoint, mut spans) = collector().await;
    let traces = Traces::start(&endpoint).unwrap();
    let _told = tracing::subscriber::set_default(tracing_subscriber::registry().with(TransferSpans(traces.clone())));
    let answers = get(async || "{}").post(async || (StatusCode::INTERNAL_SERVER_ERROR, SECRET));
    let app = Router::new().route("/v1/transfers/{id}", answers).layer(axum::middleware::from_fn(traced));
    let (url, client) = (served(app).await, reqwest::Client::new());
    let invented = reqwest::Method::from_bytes(SECRET.as_bytes()).unwrap();
    for (method, path) in [
        (reqwest::Method::GET, format!("/v1/transfers/{SECRET}?key={SECRET}")),
        (reqwest::Method::POST, format!("/v1/transfers/{SECRET}")),
        (invented, format!("/{SECRET}")),
    ] {
        let request = client.request(method, format!("{url}{path}")).bearer_auth(SECRET).header("x-request-id", SECRET);
        request.body(SECRET).send().await.unwrap();
    }
    tokio::task::spawn_blocking(move || traces.close()).await.unwrap();

    let mut told = Vec::new();
    while let Ok(span) = spans.try_recv() {
        assert!(!format!("{span:?}").contains(SECRET), "{span:?}");
        assert_eq!((span.name.as_str(), span.kind, span.parent_span_id.len()), ("api request", 2, 0), "a server's");
        let mut of: Vec<String> = span
            .attributes
            .iter()
            .map(|attribute| {
                format!("{} {:?}", attribute.key, attribute.value.as_ref().unwrap().value.as_ref().unwrap())
            })
            .collect();
        of.sort_unstable();
        told.push((of, span.status.map_or(0, |status| status.code), span.trace_id));
    }
    let expected =
        [("GET", 200, "/v1/transfers/{id}", 0), ("POST", 500, "/v1/transfers/{id}", 2), ("_OTHER", 404, "other", 0)];
    assert_eq!(told.len(), expected.len(), "one a request: {told:?}");
    for ((method, status, route, code), (attributes, found, _)) in expected.into_iter().zip(&told) {
        let expected = [
            format!("http.request.method StringValue({method:?})"),
            format!("http.response.status_code IntValue({status})"),
            format!("http.route StringValue({route:?})"),
        ];
        assert_eq!((attributes.as_slice(), *found), (&expected[..], code));
    }
    assert!(told[0].2 != told[1].2, "each is a trace of its own");
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
