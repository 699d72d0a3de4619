//! Storage proofs under one root: `trie::secure_value` beside alloy-trie's `verify_proof`, one by one.

use alloy_primitives::keccak256;
use alloy_trie::Nibbles;
use alloy_trie::proof::verify_proof;
use criterion::{Criterion, Throughput};
use spandrel_benches::compare::print_ratio;
use spandrel_benches::storage::proofs;
use spandrel_verifiers::ethereum::trie;

const SLOTS: u64 = 4096;

fn main() {
    let mut criterion = Criterion::default().configure_from_args().sample_size(40);
    for count in [64, 256] {
        let (root, proofs) = proofs(SLOTS, count);
        let ours_checks = || {
            for proof in &proofs {
                let found = trie::secure_value("proof", root, proof.slot.as_slice(), &proof.nodes);
                assert_eq!(found.expect("an honest proof"), Some(proof.value.as_slice()));
            }
        };
        let peer_checks = || {
            for proof in &proofs {
                let key = Nibbles::unpack(keccak256(proof.slot));
                verify_proof(root, key, Some(proof.value.clone()), &proof.nodes).expect("an honest proof");
            }
        };
        let mut group = criterion.benchmark_group(format!("storage_proofs_{count}"));
        group.throughput(Throughput::Elements(count));
        group.bench_function("alloy-trie", |bencher| bencher.iter(peer_checks));
        group.bench_function("spandrel", |bencher| bencher.iter(ours_checks));
        group.finish();
        print_ratio(&format!("storage_proofs_{count}"), 6.0, peer_checks, ours_checks);
    }
    criterion.final_summary();
}
