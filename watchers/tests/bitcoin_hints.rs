//! ZMQ as a hint: it wakes the watcher, its losses are counted, and nothing that is read depends on it.

mod bitcoin_common;
mod zmtp_common;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use bitcoin_common::*;
use spandrel_testnets::bitcoin::{AnyNode, RegtestNode};
use spandrel_verifiers::follow::Watcher;
use spandrel_watchers::bitcoin::{BitcoinConfig, BitcoinWatcher, Continuity, Counters, Happened, Hint, Intents};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::time::timeout;
use zmtp_common::{READY, greeting};

/// A watcher that listens, and does not look by itself within a test's time.
fn listening(node: &impl RegtestNode, book: &Arc<Intents>) -> BitcoinWatcher<Intents> {
    let zmq = Some(node.zmq_endpoint().to_owned());
    let config = BitcoinConfig { zmq, idle: Duration::from_secs(600), ..config(node) };
    BitcoinWatcher::new(config, Arc::clone(book)).unwrap()
}

/// Mines until the subscription is heard to work: up to then a message may pass unheard.
async fn settle(node: &impl RegtestNode, watcher: &BitcoinWatcher<Intents>) {
    let heard = watcher.hint_stats().unwrap().received;
    while watcher.hint_stats().unwrap().received == heard {
        node.mine(1).await.unwrap();
        let hint = tokio::time::timeout(Duration::from_millis(200), watcher.wait()).await;
        tracing::debug!(heard = hint.is_ok(), "settling");
    }
    while tokio::time::timeout(Duration::from_millis(700), watcher.wait()).await.is_ok() {}
}

#[tokio::test]
async fn a_new_block_wakes_the_watcher() {
    for node in AnyNode::every().await.unwrap() {
        let book = book([]);
        let watcher = listening(&node, &book);
        settle(&node, &watcher).await;
        let (_, cursor) = read_all(&watcher, watcher.genesis().await.unwrap()).await.unwrap();
        node.mine(1).await.unwrap();
        woken(&watcher).await;
        assert!(!watcher.read(&cursor).await.unwrap().events.is_empty());
        let stats = watcher.hint_stats().unwrap();
        assert_eq!((stats.missed, stats.unreadable, stats.connections), (0, 0, 1));
    }
}

#[tokio::test]
async fn a_transaction_in_the_mempool_wakes_nobody() {
    let node = funded().await;
    let watcher = listening(&node, &book([]));
    settle(&node, &watcher).await;
    let heard = watcher.hint_stats().unwrap().received;
    node.pay(&script(1), 50_000).await.unwrap();
    let woken = tokio::time::timeout(Duration::from_millis(500), watcher.wait()).await;
    assert!(woken.is_err());
    assert_eq!(watcher.hint_stats().unwrap().received, heard + 1, "it was heard");
}

#[tokio::test]
async fn lost_messages_are_counted_and_nothing_is_missed_in_what_is_read() {
    let node = funded().await;
    let book = book([1, 2]);
    let watcher = listening(&node, &book);
    settle(&node, &watcher).await;
    let (_, cursor) = read_all(&watcher, watcher.genesis().await.unwrap()).await.unwrap();

    node.pay(&script(1), 50_000).await.unwrap();
    node.lose_notifications(6);
    node.mine(2).await.unwrap();
    node.pay(&script(2), 60_000).await.unwrap();
    node.mine(1).await.unwrap();
    while watcher.hint_stats().unwrap().missed < 6 {
        woken(&watcher).await;
    }
    let stats = watcher.hint_stats().unwrap();
    assert_eq!((stats.missed, stats.restarts), (6, 0), "two blocks: a sequence, a hash and a block each");
    let (events, _) = read_all(&watcher, cursor).await.unwrap();
    assert_eq!(deposits(&events).len(), 2);
}

#[tokio::test]
async fn a_subscription_that_broke_is_made_again_and_wakes_the_watcher() {
    let node = funded().await;
    let book = book([1]);
    let watcher = listening(&node, &book);
    settle(&node, &watcher).await;
    let (_, cursor) = read_all(&watcher, watcher.genesis().await.unwrap()).await.unwrap();

    node.close_notifications().await;
    node.pay(&script(1), 50_000).await.unwrap();
    node.mine(2).await.unwrap();
    let (events, cursor) = read_all(&watcher, cursor).await.unwrap();
    assert_eq!(deposits(&events).len(), 1, "reading needs no hint");

    node.open_notifications().await.unwrap();
    woken(&watcher).await;
    settle(&node, &watcher).await;
    let stats = watcher.hint_stats().unwrap();
    assert_eq!(stats.connections, 2);
    assert!(stats.missed >= 6, "what passed meanwhile shows in the counters: {stats:?}");
    let (events, _) = read_all(&watcher, cursor).await.unwrap();
    assert!(!events.is_empty());
}

#[tokio::test]
async fn a_publisher_that_is_not_there_stops_nothing() {
    let node = funded().await;
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let zmq = Some(format!("tcp://{closed}"));
    let config = BitcoinConfig { zmq, idle: Duration::from_millis(50), ..config(&node) };
    let watcher = BitcoinWatcher::new(config, book([])).unwrap();
    watcher.wait().await;
    let (events, _) = read_all(&watcher, watcher.genesis().await.unwrap()).await.unwrap();
    assert!(!events.is_empty());
    assert_eq!(watcher.hint_stats().unwrap().connections, 0);
}

/// Says this on the watcher's next connection, and waits until the watcher has closed it.
async fn said(publisher: &TcpListener, bytes: &[u8]) {
    let patience = Duration::from_secs(10);
    let (mut stream, _) = timeout(patience, publisher.accept()).await.expect("a connection").unwrap();
    stream.write_all(bytes).await.unwrap();
    let mut heard = Vec::new();
    let ended = timeout(patience, stream.read_to_end(&mut heard)).await.expect("the watcher ends it");
    tracing::debug!(ended = ended.is_ok(), "left");
    assert!(heard.starts_with(&[0xff]), "it greeted");
}

#[tokio::test]
async fn a_publisher_that_announces_more_than_a_message_has_is_left() {
    let node = funded().await;
    let publisher = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let zmq = Some(format!("tcp://{}", publisher.local_addr().unwrap()));
    let config = BitcoinConfig { zmq, idle: Duration::from_millis(50), ..config(&node) };
    let watcher = BitcoinWatcher::new(config, book([])).unwrap();
    let huge = |flags: u8| [&[flags][..], &(1u64 << 62).to_be_bytes()].concat();
    said(&publisher, &[&greeting()[..], &huge(2)].concat()).await;
    said(&publisher, &[&greeting()[..], &huge(6)].concat()).await;
    said(&publisher, &[&greeting()[..], READY, &huge(2)].concat()).await;
    said(&publisher, &[&greeting()[..], READY, &[1, 0].repeat(4)].concat()).await;
    assert_eq!(watcher.hint_stats().unwrap().connections, 2, "the last two were publishers at first");
    let (events, _) = read_all(&watcher, watcher.genesis().await.unwrap()).await.unwrap();
    assert!(!events.is_empty());
}

fn vectors() -> Option<PathBuf> {
    if let Some(named) = std::env::var_os("SPANDREL_VECTORS") {
        return Some(PathBuf::from(named));
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    root.ancestors().map(|folder| folder.join("../shared/vectors")).find(|folder| folder.is_dir())
}

/// The frames that a line of the recording stands for: it gives topic, label, size and counter of each message.
fn frames(line: &str) -> [Vec<u8>; 3] {
    let words: Vec<&str> = line.split_whitespace().collect();
    let counter: u32 = words.last().unwrap().parse().unwrap();
    let (label, size) = match words[0] {
        "sequence" => (words[2].bytes().next(), words[3].parse().unwrap()),
        _ => (None, words[1].parse().unwrap()),
    };
    let mut body = vec![0; size];
    if let Some(label) = label {
        body[32] = label;
    }
    [words[0].as_bytes().to_vec(), body, counter.to_le_bytes().to_vec()]
}

#[test]
fn the_recording_of_core_is_read_without_a_gap_and_every_loss_in_it_is_noticed() {
    let recording = vectors().map(|folder| folder.join("bitcoin/core_regtest_zmq/zmq.txt"));
    let Some(recording) = recording.filter(|file| file.is_file()) else {
        println!("skipped: recording core_regtest_zmq not found");
        return;
    };
    let text = std::fs::read_to_string(recording).unwrap();
    let hints: Vec<Hint> = text.lines().map(|line| Hint::parse(&frames(line)).expect(line)).collect();
    let mut counters = Counters::default();
    assert!(hints.iter().all(|hint| counters.take(hint) == Continuity::Complete));

    let sequence: Vec<Happened> =
        hints.iter().filter(|hint| hint.topic == "sequence").map(|hint| hint.happened).collect();
    let reorg = [Happened::Disconnected, Happened::Mempool, Happened::Connected];
    assert!(sequence.windows(3).any(|window| window == reorg), "D, then A, then C");

    for (lost, hint) in hints.iter().enumerate() {
        let mut counters = Counters::default();
        let rest = hints.iter().enumerate().filter(|(index, _)| *index != lost).map(|(_, hint)| hint);
        let missed = rest.filter(|hint| counters.take(hint) == Continuity::Missed(1)).count();
        let is_inner = hints[..lost].iter().any(|before| before.topic == hint.topic)
            && hints[lost + 1..].iter().any(|after| after.topic == hint.topic);
        assert_eq!(missed, usize::from(is_inner), "message {lost}");
    }
}
