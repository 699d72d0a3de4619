//! The outbox: an effect runs at least once, by one executor at a time, and never again when done.

use spandrel_core::ledger::EffectEnd;
use spandrel_core::{Effect, EffectId, Executor};
use spandrel_risk::Scope;
use tokio::task::JoinSet;

use crate::sample::{self, due, effect_commit, end_commit, payer, retry};
use crate::store::{Store, conflict, on_both};

on_both!(
    a_leased_effect_is_not_leased_again_before_its_lease_ends,
    an_expired_lease_is_due_again_and_counted,
    effects_are_leased_in_the_order_they_became_due,
    an_effect_whose_executor_keeps_dying_does_not_starve_the_others,
    a_retried_effect_waits_and_leaves_the_others_alone,
    an_executor_leases_only_its_own,
    the_limit_is_kept,
    an_effect_that_is_there_is_not_inserted_again,
    what_is_done_stays_done,
    an_effect_can_be_inserted_and_ended_in_one_commit,
    concurrent_executors_never_share_an_effect,
);

async fn leased(store: &impl Store, now: u64, until: u64) -> Vec<EffectId> {
    let effects = store.lease(&payer(), now, until, 10).await.unwrap();
    effects.into_iter().map(|effect| effect.id).collect()
}

fn ids(order: &[u64]) -> Vec<EffectId> {
    order.iter().map(|n| due(*n, 0).id).collect()
}

async fn a_leased_effect_is_not_leased_again_before_its_lease_ends(store: impl Store) {
    store.commit(effect_commit([due(0, 10)])).await.unwrap();
    assert_eq!(leased(&store, 9, 50).await, []);
    assert_eq!(leased(&store, 10, 50).await, ids(&[0]));
    assert_eq!(leased(&store, 10, 50).await, []);
    assert_eq!(leased(&store, 49, 90).await, []);
}

async fn an_expired_lease_is_due_again_and_counted(store: impl Store) {
    store.commit(effect_commit([due(0, 0)])).await.unwrap();
    for attempt in 0..4 {
        let now = u64::from(attempt) * 10;
        let effects = store.lease(&payer(), now, now + 10, 1).await.unwrap();
        assert_eq!(effects[0].attempt, attempt);
        assert_eq!(store.effect(due(0, 0).id).await.unwrap().unwrap().attempt, attempt + 1);
    }
}

async fn effects_are_leased_in_the_order_they_became_due(store: impl Store) {
    store.commit(effect_commit([due(0, 30), due(1, 10), due(2, 20)])).await.unwrap();
    store.commit(effect_commit([due(3, 10)])).await.unwrap();
    assert_eq!(leased(&store, 25, 99).await, ids(&[1, 3, 2]));
    assert_eq!(leased(&store, 30, 99).await, ids(&[0]));
}

async fn an_effect_whose_executor_keeps_dying_does_not_starve_the_others(store: impl Store) {
    store.commit(effect_commit([due(0, 0), due(1, 5), due(2, 6)])).await.unwrap();
    let mut order = Vec::new();
    for now in [10, 20, 30, 40] {
        order.extend(store.lease(&payer(), now, now + 5, 1).await.unwrap().into_iter().map(|effect| effect.id));
    }
    assert_eq!(order, ids(&[0, 1, 2, 0]));
}

async fn a_retried_effect_waits_and_leaves_the_others_alone(store: impl Store) {
    store.commit(effect_commit([due(0, 0), due(1, 1)])).await.unwrap();
    assert_eq!(leased(&store, 5, 50).await, ids(&[0, 1]));
    store.commit(end_commit([(due(0, 0).id, retry(40)), (due(1, 0).id, retry(20))])).await.unwrap();
    assert_eq!(leased(&store, 19, 99).await, []);
    assert_eq!(leased(&store, 45, 99).await, ids(&[1, 0]));
    assert_eq!(store.effect(due(0, 0).id).await.unwrap().unwrap().attempt, 2);
}

async fn an_executor_leases_only_its_own(store: impl Store) {
    store.commit(effect_commit(sample::effects(0))).await.unwrap();
    for effect in sample::effects(0) {
        let leased = store.lease(&effect.executor, 1, 9, 10).await.unwrap();
        assert_eq!(leased.iter().map(|leased| leased.id).collect::<Vec<_>>(), [effect.id]);
    }
    for other in [
        Executor::Verifiers,
        Executor::Evidence { chain: sample::ethereum() },
        Executor::Source { chain: sample::bitcoin() },
        Executor::Destination { chain: sample::bitcoin() },
    ] {
        assert_eq!(store.lease(&other, 50, 99, 10).await.unwrap(), []);
    }
}

async fn the_limit_is_kept(store: impl Store) {
    store.commit(effect_commit((0..5).map(|n| due(n, n)))).await.unwrap();
    assert_eq!(store.lease(&payer(), 9, 99, 0).await.unwrap(), []);
    assert_eq!(store.lease(&payer(), 9, 99, 3).await.unwrap().len(), 3);
    assert_eq!(store.lease(&payer(), 9, 99, 3).await.unwrap().len(), 2);
}

async fn an_effect_that_is_there_is_not_inserted_again(store: impl Store) {
    store.commit(effect_commit([due(0, 10)])).await.unwrap();
    let mut other = due(0, 0);
    other.effect = Effect::Pause { scope: Scope::Chain { chain: sample::bitcoin() }, ttl: 99, stated: None };
    store.commit(effect_commit([other.clone(), other])).await.unwrap();
    assert_eq!(leased(&store, 9, 50).await, []);
    let effects = store.lease(&payer(), 10, 50, 10).await.unwrap();
    assert_eq!(effects.len(), 1);
    assert_eq!(effects[0].effect, due(0, 0).effect);
    store.commit(effect_commit([due(0, 0)])).await.unwrap();
    assert_eq!(leased(&store, 20, 50).await, [], "a lease is not broken by inserting the effect again");
}

async fn what_is_done_stays_done(store: impl Store) {
    store.commit(effect_commit([due(0, 0)])).await.unwrap();
    assert_eq!(leased(&store, 1, 5).await, ids(&[0]));
    store.commit(end_commit([(due(0, 0).id, EffectEnd::Done)])).await.unwrap();
    store.commit(effect_commit([due(0, 0)])).await.unwrap();
    let error = conflict(store.commit(end_commit([(due(0, 0).id, retry(0))])).await);
    assert!(error.ends_with("expected waiting or leased, found done"), "{error}");
    conflict(store.commit(end_commit([(due(0, 0).id, EffectEnd::Done)])).await);
    assert_eq!(leased(&store, sample::LATER, sample::LATER + 1).await, []);
    assert_eq!(store.effect(due(0, 0).id).await.unwrap().unwrap().effect, due(0, 0).effect);
}

async fn an_effect_can_be_inserted_and_ended_in_one_commit(store: impl Store) {
    let mut commit = end_commit([(due(0, 0).id, EffectEnd::Done), (due(1, 0).id, retry(30))]);
    commit.effects = vec![due(0, 0), due(1, 0)];
    store.commit(commit).await.unwrap();
    assert_eq!(leased(&store, 29, 99).await, []);
    assert_eq!(leased(&store, 30, 99).await, ids(&[1]));
}

async fn concurrent_executors_never_share_an_effect(store: impl Store) {
    store.commit(effect_commit((0..sample::MANY).map(|n| due(n, n)))).await.unwrap();
    let mut tasks = JoinSet::new();
    for _ in 0..10 {
        let store = store.clone();
        tasks.spawn(async move { store.lease(&payer(), 50, 99, 1).await.unwrap() });
    }
    let mut got: Vec<_> = tasks.join_all().await.into_iter().flatten().map(|effect| effect.id).collect();
    got.sort();
    let mut all: Vec<_> = (0..sample::MANY).map(|n| due(n, 0).id).collect();
    all.sort();
    assert_eq!(got, all);
}
