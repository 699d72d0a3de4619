//! `POST /v1/control/statements`: the only way to change anything.

use alloy::primitives::B256;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use serde::Serialize;
use spandrel_risk::control::{Act, ControlEvent, Outcome, Seen, SignedStatement};
use spandrel_verifiers::UnixSeconds;

use super::Control;
use super::views::etag;
use crate::Problem;
use crate::http::answer::Json;

/// What became of a statement.
#[derive(Serialize)]
pub struct Taken {
    /// Its digest: the name of the proposal, if it is one.
    statement: B256,
    /// `done`, or `proposed` while it needs a second person, or `approved` while it waits for its time.
    state: &'static str,
    /// Unix seconds at which an approved proposal may be carried out.
    #[serde(skip_serializing_if = "Option::is_none")]
    ready_at: Option<u64>,
    /// Unix seconds until which what it paused is paused, by what stood before if that is longer: of a first freeze too, which
    /// is `proposed` without end. Absent when it paused nothing, or without end.
    #[serde(skip_serializing_if = "Option::is_none")]
    in_force_until: Option<u64>,
    /// Everything that was stored.
    events: Vec<ControlEvent>,
}

/// Takes a guardian's statement. `If-Match` with the ETag of what was looked at is honoured always, and asked for where
/// another may have changed what the statement goes on from.
pub async fn take(
    State(control): State<Control>,
    headers: HeaderMap,
    Json(signed): Json<SignedStatement>,
) -> Result<([(header::HeaderName, String); 1], axum::Json<Taken>), Problem> {
    let seen = seen(&headers)?;
    require_seen(&signed.statement.act, seen)?;
    let statement = signed.statement.digest(control.desk.deployment());
    let events = control.desk.order(signed, seen).await?;
    let (mut state, mut ready_at, mut paused) = ("done", None, None);
    for event in &events {
        match event {
            ControlEvent::Proposed { .. } => state = "proposed",
            ControlEvent::Approved { ready_at: at, .. } => (state, ready_at) = ("approved", Some(*at)),
            ControlEvent::Done { proposal: Some(_), .. } => (state, ready_at) = ("done", None),
            ControlEvent::Done { outcome: Outcome::Paused { scope, .. }, .. } => paused = Some(scope.clone()),
            _ => {}
        }
    }
    let now = control.desk.standing().await;
    // A longer pause that stood before stands on.
    let mut pauses = now.risk.pauses_at(now.now);
    let pause = paused.and_then(|paused| pauses.find(|(scope, _)| **scope == paused));
    let in_force_until = pause.map(|(_, pause)| pause.until).filter(|until| *until < UnixSeconds::MAX);
    let taken = Taken { statement, state, ready_at, in_force_until, events };
    Ok(([(header::ETAG, etag(&now))], axum::Json(taken)))
}

/// What replaces limits, signers or the policy was decided on what stood before.
fn require_seen(act: &Act, seen: Option<Seen>) -> Result<(), Problem> {
    let replaces = matches!(
        act,
        Act::LowerLimits { .. }
            | Act::RaiseLimits { .. }
            | Act::LowerWideLimit { .. }
            | Act::RaiseWideLimit { .. }
            | Act::ChangeSigners { .. }
            | Act::ChangePolicy { .. }
    );
    if replaces && !matches!(seen, Some(Seen::Control(_))) {
        let detail = "this statement replaces what stands: say which version of it you saw";
        return Err(Problem::new(StatusCode::PRECONDITION_REQUIRED, "IF_MATCH_MISSING", detail).about("If-Match"));
    }
    Ok(())
}

fn seen(headers: &HeaderMap) -> Result<Option<Seen>, Problem> {
    let Some(sent) = headers.get(header::IF_MATCH) else { return Ok(None) };
    let text = sent.to_str().unwrap_or_default();
    let quoted = text.strip_prefix('"').and_then(|text| text.strip_suffix('"'));
    let seen = quoted.and_then(|text| text.parse().ok());
    seen.map(Some).ok_or_else(|| Problem::invalid("If-Match", "one ETag of this service", text))
}
