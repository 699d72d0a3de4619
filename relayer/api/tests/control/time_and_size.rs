//! The control port's bounds of time and size: who is slow, large or many keeps no guardian away.

use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

use axum::http::Request;
use reqwest::{Client, StatusCode};
use serde_json::{Value, json};
use spandrel_api::http::{Patience, Room};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use crate::answers::{Asked, ask};
use crate::busy::Busy;
use crate::peers::{PATIENCE, Peer, SOON, dawdle, until_called_off};
use crate::world::{World, pause};

const ROOM: Room = Room { all: 100, each: 100 };
/// Most time for a request.
const LONGEST: Duration = Duration::from_secs(1);
const STATEMENT: &str = "POST /v1/control/statements HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n";

async fn world(places: Room) -> World {
    World::with(places, PATIENCE, LONGEST).await
}

async fn is_served(client: &Client, world: &World) -> bool {
    client.get(format!("{}/pauses", world.base)).send().await.is_ok_and(|answer| answer.status().is_success())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_head_that_does_not_come_is_not_waited_for() {
    let world = world(ROOM).await;
    let between = PATIENCE.head / 4;
    let (silent, line, preface, head) = tokio::join!(
        dawdle::<&str>(world.address, &[], between),
        dawdle(world.address, &["POST /v1/control/statem"], between),
        dawdle(world.address, &["PRI * HT"], between),
        dawdle(world.address, &["GET /v1/control/pauses HTTP/1.1\r\n", "host: localhost\r\n", "x: "], between),
    );
    for (took, said) in [silent, line, preface, head] {
        assert!((PATIENCE.head / 2..SOON).contains(&took), "{took:?}: {said}");
        assert!(!said.contains("HTTP/1.1 200"), "{said}");
    }
    let peer = Peer::connect(world.address, 65_535).await;
    peer.until_cut_off().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_statement_that_does_not_come_whole_is_answered_in_time() {
    let world = world(ROOM).await;
    let half = [format!("{STATEMENT}content-length: 50\r\n\r\n{{")];
    let (took, said) = dawdle(world.address, &half, Duration::ZERO).await;
    assert!((LONGEST..SOON).contains(&took), "{took:?}");
    assert!(said.starts_with("HTTP/1.1 503") && said.contains("\"TIMEOUT\""), "{said}");
    assert!(said.contains("retry-after: 5"), "{said}");
    assert_eq!(world.get("audit").await, json!({ "rows": [] }));
}

/// Another process writes to the ledger all the while.
#[tokio::test(flavor = "multi_thread")]
async fn a_statement_that_takes_too_long_is_told_so_and_taken_once_when_it_comes_again() {
    let world = world(ROOM).await;
    let signed = world.signed(0, pause(60)).await;
    let busy = Busy::with(&world.ledger()).await;
    let started = Instant::now();
    let (status, told) = world.post(&signed, None).await;
    assert_eq!((status, &told["code"]), (StatusCode::SERVICE_UNAVAILABLE, &json!("TIMEOUT")), "{told}");
    assert!((LONGEST..SOON).contains(&started.elapsed()), "{:?}", started.elapsed());
    // What is only read waits for nobody.
    assert!(is_served(&world.client, &world).await);
    busy.end().await;
    let again = async {
        loop {
            let (status, told) = world.post(&signed, None).await;
            if status != StatusCode::SERVICE_UNAVAILABLE {
                break (status, told);
            }
        }
    };
    let (status, told) = tokio::time::timeout(Duration::from_secs(20), again).await.expect("the ledger is free again");
    assert!(status == StatusCode::OK || told["code"] == "ALREADY_TAKEN", "{status}: {told}");
    assert_eq!(world.get("pauses").await.as_array().unwrap().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_statement_that_is_too_large_is_refused_before_it_is_read() {
    let world = world(ROOM).await;
    // So much is told, and not sent.
    let told = [format!("{STATEMENT}content-length: {}\r\n\r\n", 256 * 1024 + 1)];
    let (_, said) = dawdle(world.address, &told, Duration::ZERO).await;
    assert!(said.starts_with("HTTP/1.1 413") && said.contains("\"BODY_TOO_LARGE\""), "{said}");
    // It is not told how much comes.
    let large = format!("\"{}\"", "a".repeat(256 * 1024));
    let headers = vec![("content-type", &b"application/json"[..])];
    let asked = Asked { method: "POST", target: "/v1/control/statements", headers, body: large.as_bytes() };
    let (status, said) = ask(&world.app, &asked).await.unwrap();
    let said: Value = serde_json::from_slice(&said).unwrap();
    assert_eq!((status, &said["code"]), (StatusCode::PAYLOAD_TOO_LARGE, &json!("BODY_TOO_LARGE")));
    // As large as one may be, it is read.
    let largest = format!("\"{}\"", "a".repeat(256 * 1024 - 2));
    let request = world.client.post(format!("{}/statements", world.base)).header("content-type", "application/json");
    let read = request.body(largest).send().await.unwrap();
    assert_eq!(read.json::<Value>().await.unwrap()["code"], "INVALID_BODY");
    assert_eq!(world.get("audit").await, json!({ "rows": [] }));
}

#[tokio::test(flavor = "multi_thread")]
async fn who_does_not_take_what_is_answered_leaves_its_place() {
    let world = world(Room { all: 2, each: 2 }).await;
    let mut plain = TcpStream::connect(world.address).await.unwrap();
    let peer = Peer::connect(world.address, 0).await;
    until_called_off(peer.get("/console").await).await;
    // More than the system keeps for a connection.
    let asking = async {
        for _ in 0..20_000 {
            if plain.write_all(b"GET /console HTTP/1.1\r\nhost: localhost\r\n\r\n").await.is_err() {
                break;
            }
        }
        std::future::pending::<()>().await;
    };
    let freed = async {
        peer.until_cut_off().await;
        let both = [Client::new(), Client::new()];
        while !(is_served(&both[0], &world).await && is_served(&both[1], &world).await) {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::select! {
        () = asking => {}
        freed = tokio::time::timeout(Duration::from_secs(30), freed) => freed.expect("places that were left"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_are_bounded_in_all_and_for_each_address() {
    let world = World::with(Room { all: 4, each: 2 }, Patience::default(), LONGEST).await;
    let from = |last: u8| Client::builder().local_address(IpAddr::from([127, 0, 0, last])).build().unwrap();
    let code = async |client: &Client| {
        let asked = client.get(format!("{}/pauses", world.base)).send();
        let answer = tokio::time::timeout(Duration::from_secs(2), asked).await.expect("no hang").unwrap();
        if answer.status() == StatusCode::OK {
            return Value::Null;
        }
        assert_eq!(
            (answer.status(), &answer.headers()["retry-after"]),
            (StatusCode::SERVICE_UNAVAILABLE, &"1".parse().unwrap())
        );
        answer.json::<Value>().await.unwrap()["code"].clone()
    };
    // A client keeps its connection.
    let held = [from(2), from(2)];
    for client in &held {
        assert_eq!(code(client).await, Value::Null);
    }
    for _ in 0..20 {
        assert_eq!(code(&from(2)).await, "TOO_MANY_CONNECTIONS", "its share");
    }
    let others = [from(3), from(4)];
    for client in &others {
        assert_eq!(code(client).await, Value::Null);
    }
    assert_eq!(code(&from(5)).await, "TOO_MANY_CONNECTIONS", "all are taken");
    assert_eq!(code(&held[0]).await, Value::Null, "who has a place is served");
    drop(held);
    let freed = async {
        while code(&from(5)).await != Value::Null {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(SOON, freed).await.expect("a place that was left");
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_that_listen_are_bounded_and_are_told_when_to_come_again() {
    let world = world(ROOM).await;
    let at = |address: SocketAddr| format!("http://{address}/console/live");
    let peer = Peer::connect(world.address, 65_535).await;
    let mut open = Vec::new();
    for _ in 0..64 {
        let request = Request::get("http://localhost/console/live").body(()).unwrap();
        open.push(peer.ask(request, &[], true).await);
    }
    assert!(open.iter().all(|answer| answer.status() == StatusCode::OK));
    let refused = world.client.get(at(world.address)).send().await.unwrap();
    assert_eq!(
        (refused.status(), &refused.headers()["retry-after"]),
        (StatusCode::SERVICE_UNAVAILABLE, &"10".parse().unwrap())
    );
    assert_eq!(refused.json::<Value>().await.unwrap()["code"], "TOO_MANY_STREAMS");
    drop((open, peer));
    let freed = async {
        while !world.client.get(at(world.address)).send().await.unwrap().status().is_success() {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(SOON, freed).await.expect("a place among streams");
}
