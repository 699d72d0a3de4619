//! `GET /v1/transfers/{id}/events`: a stream that can be resumed, or all of it as JSON.

use std::convert::Infallible;
use std::time::Duration;

use alloy::primitives::B256;
use axum::extract::{Extension, State};
use axum::http::{HeaderMap, header};
use axum::response::sse::{self, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures::{Stream, StreamExt, stream};

use super::answer::Path;
use super::{Api, Place, Who};
use crate::Problem;
use crate::service::{EventView, Follow, Seen};

const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// What happened to a transfer: Server-Sent Events, resumed by `Last-Event-ID`, or JSON when it is asked for. A stream that
/// ends before the transfer does, after an hour or in trouble, says so in a last event `interrupted` without an id.
#[utoipa::path(get, path = "/v1/transfers/{id}/events",
    params(("id" = String, Path), ("Last-Event-ID" = Option<String>, Header, description = "the id of the event seen last")),
    responses(
    (status = 200, content((Vec<EventView> = "application/json"), (String = "text/event-stream"))),
    (status = 400, body = Problem, content_type = "application/problem+json"),
    (status = 404, body = Problem, content_type = "application/problem+json"),
    (status = 429, body = Problem, content_type = "application/problem+json"),
    (status = 503, body = Problem, content_type = "application/problem+json"),
))]
pub async fn events(
    State(api): State<Api>,
    Extension(who): Extension<Who>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let seen = resume(&headers)?;
    let accept = headers.get(header::ACCEPT).and_then(|accept| accept.to_str().ok()).unwrap_or_default();
    if !accept.contains("text/event-stream") {
        return Ok(axum::Json(api.service.events(&id, &seen).await?).into_response());
    }
    let follow = api.service.clone().follow(id, seen).await?;
    let place = api.stream(who)?;
    Ok(Sse::new(shown(follow, place)).keep_alive(KeepAlive::new().interval(KEEP_ALIVE)).into_response())
}

/// How far a client has read: the id of an event, or its sequence alone.
fn resume(headers: &HeaderMap) -> Result<Seen, Problem> {
    let Some(last) = headers.get("last-event-id") else { return Ok(Seen::default()) };
    let last = last.to_str().unwrap_or_default();
    let (sequence, deposit) =
        last.split_once('-').map_or((last, None), |(sequence, deposit)| (sequence, Some(deposit)));
    let next = sequence.parse::<i64>().ok().and_then(|seen| u64::try_from(seen).ok()?.checked_add(1));
    let deposit = deposit.map(str::parse::<B256>).transpose().ok();
    let seen = next.zip(deposit).map(|(next, deposit)| Seen { next, deposit: deposit.map(|id| id.to_string()) });
    seen.ok_or_else(|| Problem::invalid("Last-Event-ID", "the id of an event: its sequence, - and its deposit", last))
}

/// Every event once, in order; the place among the streams is free again when it ends. One that ends before the transfer
/// does says why: its last event is `interrupted`, with the problem and no id.
fn shown(follow: Follow, place: Place<Who>) -> impl Stream<Item = Result<sse::Event, Infallible>> {
    let batches = stream::unfold(Some((follow, place)), |following| async move {
        let (mut follow, place) = following?;
        match follow.next().await {
            Ok(events) => Some((events?.iter().map(happened).collect(), Some((follow, place)))),
            Err(problem) => Some((vec![interrupted(&problem)], None)),
        }
    });
    batches.flat_map(|events: Vec<sse::Event>| stream::iter(events).map(Ok))
}

fn happened(event: &EventView) -> sse::Event {
    let data = serde_json::to_string(event).unwrap_or_default();
    sse::Event::default().id(format!("{}-{}", event.sequence, event.deposit)).event(&event.event).data(data)
}

fn interrupted(problem: &Problem) -> sse::Event {
    sse::Event::default().event("interrupted").data(serde_json::to_string(problem).unwrap_or_default())
}
