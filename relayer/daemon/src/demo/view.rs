//! What the demo shows: each transfer's life as it happens, and a table at the end.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use alloy::primitives::{Address, B256};
use anyhow::{Result, ensure};
use spandrel_contracts::proof;
use spandrel_core::{Event, Transfer};
use spandrel_engine::Observer;
use spandrel_verifiers::{ChainId, DepositId, LanePreference};
use tokio::sync::watch;

use crate::output::print;
use crate::status::table;

/// Prints every change, and remembers it for the table.
pub struct Live {
    started: Instant,
    seen: Mutex<HashMap<B256, Story>>,
    names: Mutex<HashMap<B256, String>>,
    changes: watch::Sender<u64>,
    /// Whether standard output is for JSON alone.
    is_json: bool,
}

/// One transfer as it was seen, by recipient: every demo transfer has its own.
#[derive(Clone)]
pub struct Story {
    /// The transfer now.
    pub transfer: Transfer,
    /// States and when each was reached, seconds since the demo began.
    pub states: Vec<(String, f64)>,
    /// Gas of payout and settlement.
    pub gas: Vec<u64>,
}

/// A row of the table.
pub struct Row {
    /// What it was.
    pub name: String,
    /// Seconds since the demo began at which the deposit was sent.
    pub sent_at: f64,
    /// What was seen of it.
    pub story: Option<Story>,
    /// What did not hold, if anything.
    pub failure: Option<String>,
}

impl Live {
    /// Nothing seen yet.
    pub fn new(started: Instant, is_json: bool) -> Self {
        Self { started, seen: Mutex::default(), names: Mutex::default(), changes: watch::Sender::new(0), is_json }
    }

    /// Seconds since the demo began.
    pub fn seconds(&self) -> f64 {
        self.started.elapsed().as_secs_f64()
    }

    /// Prints a line.
    pub fn say(&self, what: &str) {
        self.end(&format!("{:>6.1}s  {what}", self.seconds()));
    }

    /// Prints a line without its time. Beside JSON it goes to standard error.
    pub fn end(&self, line: &str) {
        if self.is_json { eprintln!("{line}") } else { println!("{line}") }
    }

    /// Gives transfers to `recipient` a name.
    pub fn name(&self, recipient: Address, name: &str) {
        lock(&self.names).insert(recipient.into_word(), name.to_owned());
    }

    /// What was seen of the transfer to `recipient`.
    pub fn story(&self, recipient: Address) -> Option<Story> {
        lock(&self.seen).get(&recipient.into_word()).cloned()
    }

    /// Whether a deposit from `source` that asked for the fast lane was observed and is neither paid nor over.
    pub fn awaits_a_fast_payout(&self, source: &ChainId) -> bool {
        lock(&self.seen).values().any(|story| {
            let deposit = &story.transfer.deposit;
            deposit.source_chain == *source
                && deposit.lane == LanePreference::Fast
                && story.gas.is_empty()
                && !story.transfer.status.is_terminal()
        })
    }

    /// Told of every change.
    pub fn subscribe(&self) -> watch::Receiver<u64> {
        self.changes.subscribe()
    }
}

impl Observer for Live {
    fn stored(&self, transfer: &Transfer, events: &[Event]) {
        let recipient = transfer.deposit.recipient;
        let name = lock(&self.names).get(&recipient).cloned().unwrap_or_else(|| transfer.id.to_string());
        let mut seen = lock(&self.seen);
        let story = seen.entry(recipient).or_insert_with(|| Story {
            transfer: transfer.clone(),
            states: Vec::new(),
            gas: Vec::new(),
        });
        story.transfer = transfer.clone();
        let now = self.seconds();
        for event in events {
            if let Event::Executed { tx, .. } | Event::Settled { tx } = event {
                story.gas.extend(tx.gas_used);
            }
            if matches!(event, Event::SourceFinal { .. }) {
                continue;
            }
            self.end(&format!("{now:>6.1}s  {name:<34} {}", told(event)));
            story.states.push((event.name().to_owned(), now));
        }
        drop(seen);
        self.changes.send_modify(|count| *count += 1);
    }

    fn refused(&self, id: DepositId, reason: &str) {
        tracing::warn!(%id, reason, "input refused");
    }
}

fn told(event: &Event) -> String {
    match event {
        Event::Observed { seen } => format!("observed in block {}", seen.block.height),
        Event::SourceReorged { ancestor } => format!("reorged away above block {}", ancestor.height),
        Event::Verified { verdicts, .. } => format!("verified by {} independent verifiers", verdicts.len()),
        Event::Attested { attestation } => format!("attested by {} signers", attestation.signatures.len()),
        Event::FastRefused { reason } => format!("fast lane refused: {reason}"),
        Event::Cleared { lane } => format!("cleared by risk, {lane} lane"),
        Event::Held { reason, .. } => format!("held: {reason}"),
        Event::Rejected { reason } => format!("rejected: {reason}"),
        Event::Executed { lane, tx } => {
            format!("paid, {lane} lane, {} gas", tx.gas_used.map_or_else(|| "?".to_owned(), |gas| gas.to_string()))
        }
        Event::Shortfall => "SHORTFALL: paid, but the deposit is gone; the fast lane pauses itself".to_owned(),
        Event::Failed { reason } => format!("failed: {reason}"),
        Event::Quarantined { error } => format!("quarantined: {error}"),
        other => other.name().replace('_', " "),
    }
}

/// Prints the table. The error names every expectation that did not hold.
pub fn print_table(rows: &[Row], json: bool) -> Result<()> {
    let mut shown =
        table(&["transfer", "route", "amount", "lane", "states (seconds after it was sent)", "gas", "proof", "held"]);
    let mut failures = Vec::new();
    for row in rows {
        let held = match &row.failure {
            None => "yes",
            Some(failure) => {
                failures.push(format!("{}: {failure}", row.name));
                "NO"
            }
        };
        let Some(story) = &row.story else {
            shown.add_row([row.name.as_str(), "", "", "", "never observed", "", "", held]);
            continue;
        };
        let transfer = &story.transfer;
        let lane = transfer.payout.as_ref().map_or_else(|| "none".to_owned(), |payout| payout.lane.to_string());
        let proof = transfer.evidence.as_ref().and_then(|evidence| proof::encode(evidence, &transfer.deposit).ok());
        let proof = proof.map_or_else(|| "-".to_owned(), |bytes| format!("{} B", bytes.len()));
        let gas: Vec<String> = story.gas.iter().map(u64::to_string).collect();
        shown.add_row([
            row.name.clone(),
            format!("{}\n{}", short(&transfer.deposit.source_chain), short(&transfer.deposit.destination_chain)),
            transfer.deposit.amount.to_string(),
            lane,
            states(story, row.sent_at),
            if gas.is_empty() { "-".to_owned() } else { gas.join(" + ") },
            proof,
            held.to_owned(),
        ]);
    }
    let values: Vec<_> = rows.iter().map(value).collect();
    print(json, &values, || shown.to_string())?;
    ensure!(failures.is_empty(), "{}", failures.join("; "));
    Ok(())
}

/// A chain's id, its reference cut to what tells chains apart here.
fn short(chain: &ChainId) -> String {
    chain.as_str().chars().take(15).collect()
}

fn value(row: &Row) -> serde_json::Value {
    let story = row.story.as_ref();
    let states =
        story.map(|story| story.states.iter().map(|(state, at)| (state, at - row.sent_at)).collect::<Vec<_>>());
    serde_json::json!({
        "name": row.name, "id": story.map(|story| story.transfer.id),
        "status": story.map(|story| story.transfer.status.name()), "states": states, "gas": story.map(|story| &story.gas),
        "held": row.failure.is_none(), "failure": row.failure,
    })
}

fn states(story: &Story, sent_at: f64) -> String {
    let mut lines: Vec<String> = Vec::new();
    let mut line = String::new();
    for (state, at) in &story.states {
        let item = format!("{state} {:.1}", at - sent_at);
        if line.len() + item.len() > 60 {
            lines.push(std::mem::take(&mut line));
        }
        if !line.is_empty() {
            line.push_str(", ");
        }
        line.push_str(&item);
    }
    lines.push(line);
    lines.join("\n")
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_row_that_did_not_hold_fails_the_demo_by_its_name() {
        let row = |name: &str, failure: Option<&str>| Row {
            name: name.to_owned(),
            sent_at: 0.0,
            story: None,
            failure: failure.map(str::to_owned),
        };
        print_table(&[row("one", None), row("two", None)], true).unwrap();
        let failed = print_table(&[row("one", None), row("two", Some("ended held"))], false).unwrap_err();
        assert_eq!(failed.to_string(), "two: ended held");
    }
}
