//! What the ledger says at a glance: how far chains are followed, what is paused and by whom, what transfers wait for.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::Result;
use comfy_table::Table;
use serde::Serialize;
use spandrel_core::ledger::{Ledger, each_risk_event};
use spandrel_risk::control::{ControlState, Unread};
use spandrel_risk::{RiskState, Scope};
use spandrel_store::summary::{CursorTip, Summary};
use spandrel_verifiers::{ChainId, UnixSeconds};

use super::{look_at, table};
use crate::clock::{span, unix_now};
use crate::output::print;

#[derive(Serialize)]
struct Report {
    #[serde(flatten)]
    summary: Summary,
    /// Of each chain that is followed.
    lag: BTreeMap<ChainId, Lag>,
    pauses: Vec<Pause>,
    /// Held transfers by what they wait for.
    held: BTreeMap<String, u64>,
    /// Blocks that no node had when they were to be read again.
    unread: Vec<Unread>,
}

/// How far behind the ledger is.
#[derive(Serialize)]
struct Lag {
    /// Age of the last block that was read, seconds.
    seconds: Option<u64>,
    /// How many of the blocks that were read are not final.
    not_final: Option<u64>,
    /// Seconds since anything was read.
    silent_for: u64,
}

/// A pause in force.
#[derive(Serialize)]
struct Pause {
    #[serde(flatten)]
    scope: Scope,
    /// Unix seconds; nothing for a freeze.
    until: Option<UnixSeconds>,
    /// Who or what, and why: a sentinel's finding, a shortfall, a guardian's word.
    reason: String,
}

/// Prints it. Nothing is written.
pub async fn status(database: &Path, json: bool) -> Result<()> {
    let store = look_at(database).await?;
    let now = unix_now();
    let mut risk = RiskState::default();
    each_risk_event(&store, 0, |recorded| risk.apply(&recorded.body, recorded.at)).await?;
    let mut control = ControlState::default();
    for recorded in store.control_events(0).await? {
        control.apply(&recorded.body, recorded.at);
    }
    let (summary, held) = (store.summary(now).await?, store.held().await?);
    store.close().await;
    let lag = summary.cursors.iter().map(|(chain, cursor)| (chain.clone(), Lag::of(cursor, now))).collect();
    let pauses = risk.pauses_at(now).map(|(scope, pause)| Pause {
        scope: scope.clone(),
        until: (pause.until != UnixSeconds::MAX).then_some(pause.until),
        reason: pause.reason.clone(),
    });
    let unread = control.unread().to_vec();
    let report = Report { lag, pauses: pauses.collect(), held, unread, summary };
    print(json, &report, || report.words(now))
}

impl Lag {
    fn of(cursor: &CursorTip, now: UnixSeconds) -> Self {
        let not_final = cursor.tip.zip(cursor.finalized).map(|(tip, last)| tip.height.saturating_sub(last.height));
        Self {
            seconds: cursor.tip.map(|tip| now.saturating_sub(tip.time)),
            not_final,
            silent_for: now.saturating_sub(cursor.updated_at),
        }
    }
}

impl Report {
    fn words(&self, now: UnixSeconds) -> String {
        let tables = [self.chains(), self.pauses(now), self.transfers(), self.held(), self.outbox(), self.unread(now)];
        tables.map(|table| table.to_string()).join("\n")
    }

    fn chains(&self) -> Table {
        let mut chains = table(&["chain", "read to", "of age", "final to", "not final", "silent for", "halted"]);
        for (chain, cursor) in &self.summary.cursors {
            let lag = self.lag.get(chain);
            chains.add_row([
                chain.to_string(),
                or_none(cursor.tip.map(|block| block.height)),
                or_none(lag.and_then(|lag| lag.seconds).map(span)),
                or_none(cursor.finalized.map(|block| block.height)),
                or_none(lag.and_then(|lag| lag.not_final)),
                or_none(lag.map(|lag| span(lag.silent_for))),
                self.summary.halted.get(chain).cloned().unwrap_or_else(|| "no".to_owned()),
            ]);
        }
        chains
    }

    fn pauses(&self, now: UnixSeconds) -> Table {
        let mut pauses = table(&["paused", "for another", "why"]);
        for Pause { scope, until, reason } in &self.pauses {
            let left = until.map_or_else(|| "until it is lifted".to_owned(), |until| span(until.saturating_sub(now)));
            pauses.add_row([scope.to_string(), left, reason.clone()]);
        }
        pauses
    }

    fn transfers(&self) -> Table {
        let mut transfers = table(&["transfers", "count"]);
        for (status, count) in &self.summary.transfers {
            transfers.add_row([status.clone(), count.to_string()]);
        }
        transfers
    }

    fn held(&self) -> Table {
        let mut held = table(&["held for", "count"]);
        for (reason, count) in &self.held {
            held.add_row([reason.clone(), count.to_string()]);
        }
        held
    }

    fn unread(&self, now: UnixSeconds) -> Table {
        let mut unread = table(&["not read again", "from", "to", "given up", "why"]);
        for Unread { chain, from, to, reason, at } in &self.unread {
            let ago = format!("{} ago", span(now.saturating_sub(*at)));
            unread.add_row([chain.to_string(), from.to_string(), to.to_string(), ago, reason.clone()]);
        }
        unread
    }

    fn outbox(&self) -> Table {
        let mut outbox = table(&["waiting for", "effects", "leased", "oldest due"]);
        for (executor, depth) in &self.summary.outbox {
            let age = or_none(depth.oldest_due_age.map(span));
            outbox.add_row([executor.clone(), depth.waiting.to_string(), depth.leased.to_string(), age]);
        }
        outbox
    }
}

fn or_none(value: Option<impl ToString>) -> String {
    value.map_or_else(|| "-".to_owned(), |value| value.to_string())
}
