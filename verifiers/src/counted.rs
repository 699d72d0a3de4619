//! How much of some work this thread has done, for tests of what bad items cost their neighbours.

use std::cell::{Cell, RefCell};
use std::thread::LocalKey;

pub(crate) type Counter = Cell<usize>;

thread_local! {
    /// Nodes of Ethereum tries that were hashed.
    pub(crate) static TRIE_NODES: Counter = const { Cell::new(0) };
    /// Leaves and inner nodes of ICS-23 proofs that were hashed together.
    pub(crate) static STORE_NODES: Counter = const { Cell::new(0) };
    /// Nodes of Bitcoin's Merkle trees that were hashed, alone or together.
    pub(crate) static MERKLE_NODES: Counter = const { Cell::new(0) };
    /// Leaves of the trees of shreds that were hashed.
    pub(crate) static SHRED_LEAVES: Counter = const { Cell::new(0) };
    /// Inner nodes of the trees of shreds, and of those over their sets, that were hashed.
    pub(crate) static SHRED_NODES: Counter = const { Cell::new(0) };
    /// Batches of shreds that were checked.
    pub(crate) static SHRED_BATCHES: Counter = const { Cell::new(0) };
    /// BLS keys that were validated.
    pub(crate) static VALIDATED_KEYS: Counter = const { Cell::new(0) };
    /// ICS-23 claims that were checked once more by themselves.
    pub(crate) static SINGLE_CLAIMS: Counter = const { Cell::new(0) };
    /// Votes whose signatures were checked.
    pub(crate) static VOTES: Counter = const { Cell::new(0) };
    /// How many votes of each commit were checked.
    pub(crate) static COMMITS: RefCell<Vec<usize>> = const { RefCell::new(Vec::new()) };
    /// ed25519 signatures that were given to the library's single check.
    pub(crate) static SINGLE_SIGNATURES: Counter = const { Cell::new(0) };
    /// How many ed25519 signatures each batch equation was about.
    pub(crate) static VOTE_EQUATIONS: RefCell<Vec<usize>> = const { RefCell::new(Vec::new()) };
    /// Final exponentiations for Alpenglow's certificates.
    pub(crate) static FINAL_EXPONENTIATIONS: Counter = const { Cell::new(0) };
    /// The claims that each pairing equation was about.
    pub(crate) static EQUATIONS: RefCell<Vec<Vec<usize>>> = const { RefCell::new(Vec::new()) };
}

pub(crate) fn add(counter: &'static LocalKey<Counter>, more: usize) {
    counter.set(counter.get() + more);
}

/// What `work` returns, and how much it counted.
pub(crate) fn counting<T>(counter: &'static LocalKey<Counter>, work: impl FnOnce() -> T) -> (T, usize) {
    counter.set(0);
    let done = work();
    (done, counter.take())
}

/// What `work` returns on one thread, so that one counter sees all of it.
pub(crate) fn on_one_thread<T: Send>(work: impl FnOnce() -> T + Send) -> T {
    rayon::ThreadPoolBuilder::new().num_threads(1).build().expect("a thread").install(work)
}

#[path = "../tests/bitcoin_deposits/mod.rs"]
#[expect(dead_code, reason = "other tests use the rest of it")]
mod bitcoin_deposits;
#[path = "../tests/bitcoin_miner/mod.rs"]
mod bitcoin_miner;
#[path = "../tests/cosmos/chain.rs"]
#[expect(dead_code, reason = "other tests use the rest of it")]
mod chain;
mod headers;
mod inclusions;
#[path = "../tests/solana/maker.rs"]
#[expect(dead_code, reason = "other tests use the rest of it")]
pub(crate) mod maker;
#[path = "../tests/cosmos/scene.rs"]
mod scene;
#[path = "../tests/solana/scene.rs"]
#[expect(dead_code, reason = "other tests use the rest of it")]
mod solana_scene;
#[path = "../tests/cosmos/store.rs"]
#[expect(dead_code, reason = "other tests use the rest of it")]
pub(crate) mod store;
mod transfers;
mod votes;
