//! Nodes and configurations that are not taken.

use std::time::Duration;

use spandrel_testnets::bitcoin::RegtestNode;
use spandrel_verifiers::bitcoin::{Anchor, ChainParams};
use spandrel_verifiers::follow::{FollowError, Watcher};
use spandrel_watchers::bitcoin::{BitcoinConfig, BitcoinWatcher, RpcAuth, RpcEndpoint};

use crate::bitcoin_common::{self, *};

#[tokio::test]
async fn a_node_of_another_network_is_refused_for_good() {
    let node = funded().await;
    let params = ChainParams::mainnet();
    let config = BitcoinConfig { anchor: Anchor::genesis(&params).unwrap(), params, ..config(&node) };
    let watcher = BitcoinWatcher::new(config, book([])).unwrap();
    let error = watcher.genesis().await.unwrap_err();
    let FollowError::Permanent { expected, found, .. } = error else { panic!("{error}") };
    assert!(expected.starts_with("000000000019d668") && found.starts_with("0f9188f13cb7b2c7"));
    let regtest = bitcoin_common::watcher(&node, &book([]));
    let cursor = regtest.genesis().await.unwrap();
    assert!(matches!(watcher.read(&cursor).await, Err(FollowError::Permanent { .. })));
}

#[tokio::test]
async fn a_refused_login_is_permanent_and_an_unreachable_node_is_not() {
    let node = funded().await;
    let auth = RpcAuth::Password { user: "spandrel".to_owned(), password: "gu355".to_owned() };
    let config_with = |rpc| BitcoinConfig { rpc, ..config(&node) };
    let rpc = RpcEndpoint::parse(&node.rpc().url, auth.clone()).unwrap();
    let error = BitcoinWatcher::new(config_with(rpc), book([])).unwrap().genesis().await.unwrap_err();
    assert!(matches!(error, FollowError::Permanent { .. }), "{error}");
    assert!(!error.to_string().contains("gu355"));

    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let rpc = RpcEndpoint::parse(&format!("http://{closed}"), auth).unwrap();
    let error = BitcoinWatcher::new(config_with(rpc), book([])).unwrap().genesis().await.unwrap_err();
    assert!(matches!(error, FollowError::Transient { .. }), "{error}");
}

#[tokio::test]
async fn a_cookie_file_is_read_anew_for_every_call() {
    let node = funded().await;
    let cookie = std::env::temp_dir().join(format!("spandrel-cookie-{}", std::process::id()));
    std::fs::write(&cookie, "__cookie__:old").unwrap();
    let rpc = RpcEndpoint::parse(&node.rpc().url, RpcAuth::Cookie(cookie.clone())).unwrap();
    let watcher = BitcoinWatcher::new(BitcoinConfig { rpc, ..config(&node) }, book([])).unwrap();
    let error = watcher.genesis().await.unwrap_err();
    assert!(matches!(error, FollowError::Transient { .. }), "the node may write another: {error}");
    std::fs::write(&cookie, format!("{}:{}\n", node.rpc().user, node.rpc().password)).unwrap();
    watcher.genesis().await.unwrap();
    std::fs::remove_file(&cookie).unwrap();
}

#[tokio::test]
async fn bad_configurations_are_refused() {
    let node = funded().await;
    let good = config(&node);
    for (bad, field) in [
        (BitcoinConfig { vault: alloy_primitives::B256::ZERO, ..good.clone() }, "vault"),
        (BitcoinConfig { confirmations: 0, ..good.clone() }, "confirmations"),
        (BitcoinConfig { max_blocks: 0, ..good.clone() }, "max_blocks"),
        (BitcoinConfig { idle: Duration::ZERO, ..good.clone() }, "idle"),
        (BitcoinConfig { zmq: Some("127.0.0.1:28332".to_owned()), ..good.clone() }, "zmq"),
    ] {
        let error = BitcoinWatcher::new(bad, book([])).err().expect("refused").to_string();
        assert!(error.contains(field), "{error}");
    }
}
