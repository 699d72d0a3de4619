//! The audit log: written with what it tells of, whole, in order, and verifiable from outside.

use spandrel_core::ledger::{Commit, Ledger, TransferChange};
use spandrel_core::{Event, Transfer};
use spandrel_risk::Reason;
use spandrel_store::{AuditCheck, AuditRow, LogPlace, Logged};
use sqlx::AssertSqlSafe;

use crate::append_only::prompt;
use crate::sample::{self, change, control_commit, everything, transfer_commit};
use crate::store::{Store, conflict, on_both, on_file};

on_both!(
    every_act_and_decision_is_told_in_order_and_the_chain_verifies,
    a_refused_commit_tells_nothing,
    control_events_grow_only_from_their_end,
    rows_are_read_page_by_page,
);

async fn rows(store: &impl Store) -> Vec<AuditRow> {
    store.audit(0, u32::MAX).await.unwrap()
}

fn verify(rows: &[AuditRow]) {
    let mut check = AuditCheck::default();
    rows.iter().try_for_each(|row| check.take(row)).unwrap();
    assert_eq!(check.head().0, rows.len() as u64);
}

fn held(n: u64, expected: u64) -> Commit {
    let mut held = change(n, expected, 0);
    let event = Event::Held { reason: Reason::Unknown, until: Some(9) };
    let status = spandrel_core::Status::Held { reason: Reason::Unknown, until: Some(9) };
    held = TransferChange {
        events: vec![event],
        after: Transfer { status, sequence: expected + 1, ..held.after },
        ..held
    };
    Commit { now: 102, transfers: vec![held], ..Commit::default() }
}

async fn every_act_and_decision_is_told_in_order_and_the_chain_verifies(store: impl Store) {
    store.commit(everything(0)).await.unwrap();
    store.commit(control_commit(0)).await.unwrap();
    store.commit(held(0, 2)).await.unwrap();
    store.commit(transfer_commit(1, 0, 2)).await.unwrap();
    store.acknowledge_halt(&sample::bitcoin(), "ada", 103).await.unwrap();
    let rows = rows(&store).await;
    let kinds: Vec<&str> = rows.iter().map(|row| row.kind.as_str()).collect();
    let expected = ["risk", "risk", "halt", "control", "control", "risk", "decision", "acknowledgement"];
    assert_eq!(kinds, expected);
    assert!(rows[3].body.contains("a drill") && rows[3].body.contains("ada"));
    assert!(rows[6].body.contains(&sample::deposit(0).id().to_string()));
    assert!(rows[7].body.contains("ada"));
    verify(&rows);
}

async fn a_refused_commit_tells_nothing(store: impl Store) {
    store.commit(everything(0)).await.unwrap();
    let before = rows(&store).await;
    conflict(store.commit(Commit { expected_risk_sequence: 7, ..control_commit(0) }).await);
    conflict(store.commit(control_commit(1)).await);
    assert_eq!(rows(&store).await, before);
    assert_eq!(store.control_events(0).await.unwrap(), []);
}

async fn control_events_grow_only_from_their_end(store: impl Store) {
    store.commit(everything(0)).await.unwrap();
    store.commit(control_commit(0)).await.unwrap();
    conflict(store.commit(Commit { risk: vec![], ..control_commit(0) }).await);
    store.commit(Commit { risk: vec![], ..control_commit(2) }).await.unwrap();
    let risk = vec![sample::risk(9)];
    let unaware = Commit { now: 1, expected_risk_sequence: 3, risk, expected_control_sequence: 2, ..Commit::default() };
    conflict(store.commit(unaware.clone()).await);
    store.commit(Commit { expected_control_sequence: 4, ..unaware }).await.unwrap();
    let stored = store.control_events(2).await.unwrap();
    assert_eq!((stored.len(), stored[0].sequence, &stored[0].body), (2, 2, &sample::control(2)));
}

async fn rows_are_read_page_by_page(store: impl Store) {
    store.commit(everything(0)).await.unwrap();
    store.commit(control_commit(0)).await.unwrap();
    let all = rows(&store).await;
    assert_eq!(store.audit(1, 2).await.unwrap(), all[1..3]);
    assert_eq!(store.audit(all.len() as u64, 2).await.unwrap(), []);
}

#[tokio::test]
async fn who_gets_around_the_triggers_is_found_out_by_the_hashes() {
    let (folder, store) = on_file().await;
    store.commit(everything(0)).await.unwrap();
    store.commit(control_commit(0)).await.unwrap();
    let mut prompt = prompt(&folder).await;
    for attack in ["DROP TRIGGER audit_stay", "UPDATE audit SET body = replace(body, 'ada', 'bob') WHERE sequence = 3"]
    {
        sqlx::query(AssertSqlSafe(attack)).execute(&mut prompt).await.unwrap();
    }
    let mut check = AuditCheck::default();
    let broken = rows(&store).await.iter().find_map(|row| check.take(row).err()).unwrap();
    assert_eq!((broken.sequence, broken.field), (3, "hash"));
}

#[tokio::test]
async fn both_logs_are_read_as_one_in_the_order_in_which_they_were_stored() {
    let (folder, store) = on_file().await;
    store.commit(everything(0)).await.unwrap();
    store.commit(control_commit(0)).await.unwrap();
    let (risk, control) = (store.risk_events(0).await.unwrap(), store.control_events(0).await.unwrap());
    let risk: Vec<Logged> = risk.into_iter().map(Logged::Risk).collect();
    let control: Vec<Logged> = control.into_iter().map(Logged::Control).collect();
    let expected = [&risk[..2], &control, &risk[2..]].concat();
    for size in [1, 2, 100] {
        let (mut read, mut place) = (Vec::new(), LogPlace::default());
        loop {
            let page = store.log(place, size).await.unwrap();
            assert_eq!(page.untold, None);
            if page.rows.is_empty() {
                break;
            }
            assert!(page.rows.len() <= size as usize);
            for row in page.rows {
                let (kind, stored) = (row.told.kind, row.stored.unwrap());
                let (body, of) = match &stored {
                    Logged::Risk(event) => (serde_json::to_string(&event.body).unwrap(), "risk"),
                    Logged::Control(event) => (serde_json::to_string(&event.body).unwrap(), "control"),
                };
                assert_eq!((row.told.body, kind.as_str()), (body, of));
                read.push(stored);
            }
            place = page.next;
        }
        assert_eq!(read, expected, "pages of {size}");
    }
    let mut prompt = prompt(&folder).await;
    let forged =
        "INSERT INTO risk_events SELECT sequence + 1, kind, body, at FROM risk_events ORDER BY sequence DESC LIMIT 1";
    sqlx::query(forged).execute(&mut prompt).await.unwrap();
    let end = LogPlace { audit: u64::from(u32::MAX), risk: risk.len() as u64, control: control.len() as u64 };
    assert!(matches!(store.log(end, 1).await.unwrap().untold, Some(Logged::Risk(event)) if event.sequence == 3));
}
