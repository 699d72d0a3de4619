//! The watcher against a node that lies: a proxy in front of an honest one that alters real answers.

mod bitcoin_common;

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::http::StatusCode;
use axum::routing::post;
use bitcoin::consensus::encode::{deserialize_hex, serialize_hex};
use bitcoin::{Block, CompactTarget};
use bitcoin_common::*;
use serde_json::{Value, json};
use spandrel_testnets::FaultProxy;
use spandrel_testnets::bitcoin::{BitcoinNode, Dropped, RegtestNode};
use spandrel_verifiers::bitcoin::{Anchor, ChainParams, HeaderChain};
use spandrel_verifiers::follow::{ChainEvent, ConsensusSource, Cursor, EvidenceSource, FollowError, Watcher};
use spandrel_watchers::bitcoin::{
    BitcoinConfig, BitcoinConsensus, BitcoinEvidence, BitcoinWatcher, Intents, RpcAuth, RpcEndpoint,
};

async fn serve(router: Router) -> RpcEndpoint {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    let auth = RpcAuth::Password { user: "spandrel".to_owned(), password: "pa55word".to_owned() };
    RpcEndpoint::parse(&url, auth).unwrap()
}

/// A proxy in front of `node` that tells `lie`, and how to reach it.
async fn liar(
    node: &BitcoinNode,
    lie: impl Fn(&str, &Value, &mut Value) + Send + Sync + 'static,
) -> (FaultProxy, RpcEndpoint) {
    let proxy = FaultProxy::start(&node.rpc().url).await.unwrap();
    proxy.lie(lie);
    let login = RpcAuth::Password { user: node.rpc().user.clone(), password: node.rpc().password.clone() };
    let rpc = RpcEndpoint::parse(proxy.url(), login).unwrap();
    (proxy, rpc)
}

fn config_on(rpc: RpcEndpoint) -> BitcoinConfig {
    BitcoinConfig::new(ChainParams::regtest(), rpc, vault(), from_genesis(), CONFIRMATIONS)
}

fn watcher_on(rpc: RpcEndpoint, book: &Arc<Intents>) -> BitcoinWatcher<Intents> {
    BitcoinWatcher::new(config_on(rpc), Arc::clone(book)).unwrap()
}

/// A node with a deposit in its last block, and the cursor below that block.
async fn with_a_deposit(book: &Arc<Intents>) -> (BitcoinNode, Cursor) {
    let node = funded().await;
    let honest = watcher(&node, book);
    let (_, cursor) = read_all(&honest, honest.genesis().await.unwrap()).await.unwrap();
    for _ in 0..2 {
        node.pay(&script(1), 50_000).await.unwrap();
    }
    node.mine(1).await.unwrap();
    (node, cursor)
}

fn altered(result: &mut Value, alter: impl Fn(&mut Block)) {
    let mut block: Block = deserialize_hex(result.as_str().unwrap()).unwrap();
    alter(&mut block);
    *result = json!(serialize_hex(&block));
}

fn transient(error: &FollowError) -> &str {
    match error {
        FollowError::Transient { reason, .. } => reason,
        other => panic!("{other}"),
    }
}

#[tokio::test]
async fn through_an_honest_proxy_the_deposits_are_seen() {
    let book = book([1]);
    let (node, cursor) = with_a_deposit(&book).await;
    let (_proxy, rpc) = liar(&node, |_, _, _| {}).await;
    let watcher = watcher_on(rpc, &book);
    assert_eq!(deposits(&watcher.read(&cursor).await.unwrap().events).len(), 2);
}

#[tokio::test]
async fn a_block_with_altered_transactions_is_refused() {
    let book = book([1]);
    let (node, cursor) = with_a_deposit(&book).await;
    type Alteration = fn(&mut Block);
    let alterations: [(&str, Alteration); 5] = [
        ("a larger amount", |block| {
            for output in &mut block.txdata.last_mut().unwrap().output {
                output.value += bitcoin::Amount::from_sat(1);
            }
        }),
        ("a deposit left out", |block| drop(block.txdata.pop())),
        ("a deposit shown twice", |block| block.txdata.push(block.txdata.last().unwrap().clone())),
        ("another order", |block| block.txdata.swap(1, 2)),
        ("no transactions", |block| block.txdata.clear()),
    ];
    for (what, alteration) in alterations {
        let lie = move |method: &str, _: &Value, result: &mut Value| {
            if method == "getblock" {
                altered(result, alteration);
            }
        };
        let (_proxy, rpc) = liar(&node, lie).await;
        let error = watcher_on(rpc, &book).read(&cursor).await.unwrap_err();
        assert!(transient(&error).contains("block."), "{what}: {error}");
    }
}

#[tokio::test]
async fn another_block_than_the_one_asked_for_is_refused() {
    let book = book([1]);
    let (node, cursor) = with_a_deposit(&book).await;
    let other = node.block_hash(5).await.unwrap();
    let other = node.rpc().call("getblock", json!([other, 0])).await.unwrap();
    let lie = move |method: &str, _: &Value, result: &mut Value| {
        if method == "getblock" {
            *result = other.clone();
        }
    };
    let (_proxy, rpc) = liar(&node, lie).await;
    let error = watcher_on(rpc, &book).read(&cursor).await.unwrap_err();
    assert!(transient(&error).contains("getblock: expected"), "{error}");
}

/// The watcher has read the deposits; then the node says that the block that holds them is off its best chain, which is
/// now as long without it.
#[tokio::test]
async fn a_block_that_is_said_to_be_gone_stays_until_a_branch_of_more_work_is_shown() {
    let book = book([1]);
    let (node, _) = with_a_deposit(&book).await;
    let watcher = watcher(&node, &book);
    let (_, cursor) = read_all(&watcher, watcher.genesis().await.unwrap()).await.unwrap();
    node.reorg(1, 1, Dropped::LeftOut).await.unwrap();
    let batch = watcher.read(&cursor).await.unwrap();
    assert!(batch.events.is_empty(), "{:?}", batch.events);
    let restarted = bitcoin_common::watcher(&node, &book);
    assert!(transient(&restarted.read(&cursor).await.unwrap_err()).contains("has not come to"));

    node.mine_empty(1).await.unwrap();
    for watcher in [watcher, restarted] {
        let batch = watcher.read(&cursor).await.unwrap();
        assert!(matches!(&batch.events[0], ChainEvent::Reorged { dropped, .. } if dropped.len() == 1));
    }
}

/// The same, with a branch whose one block states 256 times the work that the network asks for.
#[tokio::test]
async fn a_branch_that_states_more_work_than_the_network_asks_for_replaces_nothing() {
    let book = book([1]);
    let (node, _) = with_a_deposit(&book).await;
    let honest = watcher(&node, &book);
    let (_, cursor) = read_all(&honest, honest.genesis().await.unwrap()).await.unwrap();
    let tip = node.block_hash(node.height()).await.unwrap();
    let raw = node.rpc().call("getblock", json!([tip, 0])).await.unwrap();
    let mut forged: Block = deserialize_hex(raw.as_str().unwrap()).unwrap();
    forged.txdata.truncate(1);
    forged.header.bits = CompactTarget::from_consensus(0x1f7f_ffff);
    forged.header.merkle_root = forged.compute_merkle_root().unwrap();
    while forged.header.validate_pow(forged.header.target()).is_err() {
        forged.header.nonce += 1;
    }
    let (height, hash) = (node.height(), forged.block_hash().to_string());
    let lie = move |method: &str, params: &Value, result: &mut Value| match method {
        "getbestblockhash" => *result = json!(hash),
        "getblockhash" if params[0] == height => *result = json!(hash),
        "getblockheader" if params[0] == hash.as_str() => *result = json!(serialize_hex(&forged.header)),
        "getblockheader" if params[1] == true => result["confirmations"] = json!(-1),
        "getblock" if params[0] == hash.as_str() => *result = json!(serialize_hex(&forged)),
        _ => {}
    };
    let (_proxy, rpc) = liar(&node, lie).await;
    let error = watcher_on(rpc, &book).read(&cursor).await.unwrap_err();
    assert!(transient(&error).contains("bits"), "{error}");
}

#[tokio::test]
async fn a_header_said_to_be_elsewhere_gives_no_evidence() {
    let book = book([1]);
    let (node, cursor) = with_a_deposit(&book).await;
    let honest = watcher(&node, &book);
    let seen = deposits(&honest.read(&cursor).await.unwrap().events).remove(0);
    let lie = |method: &str, _: &Value, result: &mut Value| {
        if method == "getblockheader" && result.is_object() {
            result["height"] = json!(3);
        }
    };
    let (_proxy, rpc) = liar(&node, lie).await;
    let source = BitcoinEvidence::new(config_on(rpc), Arc::clone(&book)).unwrap();
    assert!(transient(&source.evidence(&seen, &seen.block).await.unwrap_err()).contains("then at 3"));
}

#[tokio::test]
async fn a_node_that_turns_into_another_network_is_refused_for_good() {
    let book = book([1]);
    let (node, cursor) = with_a_deposit(&book).await;
    let lie = |method: &str, params: &Value, result: &mut Value| {
        if method == "getblockhash" && params[0] == 0 {
            *result = json!("11".repeat(32));
        }
    };
    let (_proxy, rpc) = liar(&node, lie).await;
    let error = watcher_on(rpc.clone(), &book).read(&cursor).await.unwrap_err();
    assert!(matches!(error, FollowError::Permanent { .. }), "{error}");
    let config = config_on(rpc);
    let honest = watcher(&node, &book);
    let seen = deposits(&honest.read(&cursor).await.unwrap().events).remove(0);
    let source = BitcoinEvidence::new(config, Arc::clone(&book)).unwrap();
    assert!(matches!(source.evidence(&seen, &seen.block).await, Err(FollowError::Permanent { .. })));
}

#[tokio::test]
async fn a_lie_in_the_middle_of_a_range_keeps_what_was_read_before_it() {
    let book = book([1]);
    let (node, cursor) = with_a_deposit(&book).await;
    node.mine(1).await.unwrap();
    let last = node.block_hash(node.height()).await.unwrap().to_string();
    let lie = move |method: &str, params: &Value, result: &mut Value| {
        if method == "getblock" && params[0] == last.as_str() {
            altered(result, |block| block.txdata.clear());
        }
    };
    let (_proxy, rpc) = liar(&node, lie).await;
    let batch = watcher_on(rpc, &book).read(&cursor).await.unwrap();
    assert_eq!(deposits(&batch.events).len(), 2);
    assert_eq!(batch.next.tip().unwrap().height, u64::from(node.height()) - 1);
}

#[tokio::test]
async fn a_reorg_is_told_even_if_the_new_branch_cannot_be_read_yet() {
    let book = book([1]);
    let (node, _) = with_a_deposit(&book).await;
    let honest = watcher(&node, &book);
    let (_, cursor) = read_all(&honest, honest.genesis().await.unwrap()).await.unwrap();
    node.reorg(1, 2, Dropped::LeftOut).await.unwrap();
    let lie = |method: &str, _: &Value, result: &mut Value| {
        if method == "getblock" {
            *result = json!("00");
        }
    };
    let (_proxy, rpc) = liar(&node, lie).await;
    let batch = watcher_on(rpc, &book).read(&cursor).await.unwrap();
    assert!(matches!(&batch.events[0], ChainEvent::Reorged { dropped, .. } if dropped.len() == 1));
    assert_eq!(batch.next.tip().unwrap().height, u64::from(node.height()) - 2);
    let (events, _) = read_all(&honest, batch.next).await.unwrap();
    assert!(matches!(events.last(), Some(ChainEvent::Final(_) | ChainEvent::Head(_))));
}

#[tokio::test]
async fn altered_evidence_never_leaves_the_source() {
    let book = book([1]);
    let (node, cursor) = with_a_deposit(&book).await;
    let honest = watcher(&node, &book);
    let seen = deposits(&honest.read(&cursor).await.unwrap().events).remove(0);
    let lie = |method: &str, _: &Value, result: &mut Value| {
        if method == "getblock" {
            altered(result, |block| block.txdata.swap(1, 2));
        }
    };
    let (_proxy, rpc) = liar(&node, lie).await;
    let config = config_on(rpc);
    let error =
        BitcoinEvidence::new(config, Arc::clone(&book)).unwrap().evidence(&seen, &seen.block).await.unwrap_err();
    assert!(transient(&error).contains("merkle_root"), "{error}");
}

#[tokio::test]
async fn evidence_under_a_pruned_block_is_unavailable() {
    let book = book([1]);
    let (node, cursor) = with_a_deposit(&book).await;
    let honest = watcher(&node, &book);
    let seen = deposits(&honest.read(&cursor).await.unwrap().events).remove(0);
    let lie = |method: &str, _: &Value, result: &mut Value| {
        if method == "getblock" {
            *result = json!({ "refused": { "code": -1, "message": "Block not available (pruned data)" } });
        }
    };
    let (_proxy, rpc) = liar(&node, lie).await;
    assert!(matches!(watcher_on(rpc.clone(), &book).read(&cursor).await, Err(FollowError::Transient { .. })));
    let config = config_on(rpc);
    let error =
        BitcoinEvidence::new(config, Arc::clone(&book)).unwrap().evidence(&seen, &seen.block).await.unwrap_err();
    assert!(matches!(&error, FollowError::ProofUnavailable(reason) if reason.contains("pruned")), "{error}");
}

#[tokio::test]
async fn headers_that_are_not_those_asked_for_or_not_linked_never_reach_the_verifier() {
    let node = funded().await;
    let params = ChainParams::regtest();
    let trusted = HeaderChain::new(params.clone(), Anchor::genesis(&params).unwrap()).unwrap();
    let source = |rpc| BitcoinConsensus::new(ChainParams::regtest(), rpc, Duration::from_secs(10)).unwrap();
    let lie = |method: &str, params: &Value, result: &mut Value| {
        if method == "getblockheader" && params[1] == false {
            let text = result.as_str().unwrap();
            *result = json!(format!("{}00000000", &text[..152]));
        }
    };
    let (_proxy, rpc) = liar(&node, lie).await;
    let error = source(rpc).updates(&trusted).await.unwrap_err();
    assert!(transient(&error).contains("getblockheader: expected"), "{error}");

    let stray = node.block_hash(7).await.unwrap();
    let lie = move |method: &str, params: &Value, result: &mut Value| {
        if method == "getblockhash" && params[0] == 40 {
            *result = json!(stray);
        }
    };
    let (_proxy, rpc) = liar(&node, lie).await;
    let updates = source(rpc).updates(&trusted).await.unwrap();
    assert_eq!(updates.iter().map(|update| update.headers.len()).sum::<usize>(), 39, "up to the break");
}

async fn fixed(status: StatusCode, body: Vec<u8>) -> RpcEndpoint {
    let handler = move || {
        let body = body.clone();
        async move { (status, body) }
    };
    serve(Router::new().route("/", post(handler))).await
}

#[tokio::test]
async fn answers_that_are_too_large_or_no_answers_are_refused_without_a_secret_in_the_error() {
    let book = book([]);
    for (status, body, expected) in [
        (StatusCode::OK, vec![b'{'; (1 << 20) + 1], "more than 1048576 bytes"),
        (StatusCode::OK, b"{}{}".to_vec(), "a JSON-RPC answer"),
        (StatusCode::OK, b"[]".to_vec(), "a JSON-RPC answer"),
        (StatusCode::OK, br#"{"result": 7, "error": null}"#.to_vec(), "a block hash"),
        (StatusCode::OK, br#"{"result": null}"#.to_vec(), "a block hash"),
        (StatusCode::SERVICE_UNAVAILABLE, b"Work queue depth exceeded".to_vec(), "503"),
        (StatusCode::FOUND, Vec::new(), "302"),
        (StatusCode::INTERNAL_SERVER_ERROR, br#"{"error": {"code": -28, "message": "Loading"}}"#.to_vec(), "-28"),
    ] {
        let error = watcher_on(fixed(status, body).await, &book).genesis().await.unwrap_err();
        assert!(transient(&error).contains(expected), "{error}");
        assert!(!format!("{error:?}").contains("pa55word"), "{error:?}");
    }
}

#[tokio::test]
async fn a_node_that_never_answers_is_given_up_after_the_call_timeout() {
    let rpc = serve(Router::new().route("/", post(std::future::pending::<()>))).await;
    let mut config = config_on(rpc);
    config.call_timeout = Duration::from_millis(100);
    let error = BitcoinWatcher::new(config, book([])).unwrap().genesis().await.unwrap_err();
    transient(&error);
}
