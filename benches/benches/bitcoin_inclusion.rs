//! Inclusion of many transactions of one block: proofs together beside one by one, and whole deposits the same way.

use bitcoin::hashes::{Hash, HashEngine, sha256d};
use criterion::{Criterion, Throughput};
use rayon::ThreadPoolBuilder;
use spandrel_benches::compare::{print_memory, print_rate, print_ratio, print_thread_ratio};
use spandrel_benches::inclusions::BlockOfDeposits;
use spandrel_verifiers::Verifier;
use spandrel_verifiers::bitcoin::{verify_path, verify_paths};

/// Transactions of the block, and how many of them are proven.
const BLOCK: usize = 4_000;
const PROOFS: usize = 256;

fn main() {
    let mut criterion = Criterion::default().configure_from_args().sample_size(20);
    let block = BlockOfDeposits::of(BLOCK, PROOFS);
    let proofs = block.proofs();
    let together = || verify_paths(&proofs).into_iter().all(|verdict| verdict.is_ok());
    let one_by_one = || proofs.iter().all(|proof| verify_path(proof.root, proof.leaf, proof.index, proof.path).is_ok());
    // What rust-bitcoin's hashes make of the same paths; it has no check of a single branch.
    let peer = || {
        proofs.iter().all(|proof| {
            let mut at = proof.leaf.0;
            for (level, sibling) in proof.path.iter().enumerate() {
                let is_left = proof.index >> level & 1 == 0;
                let mut engine = sha256d::Hash::engine();
                engine.input(if is_left { &at } else { &sibling.0 });
                engine.input(if is_left { &sibling.0 } else { &at });
                at = sha256d::Hash::from_engine(engine).to_byte_array();
            }
            at == proof.root.0
        })
    };
    let deposits = || block.verifier.verify_batch(&block.chain, &block.evidence, block.now);
    let single_deposits =
        || block.evidence.iter().map(|item| block.verifier.verify(&block.chain, item, block.now)).collect::<Vec<_>>();
    assert!(together() && one_by_one() && peer());
    assert!(deposits().iter().all(Result::is_ok));
    assert_eq!(deposits(), single_deposits());

    let mut group = criterion.benchmark_group("bitcoin_inclusion");
    group.throughput(Throughput::Elements(PROOFS as u64));
    group.bench_function("paths, rust-bitcoin's hash", |bencher| bencher.iter(peer));
    group.bench_function("paths, one by one", |bencher| bencher.iter(one_by_one));
    group.bench_function("paths, together", |bencher| bencher.iter(together));
    group.bench_function("deposits, one by one", |bencher| bencher.iter(single_deposits));
    group.bench_function("deposits, together", |bencher| bencher.iter(deposits));
    group.finish();
    criterion.final_summary();
    let one_thread = ThreadPoolBuilder::new().num_threads(1).build().expect("a thread");
    one_thread.install(|| {
        print_ratio("bitcoin_paths_256", None, peer, together);
        print_ratio("bitcoin_paths_256_over_one_by_one", None, one_by_one, together);
        print_ratio("bitcoin_deposits_256_over_one_by_one", None, single_deposits, deposits);
        print_rate("bitcoin_paths", PROOFS, together);
        print_rate("bitcoin_deposits", PROOFS, deposits);
    });
    print_thread_ratio("bitcoin_deposits_256", deposits);
    print_memory("bitcoin_deposit_evidence", block.evidence_bytes());
}
