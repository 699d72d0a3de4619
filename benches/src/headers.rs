//! Bitcoin headers with their proof of work, mined on regtest.

use alloy_primitives::Bytes;
use bitcoin::block::{Header, Version};
use bitcoin::consensus::encode::serialize;
use bitcoin::hashes::Hash;
use bitcoin::{Network, TxMerkleNode, constants::genesis_block};
use spandrel_verifiers::bitcoin::{Anchor, ChainParams, HeaderChain};

/// Time of the first mined block.
const START: u32 = 1_700_000_000;

/// Mines `count` headers of 80 bytes on the regtest genesis block, ten minutes apart, parents first.
pub fn mine(count: u32) -> Vec<Bytes> {
    let mut parent = genesis_block(Network::Regtest).header;
    (0..count)
        .map(|index| {
            let mut header = Header {
                version: Version::from_consensus(0x2000_0000),
                prev_blockhash: parent.block_hash(),
                merkle_root: TxMerkleNode::hash(&index.to_le_bytes()),
                time: START + 600 * index,
                bits: parent.bits,
                nonce: 0,
            };
            while header.validate_pow(header.target()).is_err() {
                header.nonce += 1;
            }
            parent = header;
            serialize(&header).into()
        })
        .collect()
}

/// Unix seconds at which none of `count` mined headers is in the future.
pub fn now(count: u32) -> u64 {
    u64::from(START) + 600 * u64::from(count)
}

/// A chain that trusts the regtest genesis block alone.
///
/// # Panics
/// Never: the genesis block follows its own rules.
pub fn genesis_chain() -> HeaderChain {
    let params = ChainParams::regtest();
    let anchor = Anchor::genesis(&params).expect("the genesis block is an anchor");
    HeaderChain::new(params, anchor).expect("the genesis block starts a chain")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mined_headers_extend_the_genesis_block() {
        let mut chain = genesis_chain();
        chain.extend(&mine(20), now(20)).unwrap();
        assert_eq!(chain.best().height, 20);
    }
}
