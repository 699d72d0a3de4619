//! Clients that take their time: with a request, with what they are answered, or with asking anything.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use axum::body::Bytes;
use axum::http::{Request, Response};
use h2::client::SendRequest;
use h2::{Ping, Reason, RecvStream};
use spandrel_api::http::Patience;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;

/// Of a port that is tested: as in service, and shorter.
pub const PATIENCE: Patience = Patience {
    head: Duration::from_millis(1_000),
    untaken: Duration::from_millis(400),
    idle: Duration::from_millis(1_200),
};

/// Most time after which a port that has such a patience has done what it does.
pub const SOON: Duration = Duration::from_secs(10);

/// Sends `parts` with some time between them, then waits: how long until the server hung up, and what it answered.
pub async fn dawdle<S: AsRef<str>>(address: SocketAddr, parts: &[S], between: Duration) -> (Duration, String) {
    let started = Instant::now();
    let mut stream = TcpStream::connect(address).await.unwrap();
    for part in parts {
        stream.write_all(part.as_ref().as_bytes()).await.unwrap();
        tokio::time::sleep(between).await;
    }
    let mut answer = Vec::new();
    let read = tokio::time::timeout(Duration::from_secs(30), stream.read_to_end(&mut answer)).await;
    assert!(read.is_ok(), "it is cut off");
    (started.elapsed(), String::from_utf8_lossy(&answer).into_owned())
}

/// A peer that speaks HTTP/2, answers pings and sends its own all the while.
pub struct Peer {
    requests: SendRequest<Bytes>,
    connection: JoinHandle<()>,
}

impl Peer {
    /// One that takes so many bytes of an answer, and more when it says so.
    pub async fn connect(address: SocketAddr, window: u32) -> Self {
        let stream = TcpStream::connect(address).await.unwrap();
        let (requests, mut connection) =
            h2::client::Builder::new().initial_window_size(window).handshake(stream).await.unwrap();
        let mut pings = connection.ping_pong().unwrap();
        let connection = tokio::spawn(async move {
            let pinging = async {
                while pings.ping(Ping::opaque()).await.is_ok() {
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
                std::future::pending::<()>().await;
            };
            tokio::select! {
                // How it ends is for who waits for an answer.
                _ = connection => {}
                () = pinging => {}
            }
        });
        Self { requests, connection }
    }

    /// Sends a request and what there is of its body; the whole of it, or as if more came.
    pub async fn ask(&self, request: Request<()>, body: &[u8], is_whole: bool) -> Response<RecvStream> {
        let mut requests = self.requests.clone().ready().await.unwrap();
        let (answer, mut sending) = requests.send_request(request, is_whole && body.is_empty()).unwrap();
        if !body.is_empty() {
            sending.send_data(Bytes::copy_from_slice(body), is_whole).unwrap();
        }
        let answer = tokio::time::timeout(SOON, answer).await.expect("a head in time").unwrap();
        // It is not dropped before: that would end the request.
        drop(sending);
        answer
    }

    /// Asks for what a path shows.
    pub async fn get(&self, path: &str) -> Response<RecvStream> {
        let request = Request::get(format!("http://localhost{path}")).header("accept", "text/event-stream");
        self.ask(request.body(()).unwrap(), &[], true).await
    }

    /// How long until the server hangs up.
    pub async fn until_cut_off(self) -> Duration {
        let started = Instant::now();
        tokio::time::timeout(SOON, self.connection).await.expect("it is cut off").unwrap();
        started.elapsed()
    }
}

/// Takes nothing of an answer, and waits until it is called off: how long that took.
pub async fn until_called_off(mut answer: Response<RecvStream>) -> Duration {
    let started = Instant::now();
    assert!(answer.status().is_success(), "{answer:?}");
    loop {
        match tokio::time::timeout(SOON, answer.body_mut().data()).await.expect("it is called off") {
            Some(Ok(_)) => {}
            Some(Err(error)) => {
                assert_eq!(error.reason(), Some(Reason::CANCEL), "{error}");
                return started.elapsed();
            }
            None => panic!("it was answered whole"),
        }
    }
}

/// What comes of an answer next.
pub async fn more(answer: &mut Response<RecvStream>) -> Bytes {
    let data = tokio::time::timeout(SOON, answer.body_mut().data()).await.expect("it goes on");
    let data = data.expect("more").unwrap();
    answer.body_mut().flow_control().release_capacity(data.len()).unwrap();
    data
}
