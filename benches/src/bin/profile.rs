//! `profile NAME [SECONDS [THREADS]]`: prepares one row's input, says so, and then does nothing but our own verification, so that a
//! profiler that is attached then sees neither setup nor peer. Without a name it lists them.
//!
//! `profile cometbft_cached 20 & perf record -g -p $!`, once the line with `ready` stands there.

use std::hint::black_box;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use spandrel_benches::cometbft::{Blocks, NOW, blocks, params};
use spandrel_benches::committee::{SyncNetwork, payload};
use spandrel_benches::deposits::deposit;
use spandrel_benches::headers::{self, genesis_chain, mine};
use spandrel_benches::solana_votes::recorded;
use spandrel_benches::storage;
use spandrel_benches::stores::{Proven, STORE, proofs};
use spandrel_benches::transfers::{self, full_risk_policy, history_deposit, long_risk_history};
use spandrel_risk::{Decision, Lane, Position};
use spandrel_verifiers::bitcoin::{ChainParams, check_work_each};
use spandrel_verifiers::cosmos::ics23::{Membership, verify_memberships};
use spandrel_verifiers::cosmos::{KeyTables, verify_header};
use spandrel_verifiers::ethereum::bls::SystemScalars;
use spandrel_verifiers::ethereum::containers::FinalityUpdate;
use spandrel_verifiers::ethereum::ssz::HashTreeRoot;
use spandrel_verifiers::ethereum::trie::{self, Query};
use spandrel_verifiers::solana::{Electorate, check_votes};

const NAMES: &str = "cometbft_cold cometbft_cached ics23 ics23_neighbours storage_proofs bitcoin_headers bitcoin_chain \
                     sync_committee_root ethereum_batch_16 solana_votes risk_after_1k risk_after_1m";
const SECONDS: u64 = 20;

fn main() -> ExitCode {
    let mut words = std::env::args().skip(1);
    let name = words.next().unwrap_or_default();
    let seconds = words.next().map_or(Some(SECONDS), |word| word.parse().ok());
    let threads = words.next().map_or(Some(1), |word| word.parse().ok());
    let known = seconds.zip(threads).is_some_and(|(seconds, threads)| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("threads");
        pool.install(|| profile(&name, Duration::from_secs(seconds)))
    });
    if known {
        return ExitCode::SUCCESS;
    }
    eprintln!("profile: expected one of: {NAMES}; seconds and threads, found {name:?}");
    ExitCode::FAILURE
}

/// Whether there is a row of that name.
fn profile(name: &str, time: Duration) -> bool {
    match name {
        "cometbft_cold" => light_block(time, false),
        "cometbft_cached" => light_block(time, true),
        "ics23" => store_proofs(time, Proven::Spread),
        "ics23_neighbours" => store_proofs(time, Proven::Neighbours),
        "storage_proofs" => slots(time),
        "bitcoin_headers" => headers(time, false),
        "bitcoin_chain" => headers(time, true),
        "sync_committee_root" => committee_root(time),
        "ethereum_batch_16" => updates(time),
        "solana_votes" => votes(time),
        "risk_after_1k" => decisions(time, 1_000),
        "risk_after_1m" => decisions(time, 1_000_000),
        _ => return false,
    }
    true
}

/// Works shorter than this are timed in [`MANY`] at once.
const SHORT: Duration = Duration::from_micros(20);
const MANY: u32 = 64;

/// Does `work` again and again for `time`, and says how long each took in the mean and at best: the best is what a busy
/// machine disturbs least.
fn repeat<R>(time: Duration, mut work: impl FnMut() -> R) {
    black_box(work());
    let first = Instant::now();
    black_box(work());
    let calls = if first.elapsed() < SHORT { MANY } else { 1 };
    println!("ready {}", std::process::id());
    let (started, mut count, mut best) = (Instant::now(), 0u32, Duration::MAX);
    while started.elapsed() < time {
        let begun = Instant::now();
        for _ in 0..calls {
            black_box(work());
        }
        best = best.min(begun.elapsed());
        count += calls;
    }
    let best = best.as_secs_f64() / f64::from(calls);
    println!("each {:.9} s, at best {best:.9} s", started.elapsed().as_secs_f64() / f64::from(count));
}

fn light_block(time: Duration, is_cached: bool) {
    let Blocks { trusted, untrusted, .. } = blocks(150);
    let (params, tables) = (params(), KeyTables::new());
    let check = |tables: &KeyTables| verify_header(&params, &trusted, &untrusted, NOW, tables).expect("honest");
    (0..2).for_each(|_| drop(check(&tables)));
    repeat(time, || if is_cached { check(&tables) } else { check(&KeyTables::new()) });
}

fn store_proofs(time: Duration, proven: Proven) {
    let (root, proofs) = proofs(4096, 256, proven);
    let claims = proofs.iter().map(|proof| Membership {
        root,
        store: STORE,
        key: &proof.key,
        value: &proof.value,
        proof: &proof.encoded,
    });
    let claims: Vec<_> = claims.collect();
    repeat(time, || assert!(verify_memberships(&claims).iter().all(Result::is_ok)));
}

fn slots(time: Duration) {
    let (root, proofs) = storage::proofs(4096, 256);
    let queries: Vec<_> = proofs.iter().map(|proof| Query { root, key: proof.slot, proof: &proof.nodes }).collect();
    repeat(time, || assert!(trie::secure_values("proof", &queries).iter().all(Result::is_ok)));
}

fn headers(time: Duration, is_chain: bool) {
    let (headers, genesis, now) = (mine(2016), genesis_chain(), headers::now(2016));
    let params = ChainParams::regtest();
    if is_chain {
        return repeat(time, || genesis.clone().extend(&headers, now).expect("mined headers"));
    }
    repeat(time, || assert!(check_work_each(&params, &headers).iter().all(Result::is_ok)));
}

fn committee_root(time: Duration) {
    let committee = SyncNetwork::new().committee;
    repeat(time, || committee.hash_tree_root());
}

fn updates(time: Duration) {
    let network = SyncNetwork::new();
    let (store, now) = (network.store(), network.now());
    let updates: Vec<FinalityUpdate> = (0..16).map(|n| network.finality_update(payload(64 + n), 512).0).collect();
    let check = || store.prove_final_each(&network.config, &updates, now, &mut SystemScalars);
    repeat(time, || assert!(check().iter().all(Result::is_ok)));
}

fn votes(time: Duration) {
    let recorded = recorded().expect("the vectors of SPANDREL_VECTORS");
    let electorate = Electorate::new(recorded.table).expect("a valid table");
    repeat(time, || assert!(check_votes(&electorate, &recorded.transactions).iter().all(Result::is_ok)));
}

fn decisions(time: Duration, history: u64) {
    let policy = full_risk_policy(&deposit(0));
    let (state, next) = (long_risk_history(&policy, history), history_deposit(history));
    let id = next.id();
    let position = || Position::new(&state, id, &next, Lane::LightClient, transfers::NOW).with_confirmations(1);
    repeat(time, || assert_eq!(position().decide(&policy, transfers::NOW), Decision::Allow));
}
