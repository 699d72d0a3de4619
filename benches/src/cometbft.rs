//! Light blocks that `tendermint-testgen` signs, as the peer's types and as ours.

use alloy_primitives::B256;
use spandrel_verifiers::cosmos::{ClientHeader, ClientParams, CommitSig, ConsensusState, Fraction, LightBlock};
use tendermint::{AppHash, Time};
use tendermint_light_client::verifier::types::LightBlock as PeerBlock;
use tendermint_testgen::{Generator, Header, LightBlock as Generated, Validator};

/// Unix seconds at which the blocks are verified.
pub const NOW: u64 = 1_700_000_100;

/// Seconds for which a header is trusted.
pub const TRUSTING_PERIOD: u64 = 1_000_000;

/// A trusted block and one some heights above it, for both sides.
#[derive(Clone, Debug)]
pub struct Blocks {
    /// Trusted, as the peer has it.
    pub peer_trusted: PeerBlock,
    /// To be verified, as the peer has it.
    pub peer_untrusted: PeerBlock,
    /// Trusted.
    pub trusted: ConsensusState,
    /// To be verified.
    pub untrusted: ClientHeader,
}

/// Blocks at heights 5 and 60 of one set of `count` validators of equal power, all of which sign.
pub fn blocks(count: usize) -> Blocks {
    blocks_over(count, B256::ZERO)
}

/// The same, both over the state whose root is `app_hash`.
///
/// # Panics
/// Never: the blocks are made here.
pub fn blocks_over(count: usize, app_hash: B256) -> Blocks {
    let (peer_trusted, peer_untrusted) = (block(count, 5, app_hash), block(count, 60, app_hash));
    let ours = |block: &PeerBlock| LightBlock::try_from(block).expect("a generated block");
    let trusted = ours(&peer_trusted);
    let untrusted = ours(&peer_untrusted).verified_from(&trusted);
    let trusted = trusted.check().expect("a generated block");
    Blocks { peer_trusted, peer_untrusted, trusted, untrusted }
}

impl Blocks {
    /// The block to be verified, with one bit of one signature changed: of the last validator that is counted, where two
    /// thirds of `count` equal powers are more than all before it, so that all the others are found right first.
    pub fn with_a_bad_signature(&self) -> ClientHeader {
        let mut bad = self.untrusted.clone();
        let signatures = &mut bad.signed_header.commit.signatures;
        let last = signatures.len() * 2 / 3;
        if let CommitSig::ForBlock(vote) = &mut signatures[last] {
            vote.signature.0[0] ^= 1;
        }
        bad
    }
}

/// Parameters of a client of the generated chain.
pub fn params() -> ClientParams {
    ClientParams {
        chain_id: "test-chain".to_owned(),
        trusting_period: TRUSTING_PERIOD,
        unbonding_period: 2 * TRUSTING_PERIOD,
        max_clock_drift: 1,
        trust_level: Fraction::ONE_THIRD,
    }
}

fn block(count: usize, height: u32, app_hash: B256) -> PeerBlock {
    let validators: Vec<_> = (0..count).map(|n| Validator::new(&format!("v{n}")).voting_power(50)).collect();
    let time = Time::from_unix_timestamp(1_700_000_000 + i64::from(height), 0).expect("a time");
    let app_hash = AppHash::try_from(app_hash.to_vec()).expect("any bytes are one");
    let header = Header::new(&validators).height(height.into()).chain_id("test-chain").next_validators(&validators);
    let header = header.time(time).app_hash(app_hash);
    let block = Generated::new_default_with_header(header).generate().expect("a block");
    PeerBlock::new(block.signed_header, block.validators, block.next_validators, block.provider)
}
