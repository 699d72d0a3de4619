//! Execution nodes that lie, lag or are someone else's: nothing they say moves the cursor.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use alloy_primitives::KECCAK256_EMPTY;
use axum::extract::State;
use axum::routing::post;
use axum::{Json, Router};
use serde_json::{Value, json};
use spandrel_testnets::ethereum::{Anvil, AnvilOptions};
use spandrel_verifiers::ethereum::trie::EMPTY_ROOT;
use spandrel_verifiers::follow::{FollowError, Watcher};
use spandrel_watchers::ethereum::Endpoint;

use super::rig::{Rig, amounts, read_all};

/// Changes the result of one method's answers.
type Lie = dyn Fn(&str, &Value, &mut Value) + Send + Sync;

struct Liar {
    honest: String,
    lie: Box<Lie>,
}

/// A proxy of the rig's execution node that changes answers: `(method, params, result)`.
async fn lying(rig: &Rig, lie: impl Fn(&str, &Value, &mut Value) + Send + Sync + 'static) -> Endpoint {
    let liar = Arc::new(Liar { honest: rig.anvil.url().to_owned(), lie: Box::new(lie) });
    let router = Router::new().route("/", post(answer)).with_state(liar);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    Endpoint::parse("execution", &url).unwrap()
}

async fn answer(State(liar): State<Arc<Liar>>, Json(request): Json<Value>) -> Json<Value> {
    let response = reqwest::Client::new().post(&liar.honest).json(&request).send().await.unwrap();
    let mut response: Value = response.json().await.unwrap();
    if let Some(result) = response.get_mut("result") {
        (liar.lie)(request["method"].as_str().unwrap(), &request["params"], result);
        if *result == json!(PRUNED) {
            let (code, message) = (-32000, "missing trie node");
            return Json(
                json!({ "jsonrpc": "2.0", "id": request["id"], "error": { "code": code, "message": message } }),
            );
        }
    }
    Json(response)
}

/// A result that becomes the error of a node without that state.
const PRUNED: &str = "pruned";

/// Three deposits in three blocks, told by a node that lies: the read must fail, and say about which call.
async fn is_refused(about: &str, lie: impl Fn(&str, &Value, &mut Value) + Send + Sync + 'static) {
    let Some(mut rig) = Rig::start().await else { return };
    for amount in [1, 2, 3] {
        rig.deposit(amount).await;
        rig.mine(1).await;
    }
    let honest = rig.watcher();
    let start = honest.genesis().await.unwrap();
    assert_eq!(amounts(&read_all(&honest, start.clone()).await.0), [1, 2, 3]);
    rig.config.execution = lying(&rig, lie).await;
    let refused = rig.watcher().read(&start).await.unwrap_err();
    let FollowError::Transient { reason, .. } = &refused else { panic!("{refused}") };
    assert!(reason.starts_with(about), "{reason}");
}

fn logs(result: &mut Value) -> &mut Vec<Value> {
    result.as_array_mut().unwrap()
}

/// Block 27 holds nonce 1.
fn is_of_second(log: &Value) -> bool {
    log["topics"][1] == json!(format!("0x{:064x}", 1))
}

#[tokio::test]
async fn a_dropped_log_is_missed() {
    is_refused("eth_getLogs", |method, _, result| {
        if method == "eth_getLogs" {
            logs(result).retain(|log| !is_of_second(log));
        }
    })
    .await;
}

#[tokio::test]
async fn no_logs_at_all_are_not_taken_for_no_deposits() {
    is_refused("eth_getLogs: logs up to nonce 0, but the outbox counts 3", |method, _, result| {
        if method == "eth_getLogs" {
            logs(result).clear();
        }
    })
    .await;
}

#[tokio::test]
async fn a_repeated_log_is_refused() {
    is_refused("eth_getLogs", |method, _, result| {
        if method == "eth_getLogs" {
            let twice = logs(result).first().cloned();
            logs(result).extend(twice);
        }
    })
    .await;
}

#[tokio::test]
async fn an_altered_amount_is_refused() {
    is_refused("eth_getLogs: id", |method, _, result| {
        if method == "eth_getLogs" {
            for log in logs(result) {
                let data = log["data"].as_str().unwrap().to_owned();
                let amount = 2 + 64 * 6;
                log["data"] = json!(format!("{}9{}", &data[..amount - 1], &data[amount..]));
            }
        }
    })
    .await;
}

#[tokio::test]
async fn a_log_of_another_block_is_refused() {
    is_refused("eth_getLogs", |method, _, result| {
        if method == "eth_getLogs" {
            for log in logs(result) {
                log["blockHash"] = json!(alloy_primitives::B256::repeat_byte(1));
            }
        }
    })
    .await;
}

#[tokio::test]
async fn an_altered_header_is_refused() {
    is_refused("eth_getBlockByNumber", |method, params, result| {
        if method == "eth_getBlockByNumber" && params[0] == "0x1b" {
            result["stateRoot"] = json!(alloy_primitives::B256::repeat_byte(1));
        }
    })
    .await;
}

#[tokio::test]
async fn a_bloom_emptied_to_hide_a_log_is_refused() {
    is_refused("eth_getBlockByNumber", |method, params, result| {
        if method == "eth_getBlockByNumber" && params[0] == "0x1b" {
            result["logsBloom"] = json!(alloy_primitives::Bloom::ZERO);
        }
    })
    .await;
}

#[tokio::test]
async fn a_count_that_is_not_proven_is_refused() {
    is_refused("eth_getProof", |method, params, result| {
        if method == "eth_getProof" && params[2] != "0x18" {
            // As if there were no outbox: an absence that the trie does not show.
            result["accountProof"].as_array_mut().unwrap().pop();
        }
    })
    .await;
}

#[tokio::test]
async fn the_proof_of_an_older_count_is_refused() {
    let Some(rig) = Rig::start().await else { return };
    rig.mine(1).await;
    let older: Value = rig
        .anvil
        .rpc("eth_getProof", json!([rig.outbox, [alloy_primitives::B256::with_last_byte(1)], "0x1a"]))
        .await
        .unwrap();
    drop(rig);
    is_refused("eth_getProof", move |method, params, result| {
        if method == "eth_getProof" && params[2] != "0x18" {
            *result = older.clone();
        }
    })
    .await;
}

#[tokio::test]
async fn a_block_number_that_is_not_the_one_asked_for_is_refused() {
    let Some(mut rig) = Rig::start().await else { return };
    rig.mine(3).await;
    let start = rig.watcher().genesis().await.unwrap();
    let other: Value = rig.anvil.rpc("eth_getBlockByNumber", json!(["0x19", false])).await.unwrap();
    rig.config.execution = lying(&rig, move |method, params, result| {
        if method == "eth_getBlockByNumber" && params[0] == "0x1a" {
            *result = other.clone();
        }
    })
    .await;
    assert!(matches!(rig.watcher().read(&start).await, Err(FollowError::Transient { .. })));
}

#[tokio::test]
async fn a_node_that_is_behind_its_own_head_is_not_taken_for_a_reorg() {
    let Some(mut rig) = Rig::start().await else { return };
    rig.mine(3).await;
    let honest = rig.watcher();
    let (_, cursor) = read_all(&honest, honest.genesis().await.unwrap()).await;
    rig.mine(2).await;
    rig.config.execution = lying(&rig, |method, params, result| {
        if method == "eth_getBlockByNumber" && params[0] == "0x1c" {
            *result = Value::Null;
        }
    })
    .await;
    let refused = rig.watcher().read(&cursor).await.unwrap_err();
    assert!(matches!(refused, FollowError::Transient { .. }), "{refused}");
}

#[tokio::test]
async fn a_node_on_another_branch_than_the_final_one_gets_nothing_stored() {
    let Some(mut rig) = Rig::start().await else { return };
    rig.mine(40).await;
    let other = Anvil::start(AnvilOptions::default()).await.unwrap();
    other.mine(60).await.unwrap();
    rig.config.execution = Endpoint::parse("execution", other.url()).unwrap();
    let watcher = rig.watcher();
    let start = watcher.genesis().await.unwrap();
    let refused = watcher.read(&start).await.unwrap_err();
    let FollowError::Transient { reason, .. } = &refused else { panic!("{refused}") };
    assert!(reason.contains("the light client holds"), "{reason}");
}

#[tokio::test]
async fn errors_never_show_credentials() {
    let Some(mut rig) = Rig::start().await else { return };
    let nobody = "http://user:pa55@127.0.0.1:1/k3y?token=s3cret";
    rig.config.execution = Endpoint::parse("execution", nobody).unwrap();
    rig.config.beacon = Endpoint::parse("beacon", nobody).unwrap();
    let execution = rig.watcher().genesis().await.unwrap_err();
    let beacon = rig.light_client().refresh().await.unwrap_err();
    for error in [execution, beacon] {
        let text = format!("{error} {error:?}");
        assert!(text.contains("127.0.0.1:1"), "{text}");
        assert!(!["user", "pa55", "k3y", "s3cret"].iter().any(|secret| text.contains(secret)), "{text}");
    }
}

#[tokio::test]
async fn without_state_the_receipts_prove_that_no_deposit_is_missing() {
    let Some(mut rig) = Rig::start().await else { return };
    for amount in [1, 2, 3] {
        rig.deposit(amount).await;
        rig.deposit(10 * amount).await;
        rig.mine(2).await;
    }
    let honest = rig.watcher();
    let start = honest.genesis().await.unwrap();
    let (expected, _) = read_all(&honest, start.clone()).await;
    rig.config.execution = lying(&rig, |method, _, result| {
        if method == "eth_getProof" {
            *result = json!(PRUNED);
        }
        assert_ne!(method, "eth_getLogs", "logs prove nothing without a count");
    })
    .await;
    let (found, _) = read_all(&rig.watcher(), start).await;
    assert_eq!(found, expected);
    assert_eq!(amounts(&found), [1, 10, 2, 20, 3, 30]);
}

#[tokio::test]
async fn a_receipt_without_its_log_does_not_hash_to_the_receipts_root() {
    is_refused("eth_getBlockReceipts", |method, _, result| match method {
        "eth_getProof" => *result = json!(PRUNED),
        "eth_getBlockReceipts" => result[0]["logs"] = json!([]),
        _ => {}
    })
    .await;
}

#[tokio::test]
async fn a_block_that_is_no_child_is_not_read() {
    let Some(mut rig) = Rig::start().await else { return };
    for amount in [1, 2, 3] {
        rig.deposit(amount).await;
        rig.mine(1).await;
    }
    let start = rig.watcher().genesis().await.unwrap();
    // Of another chain, yet with the right number and a hash that is its own.
    let other = Anvil::start(AnvilOptions { chain_id: 7, ..AnvilOptions::default() }).await.unwrap();
    other.mine(60).await.unwrap();
    for (height, read) in [("0x1b", Some(0x1a)), ("0x19", None)] {
        let foreign: Value = other.rpc("eth_getBlockByNumber", json!([height, false])).await.unwrap();
        rig.config.execution = lying(&rig, move |method, params, result| {
            if method == "eth_getBlockByNumber" && params[0] == height {
                *result = foreign.clone();
            }
        })
        .await;
        let batch = rig.watcher().read(&start).await;
        match read {
            Some(tip) => assert_eq!(batch.unwrap().next.tip().unwrap().height, tip),
            None => assert!(matches!(batch, Err(FollowError::Transient { .. }))),
        }
    }
}

/// No lie: some nodes show an empty trie by no nodes, others by its root, the empty string.
#[tokio::test]
async fn an_outbox_without_deposits_is_counted_whichever_way_the_node_shows_that() {
    let Some(mut rig) = Rig::start().await else { return };
    rig.mine(2).await;
    let start = rig.watcher().genesis().await.unwrap();
    for nodes in [json!([]), json!(["0x80"])] {
        let shown = Arc::new(AtomicBool::new(false));
        let is_shown = Arc::clone(&shown);
        rig.config.execution = lying(&rig, move |method, _, result| {
            let is_empty = result["storageHash"] == json!(EMPTY_ROOT);
            if method == "eth_getProof" && is_empty && result["codeHash"] != json!(KECCAK256_EMPTY) {
                result["storageProof"][0]["proof"] = nodes.clone();
                is_shown.store(true, Ordering::Relaxed);
            }
        })
        .await;
        assert!(amounts(&read_all(&rig.watcher(), start.clone()).await.0).is_empty());
        assert!(shown.load(Ordering::Relaxed));
    }
}
