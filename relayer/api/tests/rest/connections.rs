//! Clients that take their time.

use std::net::IpAddr;
use std::time::{Duration, Instant};

use spandrel_api::http::Room;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::peers;
use crate::world::World;

/// With a second between what it sends.
async fn dawdle<S: AsRef<str>>(world: &World, parts: &[S]) -> (Duration, String) {
    peers::dawdle(world.address(), parts, Duration::from_secs(1)).await
}

#[tokio::test]
async fn who_says_nothing_or_half_a_request_is_cut_off_in_time() {
    let world = World::new().await;
    let head = "POST /v1/quotes HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\n";
    let half_body = [format!("{head}content-length: 50\r\n\r\n{{")];
    let dawdlers = futures::future::join5(
        dawdle::<&str>(&world, &[]),
        dawdle(&world, &["GET /v1/chains HTT"]),
        dawdle(&world, &["PRI * HT"]),
        dawdle(&world, &["GET /v1/chains HTTP/1.1\r\n", "host: a\r\n", "x: "]),
        dawdle(&world, &half_body),
    );
    let (silent, line, preface, head, body) = dawdlers.await;
    for (took, answer) in [&silent, &line, &preface, &head] {
        assert!((Duration::from_secs(5)..Duration::from_secs(20)).contains(took), "{took:?}: {answer}");
        assert!(!answer.contains("HTTP/1.1 200"), "{answer}");
    }
    assert!(body.1.starts_with("HTTP/1.1 503") && body.1.contains("\"TIMEOUT\""), "{}", body.1);
    assert!(body.0 < Duration::from_secs(25), "{:?}", body.0);
}

#[tokio::test]
async fn more_connections_than_there_are_places_are_turned_away_at_once_and_served_when_others_end() {
    let world = World::with_places(Room { all: 2, each: 2 }).await;
    let address = world.base.trim_start_matches("http://").to_owned();
    let ask = async |stream: &mut TcpStream| {
        stream.write_all(b"GET /v1/chains HTTP/1.1\r\nhost: a\r\n\r\n").await.unwrap();
        let mut first = [0; 12];
        stream.read_exact(&mut first).await.map(|_| String::from_utf8_lossy(&first).into_owned())
    };
    let mut held = Vec::new();
    for _ in 0..2 {
        let mut stream = TcpStream::connect(&address).await.unwrap();
        assert_eq!(ask(&mut stream).await.unwrap(), "HTTP/1.1 200");
        held.push(stream);
    }
    let client = reqwest::Client::new();
    for _ in 0..20 {
        let asked = client.get(format!("{}/v1/chains", world.base)).send();
        let answer = tokio::time::timeout(Duration::from_secs(1), asked).await.expect("no hang").unwrap();
        assert_eq!((answer.status().as_u16(), &answer.headers()["retry-after"]), (503, &"1".parse().unwrap()));
        assert_eq!(answer.headers()["content-type"], "application/problem+json");
        let problem: serde_json::Value = answer.json().await.unwrap();
        assert_eq!((&problem["code"], &problem["retryable"]), (&"TOO_MANY_CONNECTIONS".into(), &true.into()));
    }
    drop(held);
    let served = async {
        while !client.get(format!("{}/v1/chains", world.base)).send().await.unwrap().status().is_success() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(5), served).await.expect("a place that was left");
}

#[tokio::test]
async fn one_address_takes_no_more_than_its_share_and_leaves_room_for_others() {
    let world = World::with_places(Room { all: 4, each: 2 }).await;
    let from = |address: [u8; 4]| reqwest::Client::builder().local_address(IpAddr::from(address)).build().unwrap();
    let asks = async |client: &reqwest::Client| {
        client.get(format!("{}/v1/chains", world.base)).send().await.unwrap().status().as_u16()
    };
    // A client keeps its connection.
    let hoarder = [from([127, 0, 0, 2]), from([127, 0, 0, 2])];
    for client in &hoarder {
        assert_eq!(asks(client).await, 200);
    }
    assert_eq!(asks(&from([127, 0, 0, 2])).await, 503);
    assert_eq!(asks(&from([127, 0, 0, 3])).await, 200);
    assert_eq!(asks(&hoarder[0]).await, 200);
}

/// Those who are turned away are bounded too: nobody who stays on the line takes a place, or the door, for long.
#[tokio::test]
async fn who_stays_after_being_turned_away_is_cut_off() {
    let world = World::with_places(Room { all: 0, each: 0 }).await;
    let (silent, asking) = tokio::join!(dawdle::<&str>(&world, &[]), dawdle(&world, &["GET", " "]));
    assert!(silent.0 < Duration::from_secs(4) && silent.1.is_empty(), "{silent:?}");
    assert!(asking.0 < Duration::from_secs(4) && asking.1.starts_with("HTTP/1.1 503"), "{asking:?}");
}

/// Asks for much, and takes none of it: what is answered does not wait in memory, and the place is another's soon.
#[tokio::test]
async fn who_does_not_read_what_is_answered_is_cut_off() {
    let world = World::with_places(Room { all: 1, each: 1 }).await;
    let mut stream = TcpStream::connect(world.base.trim_start_matches("http://")).await.unwrap();
    // More than the system keeps for a connection.
    let asking = async {
        let request = b"GET /openapi.json HTTP/1.1\r\nhost: a\r\n\r\n";
        for _ in 0..2_000 {
            if stream.write_all(request).await.is_err() {
                break;
            }
        }
        std::future::pending::<()>().await;
    };
    let started = Instant::now();
    let freed = async {
        tokio::time::sleep(Duration::from_secs(1)).await;
        while !world.get("/v1/chains").send().await.unwrap().status().is_success() {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    tokio::select! {
        () = asking => {}
        freed = tokio::time::timeout(Duration::from_secs(30), freed) => freed.expect("a place that was left"),
    }
    assert!(started.elapsed() > Duration::from_secs(5), "it was given time");
}
