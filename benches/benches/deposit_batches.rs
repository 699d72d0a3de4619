//! 64 deposits under one finality update: `verify_batch` on all threads beside one thread, and beside one `verify` a
//! deposit.

use criterion::{Criterion, Throughput};
use rayon::ThreadPoolBuilder;
use spandrel_benches::compare::{print_memory, print_ratio, print_thread_ratio};
use spandrel_benches::deposits::DepositBatch;
use spandrel_verifiers::Verifier;
use spandrel_verifiers::ethereum::DepositEvidence;

const COUNT: u64 = 64;

fn main() {
    let mut criterion = Criterion::default().configure_from_args().sample_size(20);
    let DepositBatch { verifier, trusted, now, evidence } = DepositBatch::of(COUNT);
    let in_batch = || {
        let verified = verifier.verify_batch(&trusted, &evidence, now);
        assert!(verified.iter().all(Result::is_ok));
    };
    let one_by_one = || {
        for item in &evidence {
            verifier.verify(&trusted, item, now).expect("honest evidence");
        }
    };
    let single = ThreadPoolBuilder::new().num_threads(1).build().expect("a thread");
    let on_one_thread = || single.install(in_batch);
    let mut group = criterion.benchmark_group("deposit_batch_64");
    group.throughput(Throughput::Elements(COUNT));
    group.bench_function("all threads", |bencher| bencher.iter(in_batch));
    group.bench_function("one thread", |bencher| bencher.iter(on_one_thread));
    group.bench_function("one by one", |bencher| bencher.iter(one_by_one));
    group.finish();
    criterion.final_summary();
    print_thread_ratio("deposit_batch_64", in_batch);
    print_ratio("deposit_batch_64_over_one_by_one", None, one_by_one, on_one_thread);
    print_memory("ethereum_trusted_state", trusted.memory());
    if let Some(DepositEvidence { finality, inclusion }) = evidence.first() {
        let nodes = inclusion.account_proof.iter().chain(&inclusion.storage_proof);
        let parts = nodes.chain([&inclusion.header]).chain(finality);
        print_memory("ethereum_deposit_evidence", parts.map(|part| part.len()).sum());
    }
}
