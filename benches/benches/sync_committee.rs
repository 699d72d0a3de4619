//! A sync committee of 512: our signature check, and our whole finality update, beside blst's `fast_aggregate_verify`
//! over the participants' cached keys.
//!
//! The update's time holds more than the peer's: three Merkle branches and the rules of the light client.

use blst::BLST_ERROR;
use blst::min_pk::{PublicKey, Signature};
use criterion::Criterion;
use spandrel_benches::committee::{SyncNetwork, payload};
use spandrel_benches::compare::print_ratio;
use spandrel_verifiers::ethereum::bls::{Committee, DST};

fn main() {
    let mut criterion = Criterion::default().configure_from_args().sample_size(40);
    let network = SyncNetwork::new();
    let committee = Committee::new(&network.committee).expect("an honest committee");
    let store = network.store();
    for participants in [512, 480, 342] {
        let (update, message) = network.finality_update(payload(64), participants);
        let aggregate = &update.sync_aggregate;
        let keys: Vec<&PublicKey> = network.keys[..participants].iter().collect();
        let peer_checks = || {
            let signature = Signature::from_bytes(aggregate.sync_committee_signature.as_slice()).expect("a point");
            let verified = signature.fast_aggregate_verify(true, message.as_slice(), DST, &keys);
            assert_eq!(verified, BLST_ERROR::BLST_SUCCESS);
        };
        let ours_checks = || assert_eq!(committee.verify(aggregate, message), Ok(participants));
        let update_checks = || store.check_finality(&network.config, &update, network.now()).expect("an honest update");
        let mut group = criterion.benchmark_group(format!("sync_committee_{participants}_of_512"));
        group.bench_function("blst", |bencher| bencher.iter(peer_checks));
        group.bench_function("spandrel", |bencher| bencher.iter(ours_checks));
        group.bench_function("spandrel, whole update", |bencher| bencher.iter(update_checks));
        group.finish();
        print_ratio(&format!("sync_committee_signature_{participants}_of_512"), None, peer_checks, ours_checks);
        print_ratio(&format!("sync_committee_update_{participants}_of_512"), None, peer_checks, update_checks);
    }
    criterion.final_summary();
}
