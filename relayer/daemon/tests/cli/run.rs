//! Running the binary, and a ledger with real transfers in it.

use std::path::Path;
use std::process::{Command, Output};
use std::sync::Arc;
use std::time::Duration;

use alloy_primitives::{B256, U256};
use serde_json::Value;
use spandrel::clock::{SystemClock, unix_now};
use spandrel::config::Config;
use spandrel::metrics::Metrics;
use spandrel::wiring;
use spandrel_api::Live;
use spandrel_core::ledger::{Commit, Ledger, TransferChange};
use spandrel_core::{Event, Input, Transfer};
use spandrel_engine::{Book, Change, Observer, Silent};
use spandrel_risk::Reason;
use spandrel_store::Sqlite;
use spandrel_verifiers::follow::{BlockRef, SeenDeposit};
use spandrel_verifiers::{Deposit, DepositId, LanePreference};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

pub type TestBook = Book<Sqlite, SystemClock>;

pub fn spandrel(folder: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_spandrel")).current_dir(folder).args(arguments).output().unwrap()
}

pub fn told(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

pub fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// Standard output as JSON, whatever the exit code.
pub fn json(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {}", told(output)))
}

/// What a terminal shows of a command, by script(1), which must be there: `SPANDREL_ALLOW_SKIPS=1` goes on without it.
pub fn on_a_terminal(folder: &Path, arguments: &[&str]) -> Option<String> {
    let command = format!("{} {}", env!("CARGO_BIN_EXE_spandrel"), arguments.join(" "));
    let mut script = Command::new("script");
    script.current_dir(folder).args(["-qefc", &command, "/dev/null"]).env("TERM", "xterm");
    match script.output() {
        Ok(output) => Some(String::from_utf8_lossy(&output.stdout).into_owned()),
        Err(error) if std::env::var_os("SPANDREL_ALLOW_SKIPS").is_some_and(|allowed| allowed == "1") => {
            println!("skipped: script(1): {error}");
            None
        }
        Err(error) => panic!("script(1): {error}: install bsdutils, or set SPANDREL_ALLOW_SKIPS=1"),
    }
}

/// `command` must end with `code` and name each of `parts`.
pub fn ends(folder: &Path, command: &[&str], code: i32, parts: &[&str]) -> Output {
    let output = spandrel(folder, command);
    let told = told(&output);
    assert_eq!(output.status.code(), Some(code), "{command:?}: {told}");
    assert!(parts.iter().all(|part| told.contains(part)), "{command:?}: {parts:?}: {told}");
    output
}

pub fn free_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// The example for local chains, with free ports; the ledger is `spandrel.sqlite` in `folder`.
pub fn example(folder: &Path) -> String {
    let text = spandrel::config::EXAMPLE.replace("profile = \"production\"", "profile = \"dev\"");
    let text = text.replace("127.0.0.1:8090", &format!("127.0.0.1:{}", free_port()));
    let text = text.replace("127.0.0.1:8080", &format!("127.0.0.1:{}", free_port()));
    let text = text.replace("127.0.0.1:9464", &format!("127.0.0.1:{}", free_port()));
    let path = folder.join("spandrel.sqlite");
    text.replace("database = \"spandrel.sqlite\"", &format!("database = {:?}", path.display().to_string()))
}

/// The example's file and what it says.
pub fn configured(folder: &Path) -> Config {
    let text = example(folder);
    std::fs::write(folder.join("spandrel.toml"), &text).unwrap();
    Config::parse(&text).unwrap()
}

/// A book over a new ledger of `config`.
pub async fn book(config: &Config, observer: Arc<dyn Observer>) -> Arc<TestBook> {
    let store = Sqlite::open(&config.database).await.unwrap();
    let policy = wiring::policy(config).unwrap();
    let book = Book::open(store, SystemClock, policy, observer).await.unwrap();
    Arc::new(match config.control_policy() {
        Some(guardians) => book.guarded_by(guardians),
        None => book,
    })
}

/// A book that nobody looks at.
pub async fn silent_book(config: &Config) -> Arc<TestBook> {
    book(config, Arc::new(Silent)).await
}

/// The transfer API over a book, until it is stopped; without webhooks.
pub struct ServedApi {
    /// Where it is.
    pub url: String,
    stop: CancellationToken,
    serving: JoinHandle<anyhow::Result<()>>,
}

impl ServedApi {
    pub async fn new(config: &Config, book: &Arc<TestBook>, live: Live) -> Self {
        let mut api = config.api.clone().unwrap();
        api.webhook_key = None;
        let (address, stop, requests) = (api.listen, CancellationToken::new(), Metrics::new().unwrap().requests());
        let serving = wiring::serve_api(config.clone(), api, book.clone(), live, requests, stop.clone());
        let serving = tokio::spawn(serving.await.unwrap());
        while tokio::net::TcpStream::connect(address).await.is_err() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        Self { url: format!("http://{address}"), stop, serving }
    }

    pub async fn end(self) {
        self.stop.cancel();
        self.serving.await.unwrap().unwrap();
    }
}

/// Deposit `n` of the example's Bitcoin chain.
pub fn deposit(config: &Config, n: u64) -> Deposit {
    let (source, target) = (&config.bitcoin[0], &config.destination[0]);
    Deposit {
        version: Deposit::VERSION,
        source_chain: source.chain.clone(),
        source_bridge: source.vault,
        source_key: B256::from(U256::from(n)),
        asset: spandrel_verifiers::AssetId::slip44(&source.chain, 0),
        amount: U256::from(50_000 + n),
        destination_chain: target.chain.clone(),
        destination_bridge: target.inbox.into_word(),
        recipient: B256::left_padding_from(&[0xaa; 20]),
        sender: B256::repeat_byte(0xbb),
        lane: LanePreference::Any,
        expiry: unix_now() + 100_000,
    }
}

/// Shows deposit `n` to the book.
pub async fn see(book: &TestBook, config: &Config, n: u64) -> DepositId {
    see_deposit(book, deposit(config, n), 100 + n).await
}

/// Shows a deposit in a block of that height to the book.
pub async fn see_deposit(book: &TestBook, deposit: Deposit, height: u64) -> DepositId {
    let id = deposit.id();
    let block = BlockRef { height, hash: B256::repeat_byte(1), time: unix_now() };
    let seen = SeenDeposit { deposit, block, transaction: B256::repeat_byte(7), position: 0 };
    tell(book, id, Input::Seen(seen)).await;
    id
}

/// Tells the machine something that must change the transfer.
pub async fn tell(book: &TestBook, id: DepositId, input: Input) {
    assert!(!book.record(Change::one(id, input)).await.unwrap().is_empty());
}

/// Shows deposit `n` to the book, and holds it.
pub async fn hold(book: &TestBook, config: &Config, n: u64, reason: Reason) -> DepositId {
    let id = see(book, config, n).await;
    let (store, now) = (book.ledger(), unix_now());
    let before = store.transfer(id).await.unwrap().unwrap();
    let event = Event::Held { reason, until: Some(now + 50) };
    let after = Transfer::fold(Some(before.clone()), id, &event, now).unwrap();
    let change = TransferChange { expected_sequence: before.sequence, events: vec![event], after };
    store.commit(Commit { now, transfers: vec![change], ..Commit::default() }).await.unwrap();
    id
}

/// A ledger with an agreed policy and three transfers: one observed, one quarantined, one that ended. The ledger is closed
/// again.
pub async fn furnished(folder: &Path) -> (Config, [DepositId; 3]) {
    let config = configured(folder);
    let book = silent_book(&config).await;
    wiring::agree(&config, &book).await.unwrap();
    let ids = [see(&book, &config, 1).await, see(&book, &config, 2).await, see(&book, &config, 3).await];
    tell(&book, ids[1], Input::Broken("no such thing".to_owned())).await;
    tell(&book, ids[2], Input::Broken("no such thing".to_owned())).await;
    tell(&book, ids[2], Input::Drop("ada: a drill".to_owned())).await;
    book.ledger().close().await;
    (config, ids)
}
