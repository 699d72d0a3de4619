//! Each finding of the doctor that needs a scene of its own: ledgers, sets, nodes beside the first ones, accounts.

use std::collections::BTreeSet;

use alloy_primitives::Address;
use axum::http::StatusCode;
use serde_json::{Value, json};
use spandrel::config::Config;
use spandrel::wiring::least_balance;
use spandrel_core::ledger::{Commit, Ledger};
use spandrel_risk::control::{ControlEvent, Outcome, SignerRole};
use spandrel_store::Sqlite;
use spandrel_verifiers::attestation::SignerSet;

use crate::policy::started;
use crate::replay::prompt;
use crate::run::{ends, free_port};
use crate::ward::{CHAIN, SECRET, Ward, bitcoin, evm, node, row, wrong};

async fn looked_at(ward: &Ward) -> Value {
    ward.look(ward.command()).await.1
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ledger_that_cannot_be_used_is_told_with_how_to_mend_it() {
    let ward = Ward::away();
    let place = |text: &str| format!("database = {text:?}");
    let path = ward.path().join("spandrel.sqlite").display().to_string();
    ward.edit(&place(&path), &place("none/spandrel.sqlite"));
    wrong(&looked_at(&ward).await, "database", &["expected a folder for none/spandrel.sqlite", "make the folder"]);
    ward.edit(&place("none/spandrel.sqlite"), &place("spandrel.sqlite"));
    assert_eq!(row(&looked_at(&ward).await, "database")["state"], "skipped", "the first start makes it here");
    ward.edit(&place("spandrel.sqlite"), &place(&path));

    Sqlite::open(ward.path().join("spandrel.sqlite")).await.unwrap().close().await;
    ends(ward.path(), &["api", "new-key", "shop"], 0, &[]);
    let narrower = "UPDATE sqlite_master SET sql = replace(sql, 'revoked_at  INTEGER', 'revoked_at  INTEGER NOT NULL') \
                    WHERE name = 'api_keys'";
    prompt(ward.path(), &["PRAGMA writable_schema = ON".to_owned(), narrower.to_owned()]).await;
    wrong(&looked_at(&ward).await, "database", &["expected a whole file, found: NULL value in api_keys", "backup"]);
    let newer = "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time) \
                 VALUES (9999, 'from the future', TRUE, x'00', 0)";
    prompt(ward.path(), &[newer.to_owned()]).await;
    wrong(&looked_at(&ward).await, "database", &["found 9999", "run the program that is as new as the ledger"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_set_that_guardians_did_not_agree_on_is_told_apart_from_a_looser_file() {
    let ward = Ward::away();
    let config = Config::read(&ward.path().join("spandrel.toml")).unwrap();
    let book = started(&config).await;
    assert_eq!(row(&looked_at(&ward).await, "agreed policy")["found"], "the configuration's");
    ward.edit("pause_seconds = ", "pause_seconds = 1");
    let stricter = looked_at(&ward).await;
    assert!(
        row(&stricter, "agreed policy")["found"].as_str().unwrap().contains("from the next start on"),
        "{stricter:#}"
    );
    ward.edit("pause_seconds = 1", "pause_seconds = ");
    let members: BTreeSet<Address> = (1..=3).map(Address::repeat_byte).collect();
    let outcome = Outcome::SignersChanged { role: SignerRole::Verifiers, set: SignerSet::new(2, 2, members).unwrap() };
    let control =
        vec![ControlEvent::Done { proposal: None, outcome, by: "ada and bo: a drill".to_owned(), before: None }];
    let expected_control_sequence = 1;
    book.ledger().commit(Commit { now: 1, control, expected_control_sequence, ..Commit::default() }).await.unwrap();
    book.ledger().close().await;
    wrong(&looked_at(&ward).await, "agreed policy", &["verifiers", "configure the set that guardians agreed on"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn where_there_is_no_keystore_it_is_told_once_and_how_one_is_made() {
    let ward = Ward::away();
    ward.edit("keystore = \"keys\"", "keystore = \"elsewhere\"");
    let report = looked_at(&ward).await;
    wrong(&report, "keystore", &["expected a folder at elsewhere, found none", "spandrel keys new"]);
    assert_eq!(row(&report, "destination eip155:31337 account")["state"], "skipped");
}

#[tokio::test(flavor = "multi_thread")]
async fn nodes_beside_the_first_ones_are_looked_at_too() {
    let locked = axum::Router::new().fallback(async || StatusCode::UNAUTHORIZED);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let refusing = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, locked).await.unwrap() });
    let (polled, of_verifier) = (node(bitcoin(), None).await, node(bitcoin(), None).await);
    let (target, other) = (node(evm(31_337), None).await, node(evm(1), None).await);
    let ward = Ward::new([&node(bitcoin(), None).await, &polled, &refusing, &of_verifier, &target]);
    let away = format!("http://127.0.0.1:{}", free_port());
    let witnesses = format!("witness_rpc = [{target:?}, {other:?}, {away:?}]");
    ward.edit("# witness_rpc = [\"https://second.example\"]", &witnesses);
    let signer = format!(
        "[[signer]]\nkey = {{ name = \"relayer\", password = \"env:RELAYER_PASSWORD\" }}\n[signer.bitcoin.\"{CHAIN}\"]\n\
         rpc = {away:?}\nuser = \"spandrel\"\npassword = \"env:RELAYER_PASSWORD\"\n[[verifier]]"
    );
    ward.edit("[[verifier]]", &signer);
    let report = looked_at(&ward).await;
    let of = |who: &str| format!("bitcoin {CHAIN} {who}");
    let found = |what: &str| row(&report, what)["found"].as_str().unwrap().to_owned();
    assert!(found(&of("node 1")).ends_with("height 120"), "{report:#}");
    assert!(found(&of("node 2")).ends_with("height 120, polled (no zmq)"), "{report:#}");
    wrong(&report, &of("node 3"), &["correct `user`"]);
    wrong(&report, &of("node of relayer"), &["start the node"]);
    assert_eq!(row(&report, "destination eip155:31337 witness 1")["found"], "height 9");
    wrong(&report, "destination eip155:31337 witness 2", &["chain id: expected 31337, found 1", "witness_rpc"]);
    wrong(&report, "destination eip155:31337 witness 3", &["127.0.0.1", "nothing ends for good without it"]);
    wrong(&report, "signer key relayer", &["expected a member of the set of epoch 1"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_needs_one_full_batch_and_a_guardians_role() {
    const ASKED: &str = "eth_call 0xaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
    const AUTHORITY: &str = "eth_call 0x0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b";
    let target = evm(31_337);
    let ward = Ward::away();
    let dead = Config::read(&ward.path().join("spandrel.toml")).unwrap().destination[0].clone();
    ward.edit(&dead.rpc, &node(target.clone(), None).await);
    let word = |number: u8| format!("{number:064x}");
    target.lock().unwrap().insert(ASKED, json!(format!("0x{}{}", "00".repeat(12), "0b".repeat(20))));
    let (account, pauses) = ("destination eip155:31337 account", "destination eip155:31337 account's pauses");
    let least = least_balance(&dead);
    for (has, may_pause) in [(least, 1), (least - alloy_primitives::U256::ONE, 0)] {
        target.lock().unwrap().insert("eth_getBalance", json!(format!("{has:#x}")));
        target.lock().unwrap().insert(AUTHORITY, json!(format!("0x{}{}", word(may_pause), word(0))));
        let report = looked_at(&ward).await;
        if may_pause == 1 {
            assert_eq!(row(&report, account)["state"], "ok", "{report:#}");
            assert_eq!(row(&report, pauses)["found"], "it may pause on the chain", "{report:#}");
        } else {
            wrong(&report, account, &["expected at least", "send it 1 wei or more"]);
            wrong(&report, pauses, &["expected a guardian of 0xaAaAaAaa", "grant 0x"]);
        }
    }
}

/// Nobody listens there.
#[tokio::test(flavor = "multi_thread")]
async fn a_bus_that_is_away_is_told_apart() {
    let ward = Ward::away();
    let url = format!("nats://127.0.0.1:{}", free_port());
    ward.edit("[telemetry]", &format!("[bus]\nurl = {url:?}\nname = \"main\"\n[telemetry]"));
    let report = looked_at(&ward).await;
    wrong(&report, &format!("bus {url}"), &["expected a connection, found none", "start nats-server"]);
    assert!(!report.to_string().contains(SECRET));
}
