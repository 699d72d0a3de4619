//! The health of a running relayer: what two guardians agreed on waits until everything that can be mended is.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use alloy_primitives::{B256, U256};
use futures::future::BoxFuture;
use spandrel::clock::unix_now;
use spandrel::config::Config;
use spandrel::metrics::Metrics;
use spandrel::wiring::Health;
use spandrel_core::ledger::{Commit, CursorMove, Ledger};
use spandrel_engine::{Alarms, Sentinel, run_control};
use spandrel_risk::control::{Act, ControlPolicy, SignedStatement, Statement};
use spandrel_risk::{RiskEvent, Scope};
use spandrel_signer::{Hardness, Keystore, LocalKey, Secret, SecretRef};
use spandrel_verifiers::ChainId;
use spandrel_verifiers::follow::{BlockRef, Cursor};
use spandrel_watchers::pool::{Counts, Health as Nodes, Standing, TOLERATED_DISSENT};
use spandrel_watchers::sentinel::{Holding, VaultPause, VaultView};
use tokio_util::sync::CancellationToken;

use crate::control::{as_guardian, guarded, taken};
use crate::run::{TestBook, configured, deposit, ends, free_port, json, silent_book};

/// Two nodes, of which one may show other blocks.
#[derive(Default)]
struct Pair(AtomicBool);

impl Nodes for Pair {
    fn standings(&self) -> Vec<Standing> {
        let late = TOLERATED_DISSENT + Duration::from_secs(1);
        let dissents_for = self.0.load(Ordering::Relaxed).then_some(late);
        vec![Standing { name: "2 node".to_owned(), is_open: false, dissents_for, counts: Counts::default() }]
    }
}

/// A vault and what it holds.
#[derive(Clone)]
struct Vault(Arc<Mutex<Holding>>, ChainId);

impl VaultView for Vault {
    fn chain(&self) -> &ChainId {
        &self.1
    }

    fn quorum(&self) -> usize {
        1
    }

    fn holdings(&self) -> BoxFuture<'_, Vec<Vec<Holding>>> {
        let holding = self.0.lock().unwrap().clone();
        Box::pin(async { vec![vec![holding]] })
    }

    fn pauses(&self, _: u64) -> BoxFuture<'_, Vec<Vec<VaultPause>>> {
        Box::pin(async { vec![Vec::new()] })
    }
}

/// Ada has key 1, Bo key 2.
fn key(n: u8) -> LocalKey {
    LocalKey::from_bytes(&[n; 32]).unwrap()
}

/// Two guardians who need not wait.
fn guardians() -> ControlPolicy {
    let guardians = [(1, "ada"), (2, "bo")].map(|(n, person)| (key(n).address(), person.to_owned())).into();
    ControlPolicy { deployment: B256::repeat_byte(1), guardians, resume_delay: 0, timelock: 0 }
}

async fn say(book: &TestBook, n: u8, act: Act) -> B256 {
    let (guardian, expiry) = (key(n).address(), unix_now() + 600);
    let statement = Statement { act, reason: "a drill".to_owned(), guardian, nonce: 0, expiry };
    let digest = statement.digest(guardians().deployment);
    book.order(&SignedStatement::new(statement, &key(n).sign_digest(digest).unwrap()), None).await.unwrap();
    digest
}

async fn read(book: &TestBook, chain: &ChainId, time: u64) {
    let expected = book.ledger().cursor(chain).await.unwrap();
    let next = Cursor::at(BlockRef { height: 1, hash: B256::with_last_byte(1), time });
    let cursor = Some(CursorMove { chain: chain.clone(), expected, next });
    book.ledger().commit(Commit { now: unix_now(), cursor, ..Commit::default() }).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_approved_resumption_waits_until_what_can_be_mended_is() {
    let folder = tempfile::tempdir().unwrap();
    let config = configured(folder.path());
    let book = Arc::into_inner(silent_book(&config).await).unwrap();
    let book = Arc::new(book.guarded_by(guardians()));
    let deposit = deposit(&config, 1);
    let chain = deposit.source_chain.clone();
    let (metrics, nodes) = (Arc::new(Metrics::new().unwrap()), Arc::new(Pair::default()));
    metrics.watch(&chain, nodes.clone());
    let (owed, held) = (U256::from(5), U256::from(5));
    let vault = Vault(Arc::new(Mutex::new(Holding { asset: deposit.asset, owed, held })), ChainId::eip155(1));
    let sentinel =
        Sentinel::new(book.clone(), Vec::new(), BTreeMap::new(), vec![Box::new(vault.clone())], metrics.alarms());
    let look = async || {
        sentinel.look_slowly().await.unwrap();
        sentinel.look_once().await.unwrap();
    };
    let health = Health::new(metrics, BTreeMap::from([(chain.clone(), 600)]));
    let is_wrong = async |what: &str| {
        let wrong = health.wrong(&book, unix_now()).await;
        assert!(wrong.as_ref().is_some_and(|wrong| wrong.contains(what)), "{wrong:?} should say {what}");
    };
    is_wrong("is late: nothing of it was read").await;
    read(&book, &chain, unix_now() - 700).await;
    is_wrong("is late: its last block").await;
    read(&book, &chain, unix_now()).await;
    assert_eq!(health.wrong(&book, unix_now()).await, None);
    let blind = health.wrong(&book, unix_now() + 130).await.unwrap();
    assert!(blind.contains("sentinels have not seen everything"), "{blind}");
    nodes.0.store(true, Ordering::Relaxed);
    is_wrong("2 node disagrees with another node").await;
    nodes.0.store(false, Ordering::Relaxed);
    vault.0.lock().unwrap().held = U256::from(4);
    look().await;
    is_wrong("vault_short: the vault holds 4").await;

    let (until, reason) = (unix_now() + 3_600, "a drill".to_owned());
    book.record_risk(RiskEvent::Paused { scope: Scope::Global, until, reason }).await.unwrap();
    let act = Act::Resume { scope: Scope::Global };
    let what = act.to_string();
    let proposal = say(&book, 1, act).await;
    say(&book, 2, Act::Approve { proposal, what }).await;
    let (stop, asked) = (CancellationToken::new(), (book.clone(), health.clone()));
    let wrong = move || {
        let (book, health) = asked.clone();
        async move { health.wrong(&book, unix_now()).await }
    };
    let running = tokio::spawn(run_control(book.clone(), wrong, stop.clone()));
    let is_paused =
        async || book.read_risk(|risk| risk.pauses_at(unix_now()).any(|(scope, _)| *scope == Scope::Global)).await;
    tokio::time::sleep(Duration::from_millis(2_500)).await;
    assert!(is_paused().await, "the vault is short");
    vault.0.lock().unwrap().held = U256::from(5);
    look().await;
    tokio::time::timeout(Duration::from_secs(20), async {
        while is_paused().await {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    })
    .await
    .expect("mended: it is carried out");
    stop.cancel();
    running.await.unwrap().unwrap();
}

/// Sentinels run elsewhere, or not at all; where they run, two minutes without a whole look are borne.
#[tokio::test(flavor = "multi_thread")]
async fn sentinels_are_waited_for_where_they_run_and_from_two_minutes_on() {
    let folder = tempfile::tempdir().unwrap();
    let book = silent_book(&configured(folder.path())).await;
    let metrics = Arc::new(Metrics::new().unwrap());
    let health = Health::new(metrics.clone(), BTreeMap::new());
    assert_eq!(health.wrong(&book, unix_now() + 1_000).await, None, "none run here");
    let seeing = Sentinel::new(book.clone(), Vec::new(), BTreeMap::new(), Vec::new(), metrics.alarms());
    seeing.look_slowly().await.unwrap();
    seeing.look_once().await.unwrap();
    let looked_at = metrics.alarms().looked_at().unwrap();
    assert_eq!(health.wrong(&book, looked_at + 120).await, None);
    assert!(health.wrong(&book, looked_at + 121).await.is_some_and(|wrong| wrong.contains("for over 120 s")));
}

/// Nothing is taken for well that nobody can look at.
#[tokio::test(flavor = "multi_thread")]
async fn a_ledger_that_does_not_answer_is_not_well() {
    let folder = tempfile::tempdir().unwrap();
    let book = silent_book(&configured(folder.path())).await;
    let health = Health::new(Arc::new(Metrics::new().unwrap()), BTreeMap::new());
    assert_eq!(health.wrong(&book, unix_now()).await, None);
    book.ledger().close().await;
    let wrong = health.wrong(&book, unix_now()).await.unwrap();
    assert!(wrong.starts_with("ledger: "), "{wrong}");
}

/// A whole process whose nodes are away: its file says how old a chain may be, for `/readyz` and for resumptions.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_running_relayer_holds_a_resumption_for_as_long_as_a_chain_is_late_by_its_file() {
    let folder = tempfile::tempdir().unwrap();
    let config = away(folder.path());
    assert!(config.telemetry.late_after.contains_key(&config.bitcoin[0].chain), "as the example has it");
    holds_a_resumption_while_late(folder.path(), config).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_source_of_which_the_file_says_nothing_is_late_all_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let mut config = away(folder.path());
    config.telemetry.late_after.clear();
    holds_a_resumption_while_late(folder.path(), config).await;
}

/// Until its one source is read; then it is carried out, and the process is ready.
async fn holds_a_resumption_while_late(here: &Path, mut config: Config) {
    let chain = config.bitcoin[0].chain.clone();
    // A quarter of an hour at least, in a file.
    config.control.as_mut().unwrap().resume_delay = 0;
    let control = config.control.as_ref().unwrap().listen;
    let ready = format!("http://{}/readyz", config.telemetry.listen);
    let is_ready = async || {
        let answer = reqwest::get(&ready).await.unwrap();
        (answer.status().as_u16(), answer.text().await.unwrap())
    };
    let stop = CancellationToken::new();
    let running = spandrel::up::start(config, None, stop.clone()).await.unwrap();
    while tokio::net::TcpStream::connect(control).await.is_err() {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    taken(&as_guardian(here, "ada", &["pause", "--global", "--for", "1h"]));
    let proposed = taken(&as_guardian(here, "ada", &["resume", "--global"]));
    taken(&as_guardian(here, "bo", &["proposals", "approve", proposed["statement"].as_str().unwrap()]));
    tokio::time::sleep(Duration::from_millis(2_500)).await;
    ends(here, &["pauses"], 0, &["global"]);
    // Guardians are told what it waits for.
    let waits = format!("health is not green: {chain} is late: nothing of it was read");
    ends(here, &["proposals", "list"], 0, &["is late"]);
    let open = json(&ends(here, &["proposals", "list", "--json"], 0, &[]));
    assert_eq!(open[0]["waits_for"].as_str(), Some(&*waits), "{open}");
    let page = reqwest::get(format!("http://{control}/console")).await.unwrap().text().await.unwrap();
    assert!(page.contains(&waits), "{page}");
    let (code, said) = is_ready().await;
    assert!(code == 503 && said.contains(&format!("{chain} is late: nothing of it was read")), "{said}");

    let next = Cursor::at(BlockRef { height: 1, hash: B256::with_last_byte(1), time: unix_now() });
    let cursor = Some(CursorMove { chain, expected: None, next });
    running.store().commit(Commit { now: unix_now(), cursor, ..Commit::default() }).await.unwrap();
    let (_, said) = is_ready().await;
    assert!(!said.contains("is late"), "{said}");
    let is_paused = || json(&ends(here, &["pauses", "--json"], 0, &[])).as_array().is_some_and(|rows| !rows.is_empty());
    let deadline = std::time::Instant::now() + Duration::from_secs(20);
    while is_paused() {
        assert!(std::time::Instant::now() < deadline, "nothing is wrong any more: it is carried out");
    }
    assert_eq!(is_ready().await, (200, "ready\n".to_owned()));
    stop.cancel();
    running.finish().await.unwrap();
}

/// A configuration with all its keys, whose nodes are away.
fn away(folder: &Path) -> Config {
    guarded(folder);
    let (path, password) = (folder.join("spandrel.toml"), folder.join("password"));
    let mut text = std::fs::read_to_string(&path).unwrap();
    let keystore = Keystore::open(folder.join("keys"), Hardness::Dev).unwrap();
    let secret = Secret::new("correct horse".to_owned()).unwrap();
    keystore.create("relayer", &secret).unwrap();
    let verifier = keystore.create("verifier", &secret).unwrap();
    text = text.replace("0x1111111111111111111111111111111111111111", &verifier.address.to_string());
    let mut config = Config::parse(&text).unwrap();
    let there = SecretRef::File(password);
    config.destination.iter_mut().for_each(|target| target.account.password = there.clone());
    config.verifier.iter_mut().for_each(|role| {
        role.key.password = there.clone();
        role.bitcoin.values_mut().for_each(|node| node.password = there.clone());
    });
    config.bitcoin.iter_mut().flat_map(|source| &mut source.nodes).for_each(|node| node.password = there.clone());
    (config.api, config.keystore) = (None, folder.join("keys"));
    config.telemetry.listen = ([127, 0, 0, 1], free_port()).into();
    config
}

/// The process that decides has neither sentinels nor nodes: another one on the same file has.
#[tokio::test(flavor = "multi_thread")]
async fn a_resumption_waits_for_what_the_sentinels_of_another_process_found() {
    let folder = tempfile::tempdir().unwrap();
    let config = configured(folder.path());
    let (deciding, watching) = (silent_book(&config).await, silent_book(&config).await);
    let health = Health::new(Arc::new(Metrics::new().unwrap()), BTreeMap::new());
    let wrong = async |later: u64| health.wrong(&deciding, unix_now() + later).await;
    assert_eq!(wrong(0).await, None);
    let (owed, held) = (U256::from(5), U256::from(4));
    let vault =
        Vault(Arc::new(Mutex::new(Holding { asset: deposit(&config, 1).asset, owed, held })), ChainId::eip155(1));
    let (vaults, alarms): (Vec<Box<dyn VaultView>>, _) = (vec![Box::new(vault.clone())], Alarms::default());
    let sentinel = Sentinel::new(watching.clone(), Vec::new(), BTreeMap::new(), vaults, alarms);
    let look = async || {
        sentinel.look_slowly().await.unwrap();
        sentinel.look_once().await.unwrap();
    };
    look().await;
    assert!(wrong(0).await.is_some_and(|wrong| wrong.starts_with("vault_short: the vault holds 4")));
    vault.0.lock().unwrap().held = U256::from(5);
    look().await;
    assert_eq!(wrong(0).await, None, "it is mended");
    let blind = wrong(150).await.unwrap();
    assert!(blind.contains("have not seen everything"), "the watcher died: {blind}");
    assert_eq!(wrong(2 * 86_400).await, None, "and was taken down");
}
