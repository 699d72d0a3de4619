//! How many requests the transfer API answers, how, and how fast.

use std::sync::Arc;
use std::time::Instant;

use anyhow::Result;
use axum::extract::{MatchedPath, Request, State};
use axum::middleware::Next;
use axum::response::Response;
use prometheus::{HistogramOpts, HistogramVec, IntCounterVec, Opts, Registry};

/// Requests by route; what matches none is `other`, so that nobody makes labels.
pub struct Requests {
    answered: IntCounterVec,
    seconds: HistogramVec,
}

impl Requests {
    /// Registers them.
    pub fn new(registry: &Registry) -> Result<Self> {
        let answered = IntCounterVec::new(
            Opts::new("spandrel_api_requests_total", "Requests answered, by route and class of status (2xx, 4xx, 5xx)"),
            &["route", "class"],
        )?;
        let seconds = HistogramVec::new(
            HistogramOpts::new("spandrel_api_request_duration_seconds", "From request to the head of its answer")
                .buckets(vec![0.001, 0.0025, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 1.0, 5.0, 10.0]),
            &["route"],
        )?;
        registry.register(Box::new(answered.clone()))?;
        registry.register(Box::new(seconds.clone()))?;
        Ok(Self { answered, seconds })
    }
}

/// Counts one request.
pub async fn observe(State(requests): State<Arc<Requests>>, request: Request, next: Next) -> Response {
    let matched = request.extensions().get::<MatchedPath>().cloned();
    let started = Instant::now();
    let response = next.run(request).await;
    let route = matched.as_ref().map_or("other", MatchedPath::as_str);
    let class = match response.status().as_u16() / 100 {
        2 => "2xx",
        3 => "3xx",
        4 => "4xx",
        5 => "5xx",
        _ => "1xx",
    };
    requests.answered.with_label_values(&[route, class]).inc();
    requests.seconds.with_label_values(&[route]).observe(started.elapsed().as_secs_f64());
    response
}
