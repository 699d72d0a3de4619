//! `spandrel doctor`: looks at everything a configuration names and says what is wrong and how to mend it. Nothing is
//! written, sent or signed.

mod account;
mod bitcoin;
mod bus;
mod caps;
mod destination;
mod ethereum;
mod evm;
mod local;
mod payout_pauses;
mod price;
mod rights;
mod routes;
mod tokens;
mod vault_pauses;

pub(crate) use evm::Evm;

use std::path::Path;
use std::time::Duration;

use anyhow::Result;
use futures::FutureExt;
use futures::future::{BoxFuture, join_all};
use indicatif::ProgressBar;
use serde::Serialize;
use spandrel_verifiers::UnixSeconds;

use crate::clock::unix_now;
use crate::config::Config;
use crate::exit::Exit;
use crate::output::print;
use crate::progress;
use crate::status::table;

/// How long one call of a node may take.
const PATIENCE: Duration = Duration::from_secs(10);
/// How far a block may be ahead of this machine's clock.
const AHEAD: u64 = 15;
/// How old the newest block of all chains may be.
const BEHIND: u64 = 900;

/// What came of a probe.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// As it should be.
    Ok,
    /// It works, and leaves less room for error than it should.
    Warn,
    /// To be mended.
    Wrong,
    /// Something else must be mended first, or it is not there yet.
    Skipped,
}

/// One thing that was looked at.
#[derive(Clone, Debug, Serialize)]
pub struct Row {
    /// What.
    pub what: String,
    /// How it is.
    pub state: State,
    /// What was found; where it is wrong or warned of, what was expected too.
    pub found: String,
    /// How to mend it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mend: Option<String>,
}

/// What a probe saw.
#[derive(Default)]
struct Seen {
    rows: Vec<Row>,
    /// A chain's newest block, by its own time.
    newest: Option<(String, UnixSeconds)>,
}

impl Row {
    fn ok(what: impl ToString, found: impl ToString) -> Self {
        Self { what: what.to_string(), state: State::Ok, found: found.to_string(), mend: None }
    }

    fn wrong(what: impl ToString, found: impl ToString, mend: impl ToString) -> Self {
        let mend = Some(mend.to_string());
        Self { what: what.to_string(), state: State::Wrong, found: found.to_string(), mend }
    }

    fn warn(what: impl ToString, found: impl ToString, mend: impl ToString) -> Self {
        Self { state: State::Warn, ..Self::wrong(what, found, mend) }
    }

    fn skipped(what: impl ToString, found: impl ToString) -> Self {
        Self { what: what.to_string(), state: State::Skipped, found: found.to_string(), mend: None }
    }

    /// Ok when `found` is `expected`.
    fn same<T: PartialEq + ToString>(what: impl ToString, expected: &T, found: &T, mend: impl ToString) -> Self {
        if expected == found {
            return Self::ok(what, found.to_string());
        }
        Self::wrong(what, format!("expected {}, found {}", expected.to_string(), found.to_string()), mend)
    }
}

impl From<Vec<Row>> for Seen {
    fn from(rows: Vec<Row>) -> Self {
        Self { rows, newest: None }
    }
}

/// Looks at everything and prints it.
pub async fn run(path: &Path, json: bool) -> Result<Exit> {
    let rows = match Config::read(path) {
        Ok(config) => {
            let bar = progress::bar("looking", 0, json);
            let rows = look(&config, &bar).await;
            bar.finish_and_clear();
            rows
        }
        Err(error) => vec![Row::wrong(
            "configuration",
            format!("{error:#}"),
            "correct what is named; `spandrel config example` explains every field",
        )],
    };
    let count = |state| rows.iter().filter(|row| row.state == state).count();
    let (wrong, warnings) = (count(State::Wrong), count(State::Warn));
    let value = serde_json::json!({ "well": wrong == 0, "wrong": wrong, "warnings": warnings, "rows": rows });
    print(json, &value, || words(&rows, wrong, warnings))?;
    Ok(if wrong == 0 { Exit::Done } else { Exit::Unwell })
}

/// Looks at everything that a configuration names.
pub async fn examine(config: &Config) -> Vec<Row> {
    look(config, &ProgressBar::hidden()).await
}

/// The same; `bar` goes on with each probe that ends.
async fn look(config: &Config, bar: &ProgressBar) -> Vec<Row> {
    let mut rows = vec![Row::ok("configuration", "reads")];
    let (local, accounts) = local::look(config).await;
    rows.extend(local);
    let mut probes: Vec<BoxFuture<'_, Seen>> = Vec::new();
    if let Some(bus) = &config.bus {
        probes.push(Box::pin(bus::look(config, bus)));
    }
    for source in &config.bitcoin {
        let own = own_nodes(config, |role| role.bitcoin.get(&source.chain));
        for (who, node) in relayers(&source.nodes).chain(own) {
            probes.push(Box::pin(bitcoin::look(source, who, node)));
        }
    }
    for source in &config.ethereum {
        let own = own_nodes(config, |role| role.ethereum.get(&source.network.chain));
        for (who, node) in relayers(&source.nodes).chain(own) {
            probes.push(Box::pin(ethereum::look(config, source, who, node)));
        }
        probes.push(Box::pin(vault_pauses::standing(config, source)));
        if let Some(pauses) = &source.pauses {
            let account = accounts.get(&pauses.account.name).copied();
            probes.push(Box::pin(vault_pauses::look(config, source, pauses, account)));
        }
    }
    for target in &config.destination {
        let account = accounts.get(&target.account.name).copied();
        probes.push(Box::pin(destination::look(config, target, account)));
        probes.push(Box::pin(payout_pauses::standing(config, target)));
    }
    for feed in &config.price_feed {
        let rule = config.wide.assets.get(&feed.asset).and_then(|rules| rules.price.as_ref());
        for (who, node) in relayers(&feed.nodes) {
            probes.push(Box::pin(price::look(feed, rule, who, node)));
        }
    }
    bar.set_length(u64::try_from(probes.len()).unwrap_or(u64::MAX));
    let seen = join_all(probes.into_iter().map(|probe| probe.inspect(|_| bar.inc(1)))).await;
    let newest = seen.iter().filter_map(|seen| seen.newest.clone()).max_by_key(|(_, time)| *time);
    rows.extend(seen.into_iter().flat_map(|seen| seen.rows));
    rows.extend(config.vaults_without_pauses().map(vault_pauses::none));
    rows.push(clock(newest, unix_now()));
    rows
}

fn relayers<N>(nodes: &[N]) -> impl Iterator<Item = (String, &N)> {
    (1..).zip(nodes).map(|(position, node)| (format!("node {position}"), node))
}

fn own_nodes<'a, N: 'a>(
    config: &'a Config,
    node: impl Fn(&'a crate::config::RoleConfig) -> Option<&'a N>,
) -> impl Iterator<Item = (String, &'a N)> {
    let roles = config.verifier.iter().chain(&config.signer);
    roles.filter_map(move |role| Some((format!("node of {}", role.key.name), node(role)?)))
}

/// Blocks of chains with short slots tell the time within seconds: no block is from the future.
fn clock(newest: Option<(String, UnixSeconds)>, now: UnixSeconds) -> Row {
    let mend = "synchronise this machine's clock (chronyc tracking, timedatectl)";
    match newest {
        None => Row::skipped("clock", "no chain answered whose blocks tell the time"),
        Some((chain, time)) if time > now.saturating_add(AHEAD) => {
            let ahead = time.saturating_sub(now);
            Row::wrong("clock", format!("expected now, found {ahead} s behind the newest block of {chain}"), mend)
        }
        Some((chain, time)) if now > time.saturating_add(BEHIND) => {
            let behind = now.saturating_sub(time);
            let found = format!("expected now, found {behind} s after the newest block of {chain}");
            Row::wrong("clock", found, format!("if the chain goes on and the nodes are in step, {mend}"))
        }
        Some((chain, time)) => Row::ok("clock", format!("{} s after a block of {chain}", now.saturating_sub(time))),
    }
}

fn words(rows: &[Row], wrong: usize, warnings: usize) -> String {
    let mut shown = table(&["", "what", "found"]);
    let mut mends = String::new();
    for row in rows {
        let state = match row.state {
            State::Ok => "ok",
            State::Warn => "warn",
            State::Wrong => "WRONG",
            State::Skipped => "-",
        };
        shown.add_row([state, &row.what, &row.found]);
        if let Some(mend) = &row.mend {
            mends += &format!("{}: {mend}\n", row.what);
        }
    }
    let end = match (wrong, warnings) {
        (0, 0) => "all is well".to_owned(),
        (0, warnings) => format!("nothing is wrong, {warnings} to look at\n\nTo mend:\n{mends}"),
        (wrong, 0) => format!("{wrong} wrong\n\nTo mend:\n{mends}"),
        (wrong, warnings) => format!("{wrong} wrong, {warnings} more to look at\n\nTo mend:\n{mends}"),
    };
    format!("{shown}\n{end}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_is_wrong_when_blocks_come_from_its_future_or_its_distant_past() {
        let at = |time| clock(Some(("eip155:1".to_owned(), time)), 10_000).state;
        assert_eq!(at(10_000), State::Ok);
        assert_eq!(at(10_000 + AHEAD), State::Ok);
        assert_eq!(at(10_001 + AHEAD), State::Wrong);
        assert_eq!(at(10_000 - BEHIND), State::Ok);
        assert_eq!(at(9_999 - BEHIND), State::Wrong);
        assert_eq!(clock(None, 10_000).state, State::Skipped);
    }
}
