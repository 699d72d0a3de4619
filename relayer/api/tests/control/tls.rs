//! The control port over TLS, where it may listen anywhere.

use std::sync::Arc;

use reqwest::{Certificate, Client, StatusCode};
use serde_json::{Value, json};
use spandrel_api::http::{Hosts, Port, Room, TIMEOUT, Tls, control_router, serve};
use spandrel_signer::Secret;

use crate::certificates::Authority;
use crate::world::{Desk, World, guardians, pause};

/// A port that listens on every address, and is certified as `guardians.test`.
#[tokio::test(flavor = "multi_thread")]
async fn only_the_names_of_the_certificate_are_answered_and_statements_are_taken() {
    let world = World::new().await;
    let authority = Authority::new();
    let certified = authority.certify(&["guardians.test"]);
    let tls = Tls::new(certified.chain.as_bytes(), &Secret::new(certified.key).unwrap(), world.now()).unwrap();
    let desk = Arc::new(Desk { book: world.book.clone(), policy: guardians() });
    let router = control_router(desk, world.book.ledger().clone(), Hosts::Certified(tls.clone()), TIMEOUT);
    let listener = tokio::net::TcpListener::bind("0.0.0.0:0").await.unwrap();
    let address = std::net::SocketAddr::from(([127, 0, 0, 1], listener.local_addr().unwrap().port()));
    let room = Room { all: 10, each: 10 };
    tokio::spawn(serve(Port::new(listener, Some(tls)), router, room, std::future::pending()));
    let trusted = Certificate::from_pem_bundle(authority.pem.as_bytes()).unwrap();
    let client = Client::builder().tls_certs_only(trusted).resolve("guardians.test", address).build().unwrap();
    let base = format!("https://guardians.test:{}/v1/control", address.port());

    let ask = async |host: &str| {
        let answer = client.get(format!("{base}/pauses")).header("host", host).send().await.unwrap();
        (answer.status(), answer.json::<Value>().await.unwrap()["code"].clone())
    };
    for host in ["evil.example", "localhost", "127.0.0.1", "guardians.test.evil.example", "", "*"] {
        assert_eq!(ask(host).await, (StatusCode::MISDIRECTED_REQUEST, json!("UNKNOWN_HOST")), "{host}");
    }
    for host in ["guardians.test", "guardians.test:8090", "GUARDIANS.test"] {
        assert_eq!(ask(host).await.0, StatusCode::OK, "{host}");
    }
    let signed = world.signed(0, pause(60)).await;
    let taken = client.post(format!("{base}/statements")).json(&signed).send().await.unwrap();
    assert_eq!(taken.status(), StatusCode::OK);
    assert_eq!(world.get("pauses").await.as_array().unwrap().len(), 1);
}
