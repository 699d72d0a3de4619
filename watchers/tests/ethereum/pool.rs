//! Several execution nodes behind one Ethereum watcher.

use serde_json::{Value, json};
use spandrel_testnets::FaultProxy;
use spandrel_verifiers::follow::{FollowError, Watcher};
use spandrel_watchers::ethereum::{Endpoint, EthereumWatcher};
use spandrel_watchers::pool::{Health, Named, PooledWatcher};

use super::rig::{Rig, amounts};

/// A pool of the rig's own node and one behind `proxy`, both of which must agree.
pub fn pool_of_two(rig: &Rig, proxy: &FaultProxy) -> PooledWatcher<EthereumWatcher> {
    let mut config = rig.config.clone();
    config.execution = Endpoint::parse("execution", proxy.url()).unwrap();
    let second = EthereumWatcher::new(config, rig.light_client()).unwrap();
    let named = |name: &str, client| Named { name: name.to_owned(), client };
    let watchers = vec![named("own", rig.watcher()), named("proxy", second)];
    PooledWatcher::new(rig.config.network.chain.clone(), watchers, 2).unwrap()
}

/// A header that hashes as it says, and is another than the node's.
fn another_block(result: &mut Value) {
    let mut block: alloy::rpc::types::Block = serde_json::from_value(result.clone()).unwrap();
    block.header.inner.extra_data = b"another".to_vec().into();
    block.header.hash = block.header.inner.hash_slow();
    *result = serde_json::to_value(block).unwrap();
}

#[tokio::test]
async fn a_deposit_is_reported_once_both_nodes_have_its_block_and_held_while_one_has_another() {
    let Some(rig) = Rig::start().await else { return };
    let proxy = FaultProxy::start(rig.anvil.url()).await.unwrap();
    let pool = pool_of_two(&rig, &proxy);
    let cursor = pool.genesis().await.unwrap();
    rig.deposit(5).await;
    rig.mine(1).await;

    proxy.lie(|method, params, result| {
        if method == "eth_getBlockByNumber" && params[0] != "latest" {
            another_block(result);
        }
    });
    let error = pool.read(&cursor).await.unwrap_err();
    assert!(matches!(&error, FollowError::Transient { reason, .. } if reason.contains("1 disagree")), "{error}");
    assert!(!pool.endpoints().standings()[1].is_open, "dissent is no failure");

    proxy.lie(|method, _, result| {
        if method == "eth_getBlockByNumber" {
            *result = json!({ "refused": { "code": -32000, "message": "not now" } });
        }
    });
    let error = pool.read(&cursor).await.unwrap_err();
    assert!(matches!(&error, FollowError::Transient { reason, .. } if reason.contains("1 missing")), "{error}");

    proxy.be_honest();
    assert_eq!(amounts(&pool.read(&cursor).await.unwrap().events), [5]);
}

#[tokio::test]
async fn a_node_that_lags_shortens_what_is_reported() {
    let Some(rig) = Rig::start().await else { return };
    let proxy = FaultProxy::start(rig.anvil.url()).await.unwrap();
    let pool = pool_of_two(&rig, &proxy);
    let cursor = pool.genesis().await.unwrap();
    rig.deposit(5).await;
    rig.mine(1).await;
    let seen_by_both: Value = rig.anvil.rpc("eth_getBlockByNumber", json!(["latest", false])).await.unwrap();
    let height = u64::from_str_radix(seen_by_both["number"].as_str().unwrap().trim_start_matches("0x"), 16).unwrap();
    rig.deposit(6).await;
    rig.mine(2).await;
    proxy.lie(move |method, params, result| {
        let asked = params[0].as_str().unwrap_or_default();
        let number = u64::from_str_radix(asked.trim_start_matches("0x"), 16);
        match (method, number) {
            ("eth_getBlockByNumber", Err(_)) => *result = seen_by_both.clone(),
            ("eth_getBlockByNumber", Ok(number)) if number > height => *result = Value::Null,
            _ => {}
        }
    });
    let batch = pool.read(&cursor).await.unwrap();
    assert_eq!(amounts(&batch.events), [5]);
    assert_eq!(batch.next.tip().unwrap().height, height);
    proxy.be_honest();
    assert_eq!(amounts(&pool.read(&batch.next).await.unwrap().events), [6]);
}
