//! The user's own server, to which webhooks are posted.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context, Result};
use serde_json::Value;

/// What was posted.
#[derive(Clone)]
pub struct Hooks {
    pub url: String,
    received: Arc<Mutex<Vec<Value>>>,
}

impl Hooks {
    pub async fn start() -> Result<Self> {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
        let hooks = Self { url: format!("http://{}/", listener.local_addr()?), received: Arc::default() };
        let received = hooks.received.clone();
        let take = move |axum::Json(body): axum::Json<Value>| async move {
            received.lock().unwrap_or_else(PoisonError::into_inner).push(body);
        };
        let app = axum::Router::new().route("/", axum::routing::post(take));
        tokio::spawn(async move { axum::serve(listener, app).await });
        Ok(hooks)
    }

    /// The events that were told of a transfer, in the order of their sequence, once there are so many.
    pub async fn told(&self, order: &str, count: usize) -> Result<Vec<String>> {
        let enough = async {
            loop {
                let told = self.told_by_now(order);
                if told.len() >= count {
                    return told;
                }
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(30), enough).await.context("webhooks in time")
    }

    fn told_by_now(&self, order: &str) -> Vec<String> {
        let received = self.received.lock().unwrap_or_else(PoisonError::into_inner);
        let mut told: Vec<(u64, String)> = received
            .iter()
            .filter(|body| body["data"]["transfer"] == order)
            .filter_map(|body| Some((body["data"]["sequence"].as_u64()?, body["type"].as_str()?.to_owned())))
            .collect();
        told.sort();
        told.into_iter().map(|(_, name)| name.trim_start_matches("transfer.").to_owned()).collect()
    }
}
