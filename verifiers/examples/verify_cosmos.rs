//! An IBC packet that a Cosmos chain committed to, proven to be a deposit: `cargo run --example verify_cosmos`.
//!
//! On a chain of four validators that really sign. Of a live chain, headers and proofs come from a node's RPC; types of
//! relayers turn into these (the `edge` feature).

#[expect(dead_code, reason = "the tests use the rest of it")]
#[path = "../tests/cosmos/chain.rs"]
mod chain;
#[expect(dead_code, reason = "the tests use the rest of it")]
#[path = "../tests/cosmos/scene.rs"]
mod scene;
#[expect(dead_code, reason = "the tests use the rest of it")]
#[path = "../tests/cosmos/store.rs"]
mod store;

use spandrel_verifiers::cosmos::{CosmosVerifier, TrustedState, Update};
use spandrel_verifiers::{Verifier, VerifyError};

use self::chain::{CHAIN, state};
use self::scene::{NOW, TRUSTING, params, route, scene};

fn main() -> Result<(), VerifyError> {
    run()
}

/// The steps of a relayer that has just started.
pub fn run() -> Result<(), VerifyError> {
    let scene = scene();

    // What is trusted: a header not older than the trusting period. What is asked for: packets of this route.
    let verifier = CosmosVerifier::new(params(CHAIN, TRUSTING), route())?;
    let mut trusted = TrustedState::new(state(&scene.anchor));

    // Evidence may bring the headers that lead from a trusted height to its own.
    let bringing = scene.evidence(5);
    let verified = verifier.verify(&trusted, &bringing, NOW)?;
    println!("verified    {} under height {}", verified.fact().id(), verified.under().height);

    // Or a header advances what is trusted, and deposits under it need none.
    verifier.advance(&mut trusted, &Update::Header(scene.header(10)), NOW)?;
    let mut bare = scene.evidence(6);
    bare.headers.clear();
    let verified = verifier.verify(&trusted, &bare, NOW)?;
    println!("verified    {} under height {}", verified.fact().id(), verified.under().height);

    // Another packet than the one of the proof.
    let mut swapped = bare;
    swapped.inclusion.packet = scene.inclusion(7).packet;
    let refused = verifier.verify(&trusted, &swapped, NOW);
    println!("refused     {}", refused.err().map(|error| error.to_string()).unwrap_or_default());
    Ok(())
}
