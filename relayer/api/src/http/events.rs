//! `GET /v1/transfers/{id}/events`: a stream that can be resumed, or all of it as JSON.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::sse::{self, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures::{Stream, stream};
use tokio::sync::OwnedSemaphorePermit;

use super::Api;
use super::answer::Path;
use crate::service::EventView;
use crate::{Problem, Service};

const KEEP_ALIVE: Duration = Duration::from_secs(15);
/// Longest that a stream lives: clients resume with `Last-Event-ID`.
const LIFETIME: Duration = Duration::from_secs(3600);

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
pub async fn events(State(api): State<Api>, Path(id): Path<String>, headers: HeaderMap) -> Result<Response, Problem> {
    let from = resume(&headers)?;
    let accept = headers.get(header::ACCEPT).and_then(|accept| accept.to_str().ok()).unwrap_or_default();
    if !accept.contains("text/event-stream") {
        return Ok(axum::Json(api.service.events(&id, from).await?).into_response());
    }
    // Before the stream begins, so that an unknown id is a 404 and not an empty stream.
    api.service.deposits(&id).await?;
    let permit = api.streams.clone().try_acquire_owned().map_err(|_| {
        Problem::new(StatusCode::SERVICE_UNAVAILABLE, "TOO_MANY_STREAMS", "all streams are taken").retry_in(10)
    })?;
    let events = follow(api.service.clone(), id, from, permit);
    Ok(Sse::new(events).keep_alive(KeepAlive::new().interval(KEEP_ALIVE)).into_response())
}

/// The sequence that comes after the last one seen.
fn resume(headers: &HeaderMap) -> Result<u64, Problem> {
    let Some(last) = headers.get("last-event-id") else { return Ok(0) };
    let last = last.to_str().unwrap_or_default();
    let seen: u64 = last.parse().map_err(|_| Problem::invalid("Last-Event-ID", "a sequence number", last))?;
    Ok(seen.saturating_add(1))
}

struct Reader {
    service: Arc<Service>,
    id: String,
    next: u64,
    changes: crate::service::Changes,
    ready: std::collections::VecDeque<EventView>,
    until: tokio::time::Instant,
    _permit: OwnedSemaphorePermit,
}

/// Every event once, in order, until the transfer ends or the stream has lived long enough.
fn follow(
    service: Arc<Service>,
    id: String,
    from: u64,
    permit: OwnedSemaphorePermit,
) -> impl Stream<Item = Result<sse::Event, Problem>> {
    let changes = service.live.subscribe();
    let until = tokio::time::Instant::now() + LIFETIME;
    let reader = Reader { service, id, next: from, changes, ready: Default::default(), until, _permit: permit };
    stream::try_unfold(reader, |mut reader| async move {
        loop {
            if let Some(event) = reader.ready.pop_front() {
                reader.next = event.sequence.saturating_add(1);
                let data = serde_json::to_string(&event).unwrap_or_default();
                let shown = sse::Event::default().id(event.sequence.to_string()).event(event.event).data(data);
                return Ok(Some((shown, reader)));
            }
            reader.ready = reader.service.events(&reader.id, reader.next).await?.into();
            if reader.ready.is_empty() && !reader.wait().await? {
                return Ok(None);
            }
        }
    })
}

impl Reader {
    /// Waits for a change; `false` when there will be none.
    async fn wait(&mut self) -> Result<bool, Problem> {
        if self.service.transfer(&self.id).await?.terminal {
            return Ok(false);
        }
        let ids = self.service.deposits(&self.id).await?;
        Ok(tokio::time::timeout_at(self.until, self.changes.wait(&ids)).await.unwrap_or(false))
    }
}
