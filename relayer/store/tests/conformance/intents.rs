//! Announced Bitcoin deposits.

use spandrel_verifiers::bitcoin::DepositTerms;

use crate::sample::{script, terms};
use crate::store::{Store, conflict, on_both};

on_both!(
    intents_are_listed_as_announced,
    a_script_keeps_its_terms,
    what_was_announced_since_is_read_without_what_has_expired,
    terms_are_found_by_what_a_deposit_tells_of_them
);

/// Each of `terms(n)` expires at `n`.
async fn what_was_announced_since_is_read_without_what_has_expired(store: impl Store) {
    for n in [30, 10, 20] {
        store.add_intent(script(n), terms(n.into()), 1).await.unwrap();
    }
    let read = async |place, from| -> Vec<(u64, u64)> {
        let found = store.intents_after(place, from).await.unwrap();
        found.into_iter().map(|(place, intent)| (place, intent.terms.expiry)).collect()
    };
    assert_eq!(read(0, 0).await, [(1, 30), (2, 10), (3, 20)]);
    assert_eq!(read(0, 20).await, [(1, 30), (3, 20)]);
    assert_eq!(read(1, 11).await, [(3, 20)]);
    assert_eq!(read(3, 0).await, []);
    store.add_intent(script(40), DepositTerms { expiry: u64::MAX, ..terms(40) }, 1).await.unwrap();
    assert_eq!(read(3, u64::MAX).await, [(4, u64::MAX)]);
}

async fn terms_are_found_by_what_a_deposit_tells_of_them(store: impl Store) {
    for n in [1, 2] {
        store.add_intent(script(n), terms(n.into()), 1).await.unwrap();
    }
    let twin = DepositTerms { refund_delay: 1009, ..terms(2) };
    store.add_intent(script(3), twin.clone(), 1).await.unwrap();
    let found = async |recipient, expiry| -> Vec<DepositTerms> {
        store.intents_of(recipient, expiry).await.unwrap().into_iter().map(|intent| intent.terms).collect()
    };
    assert_eq!(found(terms(2).recipient, 2).await, [terms(2), twin]);
    assert_eq!(found(terms(1).recipient, 1).await, [terms(1)]);
    assert_eq!(found(terms(1).recipient, 2).await, []);
}

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
