//! Many event streams at once, each held open until it ends by itself.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::Barrier;
use tokio::task::JoinSet;

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
