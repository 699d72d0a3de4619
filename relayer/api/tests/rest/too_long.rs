//! What takes too long ends with an answer, and what is only read changes nothing.

use std::time::{Duration, Instant};

use alloy::primitives::B256;
use reqwest::StatusCode;
use spandrel_api::grpc::proto;
use tonic::Code;

use crate::calls::{info, keyed, transfers};
use crate::untouched::{read_paths, require_no_effect};
use crate::world::{Options, RECIPIENT, REFUND_KEY, World, answer, bitcoin, refusal};

#[tokio::test]
async fn a_request_that_takes_too_long_is_told_so_and_is_done_once_when_it_comes_again() {
    let longest = Duration::from_millis(400);
    let world = World::with(Options { longest, ..Options::new().await }).await;
    let quote = world.quote(&bitcoin(), 20_000).await;
    let busy = world.keep_busy().await;
    let started = Instant::now();
    let late = world.order(&quote, "one").timeout(Duration::from_secs(5)).send().await.expect("an answer");
    assert!((longest..Duration::from_secs(3)).contains(&started.elapsed()), "{:?}", started.elapsed());
    assert_eq!(late.headers()["retry-after"], "5");
    assert!(late.headers().contains_key("ratelimit-remaining"));
    let told = refusal(late, StatusCode::SERVICE_UNAVAILABLE, "TIMEOUT").await;
    assert_eq!((&told["retryable"], &told["retry_after"]), (&true.into(), &5.into()));
    let call = proto::CreateTransferRequest {
        idempotency_key: "two".to_owned(),
        quote: quote["id"].as_str().unwrap().to_owned(),
        recipient: RECIPIENT.to_owned(),
        refund_key: Some(REFUND_KEY.to_owned()),
    };
    let late = transfers(&world).create_transfer(keyed(&world.key, call)).await.unwrap_err();
    assert_eq!((late.code(), info(&late).0.as_str()), (Code::Unavailable, "TIMEOUT"));
    // Who reads waits for nobody who writes.
    answer(world.get("/v1/status"), StatusCode::OK).await;
    busy.end().await;
    let again = tokio::time::timeout(Duration::from_secs(20), async {
        loop {
            let again = world.order(&quote, "one").send().await.unwrap();
            if again.status() != StatusCode::SERVICE_UNAVAILABLE {
                break again;
            }
        }
    });
    let again = again.await.expect("the ledger is free again");
    assert!(again.status() == StatusCode::CREATED || again.status() == StatusCode::OK, "{again:?}");
    let orders = world.store.intents().await.unwrap().len();
    assert!((1..=2).contains(&orders), "{orders}: each request once");
    assert_eq!(world.order(&quote, "one").send().await.unwrap().status(), StatusCode::OK);
    assert_eq!(world.store.intents().await.unwrap().len(), orders);
}

#[tokio::test]
async fn nothing_that_is_only_read_changes_the_ledger() {
    let world = World::with(Options { rate: 1_000_000, ..Options::new().await }).await;
    let quote = world.quote(&bitcoin(), 20_000).await;
    let order = answer(world.order(&quote, "one"), StatusCode::CREATED).await;
    let waiting = answer(world.order(&quote, "two"), StatusCode::CREATED).await;
    let deposit = world.deposit(&order, B256::repeat_byte(1)).await;
    let hook = answer(world.register(&world.key, "http://127.0.0.1:9/", "one"), StatusCode::CREATED).await;
    let mut paths: Vec<String> =
        crate::bytes::routes().into_iter().filter(|(method, _)| method == "GET").map(|(_, path)| path).collect();
    // The pages' own table names no other.
    let pages = read_paths(include_str!("../../src/console/mod.rs"));
    assert!(pages.len() >= 9, "{pages:?}");
    paths.extend(pages);
    paths.sort();
    paths.dedup();
    let text = |value: &serde_json::Value| value.as_str().unwrap().to_owned();
    let ids = [
        text(&order["transfer"]["id"]),
        text(&waiting["transfer"]["id"]),
        deposit.to_string(),
        text(&hook["webhook"]["id"]),
        "console.css".to_owned(),
        "none".to_owned(),
    ];
    let key = format!("Bearer {}", world.key);
    let (accept, key) = ((&b"text/event-stream"[..]), key.as_bytes());
    let anonymous = require_no_effect(&world.app, &world.ledger(), &paths, &ids, &[]).await;
    let keyed = [("authorization", key), ("accept", accept), ("idempotency-key", &b"three"[..])];
    let (asked, found) = require_no_effect(&world.app, &world.ledger(), &paths, &ids, &keyed).await;
    println!("{} paths, {} requests: nothing changed", paths.len(), anonymous.0 + asked);
    assert!(found > paths.len(), "{found} of {asked} were answered");
}
