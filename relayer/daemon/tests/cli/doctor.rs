//! `spandrel doctor`: each thing that can be wrong is told apart, with how to mend it, and no secret is.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::json;
use spandrel_core::ledger::{Commit, Halt, Ledger};
use spandrel_engine::{Alarms, Sentinel};
use spandrel_risk::{RiskEvent, Scope};
use spandrel_store::Sqlite;
use spandrel_watchers::pool::TOLERATED_DISSENT;
use spandrel_watchers::sentinel::SourceView;

use crate::readiness::Disputed;
use crate::run::{ends, free_port, on_a_terminal, silent_book, told};
use crate::ward::{CHAIN, SECRET, Ward, bitcoin, evm, node, row, wrong};

#[tokio::test(flavor = "multi_thread")]
async fn where_nothing_runs_every_node_is_named_with_how_to_mend_it() {
    let ward = Ward::away();
    let (code, report) = ward.look(ward.command()).await;
    assert_eq!((code, &report["well"]), (5, &false.into()), "{report:#}");
    for who in ["node 1", "node 2", "node 3", "node of verifier"] {
        wrong(&report, &format!("bitcoin {CHAIN} {who}"), &["127.0.0.1", "start the node"]);
    }
    wrong(&report, "destination eip155:31337 node", &["127.0.0.1", "start the node"]);
    for what in ["destination eip155:31337 contracts", "destination eip155:31337 account", "database", "clock"] {
        assert_eq!(row(&report, what)["state"], "skipped");
    }
    for what in ["configuration", "api.webhook_key", "account key relayer", "verifier key verifier"] {
        assert_eq!(row(&report, what)["state"], "ok", "{report:#}");
    }
    assert_eq!(report["wrong"], 5);
    assert!(!ward.path().join("spandrel.sqlite").exists(), "nothing is made");
}

/// On a terminal, as `script` makes one, a bar is drawn while nodes are asked; beside JSON and without a terminal none.
#[test]
fn a_bar_is_drawn_on_a_terminal_only() {
    let ward = Ward::away();
    let quiet = ends(ward.path(), &["doctor"], 5, &["configuration"]);
    assert!(!told(&quiet).contains("looking ["), "no bar where there is no terminal: {}", told(&quiet));
    if let Some(shown) = on_a_terminal(ward.path(), &["doctor"]) {
        assert!(shown.contains("looking [") && shown.contains("/6") && shown.contains("configuration"), "{shown:?}");
    }
    if let Some(shown) = on_a_terminal(ward.path(), &["doctor", "--json"]) {
        assert!(!shown.contains("looking ["), "none beside JSON: {shown:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_answers_wrongly_is_told_apart() {
    let (chain, target) = (bitcoin(), evm(31_337));
    let other = bitcoin();
    other.lock().unwrap().insert("getblockhash", json!("00".repeat(32)));
    let locked = node(bitcoin(), Some(SECRET)).await;
    let nodes = [
        node(chain, None).await,
        node(other, None).await,
        locked,
        node(bitcoin(), None).await,
        node(target.clone(), None).await,
    ];
    let ward = Ward::new([&nodes[0], &nodes[1], &nodes[2], &nodes[3], &nodes[4]]);
    let (code, report) = ward.look(ward.command()).await;
    assert_eq!(code, 5);
    assert_eq!(row(&report, &format!("bitcoin {CHAIN} node 1"))["state"], "ok", "{report:#}");
    wrong(&report, &format!("bitcoin {CHAIN} node 2"), &["block 0: expected 0x06226e46", "found 0x0000", "network"]);
    assert_eq!(row(&report, &format!("bitcoin {CHAIN} node 3"))["state"], "ok", "a password lets in: {report:#}");
    assert_eq!(row(&report, "destination eip155:31337 node")["state"], "ok", "{report:#}");
    assert_eq!(row(&report, "clock")["state"], "ok", "{report:#}");
    assert_eq!(row(&report, "destination eip155:31337 inbox")["state"], "ok", "{report:#}");
    wrong(&report, "destination eip155:31337 account", &["expected at least", "found 5", "send it"]);

    let inbox = "eth_getCode 0x7777777777777777777777777777777777777777";
    target.lock().unwrap().insert(inbox, json!("0x"));
    let (_, report) = ward.look(ward.command()).await;
    wrong(&report, "destination eip155:31337 inbox", &["expected a contract at 0x7777", "found none"]);
    target.lock().unwrap().remove("eth_simulateV1");
    let (_, report) = ward.look(ward.command()).await;
    wrong(&report, "destination eip155:31337 node", &["unknown method", "eth_simulateV1"]);
    target.lock().unwrap().insert("eth_chainId", json!("0x1"));
    let (_, report) = ward.look(ward.command()).await;
    wrong(&report, "destination eip155:31337 node", &["chain id: expected 31337, found 1"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_secrets_and_the_ledger_are_looked_at() {
    let nodes = [
        node(bitcoin(), None).await,
        node(bitcoin(), None).await,
        node(bitcoin(), None).await,
        node(bitcoin(), None).await,
        node(evm(31_337), None).await,
    ];
    let ward = Ward::new([&nodes[0], &nodes[1], &nodes[2], &nodes[3], &nodes[4]]);
    let mut command = ward.command();
    command.env("RELAYER_PASSWORD", "another").env_remove("BITCOIN_RPC_PASSWORD").env("SPANDREL_WEBHOOK_KEY", "short");
    let (_, report) = ward.look(command).await;
    wrong(&report, "account key relayer", &["wrong password or damaged file", "env:RELAYER_PASSWORD"]);
    wrong(&report, &format!("bitcoin {CHAIN} node 1"), &["env:BITCOIN_RPC_PASSWORD: expected a value, found none set"]);
    wrong(&report, "api.webhook_key", &["expected at least 32 bytes", "env:SPANDREL_WEBHOOK_KEY"]);

    ward.edit("name = \"verifier\"", "name = \"relayer\"");
    ward.edit("env:VERIFIER_PASSWORD", "env:RELAYER_PASSWORD");
    let (_, report) = ward.look(ward.command()).await;
    wrong(&report, "verifier key relayer", &["expected a member of the set of epoch 1, found 0x"]);
    ward.edit(
        "name = \"relayer\", password = \"env:RELAYER_PASSWORD\" }\n# Most wei",
        "name = \"nobody\", password = \"env:RELAYER_PASSWORD\" }\n# Most wei",
    );
    let (_, report) = ward.look(ward.command()).await;
    wrong(&report, "account key nobody", &["nobody", "spandrel keys new nobody"]);

    let path = ward.path().join("spandrel.sqlite");
    let store = Sqlite::open(&path).await.unwrap();
    let chain: spandrel_verifiers::ChainId = CHAIN.parse().unwrap();
    let halt = Some(Halt::told(chain, "a final block was replaced"));
    store.commit(Commit { now: 1, halt, ..Commit::default() }).await.unwrap();
    store.close().await;
    let (_, report) = ward.look(ward.command()).await;
    assert_eq!(row(&report, "database")["state"], "ok", "{report:#}");
    wrong(&report, &format!("chain {CHAIN}"), &["halted: a final block was replaced", "spandrel acknowledge"]);
    std::fs::write(&path, "").unwrap();
    for beside in ["-wal", "-shm"] {
        std::fs::remove_file(format!("{}{beside}", path.display())).unwrap_or_default();
    }
    let (_, report) = ward.look(ward.command()).await;
    wrong(&report, "database", &["schema: expected version", "found 0", "spandrel db migrate"]);
    std::fs::write(&path, "no database at all, but long enough to be looked at as one").unwrap();
    let (_, report) = ward.look(ward.command()).await;
    wrong(&report, "database", &["not a database", "backup"]);
}

/// What sentinels paused for stands in the ledger, also while the process that found it is down.
#[tokio::test(flavor = "multi_thread")]
async fn what_sentinels_found_is_told_until_guardians_have_lifted_it() {
    let ward = Ward::away();
    let config = spandrel::config::Config::read(&ward.path().join("spandrel.toml")).unwrap();
    let nodes = Arc::new(Disputed::default());
    nodes.for_so_long(Some(TOLERATED_DISSENT * 2));
    let nodes: Arc<dyn SourceView> = nodes;
    let book = silent_book(&config).await;
    let chain: spandrel_verifiers::ChainId = CHAIN.parse().unwrap();
    let sources = BTreeMap::from([(chain.clone(), nodes)]);
    let sentinel = Sentinel::new(book.clone(), Vec::new(), sources, Vec::new(), Alarms::default());
    sentinel.look_once().await.unwrap();
    let scope = Scope::Chain { chain };
    let (_, report) = ward.look(ward.command()).await;
    let what = format!("sentinels: {scope}");
    wrong(&report, &what, &["nodes_disagree", "node-0 has shown other blocks", "runbook", "spandrel resume"]);
    book.record_risk(RiskEvent::Resumed { scope }).await.unwrap();
    let (_, report) = ward.look(ward.command()).await;
    assert!(report["rows"].as_array().unwrap().iter().all(|row| row["what"] != what.as_str()), "{report:#}");
    book.ledger().close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_node_of_a_price_feed_is_asked_for_a_price_that_is_believed() {
    const FEED: &str = "eth_call 0x00000000000000000000000000000000000fee00";
    let word = |number: u64| format!("{number:064x}");
    // 64,123.5 with some confidence, eight digits behind the point, as Pyth tells it.
    let told = |confidence: u64, at: u64| {
        let exponent = format!("{}f8", "ff".repeat(31));
        json!(format!("0x{}{}{exponent}{}", word(6_412_350_000_000), word(confidence), word(at)))
    };
    let (now, publishing, elsewhere) = (spandrel::clock::unix_now(), evm(31_337), evm(1));
    publishing.lock().unwrap().insert(FEED, told(1_200_000_000, now));
    elsewhere.lock().unwrap().insert(FEED, told(1_200_000_000, now));
    let feeds =
        [node(publishing.clone(), None).await, node(elsewhere, None).await, "http://127.0.0.1:1/t0ken".to_owned()];
    let ward = Ward::away();
    let asset = format!("{CHAIN}/slip44:0");
    let id = "00".repeat(32);
    let feed = format!(
        "[[price_feed]]\nasset = \"{asset}\"\nchain = \"eip155:31337\"\n\
         contract = \"0x00000000000000000000000000000000000fee00\"\ndigits = 6\nevery_seconds = 10\nquorum = 2\n\
         nodes = {feeds:?}\npublisher = {{ kind = \"pyth\", id = \"0x{id}\" }}\n\n[[wide.destination]]"
    );
    ward.edit("[[wide.destination]]", &feed);
    let (_, report) = ward.look(ward.command()).await;
    let of = |position: u64| format!("price of {asset} node {position}");
    let first = row(&report, &of(1));
    assert!(first["state"] == "ok" && first["found"].as_str().unwrap().starts_with("64123500000 with"), "{first}");
    wrong(&report, &of(2), &["eip155:31337", "eip155:1", "correct `nodes`"]);
    wrong(&report, &of(3), &["127.0.0.1:1", "start the node"]);

    for untold in [told(1_200_000_000, now - 1_000_000), told(6_000_000_000_000, now), told(0, now + 1_000_000)] {
        publishing.lock().unwrap().insert(FEED, untold);
        let (_, report) = ward.look(ward.command()).await;
        wrong(&report, &of(1), &["expected one of the last", "found 64123500000", "still published to"]);
    }
    publishing.lock().unwrap().insert(FEED, json!("0x"));
    let (_, report) = ward.look(ward.command()).await;
    wrong(&report, &of(1), &["correct `nodes`"]);
}

/// Signers would answer nobody, and nobody would say why.
#[tokio::test(flavor = "multi_thread")]
async fn a_request_key_that_signers_do_not_answer_is_told_by_doctor_and_check() {
    let ward = Ward::away();
    let bus = |by: &str| {
        let key = "request_key = { name = \"requests\", password = \"env:RELAYER_PASSWORD\" }";
        let server = "url = \"tls://127.0.0.1:1\"\nname = \"main\"\ncredentials = \"env:NO_SUCH_SEED\"";
        format!("[bus]\n{server}\n{key}\nrequests_by = [\"{by}\"]\n[telemetry]")
    };
    let stranger = "0xffffffffffffffffffffffffffffffffffffffff";
    ward.edit("[telemetry]", &bus(stranger));
    let check = ["config", "check"];
    let (_, report) = ward.look(ward.command()).await;
    wrong(&report, "request key requests", &["requests", "spandrel keys new requests"]);
    ends(ward.path(), &check, 1, &["bus.request_key: expected requests in", "found no such key"]);

    let keystore = spandrel_signer::Keystore::open(ward.path().join("keys"), spandrel_signer::Hardness::Dev).unwrap();
    let made = keystore.create("requests", &spandrel_signer::Secret::new(SECRET.to_owned()).unwrap()).unwrap();
    let (_, report) = ward.look(ward.command()).await;
    let found = format!("expected one of bus.requests_by, found {}", made.address);
    wrong(&report, "request key requests", &[&found, "put its address into bus.requests_by"]);
    let refused = format!("bus.request_key: expected one whose address is in bus.requests_by, found {}", made.address);
    ends(ward.path(), &check, 1, &[&refused]);

    ward.edit(stranger, &made.address.to_string());
    let (_, report) = ward.look(ward.command()).await;
    assert_eq!(row(&report, "request key requests")["state"], "ok", "{report:#}");
    ends(ward.path(), &check, 0, &["ok"]);
}

/// A bar in a log, or beside JSON, is noise.
#[tokio::test(flavor = "multi_thread")]
async fn no_bar_is_drawn_where_standard_error_is_no_terminal() {
    let ward = Ward::away();
    let mut plain = std::process::Command::new(env!("CARGO_BIN_EXE_spandrel"));
    plain.current_dir(ward.path()).arg("doctor");
    for mut command in [plain, ward.command()] {
        let output = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
        assert!(output.status.code() == Some(5) && output.stderr.is_empty(), "{}", told(&output));
    }
}

/// One verifier of a set of which two must agree proves nothing by itself.
#[tokio::test(flavor = "multi_thread")]
async fn a_verifier_that_hears_of_no_others_is_warned_of() {
    let ward = Ward::away();
    let (_, report) = ward.look(ward.command()).await;
    let row = row(&report, "verifiers");
    assert_eq!(
        (&row["state"], &row["found"]),
        (&"warn".into(), &"expected 2 verifiers here or a bus to others, found 1 and no bus".into())
    );
    let bus = format!("[bus]\nurl = \"nats://127.0.0.1:{}\"\nname = \"main\"\n[telemetry]", free_port());
    ward.edit("[telemetry]", &bus);
    let (_, report) = ward.look(ward.command()).await;
    assert!(!report["rows"].to_string().contains("no bus"), "{report:#}");
}

/// What users send with their keys is read by whoever is between.
#[tokio::test(flavor = "multi_thread")]
async fn a_transfer_api_for_everybody_in_plain_http_is_warned_of() {
    let ward = Ward::away();
    let state = async || {
        let (_, report) = ward.look(ward.command()).await;
        let row = row(&report, "api.listen");
        let warnings = report["warnings"].as_u64().unwrap();
        (row["state"].as_str().unwrap().to_owned(), format!("{} {}", row["found"], row["mend"]), warnings)
    };
    let (found, text, warnings) = state().await;
    assert!(found == "ok" && text.contains("loopback") && warnings == 1, "{text}");
    let config = spandrel::config::Config::read(&ward.path().join("spandrel.toml")).unwrap();
    let port = config.api.unwrap().listen.port();
    ward.edit(&format!("127.0.0.1:{port}"), &format!("0.0.0.0:{port}"));
    let (found, text, warnings) = state().await;
    assert!(found == "warn" && warnings == 2, "{text}");
    assert!(text.contains(&format!("found plain HTTP on 0.0.0.0:{port}")) && text.contains("[api.proxies]"), "{text}");
    ward.edit("\n[control]", "\n[api.proxies]\nnetworks = [\"10.0.0.7/32\"]\nheader = \"forwarded\"\n\n[control]");
    let (found, text, _) = state().await;
    assert!(found == "ok" && text.contains("for the terminators"), "{text}");
}

#[test]
fn a_configuration_that_does_not_read_is_the_first_thing_to_mend() {
    let folder = tempfile::tempdir().unwrap();
    ends(folder.path(), &["doctor"], 5, &["configuration", "WRONG", "spandrel.toml", "To mend"]);
    let text = spandrel::config::EXAMPLE.replace("pause_seconds", "pause_secs");
    std::fs::write(folder.path().join("spandrel.toml"), text).unwrap();
    ends(folder.path(), &["doctor"], 5, &["configuration", "pause_secs"]);
}
