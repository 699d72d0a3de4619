//! Connections: HTTP/1.1 and HTTP/2 (gRPC) on one port, with TLS or without. Who says nothing, says it too slowly, or does
//! not take what is answered, is cut off: no peer keeps a place that it makes no use of.

use std::convert::Infallible;
use std::future::Future;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::Router;
use axum::extract::ConnectInfo;
use hyper::Request;
use hyper::body::Incoming;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio_io_timeout::TimeoutStream;
use tokio_util::sync::CancellationToken;
use tower_service::Service as _;

use super::forwarded::Proxies;
use super::places::{Place, Places, Room};
use super::rate::bucket_of;
use super::taking::{Answer, Attended, Taking};
use super::tls::Tls;

/// A peer that speaks HTTP/2 is asked this often whether it is there, and has this long to say so.
const PING_EVERY: Duration = Duration::from_secs(30);
const PING_TIMEOUT: Duration = Duration::from_secs(10);
const MOST_CALLS: u32 = 100;
const LARGEST_HEAD: usize = 16 * 1024;
/// How long requests under way have when it stops; streams are ended then.
const GRACE: Duration = Duration::from_secs(3);
/// Most connections at once to which it is said that there are too many.
const MOST_TURNED_AWAY: usize = 256;
const TURNED_AWAY_IN: Duration = Duration::from_secs(2);
/// What is said to them (RFC 9457).
const FULL: &str = concat!(
    "HTTP/1.1 503 Service Unavailable\r\ncontent-type: application/problem+json\r\nretry-after: 1\r\nconnection: close\r\n",
    "content-length: 128\r\n\r\n",
    r#"{"type":"about:blank","title":"Service Unavailable","status":503,"code":"TOO_MANY_CONNECTIONS","retryable":true,"#,
    r#""retry_after":1}"#,
);
/// How long to wait when no connection can be accepted, as when files have run out.
const AFTER_FAILURE: Duration = Duration::from_millis(100);

/// How long a peer may take its time.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    /// For the head of a request, the first one's beginning included. Over HTTP/1.1 also without asking for more.
    pub head: Duration,
    /// For taking any of what is written to it, and the next piece of an answer.
    pub untaken: Duration,
    /// Over HTTP/2: without an answer under way or taken.
    pub idle: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        let ten = Duration::from_secs(10);
        Self { head: ten, untaken: ten, idle: Duration::from_secs(60) }
    }
}

/// Where connections come in.
pub struct Port {
    listener: TcpListener,
    tls: Option<Tls>,
    patience: Patience,
    proxies: Option<Proxies>,
}

impl From<TcpListener> for Port {
    /// Without TLS: what is said can be read and changed on the way.
    fn from(listener: TcpListener) -> Self {
        Self::new(listener, None)
    }
}

impl Port {
    /// With TLS, where there is any; nothing is answered without it then.
    pub fn new(listener: TcpListener, tls: Option<Tls>) -> Self {
        Self { listener, tls, patience: Patience::default(), proxies: None }
    }

    /// With another patience.
    pub fn with_patience(self, patience: Patience) -> Self {
        Self { patience, ..self }
    }

    /// With proxies before it, which are believed about their callers. Each of their connections is many callers', so that no
    /// address's share bounds them.
    pub fn behind(self, proxies: Option<Proxies>) -> Self {
        Self { proxies, ..self }
    }
}

/// Serves `app` to no more connections at once than there is room for, in all and for each address, until `stop`. More of
/// them are told when to come again. Agreeing on keys takes a place too.
pub async fn serve(port: impl Into<Port>, app: Router, room: Room, stop: impl Future<Output = ()>) {
    let Port { listener, tls, patience, proxies } = port.into();
    let proxies = proxies.map(Arc::new);
    let holder = |peer: SocketAddr| match &proxies {
        Some(proxies) if proxies.include(peer.ip()) => (peer.ip(), peer.port()),
        _ => (bucket_of(peer.ip()), 0),
    };
    let places = Places::new(room);
    let doors = Arc::new(Semaphore::new(MOST_TURNED_AWAY));
    let ending = CancellationToken::new();
    let mut connections = JoinSet::new();
    tokio::pin!(stop);
    loop {
        tokio::select! {
            () = &mut stop => break,
            Some(_) = connections.join_next() => {}
            accepted = listener.accept() => match accepted {
                Ok((stream, peer)) => match (places.take(holder(peer)), doors.clone().try_acquire_owned()) {
                    (Ok(place), _) => {
                        let (app, proxies, ending) = (app.clone(), proxies.clone(), ending.clone());
                        let connection = Connection { app, peer, patience, proxies, ending, _place: place };
                        connections.spawn(connection.run(stream, tls.clone()));
                    }
                    (Err(_), Ok(door)) => {
                        let tls = tls.clone();
                        connections.spawn(async move {
                            turn_away(stream, tls).await;
                            drop(door);
                        });
                    }
                    // Not even that: it is closed.
                    (Err(_), Err(_)) => drop(stream),
                },
                Err(error) => {
                    tracing::warn!(%error, "a connection was not accepted");
                    tokio::time::sleep(AFTER_FAILURE).await;
                }
            }
        }
    }
    ending.cancel();
    let ended = async { while connections.join_next().await.is_some() {} };
    if tokio::time::timeout(GRACE, ended).await.is_err() {
        tracing::debug!(open = connections.len(), "connections that went on were closed");
    }
}

/// Tells that there are too many, and hangs up when [`TURNED_AWAY_IN`] is over whatever was said until then.
async fn turn_away(stream: TcpStream, tls: Option<Tls>) {
    let told = async {
        match tls {
            Some(tls) => tell_full(tls.greet_plainly(stream).await?).await,
            None => tell_full(stream).await,
        }
    };
    if let Ok(Err(error)) = tokio::time::timeout(TURNED_AWAY_IN, told).await {
        tracing::debug!(%error, "a connection that was turned away");
    }
}

/// Answers whatever is asked with 503, once the asking has begun: clients take no answer before. Ends when that was read, for
/// a close with bytes unread would take the answer back.
async fn tell_full(mut stream: impl AsyncRead + AsyncWrite + Unpin) -> std::io::Result<()> {
    let mut asked = [0; 1024];
    if stream.read(&mut asked).await? == 0 {
        return Ok(());
    }
    stream.write_all(FULL.as_bytes()).await?;
    stream.shutdown().await?;
    while stream.read(&mut asked).await? > 0 {}
    Ok(())
}

struct Connection {
    app: Router,
    peer: SocketAddr,
    patience: Patience,
    proxies: Option<Arc<Proxies>>,
    ending: CancellationToken,
    /// An address's, or one connection's of a proxy.
    _place: Place<(IpAddr, u16)>,
}

impl Connection {
    async fn run(self, stream: TcpStream, tls: Option<Tls>) {
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "a connection without TCP_NODELAY");
        }
        let mut stream = TimeoutStream::new(stream);
        stream.set_write_timeout(Some(self.patience.untaken));
        let stream = Box::pin(stream);
        let Some(tls) = tls else { return self.talk(stream).await };
        let greeted = tokio::select! {
            greeted = tls.greet(stream) => greeted,
            () = self.ending.cancelled() => return,
        };
        match greeted {
            Ok(stream) => self.talk(stream).await,
            Err(error) => tracing::debug!(%error, "no keys were agreed on"),
        }
    }

    async fn talk(self, stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static) {
        let (has_begun, taking) = (Arc::new(AtomicBool::new(false)), Taking::begin());
        let (app, peer, patience, proxies) = (self.app, self.peer, self.patience, self.proxies);
        let builder = builder(patience, taking.clone());
        let (begun, answers) = (has_begun.clone(), taking.clone());
        let service = hyper::service::service_fn(move |mut request: Request<Incoming>| {
            begun.store(true, Ordering::Relaxed);
            let caller = proxies.as_ref().map_or(peer, |proxies| proxies.caller(peer, request.headers()));
            request.extensions_mut().insert(ConnectInfo(caller));
            let answering: axum::routing::future::RouteFuture<Infallible> = app.clone().call(request);
            let answers = answers.clone();
            async move {
                let answer = Answer::begin(answers);
                answering.await.map(|response| response.map(|body| answer.with(body)))
            }
        });
        let serving = builder.serve_connection(TokioIo::new(stream), service);
        tokio::pin!(serving);
        let look = tokio::time::sleep(patience.head);
        tokio::pin!(look);
        let mut is_ending = false;
        loop {
            tokio::select! {
                served = &mut serving => {
                    if let Err(error) = served {
                        tracing::debug!(%error, "a connection broke");
                    }
                    return;
                }
                () = &mut look => {
                    let idle = taking.idle();
                    // Without the first request's head it is not even known which version of HTTP it will be.
                    if !has_begun.load(Ordering::Relaxed) || (is_ending && idle >= patience.idle) {
                        return;
                    }
                    let next = if idle < patience.idle {
                        patience.idle - idle
                    } else {
                        serving.as_mut().graceful_shutdown();
                        is_ending = true;
                        GRACE
                    };
                    look.as_mut().reset(tokio::time::Instant::now() + next);
                }
                () = self.ending.cancelled(), if !is_ending => {
                    serving.as_mut().graceful_shutdown();
                    is_ending = true;
                }
            }
        }
    }
}

fn builder(patience: Patience, taking: Arc<Taking>) -> auto::Builder<Attended> {
    let mut builder = auto::Builder::new(Attended { taking, longest: patience.untaken });
    builder.http1().timer(TokioTimer::new()).header_read_timeout(patience.head).max_buf_size(LARGEST_HEAD);
    builder
        .http2()
        .timer(TokioTimer::new())
        .keep_alive_interval(PING_EVERY)
        .keep_alive_timeout(PING_TIMEOUT)
        .max_concurrent_streams(MOST_CALLS)
        .max_header_list_size(LARGEST_HEAD as u32);
    builder
}
