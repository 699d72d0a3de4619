//! What changes slowly or needs no node: funds, vaults, sets and proofs; pace, disputes and accounts.

mod common;
#[expect(dead_code, reason = "other tests use the rest of it")]
mod watched;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use alloy_primitives::{Address, B256, U256};
use futures::future::BoxFuture;
use spandrel_core::ledger::{Commit, Ledger, TransferChange};
use spandrel_core::watch::{ClosedPayout, Watchbook};
use spandrel_core::{Event, Input, Output, TxRef, apply};
use spandrel_engine::{Alarms, Book, Change, Sentinel, Silent};
use spandrel_risk::{Lane, RiskEvent, Scope};
use spandrel_store::Memory;
use spandrel_verifiers::attestation::SignerSet;
use spandrel_verifiers::follow::SeenDeposit;
use spandrel_verifiers::{ChainId, DepositId};
use spandrel_watchers::sentinel::{BROUGHT, Holding, PayoutLane, PayoutPause, Rule, UNPROVEN, VaultPause, VaultView};

use common::{Later, NOW, block, deposit, destination, policy, source};
use watched::{SOURCE, Scene, Told, fast};

#[tokio::test]
async fn an_account_that_runs_dry_raises_an_alarm_and_pauses_nothing() {
    let scene = Scene::new().await;
    scene.look_at_all(0).await;
    assert_eq!((scene.found(), scene.scopes().await), (vec![Rule::BalanceLow], Vec::new()));
}

#[tokio::test]
async fn a_vault_that_holds_less_than_it_owes_pauses_its_asset() {
    let scene = Scene::over(Memory::new(), Later::default(), Told::default(), 4).await;
    scene.look_at_all(0).await;
    assert!(scene.found().contains(&Rule::VaultShort), "{:?}", scene.found());
    assert_eq!(scene.scopes().await, vec![Scope::Asset { asset: deposit().asset }]);
}

#[tokio::test]
async fn a_set_that_nobody_agreed_on_pauses_the_fast_lane() {
    let scene = Scene::new().await;
    let members: BTreeSet<Address> = (7..=9).map(Address::repeat_byte).collect();
    *scene.told.set.lock().unwrap() = Some(SignerSet::new(2, 2, members).unwrap());
    scene.look_at_all(0).await;
    assert!(scene.found().contains(&Rule::SignerSetDiffers), "{:?}", scene.found());
    assert_eq!(scene.scopes().await, vec![fast()]);
}

/// Paid by the fast lane, final at its source, and no verifier ever answers.
#[tokio::test]
async fn a_fast_payout_that_is_not_proven_in_time_pauses_the_fast_lane_of_its_source() {
    let scene = Scene::new().await;
    let id = deposit().id();
    let tell = async |input| {
        scene.book.record(Change::one(id, input)).await.unwrap();
    };
    let seen = SeenDeposit { deposit: deposit(), block: block(10), transaction: B256::ZERO, position: 0 };
    tell(Input::Seen(seen)).await;
    let before = scene.book.ledger().transfer(id).await.unwrap().unwrap();
    let tx = TxRef { chain: destination(), hash: B256::repeat_byte(9), gas_used: None };
    let events = vec![
        Event::Cleared { lane: Lane::Fast },
        Event::Submitted { lane: Lane::Fast, tx: tx.clone() },
        Event::Executed { lane: Lane::Fast, tx },
        Event::SourceFinal { at: block(20) },
    ];
    let output = Output { events: events.clone(), ..Output::default() };
    let expected_sequence = before.sequence;
    let after = apply(Some(before), &output, NOW).unwrap();
    let transfers = vec![TransferChange { expected_sequence, events, after }];
    scene.store.commit(Commit { now: NOW, transfers, ..Commit::default() }).await.unwrap();
    scene.look_at_all(UNPROVEN).await;
    assert!(!scene.found().contains(&Rule::FastUnproven));
    scene.look_at_all(1).await;
    assert!(scene.found().contains(&Rule::FastUnproven), "{:?}", scene.found());
    assert_eq!(scene.scopes().await, vec![Scope::Lane { lane: Lane::Fast, source: Some(source()) }]);
    // A process that was down for so long has done nothing about it: the half hour begins when it does.
    let scene = Scene::over(scene.store.snapshot().unwrap(), scene.time.clone(), Told::default(), 5).await;
    scene.look_at_all(1).await;
    assert!(!scene.found().contains(&Rule::FastUnproven));
}

#[tokio::test]
async fn an_hour_far_over_the_pace_of_the_week_closes_the_fast_lane_of_its_source() {
    let scene = Scene::new().await;
    for hour in 0..60 {
        scene.clear(hour, Lane::Fast, 10).await;
        scene.look(3_600).await;
    }
    scene.clear(60, Lane::Fast, 50).await;
    scene.look(0).await;
    assert!(scene.found().is_empty(), "{:?}", scene.found());
    scene.clear(61, Lane::Fast, 1).await;
    scene.look(0).await;
    assert_eq!(scene.found(), vec![Rule::PaceUnusual]);
    assert_eq!(scene.scopes().await, vec![Scope::Lane { lane: Lane::Fast, source: Some(source()) }]);
}

#[tokio::test]
async fn nodes_that_disagree_pause_their_source_once_for_each_dispute() {
    let (scene, of_source) = (Scene::new().await, Scope::Chain { chain: source() });
    scene.disagree(true);
    for _ in 0..3 {
        scene.look(1).await;
    }
    assert_eq!((scene.found(), scene.scopes().await), (vec![Rule::NodesDisagree], vec![of_source.clone()]));
    assert_eq!(scene.pauses().await, 1);
    scene.book.record_risk(RiskEvent::Resumed { scope: of_source.clone() }).await.unwrap();
    scene.look(1).await;
    assert!(scene.found().is_empty() && scene.scopes().await.is_empty(), "guardians have seen it");
    scene.disagree(false);
    scene.look(1).await;
    scene.disagree(true);
    scene.look(1).await;
    assert_eq!(scene.scopes().await, vec![of_source], "another dispute is other evidence");
}

/// Written past the relayer's own decisions: by another program, or by a defect.
#[tokio::test]
async fn a_ledger_that_releases_more_than_was_proven_pauses_the_asset() {
    let scene = Scene::new().await;
    let (source, asset) = (source(), deposit().asset);
    let id = DepositId(B256::from(U256::from(1)));
    let proven = RiskEvent::Proven { id, source, asset: asset.clone(), amount: U256::from(5) };
    scene.book.record_risk(proven).await.unwrap();
    scene.clear(1, Lane::LightClient, 5).await;
    scene.clear(2, Lane::Fast, 9).await;
    scene.look(0).await;
    assert!(scene.found().is_empty(), "what the fast lane pays is exposure until it is proven");
    scene.clear(3, Lane::LightClient, 1).await;
    scene.look(0).await;
    assert_eq!((scene.found(), scene.scopes().await), (vec![Rule::LedgerNegative], vec![Scope::Asset { asset }]));
    assert_eq!(scene.pauses().await, 1);
}

/// One node alone closes nothing; that its nodes fall silent and a restart lift nothing.
#[tokio::test]
async fn a_destinations_own_pause_is_told_until_its_nodes_tell_that_it_is_lifted() {
    let scene = Scene::new().await;
    let reader = scene.store.clone();
    let closed = async || reader.watches().await.unwrap()[0].closed_payouts.clone();
    let until = Some(NOW + 5_000);
    let refused = |lane| vec![PayoutPause { source: Some(source()), lane, asset: None, until }];
    let told = async |scene: &Scene, pauses: Vec<Vec<PayoutPause>>| {
        *scene.told.pauses.lock().unwrap() = pauses;
        scene.look_at_all(20).await;
    };
    told(&scene, vec![refused(None), Vec::new()]).await;
    assert_eq!(closed().await, [], "by one node's word");
    told(&scene, vec![refused(Some(PayoutLane::Proof)); 2]).await;
    let (source, lane) = (Some(source()), Some(Lane::LightClient));
    let paused = [ClosedPayout { destination: destination(), source, lane, asset: None, until }];
    assert_eq!(closed().await, paused);
    assert!(scene.scopes().await.is_empty(), "nothing is paused here for it");
    told(&scene, vec![Vec::new()]).await;
    assert_eq!(closed().await, paused, "one of them is silent");
    let scene = scene.restarted().await;
    scene.look(1).await;
    assert_eq!(closed().await, paused, "before the first slow look");
    told(&scene, Vec::new()).await;
    assert_eq!(closed().await, paused);
    let looked_at = reader.watches().await.unwrap()[0].looked_at;
    assert_eq!(scene.alarms.looked_at(), Some(looked_at), "the rest is seen");
    told(&scene, vec![Vec::new(); 2]).await;
    assert_eq!(closed().await, []);
}

/// The chain takes neither the guardian's statement nor the account's word, so whoever has a proof is paid there.
#[tokio::test]
async fn a_pause_that_never_comes_to_a_chain_is_told_until_it_is_refused_there() {
    let scene = Scene::new().await;
    let until = NOW + 86_400;
    let tell = |pauses| *scene.told.pauses.lock().unwrap() = pauses;
    let paused = RiskEvent::Paused { scope: Scope::Global, until, reason: "a guardian".to_owned() };
    scene.book.record_risk(paused).await.unwrap();
    scene.look_at_all(BROUGHT + 1).await;
    scene.look_at_all(BROUGHT + 1).await;
    assert!(!scene.found().contains(&Rule::PauseMissing), "its nodes tell nothing");
    tell(vec![Vec::new(); 2]);
    scene.look_at_all(0).await;
    scene.look_at_all(BROUGHT).await;
    assert!(!scene.found().contains(&Rule::PauseMissing), "it may be on its way");
    scene.look_at_all(1).await;
    assert!(scene.found().contains(&Rule::PauseMissing), "{:?}", scene.found());
    assert_eq!(scene.pauses().await, 1, "it pauses nothing more");
    let half = PayoutPause { source: None, lane: Some(PayoutLane::Proof), asset: None, until: Some(until) };
    tell(vec![vec![half]; 2]);
    scene.look_at_all(1).await;
    assert!(scene.found().contains(&Rule::PauseMissing), "one lane is open");
    tell(vec![vec![PayoutPause { source: None, lane: None, asset: None, until: Some(until - 60) }]; 2]);
    scene.look_at_all(1).await;
    assert!(!scene.found().contains(&Rule::PauseMissing), "{:?}", scene.found());
    tell(vec![Vec::new(); 2]);
    scene.look_at_all(BROUGHT).await;
    scene.look_at_all(BROUGHT + 1).await;
    assert!(scene.found().contains(&Rule::PauseMissing), "it was lifted there alone");
    scene.book.record_risk(RiskEvent::Resumed { scope: Scope::Global }).await.unwrap();
    scene.look_at_all(0).await;
    assert!(!scene.found().contains(&Rule::PauseMissing), "nothing is paused");
}

/// A vault that tells until when it refuses all deposits, if it does.
struct Refuses(Arc<Mutex<Vec<VaultPause>>>);

impl VaultView for Refuses {
    fn chain(&self) -> &ChainId {
        &SOURCE
    }

    fn quorum(&self) -> usize {
        1
    }

    fn holdings(&self) -> BoxFuture<'_, Vec<Vec<Holding>>> {
        Box::pin(async { vec![Vec::new()] })
    }

    fn pauses(&self, _: u64) -> BoxFuture<'_, Vec<Vec<VaultPause>>> {
        Box::pin(async { vec![self.0.lock().unwrap().clone()] })
    }
}

/// Nothing is paid on the vault's chain: its own pauses are all that is to be known of it.
#[tokio::test]
async fn a_freeze_that_ends_on_a_vault_by_itself_asks_guardians_to_freeze_again() {
    let (time, alarms, refused) = (Later::default(), Alarms::default(), Arc::new(Mutex::new(Vec::new())));
    let book = Book::open(Memory::new(), time.clone(), policy(), Arc::new(Silent)).await.unwrap();
    let book = Arc::new(book.pausing_vaults(BTreeMap::from([(source(), Address::ZERO)])));
    let vaults: Vec<Box<dyn VaultView>> = vec![Box::new(Refuses(refused.clone()))];
    let sentinel = Sentinel::new(book.clone(), Vec::new(), BTreeMap::new(), vaults, alarms.clone());
    let frozen = RiskEvent::Paused { scope: Scope::Global, until: u64::MAX, reason: "two guardians".to_owned() };
    book.record_risk(frozen).await.unwrap();
    let found = async |until, seconds| {
        *refused.lock().unwrap() = vec![VaultPause { destination: None, asset: None, until }];
        time.pass(seconds);
        sentinel.look_slowly().await.unwrap();
        sentinel.look_once().await.unwrap();
        alarms.standing().iter().map(|finding| finding.rule).collect::<Vec<_>>()
    };
    let five_days = Some(NOW + 5 * 86_400);
    assert_eq!(found(five_days, 0).await, []);
    assert_eq!(found(five_days, BROUGHT + 1).await, [Rule::FreezeEnds]);
    assert_eq!(found(None, 1).await, [], "they froze there again");
}

/// Two guardians froze everything, and both words came to the destination when they did not count any more.
#[tokio::test]
async fn a_freeze_that_ends_on_a_chain_by_itself_asks_guardians_to_freeze_again() {
    let scene = Scene::new().await;
    let five_days = NOW + 5 * 86_400;
    let paused = |until| RiskEvent::Paused { scope: Scope::Global, until, reason: "a guardian".to_owned() };
    let refused = |until| vec![vec![PayoutPause { source: None, lane: None, asset: None, until }]; 2];
    let tell = |pauses| *scene.told.pauses.lock().unwrap() = pauses;
    tell(refused(Some(five_days)));
    scene.book.record_risk(paused(five_days)).await.unwrap();
    for _ in 0..2 {
        scene.look_at_all(BROUGHT + 1).await;
        assert!(!scene.found().contains(&Rule::FreezeEnds), "the first guardian's word ends here too");
    }
    scene.book.record_risk(paused(u64::MAX)).await.unwrap();
    scene.look_at_all(0).await;
    scene.look_at_all(BROUGHT).await;
    assert!(!scene.found().contains(&Rule::FreezeEnds), "it may be on its way");
    scene.look_at_all(1).await;
    assert!(scene.found().contains(&Rule::FreezeEnds), "{:?}", scene.found());
    assert_eq!(scene.pauses().await, 2, "it pauses nothing");
    tell(vec![Vec::new(); 2]);
    scene.look_at_all(1).await;
    assert!(scene.found().contains(&Rule::FreezeEnds), "it is over there");
    tell(refused(None));
    scene.look_at_all(1).await;
    assert!(!scene.found().contains(&Rule::FreezeEnds), "they froze again");
}
