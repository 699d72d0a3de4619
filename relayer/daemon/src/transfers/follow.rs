//! Following a transfer over the transfer API's stream. A stream that breaks is taken up again after the event seen last.

use std::time::Duration;

use anyhow::{Context, Result};
use eventsource_stream::Eventsource;
use futures::StreamExt;
use serde_json::Value;

use super::api::{Api, read};
use crate::exit::Exit;
use crate::output::print_line;

/// Before a stream that ended is asked for again.
const PAUSE: Duration = Duration::from_secs(1);
/// How often in a row it may fail.
const MAX_FAILURES: u32 = 10;
/// What a transfer that was paid is at its end.
const PAID: [&str; 2] = ["final", "settled"];

/// How far a transfer was followed.
#[derive(Default)]
struct Followed {
    /// Id of the event seen last.
    last: Option<String>,
    /// Whether anything was ever answered: then what fails now may pass.
    was_answered: bool,
}

/// Prints each event once, in order, until nothing will change any more. Answers whether it was paid.
pub async fn watch(api: &Api, id: &str, json: bool) -> Result<Exit> {
    let (mut followed, mut failures) = (Followed::default(), 0);
    loop {
        let before = followed.last.clone();
        let outcome = follow(api, id, &mut followed, json).await;
        let transfer = match outcome {
            Ok(()) => transfer(api, id).await,
            Err(error) => Err(error),
        };
        match transfer {
            Ok(transfer) if transfer["terminal"] == true => {
                let status = transfer["status"].as_str().unwrap_or_default().to_owned();
                print_line(json, &transfer, || format!("{id}: {status}"))?;
                return Ok(if PAID.contains(&status.as_str()) { Exit::Done } else { Exit::Unpaid });
            }
            Ok(_) => failures = 0,
            Err(error) => {
                failures = if followed.last == before { failures + 1 } else { 1 };
                if failures >= MAX_FAILURES || !followed.was_answered {
                    return Err(error);
                }
            }
        }
        tokio::time::sleep(PAUSE).await;
    }
}

/// One stream from after the event seen last to its end.
async fn follow(api: &Api, id: &str, followed: &mut Followed, json: bool) -> Result<()> {
    let mut request = api.http.get(api.url(&["transfers", id, "events"])?).header("accept", "text/event-stream");
    if let Some(last) = &followed.last {
        request = request.header("last-event-id", last.as_str());
    }
    let answer = request.send().await.with_context(|| api.name())?;
    if !answer.status().is_success() {
        return read(answer).await.map(|_| ());
    }
    followed.was_answered = true;
    let mut events = answer.bytes_stream().eventsource();
    while let Some(event) = events.next().await {
        let Ok(event) = event else { return Ok(()) };
        if event.event == "interrupted" {
            return Ok(());
        }
        let told: Value = serde_json::from_str(&event.data).context("transfer API: expected an event")?;
        followed.last = Some(event.id);
        let (at, name) = (told["at"].as_str().unwrap_or_default(), told["event"].as_str().unwrap_or_default());
        print_line(json, &told, || format!("{at}  {name}"))?;
    }
    Ok(())
}

async fn transfer(api: &Api, id: &str) -> Result<Value> {
    read(api.http.get(api.url(&["transfers", id])?).send().await.with_context(|| api.name())?).await
}
