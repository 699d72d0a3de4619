//! Running the roles of a process: every one over the in-process bus (`spandrel up`), or one beside other processes.

mod chains;

use std::future::Future;
use std::sync::Arc;

use anyhow::{Context, Result, bail};
use spandrel_api::Live;
use spandrel_bus::Link;
use spandrel_core::{Event, Transfer};
use spandrel_engine::{
    AttestationDesk, Book, Bus, ChainFollower, EvidenceDesk, Observer, SignDigest, VerdictDesk, run_control, run_desks,
    run_signer, run_ticks, run_verifier,
};
use spandrel_store::Sqlite;
use spandrel_verifiers::DepositId;
use spandrel_verifiers::follow::{EvidenceSource, Watcher};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::clock::{SystemClock, unix_now};
use crate::config::Config;
use crate::metrics::{self, Metrics, Vitals};
use crate::role::Role;
use crate::supervise::Tasks;
use crate::traces::Traces;
use crate::wiring::{self, RegisteredTerms, Requests};

type RelayerBook = Book<Sqlite, SystemClock>;

/// What runs under one supervisor.
struct Supervised(watch::Receiver<Option<Result<(), String>>>);

impl Supervised {
    fn over(tasks: Tasks) -> Self {
        let (ended, outcome) = watch::channel(None);
        tokio::spawn(async move {
            let reasons = tasks.run().await.map_err(|error| format!("{error:#}"));
            ended.send_replace(Some(reasons));
        });
        Self(outcome)
    }

    async fn ended(&self) -> Result<()> {
        let mut outcome = self.0.clone();
        let ended = outcome.wait_for(Option::is_some).await.context("the supervisor is gone")?;
        match &*ended {
            Some(Err(reasons)) => bail!("{reasons}"),
            _ => Ok(()),
        }
    }
}

/// A running process with a ledger.
pub struct Running {
    store: Sqlite,
    supervised: Supervised,
}

impl Running {
    /// The ledger.
    pub fn store(&self) -> &Sqlite {
        &self.store
    }

    /// Returns when every role has stopped, with what went wrong.
    pub async fn ended(&self) -> Result<()> {
        self.supervised.ended().await
    }

    /// Waits until every role has stopped, and closes the ledger.
    pub async fn finish(self) -> Result<()> {
        let outcome = self.ended().await;
        self.store.close().await;
        outcome
    }
}

/// Runs a role until a signal or a failure.
pub async fn run(config: Config, role: Role, traces: Option<Arc<Traces>>) -> Result<()> {
    let observer = traces.clone().map(|traces| -> Arc<dyn Observer> { traces });
    let ended = run_observed(config, role, observer).await;
    if let Some(traces) = traces {
        // It waits for the collector.
        tokio::task::spawn_blocking(move || traces.close()).await?;
    }
    ended
}

async fn run_observed(config: Config, role: Role, observer: Option<Arc<dyn Observer>>) -> Result<()> {
    let stop = CancellationToken::new();
    if role.is_independent() {
        let supervised = start_independent(&config, role, &stop).await?;
        return until_stopped(role, supervised.ended(), &stop).await;
    }
    let running = start_role(config, role, observer, stop.clone()).await?;
    until_stopped(role, running.ended(), &stop).await?;
    running.finish().await
}

/// Returns when all has ended by itself or because of a signal.
async fn until_stopped(role: Role, ended: impl Future<Output = Result<()>>, stop: &CancellationToken) -> Result<()> {
    tracing::info!(%role, "running; SIGINT or SIGTERM stops it");
    tokio::pin!(ended);
    tokio::select! {
        stopped = signalled() => {
            stopped?;
            tracing::info!("stopping");
            stop.cancel();
            ended.await
        }
        ended = &mut ended => ended,
    }
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
    start_role(config, Role::Whole, watcher, stop).await
}

/// Starts a role that has a ledger.
async fn start_role(
    config: Config,
    role: Role,
    watcher: Option<Arc<dyn Observer>>,
    stop: CancellationToken,
) -> Result<Running> {
    role.check(&config)?;
    let store = Sqlite::open(&config.database).await?;
    wiring::require_agreeable(&config, &store).await?;
    let metrics = Arc::new(Metrics::new()?);
    let live = Live::default();
    let observers = Observers { metrics: metrics.clone(), live: live.clone(), other: watcher };
    let policy = wiring::policy(&config)?;
    let book = Book::open(store.clone(), SystemClock, policy, Arc::new(observers)).await?;
    let mut book = book.pausing_vaults(wiring::paused_vaults(&config));
    if let Some(guardians) = config.control_policy() {
        book = book.guarded_by(guardians);
    }
    let book = Arc::new(book);
    let requests = Requests::of(&config, role)?;
    let bus = wiring::bus(&config, role).await?;
    let mut tasks = Tasks::new(stop.clone());
    start_telemetry(&config, metrics.clone(), Some(book.clone()), &bus, &mut tasks, &stop).await?;
    if role != Role::Whole {
        tasks.add("changes", wiring::follow_changes(book.clone(), live.clone(), stop.clone()));
    }
    if role.runs(Role::Api)
        && let Some(api) = config.api.clone()
    {
        let serving = wiring::serve_api(config.clone(), api, book.clone(), live, metrics.requests(), stop.clone());
        tasks.add("transfer API", serving.await?);
    }
    if role.runs(Role::Verifier) {
        start_verifiers(&config, &bus, &mut tasks, &stop)?;
    }
    if role.runs(Role::Signer) {
        start_signers(&config, &requests, &bus, &mut tasks, &stop)?;
    }
    if role.runs(Role::Watcher) {
        start_watchers(&config, &store, &book, &metrics, &mut tasks, &stop)?;
    }
    if role.runs(Role::Relayer) {
        let health = wiring::Health::new(metrics.clone(), config.late_after());
        start_relayer(&config, (book.clone(), health), (bus, requests.sign()?), &mut tasks, &stop).await?;
        tasks.add("balances", wiring::watch_balances(&config, metrics.balances(), stop.clone())?);
    }
    // Last: nothing is agreed on by a start that fails, for a secret or a port, and nothing runs before.
    wiring::agree(&config, &book).await?;
    Ok(Running { store, supervised: Supervised::over(tasks) })
}

/// Starts a role that has none.
async fn start_independent(config: &Config, role: Role, stop: &CancellationToken) -> Result<Supervised> {
    role.check(config)?;
    let bus = wiring::bus(config, role).await?;
    let mut tasks = Tasks::new(stop.clone());
    start_telemetry(config, Arc::new(Metrics::new()?), None, &bus, &mut tasks, stop).await?;
    if role.runs(Role::Verifier) {
        start_verifiers(config, &bus, &mut tasks, stop)?;
    }
    if role.runs(Role::Signer) {
        start_signers(config, &Requests::of(config, role)?, &bus, &mut tasks, stop)?;
    }
    Ok(Supervised::over(tasks))
}

async fn start_telemetry(
    config: &Config,
    metrics: Arc<Metrics>,
    book: Option<Arc<RelayerBook>>,
    bus: &Link,
    tasks: &mut Tasks,
    stop: &CancellationToken,
) -> Result<()> {
    let listener = metrics::bind(config.telemetry.listen).await?;
    tracing::info!(address = %listener.local_addr()?, "telemetry");
    let vitals = Vitals { pulses: tasks.pulses(), late_after: config.late_after(), bus: Some(bus.clone()) };
    let (link, stopped) = (bus.clone(), stop.clone());
    tasks.add("bus", async move {
        tokio::select! {
            () = stopped.cancelled() => Ok(()),
            () = link.ended() => bail!("its connection is gone for good: to be started again"),
        }
    });
    tasks.add("telemetry", metrics::serve(listener, metrics, book, vitals, stop.clone()));
    Ok(())
}

/// Decides and pays.
async fn start_relayer(
    config: &Config,
    (book, health): (Arc<RelayerBook>, wiring::Health),
    (bus, asks): (Link, SignDigest),
    tasks: &mut Tasks,
    stop: &CancellationToken,
) -> Result<()> {
    let store = book.ledger().clone();
    if let Some(control) = config.control.clone() {
        let serving = wiring::serve_control(config.clone(), control, book.clone(), stop.clone());
        tasks.add("control API", serving.await?);
        let patient = book.clone();
        let wrong = move || {
            let (book, health) = (patient.clone(), health.clone());
            async move { health.wrong(&book, unix_now()).await }
        };
        tasks.add("control", run_control(book.clone(), wrong, stop.clone()));
    }
    chains::start(config, &book, tasks, stop)?;
    let verdicts = VerdictDesk::new(book.clone(), bus.clone());
    let attestations = AttestationDesk::new(book.clone(), bus.clone(), asks).telling(RegisteredTerms(store));
    let refunds = Arc::new(wiring::refund_desk(config, book.clone(), bus.clone())?);
    tasks.add("refunds", refunds.clone().run(stop.clone()));
    let inbox = bus.subscribe();
    tasks.add("desks", run_desks(book.clone(), verdicts, refunds, attestations, inbox, stop.clone()));
    tasks.add("ticks", run_ticks(book, stop.clone()));
    Ok(())
}

/// Follows chains and prices, builds evidence, and stands sentinel.
fn start_watchers(
    config: &Config,
    store: &Sqlite,
    book: &Arc<RelayerBook>,
    metrics: &Metrics,
    tasks: &mut Tasks,
    stop: &CancellationToken,
) -> Result<()> {
    let mut sources = wiring::Sources::new();
    for source in &config.bitcoin {
        let side = wiring::bitcoin_side(source, store.clone())?;
        let nodes = side.watcher.endpoints().clone();
        metrics.watch(&source.chain, nodes.clone());
        sources.insert(source.chain.clone(), nodes.clone());
        metrics.followed().heard(&source.chain, move || {
            let heard = nodes.clients().map(|(name, watcher)| Some((name.to_owned(), watcher.hint_stats()?)));
            heard.flatten().collect()
        });
        start_source(side.watcher, side.evidence, book, tasks, stop);
    }
    for source in &config.ethereum {
        let side = wiring::ethereum_side(source, config)?;
        let nodes = side.watcher.endpoints().clone();
        metrics.watch(&source.network.chain, nodes.clone());
        metrics.trusts().add(&source.network.chain, side.trust());
        sources.insert(source.network.chain.clone(), nodes.clone());
        let unnamed = move || nodes.clients().map(|(_, watcher)| watcher.unnamed_deposits()).sum::<u64>();
        metrics.followed().unnamed(&source.network.chain, unnamed);
        start_source(side.watcher, side.evidence, book, tasks, stop);
    }
    tasks.add("vaults", wiring::watch_vaults(config, store.clone(), metrics.vaults(), stop.clone()));
    let sentinel = Arc::new(wiring::sentinel(config, book.clone(), sources, metrics.alarms())?);
    tasks.add("sentinels", sentinel.clone().run(stop.clone()));
    tasks.add("slow sentinels", sentinel.run_slowly(stop.clone()));
    for feed in &config.price_feed {
        let following = wiring::follow_price(feed, book.clone(), stop.clone())?;
        tasks.add(format!("price of {}", feed.asset), following);
    }
    Ok(())
}

/// Starts verifiers. Their nodes are asked when they are first needed.
fn start_verifiers(config: &Config, bus: &Link, tasks: &mut Tasks, stop: &CancellationToken) -> Result<()> {
    for role in &config.verifier {
        let (address, verifier) = wiring::verifier_role(config, role)?;
        let run = run_verifier(verifier, bus.speaking_as(address), bus.subscribe(), SystemClock, stop.clone());
        tasks.add(format!("verifier {}", role.key.name), run);
    }
    Ok(())
}

/// The same for the fast lane's signers.
fn start_signers(
    config: &Config,
    requests: &Requests,
    bus: &Link,
    tasks: &mut Tasks,
    stop: &CancellationToken,
) -> Result<()> {
    for role in &config.signer {
        let (address, signer) = wiring::signer_role(config, role, requests.by())?;
        let run = run_signer(signer, bus.speaking_as(address), bus.subscribe(), SystemClock, stop.clone());
        tasks.add(format!("signer {}", role.key.name), run);
    }
    Ok(())
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
    tasks.add(format!("watcher of {chain}"), async move { follower.run(SystemClock, stopped).await });
    let (book, stopped) = (book.clone(), stop.clone());
    tasks.add(format!("evidence of {chain}"), async move { desk.run(book, stopped).await });
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
