//! A difficulty period of headers beside rust-bitcoin's decoding, linking and `validate_pow`.
//!
//! `bitcoin_headers_2016` is the same work on both sides: decode each header, hash it, check the hash against the stated
//! target. `bitcoin_chain_2016` is all that `HeaderChain::extend` does beside the same peer: also parents, median time,
//! difficulty rules, work sums, and a tree that can be asked. Both on one thread.

use alloy_primitives::Bytes;
use bitcoin::BlockHash;
use bitcoin::block::Header;
use bitcoin::consensus::encode::deserialize;
use bitcoin::hashes::Hash;
use criterion::{Criterion, Throughput};
use rayon::ThreadPoolBuilder;
use spandrel_benches::compare::{print_memory, print_rate, print_ratio, print_thread_ratio};
use spandrel_benches::headers::{genesis_chain, mine, now};
use spandrel_verifiers::bitcoin::{ChainParams, HeaderChain, check_work_each};

const COUNT: u32 = 2016;

fn main() {
    let mut criterion = Criterion::default().configure_from_args().sample_size(40);
    let (headers, genesis, now) = (mine(COUNT), genesis_chain(), now(COUNT));
    let params = ChainParams::regtest();
    let ours_checks = || {
        let checked = check_work_each(&params, &headers);
        checked.iter().fold(genesis.best().hash, |parent, header| {
            let header = header.as_ref().expect("mined headers");
            assert_eq!(header.parent, parent);
            header.hash
        })
    };
    let chain_checks = || {
        let mut chain = genesis.clone();
        chain.extend(&headers, now).expect("mined headers");
        chain.best().height
    };
    let start = BlockHash::from_byte_array(genesis.best().hash.0);
    let peer_checks = || {
        headers.iter().fold(start, |parent, bytes| {
            let header: Header = deserialize(bytes).expect("80 bytes");
            assert_eq!(header.prev_blockhash, parent);
            header.validate_pow(header.target()).expect("mined headers")
        })
    };
    assert_eq!(chain_checks(), u64::from(COUNT));
    assert_eq!(ours_checks().0, peer_checks().to_byte_array());
    let mut group = criterion.benchmark_group("bitcoin_headers");
    group.throughput(Throughput::Elements(COUNT.into()));
    group.bench_function("rust-bitcoin", |bencher| bencher.iter(peer_checks));
    group.bench_function("spandrel", |bencher| bencher.iter(ours_checks));
    group.bench_function("spandrel, chain", |bencher| bencher.iter(chain_checks));
    group.finish();
    criterion.final_summary();
    let one_thread = ThreadPoolBuilder::new().num_threads(1).build().expect("a thread");
    one_thread.install(|| {
        print_ratio("bitcoin_headers_2016", 8.0, peer_checks, ours_checks);
        print_ratio("bitcoin_chain_2016", None, peer_checks, chain_checks);
        print_rate("bitcoin_headers", headers.len(), ours_checks);
        print_rate("bitcoin_chain_headers", headers.len(), chain_checks);
        print_rate("bitcoin_headers_of_rust_bitcoin", headers.len(), peer_checks);
    });
    print_thread_ratio("bitcoin_headers_2016", ours_checks);
    print_thread_ratio("bitcoin_chain_2016", chain_checks);
    print_memory("bitcoin_chain_per_header", bytes_per_header(&genesis, &headers, now));
}

/// Bytes that a chain holds for each header beyond the anchor.
fn bytes_per_header(genesis: &HeaderChain, headers: &[Bytes], now: u64) -> usize {
    let mut chain = genesis.clone();
    chain.extend(headers, now).expect("mined headers");
    (chain.memory() - genesis.memory()) / headers.len()
}
