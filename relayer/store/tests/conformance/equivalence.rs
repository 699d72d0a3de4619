//! No sequence of calls tells the implementations apart: not by an answer, not by an error, not by what is stored.

use proptest::collection::vec;
use proptest::prelude::*;
use spandrel_core::Executor;
use spandrel_core::journal::{NewTx, TxState};
use spandrel_core::ledger::{Commit, EffectEnd, Halt};
use spandrel_store::{Memory, Sqlite};

use crate::sample;
use crate::store::{Store, observe};

/// One call. Small numbers, so that calls meet each other; `skew` makes an expectation wrong.
#[derive(Clone, Debug)]
enum Call {
    Commit { now: u64, parts: Parts },
    Lease { executor: usize, now: u64, lasts: u64, limit: u32 },
    OpenTx { deposits: Vec<u64>, signer: usize, chain: usize, chain_nonce: u64 },
    AddAttempt { number: i64, attempt: u8 },
    SetState { number: i64, state: TxState },
    Acknowledge { chain: usize },
    AddIntent { script: u8, terms: u64 },
}

#[derive(Clone, Debug)]
struct Parts {
    transfers: Vec<(u64, u64, u64)>,
    risk: Option<(u64, Vec<u64>)>,
    control: Option<(u64, u64)>,
    cursor: Option<(usize, bool, u64)>,
    effects: Vec<(u64, usize, u64)>,
    ended: Vec<(u64, usize, Option<u64>)>,
    halt: Option<usize>,
}

fn skew() -> impl Strategy<Value = u64> {
    prop_oneof![9 => Just(0_u64), 1 => Just(1)]
}

fn parts() -> impl Strategy<Value = Parts> {
    let n = || 0..sample::MANY;
    (
        vec((n(), skew(), 0_u64..3), 0..3),
        proptest::option::of((skew(), vec(n(), 0..3))),
        proptest::option::weighted(0.2, (skew(), 0_u64..3)),
        proptest::option::weighted(0.3, (0_usize..3, proptest::bool::weighted(0.1), 1_u64..9)),
        vec((n(), 0_usize..3, 0_u64..60), 0..3),
        vec((n(), 0_usize..3, proptest::option::of(0_u64..60)), 0..2),
        proptest::option::weighted(0.05, 0_usize..3),
    )
        .prop_map(|(transfers, risk, control, cursor, effects, ended, halt)| Parts {
            transfers,
            risk,
            control,
            cursor,
            effects,
            ended,
            halt,
        })
}

fn state() -> impl Strategy<Value = TxState> {
    prop_oneof![
        Just(TxState::Pending),
        (1_u8..4, any::<bool>()).prop_map(|(k, success)| sample::included(k, success)),
        (1_u8..4, any::<bool>()).prop_map(|(k, success)| sample::final_state(k, success)),
    ]
}

fn call() -> impl Strategy<Value = Call> {
    prop_oneof![
        6 => (0_u64..60, parts()).prop_map(|(now, parts)| Call::Commit { now, parts }),
        3 => (0_usize..3, 0_u64..60, 0_u64..30, 0_u32..4)
            .prop_map(|(executor, now, lasts, limit)| Call::Lease { executor, now, lasts, limit }),
        3 => (vec(0..sample::MANY, 0..3), 0_usize..2, 0_usize..2, 0_u64..6)
            .prop_map(|(deposits, signer, chain, chain_nonce)| Call::OpenTx { deposits, signer, chain, chain_nonce }),
        2 => (0_i64..5, 1_u8..6).prop_map(|(number, attempt)| Call::AddAttempt { number, attempt }),
        2 => (0_i64..5, state()).prop_map(|(number, state)| Call::SetState { number, state }),
        1 => (0_usize..3).prop_map(|chain| Call::Acknowledge { chain }),
        1 => (0_u8..3, 0_u64..2).prop_map(|(script, terms)| Call::AddIntent { script, terms }),
    ]
}

/// The commit that `parts` mean on what `memory` holds.
async fn commit(memory: &Memory, now: u64, parts: &Parts) -> Commit {
    use spandrel_core::ledger::Ledger;
    let mut commit = Commit { now, ..Commit::default() };
    for (n, skew, count) in &parts.transfers {
        let stored = memory.transfer(sample::deposit(*n).id()).await.unwrap();
        let sequence = stored.map_or(0, |transfer| transfer.sequence);
        commit.transfers.push(sample::change(*n, sequence + skew, *count));
    }
    if let Some((skew, risk)) = &parts.risk {
        commit.expected_risk_sequence = memory.risk_events(0).await.unwrap().len() as u64 + skew;
        commit.risk = risk.iter().map(|n| sample::risk(*n)).collect();
    }
    if let Some((skew, count)) = &parts.control {
        commit.expected_control_sequence = memory.control_events(0).await.unwrap().len() as u64 + skew;
        commit.control = (0..*count).map(sample::control).collect();
    }
    if let Some((chain, skew, to)) = &parts.cursor {
        let mut mv = sample::cursor_move(sample::chains()[*chain].clone(), 0, *to);
        mv.expected = memory.cursor(&mv.chain).await.unwrap().filter(|_| !skew);
        commit.cursor = Some(mv);
    }
    for (n, which, run_at) in &parts.effects {
        let mut effect = sample::effects(*n)[*which].clone();
        effect.run_at = *run_at;
        commit.effects.push(effect);
    }
    for (n, which, retry) in &parts.ended {
        commit.ended.push((sample::effects(*n)[*which].id, retry.map_or(EffectEnd::Done, sample::retry)));
    }
    commit.halt = parts.halt.map(|chain| Halt::told(sample::chains()[chain].clone(), format!("seen at {now}")));
    commit
}

/// What a call answers, in words.
async fn answer(store: &impl Store, call: &Call, commit: Option<Commit>) -> String {
    match call.clone() {
        Call::Commit { .. } => words(store.commit(commit.unwrap_or_default()).await),
        Call::Lease { executor, now, lasts, limit } => {
            let executor: Executor = sample::effects(0)[executor].executor.clone();
            words(store.lease(&executor, now, now + lasts, limit).await)
        }
        Call::OpenTx { deposits, signer, chain, chain_nonce } => {
            let tx = sample::new_tx(deposits, chain_nonce);
            let tx = NewTx { signer: sample::signers()[signer], chain: sample::chains()[chain].clone(), ..tx };
            words(store.open_tx(tx, 1).await)
        }
        Call::AddAttempt { number, attempt } => words(store.add_attempt(number, sample::attempt(attempt)).await),
        Call::SetState { number, state } => words(store.set_state(number, state).await),
        Call::Acknowledge { chain } => words(store.acknowledge_halt(&sample::chains()[chain], "ada", 1).await),
        Call::AddIntent { script, terms } => {
            words(store.add_intent(sample::script(script), sample::terms(terms), 1).await)
        }
    }
}

fn words<T: std::fmt::Debug, E: std::fmt::Display>(result: Result<T, E>) -> String {
    match result {
        Ok(answer) => format!("{answer:?}"),
        Err(error) => error.to_string(),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn memory_and_sqlite_cannot_be_told_apart(calls in vec(call(), 1..40)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let (memory, sqlite) = (Memory::new(), Sqlite::memory().await.unwrap());
            for call in &calls {
                let commit = match call {
                    Call::Commit { now, parts } => Some(commit(&memory, *now, parts).await),
                    _ => None,
                };
                let expected = answer(&memory, call, commit.clone()).await;
                assert_eq!(answer(&sqlite, call, commit).await, expected, "{call:?}");
            }
            assert_eq!(observe(&sqlite).await, observe(&memory).await);
        });
    }
}
