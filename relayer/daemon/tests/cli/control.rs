//! Guardians at the command line, against a running control API.

use std::path::Path;
use std::process::Output;
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use spandrel::clock::unix_now;
use spandrel::config::Config;
use spandrel::metrics::Metrics;
use spandrel::wiring;
use spandrel_api::Live;
use spandrel_core::Input;
use spandrel_core::ledger::{Halt, Ledger};
use spandrel_signer::{Hardness, Keystore, Secret};
use sqlx::ConnectOptions;
use sqlx::sqlite::SqliteConnectOptions;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::run::{ServedApi, TestBook, ends, example, hold, json, see, silent_book, spandrel, stderr, tell, told};

/// A configuration with guardians `ada` and `bo`, whose keys are in the keystore: cheap ones, for quick tests.
pub fn guarded(folder: &Path) -> Config {
    std::fs::write(folder.join("password"), "correct horse\n").unwrap();
    let keystore = Keystore::open(folder.join("keys"), Hardness::Dev).unwrap();
    let mut text = example(folder);
    let places = ["0xcccccccccccccccccccccccccccccccccccccccc", "0xdddddddddddddddddddddddddddddddddddddddd"];
    for (name, place) in ["ada", "bo"].into_iter().zip(places) {
        let made = keystore.create(name, &Secret::new("correct horse".to_owned()).unwrap()).unwrap();
        text = text.replace(place, &made.address.to_string());
    }
    std::fs::write(folder.join("spandrel.toml"), &text).unwrap();
    Config::parse(&text).unwrap()
}

/// `command` as the guardian `name`.
pub fn as_guardian(folder: &Path, name: &str, command: &[&str]) -> Output {
    let who = ["--key", name, "--password", "file:password", "--reason", "a drill", "--json"];
    spandrel(folder, &[command, &who].concat())
}

/// A control API over a book, until it is stopped.
pub struct Served {
    pub book: Arc<TestBook>,
    pub config: Config,
    stop: CancellationToken,
    serving: JoinHandle<anyhow::Result<()>>,
}

impl Served {
    pub async fn new(config: Config, book: Arc<TestBook>) -> Self {
        let (control, stop) = (config.control.clone().unwrap(), CancellationToken::new());
        let address = std::net::SocketAddr::from(([127, 0, 0, 1], control.listen.port()));
        let serving = tokio::spawn(wiring::serve_control(config.clone(), control, book.clone(), stop.clone()));
        while tokio::net::TcpStream::connect(address).await.is_err() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        Self { book, config, stop, serving }
    }

    /// Stops it and closes the ledger.
    pub async fn end(self) {
        self.stop.cancel();
        self.serving.await.unwrap().unwrap();
        self.book.ledger().close().await;
    }
}

/// What a command that must be taken answers.
pub fn taken(output: &Output) -> Value {
    assert!(output.status.success(), "{}", told(output));
    json(output)
}

/// A command that the control API must refuse for `code`.
pub fn denied(output: &Output, code: &str) {
    assert_eq!(output.status.code(), Some(6), "{}", told(output));
    assert!(stderr(output).contains(code), "{code}: {}", told(output));
}

/// The guardian's connection breaks while another process keeps the ledger busy: the order goes on, and what was stored is
/// what the process acts on.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn an_order_whose_caller_hung_up_is_carried_out_whole() {
    let folder = tempfile::tempdir().unwrap();
    let config = guarded(folder.path());
    let served = Served::new(config.clone(), silent_book(&config).await).await;
    let mut busy = SqliteConnectOptions::new().filename(&config.database).connect().await.unwrap();
    sqlx::query("BEGIN IMMEDIATE").execute(&mut busy).await.unwrap();
    let order =
        ["pause", "--global", "--for", "1h", "--key", "ada", "--password", "file:password", "--reason", "a drill"];
    let mut caller = tokio::process::Command::new(env!("CARGO_BIN_EXE_spandrel"))
        .current_dir(folder.path())
        .args(order)
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::null())
        .spawn()
        .unwrap();
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert!(caller.try_wait().unwrap().is_none(), "it waits for the ledger");
    caller.kill().await.unwrap();
    tokio::time::sleep(Duration::from_millis(500)).await;
    sqlx::query("ROLLBACK").execute(&mut busy).await.unwrap();

    let is_paused = async || served.book.read_risk(|risk| risk.pauses_at(unix_now()).count() == 1).await;
    let carried_out = async {
        while !is_paused().await {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), carried_out).await.expect("the pause is in force");
    assert_eq!(served.book.ledger().control_events(0).await.unwrap().len(), 2, "taken and done");
    sqlx::Connection::close(busy).await.unwrap();
    served.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_guardian_pauses_with_one_command_and_cannot_resume_alone() {
    let folder = tempfile::tempdir().unwrap();
    let config = guarded(folder.path());
    let served = Served::new(config.clone(), silent_book(&config).await).await;
    let here = folder.path().to_owned();
    tokio::task::spawn_blocking(move || {
        let pause = ["pause", "--global", "--for", "1h"];
        assert_eq!(taken(&as_guardian(&here, "ada", &pause))["state"], "done");
        let proposed = taken(&as_guardian(&here, "ada", &["resume", "--global"]));
        assert_eq!(proposed["state"], "proposed");
        let id = proposed["statement"].as_str().unwrap();
        denied(&as_guardian(&here, "ada", &["proposals", "approve", id]), "SELF_APPROVAL");
        denied(&as_guardian(&here, "ada", &["resume", "--global"]), "NEEDS_SECOND_APPROVER");
        assert_eq!(taken(&as_guardian(&here, "bo", &["proposals", "approve", id]))["state"], "approved");
        let corridor = ["--source", "bip122:0f9188f13cb7b2c71f2a335e3a4fc328", "--destination", "eip155:31337"];
        let asset = ["--asset", "bip122:0f9188f13cb7b2c71f2a335e3a4fc328/slip44:0", "--lane", "fast"];
        let lower = [&["limits", "lower"][..], &corridor, &asset, &["--set", "window=1000"]].concat();
        assert_eq!(taken(&as_guardian(&here, "bo", &lower))["state"], "done");
        let raise = [&["limits", "lower"][..], &corridor, &asset, &["--set", "window=1001"]].concat();
        denied(&as_guardian(&here, "bo", &raise), "NOT_A_LOWERING");
        let shown = json(&ends(&here, &["limits", "show", "--json"], 0, &[]));
        assert!(shown["limits"].as_array().unwrap().iter().any(|row| row["window"] == "1000"), "{shown}");
        let used = json(&ends(&here, &["limits", "usage", "--json"], 0, &[]));
        let row = used["lanes"].as_array().unwrap().iter().find(|row| row["lane"] == "fast").unwrap();
        assert_eq!(
            (&row["window"], &row["set_by_guardians"], &row["paused"]),
            (&"1000".into(), &true.into(), &"global".into())
        );
        ends(&here, &["pauses"], 0, &["global", "ada: a drill"]);
    })
    .await
    .unwrap();
    assert_eq!(served.book.read_risk(|risk| risk.pauses_at(unix_now()).count()).await, 1);
    served.end().await;
    audited(folder.path());
}

/// Every command that sends shows the very statement that it would sign, and nothing comes of it.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_dry_run_shows_what_would_be_signed_and_signs_and_sends_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let config = guarded(folder.path());
    let served = Served::new(config.clone(), silent_book(&config).await).await;
    let held = held(&served, 1).await.to_string();
    let broken = see(&served.book, &config, 2).await;
    tell(&served.book, broken, Input::Broken("odd".to_owned())).await;
    let broken = broken.to_string();
    let here = folder.path().to_owned();
    tokio::task::spawn_blocking(move || {
        let chain = "bip122:0f9188f13cb7b2c71f2a335e3a4fc328";
        let asset = format!("{chain}/slip44:0");
        let limit = [
            "--source",
            chain,
            "--destination",
            "eip155:31337",
            "--asset",
            &asset,
            "--lane",
            "fast",
            "--set",
            "window=9",
        ];
        let members = [
            "--member",
            "0x4444444444444444444444444444444444444444",
            "--member",
            "0x5555555555555555555555555555555555555555",
        ];
        let commands: [(Vec<&str>, &str); 15] = [
            (vec!["pause", "--lane", "fast", "--for", "1h"], "pause"),
            (vec!["freeze", "--direction", "payouts@eip155:31337"], "freeze"),
            (vec!["freeze", "--global"], "freeze"),
            (vec!["resume", "--global"], "resume"),
            ([&["limits", "lower"][..], &limit].concat(), "lower_limits"),
            ([&["limits", "raise"][..], &limit].concat(), "raise_limits"),
            (vec!["limits", "wide", "lower", "--asset", &asset, "--set", "window=9"], "lower_wide_limit"),
            (
                vec!["limits", "wide", "raise", "--destination", "eip155:31337", "--set", "notional=9"],
                "raise_wide_limit",
            ),
            (vec!["hold", "drop", &held], "drop_held"),
            (vec!["hold", "extend", &held, "--until", "2126-01-01T00:00:00Z"], "extend_hold"),
            (vec!["hold", "release", &held], "release_held"),
            (vec!["quarantine", "requeue", &broken], "requeue_quarantined"),
            (vec!["quarantine", "drop", &broken], "drop_quarantined"),
            (vec!["loss", "accept", &held], "accept_loss"),
            (
                [&["signers", "change", "--role", "verifiers", "--epoch", "2", "--threshold", "2"][..], &members]
                    .concat(),
                "change_signers",
            ),
        ];
        for (command, act) in commands {
            // The password is not asked for: the key stays locked.
            let dry = ["--key", "ada", "--reason", "a drill", "--dry-run"];
            let shown = json(&ends(&here, &[&command[..], &dry, &["--json"]].concat(), 0, &[]));
            assert_eq!((&shown["dry_run"], &shown["nonce_known"]), (&true.into(), &true.into()), "{shown}");
            let statement = &shown["statement"];
            assert_eq!((&statement["act"]["act"], &statement["nonce"]), (&act.into(), &0.into()), "{shown}");
            let signed: spandrel_risk::control::Statement = serde_json::from_value(statement.clone()).unwrap();
            let deployment = config.control_policy().unwrap().deployment;
            assert_eq!(shown["digest"], signed.digest(deployment).to_string());
            ends(&here, &[&command[..], &dry].concat(), 0, &["would sign as ada", "digest"]);
        }
        ends(
            &here,
            &["pause", "--global", "--for", "1h", "--key", "cy", "--reason", "x", "--dry-run"],
            1,
            &["key: expected one of ada, bo, found \"cy\""],
        );
    })
    .await
    .unwrap();
    assert_eq!(served.book.control().await.0.version(), 0);
    served.end().await;
}

/// What another proposed is shown as it would be agreed on or ended, and it is neither.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_dry_run_of_an_approval_or_an_end_leaves_the_proposal_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let config = guarded(folder.path());
    let served = Served::new(config.clone(), silent_book(&config).await).await;
    let held = held(&served, 1).await.to_string();
    let here = folder.path().to_owned();
    let standing = tokio::task::spawn_blocking(move || {
        let proposed = taken(&as_guardian(&here, "ada", &["hold", "release", &held]));
        let id = proposed["statement"].as_str().unwrap();
        let proposals = || json(&ends(&here, &["proposals", "list", "--json"], 0, &[]));
        let before = proposals();
        for act in ["approve", "cancel"] {
            let command = ["proposals", act, id, "--key", "bo", "--reason", "a drill", "--dry-run"];
            let shown = json(&ends(&here, &[&command[..], &["--json"]].concat(), 0, &[]));
            assert_eq!((&shown["dry_run"], &shown["nonce_known"]), (&true.into(), &true.into()), "{shown}");
            let statement = &shown["statement"];
            assert_eq!((&statement["act"]["act"], &statement["act"]["proposal"]), (&act.into(), &id.into()), "{shown}");
            assert!(statement["act"]["what"].as_str().unwrap().contains(&held), "what is agreed on: {shown}");
            let signed: spandrel_risk::control::Statement = serde_json::from_value(statement.clone()).unwrap();
            assert_eq!(shown["digest"], signed.digest(config.control_policy().unwrap().deployment).to_string());
            ends(&here, &command, 0, &["would sign as bo", "digest", &held]);
            let unknown = ["proposals", act, &format!("0x{}", "ab".repeat(32))];
            ends(&here, &[&unknown[..], &command[3..]].concat(), 1, &["NO_SUCH_PROPOSAL"]);
        }
        assert_eq!(proposals(), before);
        before
    })
    .await
    .unwrap();
    assert_eq!(standing.as_array().unwrap().len(), 1, "{standing}");
    served.end().await;
}

/// A transfer that is held.
async fn held(served: &Served, n: u64) -> spandrel_verifiers::DepositId {
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

#[tokio::test]
async fn orders_that_cannot_be_meant_name_what_is_wrong() {
    let folder = tempfile::tempdir().unwrap();
    guarded(folder.path());
    let who = ["--key", "ada", "--password", "file:password", "--reason", "a drill"];
    let cases: [(&[&str], i32, &[&str]); 9] = [
        (&["pause", "--for", "1h"], 2, &["--global"]),
        (&["pause", "--global", "--chain", "eip155:1", "--for", "1h"], 2, &["cannot be used with"]),
        (&["pause", "--global", "--for", "soon"], 2, &["soon", "--for"]),
        (&["pause", "--chain", "nowhere", "--for", "1h"], 2, &["nowhere"]),
        (&["pause", "--lane", "slow", "--for", "1h"], 1, &["lane: expected fast or light_client, found \"slow\""]),
        (&["pause", "--route", "eip155:1", "--for", "1h"], 1, &["route: expected two chains with -> between them"]),
        (&["hold", "drop", "0x12"], 2, &["0x12"]),
        (
            &[
                "signers",
                "change",
                "--role",
                "verifiers",
                "--epoch",
                "2",
                "--threshold",
                "1",
                "--member",
                "0x4444444444444444444444444444444444444444",
            ],
            1,
            &["threshold"],
        ),
        // Nobody listens there.
        (&["pause", "--global", "--for", "1h"], 1, &["control API at http://127.0.0.1:"]),
    ];
    for (command, code, parts) in cases {
        ends(folder.path(), &[command, &who].concat(), code, parts);
    }
    ends(folder.path(), &["pause", "--global", "--for", "1h", "--key", "ada", "--reason", "x"], 2, &["--password"]);
}

/// The log of all that verifies offline, whole, from the database and from an export.
fn audited(folder: &Path) {
    let exported = json(&ends(folder, &["audit", "export", "export", "--json"], 0, &[]));
    let head = exported["head"].as_str().unwrap();
    for source in ["export", "spandrel.sqlite"] {
        ends(folder, &["audit", "verify", source, "--head", head], 0, &[head]);
    }
}

/// What a guardian set is what users are told and quoted, and what they are quoted is what holds.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn the_transfer_api_shows_and_quotes_the_limits_that_guardians_set() {
    let folder = tempfile::tempdir().unwrap();
    let config = guarded(folder.path());
    let served = Served::new(config.clone(), silent_book(&config).await).await;
    let api = ServedApi::new(&config, &served.book, Live::default()).await;
    let url = format!("{}/v1", api.url);
    let get = async |path: String| -> Value { reqwest::get(path).await.unwrap().json().await.unwrap() };
    let route = get(format!("{url}/routes")).await[0]["id"].as_str().unwrap().to_owned();
    let fast = async || -> (Value, Value, Value) {
        let mut limits = reqwest::Url::parse(&format!("{url}/limits")).unwrap();
        limits.query_pairs_mut().append_pair("route", &route);
        let shown: Value = reqwest::get(limits).await.unwrap().json().await.unwrap();
        let row = shown.as_array().unwrap().iter().find(|row| row["lane"] == "fast").unwrap().clone();
        let asked = serde_json::json!({ "route": route, "amount": "50000" });
        let quote = reqwest::Client::new().post(format!("{url}/quotes")).json(&asked).send().await.unwrap();
        let quote: Value = quote.json().await.unwrap();
        let offer = quote["lanes"].as_array().unwrap().iter().find(|offer| offer["lane"] == "fast").unwrap().clone();
        (row["per_transfer"].clone(), row["window_remaining"].clone(), offer)
    };
    let (per_transfer, window, offer) = fast().await;
    assert_eq!((per_transfer, window, &offer["offered"]), ("5000000".into(), "50000000".into(), &true.into()));
    let here = folder.path().to_owned();
    tokio::task::spawn_blocking(move || {
        let corridor = ["--source", "bip122:0f9188f13cb7b2c71f2a335e3a4fc328", "--destination", "eip155:31337"];
        let asset = ["--asset", "bip122:0f9188f13cb7b2c71f2a335e3a4fc328/slip44:0", "--lane", "fast"];
        let set = ["--set", "per_transfer=40000", "--set", "window=60000"];
        let lower = [&["limits", "lower"][..], &corridor, &asset, &set].concat();
        assert_eq!(taken(&as_guardian(&here, "ada", &lower))["state"], "done");
    })
    .await
    .unwrap();
    let page = reqwest::get(format!("{}/console", api.url)).await.unwrap().text().await.unwrap();
    assert!(
        page.contains("of 0.0006 BTC") && !page.contains("of 0.5 BTC"),
        "gauges are of the limits as they stand: {page}"
    );
    let (per_transfer, window, offer) = fast().await;
    assert_eq!((per_transfer, window), ("40000".into(), "60000".into()));
    assert_eq!((&offer["offered"], &offer["reason"]["code"]), (&false.into(), &"PER_TRANSFER_CAP".into()), "{offer}");
    api.end().await;
    served.end().await;
}
