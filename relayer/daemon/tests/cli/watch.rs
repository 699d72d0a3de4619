//! `spandrel transfer watch` through what happens to a relayer meanwhile.

use std::sync::Arc;
use std::time::Duration;

use alloy_primitives::B256;
use spandrel::clock::unix_now;
use spandrel_api::Live;
use spandrel_core::Input;
use spandrel_core::ledger::StoreError;
use spandrel_store::{NewOrder, OrderTerms, Placed};
use spandrel_verifiers::Deposit;

use crate::run::{ServedApi, book, configured, deposit, see_deposit, spandrel, tell, told};
use crate::transfers::Waking;

/// Nothing of it was told yet when the relayer is started again: it is followed on, and its end is no success.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn an_order_whose_deposit_is_awaited_is_watched_through_a_restart_to_its_end() {
    let folder = tempfile::tempdir().unwrap();
    let config = configured(folder.path());
    let live = Live::default();
    let book = book(&config, Arc::new(Waking(live.clone()))).await;
    let api = ServedApi::new(&config, &book, live.clone()).await;
    let ordered = deposit(&config, 1);
    let Deposit { source_chain, asset, amount, destination_chain, destination_bridge, recipient, lane, expiry, .. } =
        ordered.clone();
    let terms = OrderTerms {
        source_chain,
        asset,
        amount,
        destination_chain,
        destination_bridge,
        recipient,
        lane,
        expiry,
        refund: None,
    };
    let new = NewOrder {
        terms,
        api_key: "sk".to_owned(),
        idempotency_key: "one".to_owned(),
        request_hash: B256::ZERO,
        share: None,
    };
    let Placed::New(order) = book.ledger().place_order(new, |_| Ok::<_, StoreError>(None), unix_now()).await.unwrap()
    else {
        panic!("a new order")
    };
    let (here, url) = (folder.path().to_owned(), api.url.clone());
    let watching = tokio::task::spawn_blocking(move || {
        spandrel(&here, &["transfer", "watch", &order.id.to_string(), "--api", &url])
    });
    tokio::time::sleep(Duration::from_secs(1)).await;
    api.end().await;
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert!(!watching.is_finished(), "{}", told(&watching.await.unwrap()));
    let api = ServedApi::new(&config, &book, live).await;
    let id = see_deposit(&book, ordered, 101).await;
    tell(&book, id, Input::Broken("odd".to_owned())).await;
    tell(&book, id, Input::Drop("ada: a drill".to_owned())).await;
    let output = watching.await.unwrap();
    let told = told(&output);
    assert_eq!(output.status.code(), Some(7), "{told}");
    assert!(["observed", "quarantined", ": rejected"].iter().all(|part| told.contains(part)), "{told}");
    api.end().await;
}
