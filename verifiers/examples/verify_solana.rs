//! A transfer in a Solana block, proven to be included and attested to have succeeded:
//! `cargo run --example verify_solana`.
//!
//! On a cluster of five validators that really sign. Of a live one, votes, banks and shreds come from a node that keeps
//! them.

#[expect(dead_code, reason = "other tests use the rest of it")]
#[path = "../tests/solana/maker.rs"]
mod maker;
#[expect(dead_code, reason = "the tests use the rest of it")]
#[path = "../tests/solana/scene.rs"]
mod scene;

use spandrel_verifiers::solana::{SolanaVerifier, Standing, TrustedSlots};
use spandrel_verifiers::{Verifier, VerifyError};

use self::maker::{NOW, config, table, validators};
use self::scene::{SLOT, Scene, finalizing};

fn main() -> Result<(), VerifyError> {
    run()
}

/// The steps of a relayer that has just started.
pub fn run() -> Result<(), VerifyError> {
    let evidence = &Scene::shared().evidence;

    // What is trusted: the stake table of an epoch, from several sources. What is asked for: transfers into one vault.
    let verifier = SolanaVerifier::new(config())?;
    let mut trusted = TrustedSlots::new(table(0, &validators()))?;

    // Consensus: two thirds of the stake voted for the block, and for one that follows from it 32 slots later or more.
    for update in finalizing(SLOT, evidence.inclusion.block_id) {
        verifier.advance(&mut trusted, &update, NOW)?;
    }

    // Inclusion: the transaction's bytes stand in that block. A failed one would too.
    let included = verifier.include(&trusted, &evidence.inclusion, Standing::Final, NOW)?;
    println!("included    {} in slot {}", included.transaction(), included.block().slot);

    // Only with the word of the witnesses, which is trusted, it is a deposit.
    let verified = verifier.verify(&trusted, evidence, NOW)?;
    println!("verified    {} under slot {}", verified.fact().id(), verified.under().height);
    let mut unattested = evidence.clone();
    unattested.execution.signatures.clear();
    let refused = verifier.verify(&trusted, &unattested, NOW);
    println!("refused     {}", refused.err().map(|error| error.to_string()).unwrap_or_default());
    Ok(())
}
