//! Storage proofs under one root: `trie::secure_values` beside alloy-trie's `verify_proof`, one by one. Ours runs on one
//! thread, but for the row about threads.

use alloy_primitives::keccak256;
use alloy_trie::Nibbles;
use alloy_trie::proof::verify_proof;
use criterion::{Criterion, Throughput};
use rayon::ThreadPoolBuilder;
use spandrel_benches::compare::{print_ratio, print_thread_ratio};
use spandrel_benches::storage::proofs;
use spandrel_verifiers::ethereum::trie::{self, Query};

const SLOTS: u64 = 4096;

fn main() {
    let mut criterion = Criterion::default().configure_from_args().sample_size(40);
    let single = ThreadPoolBuilder::new().num_threads(1).build().expect("a thread");
    for count in [64, 256] {
        let (root, proofs) = proofs(SLOTS, count);
        let one_by_one = || {
            for proof in &proofs {
                let found = trie::secure_value("proof", root, proof.slot.as_slice(), &proof.nodes);
                assert_eq!(found.expect("an honest proof"), Some(proof.value.as_slice()));
            }
        };
        let in_batch = || {
            let queries: Vec<_> =
                proofs.iter().map(|proof| Query { root, key: proof.slot, proof: &proof.nodes }).collect();
            for (proof, found) in proofs.iter().zip(trie::secure_values("proof", &queries)) {
                assert_eq!(found.expect("an honest proof"), Some(proof.value.as_slice()));
            }
        };
        let ours_checks = || single.install(in_batch);
        let peer_checks = || {
            for proof in &proofs {
                let key = Nibbles::unpack(keccak256(proof.slot));
                verify_proof(root, key, Some(proof.value.clone()), &proof.nodes).expect("an honest proof");
            }
        };
        let mut group = criterion.benchmark_group(format!("storage_proofs_{count}"));
        group.throughput(Throughput::Elements(count));
        group.bench_function("alloy-trie, one by one", |bencher| bencher.iter(peer_checks));
        group.bench_function("spandrel", |bencher| bencher.iter(ours_checks));
        group.bench_function("spandrel, one by one", |bencher| bencher.iter(one_by_one));
        group.finish();
        print_ratio(&format!("storage_proofs_{count}"), 6.0, peer_checks, ours_checks);
        print_ratio(&format!("storage_proofs_{count}_one_by_one"), None, peer_checks, one_by_one);
        print_thread_ratio(&format!("storage_proofs_{count}"), in_batch);
    }
    criterion.final_summary();
}
