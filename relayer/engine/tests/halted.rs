//! A source that contradicts itself: halted and paused in one commit, and nothing is done for it until a guardian looks.

mod common;

use std::path::Path;
use std::sync::Arc;

use alloy_primitives::{B256, U256};
use spandrel_core::ledger::{Commit, Ledger, NewEffect, TransferChange};
use spandrel_core::submission::{DueEffect, Progress, SendGate, SubmitError, Submitter};
use spandrel_core::{Effect, EffectId, Event, Executor, Transfer, Turn, TxRef};
use spandrel_engine::{Book, ChainFollower, Clock, EngineError, PayoutDesk, Silent};
use spandrel_risk::control::{Act, ControlEvent};
use spandrel_risk::{Lane, RiskEvent, Scope};
use spandrel_store::{Memory, Sqlite};
use spandrel_verifiers::Deposit;
use spandrel_verifiers::follow::{ChainEvent, Cursor, SeenDeposit};

use common::{Contradicting, Later, NOW, block, cleared, deposit, destination, guardians, policy, say, source};

const REASON: &str = "final block 1 was replaced";

/// A deposit that comes with the contradiction.
fn doubtful() -> Deposit {
    Deposit { source_key: B256::repeat_byte(3), amount: U256::from(6), ..deposit() }
}

/// A node that contradicts itself when it is read first.
fn contradicting() -> Contradicting {
    let seen = SeenDeposit { deposit: doubtful(), block: block(2), transaction: B256::ZERO, position: 0 };
    let halted = ChainEvent::Halted { reason: REASON.to_owned(), evidence: None };
    Contradicting::telling(vec![ChainEvent::Deposit(seen), halted])
}

/// A destination that must not be sent anything but pauses.
struct PausesAlone;

impl Submitter for PausesAlone {
    async fn submit<G: SendGate>(&self, due: &[DueEffect], _: &G) -> Result<Vec<(EffectId, Progress)>, SubmitError> {
        assert!(due.iter().all(|due| matches!(due.effect, Effect::Pause { .. })), "{due:?}");
        Ok(Vec::new())
    }

    async fn follow<G: SendGate>(&self, _: &G) -> Result<Vec<(EffectId, Progress)>, SubmitError> {
        Ok(Vec::new())
    }

    async fn is_sent(&self, _: EffectId) -> Result<bool, SubmitError> {
        Ok(false)
    }

    async fn is_paid(&self, _: B256) -> Result<bool, SubmitError> {
        Ok(false)
    }
}

/// A relayer that follows the source.
struct Scene<L> {
    time: Later,
    book: Arc<Book<L, Later>>,
    node: Contradicting,
    follower: ChainFollower<Contradicting, L, Later>,
}

impl<L: Ledger> Scene<L> {
    async fn over(ledger: L) -> Self {
        let (time, node) = (Later::default(), contradicting());
        let book = Book::open(ledger, time.clone(), policy(), Arc::new(Silent)).await.unwrap();
        let book = Arc::new(book.guarded_by(guardians()));
        let follower = ChainFollower::new(node.clone(), book.clone());
        Self { time, book, node, follower }
    }

    /// One with a payout that is cleared, and a source that is halted then.
    async fn halted(ledger: L) -> (Self, EffectId) {
        let (commit, pay) = cleared();
        ledger.commit(commit).await.unwrap();
        let scene = Self::over(ledger).await;
        scene.follower.read_once().await.unwrap();
        assert!(scene.book.is_open(&[pay]).await.unwrap());
        scene.follower.read_once().await.unwrap();
        (scene, pay)
    }

    async fn say(&self, n: u8, nonce: u64, act: Act) -> B256 {
        say(&self.book, n, nonce, act).await.unwrap()
    }

    async fn is_paused(&self) -> bool {
        let (now, scope) = (self.time.now(), of_source());
        self.book.read_risk(|risk| risk.pauses_at(now).any(|(paused, _)| *paused == scope)).await
    }
}

fn of_source() -> Scope {
    Scope::Chain { chain: source() }
}

#[tokio::test]
async fn a_halt_is_written_with_its_pause_and_before_anything_that_came_with_it() {
    let ledger = Memory::new();
    let (commit, _) = cleared();
    ledger.commit(commit).await.unwrap();
    let scene = Scene::over(ledger.clone()).await;
    scene.follower.read_once().await.unwrap();
    let writes = ledger.writes().unwrap();
    scene.follower.read_once().await.unwrap();
    assert_eq!(ledger.writes().unwrap(), writes + 1, "a crash leaves all of it or nothing");
    assert_eq!(ledger.halted(&source()).await.unwrap(), Some(REASON.to_owned()));
    let last = ledger.risk_events(0).await.unwrap().pop().unwrap().body;
    let until = NOW + policy().pause_ttl;
    assert_eq!(
        last,
        RiskEvent::Paused { scope: of_source(), until, reason: format!("{} is halted: {REASON}", source()) }
    );
    let executor = Executor::Destination { chain: destination() };
    let due = ledger.lease(&executor, NOW, NOW + 1, 10).await.unwrap();
    let pauses: Vec<_> = due.iter().filter(|due| matches!(due.effect, Effect::Pause { .. })).collect();
    assert_eq!(pauses.len(), 1);
    let ttl = policy().pause_ttl;
    assert_eq!(pauses[0].effect, Effect::Pause { scope: of_source(), ttl, stated: None });
    assert!(scene.book.is_open(&[pauses[0].id]).await.unwrap(), "nothing stops the pause");
    assert_eq!(ledger.cursor(&source()).await.unwrap(), Some(Cursor::at(block(1))));
    assert_eq!(ledger.transfer(doubtful().id()).await.unwrap(), None);
}

#[tokio::test]
async fn nothing_is_paid_from_a_halted_chain_and_nothing_that_was_cleared_is_given_up() {
    let ledger = Memory::new();
    let (scene, pay) = Scene::halted(ledger.clone()).await;
    let desk = PayoutDesk::new(destination(), PausesAlone, scene.book.clone(), 10);
    for is_paused in [true, false] {
        assert_eq!(scene.is_paused().await, is_paused);
        assert!(!scene.book.is_open(&[pay]).await.unwrap());
        assert!(!scene.book.may_execute(deposit().id()).await.unwrap());
        desk.submit_once().await.unwrap();
        assert!(!ledger.effect(pay).await.unwrap().unwrap().is_done, "it is looked at again");
        // The halt is enough by itself.
        scene.time.pass(30);
        scene.book.record_risk(RiskEvent::Resumed { scope: of_source() }).await.unwrap();
    }
    let by = "ada: a drill".to_owned();
    ledger.commit(Commit { now: NOW, acknowledged: Some((source(), by)), ..Commit::default() }).await.unwrap();
    assert!(scene.book.is_open(&[pay]).await.unwrap());
    assert!(scene.book.may_execute(deposit().id()).await.unwrap());
}

#[tokio::test]
async fn a_halt_does_not_keep_the_fast_lane_from_being_closed() {
    let ledger = Memory::new();
    let (scene, _) = Scene::halted(ledger.clone()).await;
    let before = ledger.transfer(deposit().id()).await.unwrap().unwrap();
    let (id, expected_sequence) = (before.id, before.sequence);
    let tx = TxRef { chain: destination(), hash: B256::repeat_byte(9), gas_used: None };
    let events = vec![Event::Submitted { lane: Lane::Fast, tx: tx.clone() }, Event::Executed { lane: Lane::Fast, tx }];
    let fold = |transfer, event| Some(Transfer::fold(transfer, id, event, NOW).unwrap());
    let after = events.iter().fold(Some(before), fold).unwrap();
    let executor = Executor::Destination { chain: destination() };
    let effect = Effect::CloseOverdue { deposit: deposit() };
    let close = effect.id(id, &executor, Turn::default());
    let effects = vec![NewEffect { id: close, deposit: id, executor, effect, run_at: NOW }];
    let transfers = vec![TransferChange { expected_sequence, events, after }];
    ledger.commit(Commit { now: NOW, transfers, effects, ..Commit::default() }).await.unwrap();
    assert!(scene.book.is_open(&[close]).await.unwrap());
}

async fn reopened(path: &Path) -> Scene<Sqlite> {
    Scene::over(Sqlite::open(path).await.unwrap()).await
}

/// Somebody took the triggers away and damaged the flag.
async fn damage(path: &Path) {
    use sqlx::ConnectOptions;
    let options = sqlx::sqlite::SqliteConnectOptions::new().filename(path);
    let mut prompt = options.connect().await.unwrap();
    let named = sqlx::query_scalar("SELECT name FROM sqlite_master WHERE type = 'trigger' AND tbl_name = 'halts'");
    let triggers: Vec<String> = named.fetch_all(&mut prompt).await.unwrap();
    for trigger in triggers {
        let drop = sqlx::AssertSqlSafe(format!("DROP TRIGGER {trigger}"));
        sqlx::query(drop).execute(&mut prompt).await.unwrap();
    }
    sqlx::query("UPDATE halts SET body = ''").execute(&mut prompt).await.unwrap();
}

#[tokio::test]
async fn a_process_that_is_started_again_reads_and_pays_nothing_of_a_halted_or_unreadable_chain() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ledger.db");
    let (scene, pay) = Scene::halted(Sqlite::open(&path).await.unwrap()).await;
    scene.book.record_risk(RiskEvent::Resumed { scope: of_source() }).await.unwrap();
    scene.book.ledger().close().await;
    let scene = reopened(&path).await;
    let halted = scene.follower.read_once().await.unwrap_err();
    assert!(matches!(halted, EngineError::Halted { .. }), "{halted}");
    assert_eq!((scene.node.reads(), scene.book.is_open(&[pay]).await.unwrap()), (0, false));
    scene.book.ledger().close().await;
    damage(&path).await;
    let scene = reopened(&path).await;
    let unreadable = scene.follower.read_once().await.unwrap_err();
    assert!(matches!(unreadable, EngineError::Store(_)), "{unreadable}");
    assert_eq!((scene.node.reads(), scene.book.is_open(&[pay]).await.unwrap()), (0, false));
}

#[tokio::test]
async fn one_guardian_lets_it_be_read_again_and_two_lift_its_pause() {
    let ledger = Memory::new();
    let (scene, pay) = Scene::halted(ledger.clone()).await;
    scene.follower.read_once().await.unwrap_err();
    assert_eq!(scene.node.reads(), 1);
    scene.say(1, 0, Act::AcknowledgeHalt { chain: source(), halt: REASON.to_owned() }).await;
    scene.follower.read_once().await.unwrap();
    assert_eq!(scene.node.reads(), 2);
    assert!(scene.is_paused().await && !scene.book.is_open(&[pay]).await.unwrap(), "what is paused stays paused");
    let act = Act::Resume { scope: of_source() };
    let what = act.to_string();
    let proposal = scene.say(1, 1, act).await;
    scene.say(2, 0, Act::Approve { proposal, what }).await;
    assert_eq!(scene.book.carry_out(None).await.unwrap(), 0, "not before its time");
    scene.time.pass(30);
    assert_eq!(scene.book.carry_out(None).await.unwrap(), 1);
    assert!(!scene.is_paused().await && scene.book.is_open(&[pay]).await.unwrap());
}

/// Two agreed to lift what stood, and had not seen what the node did since. The freeze ends later than the halt's own pause, so
/// nothing else shows that there is another.
#[tokio::test]
async fn a_resumption_that_was_agreed_on_before_a_halt_does_not_lift_its_pause() {
    let scene = Scene::over(Memory::new()).await;
    scene.follower.read_once().await.unwrap();
    let freeze = Act::Freeze { scope: of_source() };
    scene.say(1, 0, freeze.clone()).await;
    scene.say(2, 0, freeze).await;
    let resume = Act::Resume { scope: of_source() };
    let proposal = scene.say(1, 1, resume.clone()).await;
    scene.say(2, 1, Act::Approve { proposal, what: resume.to_string() }).await;
    scene.follower.read_once().await.unwrap();
    let ledger = scene.book.ledger();
    assert!(ledger.halted(&source()).await.unwrap().is_some());
    scene.time.pass(30);
    assert_eq!(scene.book.carry_out(None).await.unwrap(), 0);
    assert!(scene.is_paused().await, "they are to look again");
    let last = ledger.control_events(0).await.unwrap().pop().unwrap().body;
    assert!(matches!(&last, ControlEvent::Ended { proposal: ended, .. } if *ended == proposal), "{last:?}");
}
