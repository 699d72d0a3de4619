//! A deposit on Ethereum, proven: `cargo run --example verify_ethereum`.
//!
//! On a network with the minimal preset, whose 32 keys really sign. On mainnet what nodes serve comes in place of
//! `World`, and nothing else changes.

#[expect(dead_code, reason = "the tests use the rest of it")]
#[path = "../tests/ethereum/chain.rs"]
mod chain;
#[path = "../tests/ethereum/networks.rs"]
mod networks;
#[path = "../tests/ethereum/planted.rs"]
mod planted;

use spandrel_verifiers::ethereum::{EthereumVerifier, LightClientStore, Update};
use spandrel_verifiers::{Verifier, VerifyError};

use self::chain::{OUTBOX, World};

fn main() -> Result<(), VerifyError> {
    run()
}

/// The steps of a relayer that has just started.
pub fn run() -> Result<(), VerifyError> {
    let World { network, execution, finality, .. } = World::new();
    let now = network.now();
    let verifier = EthereumVerifier::new(network.config.clone(), OUTBOX)?;

    // What is trusted: one recent beacon block root, from several sources. It commits to the committee that signs.
    let (root, bootstrap) = network.bootstrap(&network.block(64, None));
    let mut trusted = LightClientStore::bootstrap(&network.config, root, &bootstrap)?;

    // Nothing proves the deposit's block final yet.
    let evidence = execution.evidence(1, None);
    let early = verifier.verify(&trusted, &evidence, now);
    println!("not yet     {}", early.err().map(|error| error.to_string()).unwrap_or_default());

    // Consensus: two thirds of the committee say which block is final.
    verifier.advance(&mut trusted, &Update::Finality(Box::new(finality)), now)?;

    // Inclusion: the outbox's storage in that block's state holds the deposit's id.
    let verified = verifier.verify(&trusted, &evidence, now)?;
    println!("verified    {} under block {}", verified.fact().id(), verified.under().height);

    // Whatever is changed is refused by its name.
    let mut stolen = evidence;
    stolen.inclusion.deposit.recipient = Default::default();
    let refused = verifier.verify(&trusted, &stolen, now);
    println!("refused     {}", refused.err().map(|error| error.to_string()).unwrap_or_default());
    Ok(())
}
