//! What the embedded node publishes over ZMQ, compared with a recording of Bitcoin Core 31.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::json;
use spandrel_testnets::bitcoin::{BitcoinNode, Dropped, NodeOptions, RegtestNode};
use tokio::time::timeout;
use zeromq::{Socket, SocketRecv, SubSocket};

/// A publisher that is silent for so long has said everything.
const QUIET: Duration = Duration::from_millis(700);

/// A message: its topic, the label of a `sequence` body, the body's size, the mempool's sequence, the counter.
type Message = (String, Option<char>, usize, Option<u64>, u32);

fn vectors() -> Option<PathBuf> {
    if let Some(named) = std::env::var_os("SPANDREL_VECTORS") {
        return Some(PathBuf::from(named));
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    root.ancestors().map(|folder| folder.join("../shared/vectors")).find(|folder| folder.is_dir())
}

async fn receive(socket: &mut SubSocket) -> Message {
    let message = timeout(Duration::from_secs(10), socket.recv()).await.expect("a message").unwrap().into_vec();
    let [topic, body, counter] = &message[..] else { panic!("{} frames", message.len()) };
    let topic = String::from_utf8(topic.to_vec()).unwrap();
    let (label, mempool) = match topic.as_str() {
        "sequence" => {
            let number = body.get(33..41).map(|bytes| u64::from_le_bytes(bytes.try_into().unwrap()));
            (Some(char::from(body[32])), number)
        }
        _ => (None, None),
    };
    (topic, label, body.len(), mempool, u32::from_le_bytes(counter[..].try_into().unwrap()))
}

/// Subscribes, and mines until the node is heard: up to then a message may pass unheard.
async fn subscribe(node: &BitcoinNode) -> SubSocket {
    let mut socket = SubSocket::new();
    socket.connect(node.zmq_endpoint()).await.unwrap();
    socket.subscribe("").await.unwrap();
    loop {
        node.mine(1).await.unwrap();
        if let Ok(heard) = timeout(Duration::from_millis(200), socket.recv()).await {
            heard.unwrap();
            break;
        }
    }
    while timeout(QUIET, socket.recv()).await.is_ok() {}
    socket
}

async fn until_block(socket: &mut SubSocket, counter: u32) -> Vec<Message> {
    let mut heard = Vec::new();
    loop {
        let message = receive(socket).await;
        let is_last = message.0 == "rawblock" && message.4 == counter;
        heard.push(message);
        if is_last {
            return heard;
        }
    }
}

fn recorded(text: &str) -> Vec<Message> {
    let line = |line: &str| -> Option<Message> {
        let words: Vec<&str> = line.split_whitespace().collect();
        let counter = words.last()?.parse().ok()?;
        Some(match words[..] {
            ["sequence", _, label, size, "zseq", _] => {
                ("sequence".into(), label.chars().next(), size.parse().ok()?, None, counter)
            }
            ["sequence", _, label, size, number, "zseq", _] => {
                ("sequence".into(), label.chars().next(), size.parse().ok()?, number.parse().ok(), counter)
            }
            [topic, size, "zseq", _] => (topic.to_owned(), None, size.parse().ok()?, None, counter),
            _ => return None,
        })
    };
    text.lines().map(|text| line(text).unwrap_or_else(|| panic!("unreadable line {text:?}"))).collect()
}

fn by_topic(messages: Vec<Message>) -> HashMap<String, Vec<Message>> {
    let mut topics: HashMap<String, Vec<Message>> = HashMap::new();
    for message in messages {
        topics.entry(message.0.clone()).or_default().push(message);
    }
    topics
}

/// The recording: 101 blocks, a payment, its block, `invalidateblock` of it, two empty blocks, one with the
/// payment, one more.
#[tokio::test]
async fn a_reorg_is_published_message_for_message_as_core_was_recorded_to() {
    let recording = vectors().map(|folder| folder.join("bitcoin/core_regtest_zmq/zmq.txt"));
    let Some(recording) = recording.filter(|file| file.is_file()) else {
        println!("skipped: recording core_regtest_zmq not found");
        return;
    };
    let recording = recorded(&std::fs::read_to_string(recording).unwrap());
    let node = BitcoinNode::start(NodeOptions::default()).await.unwrap();
    let mut socket = subscribe(&node).await;
    let heard_from = node.height();
    node.mine(101 - heard_from).await.unwrap();
    let to = node.rpc().call("getnewaddress", json!([])).await.unwrap();
    node.rpc().call("sendtoaddress", json!([to, "1.0"])).await.unwrap();
    node.mine(1).await.unwrap();
    node.reorg(1, 2, Dropped::LeftOut).await.unwrap();
    node.mine(2).await.unwrap();

    let last = recording.iter().rev().find(|message| message.0 == "rawblock").unwrap().4;
    let heard = by_topic(until_block(&mut socket, last).await);
    for (topic, messages) in by_topic(recording) {
        let first = if topic == "sequence" { heard_from + 1 } else { heard_from };
        let since = |messages: &[Message]| -> Vec<Message> {
            messages.iter().filter(|message| message.4 >= first).cloned().collect()
        };
        assert_eq!(since(&heard[&topic]), since(&messages), "{topic}");
    }
}

#[tokio::test]
async fn a_switch_of_branches_says_all_disconnections_then_the_mempool_then_the_connections() {
    let node = BitcoinNode::start(NodeOptions { spendable_coinbases: 2, ..NodeOptions::default() }).await.unwrap();
    let mut socket = subscribe(&node).await;
    let (old, _) = node.reorg(0, 2, Dropped::Mined).await.unwrap();
    assert!(old.is_empty());
    let fork = node.height();
    let left = node.block_hash(fork - 1).await.unwrap();
    let to = node.rpc().call("getnewaddress", json!([])).await.unwrap();
    node.rpc().call("invalidateblock", json!([left])).await.unwrap();
    node.mine_empty(1).await.unwrap();
    node.rpc().call("sendtoaddress", json!([to, "1.0"])).await.unwrap();
    node.mine(1).await.unwrap();
    let branch = node.block_hash(fork - 1).await.unwrap();
    node.rpc().call("invalidateblock", json!([branch])).await.unwrap();
    node.rpc().call("reconsiderblock", json!([left])).await.unwrap();
    node.mine_empty(1).await.unwrap();
    while timeout(QUIET, socket.recv()).await.is_ok() {}

    // Two blocks against three: give the shorter branch two more, hidden behind an invalidation, and let it win.
    let third = node.block_hash(fork + 1).await.unwrap();
    node.rpc().call("invalidateblock", json!([left])).await.unwrap();
    node.rpc().call("reconsiderblock", json!([branch])).await.unwrap();
    node.mine_empty(3).await.unwrap();
    let tip = node.block_hash(node.height()).await.unwrap();
    node.rpc().call("invalidateblock", json!([branch])).await.unwrap();
    node.rpc().call("reconsiderblock", json!([left])).await.unwrap();
    assert_eq!(node.block_hash(node.height()).await.unwrap(), third);
    while timeout(QUIET, socket.recv()).await.is_ok() {}

    node.rpc().call("reconsiderblock", json!([branch])).await.unwrap();
    assert_eq!(node.block_hash(node.height()).await.unwrap(), tip);
    let mut labels = String::new();
    let mut tips = 0;
    while let Ok(message) = timeout(QUIET, socket.recv()).await {
        let message = message.unwrap();
        match message.get(0).unwrap().as_ref() {
            b"sequence" => labels.push(char::from(message.get(1).unwrap()[32])),
            b"rawblock" => tips += 1,
            _ => {}
        }
    }
    assert_eq!(labels, "DDDCCCCC", "three go, five come; the payment was mined on the new branch");
    assert_eq!(tips, 2, "the first tip of more work, and the one above it");
}

#[tokio::test]
async fn lost_messages_leave_a_gap_in_the_counters() {
    let node = BitcoinNode::start(NodeOptions::default()).await.unwrap();
    let mut socket = subscribe(&node).await;
    node.mine(1).await.unwrap();
    let before = until_block(&mut socket, node.height() - 1).await.pop().unwrap();
    node.lose_notifications(3);
    node.mine(2).await.unwrap();
    let after = until_block(&mut socket, node.height() - 1).await.pop().unwrap();
    assert_eq!(after.4, before.4 + 2, "one rawblock in between was counted and never sent");
}

#[tokio::test]
async fn a_publisher_that_comes_back_goes_on_counting() {
    let node = BitcoinNode::start(NodeOptions::default()).await.unwrap();
    let mut socket = subscribe(&node).await;
    node.close_notifications().await;
    node.mine(2).await.unwrap();
    node.open_notifications().await.unwrap();
    drop(socket);
    socket = subscribe(&node).await;
    node.mine(1).await.unwrap();
    until_block(&mut socket, node.height() - 1).await;
}
