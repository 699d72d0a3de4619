//! A difficulty period of headers: `HeaderChain::extend` beside rust-bitcoin's decoding, linking and `validate_pow`.
//!
//! Ours does more in its time: median time, difficulty rules, work sums, and a tree that can be asked.

use bitcoin::BlockHash;
use bitcoin::block::Header;
use bitcoin::consensus::encode::deserialize;
use bitcoin::hashes::Hash;
use criterion::{Criterion, Throughput};
use spandrel_benches::compare::print_ratio;
use spandrel_benches::headers::{genesis_chain, mine, now};

const COUNT: u32 = 2016;

fn main() {
    let mut criterion = Criterion::default().configure_from_args().sample_size(40);
    let (headers, genesis, now) = (mine(COUNT), genesis_chain(), now(COUNT));
    let ours_checks = || {
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
    assert_eq!(ours_checks(), u64::from(COUNT));
    let mut group = criterion.benchmark_group("bitcoin_headers");
    group.throughput(Throughput::Elements(COUNT.into()));
    group.bench_function("rust-bitcoin", |bencher| bencher.iter(peer_checks));
    group.bench_function("spandrel", |bencher| bencher.iter(ours_checks));
    group.finish();
    criterion.final_summary();
    print_ratio("bitcoin_headers_2016", 8.0, peer_checks, ours_checks);
}
