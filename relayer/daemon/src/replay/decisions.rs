//! Decisions made again: a second engine takes in the risk and the control log in the order in which both were stored. Each
//! event must be what the audit log tells, what follows from the events before it, and what its transfer says.

use std::collections::BTreeMap;

use anyhow::Result;
use serde::Serialize;
use serde_json::Value;
use spandrel_core::Event;
use spandrel_core::ledger::{Recorded, StoreError};
use spandrel_risk::control::ControlEvent;
use spandrel_risk::{Lane, Mismatch, RiskEvent, RiskPolicy, SecondEngine};
use spandrel_store::{LogPlace, LogRow, Logged, Projected, Sqlite};
use spandrel_verifiers::{Deposit, DepositId, UnixSeconds};

use super::shown;
use crate::progress;

/// Events read at once.
const PAGE: u32 = 500;
const WHY: &str = "made before any policy was agreed on, by a configuration that the ledger does not have: give that file \
                   with --config";

/// What deciding again came to.
#[derive(Debug, Default, Serialize)]
pub struct Decisions {
    /// Risk and control events taken in.
    events: u64,
    /// Decisions that came out as they were recorded.
    same: u64,
    /// Decisions that could not be made again.
    not_replayed: u64,
    /// Why not.
    why: Option<&'static str>,
    /// The first event that is not what it must be. Nothing after it was looked at.
    pub mismatch: Option<Difference>,
}

/// An event that is not what it must be.
#[derive(Debug, Serialize)]
pub struct Difference {
    /// Log, place and kind.
    event: String,
    /// Of which transfer, where it is of one.
    transfer: Option<DepositId>,
    /// What differs.
    field: &'static str,
    /// As it is stored.
    stored: String,
    /// As it is found.
    found: String,
}

/// What a transfer says of its decisions.
struct Told {
    id: DepositId,
    place: u64,
    deposit: Option<Deposit>,
    /// Lane and time of each clearance.
    clearances: Vec<(Lane, UnixSeconds)>,
}

struct Replay<'a> {
    store: &'a Sqlite,
    /// The first place of a transfer that is not meant.
    to: u64,
    second: SecondEngine,
    /// How often each transfer was cleared so far.
    cleared: BTreeMap<DepositId, usize>,
    /// The transfer that was asked for last.
    told: Option<Told>,
    events: u64,
}

/// Why a replay ends.
enum End {
    Differs(Box<Difference>),
    /// What comes is of a transfer that is not meant.
    Beyond,
}

/// Decides again whatever was decided, up to the first event of a transfer at place `to`. `configured` is in force until a
/// policy is agreed on.
pub async fn decide_again(store: &Sqlite, to: u64, configured: Option<RiskPolicy>, json: bool) -> Result<Decisions> {
    let bar = progress::bar("deciding again", store.audit_length().await?, json);
    let second = SecondEngine::new(configured);
    let mut replay = Replay { store, to, second, cleared: BTreeMap::new(), told: None, events: 0 };
    let mut place = LogPlace::default();
    let end = loop {
        let page = match store.log(place, PAGE).await {
            Ok(page) => page,
            Err(StoreError::Corrupt { what, reason }) => {
                break Some(Difference::unreadable(what, reason).into());
            }
            Err(error) => return Err(error.into()),
        };
        if page.rows.is_empty() {
            break replay.finish(page.untold.as_ref()).err();
        }
        if let Err(end) = replay.take_page(&page.rows).await? {
            break Some(end);
        }
        place = page.next;
        bar.set_position(place.audit);
    };
    bar.finish_and_clear();
    let (same, not_replayed) = (replay.second.agreed(), replay.second.unjudged());
    let mismatch = match end {
        Some(End::Differs(difference)) => Some(*difference),
        Some(End::Beyond) | None => None,
    };
    Ok(Decisions { events: replay.events, same, not_replayed, why: (not_replayed > 0).then_some(WHY), mismatch })
}

impl Replay<'_> {
    /// The outer error when the ledger cannot be read.
    async fn take_page(&mut self, rows: &[LogRow]) -> Result<Result<(), End>> {
        // A transfer that was read before the page may lack what the page has.
        self.told = None;
        for row in rows {
            if let Some(id) = row.stored.as_ref().and_then(subject) {
                self.ask_for(id).await?;
            }
            if let Err(end) = self.take(row) {
                return Ok(Err(end));
            }
            self.events += 1;
        }
        Ok(Ok(()))
    }

    async fn ask_for(&mut self, id: DepositId) -> Result<()> {
        if self.told.as_ref().is_none_or(|told| told.id != id) {
            self.told = self.store.projection(id).await?.map(Told::of);
        }
        Ok(())
    }

    fn take(&mut self, row: &LogRow) -> Result<(), End> {
        let Some(logged) = &row.stored else { return Err(Difference::missing(row).into()) };
        require_told(row, logged).map_err(|mismatch| End::from(Difference::of(logged, mismatch)))?;
        let event = match logged {
            Logged::Risk(event) => event,
            Logged::Control(event) => {
                self.second.obey(&event.body, event.at);
                return Ok(());
            }
        };
        let about = subject(logged);
        let told = self.told.as_ref().filter(|told| Some(told.id) == about);
        if told.is_some_and(|told| told.place >= self.to) {
            return Err(End::Beyond);
        }
        let taken = self.second.take(&event.body, event.at, told.and_then(|told| told.deposit.as_ref()));
        let taken = taken.and_then(|()| self.require_cleared(event));
        taken.map_err(|mismatch| End::from(Difference::of(logged, mismatch)))
    }

    /// A clearance stands among its transfer's own events too, from the same commit.
    fn require_cleared(&mut self, event: &Recorded<RiskEvent>) -> Result<(), Mismatch> {
        let RiskEvent::Cleared { id, lane, .. } = &event.body else { return Ok(()) };
        let nth = self.cleared.entry(*id).or_default();
        let found = self.told.as_ref().and_then(|told| told.clearances.get(*nth)).copied();
        *nth += 1;
        if found == Some((*lane, event.at)) {
            return Ok(());
        }
        let words = |(lane, at): (Lane, UnixSeconds)| format!("cleared on the {lane} lane at {at}");
        let found = found.map_or_else(|| "no such event of the transfer".to_owned(), words);
        Err(Mismatch { field: "transfer", stored: words((*lane, event.at)), found })
    }

    /// Nothing is missing at the end, and nothing left over.
    fn finish(&self, untold: Option<&Logged>) -> Result<(), End> {
        if let Some(untold) = untold {
            let found = "no row of the audit log".to_owned();
            let mismatch = Mismatch { field: "audit", stored: body(untold).to_string(), found };
            return Err(Difference::of(untold, mismatch).into());
        }
        self.second.finish().map_err(|mismatch| Difference::at("risk_events: the end", mismatch).into())
    }
}

impl From<Difference> for End {
    fn from(difference: Difference) -> Self {
        Self::Differs(Box::new(difference))
    }
}

impl Told {
    fn of(projected: Projected) -> Self {
        let events = projected.events.unwrap_or_default();
        let deposit = events.iter().find_map(|event| match &event.body {
            Event::Observed { seen } => Some(seen.deposit.clone()),
            _ => None,
        });
        let clearance = |event: &Recorded<Event>| match &event.body {
            Event::Cleared { lane } => Some((*lane, event.at)),
            _ => None,
        };
        Self {
            id: projected.id,
            place: projected.place,
            deposit,
            clearances: events.iter().filter_map(clearance).collect(),
        }
    }
}

fn subject(logged: &Logged) -> Option<DepositId> {
    match logged {
        Logged::Risk(event) => SecondEngine::subject(&event.body),
        Logged::Control(_) => None,
    }
}

fn body(logged: &Logged) -> Value {
    match logged {
        Logged::Risk(event) => shown(&event.body),
        Logged::Control(event) => shown(&event.body),
    }
}

/// What the audit log tells of an event, and when, must be the event.
fn require_told(row: &LogRow, logged: &Logged) -> Result<(), Mismatch> {
    let told = row.told.body.as_str();
    let (is_told, at) = match logged {
        Logged::Risk(event) => (serde_json::from_str::<RiskEvent>(told).is_ok_and(|told| told == event.body), event.at),
        Logged::Control(event) => {
            (serde_json::from_str::<ControlEvent>(told).is_ok_and(|told| told == event.body), event.at)
        }
    };
    if is_told && at == row.told.at {
        return Ok(());
    }
    let found = format!("audit row {} at {}: {told}", row.told.sequence, row.told.at);
    Err(Mismatch { field: "audit", stored: format!("at {at}: {}", body(logged)), found })
}

impl Difference {
    fn of(logged: &Logged, mismatch: Mismatch) -> Self {
        let body = body(logged);
        let kind = body.get("event").and_then(Value::as_str).unwrap_or("event");
        let (log, sequence, transfer) = match logged {
            Logged::Risk(event) => ("risk_events", event.sequence, subject(logged).or(event.body.deposit())),
            Logged::Control(event) => ("control_events", event.sequence, None),
        };
        Self { transfer, ..Self::at(format!("{log} {sequence} ({kind})"), mismatch) }
    }

    fn at(event: impl Into<String>, Mismatch { field, stored, found }: Mismatch) -> Self {
        Self { event: event.into(), transfer: None, field, stored, found }
    }

    fn unreadable(what: String, reason: String) -> Self {
        Self::at(what, Mismatch { field: "body", stored: reason, found: "an event that reads back".to_owned() })
    }

    fn missing(row: &LogRow) -> Self {
        let event = format!("{}_events: that of audit row {}", row.told.kind, row.told.sequence);
        Self::at(event, Mismatch { field: "event", stored: "none".to_owned(), found: row.told.body.clone() })
    }
}

impl std::fmt::Display for Difference {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { event, transfer, field, stored, found } = self;
        let of = transfer.map_or_else(String::new, |id| format!(" of {id}"));
        write!(f, "{event}{of}: {field}: stored {stored}, found {found}")
    }
}

impl Decisions {
    /// Whether every decision was made again.
    pub fn is_whole(&self) -> bool {
        self.not_replayed == 0
    }

    /// For people. What could not be done is the last line.
    pub fn words(&self) -> String {
        let difference = self.mismatch.as_ref().map_or_else(String::new, |difference| format!("{difference}\n"));
        let end = if self.mismatch.is_none() { "as recorded" } else { "NOT as recorded from there on" };
        let left_out =
            self.why.map_or_else(String::new, |why| format!("\n{} decisions NOT replayed: {why}", self.not_replayed));
        format!("{difference}{} decisions: {end}{left_out}", self.same)
    }
}
