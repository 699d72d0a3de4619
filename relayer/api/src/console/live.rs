//! Tells a page that there is something new; the page then reads itself again.
//!
//! An event carries no data: there is one way in which state is read and shown, and a slow reader misses nothing.

use std::convert::Infallible;
use std::time::Duration;

use axum::extract::{Extension, State};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures::{Stream, StreamExt, stream};

use crate::Problem;
use crate::http::{Api, Path, Who};
use crate::service::Seen;

/// Blocks and ages move without any transfer: a page is told at least this often.
const AT_LEAST: Duration = Duration::from_secs(5);
/// And at most this often, however much happens.
const AT_MOST: Duration = Duration::from_millis(700);
/// Longest that a page listens at a time; browsers come back by themselves.
const LIFETIME: Duration = Duration::from_secs(3600);

/// Told of any change.
pub async fn all(State(api): State<Api>, Extension(who): Extension<Who>) -> Result<Response, Problem> {
    let place = api.stream(who)?;
    let changes = api.service.live.subscribe();
    let told = stream::unfold((api, changes, place), |(api, mut changes, place)| async move {
        // Nothing heard in time is news too: ages grew.
        if let Ok(false) = tokio::time::timeout(AT_LEAST, changes.any()).await {
            return None;
        }
        tokio::time::sleep(AT_MOST).await;
        // What happened until now is read by the page that is told now.
        let changes = api.service.live.subscribe();
        Some((changed(), (api, changes, place)))
    });
    Ok(answer(told))
}

/// Told of changes of one transfer, until it ends.
pub async fn one(
    State(api): State<Api>,
    Extension(who): Extension<Who>,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let seen = api.service.events(&id, &Seen::default()).await?.last().map(Seen::up_to).unwrap_or_default();
    let follow = api.service.clone().follow(id, seen).await?;
    let place = api.stream(who)?;
    let told = stream::unfold((follow, place), |(mut follow, place)| async move {
        match tokio::time::timeout(AT_LEAST, follow.next()).await {
            Ok(Ok(Some(_))) | Err(_) => Some((changed(), (follow, place))),
            Ok(Ok(None) | Err(_)) => None,
        }
    });
    // The page has what came before it listened.
    Ok(answer(stream::once(async { changed() }).chain(told)))
}

/// One event.
pub fn changed() -> Result<Event, Infallible> {
    Ok(Event::default().event("change").data("read again"))
}

/// A stream of events, for a while.
pub fn answer(told: impl Stream<Item = Result<Event, Infallible>> + Send + 'static) -> Response {
    let told = told.take_until(tokio::time::sleep(LIFETIME));
    Sse::new(told).keep_alive(KeepAlive::new().interval(Duration::from_secs(15))).into_response()
}
