//! `GET /v1/status`: how the bridge is, for users.

use std::collections::BTreeMap;

use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;

use super::Api;
use crate::Problem;
use crate::service::shown_time;

#[derive(Serialize, ToSchema)]
pub struct StatusView {
    /// `ok`, or `degraded` while something is paused or halted.
    status: &'static str,
    /// Pauses in force.
    pauses: Vec<PauseView>,
    /// Chains that are not followed until an operator looks, with the reason.
    halted: BTreeMap<String, String>,
    /// How far each chain was read.
    chains: BTreeMap<String, ReadTo>,
}

#[derive(Serialize, ToSchema)]
pub struct PauseView {
    /// What is paused.
    scope: String,
    /// Until when, RFC 3339.
    until: String,
    /// Why.
    reason: String,
}

#[derive(Serialize, ToSchema)]
pub struct ReadTo {
    /// The last block read.
    height: Option<u64>,
    /// The last final block.
    finalized: Option<u64>,
    /// When that moved last, RFC 3339.
    updated_at: String,
}

/// How the bridge is.
#[utoipa::path(get, path = "/v1/status", responses(
    (status = 200, body = StatusView),
    (status = 429, body = Problem, content_type = "application/problem+json"),
    (status = 503, body = Problem, content_type = "application/problem+json"),
))]
pub async fn status(State(api): State<Api>) -> Result<axum::Json<StatusView>, Problem> {
    let now = api.service.now();
    let summary = api.service.store.summary(now).await?;
    let risk = api.service.risk().await;
    let pauses: Vec<PauseView> = risk
        .pauses_at(now)
        .map(|(scope, pause)| PauseView {
            scope: scope.to_string(),
            until: shown_time(pause.until),
            reason: pause.reason.clone(),
        })
        .collect();
    let is_ok = pauses.is_empty() && summary.halted.is_empty();
    let chains = summary.cursors.iter().map(|(chain, cursor)| {
        let read = ReadTo {
            height: cursor.tip.map(|tip| tip.height),
            finalized: cursor.finalized.map(|block| block.height),
            updated_at: shown_time(cursor.updated_at),
        };
        (chain.to_string(), read)
    });
    Ok(axum::Json(StatusView {
        status: if is_ok { "ok" } else { "degraded" },
        pauses,
        halted: summary.halted.iter().map(|(chain, reason)| (chain.to_string(), reason.clone())).collect(),
        chains: chains.collect(),
    }))
}
