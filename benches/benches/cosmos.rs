//! CometBFT light blocks beside `tendermint-light-client`'s `ProdVerifier`, and ICS-23 proofs under one app hash beside
//! `ics23`, one by one.
//!
//! Both sides of the light block hash header and validator set, and check signatures until two thirds of the power
//! signed. Cold means that nothing is known of the keys. Of the proofs, both decode the same protobuf; how the peer does
//! when it is given decoded ones is printed beside it.

use std::time::Duration;

use criterion::{Criterion, Throughput};
use ics23::{CommitmentProof, HostFunctionsManager, iavl_spec, tendermint_spec};
use prost_of_ics23::Message;
use spandrel_benches::cometbft::{Blocks, NOW, TRUSTING_PERIOD, blocks, params};
use spandrel_benches::compare::{print_memory, print_ratio, print_thread_ratio};
use spandrel_benches::stores::{Proven, STORE, StoreProof, proofs};
use spandrel_verifiers::cosmos::ics23::{Membership, verify_memberships};
use spandrel_verifiers::cosmos::{KeyTables, Outcome, TrustedState, verify_header};
use tendermint_light_client::verifier::options::Options;
use tendermint_light_client::verifier::{ProdVerifier, Verdict, Verifier};

const VALIDATORS: usize = 150;
const KEYS: u64 = 4096;
const PROVEN: u64 = 256;

fn light_blocks(criterion: &mut Criterion) {
    let Blocks { peer_trusted, peer_untrusted, trusted, untrusted } = blocks(VALIDATORS);
    let params = params();
    let options = Options {
        trust_threshold: Default::default(),
        trusting_period: Duration::from_secs(TRUSTING_PERIOD),
        clock_drift: Duration::from_secs(1),
    };
    let now = tendermint::Time::from_unix_timestamp(NOW as i64, 0).expect("a time");
    let verifier = ProdVerifier::default();
    let peer_checks = || {
        let verdict = verifier.verify_update_header(
            peer_untrusted.as_untrusted_state(),
            peer_trusted.as_trusted_state(),
            &options,
            now,
        );
        assert_eq!(verdict, Verdict::Success);
    };
    let check = |tables: &KeyTables| {
        let outcome = verify_header(&params, &trusted, &untrusted, NOW, tables).expect("an honest header");
        assert!(matches!(outcome, Outcome::Verified(_)));
    };
    let cold = || check(&KeyTables::new());
    let tables = KeyTables::new();
    (0..2).for_each(|_| check(&tables));
    let cached = || check(&tables);
    let mut group = criterion.benchmark_group("cometbft_light_block_150");
    group.bench_function("tendermint-light-client", |bencher| bencher.iter(peer_checks));
    group.bench_function("spandrel cold", |bencher| bencher.iter(cold));
    group.bench_function("spandrel cached", |bencher| bencher.iter(cached));
    group.finish();
    let one = rayon::ThreadPoolBuilder::new().num_threads(1).build().expect("a thread");
    print_ratio("cometbft_light_block_150_cold", 2.3, peer_checks, || one.install(cold));
    print_ratio("cometbft_light_block_150_cached", 4.0, peer_checks, || one.install(cached));
    print_thread_ratio("cometbft_light_block_150_cold", cold);
    print_thread_ratio("cometbft_light_block_150_cached", cached);
    print_memory("cometbft_client_header_150", untrusted.encode().len());
    let state = serde_json::to_vec(&TrustedState::new(trusted.clone())).expect("a state is stored");
    print_memory("cometbft_trusted_height_stored", state.len());
}

fn store_proofs(criterion: &mut Criterion) {
    compare_proofs(criterion, "ics23_proofs_256", Proven::Spread, Some(6.0));
    compare_proofs(criterion, "ics23_proofs_256_neighbours", Proven::Neighbours, None);
}

fn compare_proofs(criterion: &mut Criterion, name: &str, proven: Proven, target: Option<f64>) {
    let (app_hash, proofs) = proofs(KEYS, PROVEN, proven);
    let (iavl, simple, root) = (iavl_spec(), tendermint_spec(), app_hash.to_vec());
    let check = |proof: &StoreProof, [in_store, of_store]: [&CommitmentProof; 2]| {
        let verify = ics23::verify_membership::<HostFunctionsManager>;
        assert!(verify(in_store, &iavl, &proof.store_root, &proof.key, &proof.value));
        assert!(verify(of_store, &simple, &root, STORE, &proof.store_root));
    };
    let peer_checks = || {
        for proof in &proofs {
            let decode = |level: &Vec<u8>| CommitmentProof::decode(level.as_slice()).expect("an honest proof");
            let levels = proof.levels.each_ref().map(decode);
            check(proof, levels.each_ref());
        }
    };
    let peer_checks_decoded = || proofs.iter().for_each(|proof| check(proof, proof.peer.each_ref()));
    let claims: Vec<Membership<'_>> = proofs
        .iter()
        .map(|proof| Membership {
            root: app_hash,
            store: STORE,
            key: &proof.key,
            value: &proof.value,
            proof: &proof.encoded,
        })
        .collect();
    let ours_checks = || assert!(verify_memberships(&claims).iter().all(Result::is_ok));
    let mut group = criterion.benchmark_group(name);
    group.throughput(Throughput::Elements(PROVEN));
    group.bench_function("ics23", |bencher| bencher.iter(peer_checks));
    group.bench_function("spandrel", |bencher| bencher.iter(ours_checks));
    group.finish();
    let one = rayon::ThreadPoolBuilder::new().num_threads(1).build().expect("a thread");
    print_ratio(name, target, peer_checks, || one.install(ours_checks));
    print_ratio(&format!("{name}_peer_decoded"), None, peer_checks_decoded, || one.install(ours_checks));
    print_thread_ratio(name, ours_checks);
    print_memory("ics23_proof", proofs.iter().map(|proof| proof.encoded.len()).max().unwrap_or_default());
}

fn main() {
    let mut criterion = Criterion::default().configure_from_args().sample_size(20);
    light_blocks(&mut criterion);
    store_proofs(&mut criterion);
    criterion.final_summary();
}
