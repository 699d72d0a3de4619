//! `spandrel up`: every role of a configuration in one process, over SQLite and the in-process bus.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use spandrel_api::Live;
use spandrel_bus::InProcess;
use spandrel_core::submission::SubmitError;
use spandrel_core::{Event, Transfer};
use spandrel_engine::{
    AttestationDesk, Book, Bus, ChainFollower, EvidenceDesk, Observer, PayoutDesk, VerdictDesk, run_control, run_desks,
    run_signer, run_ticks, run_verifier,
};
use spandrel_store::Sqlite;
use spandrel_verifiers::DepositId;
use spandrel_verifiers::follow::{EvidenceSource, Watcher};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::clock::SystemClock;
use crate::config::Config;
use crate::metrics::{self, Metrics, Vitals};
use crate::supervise::Tasks;
use crate::traces::Traces;
use crate::wiring::{self, RegisteredTerms};

/// Messages that a slow role may fall behind.
const BUS_CAPACITY: usize = 4096;
/// Between two tries to reach a node at start.
const RETRY_START: Duration = Duration::from_secs(2);

type RelayerBook = Book<Sqlite, SystemClock>;

/// A running process.
pub struct Running {
    store: Sqlite,
    outcome: watch::Receiver<Option<Result<(), String>>>,
}

impl Running {
    /// The ledger.
    pub fn store(&self) -> &Sqlite {
        &self.store
    }

    /// Returns when every role has stopped, with what went wrong.
    pub async fn ended(&self) -> Result<()> {
        let mut outcome = self.outcome.clone();
        let ended = outcome.wait_for(Option::is_some).await.context("the supervisor is gone")?;
        match &*ended {
            Some(Err(reasons)) => bail!("{reasons}"),
            _ => Ok(()),
        }
    }

    /// Waits until every role has stopped, and closes the ledger.
    pub async fn finish(self) -> Result<()> {
        let outcome = self.ended().await;
        self.store.close().await;
        outcome
    }
}

/// Runs until a signal or a failure.
pub async fn run(config: Config, traces: Option<Arc<Traces>>) -> Result<()> {
    let observer = traces.clone().map(|traces| -> Arc<dyn Observer> { traces });
    let ended = run_observed(config, observer).await;
    if let Some(traces) = traces {
        // It waits for the collector.
        tokio::task::spawn_blocking(move || traces.close()).await?;
    }
    ended
}

async fn run_observed(config: Config, observer: Option<Arc<dyn Observer>>) -> Result<()> {
    let stop = CancellationToken::new();
    let running = start(config, observer, stop.clone()).await?;
    tracing::info!("running; SIGINT or SIGTERM stops it");
    tokio::select! {
        stopped = signalled() => {
            stopped?;
            tracing::info!("stopping");
            stop.cancel();
        }
        ended = running.ended() => return ended,
    }
    running.finish().await
}

async fn signalled() -> Result<()> {
    let mut terminate = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())?;
    tokio::select! {
        done = tokio::signal::ctrl_c() => done?,
        _ = terminate.recv() => {}
    }
    Ok(())
}

/// Starts every role; `watcher` is told of everything that is stored, beside the metrics.
pub async fn start(config: Config, watcher: Option<Arc<dyn Observer>>, stop: CancellationToken) -> Result<Running> {
    let store = Sqlite::open(&config.database).await?;
    let metrics = Arc::new(Metrics::new()?);
    let live = Live::default();
    let observers = Observers { metrics: metrics.clone(), live: live.clone(), other: watcher };
    let policy = wiring::policy(&config)?;
    let mut book = Book::open(store.clone(), SystemClock, policy, Arc::new(observers)).await?;
    wiring::require_agreed_signers(&config, &book).await?;
    if let Some(guardians) = config.control_policy() {
        book = book.guarded_by(guardians);
    }
    let book = Arc::new(book);
    let bus = InProcess::new(BUS_CAPACITY);
    let mut tasks = Tasks::new(stop.clone());

    let listener = metrics::bind(config.telemetry.listen).await?;
    tracing::info!(address = %listener.local_addr()?, "telemetry");
    let health = Vitals { pulses: tasks.pulses(), late_after: config.telemetry.late_after.clone() };
    tasks.spawn("telemetry", metrics::serve(listener, metrics.clone(), book.clone(), health, stop.clone()));

    if let Some(api) = config.api.clone() {
        let serving = wiring::serve_api(config.clone(), api, book.clone(), live, metrics.requests(), stop.clone());
        tasks.spawn("transfer API", serving);
    }
    if let Some(control) = config.control.clone() {
        let serving = wiring::serve_control(config.clone(), control, book.clone(), stop.clone());
        tasks.spawn("control API", serving);
        let patient = book.clone();
        let health = move || {
            let book = patient.clone();
            async move { wiring::health(&book).await }
        };
        tasks.spawn("control", run_control(book.clone(), health, stop.clone()));
    }
    start_roles(&config, &bus, &mut tasks, &stop)?;
    for source in &config.bitcoin {
        let side = wiring::bitcoin_side(source, store.clone())?;
        metrics.watch(&source.chain, side.watcher.health());
        start_source(side.watcher, side.evidence, &book, &mut tasks, &stop);
    }
    for source in &config.ethereum {
        let side = wiring::ethereum_side(source, &config)?;
        metrics.watch(&source.network.chain, side.watcher.endpoints().clone());
        start_source(side.watcher, side.evidence, &book, &mut tasks, &stop);
    }
    for feed in &config.price_feed {
        let following = wiring::follow_price(feed, book.clone(), stop.clone())?;
        tasks.spawn(format!("price of {}", feed.asset), following);
    }
    for target in &config.destination {
        let key = wiring::account_key(&config, target)?;
        let (target, store, book, stop) = (target.clone(), store.clone(), book.clone(), stop.clone());
        let name = format!("payouts on {}", target.chain);
        tasks.spawn(name.clone(), async move {
            let connect = || wiring::connect(&target, key.clone(), store.clone());
            let Some(submitter) = patiently(&name, &stop, connect).await? else { return Ok(()) };
            let desk = PayoutDesk::new(target.chain.clone(), submitter, book.clone(), wiring::BATCH);
            anyhow::Ok(desk.run(book, stop).await?)
        });
    }
    let verdicts = VerdictDesk::new(book.clone(), bus.clone());
    let attestations = AttestationDesk::new(book.clone(), bus.clone()).telling(RegisteredTerms(store.clone()));
    let inbox = bus.subscribe();
    tasks.spawn("desks", run_desks(book.clone(), verdicts, attestations, inbox, stop.clone()));
    tasks.spawn("ticks", run_ticks(book, stop));

    let (ended, outcome) = watch::channel(None);
    tokio::spawn(async move {
        let reasons = tasks.run().await.map_err(|error| format!("{error:#}"));
        ended.send_replace(Some(reasons));
    });
    Ok(Running { store, outcome })
}

/// Starts verifiers and signers. Their nodes are asked when they are first needed.
fn start_roles(config: &Config, bus: &InProcess, tasks: &mut Tasks, stop: &CancellationToken) -> Result<()> {
    for role in &config.verifier {
        let verifier = wiring::verifier_role(config, role)?;
        let run = run_verifier(verifier, bus.clone(), bus.subscribe(), SystemClock, stop.clone());
        tasks.spawn(format!("verifier {}", role.key.name), run);
    }
    for role in &config.signer {
        let signer = wiring::signer_role(config, role)?;
        let run = run_signer(signer, bus.clone(), bus.subscribe(), SystemClock, stop.clone());
        tasks.spawn(format!("signer {}", role.key.name), run);
    }
    Ok(())
}

/// Tries until it works, a node is wrong rather than away, or the process stops (`None`).
async fn patiently<T, F>(what: &str, stop: &CancellationToken, mut build: impl FnMut() -> F) -> Result<Option<T>>
where
    F: Future<Output = Result<T>>,
{
    loop {
        let error = match build().await {
            Ok(built) => return Ok(Some(built)),
            Err(error) => error,
        };
        if !matches!(error.downcast_ref(), Some(SubmitError::Transient { .. })) {
            return Err(error);
        }
        tracing::warn!(what, error = format!("{error:#}"), "not started yet, will be tried again");
        tokio::select! {
            () = stop.cancelled() => return Ok(None),
            () = tokio::time::sleep(RETRY_START) => {}
        }
    }
}

fn start_source<W, S>(watcher: W, evidence: S, book: &Arc<RelayerBook>, tasks: &mut Tasks, stop: &CancellationToken)
where
    W: Watcher + 'static,
    S: EvidenceSource + 'static,
{
    let chain = watcher.chain().clone();
    let desk = EvidenceDesk::new(chain.clone(), evidence, book.clone());
    let follower = ChainFollower::new(watcher, book.clone());
    let stopped = stop.clone();
    tasks.spawn(format!("watcher of {chain}"), async move { follower.run(SystemClock, stopped).await });
    let (book, stopped) = (book.clone(), stop.clone());
    tasks.spawn(format!("evidence of {chain}"), async move { desk.run(book, stopped).await });
}

/// Metrics, the transfer API's streams, and whoever else looks on.
struct Observers {
    metrics: Arc<Metrics>,
    live: Live,
    other: Option<Arc<dyn Observer>>,
}

impl Observer for Observers {
    fn stored(&self, transfer: &Transfer, events: &[Event]) {
        self.metrics.stored(transfer, events);
        self.live.changed(&transfer.deposit);
        if let Some(other) = &self.other {
            other.stored(transfer, events);
        }
    }

    fn refused(&self, id: DepositId, reason: &str) {
        self.metrics.refused(id, reason);
        if let Some(other) = &self.other {
            other.refused(id, reason);
        }
    }
}
