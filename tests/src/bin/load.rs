//! How much the transfer API bears: reads, of few orders and of many, quotes, limits and 2,000 event streams, while transfers
//! go on; and what callers are told when it is more than it bears. Prints a table; fails when a deposit was not paid, an answer
//! was none that is expected, a caller was left hanging, or the process held more memory than it may. How fast it was is for the reader to compare: machines differ.
//!
//! `make load` builds it for speed and gives it `wrk`.

use std::num::NonZeroU32;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use futures::future::try_join_all;
use futures::{StreamExt, TryStreamExt, stream};
use spandrel_tests::load::{Anonymous, Answers, Followed, Generator, Order, Request, Served, follow, turned_away};

const DURATION: Duration = Duration::from_secs(10);
/// Open streams, on so many transfers.
const STREAMS: usize = 2_000;
const FOLLOWED: usize = 20;
/// Orders that are read.
const ORDERS: usize = 200;
/// Orders of which none is read again before all the others were.
const DISTINCT: usize = 8_000;
/// How many of these are deposited before: one in so many.
const DEPOSITED: usize = 8;
/// As many are placed at once.
const PLACED_AT_ONCE: usize = 32;
const PATIENCE: Duration = Duration::from_secs(120);
/// Most that the process may hold, in megabytes: twice what was measured, in round numbers.
const AT_REST: u64 = 100;
const AFTER_READS: u64 = 130;
const WITH_STREAMS: u64 = 260;
const AFTER_DISTINCT: u64 = 160;

#[tokio::main]
async fn main() -> Result<()> {
    let program = PathBuf::from(std::env::args_os().nth(1).context("the path of wrk")?);
    println!("processors: {}", std::thread::available_parallelism()?);
    capacity(&program).await?;
    distinct(&program).await?;
    overload(&program).await
}

/// What the server itself bears.
async fn capacity(program: &Path) -> Result<()> {
    let served = Served::start(Anonymous::Unbounded, STREAMS).await?;
    let mut orders = Vec::new();
    for number in 0..ORDERS {
        orders.push(served.order(number).await?);
    }
    memory("at rest", &served, AT_REST)?;
    let paths = orders.iter().map(|order| format!("/v1/transfers/{}", order.id)).collect();
    let status = Request { paths, body: None, key: None };
    let limits = Request { paths: vec![format!("/v1/limits?route={}", served.route())], body: None, key: None };
    let quotes = Request {
        paths: vec!["/v1/quotes".into()],
        body: Some(served.quote().to_string()),
        key: Some(served.key.clone()),
    };
    let (going, followed) = orders.split_at(ORDERS - FOLLOWED);
    let (going, later) = going.split_at(going.len() / 2);

    let generator = Generator { program, connections: 64, duration: DURATION };
    let measured = async {
        let status_reads = generator.run(&served.base(), &status).await?;
        report_good("status reads", &status_reads)?;
        report_good("quotes", &generator.run(&served.base(), &quotes).await?)?;
        let few = Generator { connections: 8, ..generator };
        report_good("limits, 8 connections", &few.run(&served.base(), &limits).await?)?;
        memory("after reads and quotes", &served, AFTER_READS)?;
        anyhow::Ok(())
    };
    let paid = while_mining(&served, beside(&served, going, measured)).await?;
    println!("transfers deposited beside it, all paid: {}", paid.0);

    let paths: Vec<String> = followed.iter().map(|order| format!("/v1/transfers/{}/events", order.id)).collect();
    let few = Generator { connections: 32, ..generator };
    let while_open = async {
        memory(&format!("with {STREAMS} streams"), &served, WITH_STREAMS)?;
        let told = try_join_all(paths.iter().map(|path| turned_away(served.address, path))).await?;
        println!("{} streams more than {STREAMS}: each told 503 at once, with Retry-After {told:?}", told.len());
        report_good(&format!("status reads, {STREAMS} streams open"), &few.run(&served.base(), &status).await?)?;
        report_good(&format!("quotes, {STREAMS} streams open"), &few.run(&served.base(), &quotes).await?)?;
        let few = Generator { connections: 8, ..few };
        let name = format!("limits, 8 connections, {STREAMS} streams open");
        report_good(&name, &few.run(&served.base(), &limits).await?)?;
        for order in followed {
            served.pay(order).await?;
        }
        Ok(Instant::now())
    };
    let following = follow(served.address, &paths, STREAMS / FOLLOWED, PATIENCE, beside(&served, later, while_open));
    let (told, (paid, since)) = while_mining(&served, following).await?;
    println!("transfers deposited beside the streams, all paid: {paid}");
    streams(&told, since)?;
    memory("after the streams", &served, WITH_STREAMS)
}

/// Reads that nobody is told the answer of another's: so many orders that each is forgotten before its turn comes again.
async fn distinct(program: &Path) -> Result<()> {
    let served = Served::start(Anonymous::Unbounded, STREAMS).await?;
    let placing = stream::iter(0..DISTINCT).map(|number| served.order(number)).buffer_unordered(PLACED_AT_ONCE);
    let orders: Vec<Order> = placing.try_collect().await?;
    for order in orders.iter().step_by(DEPOSITED) {
        served.pay(order).await?;
    }
    served.mine().await?;
    if let Some(last) = orders.iter().step_by(DEPOSITED).next_back() {
        while !served.is_deposited(last).await? {
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }
    let paths = orders.iter().map(|order| format!("/v1/transfers/{}", order.id)).collect();
    let generator = Generator { program, connections: 64, duration: DURATION };
    let request = Request { paths, body: None, key: None };
    let reads = while_mining(&served, generator.run(&served.base(), &request)).await?;
    report_good(&format!("status reads, {DISTINCT} orders in turn, one in {DEPOSITED} of them deposited"), &reads)?;
    memory("after them", &served, AFTER_DISTINCT)
}

/// Deposits `orders`, two a second, while `work` goes on; then waits until all that were deposited are paid: how many.
async fn beside<T>(served: &Served, orders: &[Order], work: impl Future<Output = Result<T>>) -> Result<(usize, T)> {
    let mut deposited = 0;
    let depositing = async {
        for order in orders {
            served.pay(order).await?;
            deposited += 1;
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
        std::future::pending::<Result<T>>().await
    };
    let done = tokio::select! {
        done = work => done?,
        failed = depositing => failed?,
    };
    let paid = async {
        for order in orders.iter().take(deposited) {
            while !served.is_paid(order).await? {
                tokio::time::sleep(Duration::from_millis(200)).await;
            }
        }
        anyhow::Ok(())
    };
    tokio::time::timeout(PATIENCE, paid).await.context("payouts in time")??;
    Ok((deposited, done))
}

/// What `work` comes to, while blocks are mined.
async fn while_mining<T>(served: &Served, work: impl Future<Output = Result<T>>) -> Result<T> {
    tokio::select! {
        done = work => done,
        error = mining(served) => Err(error),
    }
}

/// Mines until it fails.
async fn mining(served: &Served) -> anyhow::Error {
    loop {
        if let Err(error) = served.mine().await {
            return error;
        }
        tokio::time::sleep(Duration::from_millis(700)).await;
    }
}

/// What callers are told who ask for more than their share, and for more streams than there are.
async fn overload(program: &Path) -> Result<()> {
    let rate = NonZeroU32::new(20).context("not zero")?;
    let served = Served::start(Anonymous::PerSecond(rate), STREAMS).await?;
    let order = served.order(0).await?;
    let status = Request { paths: vec![format!("/v1/transfers/{}", order.id)], body: None, key: None };
    let generator = Generator { program, connections: 256, duration: DURATION };
    let answers = generator.run(&served.base(), &status).await?;
    report("over the rate, 256 connections", &answers);
    let Answers { good, limited, busy, bad, .. } = answers;
    // Twice as many may come at once.
    let most = f64::from(rate.get()) * (answers.duration.as_secs_f64() + 3.0);
    ensure!(good as f64 <= most, "over the rate: expected at most {most} answers, found {good}");
    ensure!(limited > 0 && busy == 0 && bad == 0, "not everyone was told by 429 when to come again");
    memory("after overload", &served, AFTER_READS)
}

/// Where everyone is to be answered.
fn report_good(name: &str, answers: &Answers) -> Result<()> {
    report(name, answers);
    ensure!(answers.bad == 0 && answers.limited + answers.busy == 0, "{name}: not everyone was answered");
    Ok(())
}

fn report(name: &str, answers: &Answers) {
    let Answers { good, limited, busy, bad, p50, p99, slowest, .. } = answers;
    println!(
        "{name}: {:.0} good a second, p50 {p50:?}, p99 {p99:?}, slowest {slowest:?}; {good} good, with Retry-After {limited} \
         times 429 and {busy} times 503, {bad} bad",
        answers.rate()
    );
}

fn streams(told: &[Followed], since: Instant) -> Result<()> {
    let latest = |of: fn(&Followed) -> Instant| told.iter().map(of).max().context("a stream");
    let (first, ended) = (latest(|told| told.first)?, latest(|told| told.ended)?);
    println!(
        "{} streams: every one told its first event within {:?} of the last deposit and its end within {:?}",
        told.len(),
        first.saturating_duration_since(since),
        ended.saturating_duration_since(since)
    );
    Ok(())
}

/// Prints what memory the process holds, and fails where it is over `most` megabytes.
fn memory(when: &str, served: &Served, most: u64) -> Result<()> {
    let held = served.memory()? / 1_000_000;
    println!("memory {when}: {held} MB of at most {most}");
    ensure!(held <= most, "memory {when}: expected at most {most} MB, found {held}");
    Ok(())
}
