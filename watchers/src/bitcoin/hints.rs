//! The subscription to a node's ZMQ publisher: wakes the watcher, counts what was lost, and connects again.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::sync::Notify;
use tokio::task::AbortHandle;
use tokio::time::timeout;

use super::hint::{Continuity, Counters, Hint, TOPICS};
use super::zmtp::{Subscription, ZmtpError};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
const FIRST_RETRY: Duration = Duration::from_millis(250);
const LAST_RETRY: Duration = Duration::from_secs(8);

/// What a subscription has seen so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct HintStats {
    /// Messages in the shape of Core.
    pub received: u64,
    /// Messages that never came, by the gaps in the topics' counters.
    pub missed: u64,
    /// Counters that went back: the publisher started anew.
    pub restarts: u64,
    /// Messages in another shape.
    pub unreadable: u64,
    /// Connections made, the first one included.
    pub connections: u64,
}

#[derive(Debug, Default)]
struct Counts {
    received: AtomicU64,
    missed: AtomicU64,
    restarts: AtomicU64,
    unreadable: AtomicU64,
    connections: AtomicU64,
}

/// A subscription in the background; ends when dropped.
#[derive(Debug)]
pub(super) struct Hints {
    counts: Arc<Counts>,
    task: AbortHandle,
}

impl Hints {
    /// Subscribes to `endpoint` and notifies `moved` when the chain may have moved: on every message about blocks, on
    /// every gap, and on every new connection, because of what was missed without it.
    pub fn subscribe(endpoint: String, moved: Arc<Notify>) -> Self {
        let counts = Arc::new(Counts::default());
        let task = tokio::spawn(follow(endpoint, moved, Arc::clone(&counts)));
        Self { counts, task: task.abort_handle() }
    }

    pub fn stats(&self) -> HintStats {
        let read = |count: &AtomicU64| count.load(Ordering::Relaxed);
        HintStats {
            received: read(&self.counts.received),
            missed: read(&self.counts.missed),
            restarts: read(&self.counts.restarts),
            unreadable: read(&self.counts.unreadable),
            connections: read(&self.counts.connections),
        }
    }
}

impl Drop for Hints {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn follow(endpoint: String, moved: Arc<Notify>, counts: Arc<Counts>) {
    let mut counters = Counters::default();
    let mut retry = FIRST_RETRY;
    loop {
        let before = counts.received.load(Ordering::Relaxed);
        let ended = listen(&endpoint, &moved, &counts, &mut counters).await;
        tracing::warn!(%endpoint, reason = %ended, "zmq subscription ended; connecting again");
        if counts.received.load(Ordering::Relaxed) > before {
            retry = FIRST_RETRY;
        }
        tokio::time::sleep(retry).await;
        retry = (retry * 2).min(LAST_RETRY);
    }
}

/// Listens on one connection until it ends; returns why.
async fn listen(endpoint: &str, moved: &Notify, counts: &Counts, counters: &mut Counters) -> String {
    let mut publisher = match timeout(CONNECT_TIMEOUT, connect(endpoint)).await {
        Ok(Ok(publisher)) => publisher,
        Ok(Err(error)) => return error.to_string(),
        Err(_) => return format!("no connection within {CONNECT_TIMEOUT:?}"),
    };
    counts.connections.fetch_add(1, Ordering::Relaxed);
    tracing::info!(%endpoint, "subscribed to zmq notifications");
    moved.notify_one();
    loop {
        match publisher.next().await {
            Ok(message) => take(&message, moved, counts, counters),
            Err(error) => return error.to_string(),
        }
    }
}

async fn connect(endpoint: &str) -> Result<Subscription<TcpStream>, ZmtpError> {
    let stream = TcpStream::connect(endpoint.trim_start_matches("tcp://")).await?;
    Subscription::open(stream, &TOPICS).await
}

fn take(frames: &[impl AsRef<[u8]>], moved: &Notify, counts: &Counts, counters: &mut Counters) {
    let Some(hint) = Hint::parse(frames) else {
        counts.unreadable.fetch_add(1, Ordering::Relaxed);
        return;
    };
    counts.received.fetch_add(1, Ordering::Relaxed);
    let continuity = counters.take(&hint);
    match continuity {
        Continuity::Complete => {}
        Continuity::Missed(missed) => {
            tracing::warn!(topic = hint.topic, missed, "zmq messages were lost");
            counts.missed.fetch_add(u64::from(missed), Ordering::Relaxed);
        }
        Continuity::Restarted => {
            tracing::warn!(topic = hint.topic, counter = hint.counter, "the zmq publisher started anew");
            counts.restarts.fetch_add(1, Ordering::Relaxed);
        }
    }
    if hint.is_about_blocks() || continuity != Continuity::Complete {
        moved.notify_one();
    }
}
