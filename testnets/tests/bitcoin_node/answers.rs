//! What it answers, to whom, and in which shape.

use bitcoin::{Address, Network};
use serde_json::{Value, json};
use spandrel_testnets::bitcoin::{Bitcoind, NodeError, RegtestNode};

use crate::scene::{fault, node, someone};

#[tokio::test]
async fn answers_have_the_shapes_of_core() {
    let node = node().await;
    let paid = node.pay(&someone(), 123_456_789).await.unwrap();
    let waiting = node.rpc().call("getrawtransaction", json!([paid.txid, 1])).await.unwrap();
    assert!(waiting.get("blockhash").is_none());
    let hash = node.mine(1).await.unwrap()[0];
    let call = |method, params| node.rpc().call(method, params);

    let info = call("getblockchaininfo", json!([])).await.unwrap();
    assert_eq!((&info["chain"], &info["bestblockhash"]), (&json!("regtest"), &json!(hash)));
    assert_eq!(info["blocks"], node.height());
    assert_eq!(call("getbestblockhash", json!([])).await.unwrap(), json!(hash));

    let header = call("getblockheader", json!([hash])).await.unwrap();
    for field in ["hash", "height", "version", "merkleroot", "time", "mediantime", "nonce", "chainwork", "nTx"] {
        assert!(!header[field].is_null(), "{field}");
    }
    assert_eq!((&header["confirmations"], &header["bits"]), (&json!(1), &json!("207fffff")));
    assert!(header.get("nextblockhash").is_none());
    let raw = call("getblockheader", json!([hash, false])).await.unwrap();
    assert_eq!(raw.as_str().unwrap().len(), 160);

    let ids = call("getblock", json!([hash])).await.unwrap();
    assert_eq!(ids["tx"][1], json!(paid.txid));
    let full = call("getblock", json!({ "blockhash": hash, "verbosity": 2 })).await.unwrap();
    let output = &full["tx"][1]["vout"][paid.vout as usize];
    assert_eq!(output["value"], 1.234_567_89);
    assert_eq!(output["scriptPubKey"]["type"], "witness_v1_taproot");
    assert!(full["tx"][1]["fee"].as_f64().unwrap() > 0.0);
    assert!(full["tx"][0]["vin"][0].get("coinbase").is_some());

    let mined = call("getrawtransaction", json!([paid.txid, true])).await.unwrap();
    assert_eq!((&mined["blockhash"], &mined["confirmations"]), (&json!(hash), &json!(1)));
    let coin = call("gettxout", json!([paid.txid, paid.vout])).await.unwrap();
    assert_eq!((&coin["value"], &coin["coinbase"]), (&json!(1.234_567_89), &json!(false)));
    let published = call("getzmqnotifications", json!([])).await.unwrap();
    assert_eq!(published[1]["type"], "pubrawblock");
    assert_eq!(published[1]["address"], node.zmq_endpoint());
    assert!(call("estimatesmartfee", json!([2])).await.unwrap()["errors"][0].is_string());
}

#[tokio::test]
async fn errors_have_the_codes_of_core() {
    let node = node().await;
    let unknown = "00".repeat(32);
    for (method, params, code) in [
        ("getblock", json!([unknown]), -5),
        ("getblockheader", json!([unknown]), -5),
        ("getblockhash", json!([1_000_000]), -8),
        ("getblockhash", json!([-1]), -8),
        ("getblock", json!(["zz"]), -8),
        ("getblockhash", json!(["one"]), -3),
        ("getblockhash", json!([]), -1),
        ("getrawtransaction", json!([unknown]), -5),
        ("sendrawtransaction", json!(["00"]), -22),
        ("sendtoaddress", json!(["nowhere", 1]), -5),
        ("sendtoaddress", json!([Address::from_script(&someone(), Network::Regtest).unwrap(), 100_000]), -6),
        ("invalidateblock", json!([unknown]), -5),
        ("getpeerinfo", json!([]), -32601),
    ] {
        assert_eq!(fault(node.rpc().call(method, params.clone()).await).code, code, "{method} {params}");
    }
}

#[tokio::test]
async fn only_the_right_password_is_let_in() {
    let node = node().await;
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let body = json!({ "method": "getblockcount", "params": [], "id": 1 });
    let post = || client.post(&node.rpc().url).json(&body);
    assert_eq!(post().send().await.unwrap().status(), 401);
    assert_eq!(post().basic_auth("spandrel", Some("guess")).send().await.unwrap().status(), 401);
    let let_in = post().basic_auth(&node.rpc().user, Some(&node.rpc().password)).send().await.unwrap();
    assert_eq!(let_in.status(), 200);
    assert!(!format!("{:?}", node.rpc()).contains(&node.rpc().password));
}

#[tokio::test]
async fn batches_and_version_two_calls_are_answered_in_their_shape() {
    let node = node().await;
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let post = async |body: Value| {
        let request = client.post(&node.rpc().url).basic_auth(&node.rpc().user, Some(&node.rpc().password));
        let response = request.json(&body).send().await.unwrap();
        (response.status().as_u16(), response.json::<Value>().await.unwrap())
    };
    let (status, answer) = post(json!({ "jsonrpc": "2.0", "method": "nothing", "id": 7 })).await;
    assert_eq!((status, &answer["error"]["code"], &answer["id"]), (200, &json!(-32601), &json!(7)));
    assert!(answer.get("result").is_none());
    let (status, answer) = post(json!({ "method": "nothing", "id": 7 })).await;
    assert_eq!((status, &answer["result"]), (404, &Value::Null));
    let (status, answers) = post(json!([
        { "method": "getblockcount", "id": 1 },
        { "method": "getblockhash", "params": [0], "id": 2 },
    ]))
    .await;
    assert_eq!((status, answers.as_array().unwrap().len()), (200, 2));
    assert_eq!(answers[0]["result"], node.height());
}

#[tokio::test]
async fn a_bitcoind_that_is_not_one_is_reported_and_not_waited_for() {
    let missing = Bitcoind::start(std::path::Path::new("no-such-folder/bitcoind")).await;
    assert!(matches!(missing, Err(NodeError::Io { .. })));
    let path = std::env::var_os("PATH").unwrap();
    let Some(echo) = std::env::split_paths(&path).map(|folder| folder.join("echo")).find(|file| file.is_file()) else {
        println!("skipped: echo not found");
        return;
    };
    let Err(NodeError::Ended { log }) = Bitcoind::start(&echo).await else { panic!("echo is no bitcoind") };
    assert!(log.contains("-datadir="), "its last lines are shown: {log}");
    assert!(!log.contains("rpcpassword"), "{log}");
}
