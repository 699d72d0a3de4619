//! Two finality updates that contradict each other: the chain halts, with both as evidence.

use serde_json::{Value, json};
use spandrel_testnets::FaultProxy;
use spandrel_testnets::ethereum::{Anvil, AnvilOptions};
use spandrel_verifiers::Contradicted;
use spandrel_verifiers::follow::{ChainEvent, Cursor, ReadBatch, Watcher};
use spandrel_watchers::ethereum::{Endpoint, EthereumWatcher};

use super::pool::pool_of_two;
use super::rig::{Rig, read_all};

/// What the evidence of a halt shows to whoever has it.
fn shown(batch: &ReadBatch) -> Contradicted {
    let [ChainEvent::Halted { evidence: Some(two), .. }] = &batch.events[..] else { panic!("{:?}", batch.events) };
    two.verify().unwrap()
}

/// A chain that was read up to a final block, which is then replaced.
async fn broken(rig: &Rig, watcher: &impl Watcher) -> Cursor {
    rig.mine(24).await;
    let (_, cursor) = read_all(watcher, watcher.genesis().await.unwrap()).await;
    rig.beacon.equivocate(true).await;
    rig.anvil.reorg(20).await.unwrap();
    cursor
}

#[tokio::test]
async fn two_signed_final_blocks_of_one_slot_halt_with_both_updates() {
    let Some(rig) = Rig::start().await else { return };
    let light_client = rig.light_client();
    let watcher = EthereumWatcher::new(rig.config.clone(), light_client.clone()).unwrap();
    let cursor = broken(&rig, &watcher).await;
    let known = light_client.known().await;
    rig.beacon.sync().await.unwrap();
    let batch = watcher.read(&cursor).await.unwrap();
    let shown = shown(&batch);
    assert!(shown.place.contains("final block") && shown.first != shown.second, "{shown}");
    assert_eq!(batch.next, cursor, "nothing that came with it is believed");
    assert_eq!(light_client.known().await, known, "nor is either of the two");
}

#[tokio::test]
async fn a_final_block_of_another_line_halts_with_the_headers_that_show_it() {
    let Some(rig) = Rig::start().await else { return };
    let watcher = rig.watcher();
    let cursor = broken(&rig, &watcher).await;
    rig.mine(6).await;
    let shown = shown(&watcher.read(&cursor).await.unwrap());
    let replaced = cursor.finalized.unwrap();
    assert_eq!((shown.number, shown.first), (replaced.height, replaced.hash));
}

/// The headers are the node's word until they are checked.
#[tokio::test]
async fn false_headers_of_a_node_hide_no_contradiction_from_its_true_ones() {
    let Some(mut rig) = Rig::start().await else { return };
    let proxy = FaultProxy::start(rig.anvil.url()).await.unwrap();
    rig.config.execution = Endpoint::parse("execution", proxy.url()).unwrap();
    let watcher = rig.watcher();
    let cursor = broken(&rig, &watcher).await;
    rig.mine(6).await;
    let replaced = cursor.finalized.unwrap();

    let other = Anvil::start(AnvilOptions { chain_id: 7, ..AnvilOptions::default() }).await.unwrap();
    other.mine(60).await.unwrap();
    let height = format!("{:#x}", replaced.height);
    let foreign: Value = other.rpc("eth_getBlockByNumber", json!([height, false])).await.unwrap();
    proxy.lie(move |method, params, result| {
        if method == "eth_getBlockByNumber" && params[0] == height {
            *result = foreign.clone();
        }
    });
    let batch = watcher.read(&cursor).await.unwrap();
    assert!(matches!(&batch.events[..], [ChainEvent::Halted { evidence: None, .. }]), "{:?}", batch.events);

    proxy.be_honest();
    let shown = shown(&watcher.read(&batch.next).await.unwrap());
    assert_eq!((shown.number, shown.first), (replaced.height, replaced.hash));
}

/// Signatures need no other node's word: an endpoint that says nothing, or something else, hides no contradiction.
#[tokio::test]
async fn what_a_committee_signed_needs_no_quorum_of_nodes() {
    let Some(rig) = Rig::start().await else { return };
    let proxy = FaultProxy::start(rig.anvil.url()).await.unwrap();
    let pool = pool_of_two(&rig, &proxy);
    let cursor = broken(&rig, &pool).await;
    rig.beacon.sync().await.unwrap();
    proxy.lie(|method, _, result| {
        if method == "eth_getBlockByNumber" {
            *result = json!({ "refused": { "code": -32000, "message": "not now" } });
        }
    });
    shown(&pool.read(&cursor).await.unwrap());
}

/// A committee signed a block that was never the chain's, and the chain went on without it: its next final block shows that.
#[tokio::test]
async fn a_signed_block_that_the_chain_never_had_halts_once_the_chain_is_final_past_it() {
    let Some(rig) = Rig::start().await else { return };
    let light_client = rig.light_client();
    let watcher = EthereumWatcher::new(rig.config.clone(), light_client.clone()).unwrap();
    let (_, mut cursor) = read_all(&watcher, watcher.genesis().await.unwrap()).await;
    rig.mine(24).await;
    let stray = light_client.refresh().await.unwrap().unwrap().block;
    rig.beacon.equivocate(true).await;
    rig.anvil.reorg(20).await.unwrap();
    rig.mine(6).await;
    let halted = loop {
        let batch = watcher.read(&cursor).await.unwrap();
        if batch.events.iter().any(|event| matches!(event, ChainEvent::Halted { .. })) {
            break batch;
        }
        assert!(!batch.events.is_empty(), "nothing was said of {stray:?}");
        cursor = batch.next;
    };
    let shown = shown(&halted);
    assert_eq!((shown.number, shown.first), (stray.height, stray.hash));
}

/// As many headers as anybody would check: further apart, it halts without them.
#[tokio::test]
async fn a_final_block_that_was_replaced_too_far_below_halts_without_headers() {
    let Some(rig) = Rig::start().await else { return };
    let watcher = rig.watcher();
    let cursor = broken(&rig, &watcher).await;
    rig.mine(300).await;
    let batch = watcher.read(&cursor).await.unwrap();
    assert!(matches!(&batch.events[..], [ChainEvent::Halted { evidence: None, .. }]), "{:?}", batch.events);
}
