//! Guardians at the command line, against a running control API.

use std::path::Path;
use std::process::Output;
use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

use serde_json::Value;
use spandrel::clock::unix_now;
use spandrel::config::Config;
use spandrel::wiring;
use spandrel_api::Live;
use spandrel_core::ledger::Ledger;
use spandrel_risk::Reason;
use spandrel_risk::control::{SignedStatement, by_a_guardian};
use spandrel_signer::{Hardness, Keystore, Secret};
use sqlx::ConnectOptions;
use sqlx::sqlite::SqliteConnectOptions;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::run::{ServedApi, TestBook, ends, example, hold, json, silent_book, spandrel, stderr, told};

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
        let serving = wiring::serve_control(config.clone(), control, book.clone(), stop.clone()).await.unwrap();
        let serving = tokio::spawn(serving);
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

/// What the chains would refuse is not printed, and what is printed is for the chains that the scope is of.
#[test]
fn offline_a_guardian_is_told_what_the_chains_take_and_from_whom() {
    let folder = tempfile::tempdir().unwrap();
    let (config, here) = (guarded(folder.path()), folder.path());
    let pause = ["pause", "--global", "--for", "1h", "--offline"];
    let printed = taken(&as_guardian(here, "ada", &pause));
    let rows = printed["transactions"].as_array().unwrap();
    assert_eq!(rows.len(), 1, "{printed}");
    assert_eq!(rows[0]["to"], serde_json::to_value(config.destination[0].pause_controller).unwrap());
    let signed: SignedStatement = serde_json::from_value(printed["signed"].clone()).unwrap();
    let policy = config.control_policy().unwrap();
    assert_eq!(by_a_guardian(&signed, &policy, unix_now()).unwrap().1, "ada");
    let who = ["--key", "ada", "--password", "file:password", "--reason", "a drill"];
    let freeze = ["freeze", "--chain", "eip155:31337", "--offline", "--nonce", "3"];
    ends(here, &[&freeze[..], &who].concat(), 0, &["freeze chain eip155:31337", "nothing is sent", "data 0x"]);
    let long = ["pause", "--global", "--for", "6d", "--offline"];
    ends(here, &[&long[..], &who].concat(), 1, &["seconds: expected 1 to 432000"]);
    let late = ["freeze", "--global", "--offline", "--valid-for", "2d"];
    ends(here, &[&late[..], &who].concat(), 1, &["expiry: expected at most"]);
    let elsewhere = ["freeze", "--route", "eip155:7 -> eip155:8", "--offline"];
    ends(here, &[&elsewhere[..], &who].concat(), 1, &["scope: expected one that a configured chain"]);
    let stranger = Secret::new("correct horse".to_owned()).unwrap();
    Keystore::open(here.join("keys"), Hardness::Dev).unwrap().create("cy", &stranger).unwrap();
    assert!(told(&as_guardian(here, "cy", &pause)).contains("expected a guardian"));
}

/// Another process keeps the ledger busy, so an order holds up all decisions; who only looks on waits for neither.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn what_stands_is_shown_while_an_order_waits_for_the_ledger() {
    let folder = tempfile::tempdir().unwrap();
    let config = guarded(folder.path());
    let served = Served::new(config.clone(), silent_book(&config).await).await;
    let mut busy = SqliteConnectOptions::new().filename(&config.database).connect().await.unwrap();
    sqlx::query("BEGIN IMMEDIATE").execute(&mut busy).await.unwrap();
    let here = folder.path().to_owned();
    let ordered = tokio::task::spawn_blocking(move || as_guardian(&here, "ada", &["pause", "--global", "--for", "1h"]));
    let is_held_up = async |most| tokio::time::timeout(most, served.book.read_risk(|_| ())).await.is_err();
    let held_up = async {
        while !is_held_up(Duration::from_millis(300)).await {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(4), held_up).await.expect("the order waits for the ledger");
    let port = config.control.as_ref().unwrap().listen.port();
    for path in ["pauses", "proposals", "limits", "signers", "shortfalls"] {
        let url = format!("http://127.0.0.1:{port}/v1/control/{path}");
        let shown = tokio::time::timeout(Duration::from_millis(1_500), reqwest::get(url)).await;
        assert!(shown.unwrap_or_else(|_| panic!("{path} waits")).unwrap().status().is_success(), "{path}");
    }
    assert!(is_held_up(Duration::from_millis(50)).await, "the order waited all the while");
    sqlx::query("ROLLBACK").execute(&mut busy).await.unwrap();
    assert_eq!(taken(&ordered.await.unwrap())["state"], "done");
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

/// Programs are told seconds; people who must decide by a time are told that time.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn people_read_times_of_day_and_words_and_programs_what_the_api_says() {
    let folder = tempfile::tempdir().unwrap();
    let config = guarded(folder.path());
    let served = Served::new(config.clone(), silent_book(&config).await).await;
    let held = hold(&served.book, &config, 1, Reason::Unknown).await.to_string();
    let here = folder.path().to_owned();
    tokio::task::spawn_blocking(move || {
        let shown = |at: &Value| {
            let at = UNIX_EPOCH + Duration::from_secs(at.as_u64().expect("Unix seconds"));
            humantime::format_rfc3339_seconds(at).to_string()
        };
        let told_programs = |command: &[&str]| json(&ends(&here, &[command, &["--json"]].concat(), 0, &[]));
        taken(&as_guardian(&here, "ada", &["pause", "--global", "--for", "1h"]));
        let until = shown(&told_programs(&["pauses"])[0]["until"]);
        ends(&here, &["pauses"], 0, &[&until]);
        let until = shown(&told_programs(&["hold", "list"])["transfers"][0]["until"]);
        ends(&here, &["hold", "list"], 0, &[&until]);
        let at = shown(&told_programs(&["hold", "show", &held])["events"][0]["at"]);
        ends(&here, &["hold", "show", &held], 0, &[&until, &at]);

        let proposed = taken(&as_guardian(&here, "ada", &["resume", "--global"]));
        ends(&here, &["proposals", "list"], 0, &["needs a second person"]);
        let approve = ["proposals", "approve", proposed["statement"].as_str().unwrap(), "--key", "bo"];
        let who = ["--password", "file:password", "--reason", "a drill"];
        let approved = ends(&here, &[&approve[..], &who].concat(), 0, &[]);
        let ready = shown(&told_programs(&["proposals", "list"])[0]["approval"]["ready_at"]);
        assert!(told(&approved).contains(&format!("carried out at {ready} at the earliest")), "{}", told(&approved));
        ends(&here, &["proposals", "list"], 0, &[&format!("by bo, ready at {ready}")]);
    })
    .await
    .unwrap();
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
