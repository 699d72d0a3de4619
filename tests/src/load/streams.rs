//! Many event streams at once, each held open until it ends by itself.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use reqwest::{Client, StatusCode};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::Barrier;
use tokio::task::JoinSet;

/// Most time for an answer that needs nothing but to be given.
const AT_ONCE: Duration = Duration::from_secs(2);

/// What one stream told.
#[derive(Clone, Copy, Debug)]
pub struct Followed {
    /// When its first event came.
    pub first: Instant,
    /// When it ended by itself.
    pub ended: Instant,
}

/// Opens `each` streams of every path, runs `then` once all are open, and waits until each has told an event and ended.
///
/// # Errors
/// When one is refused, breaks, or does not end within `patience`.
pub async fn follow<T>(
    address: std::net::SocketAddr,
    paths: &[String],
    each: usize,
    patience: Duration,
    then: impl Future<Output = Result<T>>,
) -> Result<(Vec<Followed>, T)> {
    let all_open = Arc::new(Barrier::new(paths.len() * each + 1));
    let mut streams = JoinSet::new();
    for path in paths {
        for _ in 0..each {
            let (path, all_open) = (path.clone(), all_open.clone());
            streams.spawn(async move {
                let stream = open(address, &path).await;
                all_open.wait().await;
                read(stream?).await
            });
        }
    }
    all_open.wait().await;
    let result = then.await?;
    let ended = async {
        let mut followed = Vec::new();
        while let Some(stream) = streams.join_next().await {
            followed.push(stream??);
        }
        anyhow::Ok(followed)
    };
    Ok((tokio::time::timeout(patience, ended).await.context("streams that end in time")??, result))
}

/// Asks for one more stream than there are, and expects to be told at once when to come again: after how many seconds.
///
/// # Errors
/// When it is answered otherwise, or left hanging.
pub async fn turned_away(address: std::net::SocketAddr, path: &str) -> Result<u64> {
    let request = Client::new().get(format!("http://{address}{path}")).header("accept", "text/event-stream");
    let answer = request.timeout(AT_ONCE).send().await.context("an answer at once to one stream too many")?;
    let (status, told) = (answer.status(), answer.headers().get("retry-after").cloned());
    ensure!(status == StatusCode::SERVICE_UNAVAILABLE, "one stream too many: expected 503, found {status}");
    Ok(told.context("503 without Retry-After")?.to_str()?.parse()?)
}

/// A stream whose head was read, and what was read behind it.
struct Open {
    stream: TcpStream,
    behind: Vec<u8>,
}

async fn open(address: std::net::SocketAddr, path: &str) -> Result<Open> {
    let mut stream = TcpStream::connect(address).await?;
    let head = format!("GET {path} HTTP/1.1\r\nHost: {address}\r\nAccept: text/event-stream\r\n\r\n");
    stream.write_all(head.as_bytes()).await?;
    let mut read = Vec::new();
    loop {
        if let Some(end) = read.windows(4).position(|window| window == b"\r\n\r\n") {
            ensure!(read.starts_with(b"HTTP/1.1 200"), "{}", String::from_utf8_lossy(&read));
            return Ok(Open { stream, behind: read.split_off(end + 4) });
        }
        ensure!(stream.read_buf(&mut read).await? > 0, "closed before an answer");
    }
}

async fn read(Open { mut stream, mut behind }: Open) -> Result<Followed> {
    let mut first = None;
    loop {
        if first.is_none() && behind.windows(7).any(|window| window == b"event: ") {
            first = Some(Instant::now());
        }
        // The end of a chunked answer.
        if behind.ends_with(b"\r\n0\r\n\r\n") {
            return Ok(Followed { first: first.context("an event")?, ended: Instant::now() });
        }
        ensure!(stream.read_buf(&mut behind).await? > 0, "the stream broke");
    }
}
