//! The same over TLS: what holds without it holds with it, and nothing is said without it.

use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use futures::future::BoxFuture;
use hyper::body::Incoming;
use hyper::client::conn::http2::SendRequest;
use hyper::{Request, Response};
use hyper_util::rt::{TokioExecutor, TokioIo};
use reqwest::StatusCode;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use spandrel_api::grpc::proto;
use spandrel_api::grpc::proto::transfers_client::TransfersClient;
use spandrel_api::http::{Room, Tls, TlsError};
use spandrel_signer::Secret;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::certificates::{Authority, Certified};
use crate::world::{NOW, Options, World, answer};

fn tls(certified: &Certified) -> Result<Tls, TlsError> {
    read(&certified.chain, &certified.key)
}

fn read(chain: &str, key: &str) -> Result<Tls, TlsError> {
    Tls::new(chain.as_bytes(), &Secret::new(key.to_owned()).unwrap(), NOW)
}

/// A world whose port speaks TLS, as `localhost`.
async fn world(authority: &Authority, places: Room) -> World {
    let tls = tls(&authority.certify(&["localhost", "127.0.0.1"])).unwrap();
    World::with(Options { places, tls: Some((tls, authority.pem.clone())), ..Options::new().await }).await
}

const ROOM: Room = Room { all: 100, each: 100 };

async fn connect(world: &World) -> TcpStream {
    TcpStream::connect(world.base.trim_start_matches("https://")).await.unwrap()
}

async fn greet(world: &World, authority: &Authority, protocols: &[&str]) -> std::io::Result<TlsStream<TcpStream>> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(authority.pem.as_bytes()).unwrap()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let mut config = builder.with_root_certificates(roots).with_no_client_auth();
    config.alpn_protocols = protocols.iter().map(|name| name.as_bytes().to_vec()).collect();
    let name = ServerName::try_from("localhost").unwrap();
    TlsConnector::from(Arc::new(config)).connect(name, connect(world).await).await
}

/// An HTTP/2 connection that calls go over.
#[derive(Clone)]
struct Channel(SendRequest<tonic::body::Body>);

impl tower_service::Service<Request<tonic::body::Body>> for Channel {
    type Response = Response<Incoming>;
    type Error = hyper::Error;
    type Future = BoxFuture<'static, Result<Self::Response, hyper::Error>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), hyper::Error>> {
        self.0.poll_ready(context)
    }

    fn call(&mut self, request: Request<tonic::body::Body>) -> Self::Future {
        Box::pin(self.0.send_request(request))
    }
}

/// How long until the server hung up, and what it said.
async fn until_cut_off(mut stream: TcpStream) -> (Duration, Vec<u8>) {
    let (started, mut said) = (Instant::now(), Vec::new());
    let read = tokio::time::timeout(Duration::from_secs(30), stream.read_to_end(&mut said)).await;
    assert!(read.is_ok(), "it is cut off");
    (started.elapsed(), said)
}

#[tokio::test]
async fn rest_and_grpc_are_served_over_tls_to_who_trusts_the_issuer() {
    let authority = Authority::new();
    let world = world(&authority, ROOM).await;
    let chains = answer(world.get("/v1/chains"), StatusCode::OK).await;
    assert!(!chains.as_array().unwrap().is_empty());
    let stranger = reqwest::Client::builder().tls_certs_only([]).build().unwrap();
    stranger.get(format!("{}/v1/chains", world.base)).send().await.unwrap_err();

    assert_eq!(
        greet(&world, &authority, &["http/1.1"]).await.unwrap().get_ref().1.alpn_protocol(),
        Some(&b"http/1.1"[..])
    );
    greet(&world, &authority, &["spdy/3"]).await.unwrap_err();
    let stream = greet(&world, &authority, &["h2", "http/1.1"]).await.unwrap();
    assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"h2"[..]));
    let (sender, connection) =
        hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await.unwrap();
    tokio::spawn(connection);
    let mut client = TransfersClient::with_origin(Channel(sender), world.base.parse().unwrap());
    let told = client.list_chains(proto::ListChainsRequest {}).await.unwrap().into_inner().chains;
    assert_eq!(told.len(), chains.as_array().unwrap().len());
}

#[tokio::test]
async fn nothing_is_answered_without_tls() {
    let world = world(&Authority::new(), ROOM).await;
    for plain in ["GET /v1/chains HTTP/1.1\r\nhost: localhost\r\n\r\n", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"] {
        let mut stream = connect(&world).await;
        stream.write_all(plain.as_bytes()).await.unwrap();
        let (took, said) = until_cut_off(stream).await;
        assert!(took < Duration::from_secs(2), "{took:?}");
        // A TLS alert at most.
        assert!(said.len() <= 7 && !said.starts_with(b"HTTP"), "{said:?}");
    }
}

/// A place is taken until keys are agreed on, and for a short time only.
#[tokio::test]
async fn who_never_agrees_on_keys_takes_a_place_and_loses_it() {
    let authority = Authority::new();
    let world = world(&authority, Room { all: 2, each: 2 }).await;
    let silent = connect(&world).await;
    let mut half = connect(&world).await;
    half.write_all(&[0x16, 3, 1, 2, 0, 1]).await.unwrap();
    // Both have places: the next one is told, over TLS, to come again.
    let refused = world.get("/v1/chains").send().await.unwrap();
    assert_eq!((refused.status().as_u16(), &refused.headers()["retry-after"]), (503, &"1".parse().unwrap()));
    assert_eq!(refused.json::<serde_json::Value>().await.unwrap()["code"], "TOO_MANY_CONNECTIONS");
    for (took, said) in [until_cut_off(silent).await, until_cut_off(half).await] {
        assert!(took < Duration::from_secs(8) && said.len() <= 7, "{took:?}: {said:?}");
    }
    answer(world.get("/v1/chains"), StatusCode::OK).await;
}

#[tokio::test]
async fn who_agrees_on_keys_and_then_says_nothing_is_cut_off() {
    let authority = Authority::new();
    let world = world(&authority, ROOM).await;
    let mut stream = greet(&world, &authority, &["http/1.1"]).await.unwrap();
    let (started, mut said) = (Instant::now(), Vec::new());
    let read = tokio::time::timeout(Duration::from_secs(30), stream.read_to_end(&mut said)).await;
    assert!(read.is_ok() && said.is_empty(), "{read:?}");
    assert!((Duration::from_secs(5)..Duration::from_secs(20)).contains(&started.elapsed()));
}

/// Over a place that is turned away too: nobody holds the door.
#[tokio::test]
async fn who_is_turned_away_and_agrees_on_nothing_is_cut_off() {
    let world = world(&Authority::new(), Room { all: 0, each: 0 }).await;
    let (took, said) = until_cut_off(connect(&world).await).await;
    assert!(took < Duration::from_secs(4) && said.is_empty(), "{took:?}");
}

#[tokio::test]
async fn who_does_not_read_what_is_answered_is_cut_off_under_tls_too() {
    let authority = Authority::new();
    let world = world(&authority, Room { all: 1, each: 1 }).await;
    let mut stream = greet(&world, &authority, &["http/1.1"]).await.unwrap();
    let asking = async {
        for _ in 0..2_000 {
            if stream.write_all(b"GET /openapi.json HTTP/1.1\r\nhost: localhost\r\n\r\n").await.is_err() {
                break;
            }
        }
        std::future::pending::<()>().await;
    };
    let started = Instant::now();
    let freed = async {
        tokio::time::sleep(Duration::from_secs(1)).await;
        while !world.get("/v1/chains").send().await.is_ok_and(|answer| answer.status().is_success()) {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    tokio::select! {
        () = asking => {}
        freed = tokio::time::timeout(Duration::from_secs(30), freed) => freed.expect("a place that was left"),
    }
    assert!(started.elapsed() > Duration::from_secs(5), "it was given time");
}

#[tokio::test]
async fn a_renewed_certificate_is_served_from_the_next_connection_on() {
    let authority = Authority::new();
    let certify = || authority.certify(&["localhost", "127.0.0.1"]);
    let (first, second) = (certify(), certify());
    let (served, trusted) = (tls(&first).unwrap(), authority.pem.clone());
    let options = Options { places: ROOM, tls: Some((served.clone(), trusted)), ..Options::new().await };
    let world = World::with(options).await;
    let shown = async || {
        let stream = greet(&world, &authority, &["http/1.1"]).await.unwrap();
        stream.get_ref().1.peer_certificates().unwrap()[0].clone()
    };
    let of = |certified: &Certified| CertificateDer::from_pem_slice(certified.chain.as_bytes()).unwrap();
    let mut open = greet(&world, &authority, &["http/1.1"]).await.unwrap();
    assert_eq!(shown().await, of(&first));
    assert!(!served.renew(&tls(&first).unwrap()), "it is the same");
    assert!(served.renew(&tls(&second).unwrap()));
    assert_eq!(shown().await, of(&second));
    open.write_all(b"GET /v1/chains HTTP/1.1\r\nhost: localhost\r\n\r\n").await.unwrap();
    let mut said = [0; 12];
    open.read_exact(&mut said).await.unwrap();
    assert_eq!(&said, b"HTTP/1.1 200", "a connection that stands goes on");
}

#[test]
fn what_clients_would_refuse_is_refused_at_the_start_by_name() {
    let authority = Authority::new();
    let good = authority.certify(&["localhost"]);
    let until = tls(&good).unwrap().until();
    assert_eq!(
        humantime::format_rfc3339_seconds(std::time::UNIX_EPOCH + Duration::from_secs(until)).to_string(),
        "2500-01-01T00:00:00Z"
    );
    let told = |chain: &str, key: &str| read(chain, key).unwrap_err().to_string();
    let cases = [
        (told("", &good.key), "certificate: expected certificates in PEM, found none"),
        (
            told("-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----\n", &good.key),
            "certificate: expected certificates (X.509)",
        ),
        (told(&good.key, &good.key), "certificate: expected certificates in PEM, found none"),
        (
            told(&good.chain, &authority.certify(&["localhost"]).key),
            "key: expected the key of the certificate, found another",
        ),
        (told(&good.chain, &good.chain), "key: expected a private key in PEM"),
        (told(&authority.pem, &good.key), "certificate: expected a server's own certificate first"),
        (
            told(&format!("{}{}", good.chain, Authority::new().pem), &good.key),
            "certificate: expected the issuer of the first",
        ),
    ];
    for (found, expected) in cases {
        assert!(found.starts_with(expected), "{found}");
    }
    let ended = authority.certify_between(&["localhost"], 2_000, 2_023);
    assert_eq!(
        tls(&ended).unwrap_err().to_string(),
        "certificate: expected one that is valid now, found one that ended 2023-01-01T00:00:00Z"
    );
    let early = authority.certify_between(&["localhost"], 2_024, 2_500);
    assert_eq!(
        tls(&early).unwrap_err().to_string(),
        "certificate: expected one that is valid now, found one that begins 2024-01-01T00:00:00Z"
    );
    tls(&Certified { chain: format!("{}{}", good.chain, authority.pem), key: good.key }).unwrap();
}

#[test]
fn nothing_of_a_key_is_shown() {
    let good = Authority::new().certify(&["localhost"]);
    let body = good.key.lines().nth(1).unwrap();
    let damaged = good.key.replace("-----BEGIN PRIVATE KEY-----", &format!("-----BEGIN {body}"));
    for key in [damaged, good.key.replace(body, "!"), body.to_owned()] {
        let error = read(&good.chain, &key).unwrap_err();
        assert!(!format!("{error} {error:?}").contains(&body[..8]), "{error:?}");
    }
    assert!(!format!("{:?}", tls(&good).unwrap()).contains(&body[..8]));
}
