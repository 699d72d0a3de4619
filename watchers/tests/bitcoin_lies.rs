//! The watcher against a node that lies: a proxy in front of an honest one that alters real answers.

mod bitcoin_common;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use bitcoin::Block;
use bitcoin::consensus::encode::{deserialize_hex, serialize_hex};
use bitcoin_common::*;
use serde_json::{Value, json};
use spandrel_testnets::bitcoin::{BitcoinNode, Dropped, RegtestNode};
use spandrel_verifiers::bitcoin::{Anchor, ChainParams, HeaderChain};
use spandrel_verifiers::follow::{ChainEvent, ConsensusSource, Cursor, EvidenceSource, FollowError, Watcher};
use spandrel_watchers::bitcoin::{
    BitcoinConfig, BitcoinConsensus, BitcoinEvidence, BitcoinWatcher, Intents, RpcAuth, RpcEndpoint,
};

/// Changes the honest result of a call (method, params, result); `{"refused": …}` makes it an error.
type Lie = Box<dyn Fn(&str, &Value, &mut Value) + Send>;

struct Liar {
    honest: spandrel_testnets::bitcoin::RpcEndpoint,
    lie: Mutex<Lie>,
}

async fn answer(State(liar): State<Arc<Liar>>, body: Bytes) -> Response {
    let request: Value = serde_json::from_slice(&body).unwrap();
    let calls = request.as_array().cloned().unwrap_or_else(|| vec![request.clone()]);
    let mut answers = Vec::new();
    for call in calls {
        let (method, params) = (call["method"].as_str().unwrap().to_owned(), call["params"].clone());
        answers.push(match liar.honest.call(&method, params.clone()).await {
            Ok(mut result) => {
                (liar.lie.lock().unwrap())(&method, &params, &mut result);
                let error = result.get_mut("refused").map_or(Value::Null, Value::take);
                json!({ "result": result, "error": error, "id": call["id"] })
            }
            Err(spandrel_testnets::bitcoin::NodeError::Refused { fault, .. }) => {
                json!({ "result": null, "error": { "code": fault.code, "message": fault.message }, "id": call["id"] })
            }
            Err(error) => panic!("{error}"),
        });
    }
    let body = if request.is_array() { json!(answers) } else { answers.remove(0) };
    axum::Json(body).into_response()
}

async fn serve(router: Router) -> RpcEndpoint {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    let auth = RpcAuth::Password { user: "spandrel".to_owned(), password: "pa55word".to_owned() };
    RpcEndpoint::parse(&url, auth).unwrap()
}

/// A proxy in front of `node` that tells `lie`.
async fn liar(node: &BitcoinNode, lie: impl Fn(&str, &Value, &mut Value) + Send + 'static) -> RpcEndpoint {
    let liar = Arc::new(Liar { honest: node.rpc().clone(), lie: Mutex::new(Box::new(lie)) });
    serve(Router::new().route("/", post(answer)).with_state(liar)).await
}

fn watcher_on(rpc: RpcEndpoint, book: &Arc<Intents>) -> BitcoinWatcher<Intents> {
    let config = BitcoinConfig::new(ChainParams::regtest(), rpc, vault(), 0, CONFIRMATIONS);
    BitcoinWatcher::new(config, Arc::clone(book)).unwrap()
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
    let watcher = watcher_on(liar(&node, |_, _, _| {}).await, &book);
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
        let watcher = watcher_on(liar(&node, lie).await, &book);
        let error = watcher.read(&cursor).await.unwrap_err();
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
    let error = watcher_on(liar(&node, lie).await, &book).read(&cursor).await.unwrap_err();
    assert!(transient(&error).contains("getblock: expected"), "{error}");
}

#[tokio::test]
async fn a_block_of_another_branch_is_refused_because_it_names_another_parent() {
    let book = book([1]);
    let (node, cursor) = with_a_deposit(&book).await;
    let (old, _) = node.reorg(2, 3, Dropped::LeftOut).await.unwrap();
    let stray = node.block_hash(node.height()).await.unwrap();
    let reference = cursor.tip().unwrap().hash;
    let lie = move |method: &str, params: &Value, result: &mut Value| match method {
        "getblockheader" if params[0] == old[0].to_string() => result["confirmations"] = json!(1),
        "getblockhash" if params[0] != 0 => *result = json!(stray),
        _ => {}
    };
    let error = watcher_on(liar(&node, lie).await, &book).read(&cursor).await.unwrap_err();
    assert!(transient(&error).contains("expected parent"), "{error}");
    assert_eq!(cursor.tip().unwrap().hash, reference);
}

#[tokio::test]
async fn a_header_said_to_be_elsewhere_is_a_contradiction_and_no_reorg() {
    let book = book([1]);
    let (node, cursor) = with_a_deposit(&book).await;
    let lie = |method: &str, _: &Value, result: &mut Value| {
        if method == "getblockheader" && result.is_object() {
            result["height"] = json!(3);
        }
    };
    let error = watcher_on(liar(&node, lie).await, &book).read(&cursor).await.unwrap_err();
    assert!(transient(&error).contains("height"), "{error}");
    let lie = |method: &str, _: &Value, result: &mut Value| {
        if method == "getblockheader" && result.is_object() {
            result["confirmations"] = json!(-1);
        }
    };
    let error = watcher_on(liar(&node, lie).await, &book).read(&cursor).await.unwrap_err();
    assert!(transient(&error).contains("is and is not"), "{error}");
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
    let rpc = liar(&node, lie).await;
    let error = watcher_on(rpc.clone(), &book).read(&cursor).await.unwrap_err();
    assert!(matches!(error, FollowError::Permanent { .. }), "{error}");
    let config = BitcoinConfig::new(ChainParams::regtest(), rpc, vault(), 0, CONFIRMATIONS);
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
    let batch = watcher_on(liar(&node, lie).await, &book).read(&cursor).await.unwrap();
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
    let batch = watcher_on(liar(&node, lie).await, &book).read(&cursor).await.unwrap();
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
    let config = BitcoinConfig::new(ChainParams::regtest(), liar(&node, lie).await, vault(), 0, CONFIRMATIONS);
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
    let rpc = liar(&node, lie).await;
    assert!(matches!(watcher_on(rpc.clone(), &book).read(&cursor).await, Err(FollowError::Transient { .. })));
    let config = BitcoinConfig::new(ChainParams::regtest(), rpc, vault(), 0, CONFIRMATIONS);
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
    let error = source(liar(&node, lie).await).updates(&trusted).await.unwrap_err();
    assert!(transient(&error).contains("getblockheader: expected"), "{error}");

    let stray = node.block_hash(7).await.unwrap();
    let lie = move |method: &str, params: &Value, result: &mut Value| {
        if method == "getblockhash" && params[0] == 40 {
            *result = json!(stray);
        }
    };
    let updates = source(liar(&node, lie).await).updates(&trusted).await.unwrap();
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
    let mut config = BitcoinConfig::new(ChainParams::regtest(), rpc, vault(), 0, CONFIRMATIONS);
    config.call_timeout = Duration::from_millis(100);
    let error = BitcoinWatcher::new(config, book([])).unwrap().genesis().await.unwrap_err();
    transient(&error);
}
