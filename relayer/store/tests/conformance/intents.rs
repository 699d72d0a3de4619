//! Announced Bitcoin deposits.

use crate::sample::{script, terms};
use crate::store::{Store, conflict, on_both};

on_both!(intents_are_listed_as_announced, a_script_keeps_its_terms);

async fn intents_are_listed_as_announced(store: impl Store) {
    for n in [3, 1, 2] {
        store.add_intent(script(n), terms(u64::from(n)), 10 + u64::from(n)).await.unwrap();
    }
    let intents = store.intents().await.unwrap();
    assert_eq!(
        intents.iter().map(|intent| intent.script.clone()).collect::<Vec<_>>(),
        [script(3), script(1), script(2)]
    );
    assert_eq!((intents[1].terms.clone(), intents[1].created_at), (terms(1), 11));
}

async fn a_script_keeps_its_terms(store: impl Store) {
    store.add_intent(script(1), terms(1), 10).await.unwrap();
    store.add_intent(script(1), terms(1), 99).await.unwrap();
    conflict(store.add_intent(script(1), terms(2), 10).await);
    let intents = store.intents().await.unwrap();
    assert_eq!(intents.len(), 1);
    assert_eq!((intents[0].terms.clone(), intents[0].created_at), (terms(1), 10));
}
