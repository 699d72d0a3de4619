//! What shows that a chain contradicted itself is stored with its halt: with all of it or none, whatever fails.

mod common;
mod failing;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use spandrel_core::ledger::{Commit, Ledger};
use spandrel_engine::{Book, ChainFollower, Silent};
use spandrel_risk::{RiskEvent, Scope};
use spandrel_store::{CrashPoint, Memory, Sqlite};
use spandrel_verifiers::bitcoin::{self, Anchor, ChainParams};
use spandrel_verifiers::follow::ChainEvent;
use spandrel_verifiers::{Contradiction, MAX_CONTRADICTION};

use common::{Contradicting, Later, policy, source};
use failing::Failing;

/// One with `headers` on either branch: its form is right, whatever it shows.
fn contradiction(headers: usize) -> Contradiction {
    let params = ChainParams::regtest();
    let branch = vec![params.genesis_header().to_vec().into(); headers];
    let (chain, anchor) = (params.chain(), Anchor::genesis(&params).unwrap());
    let two = bitcoin::Contradiction { chain, anchor, replaced: branch.clone(), replacing: branch };
    Contradiction::Bitcoin(Box::new(two))
}

/// A follower of a node that contradicts itself when it is read first; it has stood on the chain.
async fn follower<L: Ledger>(ledger: L, headers: usize) -> ChainFollower<Contradicting, L, Later> {
    let evidence = Some(Box::new(contradiction(headers)));
    let node = Contradicting::telling(vec![ChainEvent::Halted { reason: "two blocks".to_owned(), evidence }]);
    let book = Book::open(ledger, Later::default(), policy(), Arc::new(Silent)).await.unwrap();
    let follower = ChainFollower::new(node, Arc::new(book));
    follower.read_once().await.unwrap();
    follower
}

async fn is_paused(ledger: &impl Ledger) -> bool {
    let of_source = Scope::Chain { chain: source() };
    let events = ledger.risk_events(0).await.unwrap();
    events.iter().any(|event| matches!(&event.body, RiskEvent::Paused { scope, .. } if *scope == of_source))
}

#[tokio::test]
async fn a_halt_its_pause_and_its_evidence_are_stored_together_or_not_at_all() {
    let writes = {
        let ledger = Memory::new();
        follower(ledger.clone(), 1).await;
        ledger.writes().unwrap()
    };
    for point in [CrashPoint::Before, CrashPoint::After] {
        let ledger = Memory::new();
        let follower = follower(ledger.clone(), 1).await;
        ledger.crash_at(writes + 1, point).unwrap();
        follower.read_once().await.unwrap_err();
        let ledger = ledger.restart().unwrap();
        let is_halted = ledger.halted(&source()).await.unwrap().is_some();
        let is_shown = ledger.halt_evidence(&source()).await.unwrap().is_some();
        let is_stored = point == CrashPoint::After;
        assert_eq!((is_halted, is_paused(&ledger).await, is_shown), (is_stored, is_stored, is_stored), "{point:?}");
    }
}

#[tokio::test]
async fn what_was_stored_reads_back_from_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let ledger = Sqlite::open(folder.path().join("ledger.db")).await.unwrap();
    assert_eq!(ledger.halt_evidence(&source()).await.unwrap(), None);
    follower(ledger.clone(), 3).await.read_once().await.unwrap();
    let (_, bytes) = ledger.halt_evidence(&source()).await.unwrap().unwrap();
    assert_eq!(Contradiction::from_bytes(&bytes).unwrap(), contradiction(3));
    ledger.commit(Commit { acknowledged: Some((source(), "ada".to_owned())), ..Commit::default() }).await.unwrap();
    assert!(ledger.halt_evidence(&source()).await.unwrap().is_some(), "lifted, not forgotten");
}

/// Whoever can make evidence long must not be able to prevent a halt.
#[tokio::test]
async fn evidence_that_is_too_long_is_left_out_and_halts_all_the_same() {
    let ledger = Memory::new();
    let headers = MAX_CONTRADICTION / 80;
    follower(ledger.clone(), headers).await.read_once().await.unwrap();
    let reason = ledger.halted(&source()).await.unwrap().unwrap();
    assert!(reason.starts_with("two blocks; its evidence is not kept"), "{reason}");
    assert!(is_paused(&ledger).await);
    assert_eq!(ledger.halt_evidence(&source()).await.unwrap(), None);
}

/// The node says it once; when it is asked again, all is well.
#[tokio::test]
async fn a_halt_that_could_not_be_written_is_written_before_the_chain_is_read_again() {
    let (memory, fails) = (Memory::new(), Arc::new(AtomicBool::new(false)));
    let follower = follower(Failing(memory.clone(), fails.clone()), 1).await;
    fails.store(true, Ordering::Relaxed);
    for _ in 0..3 {
        assert!(follower.read_once().await.unwrap_err().is_transient());
    }
    assert_eq!(follower.watcher().reads(), 1, "nothing is read before it is written");
    fails.store(false, Ordering::Relaxed);
    follower.read_once().await.unwrap();
    assert_eq!(memory.halted(&source()).await.unwrap().as_deref(), Some("two blocks"));
    assert!(memory.halt_evidence(&source()).await.unwrap().is_some());
}
