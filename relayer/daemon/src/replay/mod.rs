//! `spandrel replay`: the events of transfers, folded anew by the pure machine, must come to what is stored, and decisions,
//! made again by a second engine, to what is recorded.

mod decisions;

use std::path::Path;
use std::str::FromStr;

use anyhow::{Result, bail};
use serde::Serialize;
use serde_json::Value;
use spandrel_core::Transfer;
use spandrel_store::{Columns, Projected, Sqlite};
use spandrel_verifiers::DepositId;

use crate::config::Config;
use crate::exit::Exit;
use crate::output::print;
use crate::{progress, status, wiring};
use decisions::{Decisions, decide_again};

/// Transfers read at once.
const PAGE: u32 = 200;

const NOT_FROM_THE_START: &str = "decisions were not asked about: they replay from the first transfer on, as in `..`";

/// Which transfers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum What {
    /// One.
    One(DepositId),
    /// Those from one place on and before another.
    Places {
        /// The first.
        from: u64,
        /// The first that is not meant.
        to: u64,
    },
}

/// A field that is stored otherwise than its events have it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Mismatch {
    /// Of which transfer.
    transfer: DepositId,
    /// Its place.
    place: u64,
    /// Which field.
    field: String,
    /// By its events.
    expected: String,
    /// As it is stored.
    found: String,
}

/// What a replay came to.
#[derive(Debug, Default, Serialize)]
struct Report {
    transfers: u64,
    events: u64,
    mismatches: Vec<Mismatch>,
    /// Nothing where the first transfer is left out: decisions stand on all that was decided before them.
    decisions: Option<Decisions>,
}

impl FromStr for What {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let refused = || format!("expected a deposit id (0x and 64 digits) or places as in 1..100, found {text:?}");
        let Some((from, to)) = text.split_once("..") else {
            return text.parse().map(|id| Self::One(DepositId(id))).map_err(|_| refused());
        };
        let place = |text: &str, open: u64| match text {
            "" => Ok(open),
            text => text.parse().map_err(|_| refused()),
        };
        let (from, to) = (place(from, 1)?, place(to, i64::MAX.unsigned_abs())?);
        if from >= to { Err(refused()) } else { Ok(Self::Places { from, to }) }
    }
}

/// Replays, and prints what differs. Nothing is written. `configured` holds the limits that were in force before any were
/// agreed on.
pub async fn run(database: &Path, what: What, configured: Option<&Path>, json: bool) -> Result<Exit> {
    let configured = configured.map(Config::read).transpose()?;
    let configured = configured.map(|config| wiring::policy(&config)).transpose()?.map(|policy| policy.risk);
    let store = status::look_at(database).await?;
    let mut report = Report::default();
    match what {
        What::One(id) => match store.projection(id).await? {
            Some(projected) => report.take(&projected),
            None => bail!("no transfer {id}"),
        },
        What::Places { from, to } => range(&store, from, to, json, &mut report).await?,
    }
    if let What::Places { from: 0 | 1, to } = what {
        report.decisions = Some(decide_again(&store, to, configured, json).await?);
    }
    store.close().await;
    let value = serde_json::json!({
        "same": report.is_same(),
        "transfers": report.transfers,
        "events": report.events,
        "mismatches": report.mismatches,
        "decisions": report.decisions,
    });
    print(json, &value, || report.words())?;
    Ok(report.exit())
}

async fn range(store: &Sqlite, from: u64, to: u64, json: bool, report: &mut Report) -> Result<()> {
    let end = to.min(store.last_place().await?.saturating_add(1));
    let bar = progress::bar("replaying", end.saturating_sub(from), json);
    let mut next = from;
    while next < end {
        let page = store.projections(next, PAGE).await?;
        let Some(last) = page.last() else { break };
        next = last.place.saturating_add(1);
        for projected in page.iter().filter(|projected| projected.place < end) {
            report.take(projected);
            bar.inc(1);
        }
    }
    bar.finish_and_clear();
    Ok(())
}

impl Report {
    fn take(&mut self, projected: &Projected) {
        self.transfers += 1;
        self.events += projected.events.as_ref().map_or(0, |events| events.len() as u64);
        let differing = differences(projected);
        self.mismatches.extend(differing.into_iter().map(|(field, expected, found)| Mismatch {
            transfer: projected.id,
            place: projected.place,
            field,
            expected,
            found,
        }));
    }

    fn is_same(&self) -> bool {
        let differs = self.decisions.as_ref().is_some_and(|decisions| decisions.mismatch.is_some());
        self.mismatches.is_empty() && !differs
    }

    /// What was left out is no success.
    fn exit(&self) -> Exit {
        match &self.decisions {
            _ if !self.is_same() => Exit::Mismatch,
            Some(decisions) if !decisions.is_whole() => Exit::Failed,
            _ => Exit::Done,
        }
    }

    fn words(&self) -> String {
        let Self { transfers, events, mismatches, decisions } = self;
        let lines: String = mismatches
            .iter()
            .map(|Mismatch { transfer, field, expected, found, .. }| {
                format!("{transfer}: {field}: expected {expected}, found {found}\n")
            })
            .collect();
        let end = if mismatches.is_empty() { "as stored" } else { "NOT as stored" };
        let decided = decisions.as_ref().map_or_else(|| NOT_FROM_THE_START.to_owned(), Decisions::words);
        format!("{lines}{transfers} transfers, {events} events: {end}\n{decided}")
    }
}

/// `(field, expected, found)` of everything in which events and projection differ.
fn differences(projected: &Projected) -> Vec<(String, String, String)> {
    let one = |field: &str, expected: &str, found: String| vec![(field.to_owned(), expected.to_owned(), found)];
    let events = match &projected.events {
        Ok(events) => events,
        Err(error) => return one("events", "events that read back", error.to_string()),
    };
    let mut folded = None;
    for event in events {
        match Transfer::fold(folded, projected.id, &event.body, event.at) {
            Ok(transfer) => folded = Some(transfer),
            Err(error) => {
                return one(&format!("events[{}]", event.sequence), "an event that can follow", error.to_string());
            }
        }
    }
    let Some(folded) = folded else { return one("events", "at least one", "none".to_owned()) };
    let (columns, stored) = match &projected.stored {
        Ok(stored) => stored,
        Err(error) => return one("projection", "a row that reads back", error.to_string()),
    };
    let mut found = Vec::new();
    compare("", &shown(&folded), &shown(stored), &mut found);
    compare("columns", &shown(&Columns::of(&folded)), &shown(columns), &mut found);
    found
}

fn shown(value: &impl Serialize) -> Value {
    serde_json::to_value(value).unwrap_or_else(|error| Value::String(error.to_string()))
}

/// Leaf by leaf.
fn compare(path: &str, expected: &Value, found: &Value, differing: &mut Vec<(String, String, String)>) {
    let below = |name: &str| if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") };
    match (expected, found) {
        (Value::Object(expected), Value::Object(found)) => {
            let names: std::collections::BTreeSet<&String> = expected.keys().chain(found.keys()).collect();
            for name in names {
                let of = |map: &serde_json::Map<String, Value>| map.get(name).cloned().unwrap_or(Value::Null);
                compare(&below(name), &of(expected), &of(found), differing);
            }
        }
        (Value::Array(expected), Value::Array(found)) if expected.len() == found.len() => {
            for (place, (expected, found)) in expected.iter().zip(found).enumerate() {
                compare(&format!("{path}[{place}]"), expected, found, differing);
            }
        }
        (expected, found) if expected == found => {}
        (expected, found) => differing.push((path.to_owned(), expected.to_string(), found.to_string())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_meant_is_an_id_or_places() {
        let id = format!("0x{}", "ab".repeat(32));
        assert_eq!(id.parse(), Ok(What::One(DepositId([0xab; 32].into()))));
        assert_eq!("3..7".parse(), Ok(What::Places { from: 3, to: 7 }));
        assert_eq!("..7".parse(), Ok(What::Places { from: 1, to: 7 }));
        assert_eq!("3..".parse(), Ok(What::Places { from: 3, to: i64::MAX.unsigned_abs() }));
        for text in ["", "7", "7..7", "9..7", "a..b", "0x12", "1..2..3", "-1..4"] {
            let error = text.parse::<What>().unwrap_err();
            assert!(error.contains(&format!("{text:?}")), "{error}");
        }
    }

    #[test]
    fn differences_are_named_leaf_by_leaf() {
        let expected = serde_json::json!({ "a": { "b": [1, 2] }, "same": 1, "gone": 5 });
        let found = serde_json::json!({ "a": { "b": [1, 3] }, "same": 1, "new": true });
        let mut differing = Vec::new();
        compare("", &expected, &found, &mut differing);
        let named: Vec<(&str, &str, &str)> = differing
            .iter()
            .map(|(field, expected, found)| (field.as_str(), expected.as_str(), found.as_str()))
            .collect();
        assert_eq!(named, [("a.b[1]", "2", "3"), ("gone", "5", "null"), ("new", "null", "true")]);
    }
}
