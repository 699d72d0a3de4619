//! Limits over corridors at the command line.

use spandrel::clock::unix_now;
use spandrel_core::ledger::{Commit, Ledger};
use spandrel_risk::control::{ControlEvent, Outcome};

use crate::control::{Served, as_guardian, denied, guarded, taken};
use crate::policy::{other, started};
use crate::run::{ends, json};

const CHAIN: &str = "bip122:0f9188f13cb7b2c71f2a335e3a4fc328";
const ASSET: &str = "bip122:0f9188f13cb7b2c71f2a335e3a4fc328/slip44:0";
const WINDOW: &str = "wide.asset bip122:0f9188f13cb7b2c71f2a335e3a4fc328/slip44:0.window";

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_limit_over_corridors_is_lowered_with_one_command_and_raised_by_two() {
    let folder = tempfile::tempdir().unwrap();
    let here = folder.path().to_owned();
    let config = guarded(&here);
    let served = Served::new(config.clone(), started(&config).await).await;
    tokio::task::spawn_blocking(move || {
        let of_asset =
            |act: &'static str, change: &'static str| ["limits", "wide", act, "--asset", ASSET, "--set", change];
        let lowered = as_guardian(&here, "ada", &of_asset("lower", "window=1000"));
        assert_eq!(taken(&lowered)["state"], "done");
        let told = String::from_utf8_lossy(&lowered.stderr).into_owned();
        assert!(told.contains(&format!("{WINDOW}: 10000000000")), "what it was: {told}");
        denied(&as_guardian(&here, "bo", &of_asset("lower", "window=1001")), "NOT_A_LOWERING");
        ends(&here, &["limits", "wide", "show"], 0, &[WINDOW, "1000", "wide.destination eip155:31337.notional"]);
        let shown = json(&ends(&here, &["limits", "wide", "show", "--json"], 0, &[]));
        let row = shown.as_array().unwrap().iter().find(|row| row["name"] == WINDOW).unwrap();
        assert_eq!((&row["value"], &row["limit"]["limit"]), (&"1000".into(), &"window".into()), "{shown}");

        let proposed = taken(&as_guardian(&here, "ada", &of_asset("raise", "window=2000")));
        assert_eq!(proposed["state"], "proposed");
        let approve = ["proposals", "approve", proposed["statement"].as_str().unwrap()];
        denied(&as_guardian(&here, "ada", &approve), "SELF_APPROVAL");
        denied(&as_guardian(&here, "ada", &of_asset("raise", "window=2000")), "NEEDS_SECOND_APPROVER");
        let approved = as_guardian(&here, "bo", &approve);
        assert_eq!(taken(&approved)["state"], "approved");
        let told = String::from_utf8_lossy(&approved.stderr).into_owned();
        assert!(told.contains(&format!("raise {WINDOW} to 2000")), "{told}");
        let cancel = ["proposals", "cancel", proposed["statement"].as_str().unwrap()];
        taken(&as_guardian(&here, "bo", &cancel));

        let corridor = ["--source", CHAIN, "--destination", "eip155:31337", "--asset", ASSET, "--lane", "fast"];
        for row in [&corridor[..], &["--destination", "eip155:31337"]] {
            let lower = [&["limits", "wide", "lower"][..], row, &["--set", "notional=7"]].concat();
            assert_eq!(taken(&as_guardian(&here, "bo", &lower))["state"], "done", "{row:?}");
        }

        // The file is the old one: it starts, and raises nothing.
        ends(&here, &["config", "check"], 0, &["ok, as agreed"]);
        let row = "over all corridors and both lanes.\nwindow = \"10000000000\"";
        other(&here, "wider.toml", row, &row.replace("10000000000", "1001"));
        let named = format!("{WINDOW}: agreed 1000, found 1001");
        ends(&here, &["config", "check", "--config", "wider.toml"], 1, &[&named]);
    })
    .await
    .unwrap();
    served.end().await;
    let book = started(&config).await;
    let (control, policy) = book.control().await;
    assert_eq!(control.wide_limits().len(), 3);
    let window = policy.wide.assets.values().next().unwrap().window;
    assert_eq!(window.to_string(), "1000", "after a restart on the old file");
    book.ledger().close().await;
    ends(folder.path(), &["audit", "verify", "spandrel.sqlite"], 0, &["whole"]);
    let changed = json(&ends(folder.path(), &["audit", "changes", "--json"], 0, &[]));
    let row = changed.as_array().unwrap().iter().find(|row| row["what"] == WINDOW).unwrap();
    assert_eq!((&row["before"], &row["after"]), (&"10000000000".into(), &"1000".into()), "{changed}");
    ends(folder.path(), &["audit", "changes"], 0, &[WINDOW, "10000000000", "1000", "ada: a drill"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_limit_over_corridors_that_cannot_be_meant_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let here = folder.path().to_owned();
    let config = guarded(&here);
    let served = Served::new(config.clone(), started(&config).await).await;
    tokio::task::spawn_blocking(move || {
        let who = ["--key", "ada", "--password", "file:password", "--reason", "a drill"];
        let cases: [(&[&str], i32, &[&str]); 9] = [
            (&["--set", "window=1"], 1, &["limit: expected an asset, a destination, a source, or all"]),
            (&["--asset", ASSET, "--lane", "fast", "--set", "window=1"], 1, &["limit: expected an asset"]),
            (&["--asset", ASSET], 2, &["--set"]),
            (&["--asset", ASSET, "--set", "window"], 1, &["set: expected LIMIT=VALUE"]),
            (&["--asset", ASSET, "--set", "windows=1"], 1, &["expected one of window, notional", "windows"]),
            (&["--destination", "eip155:31337", "--set", "window=1"], 1, &["set: expected notional, found \"window\""]),
            (&["--asset", ASSET, "--set", "window=-1"], 1, &["set: window", "expected a decimal string"]),
            (&["--asset", "eip155:1/slip44:60", "--set", "window=1"], 1, &["UNKNOWN_LIMIT", "eip155:1/slip44:60"]),
            // The example has no share.
            (&["--asset", ASSET, "--set", "exposure.share=1"], 1, &["UNKNOWN_LIMIT", "exposure.share"]),
        ];
        for (command, code, parts) in cases {
            ends(&here, &[&["limits", "wide", "lower"][..], command, &who].concat(), code, parts);
        }
    })
    .await
    .unwrap();
    assert_eq!(served.book.control().await.0.version(), 1, "the start alone");
    served.end().await;
}

/// By a start with a stricter file, and by two people for a looser one.
#[tokio::test(flavor = "multi_thread")]
async fn what_a_policy_changed_is_listed_part_by_part() {
    let folder = tempfile::tempdir().unwrap();
    let here = folder.path();
    let config = guarded(here);
    started(&config).await.ledger().close().await;
    let stricter = other(here, "stricter.toml", "window = \"50000000\"", "window = \"40000000\"");
    let book = started(&stricter).await;
    let (control, _) = book.control().await;
    let mut looser = control.filed().unwrap().clone();
    let seconds = looser.pause_seconds;
    looser.pause_seconds = seconds - 1;
    let digest = looser.digest();
    let outcome = Outcome::PolicyChanged { policy: Box::new(looser), digest };
    let done = ControlEvent::Done { proposal: None, outcome, by: "ada and bo: a drill".to_owned(), before: None };
    let (expected, now) = (control.version(), unix_now());
    let commit = Commit { now, expected_control_sequence: expected, control: vec![done], ..Commit::default() };
    book.ledger().commit(commit).await.unwrap();
    book.ledger().close().await;

    let changed = json(&ends(here, &["audit", "changes", "--json"], 0, &[]));
    let row = |by: &str, what: &str| {
        let rows = changed.as_array().unwrap().iter();
        let found = rows.filter(|row| row["by"] == by && row["what"].as_str().unwrap().ends_with(what));
        found
            .map(|row| [&row["before"], &row["after"]].map(|text| text.as_str().unwrap().to_owned()))
            .collect::<Vec<_>>()
    };
    let (start, two) = ("a start with this file", "ada and bo: a drill");
    assert_eq!(row(start, "fast lane.window"), [["50000000", "40000000"]], "{changed}");
    assert_eq!(row(two, "pause_seconds"), [[seconds.to_string(), (seconds - 1).to_string()]], "{changed}");
    let names = [row(start, "policy"), row(two, "policy")].concat();
    assert_eq!((names[0][0].as_str(), &names[2][1]), ("none", &digest.to_string()));
    assert_eq!(
        (names.len(), &names[0][1], &names[1][1]),
        (3, &names[1][0], &names[2][0]),
        "each follows the one before"
    );
    ends(here, &["audit", "changes"], 0, &["fast lane.window", "40000000", "pause_seconds"]);
}
