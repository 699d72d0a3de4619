//! Pauses on a chain that deposits are made on and nothing is paid on: deposits stop with the payouts.

use std::collections::BTreeMap;
use std::sync::Arc;

use alloy_primitives::{Address, B256, U256};
use spandrel_contracts::deploy::{LocalAsset, open_route, register_asset};
use spandrel_contracts::{PauseController, Vault, native_asset, revert};
use spandrel_core::ledger::Ledger;
use spandrel_core::submission::{Lasting, Submitter};
use spandrel_core::{Destination, Effect, EffectId, Executor, Policy};
use spandrel_engine::{Book, Clock, PayoutDesk, Silent};
use spandrel_risk::control::{Act, SignedStatement};
use spandrel_risk::{Direction, Lane, RiskPolicy, Scope};
use spandrel_signer::LocalKey;
use spandrel_store::Sqlite;
use spandrel_submit::evm::Contracts;
use spandrel_submit::{EvmConfig, EvmDestination};
use spandrel_verifiers::{AssetId, ChainId, DepositId, LanePreference, VerdictDomain};

use crate::crashes::Dying;
use crate::guardians::{self, Bridges, ada, bo};
use crate::ledger::{self, Wall, here};
use crate::world::*;

/// Inbox of the bridge that pays, on a chain that has no node here.
const AWAY: Address = Address::repeat_byte(0x1b);

type Desk<S> = PayoutDesk<S, Sqlite, Wall>;

/// Where this chain's deposits are paid.
fn away() -> ChainId {
    source()
}

/// A chain with a vault that takes its coin for the chain that pays.
async fn vault() -> Option<World> {
    let world = World::start().await?;
    let coin = LocalAsset { token: Address::ZERO, is_wrapped: false, minimum: 1 };
    register_asset(&world.governor, &world.at, &coin).await.unwrap();
    open_route(&world.governor, &world.at, &away(), AWAY.into_word()).await.unwrap();
    for guardian in [ada(), bo()] {
        world.make_guardian(guardian.address()).await;
    }
    Some(world)
}

fn bridges(world: &World) -> Bridges {
    Bridges::from([(here(), world.at.inbox.into_word()), (away(), AWAY.into_word())])
}

/// A relayer's book, as after a start.
async fn book(world: &World) -> Arc<Book<Sqlite, Wall>> {
    let domain = VerdictDomain { chain_number: 1_000, inbox: AWAY, registry: Address::repeat_byte(0x1c) };
    let target = Destination { domain, fast_lane: Address::repeat_byte(0x1d), signers: set("signer") };
    let policy = Policy {
        sources: BTreeMap::from([(here(), world.at.outbox.into_word())]),
        destinations: BTreeMap::from([(away(), target)]),
        verifiers: set("verifier"),
        risk: RiskPolicy::of_corridors(BTreeMap::new()),
        pause_ttl: 60,
    };
    let book = Book::open(world.journal.clone(), Wall::of(world), policy, Arc::new(Silent)).await.unwrap();
    let vaults = BTreeMap::from([(here(), world.at.inbox)]);
    Arc::new(book.guarded_by(guardians::policy(&bridges(world))).pausing_vaults(vaults))
}

fn pauses_alone(world: &World) -> EvmConfig {
    let contracts = Contracts { proofs: None, ..world.config().contracts };
    EvmConfig { contracts, ..world.config() }
}

async fn desk(world: &World, book: &Arc<Book<Sqlite, Wall>>) -> Desk<EvmDestination<Sqlite, LocalKey>> {
    let submitter = world.destination_with(pauses_alone(world), world.journal.clone()).await;
    PayoutDesk::new(here(), submitter, book.clone(), 16)
}

/// One signed order, which is in force here when this returns.
async fn order(world: &World, book: &Book<Sqlite, Wall>, key: &LocalKey, nonce: u64, act: Act) -> SignedStatement {
    let expiry = Wall::of(world).now() + 3_600;
    let signed = guardians::signed(&bridges(world), key, nonce, act, expiry);
    book.order(&signed, None).await.unwrap();
    signed
}

fn pause(scope: Scope) -> Act {
    Act::Pause { scope, seconds: 3_600 }
}

/// Deposits, if the vault takes it; why not otherwise.
async fn refused(world: &World) -> Option<String> {
    world.until_quiet().await;
    let user = world.anvil.signers()[0].address();
    let (amount, expiry) = (U256::from(10), wall_clock() + 86_400);
    let (lane, recipient) = (LanePreference::Any as u8, B256::repeat_byte(0xaa));
    let vault = Vault::new(world.at.vault, &world.governor);
    let lock = vault.lock(Address::ZERO, amount, away().hash(), AWAY.into_word(), recipient, lane, expiry);
    let lock = lock.value(amount).from(user);
    match lock.call().await {
        Ok(_) => {
            assert!(lock.send().await.unwrap().get_receipt().await.unwrap().status());
            None
        }
        Err(error) => Some(revert::reason(&error.as_revert_data().unwrap_or_default())),
    }
}

async fn is_refused_as_paused(world: &World) -> bool {
    refused(world).await.is_some_and(|reason| reason.contains("ScopePaused"))
}

/// The chain's own people lift a scope, after their delay.
async fn lift(world: &World, scope: B256) {
    world.until_quiet().await;
    let pauses = PauseController::new(world.at.pauses, &world.governor);
    assert!(pauses.isPaused(scope).call().await.unwrap());
    pauses.unpause(scope).send().await.unwrap().get_receipt().await.unwrap();
}

fn effect_of(signed: &SignedStatement, world: &World) -> EffectId {
    let digest = DepositId(signed.statement.digest(guardians::policy(&bridges(world)).deployment));
    EffectId::derive(digest, "pause", &Executor::Destination { chain: here() }, B256::ZERO)
}

async fn follow<S: Submitter>(world: &World, desk: &Desk<S>) {
    for _ in 0..3 {
        world.anvil.mine(1).await.unwrap();
        desk.follow_once().await.unwrap();
    }
}

#[tokio::test]
async fn a_guardians_order_stops_the_deposits_that_it_names_by_an_account_without_a_role() {
    let Some(world) = vault().await else { return };
    let book = book(&world).await;
    let desk = desk(&world, &book).await;
    let pauses = PauseController::new(world.at.pauses, &world.governor);
    let coin = native_asset(&here()).unwrap();
    let named = [
        (Scope::Global, pauses.globalScope().call().await.unwrap()),
        (Scope::Chain { chain: here() }, pauses.chainScope(here().hash()).call().await.unwrap()),
        (Scope::Chain { chain: away() }, pauses.chainScope(away().hash()).call().await.unwrap()),
        (Scope::Asset { asset: coin.clone() }, pauses.assetScope(coin.hash()).call().await.unwrap()),
        (
            Scope::Route { source: here(), destination: away() },
            pauses.depositsToScope(away().hash()).call().await.unwrap(),
        ),
        (
            Scope::Direction { chain: here(), direction: Direction::Deposits },
            pauses.directionScope(2).call().await.unwrap(),
        ),
        (
            Scope::Direction { chain: away(), direction: Direction::Payouts },
            pauses.depositsToScope(away().hash()).call().await.unwrap(),
        ),
    ];
    let mut nonce = 0;
    for (scope, there) in named {
        for act in [pause(scope.clone()), Act::Freeze { scope: scope.clone() }] {
            assert_eq!(refused(&world).await, None, "{act}");
            let signed = order(&world, &book, &ada(), nonce, act.clone()).await;
            nonce += 1;
            assert_eq!(desk.submit_once().await.unwrap(), 1, "{act}");
            assert!(is_refused_as_paused(&world).await, "{act}");
            follow(&world, &desk).await;
            let effect = book.ledger().effect(effect_of(&signed, &world)).await.unwrap().unwrap();
            assert!(effect.is_done, "{act}");
            lift(&world, there).await;
        }
    }
    let elsewhere = [
        Scope::Lane { lane: Lane::Fast, source: Some(here()) },
        Scope::Asset { asset: asset() },
        Scope::Asset { asset: AssetId::parse(&format!("{}0/slip44:60", here())).unwrap() },
        Scope::Route { source: away(), destination: ChainId::eip155(7) },
        // The other direction, on either chain.
        Scope::Direction { chain: here(), direction: Direction::Payouts },
        Scope::Direction { chain: away(), direction: Direction::Deposits },
    ];
    for scope in elsewhere {
        order(&world, &book, &ada(), nonce, pause(scope.clone())).await;
        nonce += 1;
        assert_eq!(desk.submit_once().await.unwrap(), 0, "{scope}");
        assert_eq!(refused(&world).await, None, "{scope}");
    }
    assert_eq!(world.mined().await, 14);
}

#[tokio::test]
async fn two_guardians_freeze_the_deposits_without_end_by_an_account_without_a_role() {
    let Some(world) = vault().await else { return };
    let book = book(&world).await;
    let desk = desk(&world, &book).await;
    let pauses = PauseController::new(world.at.pauses, &world.governor);
    let global = pauses.globalScope().call().await.unwrap();
    for (key, is_endless) in [(ada(), false), (bo(), true)] {
        order(&world, &book, &key, 0, Act::Freeze { scope: Scope::Global }).await;
        assert_eq!(desk.submit_once().await.unwrap(), 1);
        follow(&world, &desk).await;
        assert!(is_refused_as_paused(&world).await);
        assert_eq!(pauses.pausedUntil(global).call().await.unwrap() == u64::MAX, is_endless);
    }
}

/// Two resume here, and nothing that opens is sent: the vault's own people lift it, or it ends by itself.
#[tokio::test]
async fn what_two_resume_is_lifted_on_the_vaults_chain_by_its_own_people_alone() {
    let Some(world) = vault().await else { return };
    let book = book(&world).await;
    let desk = desk(&world, &book).await;
    order(&world, &book, &ada(), 0, pause(Scope::Global)).await;
    desk.submit_once().await.unwrap();
    follow(&world, &desk).await;
    let resume = Act::Resume { scope: Scope::Global };
    let proposed = order(&world, &book, &ada(), 1, resume.clone()).await;
    let proposal = proposed.statement.digest(book.guardians().unwrap().deployment);
    order(&world, &book, &bo(), 0, Act::Approve { proposal, what: resume.to_string() }).await;
    world.pass(901);
    assert_eq!(book.carry_out(None).await.unwrap(), 1);
    let now = Wall::of(&world).now();
    assert!(book.read_risk(|risk| risk.pauses_at(now).next().is_none()).await);
    assert_eq!(desk.submit_once().await.unwrap(), 0);
    assert!(is_refused_as_paused(&world).await);
    let pauses = PauseController::new(world.at.pauses, &world.governor);
    lift(&world, pauses.globalScope().call().await.unwrap()).await;
    assert_eq!(refused(&world).await, None);
    assert_eq!((desk.submit_once().await.unwrap(), world.mined().await), (0, 1));
}

/// Brings a pause with a journal that dies at its n-th write, and then by a process that was started anew.
async fn dies_at(world: &World, nonce: u64, writes: i64, is_last_write_stored: bool) -> bool {
    let (place, before) = (format!("death at write {writes}, stored: {is_last_write_stored}"), world.mined().await);
    let journal = Dying::new(world.journal.clone(), writes, is_last_write_stored);
    let signed = {
        let book = book(world).await;
        let signed = order(world, &book, &ada(), nonce, pause(Scope::Global)).await;
        let mortal = world.destination_with(pauses_alone(world), journal.clone()).await;
        let mortal = PayoutDesk::new(here(), mortal, book, 16);
        for _ in 0..4 {
            if !journal.died() {
                mortal.submit_once().await.unwrap();
                world.anvil.mine(1).await.unwrap();
                assert!(mortal.follow_once().await.is_ok() || journal.died(), "{place}");
            }
        }
        signed
    };
    let book = book(world).await;
    let successor = desk(world, &book).await;
    for _ in 0..4 {
        world.pass(70);
        successor.submit_once().await.unwrap();
        world.anvil.mine(1).await.unwrap();
        successor.follow_once().await.unwrap();
    }
    assert!(is_refused_as_paused(world).await, "{place}");
    assert_eq!(world.mined().await, before + 1, "{place}: once");
    assert!(book.ledger().effect(effect_of(&signed, world)).await.unwrap().unwrap().is_done, "{place}");
    let pauses = PauseController::new(world.at.pauses, &world.governor);
    lift(world, pauses.globalScope().call().await.unwrap()).await;
    assert_eq!(refused(world).await, None, "{place}");
    journal.died()
}

#[tokio::test]
async fn a_death_at_any_write_on_the_way_to_a_vault_loses_no_pause_and_brings_it_once() {
    let Some(world) = vault().await else { return };
    let mut nonce = 0;
    for is_last_write_stored in [false, true] {
        let mut writes = 0;
        while dies_at(&world, nonce, writes, is_last_write_stored).await {
            (nonce, writes) = (nonce + 1, writes + 1);
        }
        nonce += 1;
        assert!(writes >= 4, "opened, attempted, included, final; found {writes} writes");
    }
}

#[tokio::test]
async fn a_vault_whose_node_is_down_keeps_no_pause_from_a_destination() {
    let Some(world) = World::start().await else { return };
    world.make_guardian(ada().address()).await;
    let bridges = bridges(&world);
    let book =
        Book::open(world.journal.clone(), Wall::of(&world), ledger::policy(&world), Arc::new(Silent)).await.unwrap();
    let vaults = BTreeMap::from([(away(), AWAY)]);
    let book = Arc::new(book.guarded_by(guardians::policy(&bridges)).pausing_vaults(vaults));
    order(&world, &book, &ada(), 0, pause(Scope::Global)).await;
    // Nobody takes what is for the vault; the destination's is there after one round.
    let paying = PayoutDesk::new(here(), world.destination().await, book.clone(), 16);
    assert_eq!(paying.submit_once().await.unwrap(), 1);
    world.until_quiet().await;
    let pauses = PauseController::new(world.at.pauses, &world.governor);
    let global = pauses.globalScope().call().await.unwrap();
    assert!(pauses.isPaused(global).call().await.unwrap());
    let now = Wall::of(&world).now();
    let left = book.ledger().lease(&Executor::Destination { chain: away() }, now, now + 60, 16).await.unwrap();
    assert!(matches!(&left[..], [left] if matches!(left.effect, Effect::Pause { .. })), "{left:?}");
}

#[tokio::test]
async fn where_nothing_is_paid_nothing_but_a_pause_is_sent() {
    let Some(world) = World::start().await else { return };
    let submitter = world.destination_with(pauses_alone(&world), world.journal.clone()).await;
    let deposit = world.deposit(10);
    let mut due = world.fast(std::slice::from_ref(&deposit));
    due.extend(world.proven(std::slice::from_ref(&deposit)).await);
    due.extend(world.settle(std::slice::from_ref(&deposit)).await);
    for effect in
        [Effect::ConfirmUnpaid { deposit: deposit.clone() }, Effect::CloseOverdue { deposit: deposit.clone() }]
    {
        due.push(crate::world::due(&deposit, effect));
    }
    let answers = submitter.submit(&due, &Open).await.unwrap();
    for item in &due {
        let (reason, lasting) = refusal(said(&answers, item));
        assert!(lasting == Lasting::ForEver && reason.contains("only pauses"), "{reason}");
    }
    assert_eq!((answers.len(), world.mined().await), (5, 0));
}
