//! A sync committee of 512: our whole finality update, and a batch of 16, beside blst's `fast_aggregate_verify` over the
//! participants' cached keys, one update after the other; and the committee's root beside `tree_hash`.
//!
//! An update's time holds more than the peer's: three Merkle branches and the rules of the light client. Both sides have
//! all processors: blst shares each check among two threads of its own. What one processor gives is measured by running
//! this bench on one (`taskset`).

use alloy_primitives::B256;
use blst::BLST_ERROR;
use blst::min_pk::{PublicKey, Signature};
use criterion::Criterion;
use rayon::prelude::*;
use spandrel_benches::committee::{SyncNetwork, payload};
use spandrel_benches::compare::{print_memory, print_ratio, print_thread_ratio};
use spandrel_verifiers::ethereum::bls::{Committee, DST, SystemScalars};
use spandrel_verifiers::ethereum::containers::{FinalityUpdate, SyncAggregate, SyncCommittee};
use spandrel_verifiers::ethereum::ssz::HashTreeRoot;
use tree_hash::{Hash256, MerkleHasher, merkle_root};

const BATCH: u64 = 16;

/// What light clients do: the participants' keys are points already, the signature is bytes.
fn peer_verifies(keys: &[&PublicKey], aggregate: &SyncAggregate, message: B256) {
    let signature = Signature::from_bytes(aggregate.sync_committee_signature.as_slice()).expect("a point");
    let verified = signature.fast_aggregate_verify(true, message.as_slice(), DST, keys);
    assert_eq!(verified, BLST_ERROR::BLST_SUCCESS);
}

/// The root as `tree_hash` makes it of a vector of keys and a key, with its hasher for containers.
fn peer_root(committee: &SyncCommittee) -> Hash256 {
    let mut keys = MerkleHasher::with_leaves(committee.pubkeys.len());
    for key in &committee.pubkeys {
        keys.write(merkle_root(key.as_slice(), 0).as_slice()).expect("a leaf for each key");
    }
    let mut fields = MerkleHasher::with_leaves(2);
    fields.write(keys.finish().expect("a root").as_slice()).expect("the first field");
    fields.write(merkle_root(committee.aggregate_pubkey.as_slice(), 0).as_slice()).expect("the second");
    fields.finish().expect("a root")
}

fn main() {
    let mut criterion = Criterion::default().configure_from_args().sample_size(20);
    let network = SyncNetwork::new();
    let committee = Committee::new(&network.committee).expect("an honest committee");
    let (store, now) = (network.store(), network.now());
    for participants in [512, 480, 342] {
        let (update, message) = network.finality_update(payload(64), participants);
        let aggregate = &update.sync_aggregate;
        let keys: Vec<&PublicKey> = network.keys[..participants].iter().collect();
        let peer_checks = || peer_verifies(&keys, aggregate, message);
        let ours_checks = || assert_eq!(committee.verify(aggregate, message), Ok(participants));
        let update_checks = || store.check_finality(&network.config, &update, now).expect("an honest update");
        let mut group = criterion.benchmark_group(format!("sync_committee_{participants}_of_512"));
        group.bench_function("blst", |bencher| bencher.iter(peer_checks));
        group.bench_function("spandrel", |bencher| bencher.iter(ours_checks));
        group.bench_function("spandrel, whole update", |bencher| bencher.iter(update_checks));
        group.finish();
        print_ratio(&format!("sync_committee_signature_{participants}_of_512"), None, peer_checks, ours_checks);
        // All 512 keys, each once: what the target is about.
        let row = if participants == 512 { "ethereum_update_512" } else { &format!("ethereum_update_{participants}") };
        print_ratio(row, (participants == 512).then_some(1.15), peer_checks, update_checks);
        if participants == 512 {
            print_thread_ratio(row, update_checks);
        }
    }

    for participants in [512, 480] {
        let signed = (0..BATCH).map(|n| network.finality_update(payload(64 + n), participants));
        let (updates, messages): (Vec<FinalityUpdate>, Vec<B256>) = signed.unzip();
        let keys: Vec<&PublicKey> = network.keys[..participants].iter().collect();
        let peer_checks = || {
            for (update, message) in updates.iter().zip(&messages) {
                peer_verifies(&keys, &update.sync_aggregate, *message);
            }
        };
        let in_batch = || {
            let verdicts = store.prove_final_each(&network.config, &updates, now, &mut SystemScalars);
            assert!(verdicts.iter().all(Result::is_ok));
        };
        let mut group = criterion.benchmark_group(format!("sync_committee_batch_16_{participants}_of_512"));
        group.bench_function("blst, one by one", |bencher| bencher.iter(peer_checks));
        group.bench_function("spandrel", |bencher| bencher.iter(in_batch));
        group.finish();
        if participants == 512 {
            print_ratio("ethereum_update_512_batch_16", 2.2, peer_checks, in_batch);
            print_thread_ratio("ethereum_update_512_batch_16", in_batch);
        } else {
            print_ratio(&format!("ethereum_update_{participants}_batch_16"), None, peer_checks, in_batch);
        }
    }

    let bytes = &network.committee;
    assert_eq!(peer_root(bytes).as_slice(), bytes.hash_tree_root().as_slice());
    let mut group = criterion.benchmark_group("sync_committee_root");
    group.bench_function("tree_hash", |bencher| bencher.iter(|| peer_root(bytes)));
    group.bench_function("spandrel", |bencher| bencher.iter(|| bytes.hash_tree_root()));
    group.finish();
    print_ratio("sync_committee_root", 6.0, || peer_root(bytes), || bytes.hash_tree_root());
    // One root is too short to share: the committees of sixteen periods.
    let periods = vec![bytes; BATCH as usize];
    print_thread_ratio("sync_committee_root", || {
        periods.par_iter().map(|committee| committee.hash_tree_root()).collect::<Vec<_>>()
    });
    print_memory("sync_committee_512", committee.memory());
    criterion.final_summary();
}
