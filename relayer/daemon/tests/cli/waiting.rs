//! What waits for guardians: held and quarantined transfers, halts and losses.

use std::sync::Arc;

use serde_json::Value;
use spandrel::clock::unix_now;
use spandrel::metrics::Metrics;
use spandrel::wiring;
use spandrel_core::Input;
use spandrel_core::ledger::{Halt, Ledger};

use crate::control::{Served, as_guardian, denied, guarded, taken};
use crate::run::{ends, hold, json, see, silent_book, tell};

/// A transfer that is held.
pub async fn held(served: &Served, n: u64) -> spandrel_verifiers::DepositId {
    hold(&served.book, &served.config, n, spandrel_risk::Reason::Unknown).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn waiting_transfers_are_shown_and_dealt_with() {
    let folder = tempfile::tempdir().unwrap();
    let config = guarded(folder.path());
    let served = Served::new(config.clone(), silent_book(&config).await).await;
    let dropped = held(&served, 1).await;
    let requeued = see(&served.book, &config, 2).await;
    tell(&served.book, requeued, Input::Broken("odd".to_owned())).await;
    let here = folder.path().to_owned();
    tokio::task::spawn_blocking(move || {
        let (held, broken) = (dropped.to_string(), requeued.to_string());
        ends(&here, &["hold", "list"], 0, &[&held]);
        ends(&here, &["hold", "show", &held], 0, &["observed", "held", "version"]);
        ends(&here, &["quarantine", "show", &broken], 0, &["quarantined", "odd"]);
        ends(&here, &["quarantine", "show", &held], 6, &["NOT_QUARANTINED", &held]);
        let shown: [&[&str]; 9] = [
            &["hold", "list"],
            &["hold", "show", &held],
            &["quarantine", "list"],
            &["quarantine", "show", &broken],
            &["proposals", "list"],
            &["pauses"],
            &["halts"],
            &["loss", "list"],
            &["signers", "show"],
        ];
        for command in shown {
            let value = json(&ends(&here, &[command, &["--json"]].concat(), 0, &[]));
            assert!(value.is_array() || value.is_object(), "{command:?}: {value}");
        }
        denied(&as_guardian(&here, "ada", &["quarantine", "drop", &held]), "NOT_QUARANTINED");
        let until = "2126-01-01T00:00:00Z";
        denied(&as_guardian(&here, "ada", &["hold", "extend", &held, "--until", until]), "HOLD_OUT_OF_RANGE");
        assert_eq!(taken(&as_guardian(&here, "ada", &["quarantine", "requeue", &broken]))["state"], "done");
        assert_eq!(taken(&as_guardian(&here, "bo", &["hold", "release", &held]))["state"], "proposed");
        assert_eq!(taken(&as_guardian(&here, "bo", &["hold", "drop", &held]))["state"], "done");
        assert_eq!(json(&ends(&here, &["proposals", "list", "--json"], 0, &[])), Value::Array(Vec::new()));
    })
    .await
    .unwrap();
    let status = async |id| served.book.ledger().transfer(id).await.unwrap().unwrap().status.name();
    assert_eq!((status(dropped).await, status(requeued).await), ("rejected", "observed"));
    served.end().await;
}

/// What has waited longest stands on the last page, and is listed like the rest.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn all_that_is_held_is_listed_however_much_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let config = guarded(folder.path());
    let served = Served::new(config.clone(), silent_book(&config).await).await;
    let mut all = Vec::new();
    for n in 1..=120 {
        all.push(held(&served, n).await.to_string());
    }
    let here = folder.path().to_owned();
    tokio::task::spawn_blocking(move || {
        let listed = json(&ends(&here, &["hold", "list", "--json"], 0, &[&all[0]]));
        let ids: Vec<&str> =
            listed["transfers"].as_array().unwrap().iter().map(|row| row["id"].as_str().unwrap()).collect();
        assert_eq!(ids, all.iter().rev().collect::<Vec<_>>());
        assert!(listed["next_cursor"].is_null(), "{listed}");
        ends(&here, &["hold", "list"], 0, &[&all[0], &all[119]]);
    })
    .await
    .unwrap();
    served.end().await;
}

/// A halt and a lost payout stand in the way of every resumption: nobody but guardians clears it.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_halt_is_acknowledged_by_one_and_a_loss_accepted_by_two() {
    use spandrel_core::ledger::Commit;
    use spandrel_risk::{Lane, RiskEvent};
    let folder = tempfile::tempdir().unwrap();
    let config = guarded(folder.path());
    let served = Served::new(config.clone(), silent_book(&config).await).await;
    let lost = see(&served.book, &config, 1).await;
    let deposit = served.book.ledger().transfer(lost).await.unwrap().unwrap().deposit;
    let source = deposit.source_chain.clone();
    let cleared = RiskEvent::cleared(lost, &deposit, Lane::Fast);
    for event in [cleared, RiskEvent::Shortfall { id: lost }] {
        served.book.record_risk(event).await.unwrap();
    }
    let halt = Some(Halt::told(source.clone(), "a final block was replaced"));
    served.book.ledger().commit(Commit { now: unix_now(), halt, ..Commit::default() }).await.unwrap();
    let watched = wiring::Health::new(Arc::new(Metrics::new().unwrap()), Default::default());
    let health = async || watched.wrong(&served.book, unix_now()).await;
    assert!(health().await.unwrap().contains("is halted: a final block was replaced"));
    let (here, chain) = (folder.path().to_owned(), source.to_string());
    let id = lost.to_string();
    tokio::task::spawn_blocking(move || {
        ends(&here, &["halts"], 0, &[&chain, "a final block was replaced"]);
        let dry = ["acknowledge", &chain, "--key", "ada", "--reason", "a drill", "--dry-run", "--json"];
        let shown = json(&ends(&here, &dry, 0, &[]));
        assert_eq!(shown["statement"]["act"]["halt"], "a final block was replaced", "{shown}");
        assert_eq!(taken(&as_guardian(&here, "bo", &["acknowledge", &chain]))["state"], "done");
        let again = as_guardian(&here, "bo", &["acknowledge", &chain]);
        assert_eq!(again.status.code(), Some(1));
        assert!(String::from_utf8_lossy(&again.stderr).contains("NOT_HALTED"), "{again:?}");
        ends(&here, &["loss", "list"], 0, &[&id, "false"]);
        let proposed = taken(&as_guardian(&here, "ada", &["loss", "accept", &id]));
        assert_eq!(proposed["state"], "proposed");
        let approve = ["proposals", "approve", proposed["statement"].as_str().unwrap()];
        denied(&as_guardian(&here, "ada", &approve), "SELF_APPROVAL");
        assert_eq!(taken(&as_guardian(&here, "bo", &approve))["state"], "approved");
    })
    .await
    .unwrap();
    assert_eq!(served.book.ledger().halted(&source).await.unwrap(), None);
    assert_eq!(health().await, Some(format!("the deposit of {lost} is gone")), "not before the timelock");
    served.end().await;
}
