//! Events as they happen.

use std::time::Duration;

use alloy::primitives::B256;
use futures::StreamExt;
use reqwest::{RequestBuilder, StatusCode};
use serde_json::json;
use spandrel_api::grpc::proto;
use spandrel_core::Input;
use spandrel_engine::Change;
use tonic::Code;

use crate::calls::{info, transfers};
use crate::world::{Options, World, answer, bitcoin, ethereum, problem};

/// Reads `count` events of a stream as `(id, event)`.
async fn read(request: RequestBuilder, count: usize) -> Vec<(String, String)> {
    let response = request.header("Accept", "text/event-stream").send().await.unwrap();
    assert_eq!(response.status(), StatusCode::OK);
    let (mut text, mut chunks) = (String::new(), response.bytes_stream());
    while text.matches("\n\n").count() < count {
        let chunk = tokio::time::timeout(Duration::from_secs(20), chunks.next()).await.expect("an event in time");
        text.push_str(std::str::from_utf8(&chunk.expect("the stream goes on").unwrap()).unwrap());
    }
    let field = |event: &str, name: &str| {
        event.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_default().trim().to_owned()
    };
    text.split("\n\n").take(count).map(|event| (field(event, "id:"), field(event, "event:"))).collect()
}

#[tokio::test]
async fn a_stream_begins_before_the_deposit_and_is_resumed_without_loss() {
    let world = World::new().await;
    let quote = world.quote(&bitcoin(), 20_000).await;
    let order = answer(world.order(&quote, "one"), StatusCode::CREATED).await;
    let path = format!("/v1/transfers/{}/events", order["transfer"]["order"].as_str().unwrap());
    let first = tokio::spawn(read(world.get(&path), 1));
    tokio::time::sleep(Duration::from_millis(200)).await;
    let deposit = world.deposit(&order, B256::with_last_byte(1)).await;
    assert_eq!(first.await.unwrap(), [(format!("0-{deposit}"), "observed".to_owned())]);
    world.reorg(deposit).await;
    let resumed = read(world.get(&path).header("Last-Event-ID", "0"), 1).await;
    assert_eq!(resumed, [(format!("1-{deposit}"), "source_reorged".to_owned())]);
    let resumed = read(world.get(&path).header("Last-Event-ID", format!("0-{deposit}")), 1).await;
    assert_eq!(resumed, [(format!("1-{deposit}"), "source_reorged".to_owned())]);
    let all = answer(world.get(&path), StatusCode::OK).await;
    let names: Vec<_> = all.as_array().unwrap().iter().map(|event| event["event"].clone()).collect();
    assert_eq!(names, [json!("observed"), json!("source_reorged")]);
}

/// What was terminal once never is anything else, and nobody who follows it is sent away before.
#[tokio::test]
async fn a_deposit_on_an_order_that_was_called_off_is_told_and_terminal_is_said_once() {
    let world = World::new().await;
    let quote = world.quote(&ethereum(), 20_000).await;
    let order = answer(world.order(&quote, "one"), StatusCode::CREATED).await;
    let path = format!("/v1/transfers/{}", order["transfer"]["order"].as_str().unwrap());
    let cancel = world.post(&format!("{path}/cancel"), &json!({})).bearer_auth(&world.key);
    answer(cancel, StatusCode::ACCEPTED).await;
    let events = format!("{path}/events");
    let whole = ["observed", "fast_refused", "source_final", "proven", "verified", "cleared"];
    let whole = [&whole[..], &["submitted", "executed", "payout_final"]].concat();
    let followed = tokio::spawn(read(world.get(&events), whole.len()));
    let is_terminal = async || answer(world.get(&path), StatusCode::OK).await["terminal"].as_bool().unwrap();
    let mut told = vec![is_terminal().await];
    world.clock.pass(3_600);
    told.push(is_terminal().await);
    let deposit = world.deposit(&order, B256::with_last_byte(1)).await;
    told.push(is_terminal().await);
    world.prove(deposit).await;
    told.push(is_terminal().await);
    world.pay(deposit, B256::repeat_byte(0xfe)).await;
    told.push(is_terminal().await);
    world.clock.pass(3 * 86_400);
    told.push(is_terminal().await);
    assert_eq!(told, [false, false, false, false, true, true]);
    let followed: Vec<_> = followed.await.unwrap().into_iter().map(|(_, name)| name).collect();
    assert_eq!(followed, whole);
}

/// A stranger's deposit came first: whoever follows the order, or comes back to it, is told of the right one from its first
/// event.
#[tokio::test]
async fn an_order_that_comes_to_follow_another_deposit_is_told_of_that_from_the_start() {
    let world = World::new().await;
    let quote = world.quote(&ethereum(), 20_000).await;
    let order = answer(world.order(&quote, "one"), StatusCode::CREATED).await;
    let mut small = order.clone();
    small["transfer"]["amount"] = json!("1500");
    let path = format!("/v1/transfers/{}/events", order["transfer"]["order"].as_str().unwrap());
    let strangers = world.deposit_from(&small, B256::with_last_byte(1), B256::repeat_byte(1)).await;
    world.prove(strangers).await;
    let before = read(world.get(&path), 6).await;
    let last = before[5].0.clone();
    assert_eq!(last, format!("5-{strangers}"));
    let followed = tokio::spawn(read(world.get(&path), 8));
    tokio::time::sleep(Duration::from_millis(200)).await;
    let own = world.deposit_from(&order, B256::with_last_byte(2), B256::repeat_byte(2)).await;
    let first = [0, 1].map(|sequence| format!("{sequence}-{own}"));
    let ids: Vec<String> = followed.await.unwrap().into_iter().map(|(id, _)| id).collect();
    assert_eq!(ids[6..], first);
    let resumed: Vec<String> =
        read(world.get(&path).header("Last-Event-ID", &last), 2).await.into_iter().map(|(id, _)| id).collect();
    assert_eq!(resumed, first);
    let id = order["transfer"]["id"].as_str().unwrap().to_owned();
    let request = proto::WatchTransferRequest { id, from_sequence: 6, of_deposit: Some(strangers.to_string()) };
    let mut updates = transfers(&world).watch_transfer(request).await.unwrap().into_inner();
    let told = updates.message().await.unwrap().unwrap().events;
    assert_eq!((told[0].sequence, &told[0].deposit), (0, &own.to_string()));
}

/// What ended here unpaid may still be claimed by whoever has the proof, until it expires.
#[tokio::test]
async fn what_ended_unpaid_says_until_when_it_may_be_claimed() {
    let world = World::new().await;
    let quote = world.quote(&bitcoin(), 20_000).await;
    let order = answer(world.order(&quote, "one"), StatusCode::CREATED).await;
    let path = format!("/v1/transfers/{}", order["transfer"]["order"].as_str().unwrap());
    let deposit = world.deposit(&order, B256::with_last_byte(1)).await;
    let told = async || answer(world.get(&path), StatusCode::OK).await;
    assert!(told().await.get("claimable_until").is_none());
    for input in [Input::Broken("odd".to_owned()), Input::Drop("ada: a drill".to_owned())] {
        world.book.record(Change::one(deposit, input)).await.unwrap();
    }
    let dropped = told().await;
    assert_eq!((&dropped["status"], &dropped["terminal"]), (&json!("rejected"), &json!(true)));
    let until = humantime::parse_rfc3339(dropped["claimable_until"].as_str().unwrap()).unwrap();
    let expiry = humantime::parse_rfc3339(dropped["expires_at"].as_str().unwrap()).unwrap();
    assert_eq!(until, expiry + Duration::from_secs(86_400));
    world.clock.pass(30 * 86_400);
    assert!(told().await.get("claimable_until").is_none());
}

#[tokio::test]
async fn a_stream_that_ends_before_its_transfer_says_so_at_both_doors() {
    let watch = Duration::from_millis(700);
    let world = World::with(Options { watch, ..Options::new().await }).await;
    let quote = world.quote(&bitcoin(), 20_000).await;
    let order = answer(world.order(&quote, "one"), StatusCode::CREATED).await;
    let id = order["transfer"]["id"].as_str().unwrap().to_owned();
    world.deposit(&order, B256::with_last_byte(1)).await;
    let events = world.get(&format!("/v1/transfers/{id}/events")).header("Accept", "text/event-stream");
    let text = events.send().await.unwrap().text().await.unwrap();
    let last = text.trim_end().rsplit("\n\n").next().unwrap();
    assert!(last.contains("event: interrupted") && last.contains("WATCHED_LONG_ENOUGH"), "{text}");
    assert!(!last.contains("id:") && text.contains("id: 0"), "who resumes begins after the event seen last: {text}");
    let request = proto::WatchTransferRequest { id, from_sequence: 0, ..Default::default() };
    let mut updates = transfers(&world).watch_transfer(request).await.unwrap().into_inner();
    assert_eq!(updates.message().await.unwrap().unwrap().events.len(), 1);
    let ended = updates.message().await.unwrap_err();
    assert_eq!((ended.code(), info(&ended).0.as_str()), (Code::Unavailable, "WATCHED_LONG_ENOUGH"));
}

#[tokio::test]
async fn streams_are_bounded_and_unknown_transfers_have_none() {
    let world = World::new().await;
    let quote = world.quote(&bitcoin(), 20_000).await;
    let order = answer(world.order(&quote, "one"), StatusCode::CREATED).await;
    let path = format!("/v1/transfers/{}/events", order["transfer"]["order"].as_str().unwrap());
    let stream = || world.get(&path).header("Accept", "text/event-stream");
    let mut open = Vec::new();
    for _ in 0..6 {
        open.push(stream().send().await.unwrap());
    }
    problem(stream(), StatusCode::TOO_MANY_REQUESTS, "TOO_MANY_STREAMS_OF_ONE").await;
    for _ in 0..2 {
        open.push(stream().bearer_auth(&world.key).send().await.unwrap());
    }
    problem(stream().bearer_auth(&world.key), StatusCode::SERVICE_UNAVAILABLE, "TOO_MANY_STREAMS").await;
    drop(open);
    let unknown = world.get(&format!("/v1/transfers/0x{}/events", "1".repeat(64)));
    problem(unknown.header("Accept", "text/event-stream"), StatusCode::NOT_FOUND, "UNKNOWN_TRANSFER").await;
    for no_event in ["x", "-1", "9223372036854775808", "0-", "0-0x12", "-0x12"] {
        problem(stream().header("Last-Event-ID", no_event), StatusCode::BAD_REQUEST, "INVALID_PARAMETER").await;
    }
}
