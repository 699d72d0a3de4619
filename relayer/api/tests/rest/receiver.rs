//! A user's own server, which takes webhooks and checks them by the recipe of `docs/transfer-api.md`.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use hmac::{Hmac, Mac};
use sha2::Sha256;
use tokio::sync::Notify;

/// Seconds by which clocks may differ.
const SKEW: u64 = 300;

/// A request as it came.
#[derive(Clone, Debug)]
pub struct Received {
    pub delivery: String,
    pub signature: String,
    pub body: String,
}

impl Received {
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.body).unwrap()
    }

    /// The documented recipe, step by step.
    pub fn verify(&self, secret: &str, now: u64) -> Result<(), &'static str> {
        let fields = || self.signature.split(',').filter_map(|field| field.split_once('='));
        let time = fields().find(|(name, _)| *name == "t").ok_or("no time")?.1;
        let at: u64 = time.parse().map_err(|_| "no time")?;
        if now.abs_diff(at) > SKEW {
            return Err("too old");
        }
        let signed = format!("{time}.{}", self.body);
        let is_good = fields().filter(|(name, _)| *name == "v1").any(|(_, tag)| {
            let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap();
            mac.update(signed.as_bytes());
            hex::decode(tag).is_ok_and(|tag| mac.verify_slice(&tag).is_ok())
        });
        if is_good { Ok(()) } else { Err("no valid signature") }
    }
}

/// How a receiver answers.
#[derive(Clone, Debug)]
pub enum Manner {
    Status(u16),
    Redirect(String),
    /// Takes the request, and never answers.
    Hang,
}

#[derive(Clone)]
pub struct Receiver {
    pub url: String,
    received: Arc<Mutex<Vec<Received>>>,
    manner: Arc<Mutex<Manner>>,
    came: Arc<Notify>,
}

impl Receiver {
    pub async fn start(manner: Manner) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let receiver = Self {
            url: format!("http://{}/hook", listener.local_addr().unwrap()),
            received: Arc::default(),
            manner: Arc::new(Mutex::new(manner)),
            came: Arc::default(),
        };
        let app = axum::Router::new().fallback(take).with_state(receiver.clone());
        tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
        receiver
    }

    pub fn answer(&self, manner: Manner) {
        *self.manner.lock().unwrap() = manner;
    }

    pub fn received(&self) -> Vec<Received> {
        self.received.lock().unwrap().clone()
    }

    /// Waits until `count` requests came.
    pub async fn wait(&self, count: usize) -> Vec<Received> {
        let all = async {
            while self.received().len() < count {
                self.came.notified().await;
            }
        };
        tokio::time::timeout(Duration::from_secs(20), all).await.expect("a request in time");
        self.received()
    }
}

async fn take(State(receiver): State<Receiver>, headers: HeaderMap, body: String) -> Response {
    let text = |name: &str| headers.get(name).map(|value| value.to_str().unwrap().to_owned()).unwrap_or_default();
    let received = Received { delivery: text("spandrel-delivery"), signature: text("spandrel-signature"), body };
    receiver.received.lock().unwrap().push(received);
    receiver.came.notify_one();
    let manner = receiver.manner.lock().unwrap().clone();
    match manner {
        Manner::Status(status) => StatusCode::from_u16(status).unwrap().into_response(),
        Manner::Redirect(to) => (StatusCode::TEMPORARY_REDIRECT, [(header::LOCATION, to)]).into_response(),
        Manner::Hang => std::future::pending().await,
    }
}
