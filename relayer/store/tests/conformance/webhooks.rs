//! Webhooks and their queue: kept in SQLite alone.

use std::collections::BTreeSet;

use spandrel_core::ledger::Ledger;
use spandrel_store::{AttemptEnd, DeliveryStatus, NewDelivery, Rotation, Sqlite, Webhook};

use crate::sample::transfer_commit;
use crate::store::{conflict, on_file};

fn webhook(n: u32) -> Webhook {
    Webhook {
        id: format!("wh_{n}"),
        api_key: "key".to_owned(),
        url: format!("https://example.com/{n}"),
        generation: 0,
        rotated_at: None,
        created_at: 5,
    }
}

fn delivery(webhook: u32, n: u64) -> NewDelivery {
    NewDelivery {
        id: format!("dl_{webhook}_{n}"),
        webhook: format!("wh_{webhook}"),
        event: "transfer.observed".to_owned(),
        body: format!("{{\"n\":{n}}}"),
    }
}

async fn take(store: &Sqlite, now: u64) -> Vec<String> {
    let taken = store.take_deliveries(now, now + 60, &BTreeSet::new(), 10).await.unwrap();
    taken.into_iter().map(|(_, delivery)| delivery.what.id).collect()
}

#[tokio::test]
async fn every_event_after_registration_is_told_once_whatever_restarts() {
    let (folder, store) = on_file().await;
    store.commit(transfer_commit(0, 0, 2)).await.unwrap();
    assert!(store.untold(10).await.unwrap().events.is_empty(), "nobody listens");
    assert!(store.add_webhook(&webhook(1), 10).await.unwrap());
    store.commit(transfer_commit(1, 0, 2)).await.unwrap();
    store.commit(transfer_commit(0, 2, 1)).await.unwrap();
    let untold = store.untold(2).await.unwrap();
    let seen: Vec<_> = untold.events.iter().map(|event| (event.place, event.sequence, event.event.as_str())).collect();
    assert_eq!(seen, [(3, 0, "observed"), (4, 1, "cleared")]);
    store.queue_deliveries(untold.cursor, 4, &[delivery(1, 3), delivery(1, 4)], 9, 7).await.unwrap();
    conflict(store.queue_deliveries(untold.cursor, 4, &[delivery(1, 99)], 9, 7).await);
    store.close().await;
    let store = Sqlite::open(folder.path().join("ledger.db")).await.unwrap();
    let untold = store.untold(10).await.unwrap();
    assert_eq!(untold.events.iter().map(|event| event.place).collect::<Vec<_>>(), [5]);
    assert_eq!(take(&store, 7).await, ["dl_1_3"]);
    assert_eq!(take(&store, 7).await, ["dl_1_4"]);
    assert!(take(&store, 7).await.is_empty());
}

#[tokio::test]
async fn an_attempt_is_counted_before_it_is_made_and_one_that_was_overtaken_ends_nothing() {
    let (_folder, store) = on_file().await;
    store.add_webhook(&webhook(1), 10).await.unwrap();
    store.queue_deliveries(0, 0, &[delivery(1, 1)], 9, 7).await.unwrap();
    assert_eq!(take(&store, 7).await.len(), 1);
    assert_eq!(store.next_delivery(7).await.unwrap(), Some(67), "the end of its lease");
    assert_eq!(take(&store, 67).await.len(), 1);
    assert!(!store.end_attempt("dl_1_1", 1, &AttemptEnd::Delivered).await.unwrap());
    let retry = AttemptEnd::Retry { at: 500, error: "no".to_owned() };
    assert!(store.end_attempt("dl_1_1", 2, &retry).await.unwrap());
    let stored = store.deliveries("wh_1", 9).await.unwrap().remove(0);
    assert_eq!((stored.attempt, stored.due_at, stored.last_error.as_deref()), (2, 500, Some("no")));
    assert!(take(&store, 499).await.is_empty());
    assert_eq!(take(&store, 500).await.len(), 1);
    assert!(store.end_attempt("dl_1_1", 3, &AttemptEnd::Delivered).await.unwrap());
    assert!(!store.end_attempt("dl_1_1", 3, &retry).await.unwrap(), "delivered is delivered");
    assert_eq!(store.next_delivery(0).await.unwrap(), None);
}

#[tokio::test]
async fn a_busy_webhook_is_left_alone_and_each_other_gets_its_oldest() {
    let (_folder, store) = on_file().await;
    for n in 1..=3 {
        store.add_webhook(&webhook(n), 10).await.unwrap();
    }
    let queued: Vec<_> = (1..=3).flat_map(|webhook| [delivery(webhook, 1), delivery(webhook, 2)]).collect();
    store.queue_deliveries(0, 0, &queued, 9, 7).await.unwrap();
    let busy = BTreeSet::from(["wh_2".to_owned()]);
    let taken = store.take_deliveries(7, 67, &busy, 10).await.unwrap();
    let ids: BTreeSet<_> = taken.iter().map(|(_, delivery)| delivery.what.id.as_str()).collect();
    assert_eq!(ids, BTreeSet::from(["dl_1_1", "dl_3_1"]));
    assert_eq!(store.take_deliveries(7, 67, &busy, 1).await.unwrap().len(), 1);
}

#[tokio::test]
async fn queue_and_history_of_a_webhook_are_bounded() {
    let (_folder, store) = on_file().await;
    store.add_webhook(&webhook(1), 10).await.unwrap();
    for n in 0..9 {
        store.queue_deliveries(0, 0, &[delivery(1, n)], 3, 7).await.unwrap();
    }
    let backlog = store.backlog("wh_1").await.unwrap();
    assert_eq!((backlog.waiting, backlog.dead), (3, 3), "of six that found it full the last three are kept");
    assert_eq!(store.deliveries("wh_1", 9).await.unwrap()[0].what.id, "dl_1_8");
    assert!(store.revive_delivery("wh_1", "dl_1_8", 9).await.unwrap());
    assert!(!store.revive_delivery("wh_1", "dl_1_0", 9).await.unwrap(), "it waits");
    assert!(!store.revive_delivery("wh_2", "dl_1_7", 9).await.unwrap(), "another webhook's");
}

#[tokio::test]
async fn a_deleted_webhook_is_gone_with_what_waited_for_it() {
    let (_folder, store) = on_file().await;
    assert!(store.add_webhook(&webhook(1), 1).await.unwrap());
    assert!(!store.add_webhook(&webhook(2), 1).await.unwrap(), "one is the most");
    store.queue_deliveries(0, 0, &[delivery(1, 1)], 9, 7).await.unwrap();
    assert!(!store.delete_webhook("another", "wh_1", 8).await.unwrap());
    assert!(store.delete_webhook("key", "wh_1", 8).await.unwrap());
    assert!(store.deliveries("wh_1", 9).await.unwrap().is_empty() && store.webhooks("key").await.unwrap().is_empty());
    store.queue_deliveries(0, 0, &[delivery(1, 2)], 9, 9).await.unwrap();
    assert!(take(&store, 100).await.is_empty());
    assert_eq!(store.rotate_webhook("key", "wh_1", "a", 9).await.unwrap(), Rotation::Unknown);
    assert!(store.add_webhook(&webhook(2), 1).await.unwrap());
}

#[tokio::test]
async fn rotating_counts_and_a_status_that_nobody_wrote_is_an_error() {
    let (folder, store) = on_file().await;
    store.add_webhook(&webhook(1), 1).await.unwrap();
    let rotate = async |id: &str, key: &str, now| store.rotate_webhook("key", id, key, now).await.unwrap();
    let Rotation::New(rotated) = rotate("wh_1", "a", 9).await else { panic!("it was not rotated before") };
    assert_eq!((rotated.generation, rotated.rotated_at), (1, Some(9)));
    assert_eq!(store.webhook("key", "wh_1").await.unwrap(), Some(rotated.clone()));
    // One rotation for one key, also when it is asked for again later or for another webhook.
    assert_eq!(rotate("wh_1", "a", 11).await, Rotation::Replayed(rotated));
    assert!(store.add_webhook(&webhook(2), 9).await.unwrap());
    assert_eq!(rotate("wh_2", "a", 11).await, Rotation::KeyReused);
    assert!(matches!(rotate("wh_1", "b", 12).await, Rotation::New(webhook) if webhook.generation == 2));
    assert_eq!(rotate("wh_1", "a", 12).await, Rotation::KeyReused);
    store.queue_deliveries(0, 0, &[delivery(1, 1)], 9, 7).await.unwrap();
    let mut prompt = crate::append_only::prompt(&folder).await;
    let forge = "UPDATE webhook_deliveries SET body = '{}'";
    assert!(sqlx::query(forge).execute(&mut prompt).await.is_err(), "what is sent stays");
    let forge = "UPDATE webhooks SET url = 'https://evil.example'";
    assert!(sqlx::query(forge).execute(&mut prompt).await.is_err(), "where it is sent stays");
    let forge = "UPDATE webhook_deliveries SET attempt = 9999999999";
    sqlx::query(forge).execute(&mut prompt).await.unwrap();
    assert!(store.deliveries("wh_1", 9).await.unwrap_err().to_string().contains("webhook_deliveries dl_1_1"));
    assert_eq!(store.deliveries("wh_2", 9).await.unwrap(), []);
    assert_eq!(DeliveryStatus::Dead.name(), "dead");
}
