//! Hashing many messages: each way that this machine has, beside `sha2` and `alloy-primitives` one by one.

use criterion::{Criterion, Throughput};
use spandrel_benches::compare::{print_rate, print_ratio};
use spandrel_lanes::{
    Path, keccak256_each_into, keccak256_path, restrict_to, sha256_each_into, sha256_pairs_into, sha256_path,
    sha256d_each_into,
};

const COUNT: usize = 2_048;

/// A kind of input: its name, how many hashes, and what makes them.
type Kind<'a> = (&'a str, Box<dyn FnMut() + 'a>);

fn main() {
    let mut criterion = Criterion::default().configure_from_args().sample_size(20);
    let message = |seed: usize, length: usize| -> Vec<u8> { (0..length).map(|at| (seed + 7 * at) as u8).collect() };
    let pairs: Vec<[u8; 64]> = (0..COUNT).map(|seed| std::array::from_fn(|at| (seed + 7 * at) as u8)).collect();
    let headers: Vec<Vec<u8>> = (0..COUNT).map(|seed| message(seed, 80)).collect();
    let leaves: Vec<Vec<u8>> = (0..COUNT).map(|seed| message(seed, 300)).collect();
    let nodes: Vec<Vec<u8>> = (0..COUNT).map(|seed| message(seed, 532)).collect();
    let mixed: Vec<Vec<u8>> = (0..COUNT).map(|seed| message(seed, 33 + 499 * (seed % 3) / 2)).collect();
    let mut hashes = [(); 5].map(|()| vec![[0; 32]; COUNT]);
    let [one, two, three, four, five] = &mut hashes;
    let mut kinds: [Kind; 5] = [
        ("sha256_pairs", Box::new(|| sha256_pairs_into(&pairs, one))),
        ("sha256_300_bytes", Box::new(|| sha256_each_into(&leaves, two))),
        ("sha256d_headers", Box::new(|| sha256d_each_into(&headers, three))),
        ("keccak256_532_bytes", Box::new(|| keccak256_each_into(&nodes, four))),
        ("keccak256_mixed", Box::new(|| keccak256_each_into(&mixed, five))),
    ];
    let ways: Vec<Path> = Path::ALL.into_iter().filter(|path| path.is_available()).collect();
    for (name, hash) in &mut kinds {
        let mut group = criterion.benchmark_group(*name);
        group.throughput(Throughput::Elements(COUNT as u64));
        for way in &ways {
            restrict_to(Some(*way));
            group.bench_function(format!("{way:?}"), |bencher| bencher.iter(&mut *hash));
        }
        group.finish();
    }
    criterion.final_summary();
    restrict_to(None);
    println!("this machine: {:?} for SHA-256, {:?} for Keccak-256", sha256_path(), keccak256_path());
    for (name, hash) in &mut kinds {
        for way in &ways {
            restrict_to(Some(*way));
            print_rate(&format!("{name}_{way:?}").to_lowercase(), COUNT, &mut *hash);
        }
        let hash = std::cell::RefCell::new(hash);
        let by = |way: Option<Path>| {
            restrict_to(way);
            (*hash.borrow_mut())();
        };
        print_ratio(name, None, || by(Some(Path::Plain)), || by(None));
    }
}
