//! Peers that take nothing of what they asked for, or ask for nothing, while they answer pings.

use std::time::{Duration, Instant};

use alloy::primitives::B256;
use axum::http::Request;
use futures::StreamExt;
use futures::future::join_all;
use prost::Message;
use reqwest::StatusCode;
use serde_json::Value;
use spandrel_api::grpc::proto::WatchTransferRequest;
use spandrel_api::http::Room;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::peers::{PATIENCE, Peer, SOON, dawdle, more, until_called_off};
use crate::world::{Options, World, answer, bitcoin, problem};

/// More than a window holds from the beginning.
const WINDOW: u32 = 65_535;
const ROOM: Room = Room { all: 100, each: 100 };

async fn patient(places: Room) -> World {
    World::with(Options { places, patience: PATIENCE, longest: Duration::from_secs(2), ..Options::new().await }).await
}

async fn order(world: &World) -> (Value, String) {
    let quote = world.quote(&bitcoin(), 20_000).await;
    let order = answer(world.order(&quote, "one"), StatusCode::CREATED).await;
    let id = order["transfer"]["order"].as_str().unwrap().to_owned();
    (order, id)
}

/// A transfer that is watched over gRPC.
async fn watch(peer: &Peer, id: &str) -> axum::http::Response<h2::RecvStream> {
    let message = WatchTransferRequest { id: id.to_owned(), from_sequence: 0, ..Default::default() }.encode_to_vec();
    let mut body = vec![0];
    body.extend(u32::try_from(message.len()).unwrap().to_be_bytes());
    body.extend(message);
    let request = Request::post("http://localhost/spandrel.transfer.v1.Transfers/WatchTransfer");
    let request = request.header("content-type", "application/grpc").header("te", "trailers").body(()).unwrap();
    peer.ask(request, &body, true).await
}

#[tokio::test]
async fn who_takes_nothing_over_http2_loses_its_answers_and_then_its_place() {
    let world = patient(ROOM).await;
    let (placed, id) = order(&world).await;
    world.deposit(&placed, B256::repeat_byte(1)).await;
    let peer = Peer::connect(world.address(), 0).await;
    let mut answers = vec![watch(&peer, &id).await];
    for path in ["/v1/chains", "/openapi.json", "/console", &format!("/v1/transfers/{id}/events")] {
        answers.push(peer.get(path).await);
    }
    for took in join_all(answers.into_iter().map(until_called_off)).await {
        assert!((PATIENCE.untaken / 2..SOON).contains(&took), "{took:?}");
    }
    // And one that takes the first bytes of each, which then wait where its windows end.
    let few = Peer::connect(world.address(), 10).await;
    let begun = [few.get("/v1/chains").await, few.get("/openapi.json").await, watch(&few, &id).await];
    assert!(begun.iter().all(|answer| answer.status() == StatusCode::OK));
    for peer in [peer, few] {
        peer.until_cut_off().await;
    }
}

#[tokio::test]
async fn who_asks_for_nothing_is_cut_off() {
    let world = patient(ROOM).await;
    let peer = Peer::connect(world.address(), WINDOW).await;
    let mut told = peer.get("/v1/chains").await;
    more(&mut told).await;
    let took = peer.until_cut_off().await;
    assert!((PATIENCE.idle / 2..SOON).contains(&took), "{took:?}");
    let silent = Peer::connect(world.address(), WINDOW).await;
    let took = silent.until_cut_off().await;
    assert!((PATIENCE.head / 2..SOON).contains(&took), "{took:?}");
    let asked = ["GET /v1/chains HTTP/1.1\r\nhost: a\r\n\r\n"];
    let (took, said) = dawdle(world.address(), &asked, Duration::ZERO).await;
    assert!(said.starts_with("HTTP/1.1 200"), "{said}");
    assert!((PATIENCE.head / 2..SOON).contains(&took), "{took:?}");
}

/// Told to go, it agrees to nothing (RFC 9113, 6.8), whatever else it answers.
#[tokio::test]
async fn who_does_not_agree_to_the_end_of_its_connection_is_cut_off() {
    let world = patient(ROOM).await;
    let mut stream = TcpStream::connect(world.address()).await.unwrap();
    // The preface, empty settings, and a request (RFC 7541) for what is answered with one word.
    let path = [&[0x82, 0x86, 0x04, 8][..], b"/healthz", &[0x01, 9], b"localhost"].concat();
    let head = [0, 0, u8::try_from(path.len()).unwrap(), 1, 5, 0, 0, 0, 1];
    let settings = [0, 0, 0, 4, 0, 0, 0, 0, 0];
    stream.write_all(&[b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", &settings[..], &head, &path].concat()).await.unwrap();
    let mut said = Vec::new();
    assert!(tokio::time::timeout(SOON, stream.read_to_end(&mut said)).await.is_ok(), "it is cut off");
    assert!(said.windows(2).any(|part| part == b"ok"), "{said:?}");
}

/// For as long as it asks, a connection stands.
#[tokio::test]
async fn who_asks_now_and_then_keeps_its_connection() {
    let world = patient(ROOM).await;
    let peer = Peer::connect(world.address(), WINDOW).await;
    for _ in 0..4 {
        let mut told = peer.get("/v1/chains").await;
        assert!(!more(&mut told).await.is_empty());
        tokio::time::sleep(PATIENCE.idle * 2 / 3).await;
    }
}

#[tokio::test]
async fn who_takes_slowly_but_steadily_is_served() {
    let world = patient(ROOM).await;
    let whole = world.get("/openapi.json").send().await.unwrap().bytes().await.unwrap();
    let peer = Peer::connect(world.address(), 1_024).await;
    let (started, mut told, mut taken) = (Instant::now(), peer.get("/openapi.json").await, Vec::new());
    while taken.len() < whole.len() {
        tokio::time::sleep(PATIENCE.untaken / 16).await;
        taken.extend(more(&mut told).await);
    }
    assert!(taken == whole, "byte by byte");
    assert!(started.elapsed() > PATIENCE.idle, "{:?}: slower than the limits", started.elapsed());
}

/// As long as two minutes are beside ten seconds, nothing happens and nothing is said: not even a comment.
#[tokio::test]
async fn a_stream_over_which_nothing_happens_lives_on() {
    let world = patient(ROOM).await;
    let (placed, id) = order(&world).await;
    let path = format!("/v1/transfers/{id}/events");
    let plain = world.get(&path).header("accept", "text/event-stream").send().await.unwrap();
    let mut plain = plain.bytes_stream();
    let peer = Peer::connect(world.address(), WINDOW).await;
    let (mut watched, mut told) = (watch(&peer, &id).await, peer.get(&path).await);
    assert!(!more(&mut watched).await.is_empty(), "how it stands");
    tokio::time::sleep(12 * PATIENCE.untaken).await;
    world.deposit(&placed, B256::repeat_byte(1)).await;
    let event = tokio::time::timeout(SOON, plain.next()).await.expect("an event").unwrap().unwrap();
    for event in [event, more(&mut told).await] {
        assert!(event.windows(8).any(|part| part == b"observed"), "{event:?}");
    }
    assert!(!more(&mut watched).await.is_empty(), "what happened");
}

#[tokio::test]
async fn whoever_takes_nothing_of_a_stream_leaves_its_place_among_streams() {
    let world = patient(ROOM).await;
    let (placed, id) = order(&world).await;
    let path = format!("/v1/transfers/{id}/events");
    let peer = Peer::connect(world.address(), 1).await;
    let mut held = Vec::new();
    for _ in 0..6 {
        held.push(peer.get(&path).await);
    }
    let stream = || world.get(&path).header("accept", "text/event-stream");
    tokio::time::sleep(2 * PATIENCE.untaken).await;
    problem(stream(), StatusCode::TOO_MANY_REQUESTS, "TOO_MANY_STREAMS_OF_ONE").await;
    world.deposit(&placed, B256::repeat_byte(1)).await;
    let freed = async {
        while stream().send().await.unwrap().status() != StatusCode::OK {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(SOON, freed).await.expect("a place among streams");
}

#[tokio::test]
async fn a_body_that_never_ends_is_answered_in_time_over_http2_too() {
    let world = patient(ROOM).await;
    let peer = Peer::connect(world.address(), WINDOW).await;
    let request = Request::post("http://localhost/v1/quotes").header("content-type", "application/json");
    let request = request.header("content-length", "50").body(()).unwrap();
    let mut late = peer.ask(request, b"{", false).await;
    assert_eq!(late.status(), StatusCode::SERVICE_UNAVAILABLE);
    let mut told = Vec::new();
    while !late.body().is_end_stream() {
        told.extend(more(&mut late).await);
    }
    assert_eq!(serde_json::from_slice::<Value>(&told).unwrap()["code"], "TIMEOUT");
}

/// No place is lost for good, however those end who held it.
#[tokio::test]
async fn after_many_who_took_nothing_all_places_are_there() {
    let world = patient(Room { all: 3, each: 3 }).await;
    for round in 0..2 {
        let nothing = Peer::connect(world.address(), 0).await;
        let few = Peer::connect(world.address(), 10).await;
        let (a, b) = (nothing.get("/v1/chains").await, few.get("/openapi.json").await);
        let half = tokio::spawn(dawdle(world.address(), &["GET /v1/ch"], Duration::ZERO));
        tokio::time::sleep(PATIENCE.untaken / 4).await;
        let refused = reqwest::get(format!("{}/v1/chains", world.base)).await.unwrap();
        assert_eq!(refused.status(), StatusCode::SERVICE_UNAVAILABLE, "round {round}: all are taken");
        let ended = tokio::join!(nothing.until_cut_off(), few.until_cut_off(), half);
        assert!(ended.2.unwrap().1.is_empty());
        drop((a, b));
    }
    let good = [(); 3].map(|()| reqwest::Client::new());
    let asks = good.iter().map(async |client| client.get(format!("{}/v1/chains", world.base)).send().await.unwrap());
    for told in join_all(asks).await {
        assert_eq!(told.status(), StatusCode::OK);
    }
}
