//! Regtest headers with their proof of work.

use alloy_primitives::{B256, Bytes};
use spandrel_verifiers::bitcoin::{Anchor, ChainParams, Header, HeaderChain};

/// Time of the first block after the genesis block.
pub const START: u32 = 1_700_000_000;
/// Easiest target on regtest.
pub const EASIEST: u32 = 0x207f_ffff;

/// A chain that trusts the regtest genesis block alone.
pub fn genesis_chain() -> HeaderChain {
    let params = ChainParams::regtest();
    let anchor = Anchor::genesis(&params).expect("the genesis block is an anchor");
    HeaderChain::new(params, anchor).expect("the genesis block starts a chain")
}

/// A version 4 header with the easiest target, mined.
pub fn mine(parent: B256, merkle_root: B256, time: u32) -> Header {
    mined(Header { hash: B256::ZERO, version: 4, parent, merkle_root, time, bits: EASIEST, nonce: 0 }, 1_000)
}

/// `header` with its hash, and with the first nonce of `tries` that gives it its work, if one does.
pub fn mined(mut header: Header, tries: u32) -> Header {
    for nonce in 0..tries.max(1) {
        header = Header::parse(&Header { nonce, ..header }.encode()).expect("80 bytes");
        if header.check_work(&ChainParams::regtest()).is_ok() {
            break;
        }
    }
    header
}

/// The 80 bytes.
pub fn bytes(header: &Header) -> Bytes {
    header.encode().into()
}
