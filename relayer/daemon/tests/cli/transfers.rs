//! `spandrel transfer`: the ledger's list, and a transfer ordered and followed through a served transfer API.

use std::sync::Arc;
use std::time::Duration;

use alloy_primitives::B256;
use spandrel::clock::{moment, unix_now};
use spandrel::wiring;
use spandrel_api::{Live, issue_key};
use spandrel_core::ledger::{Commit, CursorMove, EffectEnd, Ledger};
use spandrel_core::{Event, Executor, Input, Status, Transfer};
use spandrel_engine::Observer;
use spandrel_risk::Reason;
use spandrel_store::{ApiGrant, ApiScope, TenantClass};
use spandrel_verifiers::DepositId;
use spandrel_verifiers::follow::{BlockRef, Cursor};

use crate::run::{ServedApi, book, configured, ends, furnished, hold, json, see, silent_book, spandrel, tell, told};

#[tokio::test]
async fn the_list_is_filtered_and_paged() {
    let folder = tempfile::tempdir().unwrap();
    let (_, ids) = furnished(folder.path()).await;
    let list = |more: &[&str]| {
        let rows = json(&ends(folder.path(), &[&["transfer", "list", "--json"], more].concat(), 0, &[]));
        rows.as_array().unwrap().iter().map(|row| row["id"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let names: Vec<String> = ids.iter().rev().map(DepositId::to_string).collect();
    assert_eq!(list(&[]), names);
    assert_eq!(list(&["--limit", "1"]), names[..1]);
    assert_eq!(list(&["--limit", "1", "--before", "3"]), names[1..2]);
    assert_eq!(list(&["--status", "quarantined"]), names[1..2]);
    assert_eq!(list(&["--sender", &format!("0x{}", "bb".repeat(32))]), names);
    assert_eq!(list(&["--sender", &format!("0x{}", "bc".repeat(20))]), Vec::<String>::new());
    assert_eq!(list(&["--source-tx", &"07".repeat(32)]), names);
    ends(folder.path(), &["transfer", "list"], 0, &["place", "no such thing", "dropped by ada"]);
    ends(folder.path(), &["transfer", "show", &names[1]], 0, &["status     quarantined: no such thing", "observed"]);
    for (command, code, parts) in [
        (&["transfer", "list", "--status", "lost"][..], 2, &["lost", "possible values", "quarantined"][..]),
        (&["transfer", "list", "--limit", "0"], 2, &["0 is not in 1..=1000"]),
        (
            &["transfer", "list", "--sender", "ada"],
            1,
            &["sender: expected an address, or 32 bytes of hex, found \"ada\""],
        ),
        (&["transfer", "list", "--source-tx", "12"], 1, &["source_tx: expected 0x-hex or 64 digits, found \"12\""]),
        (&["transfer", "show", "12"], 1, &["transfer id: expected 0x and 64 digits, found \"12\""]),
    ] {
        ends(folder.path(), command, code, parts);
    }
}

/// By the ledger alone: how far the chain was read, and what was agreed on for deposits of its amount.
#[tokio::test]
async fn a_shown_transfer_says_how_many_blocks_stand_on_it_and_how_many_prove_it() {
    let folder = tempfile::tempdir().unwrap();
    let config = configured(folder.path());
    let book = silent_book(&config).await;
    wiring::agree(&config, &book).await.unwrap();
    let id = see(&book, &config, 1).await.to_string();
    let show = ["transfer", "show", &id];
    assert!(!told(&ends(folder.path(), &show, 0, &[])).contains("confirmed"), "nothing of its chain was read");
    let next = Cursor::at(BlockRef { height: 103, hash: B256::repeat_byte(2), time: unix_now() });
    let cursor = Some(CursorMove { chain: config.bitcoin[0].chain.clone(), expected: None, next });
    book.ledger().commit(Commit { now: unix_now(), cursor, ..Commit::default() }).await.unwrap();
    book.ledger().close().await;
    ends(folder.path(), &show, 0, &["confirmed  3 of 6"]);
    let shown = json(&ends(folder.path(), &[&show[..], &["--json"]].concat(), 0, &[]));
    assert_eq!(shown["depth"], serde_json::json!({ "confirmations": 3, "confirmations_required": 6 }));
}

/// What an operator asks of a transfer that stands still: who is to do what, and why it is not done.
#[tokio::test]
async fn a_shown_transfer_says_what_is_to_be_done_for_it_and_what_failed_last() {
    let folder = tempfile::tempdir().unwrap();
    let config = configured(folder.path());
    let book = silent_book(&config).await;
    wiring::agree(&config, &book).await.unwrap();
    let (id, held) = (see(&book, &config, 1).await, hold(&book, &config, 2, Reason::Unknown).await);
    let (store, now, name) = (book.ledger(), unix_now(), id.to_string());
    let show = |parts: &[&str]| told(&ends(folder.path(), &["transfer", "show", &name], 0, parts));
    show(&["to be done", "request_attestation", "signers"]);
    let leased = store.lease(&Executor::Signers, now, now + 60, 10).await.unwrap();
    show(&["under way, or"]);
    let effect = leased.iter().find(|leased| leased.deposit == id).unwrap().id;
    let end = EffectEnd::Retry { run_at: now + 30, error: "the bus hung up".to_owned() };
    store.commit(Commit { now, ended: vec![(effect, end)], ..Commit::default() }).await.unwrap();
    show(&["the bus hung up", &moment(now + 30).to_string(), &moment(now).to_string()]);
    let shown = json(&ends(folder.path(), &["transfer", "show", &name, "--json"], 0, &[]));
    let failed = serde_json::json!({
        "step": "request_attestation", "executor": "signers", "attempt": 1, "next_try": now + 30, "is_leased": false,
        "overdue_since": now, "last_error": "the bus hung up",
    });
    assert_eq!(shown["open"], serde_json::json!([failed]));
    store.commit(Commit { now, ended: vec![(effect, EffectEnd::Done)], ..Commit::default() }).await.unwrap();
    assert!(!show(&[]).contains("to be done"));
    let Status::Held { until: Some(until), .. } = store.transfer(held).await.unwrap().unwrap().status else {
        panic!("it is held until a time")
    };
    let until = format!(", until {}", moment(until));
    ends(folder.path(), &["transfer", "show", &held.to_string()], 0, &["status     held: ", &until]);
    store.close().await;
}

/// A key of the operator's may do what it was made for, and its scopes are listed.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_key_does_what_its_scopes_say_and_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let config = configured(folder.path());
    let api = ServedApi::new(&config, &silent_book(&config).await, Live::default()).await;
    let routes: serde_json::Value = reqwest::get(format!("{}/v1/routes", api.url)).await.unwrap().json().await.unwrap();
    let (here, url, route) = (folder.path().to_owned(), api.url.clone(), routes[0]["id"].as_str().unwrap().to_owned());
    tokio::task::spawn_blocking(move || {
        let made = |name: &str, scopes: &[&str]| {
            let command = [&["api", "new-key", name, "--json"], scopes].concat();
            let key = json(&ends(&here, &command, 0, &[]))["key"].as_str().unwrap().to_owned();
            std::fs::write(here.join(name), key).unwrap();
        };
        made("whole", &[]);
        made("told", &["--scope", "webhooks:write"]);
        made("orders", &["--scope", "transfers:write"]);
        made("both", &["--scope", "transfers:write", "--scope", "webhooks:write"]);
        let send = |name: &str, code: i32, parts: &[&str]| {
            let order = ["transfer", "send", "--api", &url, "--route", &route, "--amount", "50000"];
            let to = ["--recipient", "0x00000000000000000000000000000000000000aa"];
            let back = ["--refund-key", "c6047f9441ed7d6d3045406e95c07cd85c778e4b8cef3ca7abac09b95c709ee5"];
            let key = format!("file:{name}");
            ends(&here, &[&order[..], &to, &back, &["--api-key", &key]].concat(), code, parts);
        };
        send("told", 1, &["SCOPE_MISSING", "this key may not write transfers"]);
        for name in ["whole", "orders", "both"] {
            send(name, 0, &["pay        bitcoin:"]);
        }
        let unknown = ["api", "new-key", "shop", "--scope", "transfers:read"];
        ends(&here, &unknown, 2, &["transfers:read", "possible values", "transfers:write", "webhooks:write"]);
        let listed = told(&ends(&here, &["api", "list-keys"], 0, &["scopes"]));
        let scopes = |name: &str| {
            let line = listed.lines().find(|line| line.contains(name)).unwrap();
            ["transfers:write", "webhooks:write"].map(|scope| line.contains(scope))
        };
        assert_eq!(scopes("told"), [false, true], "{listed}");
        assert_eq!(scopes("orders"), [true, false], "{listed}");
        assert_eq!((scopes("whole"), scopes("both")), ([true, true], [true, true]), "{listed}");
    })
    .await
    .unwrap();
    api.end().await;
}

/// Wakes who follows a transfer, as a process does.
pub struct Waking(pub Live);

impl Observer for Waking {
    fn stored(&self, transfer: &Transfer, _: &[Event]) {
        self.0.changed(&transfer.deposit);
    }
    fn refused(&self, _: DepositId, reason: &str) {
        panic!("refused: {reason}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_transfer_is_ordered_and_another_followed_to_its_end() {
    let folder = tempfile::tempdir().unwrap();
    let config = configured(folder.path());
    let live = Live::default();
    let book = book(&config, Arc::new(Waking(live.clone()))).await;
    let scopes = [ApiScope::TransfersWrite].into();
    let (secret, key) = issue_key("shop", ApiGrant { scopes, class: TenantClass::Standard }, 1, &mut rand::rng());
    book.ledger().add_api_key(&key).await.unwrap();
    std::fs::write(folder.path().join("api-key"), secret.reveal()).unwrap();
    let api = ServedApi::new(&config, &book, live).await;

    let here = folder.path().to_owned();
    let url = api.url.clone();
    let asked = url.clone();
    assert!(book.ledger().is_unused().await.unwrap());
    let routes: serde_json::Value = reqwest::get(format!("{url}/v1/routes")).await.unwrap().json().await.unwrap();
    let route = routes[0]["id"].as_str().unwrap().to_owned();
    tokio::task::spawn_blocking(move || {
        let route = route.as_str();
        let recipient = "0x00000000000000000000000000000000000000aa";
        let refund = "c6047f9441ed7d6d3045406e95c07cd85c778e4b8cef3ca7abac09b95c709ee5";
        let send =
            ["transfer", "send", "--api", &asked, "--route", route, "--amount", "50000", "--recipient", recipient];
        let send = [&send[..], &["--refund-key", refund]].concat();
        let dry = json(&ends(&here, &[&send[..], &["--dry-run", "--json"]].concat(), 0, &[]));
        assert_eq!((&dry["dry_run"], &dry["order"]["recipient"]), (&true.into(), &recipient.into()), "{dry}");
        let to = |recipient| {
            let send = ["transfer", "send", "--api", &asked, "--route", route, "--amount", "50000", "--dry-run"];
            [&send[..], &["--recipient", recipient]].concat()
        };
        // What the order would be refused for is told instead of it.
        for (dry, parts) in [
            (to(recipient), ["REFUND_KEY_REQUIRED", "refund_key"]),
            ([&to(recipient)[..], &["--refund-key", "0x12"]].concat(), ["refund_key", "64 hex digits"]),
            ([&to("0x12")[..], &["--refund-key", refund]].concat(), ["recipient", "non-zero address"]),
        ] {
            assert!(!told(&ends(&here, &dry, 1, &parts)).contains("would order"), "{dry:?}");
        }
        let key = ["--api-key", "file:api-key", "--idempotency-key", "one"];
        let first = json(&ends(&here, &[&send[..], &key, &["--json"]].concat(), 0, &[]));
        assert!(first["instructions"]["uri"].as_str().unwrap().starts_with("bitcoin:"), "{first}");
        let order = first["transfer"]["id"].as_str().unwrap();
        let amounts = ["0.0005 BTC (50000 base units) of bip122:", "paid as    0.0005 sBTC (50000 base units)"];
        ends(&here, &["transfer", "show", order], 0, &[&[order, "no deposit of it was seen"][..], &amounts].concat());
        let nowhere = ["transfer", "show", order, "--config", "nowhere.toml"];
        let coins_alone = told(&ends(&here, &nowhere, 0, &["0.0005 BTC (50000 base units)"]));
        assert!(!coins_alone.contains("paid as"), "what is not told is not guessed: {coins_alone}");
        let units = ["deposit    0.0005 BTC (50000 base units)", "paid       0.0005 sBTC (50000 base units)"];
        ends(&here, &[&send[..], &["--dry-run"]].concat(), 0, &units);
        let shown = json(&ends(&here, &["transfer", "show", order, "--json"], 0, &[]));
        assert_eq!((&shown["order"]["id"], &shown["transfers"]), (&order.into(), &serde_json::json!([])));
        let stranger = format!("0x{}", "ab".repeat(32));
        ends(&here, &["transfer", "show", &stranger], 1, &["no transfer or order", &stranger]);
        ends(
            &here,
            &[&send[..], &["--api-key", "file:api-key"]].concat(),
            0,
            &[
                "pay        bitcoin:",
                "1008 blocks",
                "  script   ",
                "  control  ",
                "key cli-",
                "spandrel transfer watch",
            ],
        );
        ends(&here, &send, 2, &["--api-key"]);
        std::fs::write(here.join("wrong-key"), "sk_0000_1111").unwrap();
        let denied = [&send[..], &["--api-key", "file:wrong-key"]].concat();
        let refused = told(&ends(&here, &denied, 1, &["UNAUTHORIZED"]));
        assert!(!refused.contains("sk_0000"), "{refused}");
        let small = [
            "transfer",
            "send",
            "--api",
            &asked,
            "--route",
            "nowhere",
            "--amount",
            "5",
            "--recipient",
            recipient,
            "--dry-run",
        ];
        ends(&here, &small, 1, &["UNKNOWN_ROUTE", "route"]);
        ends(&here, &["transfer", "watch", "0x12", "--api", &asked], 1, &["0x12"]);
        ends(
            &here,
            &["transfer", "watch", "0x12", "--api", "http://127.0.0.1:9"],
            1,
            &["transfer API at http://127.0.0.1:9"],
        );
    })
    .await
    .unwrap();

    assert!(!book.ledger().is_unused().await.unwrap(), "an order is in it");
    let id = see(&book, &config, 1).await;
    let here = folder.path().to_owned();
    let watching = tokio::task::spawn_blocking(move || {
        spandrel(&here, &["transfer", "watch", &id.to_string(), "--api", &url, "--json"])
    });
    tokio::time::sleep(Duration::from_millis(500)).await;
    tell(&book, id, Input::Broken("odd".to_owned())).await;
    tokio::time::sleep(Duration::from_millis(200)).await;
    tell(&book, id, Input::Drop("ada: a drill".to_owned())).await;
    let output = watching.await.unwrap();
    assert_eq!(output.status.code(), Some(7), "{}", told(&output));
    let lines: Vec<serde_json::Value> =
        String::from_utf8_lossy(&output.stdout).lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let events: Vec<&str> = lines.iter().filter_map(|line| line["event"].as_str()).collect();
    assert_eq!(events, ["observed", "quarantined", "rejected"]);
    assert_eq!((&lines[3]["status"], &lines[3]["terminal"]), (&"rejected".into(), &true.into()));
    api.end().await;
}
