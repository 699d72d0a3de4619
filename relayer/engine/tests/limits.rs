//! Limits over corridors that guardians set, at the book: the decision after the order stands on them, in every process over the
//! ledger, also after it is started again on the old file.

mod common;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

use alloy_primitives::{Address, B256, U256};
use spandrel_core::ledger::Ledger;
use spandrel_core::{BatchTerms, FastAttestation, Input, Policy};
use spandrel_engine::{Book, ChainFollower, Change, Clock, OrderError, Silent};
use spandrel_risk::control::{Act, ControlEvent, Outcome};
use spandrel_risk::{
    Agreement, AgreementVersion, AssetLimit, ExposureRule, GuardianTerms, Limit, RiskEvent, WideLimit,
};
use spandrel_signer::LocalKey;
use spandrel_store::Sqlite;
use spandrel_verifiers::attestation::SignerSet;
use spandrel_verifiers::follow::{ChainEvent, SeenDeposit};
use spandrel_verifiers::merkle::BatchTree;
use spandrel_verifiers::{Deposit, DepositId};

use common::{Contradicting, Later, block, deposit, destination, guardians, key, policy, said, source};

type TestBook = Arc<Book<Sqlite, Later>>;

/// The fast lane's signers, by ascending address.
fn signers() -> Vec<LocalKey> {
    let mut keys: Vec<LocalKey> = (4..=6).map(key).collect();
    keys.sort_by_key(LocalKey::address);
    keys
}

/// At most a tenth of what stands locked is paid before its proof, and 100 of the asset a day.
fn configured() -> Policy {
    let mut policy = policy();
    let members: BTreeSet<Address> = signers().iter().map(LocalKey::address).collect();
    policy.destinations.get_mut(&destination()).unwrap().signers = SignerSet::new(1, 2, members).unwrap();
    let rules = policy.risk.wide.assets.values_mut().next().unwrap();
    rules.window = amount(100);
    rules.exposure = Some(ExposureRule { share: 1_000, returned_as: BTreeSet::new() });
    policy
}

/// The file that says so.
fn file() -> Agreement {
    let (policy, guardians) = (configured(), guardians());
    let (resume_delay, timelock) = (guardians.resume_delay, guardians.timelock);
    Agreement {
        version: AgreementVersion,
        is_production: false,
        pause_seconds: policy.pause_ttl,
        verifiers: policy.verifiers.clone(),
        signers: policy.destinations[&destination()].signers.clone(),
        guardians: Some(GuardianTerms { people: guardians.guardians, resume_delay, timelock }),
        sources: BTreeMap::new(),
        destinations: BTreeMap::new(),
        feeds: BTreeMap::new(),
        vaults: None,
        risk: policy.risk,
    }
}

fn amount(n: u64) -> Limit {
    Limit::Amount(U256::from(n))
}

fn of_asset(limit: AssetLimit) -> WideLimit {
    WideLimit::Asset { asset: deposit().asset, limit }
}

fn window(n: u64) -> Act {
    Act::LowerWideLimit { limit: of_asset(AssetLimit::Window), value: amount(n) }
}

fn numbered(n: u8) -> Deposit {
    Deposit { source_key: B256::repeat_byte(n), ..deposit() }
}

/// A process over the ledger at `path`, started with the file.
async fn process(path: &Path, time: &Later) -> TestBook {
    let ledger = Sqlite::open(path).await.unwrap();
    let book = Book::open(ledger, time.clone(), configured(), Arc::new(Silent)).await.unwrap();
    let book = Arc::new(book.guarded_by(guardians()));
    book.configure(file()).await.unwrap();
    book
}

/// One whose watcher saw four deposits of 5, while 1,000 stand locked.
async fn watching(path: &Path, time: &Later) -> TestBook {
    let book = process(path, time).await;
    let (id, asset) = (DepositId(B256::repeat_byte(9)), deposit().asset);
    book.record_risk(RiskEvent::Proven { id, source: source(), asset, amount: U256::from(1_000) }).await.unwrap();
    let seen = |n| SeenDeposit { deposit: numbered(n), block: block(2), transaction: B256::ZERO, position: n.into() };
    let node = Contradicting::telling((1..=4).map(|n| ChainEvent::Deposit(seen(n))).collect());
    let follower = ChainFollower::new(node, book.clone());
    for _ in 0..2 {
        follower.read_once().await.unwrap();
    }
    book
}

/// The fast lane's signers attest deposit `n`: why it is refused then, if it is.
async fn refused(book: &TestBook, n: u8) -> Option<String> {
    let id = numbered(n).id();
    let tree = BatchTree::new(&[id]).unwrap();
    let batch = BatchTerms { root: tree.root(), count: 1, epoch: 1, expiry: book.clock().now() + 100 };
    let digest = batch.digest(9, Address::repeat_byte(6));
    let signatures = signers()[..2].iter().map(|key| key.sign_digest(digest).unwrap()).collect();
    let attestation = FastAttestation { batch, signatures, index: 0, path: tree.path(0) };
    book.record(Change::one(id, Input::Attested(attestation))).await.unwrap();
    let transfer = book.ledger().transfer(id).await.unwrap().unwrap();
    assert_eq!(transfer.fast_refused.is_none(), transfer.payout.is_some(), "{transfer:?}");
    transfer.fast_refused
}

#[tokio::test]
async fn what_one_guardian_lowers_over_corridors_bounds_the_next_decision_of_every_process() {
    let folder = tempfile::tempdir().unwrap();
    let (path, time) = (folder.path().join("ledger.db"), Later::default());
    let told = watching(&path, &time).await;
    let other = process(&path, &time).await;
    assert_eq!(refused(&told, 1).await, None);
    let events = told.order(&said(1, 0, window(9), time.now()), None).await.unwrap();
    let outcome = Outcome::WideLimited { limit: of_asset(AssetLimit::Window), value: amount(9) };
    assert!(matches!(events.last(), Some(ControlEvent::Done { outcome: done, .. }) if *done == outcome));
    for (book, n) in [(&told, 2), (&other, 3)] {
        assert_eq!(refused(book, n).await.as_deref(), Some("asset window 5 + 5 over limit 9"));
    }
    let audit = told.ledger().audit(0, 100).await.unwrap();
    assert!(audit.iter().any(|row| row.kind == "control" && row.body.contains("wide_limited")), "{audit:?}");
}

#[tokio::test]
async fn a_process_that_is_started_on_the_old_file_raises_nothing_again() {
    let folder = tempfile::tempdir().unwrap();
    let (path, time) = (folder.path().join("ledger.db"), Later::default());
    let book = watching(&path, &time).await;
    let share = Act::LowerWideLimit { limit: of_asset(AssetLimit::ExposureShare), value: amount(40) };
    let signed = said(1, 0, share, time.now());
    book.order(&signed, None).await.unwrap();
    book.ledger().close().await;
    let book = process(&path, &time).await;
    assert_eq!(refused(&book, 1).await.as_deref(), Some("exposure 0 + 5 over cap 4"));
    let again = book.order(&signed, None).await.unwrap_err();
    assert!(again.to_string().contains("taken before"), "{again}");

    // One person gets no further than a proposal.
    let raise = Act::RaiseWideLimit { limit: of_asset(AssetLimit::ExposureShare), value: amount(1_000) };
    let what = raise.to_string();
    let signed = said(1, 1, raise, time.now());
    book.order(&signed, None).await.unwrap();
    let proposal = signed.statement.digest(guardians().deployment);
    let approve = || Act::Approve { proposal, what: what.clone() };
    let alone = book.order(&said(1, 2, approve(), time.now()), None).await.unwrap_err();
    assert!(matches!(&alone, OrderError::Refused(refusal) if refusal.code() == "SELF_APPROVAL"), "{alone}");
    book.order(&said(2, 0, approve(), time.now()), None).await.unwrap();
    assert_eq!(book.carry_out(None).await.unwrap(), 0, "not before its time");
    assert!(refused(&book, 2).await.is_some());
    time.pass(60);
    assert_eq!(book.carry_out(None).await.unwrap(), 1);
    assert_eq!(refused(&book, 3).await, None);
    book.ledger().close().await;
    let book = process(&path, &time).await;
    assert_eq!(refused(&book, 4).await, None);
}
