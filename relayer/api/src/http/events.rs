//! `GET /v1/transfers/{id}/events`: a stream that can be resumed, or all of it as JSON.

use std::time::Duration;

use axum::extract::{Extension, State};
use axum::http::{HeaderMap, header};
use axum::response::sse::{self, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures::{Stream, StreamExt, TryStreamExt, stream};

use super::answer::Path;
use super::{Api, Place, Who};
use crate::Problem;
use crate::service::{EventView, Follow};

const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// What happened to a transfer: Server-Sent Events, resumed by `Last-Event-ID`, or JSON when it is asked for.
#[utoipa::path(get, path = "/v1/transfers/{id}/events",
    params(("id" = String, Path), ("Last-Event-ID" = Option<u64>, Header, description = "the sequence seen last")),
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
    let from = resume(&headers)?;
    let accept = headers.get(header::ACCEPT).and_then(|accept| accept.to_str().ok()).unwrap_or_default();
    if !accept.contains("text/event-stream") {
        return Ok(axum::Json(api.service.events(&id, from).await?).into_response());
    }
    let follow = api.service.clone().follow(id, from).await?;
    let place = api.stream(who)?;
    Ok(Sse::new(shown(follow, place)).keep_alive(KeepAlive::new().interval(KEEP_ALIVE)).into_response())
}

/// The sequence that comes after the last one seen.
fn resume(headers: &HeaderMap) -> Result<u64, Problem> {
    let Some(last) = headers.get("last-event-id") else { return Ok(0) };
    let last = last.to_str().unwrap_or_default();
    let seen: u64 = last.parse().map_err(|_| Problem::invalid("Last-Event-ID", "a sequence number", last))?;
    Ok(seen.saturating_add(1))
}

/// Every event once, in order; the place among the streams is free again when it ends.
fn shown(follow: Follow, place: Place<Who>) -> impl Stream<Item = Result<sse::Event, Problem>> {
    let batches = stream::try_unfold((follow, place), |(mut follow, place)| async move {
        let events: Option<Vec<EventView>> = follow.next().await?;
        Ok::<_, Problem>(events.map(|events| (stream::iter(events).map(Ok), (follow, place))))
    });
    batches.try_flatten().map_ok(|event| {
        let data = serde_json::to_string(&event).unwrap_or_default();
        sse::Event::default().id(event.sequence.to_string()).event(event.event).data(data)
    })
}
