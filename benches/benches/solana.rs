//! A Solana block's votes, 417 real ones: `check_votes` beside ed25519-dalek's `verify_strict`, one by one, on keys that
//! are decoded already.
//!
//! Ours does more in its time: it decodes the transactions and looks up stake and voter. Its keys are prepared once an
//! epoch; what that costs, and what it holds in memory, is printed, and the first block of an epoch is timed with it.

use criterion::{Criterion, Throughput};
use ed25519_dalek::{Signature, VerifyingKey};
use rayon::ThreadPoolBuilder;
use spandrel_benches::compare::{print_memory, print_ratio, print_thread_ratio};
use spandrel_benches::solana_votes::recorded;
use spandrel_verifiers::solana::{Electorate, KEY_TABLE_BYTES, Vote, check_votes, require_majority};

fn main() {
    let mut criterion = Criterion::default().configure_from_args().sample_size(20);
    let Some(recorded) = recorded() else {
        println!("skipped: solana_votes_417: no solana/derived_testnet_417955321_votes.json in SPANDREL_VECTORS");
        return;
    };
    let electorate = Electorate::new(recorded.table.clone()).expect("a valid table");
    let transactions = &recorded.transactions;
    let votes: Vec<Vote<'_>> = transactions.iter().map(|bytes| Vote::decode(bytes).expect("a vote")).collect();
    let peers: Vec<(VerifyingKey, &[u8], Signature)> = votes
        .iter()
        .map(|vote| {
            let key = VerifyingKey::from_bytes(&vote.authority.0).expect("a key");
            (key, vote.message, Signature::from_bytes(vote.signature))
        })
        .collect();
    let peer_checks = || {
        for (key, message, signature) in &peers {
            key.verify_strict(message, signature).expect("a valid signature");
        }
    };
    let ours_checks = || assert!(check_votes(&electorate, transactions).iter().all(Result::is_ok));
    let chosen = recorded.for_ballot(&electorate);
    let majority = || require_majority(&electorate, recorded.ballot, &chosen).expect("two thirds").stake;
    // One thread for both sides: what more threads bring is a row of its own.
    let one = ThreadPoolBuilder::new().num_threads(1).build().expect("a thread");
    let mut group = criterion.benchmark_group("solana_votes");
    group.throughput(Throughput::Elements(transactions.len() as u64));
    group.bench_function("ed25519-dalek verify_strict", |bencher| bencher.iter(peer_checks));
    group.bench_function("spandrel", |bencher| one.install(|| bencher.iter(ours_checks)));
    group.bench_function("spandrel, whole majority", |bencher| one.install(|| bencher.iter(majority)));
    group.finish();
    criterion.final_summary();
    let count = transactions.len();
    print_ratio(&format!("solana_votes_{count}"), 2.0, peer_checks, || one.install(ours_checks));
    print_ratio(&format!("solana_votes_{count}_with_keys_prepared_anew"), None, peer_checks, || {
        one.install(|| {
            let electorate = Electorate::new(recorded.table.clone()).expect("a valid table");
            assert!(check_votes(&electorate, transactions).iter().all(Result::is_ok));
        })
    });
    print_thread_ratio(&format!("solana_votes_{count}"), ours_checks);
    print_memory("solana_electorate", KEY_TABLE_BYTES * recorded.table.stakes.len());
}
