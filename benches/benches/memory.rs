//! Bytes held by a trusted state and by a proof, counted at the allocator. Not a matter of time: no peer, no criterion.

use std::alloc::System;

use spandrel_benches::committee::SyncNetwork;
use spandrel_benches::compare::print_memory;
use spandrel_benches::deposits::DepositBatch;
use spandrel_benches::headers::{genesis_chain, mine, now};
use spandrel_verifiers::{Evidence, Verifier};
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

const HEADERS: u32 = 2016;

fn main() {
    let headers = mine(HEADERS);
    print_held("bitcoin_trusted_anchor", genesis_chain);
    print_held("bitcoin_trusted_2016_headers", || {
        let mut chain = genesis_chain();
        chain.extend(&headers, now(HEADERS)).expect("mined headers");
        chain
    });
    let network = SyncNetwork::new();
    print_held("ethereum_trusted_512_keys", || network.store());

    let DepositBatch { verifier, trusted, now, evidence } = DepositBatch::of(64);
    print_proof("ethereum_proof", evidence[0].clone().into());
    print_held("verified_deposit", || verifier.verify(&trusted, &evidence[0], now).expect("honest evidence"));
}

/// Prints the size of what `make` makes, with all that it owns; what is made and dropped on the way does not count.
fn print_held<T>(name: &str, make: impl FnOnce() -> T) {
    print_memory(name, held(make));
}

/// Prints the size of evidence in memory and on the wire.
fn print_proof(name: &str, evidence: Evidence) {
    let wire = evidence.to_bytes();
    print_memory(&format!("{name}_in_memory"), held(|| Evidence::from_bytes(&wire).expect("what was written")));
    print_memory(&format!("{name}_on_the_wire"), wire.len());
}

fn held<T>(make: impl FnOnce() -> T) -> usize {
    let region = Region::new(ALLOCATOR);
    let made = make();
    let change = region.change();
    drop(made);
    size_of::<T>() + change.bytes_allocated - change.bytes_deallocated
}
