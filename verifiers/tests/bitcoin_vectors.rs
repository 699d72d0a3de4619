//! Public Bitcoin vectors against the verifier: header chains, Merkle proofs, raw blocks. Prints counts for each set.

mod bitcoin_miner;
#[path = "bitcoin_vectors/blocks.rs"]
mod blocks;
mod both_forms;
#[path = "bitcoin_vectors/chains.rs"]
mod chains;
#[path = "bitcoin_vectors/coverage.rs"]
mod coverage;
#[path = "bitcoin_vectors/files.rs"]
mod files;
#[path = "bitcoin_vectors/kinds.rs"]
mod kinds;
#[path = "bitcoin_vectors/partial.rs"]
mod partial;
#[path = "bitcoin_vectors/peer.rs"]
mod peer;
#[path = "bitcoin_vectors/proofs.rs"]
mod proofs;
#[path = "bitcoin_vectors/relays.rs"]
mod relays;
#[path = "bitcoin_vectors/rivals.rs"]
mod rivals;
#[path = "bitcoin_vectors/rows.rs"]
mod rows;
#[path = "bitcoin_vectors/sources.rs"]
mod sources;
#[expect(dead_code, reason = "other tests use the rest of it")]
mod vector_coverage;
