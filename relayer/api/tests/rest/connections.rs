//! Clients that take their time.

use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::world::World;

/// Sends `parts` with a second between them, then waits: how long until the server hung up, and what it answered.
async fn dawdle<S: AsRef<str>>(world: &World, parts: &[S]) -> (Duration, String) {
    let started = Instant::now();
    let mut stream = TcpStream::connect(world.base.trim_start_matches("http://")).await.unwrap();
    for part in parts {
        stream.write_all(part.as_ref().as_bytes()).await.unwrap();
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    let mut answer = Vec::new();
    let read = tokio::time::timeout(Duration::from_secs(30), stream.read_to_end(&mut answer)).await;
    assert!(read.is_ok(), "it is cut off");
    (started.elapsed(), String::from_utf8_lossy(&answer).into_owned())
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
async fn more_connections_than_there_are_places_wait_and_are_served_when_others_end() {
    let world = World::with_places(2).await;
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
    let mut third = TcpStream::connect(&address).await.unwrap();
    let waited = tokio::time::timeout(Duration::from_millis(500), ask(&mut third)).await;
    assert!(waited.is_err(), "there is no place for it");
    drop(held);
    let mut first = [0; 12];
    tokio::time::timeout(Duration::from_secs(5), third.read_exact(&mut first)).await.unwrap().unwrap();
    assert_eq!(&first, b"HTTP/1.1 200");
}
