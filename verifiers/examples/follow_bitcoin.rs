//! The two steps of every chain, on Bitcoin: headers advance a trusted state, inclusion under it proves deposits.
//!
//! Runs on regtest, where a header is mined in a moment: `cargo run --example follow_bitcoin`.

use alloy_primitives::B256;
use bitcoin::hashes::Hash;
use bitcoin::{BlockHash, CompactTarget, TxMerkleNode, block};
use spandrel_verifiers::bitcoin::{
    Anchor, BitcoinVerifier, ChainParams, ConfirmationPolicy, HeaderChain, HeaderUpdate,
};
use spandrel_verifiers::{Verifier, VerifyError};

fn main() -> Result<(), VerifyError> {
    run()
}

/// Ten blocks, and one that breaks a rule.
pub fn run() -> Result<(), VerifyError> {
    // What is trusted: the network's rules and one block. On mainnet, a recent block from several sources.
    let params = ChainParams::regtest();
    let anchor = Anchor::genesis(&params)?;
    let mut trusted = HeaderChain::new(params.clone(), anchor)?;

    // What is verified for: the vault's key, and how deep a deposit must stand. The key here is any point: x of 2·G.
    let vault: B256 = "0xc6047f9441ed7d6d3045406e95c07cd85c778e4b8cef3ca7abac09b95c709ee5".parse().unwrap_or_default();
    let verifier = BitcoinVerifier::new(params, vault, ConfirmationPolicy::flat(6))?;

    // Consensus: every header is checked in full; the branch with most work is followed.
    let start = 1_700_000_000;
    for height in 1..=10 {
        let header = mine(trusted.best().hash, start + 600 * height);
        let update = HeaderUpdate { headers: vec![bitcoin::consensus::serialize(&header).into()] };
        verifier.advance(&mut trusted, &update, u64::from(start + 600 * height))?;
    }
    let best = trusted.best();
    println!("best block {} {} after work {}", best.height, best.hash, trusted.best_work());

    // A header that breaks a rule names it, and changes nothing.
    let early = mine(best.hash, start);
    let update = HeaderUpdate { headers: vec![bitcoin::consensus::serialize(&early).into()] };
    let refused = verifier.advance(&mut trusted, &update, u64::from(start + 6_000));
    println!("refused: {}", refused.err().map(|error| error.to_string()).unwrap_or_default());

    // Inclusion: `verifier.verify(&trusted, &evidence, now)` gives a `Verified<Deposit>`, which nothing else can make.
    Ok(())
}

fn mine(parent: B256, time: u32) -> block::Header {
    let mut header = block::Header {
        version: block::Version::from_consensus(0x2000_0000),
        prev_blockhash: BlockHash::from_byte_array(parent.0),
        merkle_root: TxMerkleNode::from_byte_array([0; 32]),
        time,
        bits: CompactTarget::from_consensus(0x207f_ffff),
        nonce: 0,
    };
    while header.validate_pow(header.target()).is_err() {
        header.nonce += 1;
    }
    header
}
