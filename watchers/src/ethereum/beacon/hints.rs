//! The node's event stream as a hint that the chain may have moved. It proves nothing and may end at any time.

use std::sync::Arc;
use std::time::Duration;

use eventsource_stream::Eventsource;
use futures::{Stream, StreamExt, stream};
use reqwest::Client;
use tokio::sync::Notify;
use tokio::task::JoinHandle;

use crate::ethereum::Endpoint;

/// Topics that mean that there may be something to read.
const TOPICS: &str =
    "head,chain_reorg,finalized_checkpoint,light_client_finality_update,light_client_optimistic_update";

/// A single event longer than this ends the stream.
const EVENT_LIMIT: usize = 1 << 20;

/// First and longest pause between two attempts to connect.
const RECONNECT: (Duration, Duration) = (Duration::from_millis(250), Duration::from_secs(30));

/// A task that keeps a subscription and notifies; ends when dropped.
#[derive(Debug)]
pub(crate) struct Hints {
    task: JoinHandle<()>,
}

impl Hints {
    /// Subscribes at `endpoint`; a stream silent for longer than `silence` is opened anew.
    pub(crate) fn subscribe(endpoint: Endpoint, silence: Duration, moved: Arc<Notify>) -> Self {
        Self { task: tokio::spawn(follow(endpoint, silence, moved)) }
    }
}

impl Drop for Hints {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn follow(endpoint: Endpoint, silence: Duration, moved: Arc<Notify>) {
    let mut pause = RECONNECT.0;
    loop {
        match listen(&endpoint, silence, &moved).await {
            Ok(0) => tracing::debug!(%endpoint, "event stream ended without an event"),
            Ok(heard) => {
                tracing::debug!(%endpoint, heard, "event stream ended");
                pause = RECONNECT.0;
            }
            Err(error) => tracing::warn!(%endpoint, error = %error.without_url(), "event stream failed"),
        }
        // What happened while the stream was down is told by nobody.
        moved.notify_one();
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(RECONNECT.1);
    }
}

/// Notifies on each event until the stream ends; how many there were.
async fn listen(endpoint: &Endpoint, silence: Duration, moved: &Notify) -> Result<u64, reqwest::Error> {
    let client = Client::builder().connect_timeout(silence).read_timeout(silence).build()?;
    let url = endpoint.join("eth/v1/events", &[("topics", TOPICS.to_owned())]);
    let response = client.get(url).header("accept", "text/event-stream").send().await?.error_for_status()?;
    let mut events = std::pin::pin!(bounded(response.bytes_stream()).eventsource());
    let mut heard = 0;
    while let Some(Ok(event)) = events.next().await {
        tracing::trace!(%endpoint, topic = event.event, "event");
        heard += 1;
        moved.notify_one();
    }
    Ok(heard)
}

/// Ends the stream when one event would exceed [`EVENT_LIMIT`] bytes: the parser keeps an unfinished event whole.
fn bounded<B: AsRef<[u8]>, E>(bytes: impl Stream<Item = Result<B, E>>) -> impl Stream<Item = Result<B, E>> {
    stream::unfold((Box::pin(bytes), 0_usize), |(mut bytes, mut unfinished)| async move {
        let chunk = bytes.next().await?;
        if let Ok(chunk) = &chunk {
            let chunk = chunk.as_ref();
            unfinished = match chunk.windows(2).rposition(|pair| pair == b"\n\n") {
                Some(end) => chunk.len() - end,
                None => unfinished + chunk.len(),
            };
        }
        (unfinished <= EVENT_LIMIT).then_some((chunk, (bytes, unfinished)))
    })
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use super::*;

    async fn read(chunks: Vec<Vec<u8>>) -> usize {
        bounded(stream::iter(chunks.into_iter().map(Ok::<_, Infallible>))).count().await
    }

    #[tokio::test]
    async fn an_event_that_never_ends_ends_the_stream() {
        assert_eq!(read(vec![vec![b'x'; EVENT_LIMIT / 2]; 5]).await, 2);
        let mut event = vec![b'x'; EVENT_LIMIT / 2];
        event.extend_from_slice(b"\n\n");
        assert_eq!(read(vec![event; 5]).await, 5);
    }
}
