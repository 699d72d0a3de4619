//! What a guardian stated reaches the chain by the relayer's transaction, whoever the relayer is there.

use std::sync::Arc;

use alloy_primitives::B256;
use spandrel_contracts::PauseController;
use spandrel_core::ledger::Ledger;
use spandrel_core::submission::{Progress, Submitter};
use spandrel_core::{Effect, EffectId, Executor, Stated};
use spandrel_engine::{Book, PayoutDesk, Silent};
use spandrel_risk::control::{Act, SignedStatement};
use spandrel_risk::{Direction, Scope};
use spandrel_signer::LocalKey;
use spandrel_store::Sqlite;
use spandrel_verifiers::DepositId;

use crate::guardians::{self, Bridges, ada, bo};
use crate::ledger::{Wall, here, policy};
use crate::world::*;

fn bridges(world: &World) -> Bridges {
    Bridges::from([(here(), world.at.inbox.into_word())])
}

fn signed(world: &World, key: &LocalKey, nonce: u64, act: Act, lifetime: u64) -> SignedStatement {
    guardians::signed(&bridges(world), key, nonce, act, wall_clock() + lifetime)
}

fn pause(scope: Scope, seconds: u64) -> Act {
    Act::Pause { scope, seconds }
}

fn ordered(world: &World, signed: SignedStatement, scope: Scope) -> spandrel_core::submission::DueEffect {
    let stated = Some(Box::new(Stated { signed, bridges: bridges(world) }));
    due(&world.deposit(1), Effect::Pause { scope, ttl: 600, stated })
}

async fn is_paused(world: &World) -> bool {
    world.until_quiet().await;
    let pauses = PauseController::new(world.at.pauses, &world.governor);
    let global = pauses.globalScope().call().await.unwrap();
    pauses.isPaused(global).call().await.unwrap()
}

/// From the guardian's order at the book to the chain, by an account that may not pause there.
#[tokio::test]
async fn a_guardians_order_pauses_the_chain_by_an_account_that_is_no_guardian() {
    let Some(world) = World::start().await else { return };
    let ada = ada();
    world.make_guardian(ada.address()).await;
    let destination = world.destination().await;
    let ledger: Sqlite = world.journal.clone();
    let book = Book::open(ledger, Wall::of(&world), policy(&world), Arc::new(Silent)).await.unwrap();
    let book = Arc::new(book.guarded_by(guardians::policy(&bridges(&world))));
    let desk = PayoutDesk::new(here(), destination, book.clone(), 16);
    let order = signed(&world, &ada, 0, pause(Scope::Global, 600), 600);
    book.order(&order, None).await.unwrap();
    assert!(!is_paused(&world).await);
    assert_eq!(desk.submit_once().await.unwrap(), 1);
    assert!(is_paused(&world).await, "one transaction, by {}", desk.submitter().account());
    for _ in 0..3 {
        world.anvil.mine(1).await.unwrap();
        desk.follow_once().await.unwrap();
    }
    let digest = DepositId(order.statement.digest(book.guardians().unwrap().deployment));
    let executor = Executor::Destination { chain: here() };
    let effect = EffectId::derive(digest, "pause", &executor, B256::ZERO);
    assert!(book.ledger().effect(effect).await.unwrap().unwrap().is_done);
    // A freeze by one of two is brought as it was signed too.
    let freeze = signed(&world, &ada, 1, Act::Freeze { scope: Scope::Global }, 600);
    book.order(&freeze, None).await.unwrap();
    desk.submit_once().await.unwrap();
    let pauses = PauseController::new(world.at.pauses, &world.governor);
    let global = pauses.globalScope().call().await.unwrap();
    assert!(pauses.pausedUntil(global).call().await.unwrap() > wall_clock() + 4 * 86_400);
    assert_eq!(world.mined().await, 2);
}

/// Counted there as here, whatever was lifted before: endless by two, and by one for five days.
#[tokio::test]
async fn two_guardians_freeze_the_chain_without_end_by_an_account_that_is_no_guardian() {
    let Some(world) = World::start().await else { return };
    for guardian in [ada(), bo()] {
        world.make_guardian(guardian.address()).await;
    }
    let destination = world.destination().await;
    let account = destination.account();
    let book = Book::open(world.journal.clone(), Wall::of(&world), policy(&world), Arc::new(Silent)).await.unwrap();
    let book = Arc::new(book.guarded_by(guardians::policy(&bridges(&world))));
    let desk = PayoutDesk::new(here(), destination, book.clone(), 16);
    let pauses = PauseController::new(world.at.pauses, &world.governor);
    let global = pauses.globalScope().call().await.unwrap();
    let (freeze, resume) = (Act::Freeze { scope: Scope::Global }, Act::Resume { scope: Scope::Global });
    let order = async |key: &LocalKey, nonce: u64, act: &Act| {
        let order = signed(&world, key, nonce, act.clone(), 7_200);
        book.order(&order, None).await.unwrap();
        order.statement.digest(book.guardians().unwrap().deployment)
    };
    for (key, nonce, is_endless) in [(ada(), 0, false), (ada(), 2, false), (bo(), 1, true)] {
        order(&key, nonce, &freeze).await;
        assert_eq!(desk.submit_once().await.unwrap(), 1);
        for _ in 0..3 {
            world.anvil.mine(1).await.unwrap();
            desk.follow_once().await.unwrap();
        }
        let until = pauses.pausedUntil(global).call().await.unwrap();
        assert_eq!(until == u64::MAX, is_endless, "{} at {nonce}: {until}", key.address());
        assert!(pauses.isPaused(global).call().await.unwrap());
        if nonce == 0 {
            let proposal = order(&ada(), 1, &resume).await;
            order(&bo(), 0, &Act::Approve { proposal, what: resume.to_string() }).await;
            world.pass(901);
            assert_eq!(book.carry_out(None).await.unwrap(), 1);
            pauses.unpause(global).send().await.unwrap().get_receipt().await.unwrap();
        }
    }
    assert!(pauses.pause(global, 60).from(account).call().await.is_err(), "the account may not pause");
    let paused = book.read_risk(|risk| risk.pauses_at(u64::MAX - 1).count()).await;
    assert_eq!(paused, 1, "as it is here");
}

/// Statements are public: whoever is first, the pause is there, and nothing more is sent for it.
#[tokio::test]
async fn a_statement_that_another_brought_is_done_and_costs_nothing() {
    let Some(world) = World::start().await else { return };
    let ada = ada();
    world.make_guardian(ada.address()).await;
    let destination = world.destination().await;
    let statement = signed(&world, &ada, 0, pause(Scope::Global, 600), 600);
    let pauses = PauseController::new(world.at.pauses, &world.governor);
    let said_ = PauseController::Statement {
        scope: "global".into(),
        reason: statement.statement.reason.clone(),
        guardian: ada.address(),
        nonce: 0,
        expiry: statement.statement.expiry,
    };
    let here = vec![PauseController::DeployedBridge { chain: here().hash(), inbox: world.at.inbox.into_word() }];
    let brought = pauses.pauseSigned(said_, 600, here, statement.signature.clone());
    assert!(brought.send().await.unwrap().get_receipt().await.unwrap().status());
    let due = [ordered(&world, statement, Scope::Global)];
    assert_eq!(said(&destination.submit(&due, &Open).await.unwrap(), &due[0]), None, "not final yet");
    world.anvil.mine(1).await.unwrap();
    let answer = said(&destination.submit(&due, &Open).await.unwrap(), &due[0]);
    assert!(matches!(answer, Some(Progress::Finalized { .. })), "{answer:?}");
    assert_eq!(world.mined().await, 0);
}

/// What the contract would refuse is not sent: a stranger's statement, and one that is void.
#[tokio::test]
async fn a_statement_by_no_guardian_of_the_chain_is_held_and_an_expired_one_needs_an_account_that_may_pause() {
    let Some(world) = World::start().await else { return };
    let ada = ada();
    let destination = world.destination().await;
    let stranger = [ordered(&world, signed(&world, &ada, 0, pause(Scope::Global, 600), 600), Scope::Global)];
    let (reason, _) = refusal(said(&destination.submit(&stranger, &Open).await.unwrap(), &stranger[0]));
    assert!(reason.contains("NotAGuardian"), "{reason}");
    assert!(!is_paused(&world).await && world.mined().await == 0);

    world.make_guardian(ada.address()).await;
    let late = [ordered(&world, signed(&world, &ada, 1, pause(Scope::Global, 600), 0), Scope::Global)];
    let (reason, _) = refusal(said(&destination.submit(&late, &Open).await.unwrap(), &late[0]));
    assert!(reason.contains("AccessManagedUnauthorized"), "{reason}");
    assert!(!is_paused(&world).await && world.mined().await == 0);
    world.make_guardian(destination.account()).await;
    destination.submit(&late, &Open).await.unwrap();
    assert!(is_paused(&world).await);
}

/// A guardian here may be none on the chain yet. Where the account may pause, the pause does not wait for that.
#[tokio::test]
async fn a_statement_that_the_chain_does_not_take_is_carried_out_by_an_account_that_may_pause() {
    let Some(world) = World::start().await else { return };
    let destination = world.destination().await;
    world.make_guardian(destination.account()).await;
    let due = [ordered(&world, signed(&world, &ada(), 0, pause(Scope::Global, 600), 600), Scope::Global)];
    destination.submit(&due, &Open).await.unwrap();
    follow_to_the_end(&world, &destination, &due).await;
    assert!(is_paused(&world).await);
    let sent = world.mined().await;
    let answer = said(&destination.submit(&due, &Open).await.unwrap(), &due[0]);
    assert!(matches!(answer, Some(Progress::Finalized { .. })), "{answer:?}");
    assert_eq!(world.mined().await, sent, "once");
}

/// By a guardian's word and by an account of the bridge alike.
#[tokio::test]
async fn a_paused_direction_stops_its_payouts_and_no_deposits() {
    let Some(world) = World::start().await else { return };
    let (ada, destination) = (ada(), world.destination().await);
    for account in [ada.address(), destination.account()] {
        world.make_guardian(account).await;
    }
    let pauses = PauseController::new(world.at.pauses, &world.governor);
    let elsewhere = Scope::Direction { chain: source(), direction: Direction::Deposits };
    let named = [
        (Scope::Direction { chain: here(), direction: Direction::Payouts }, pauses.directionScope(1).call().await),
        (elsewhere, pauses.payoutsFromScope(source().hash()).call().await),
    ];
    for (nonce, (scope, there)) in (0..).zip(named) {
        let there = there.unwrap();
        let stated = ordered(&world, signed(&world, &ada, nonce, pause(scope.clone(), 600), 600), scope.clone());
        let own = due(&world.deposit(1), Effect::Pause { scope: scope.clone(), ttl: 600, stated: None });
        for order in [stated, own] {
            let order = [order];
            destination.submit(&order, &Open).await.unwrap();
            follow_to_the_end(&world, &destination, &order).await;
            assert!(pauses.isPaused(there).call().await.unwrap(), "{scope}");
            let claim = world.fast(&[world.deposit(10)]);
            let (reason, _) = refusal(said(&destination.submit(&claim, &Open).await.unwrap(), &claim[0]));
            assert!(reason.contains("ScopePaused"), "{scope}: {reason}");
            pauses.requireOutboundOpen(source().hash(), asset().hash()).call().await.unwrap();
            pauses.unpause(there).send().await.unwrap().get_receipt().await.unwrap();
        }
    }
}
