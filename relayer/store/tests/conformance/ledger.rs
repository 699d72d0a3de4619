//! Commits: whole or not at all, and only on what they expect.

use alloy_primitives::U256;
use spandrel_core::ledger::{
    Commit, EffectEnd, Halt, RISK_PAGE, Recorded, TransferChange, TransferFilter, each_risk_event,
};
use spandrel_core::watch::{ClosedPayout, ClosedVault, Found, Watch};
use spandrel_core::{Effect, Event, Status, Transfer};
use spandrel_risk::{Lane, Reason, Scope};
use spandrel_verifiers::MAX_CONTRADICTION;
use tokio::task::JoinSet;

use crate::sample::{self, change, cursor, cursor_move, deposit, due, everything, risk, transfer_commit};
use crate::store::{Store, conflict, corrupt, observe, on_both};

on_both!(
    a_commit_reads_back_whole,
    evidence_signatures_and_reasons_read_back_unchanged,
    an_unmet_expectation_anywhere_writes_nothing_anywhere,
    a_cursor_moves_only_from_where_it_stands,
    cursors_of_different_chains_do_not_meet,
    events_are_numbered_and_dated,
    a_projection_that_no_event_explains_is_refused,
    a_change_without_events_changes_nothing,
    a_transfer_twice_in_a_commit_is_refused,
    transfers_are_listed_oldest_first_and_filtered,
    a_terminal_transfer_is_not_open,
    the_risk_log_grows_only_from_its_end,
    a_long_risk_log_is_handed_over_whole_page_by_page,
    of_concurrent_commits_on_one_sequence_one_wins,
    a_halt_outlives_everything_but_its_acknowledgement,
    a_halted_chains_cursor_stands_still,
    an_acknowledgement_without_a_halt_is_refused,
    a_halts_evidence_is_kept_up_to_its_limit,
    times_beyond_sql_are_refused,
    of_each_sentinels_the_last_word_is_kept,
);

async fn a_commit_reads_back_whole(store: impl Store) {
    store.commit(everything(0)).await.unwrap();
    let id = deposit(0).id();
    assert_eq!(store.transfer(id).await.unwrap(), Some(sample::transfer(0, 2, 100)));
    let events = store.events(id).await.unwrap();
    let bodies: Vec<Event> = events.into_iter().map(|event| event.body).collect();
    assert_eq!(bodies, change(0, 0, 2).events);
    let stored = store.risk_events(0).await.unwrap();
    assert_eq!(stored[1], Recorded { sequence: 1, at: 100, body: risk(1) });
    assert_eq!(store.risk_events(1).await.unwrap(), stored[1..]);
    assert_eq!(store.risk_events(2).await.unwrap(), []);
    assert_eq!(store.cursor(&sample::ethereum()).await.unwrap(), Some(cursor(1)));
    assert_eq!(store.halted(&sample::bitcoin()).await.unwrap().as_deref(), Some("block 0 was replaced"));
    for effect in sample::effects(0) {
        let stored = store.effect(effect.id).await.unwrap().unwrap();
        assert_eq!((stored.deposit, stored.effect, stored.attempt), (effect.deposit, effect.effect, 0));
    }
    assert_eq!(store.transfer(deposit(1).id()).await.unwrap(), None);
    assert_eq!(store.effect(due(1, 0).id).await.unwrap(), None);
}

async fn evidence_signatures_and_reasons_read_back_unchanged(store: impl Store) {
    let (checkpoint, attestation) = (sample::signed_checkpoint(), sample::attestation());
    let [bitcoin, ethereum] = sample::evidence();
    let over = Reason::Window { limit: U256::MAX, used: U256::ZERO, amount: U256::from(1) };
    let scope = Scope::Route { source: sample::bitcoin(), destination: sample::destination() };
    let events = vec![
        sample::event(0, 0).0,
        Event::Proven { evidence: bitcoin.clone() },
        Event::Proven { evidence: ethereum.clone() },
        Event::Verified { checkpoint: checkpoint.clone(), verdicts: vec![sample::signed_verdict()] },
        Event::Attested { attestation: attestation.clone() },
        Event::Held { reason: over.clone(), until: Some(u64::MAX) },
        Event::Held { reason: Reason::Paused { scope }, until: None },
        Event::Rejected { reason: Reason::Unknown },
        Event::Shortfall,
        Event::Requeued,
        Event::Failed { reason: "\u{0}\"\u{1f980}\n".to_owned() },
    ];
    let after = Transfer {
        status: Status::Held { reason: over, until: Some(u64::MAX) },
        attestation: Some(attestation.clone()),
        evidence: Some(ethereum.clone()),
        checkpoint: Some(checkpoint.clone()),
        ..sample::transfer(0, events.len() as u64, 100)
    };
    let deposit = || deposit(0);
    let payouts = [
        Effect::RequestVerdicts { evidence: bitcoin.clone() },
        Effect::PayFast { deposit: deposit(), attestation },
        Effect::PayProven { deposit: deposit(), evidence: bitcoin, checkpoint: checkpoint.clone() },
        Effect::Settle { deposit: deposit(), evidence: ethereum, checkpoint },
    ];
    let effects: Vec<_> = payouts.into_iter().map(|effect| sample::effect(0, sample::payer(), effect, 0)).collect();
    let change = TransferChange { expected_sequence: 0, events: events.clone(), after: after.clone() };
    store.commit(Commit { transfers: vec![change], effects: effects.clone(), ..Commit::default() }).await.unwrap();
    assert_eq!(store.transfer(after.id).await.unwrap(), Some(after.clone()));
    let stored: Vec<_> = store.events(after.id).await.unwrap().into_iter().map(|event| event.body).collect();
    assert_eq!(stored, events);
    for effect in effects {
        assert_eq!(store.effect(effect.id).await.unwrap().unwrap().effect, effect.effect);
    }
}

async fn an_unmet_expectation_anywhere_writes_nothing_anywhere(store: impl Store) {
    store.commit(everything(0)).await.unwrap();
    store.commit(sample::end_commit([(due(0, 0).id, EffectEnd::Done)])).await.unwrap();
    let before = observe(&store).await;
    let sound = || Commit { transfers: vec![change(1, 0, 2), change(0, 2, 1)], ..everything(1) };
    let mut unmet = vec![
        Commit { cursor: Some(cursor_move(sample::ethereum(), 2, 3)), ..sound() },
        Commit { cursor: Some(cursor_move(sample::ethereum(), 0, 3)), ..sound() },
        Commit { cursor: Some(cursor_move(sample::bitcoin(), 0, 3)), ..sound() },
        Commit { transfers: vec![change(1, 0, 2), change(0, 1, 1)], ..sound() },
        Commit { transfers: vec![change(1, 1, 2)], ..sound() },
        Commit { transfers: vec![change(1, 0, 2), change(0, 0, 1)], ..sound() },
        Commit { expected_risk_sequence: 1, ..sound() },
        Commit { expected_risk_sequence: 3, ..sound() },
    ];
    for (id, end) in
        [(due(0, 0).id, EffectEnd::Done), (due(0, 0).id, sample::retry(1)), (due(5, 0).id, EffectEnd::Done)]
    {
        unmet.push(Commit { ended: vec![(sample::effects(0)[1].id, EffectEnd::Done), (id, end)], ..sound() });
    }
    for commit in unmet {
        conflict(store.commit(commit.clone()).await);
        assert_eq!(observe(&store).await, before, "{commit:?}");
    }
    store.commit(sound()).await.unwrap();
}

async fn a_cursor_moves_only_from_where_it_stands(store: impl Store) {
    let chain = sample::ethereum;
    let moved = |from, to| Commit { now: 1, cursor: Some(cursor_move(chain(), from, to)), ..Commit::default() };
    assert_eq!(store.cursor(&chain()).await.unwrap(), None);
    let error = conflict(store.commit(moved(4, 5)).await);
    assert!(error.contains("found nowhere"), "{error}");
    store.commit(moved(0, 5)).await.unwrap();
    let error = conflict(store.commit(moved(0, 6)).await);
    assert!(error.contains("expected nowhere, found tip 5"), "{error}");
    conflict(store.commit(moved(4, 6)).await);
    store.commit(moved(5, 9)).await.unwrap();
    assert_eq!(store.cursor(&chain()).await.unwrap(), Some(cursor(9)));
}

async fn cursors_of_different_chains_do_not_meet(store: impl Store) {
    for (chain, height) in [(sample::ethereum(), 3), (sample::bitcoin(), 7)] {
        let cursor = Some(cursor_move(chain, 0, height));
        store.commit(Commit { cursor, ..Commit::default() }).await.unwrap();
    }
    assert_eq!(store.cursor(&sample::ethereum()).await.unwrap(), Some(cursor(3)));
    assert_eq!(store.cursor(&sample::bitcoin()).await.unwrap(), Some(cursor(7)));
}

async fn events_are_numbered_and_dated(store: impl Store) {
    store.commit(transfer_commit(0, 0, 2)).await.unwrap();
    store.commit(Commit { now: 900, ..transfer_commit(0, 2, 1) }).await.unwrap();
    let events = store.events(deposit(0).id()).await.unwrap();
    let places: Vec<_> = events.iter().map(|event| (event.sequence, event.at)).collect();
    assert_eq!(places, [(0, 100), (1, 100), (2, 900)]);
    assert_eq!(store.events(deposit(1).id()).await.unwrap(), []);
}

async fn a_projection_that_no_event_explains_is_refused(store: impl Store) {
    let before = observe(&store).await;
    let mut commit = transfer_commit(0, 0, 2);
    commit.transfers[0].after.sequence = 3;
    let error = corrupt(store.commit(commit).await);
    assert!(error.contains("2 events after sequence 0, but the projection says 3"), "{error}");
    assert_eq!(observe(&store).await, before);
}

async fn a_change_without_events_changes_nothing(store: impl Store) {
    store.commit(transfer_commit(0, 0, 2)).await.unwrap();
    let before = observe(&store).await;
    let mut commit = transfer_commit(0, 2, 0);
    commit.transfers[0].after.status = Status::Failed { reason: "told by nobody".to_owned() };
    store.commit(commit).await.unwrap();
    assert_eq!(observe(&store).await, before);
    conflict(store.commit(transfer_commit(0, 1, 0)).await);
    store.commit(transfer_commit(1, 0, 0)).await.unwrap();
    assert_eq!(store.transfer(deposit(1).id()).await.unwrap(), None);
}

async fn a_transfer_twice_in_a_commit_is_refused(store: impl Store) {
    let transfers = vec![change(0, 0, 1), change(0, 1, 1)];
    corrupt(store.commit(Commit { transfers, ..Commit::default() }).await);
    let ended = [(due(0, 0).id, EffectEnd::Done), (due(0, 0).id, sample::retry(1))];
    let commit = Commit { effects: vec![due(0, 0)], ..sample::end_commit(ended) };
    corrupt(store.commit(commit).await);
    assert_eq!(store.transfers(&TransferFilter::default()).await.unwrap(), []);
    assert_eq!(store.effect(due(0, 0).id).await.unwrap(), None);
}

async fn transfers_are_listed_oldest_first_and_filtered(store: impl Store) {
    for n in [3, 1, 2, 0] {
        let mut commit = transfer_commit(n, 0, 1);
        commit.transfers[0].after.created_at = if n == 3 { 50 } else { 60 };
        store.commit(commit).await.unwrap();
    }
    let ids = |source, open_only| {
        let (store, filter) = (store.clone(), TransferFilter { source, open_only });
        async move {
            let transfers = store.transfers(&filter).await.unwrap();
            transfers.into_iter().map(|transfer| transfer.id).collect::<Vec<_>>()
        }
    };
    let expected = |order: &[u64]| order.iter().map(|n| deposit(*n).id()).collect::<Vec<_>>();
    assert_eq!(ids(None, false).await, expected(&[3, 1, 2, 0]));
    assert_eq!(ids(Some(sample::bitcoin()), false).await, expected(&[3, 1]));
    store.commit(transfer_commit(1, 1, 4)).await.unwrap();
    assert_eq!(ids(Some(sample::bitcoin()), true).await, expected(&[3]));
    assert_eq!(ids(None, true).await, expected(&[3, 2, 0]));
    assert_eq!(ids(Some(sample::destination()), false).await, []);
}

async fn a_terminal_transfer_is_not_open(store: impl Store) {
    let open = TransferFilter { source: None, open_only: true };
    for sequence in 0..5 {
        store.commit(transfer_commit(0, sequence, 1)).await.unwrap();
        let listed = store.transfers(&open).await.unwrap();
        let transfer = store.transfer(deposit(0).id()).await.unwrap().unwrap();
        assert_eq!(listed.is_empty(), transfer.status.is_terminal(), "{:?}", transfer.status);
    }
}

async fn the_risk_log_grows_only_from_its_end(store: impl Store) {
    let commit = |expected_risk_sequence, risk| Commit { now: 1, expected_risk_sequence, risk, ..Commit::default() };
    conflict(store.commit(commit(1, vec![risk(0)])).await);
    store.commit(commit(0, vec![risk(0), risk(1), risk(2)])).await.unwrap();
    conflict(store.commit(commit(0, vec![risk(0)])).await);
    store.commit(commit(0, vec![])).await.unwrap();
    store.commit(commit(3, vec![risk(3)])).await.unwrap();
    let bodies: Vec<_> = store.risk_events(0).await.unwrap().into_iter().map(|event| event.body).collect();
    assert_eq!(bodies, [risk(0), risk(1), risk(2), risk(3)]);
}

async fn a_long_risk_log_is_handed_over_whole_page_by_page(store: impl Store) {
    let all: Vec<_> = (0..2 * RISK_PAGE as u64 + 1).map(risk).collect();
    store.commit(Commit { now: 7, risk: all.clone(), ..Commit::default() }).await.unwrap();
    assert_eq!(store.risk_events(3).await.unwrap().len(), RISK_PAGE);
    for from in [0, 1, RISK_PAGE + 1, all.len()] {
        let mut handed = Vec::new();
        each_risk_event(&store, from as u64, |recorded| handed.push(recorded.body)).await.unwrap();
        assert_eq!(handed, all[from..], "from {from}");
    }
}

async fn of_concurrent_commits_on_one_sequence_one_wins(store: impl Store) {
    store.commit(transfer_commit(0, 0, 1)).await.unwrap();
    let mut tasks = JoinSet::new();
    for n in 1..=10 {
        let (store, mut commit) = (store.clone(), transfer_commit(0, 1, 1));
        commit.now = 1_000 + n;
        tasks.spawn(async move { store.commit(commit).await });
    }
    let results = tasks.join_all().await;
    assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 1);
    results.into_iter().filter(Result::is_err).for_each(|result| drop(conflict(result)));
    assert_eq!(store.events(deposit(0).id()).await.unwrap().len(), 2);
}

async fn a_halt_outlives_everything_but_its_acknowledgement(store: impl Store) {
    let halt = |reason: &str| Commit { now: 1, halt: Some(Halt::told(sample::bitcoin(), reason)), ..Commit::default() };
    assert_eq!(store.halted(&sample::bitcoin()).await.unwrap(), None);
    store.commit(halt("first")).await.unwrap();
    store.commit(transfer_commit(0, 0, 1)).await.unwrap();
    store.commit(halt("second")).await.unwrap();
    assert_eq!(store.halted(&sample::bitcoin()).await.unwrap().as_deref(), Some("second"));
    assert_eq!(store.halted(&sample::ethereum()).await.unwrap(), None);
    store.acknowledge_halt(&sample::bitcoin(), "ada: the node was replaced", 2).await.unwrap();
    assert_eq!(store.halted(&sample::bitcoin()).await.unwrap(), None);
    store.commit(halt("third")).await.unwrap();
    assert_eq!(store.halted(&sample::bitcoin()).await.unwrap().as_deref(), Some("third"));
}

async fn a_halted_chains_cursor_stands_still(store: impl Store) {
    let moved = |from, to| Commit { cursor: Some(cursor_move(sample::bitcoin(), from, to)), ..Commit::default() };
    let halt = Some(Halt::told(sample::bitcoin(), "a final block was replaced"));
    store.commit(Commit { halt, ..moved(0, 1) }).await.unwrap();
    let error = conflict(store.commit(moved(1, 2)).await);
    assert!(error.contains("a final block was replaced"), "{error}");
    assert_eq!(store.cursor(&sample::bitcoin()).await.unwrap(), Some(cursor(1)));
    store.acknowledge_halt(&sample::bitcoin(), "ada", 2).await.unwrap();
    store.commit(moved(1, 2)).await.unwrap();
}

async fn an_acknowledgement_without_a_halt_is_refused(store: impl Store) {
    conflict(store.acknowledge_halt(&sample::bitcoin(), "ada", 2).await);
    store.commit(Commit { halt: Some(Halt::told(sample::bitcoin(), "x")), ..Commit::default() }).await.unwrap();
    store.acknowledge_halt(&sample::bitcoin(), "ada", 2).await.unwrap();
    conflict(store.acknowledge_halt(&sample::bitcoin(), "ada", 2).await);
}

/// Anyone who reads the format can read what is kept with a halt.
async fn a_halts_evidence_is_kept_up_to_its_limit(store: impl Store) {
    let halt = |length: usize| Halt {
        evidence: Some(vec![1_u8; length].into()),
        ..Halt::told(sample::bitcoin(), "a final block was replaced")
    };
    let error = corrupt(store.commit(Commit { halt: Some(halt(MAX_CONTRADICTION + 1)), ..Commit::default() }).await);
    assert!(error.contains("evidence of a halt"), "{error}");
    assert_eq!(store.halted(&sample::bitcoin()).await.unwrap(), None);
    store.commit(Commit { now: 7, halt: Some(halt(MAX_CONTRADICTION)), ..Commit::default() }).await.unwrap();
    let kept = halt(MAX_CONTRADICTION).evidence.map(|evidence| (7, evidence));
    // A later halt without any, and an acknowledgement, leave it.
    let told = Some(Halt::told(sample::bitcoin(), "another"));
    store.commit(Commit { now: 8, halt: told, ..Commit::default() }).await.unwrap();
    store.acknowledge_halt(&sample::bitcoin(), "ada", 9).await.unwrap();
    assert_eq!(store.halt_evidence(&sample::bitcoin()).await.unwrap(), kept);
    assert_eq!(store.halt_evidence(&sample::ethereum()).await.unwrap(), None);
}

async fn times_beyond_sql_are_refused(store: impl Store) {
    let too_late = u64::MAX;
    corrupt(store.commit(Commit { now: too_late, ..everything(0) }).await);
    corrupt(store.commit(sample::effect_commit([due(0, too_late)])).await);
    corrupt(store.commit(sample::end_commit([(due(0, 0).id, sample::retry(too_late))])).await);
    corrupt(store.lease(&sample::payer(), too_late, too_late, 1).await);
    corrupt(store.open_tx(sample::new_tx([0], too_late), 1).await);
    assert_eq!(store.transfers(&TransferFilter::default()).await.unwrap(), []);
}

async fn of_each_sentinels_the_last_word_is_kept(store: impl Store) {
    let watch = |of: &str, looked_at: u64, count: usize| {
        let found = Found { key: "a b".to_owned(), what: "a: c".to_owned(), delays: true, since: 3 };
        let (source, destination) = (sample::ethereum(), Some(sample::bitcoin()));
        let closed = vec![ClosedVault { source, destination, asset: None, until: Some(9) }; count];
        let (destination, lane) = (sample::ethereum(), Some(Lane::Fast));
        let unpaid = ClosedPayout { destination, source: None, lane, asset: None, until: Some(9) };
        Watch { of: of.to_owned(), looked_at, found: vec![found; count], closed, closed_payouts: vec![unpaid; count] }
    };
    assert_eq!(store.watches().await.unwrap(), []);
    for (of, looked_at, count) in [("one", 1, 1), ("other", 2, 0), ("one", 3, 2), ("one", 4, 0)] {
        store.tell(watch(of, looked_at, count)).await.unwrap();
    }
    assert_eq!(store.watches().await.unwrap(), [watch("one", 4, 0), watch("other", 2, 0)]);
}
