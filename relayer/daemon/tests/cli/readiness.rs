//! What nodes, sentinels, the bus and guardians say, as whoever watches the process reads it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::future::BoxFuture;
use spandrel::metrics::{self, Metrics, Vitals};
use spandrel::wiring;
use spandrel_bus::{Hears, InProcess, Link, Nats, NatsOptions};
use spandrel_engine::{EngineError, Sentinel};
use spandrel_risk::{RiskEvent, Scope};
use spandrel_signer::{Hardness, Keystore, Secret};
use spandrel_watchers::pool::{Counts, Health, Standing, TOLERATED_DISSENT};
use spandrel_watchers::sentinel::SourceView;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::control::guarded;
use crate::policy::{other, started};
use crate::run::{TestBook, configured, free_port, silent_book};
use crate::ward::{evm, node};

/// The telemetry of a process.
struct Telemetry {
    base: String,
    stop: CancellationToken,
    serving: JoinHandle<anyhow::Result<()>>,
}

impl Telemetry {
    async fn of(metrics: Arc<Metrics>, book: Option<Arc<TestBook>>, bus: Option<Link>) -> Self {
        let listener = metrics::bind(([127, 0, 0, 1], 0).into()).await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let (stop, vitals) = (CancellationToken::new(), Vitals { bus, ..Vitals::default() });
        let serving = tokio::spawn(metrics::serve(listener, metrics, book, vitals, stop.clone()));
        Self { base, stop, serving }
    }

    async fn ask(&self, path: &str) -> (u16, String) {
        let answer = reqwest::get(format!("{}/{path}", self.base)).await.unwrap();
        (answer.status().as_u16(), answer.text().await.unwrap())
    }

    async fn is_ready(&self) {
        assert_eq!(self.ask("readyz").await, (200, "ready\n".to_owned()));
    }

    /// It is not, for these reasons and no others.
    async fn is_kept_by(&self, reasons: &[&str]) {
        assert_eq!(self.ask("readyz").await, (503, reasons.iter().map(|reason| format!("{reason}\n")).collect()));
    }

    /// The value of one series.
    async fn value(&self, series: &str) -> f64 {
        let scraped = self.ask("metrics").await.1;
        let line = scraped.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
        line.unwrap_or_else(|| panic!("{series}: {scraped}")).parse().unwrap()
    }

    async fn end(self) {
        self.stop.cancel();
        self.serving.await.unwrap().unwrap();
    }
}

/// A node that disagrees with another for as long as it is told to.
#[derive(Default)]
pub struct Disputed(Mutex<Option<Duration>>);

impl Disputed {
    pub fn for_so_long(&self, dissents_for: Option<Duration>) {
        *self.0.lock().unwrap() = dissents_for;
    }
}

impl Health for Disputed {
    fn standings(&self) -> Vec<Standing> {
        let (dissents_for, counts) = (*self.0.lock().unwrap(), Counts::default());
        vec![Standing { name: "node-0".to_owned(), is_open: false, dissents_for, counts }]
    }
}

impl SourceView for Disputed {
    fn heads(&self) -> BoxFuture<'_, Vec<spandrel_verifiers::follow::BlockRef>> {
        Box::pin(async { Vec::new() })
    }

    fn hashes_at(&self, _: u64) -> BoxFuture<'_, Vec<Option<alloy_primitives::B256>>> {
        Box::pin(async { Vec::new() })
    }
}

fn findings(rule: &str) -> String {
    format!("spandrel_sentinel_findings_count{{rule=\"{rule}\"}}")
}

#[tokio::test]
async fn a_process_that_other_processes_do_not_hear_is_not_ready() {
    const HEARD: &str = "spandrel_bus_connected_bool";
    let url = format!("nats://127.0.0.1:{}", free_port());
    let options = NatsOptions { url, name: "main".to_owned(), credentials: None, ca: None, members: [].into() };
    let away = Link::Nats(Box::new(Nats::connect(options, Hears::Answers, 16).await.unwrap()));
    let telemetry = Telemetry::of(Arc::new(Metrics::new().unwrap()), None, Some(away)).await;
    telemetry.is_kept_by(&["bus: its server is away"]).await;
    assert_eq!(telemetry.value(HEARD).await, 0.0);
    telemetry.end().await;
    for heard in [None, Some(Link::InProcess(InProcess::new(16)))] {
        let telemetry = Telemetry::of(Arc::new(Metrics::new().unwrap()), None, heard).await;
        telemetry.is_ready().await;
        assert_eq!(telemetry.value(HEARD).await, 1.0);
        telemetry.end().await;
    }
}

#[tokio::test]
async fn nodes_that_disagree_for_long_and_what_sentinels_found_of_it_are_named_until_they_end() {
    let folder = tempfile::tempdir().unwrap();
    let config = configured(folder.path());
    let book = silent_book(&config).await;
    let (chain, metrics) = (config.bitcoin[0].chain.clone(), Arc::new(Metrics::new().unwrap()));
    let nodes = Arc::new(Disputed::default());
    metrics.watch(&chain, nodes.clone());
    let sources: BTreeMap<_, Arc<dyn SourceView>> = [(chain.clone(), nodes.clone() as _)].into();
    let sentinel = Sentinel::new(book.clone(), Vec::new(), sources, Vec::new(), metrics.alarms());
    let telemetry = Telemetry::of(metrics, Some(book.clone()), None).await;
    nodes.for_so_long(Some(TOLERATED_DISSENT));
    telemetry.is_ready().await;
    nodes.for_so_long(Some(TOLERATED_DISSENT + Duration::from_secs(1)));
    telemetry.is_kept_by(&[&format!("{chain}: node-0 disagrees with another node")]).await;
    let dissent = format!("spandrel_rpc_dissent_seconds{{chain=\"{chain}\",node=\"node-0\"}}");
    assert_eq!(telemetry.value(&dissent).await, 121.0);
    assert_eq!(telemetry.value(&findings("nodes_disagree")).await, 0.0);

    sentinel.look_once().await.unwrap();
    nodes.for_so_long(None);
    assert_eq!(telemetry.value(&findings("nodes_disagree")).await, 1.0);
    assert_eq!(telemetry.value(&findings("vault_short")).await, 0.0);
    assert_eq!(telemetry.value("spandrel_risk_pauses_count").await, 1.0);
    let (status, text) = telemetry.ask("readyz").await;
    assert!(status == 503 && text.contains("\npaused: ") && text.lines().count() == 2, "{text}");
    book.record_risk(RiskEvent::Resumed { scope: Scope::Chain { chain: chain.clone() } }).await.unwrap();
    let found = format!("node-0 has shown other blocks of {chain} than the other nodes for over two minutes");
    telemetry.is_kept_by(&[&format!("nodes_disagree: {found}")]).await;
    sentinel.look_once().await.unwrap();
    telemetry.is_ready().await;
    assert_eq!(telemetry.value(&findings("nodes_disagree")).await, 0.0);
    telemetry.end().await;
}

/// The destination's node tells balances and nothing of payouts.
#[tokio::test]
async fn sentinels_that_do_not_see_everything_say_for_how_long_and_a_poor_account_keeps_nothing_from_its_work() {
    const BLIND: &str = "spandrel_sentinel_blind_seconds";
    let folder = tempfile::tempdir().unwrap();
    let mut config = configured(folder.path());
    config.keystore = folder.path().join("keys");
    config.destination[0].rpc = node(evm(31_337), None).await.as_str().into();
    let keystore = Keystore::open(&config.keystore, Hardness::Dev).unwrap();
    keystore.create(&config.destination[0].account.name, &Secret::new("correct horse".to_owned()).unwrap()).unwrap();
    let (book, metrics) = (silent_book(&config).await, Arc::new(Metrics::new().unwrap()));
    let telemetry = Telemetry::of(metrics.clone(), Some(book.clone()), None).await;
    assert_eq!(telemetry.value(BLIND).await, 0.0, "none run here");
    let sentinel = wiring::sentinel(&config, book.clone(), BTreeMap::new(), metrics.alarms()).unwrap();
    tokio::time::sleep(Duration::from_millis(2_100)).await;
    sentinel.look_slowly().await.unwrap();
    sentinel.look_once().await.unwrap();
    let blind_for = telemetry.value(BLIND).await;
    assert!((2.0..60.0).contains(&blind_for), "{blind_for}");
    assert_eq!(telemetry.value(&findings("balance_low")).await, 1.0);
    telemetry.is_ready().await;

    // One that has nothing to look at has seen all of it.
    let seeing = Sentinel::new(book, Vec::new(), BTreeMap::new(), Vec::new(), metrics.alarms());
    seeing.look_once().await.unwrap();
    assert!(telemetry.value(BLIND).await < blind_for);
    telemetry.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_process_on_a_policy_that_is_not_agreed_on_any_more_is_not_ready() {
    let folder = tempfile::tempdir().unwrap();
    let config = guarded(folder.path());
    let book = started(&config).await;
    let telemetry = Telemetry::of(Arc::new(Metrics::new().unwrap()), Some(book.clone()), None).await;
    telemetry.is_ready().await;
    started(&other(folder.path(), "deeper.toml", "fast_confirmations = 1", "fast_confirmations = 2")).await;
    book.refresh().await.unwrap();
    telemetry.is_kept_by(&[&format!("policy: {}", EngineError::Superseded)]).await;
    telemetry.end().await;
}
