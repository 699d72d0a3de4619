//! `spandrel transfer`: the ledger's list, and a transfer ordered and followed through a served transfer API.

use std::sync::Arc;
use std::time::Duration;

use spandrel_api::{Live, issue_key};
use spandrel_core::{Event, Input, Transfer};
use spandrel_engine::Observer;
use spandrel_store::{ApiGrant, ApiScope, TenantClass};
use spandrel_verifiers::DepositId;

use crate::run::{ServedApi, book, configured, ends, furnished, json, see, spandrel, tell, told};

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

struct Waking(Live);

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
        let key = ["--api-key", "file:api-key", "--idempotency-key", "one"];
        let first = json(&ends(&here, &[&send[..], &key, &["--json"]].concat(), 0, &[]));
        assert!(first["instructions"]["uri"].as_str().unwrap().starts_with("bitcoin:"), "{first}");
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
        let told = told(&ends(&here, &denied, 1, &["UNAUTHORIZED"]));
        assert!(!told.contains("sk_0000"), "{told}");
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
    assert!(output.status.success(), "{}", told(&output));
    let lines: Vec<serde_json::Value> =
        String::from_utf8_lossy(&output.stdout).lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let events: Vec<&str> = lines.iter().filter_map(|line| line["event"].as_str()).collect();
    assert_eq!(events, ["observed", "quarantined", "rejected"]);
    assert_eq!((&lines[3]["status"], &lines[3]["terminal"]), (&"rejected".into(), &true.into()));
    api.end().await;
}
