//! Bytes held by a trusted state and by a proof, counted at the allocator. Not a matter of time: no peer, no criterion.

#[expect(dead_code, reason = "other tests use the rest of it")]
#[path = "../../verifiers/tests/solana/maker.rs"]
mod maker;
#[expect(dead_code, reason = "other tests use the rest of it")]
#[path = "../../verifiers/tests/solana/scene.rs"]
mod scene;

use std::alloc::System;

use spandrel_benches::cometbft::{Blocks, NOW, blocks, params};
use spandrel_benches::committee::SyncNetwork;
use spandrel_benches::compare::print_memory;
use spandrel_benches::deposits::DepositBatch;
use spandrel_benches::headers::{genesis_chain, mine, now};
use spandrel_benches::inclusions::BlockOfDeposits;
use spandrel_benches::packets::PacketDeposit;
use spandrel_benches::solana_votes::recorded;
use spandrel_verifiers::cosmos::{KeyTables, TrustedState, verify_header};
use spandrel_verifiers::solana::TrustedSlots;
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

    let block = BlockOfDeposits::of(2_001, 1);
    print_proof("bitcoin_proof", block.evidence[0].clone().into());
    cosmos();
    solana();
}

/// A client of 150 validators: what it trusts, what its verifier keeps of their keys, and a deposit's proof with and
/// without the header that leads to it.
fn cosmos() {
    let PacketDeposit { verifier, trusted, now, evidence } = PacketDeposit::of(150);
    // Read anew, so that nothing is shared with what was there before.
    let stored = serde_json::to_vec(&trusted).expect("a state is stored");
    print_held("cometbft_trusted_one_height", || -> TrustedState { serde_json::from_slice(&stored).expect("a state") });
    verifier.verify(&trusted, &evidence, now).expect("honest evidence");
    let Blocks { trusted: anchor, untrusted, .. } = blocks(150);
    print_held("cometbft_key_tables_150", || {
        let tables = KeyTables::new();
        // Tables are made for a set that is seen for the second time.
        (0..2).for_each(|_| drop(verify_header(&params(), &anchor, &untrusted, NOW, &tables).expect("honest")));
        tables
    });
    let mut bare = evidence.clone();
    bare.headers.clear();
    print_proof("cosmos_proof_with_header_150", evidence.into());
    print_proof("cosmos_proof", bare.into());
}

/// A deposit's proof, and a stake table of an epoch with prepared keys.
fn solana() {
    print_proof("solana_proof", scene::Scene::shared().evidence.clone().into());
    match recorded() {
        Some(recorded) => print_held("solana_trusted_epoch", || TrustedSlots::new(recorded.table).expect("a table")),
        None => println!("skipped: solana_trusted_epoch: no vectors in SPANDREL_VECTORS"),
    }
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
