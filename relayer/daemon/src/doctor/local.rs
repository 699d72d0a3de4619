//! What is on this machine: the ledger, the keystore, secrets by reference.

use std::collections::{BTreeMap, BTreeSet};

use alloy_primitives::Address;
use anyhow::Result;
use spandrel_api::webhooks::WebhookKey;
use spandrel_core::ledger::{Recorded, each_risk_event};
use spandrel_engine::standing_findings;
use spandrel_risk::RiskEvent;
use spandrel_risk::control::ConfigureRefusal;
use spandrel_signer::{Hardness, Keystore};
use spandrel_store::Sqlite;

use super::Row;
use crate::clock::{moment, unix_now};
use crate::config::{ApiConfig, Config, KeyRef, TlsConfig};
use crate::wiring;

/// A certificate that ends this soon, in seconds, is to be renewed.
const RENEW_BEFORE: u64 = 7 * 86_400;

/// Rows, and the addresses of the keys that were found.
pub async fn look(config: &Config) -> (Vec<Row>, BTreeMap<String, Address>) {
    let mut rows = database(config).await;
    let (keys, accounts) = keys(config).await;
    rows.extend(keys);
    if let Some(reference) = config.api.as_ref().and_then(|api| api.webhook_key.as_ref()) {
        let mend = format!("put 32 random bytes or more where {reference} says, and keep them as long as the ledger");
        rows.push(match reference.read().map(WebhookKey::new) {
            Ok(Some(_)) => Row::ok("api.webhook_key", "is there"),
            Ok(None) => Row::wrong("api.webhook_key", "expected at least 32 bytes, found fewer", mend),
            Err(error) => Row::wrong("api.webhook_key", error, mend),
        });
    }
    rows.extend(quorum(config));
    rows.extend(config.api.as_ref().map(listened));
    rows.extend(wiring::tls_ports(config).map(|(field, tls)| certificate(field, tls)));
    (rows, accounts)
}

/// Who runs some verifiers here and hears of no others never has a proof that counts.
fn quorum(config: &Config) -> Option<Row> {
    let (here, threshold) = (config.verifier.len(), config.verifier_set.threshold);
    (config.bus.is_none() && (1..threshold).contains(&here)).then(|| {
        let found = format!("expected {threshold} verifiers here or a bus to others, found {here} and no bus");
        Row::warn("verifiers", found, "add [bus], and run the others in processes of their own (`spandrel verifier`)")
    })
}

/// Keys of users are read by whoever is between, where neither it nor a terminator that is told of speaks TLS. The control API
/// does not start so.
fn listened(api: &ApiConfig) -> Row {
    let (what, listen) = ("api.listen", api.listen);
    let how = match (listen.ip().is_loopback(), &api.tls, &api.proxies) {
        (_, Some(_), _) => "TLS",
        (true, None, _) => "loopback",
        (false, None, Some(_)) => "plain HTTP, for the terminators of [api.proxies]",
        (false, None, None) => {
            let found = format!("expected TLS where it is not loopback, found plain HTTP on {listen}");
            let mend = "add [api.tls], or listen on loopback; where a TLS terminator stands before it, name that in \
                        [api.proxies], or all callers have its address";
            return Row::warn(what, found, mend);
        }
    };
    Row::ok(what, format!("{listen}: {how}"))
}

/// As it is read at the start and again and again.
fn certificate(field: &str, tls: &TlsConfig) -> Row {
    let (path, key) = (tls.certificate.display(), &tls.key);
    let mend = format!("put a valid certificate with its issuers at {path} and its key where {key} says, both PEM");
    match wiring::read_tls(field, tls).map(|tls| tls.until()) {
        Ok(until) if until < unix_now().saturating_add(RENEW_BEFORE) => {
            let found = format!("expected one that is valid for a week more, found one until {}", moment(until));
            Row::wrong(field, found, "renew it: a running process serves the new one within seconds")
        }
        Ok(until) => Row::ok(field, format!("valid until {}", moment(until))),
        Err(error) => Row::wrong(field, format!("{error:#}"), mend),
    }
}

async fn database(config: &Config) -> Vec<Row> {
    let path = &config.database;
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    if !path.exists() {
        let is_there = folder.is_none_or(|folder| folder.is_dir());
        return vec![match is_there {
            true => Row::skipped("database", format!("none at {} yet: the first start makes it", path.display())),
            false => Row::wrong(
                "database",
                format!("expected a folder for {}, found none", path.display()),
                "make the folder",
            ),
        }];
    }
    let repair = "stop the process and restore the file from a backup; never edit it";
    let schema = match Sqlite::schema(path).await {
        Ok(schema) => schema,
        Err(error) => return vec![Row::wrong("database", error, repair)],
    };
    if !schema.is_current() {
        let found = format!("schema: expected version {}, found {}", schema.known, schema.version);
        let mend = match schema.version > schema.known {
            true => "run the program that is as new as the ledger".to_owned(),
            false => format!("spandrel db migrate --database {}", path.display()),
        };
        return vec![Row::wrong("database", found, mend)];
    }
    match stored(config, schema.version).await {
        Ok(rows) => rows,
        Err(error) => vec![Row::wrong("database", format!("{error:#}"), repair)],
    }
}

async fn stored(config: &Config, version: u64) -> Result<Vec<Row>> {
    let store = Sqlite::look_at(&config.database).await?;
    let mut rows = Vec::new();
    let damage = store.damage().await?;
    rows.push(match damage.first() {
        None => Row::ok("database", format!("{}: schema {version}, whole", config.database.display())),
        Some(first) => Row::wrong(
            "database",
            format!("expected a whole file, found: {first}"),
            "stop the process and restore the file from a backup; never edit it",
        ),
    });
    for (chain, reason) in store.summary(unix_now()).await?.halted {
        let mend = format!(
            "find out why (runbook: ChainHalted), then a guardian: spandrel acknowledge {chain} --reason … --key …"
        );
        rows.push(Row::wrong(format!("chain {chain}"), format!("halted: {reason}"), mend));
    }
    rows.extend(found_by_sentinels(&store).await?);
    rows.push(match wiring::would_agree(config, &store).await? {
        Ok(events) if events.is_empty() => Row::ok("agreed policy", "the configuration's"),
        Ok(_) => Row::ok("agreed policy", "the configuration's from the next start on: it allows nothing more"),
        Err(ConfigureRefusal::AnotherSet(error)) => {
            let mend = "configure the set that guardians agreed on (spandrel signers show), not another";
            Row::wrong("agreed policy", error, mend)
        }
        Err(refusal) => {
            let anew = if wiring::is_draft(&store).await? { wiring::begin_anew(config) } else { String::new() };
            let mend = format!("allow no more, or have it agreed on: spandrel policy propose {anew}");
            Row::wrong("agreed policy", refusal, mend.trim_end())
        }
    });
    store.close().await;
    Ok(rows)
}

/// What pauses something, as the ledger tells. Sentinels find more that pauses nothing, of accounts and sets: both are looked
/// at here too.
async fn found_by_sentinels(store: &Sqlite) -> Result<Vec<Row>> {
    let mut events = Vec::new();
    let pauses = |event: &RiskEvent| matches!(event, RiskEvent::Paused { .. } | RiskEvent::Resumed { .. });
    let take = |recorded: Recorded<RiskEvent>| events.extend(Some(recorded.body).filter(pauses));
    each_risk_event(store, 0, take).await?;
    let rows = standing_findings(&events, unix_now()).map(|(scope, found)| {
        let rule = found.split(' ').next().unwrap_or_default();
        let mend = format!(
            "find out why (docs/sentinels.md and the runbook, by {rule}), then two guardians: spandrel resume --reason … --key …"
        );
        Row::wrong(format!("sentinels: {scope}"), format!("expected no finding, found {found}"), mend)
    });
    Ok(rows.collect())
}

/// Whose a key must be.
struct Expected<'a> {
    members: &'a BTreeSet<Address>,
    is: String,
    mend: &'static str,
}

/// Each key is unlocked, as it will be at the start: a second of one core each.
async fn keys(config: &Config) -> (Vec<Row>, BTreeMap<String, Address>) {
    let of_role = |kind, key: &KeyRef| (format!("{kind} key {}", key.name), key.clone());
    let mut wanted: Vec<(String, KeyRef, Option<Expected<'_>>)> = Vec::new();
    for target in &config.destination {
        let (what, key) = of_role("account", &target.account);
        wanted.push((what, key, None));
    }
    for (_, pauses) in config.vault_pauses() {
        let (what, key) = of_role("pauses' account", &pauses.account);
        wanted.push((what, key, None));
    }
    for (kind, roles, set) in
        [("verifier", &config.verifier, &config.verifier_set), ("signer", &config.signer, &config.signer_set)]
    {
        for role in roles {
            let (what, key) = of_role(kind, &role.key);
            let is = format!("a member of the set of epoch {}", set.epoch);
            let mend = "use a member's key, or have guardians agree on a set with this one";
            wanted.push((what, key, Some(Expected { members: &set.members, is, mend })));
        }
    }
    if let Some((bus, key)) = config.bus.as_ref().and_then(|bus| Some((bus, bus.request_key.as_ref()?))) {
        let (what, key) = of_role("request", key);
        let is = "one of bus.requests_by".to_owned();
        let mend = "put its address into bus.requests_by of every file, the signers' above all";
        wanted.push((what, key, Some(Expected { members: &bus.requests_by, is, mend })));
    }
    let (mut rows, mut accounts) = (Vec::new(), BTreeMap::new());
    if !config.keystore.is_dir() {
        let found = format!("expected a folder at {}, found none", config.keystore.display());
        let mend = format!("spandrel keys new NAME --keystore {} --password …", config.keystore.display());
        return (vec![Row::wrong("keystore", found, mend)], accounts);
    }
    for info in Keystore::open(&config.keystore, Hardness::Dev).and_then(|store| store.list()).unwrap_or_default() {
        accounts.insert(info.name, info.address);
    }
    for (what, key, expected) in wanted {
        let (own, reference) = (config.clone(), key.clone());
        let unlocked = tokio::task::spawn_blocking(move || wiring::unlock(&own, &reference)).await;
        let row = match unlocked {
            Ok(Ok(unlocked)) => match expected.filter(|expected| !expected.members.contains(&unlocked.address())) {
                None => Row::ok(what, unlocked.address()),
                Some(Expected { is, mend, .. }) => {
                    Row::wrong(what, format!("expected {is}, found {}", unlocked.address()), mend)
                }
            },
            Ok(Err(error)) => {
                let mend = match accounts.contains_key(&key.name) {
                    true => format!(
                        "put its password where {} says; the file must be its owner's alone (0600)",
                        key.password
                    ),
                    false => format!("spandrel keys new {} --password {}", key.name, key.password),
                };
                Row::wrong(what, format!("{error:#}"), mend)
            }
            Err(error) => Row::wrong(what, error, "start it again"),
        };
        rows.push(row);
    }
    (rows, accounts)
}
