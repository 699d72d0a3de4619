//! Guardians at the command line, against a running control API.

use std::path::Path;
use std::process::{Command, Output};
use std::sync::Arc;

use serde_json::Value;
use spandrel::clock::SystemClock;
use spandrel::config::Config;
use spandrel::wiring;
use spandrel_engine::{Book, Silent};
use spandrel_store::Sqlite;
use tokio_util::sync::CancellationToken;

fn spandrel(folder: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_spandrel")).current_dir(folder).args(arguments).output().unwrap()
}

fn told(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// A configuration with guardians `ada` and `bo`, whose keys are in the keystore, and a free port.
fn configured(folder: &Path) -> Config {
    std::fs::write(folder.join("password"), "correct horse\n").unwrap();
    let mut text = spandrel::config::EXAMPLE.replace("profile = \"production\"", "profile = \"dev\"");
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    text = text.replace("127.0.0.1:8090", &format!("127.0.0.1:{port}"));
    let places = ["0xcccccccccccccccccccccccccccccccccccccccc", "0xdddddddddddddddddddddddddddddddddddddddd"];
    for (name, place) in ["ada", "bo"].into_iter().zip(places) {
        let made = spandrel(folder, &["keys", "new", name, "--password", "file:password"]);
        assert!(made.status.success(), "{}", told(&made));
        let address = told(&made).split_whitespace().next().unwrap().to_owned();
        text = text.replace(place, &address);
    }
    std::fs::write(folder.join("spandrel.toml"), &text).unwrap();
    Config::parse(&text).unwrap()
}

/// `command` as the guardian `name`.
fn as_guardian(folder: &Path, name: &str, command: &[&str]) -> Output {
    let who = ["--key", name, "--password", "file:password", "--reason", "a drill", "--json"];
    spandrel(folder, &[command, &who].concat())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_guardian_pauses_with_one_command_and_cannot_resume_alone() {
    let folder = tempfile::tempdir().unwrap();
    let config = configured(folder.path());
    let store = Sqlite::open(folder.path().join("spandrel.sqlite")).await.unwrap();
    let policy = wiring::policy(&config).unwrap();
    let book = Book::open(store.clone(), SystemClock, policy, Arc::new(Silent)).await.unwrap();
    let book = Arc::new(book.guarded_by(config.control_policy().unwrap()));
    let (control, stop) = (config.control.clone().unwrap(), CancellationToken::new());
    let address = control.listen;
    let serving = tokio::spawn(wiring::serve_control(config, control, book.clone(), stop.clone()));
    while tokio::net::TcpStream::connect(address).await.is_err() {
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    let here = folder.path().to_owned();
    tokio::task::spawn_blocking(move || {
        let json = |output: &Output| -> Value {
            assert!(output.status.success(), "{}", told(output));
            serde_json::from_slice(&output.stdout).unwrap()
        };
        let pause = ["pause", "--global", "--for", "1h"];
        let dry = as_guardian(&here, "ada", &[&pause[..], &["--dry-run"]].concat());
        assert_eq!(json(&dry)["dry_run"], true);
        assert_eq!(json(&as_guardian(&here, "ada", &pause))["state"], "done");
        let proposed = json(&as_guardian(&here, "ada", &["resume", "--global"]));
        assert_eq!(proposed["state"], "proposed");
        let id = proposed["statement"].as_str().unwrap();
        let own = as_guardian(&here, "ada", &["proposals", "approve", id]);
        assert_eq!(own.status.code(), Some(1));
        assert!(told(&own).contains("SELF_APPROVAL"), "{}", told(&own));
        let second = as_guardian(&here, "ada", &["resume", "--global"]);
        assert!(told(&second).contains("NEEDS_SECOND_APPROVER"), "{}", told(&second));
        assert_eq!(json(&as_guardian(&here, "bo", &["proposals", "approve", id]))["state"], "approved");
        let corridor = ["--source", "bip122:0f9188f13cb7b2c71f2a335e3a4fc328", "--destination", "eip155:31337"];
        let asset = ["--asset", "bip122:0f9188f13cb7b2c71f2a335e3a4fc328/slip44:0", "--lane", "fast"];
        let lower = [&["limits", "lower"][..], &corridor, &asset, &["--set", "window=1000"]].concat();
        assert_eq!(json(&as_guardian(&here, "bo", &lower))["state"], "done");
        let raise = [&["limits", "lower"][..], &corridor, &asset, &["--set", "window=1001"]].concat();
        assert!(told(&as_guardian(&here, "bo", &raise)).contains("NOT_A_LOWERING"));
        let shown = json(&spandrel(&here, &["limits", "show", "--json"]));
        let rows = shown["limits"].as_array().unwrap();
        assert!(rows.iter().any(|row| row["window"] == "1000"), "{shown}");
    })
    .await
    .unwrap();
    assert_eq!(book.read_risk(|risk| risk.pauses_at(spandrel::clock::unix_now()).count()).await, 1);
    stop.cancel();
    serving.await.unwrap().unwrap();
    store.close().await;
    audited(folder.path());
}

/// The log of all that verifies offline, whole, from the database and from an export.
fn audited(folder: &Path) {
    let exported = spandrel(folder, &["audit", "export", "--to", "audit.jsonl"]);
    assert!(exported.status.success(), "{}", told(&exported));
    let head = told(&exported).split_whitespace().last().unwrap().to_owned();
    for source in [&["audit.jsonl"][..], &["--db", "spandrel.sqlite"]] {
        let verified = spandrel(folder, &[&["audit", "verify", "--head", &head], source].concat());
        assert!(verified.status.success(), "{}", told(&verified));
        assert!(told(&verified).contains(&head));
    }
}

#[tokio::test]
async fn a_changed_audit_log_is_named_by_its_first_bad_row() {
    use spandrel_core::ledger::{Commit, Ledger};
    use spandrel_risk::{RiskEvent, Scope};
    let folder = tempfile::tempdir().unwrap();
    let store = Sqlite::open(folder.path().join("spandrel.sqlite")).await.unwrap();
    for n in 0..5 {
        let risk = RiskEvent::Paused { scope: Scope::Global, until: 100 + n, reason: format!("drill {n}") };
        let commit = Commit { now: n, expected_risk_sequence: n, risk: vec![risk], ..Commit::default() };
        store.commit(commit).await.unwrap();
    }
    store.close().await;
    audited(folder.path());
    let whole = std::fs::read_to_string(folder.path().join("audit.jsonl")).unwrap();
    let head: Value = serde_json::from_str(whole.lines().last().unwrap()).unwrap();
    let head = head["hash"].as_str().unwrap();
    let lines: Vec<&str> = whole.lines().collect();
    let broken = [
        (whole.replace("drill 2", "quake 2"), "row 2: hash"),
        ([lines[0], lines[2], lines[3]].join("\n"), "row 1: sequence"),
        (lines[1..].join("\n"), "row 0: sequence"),
        // Only who kept the head sees this.
        (lines[..4].join("\n"), "row 4: head"),
    ];
    for (text, expected) in broken {
        std::fs::write(folder.path().join("broken.jsonl"), text).unwrap();
        let found = spandrel(folder.path(), &["audit", "verify", "broken.jsonl", "--head", head]);
        assert_eq!(found.status.code(), Some(3), "{}", told(&found));
        assert!(told(&found).contains(expected), "{expected}: {}", told(&found));
        assert!(told(&found).contains("expected") && told(&found).contains("found"));
    }
    std::fs::write(folder.path().join("broken.jsonl"), "{}\n").unwrap();
    assert_eq!(spandrel(folder.path(), &["audit", "verify", "broken.jsonl"]).status.code(), Some(1));
}
