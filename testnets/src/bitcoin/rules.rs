//! The consensus rules of regtest that this node checks on every block, its own ones included.
//!
//! Source: Bitcoin Core `kernel/chainparams.cpp` (regtest), `validation.cpp` (`CheckBlock`,
//! `ContextualCheckBlockHeader`, `ContextualCheckBlock`). No retargeting; all soft forks active from height 1.

use std::collections::HashSet;

use bitcoin::block::Header;
use bitcoin::script::Builder;
use bitcoin::{Amount, Block, CompactTarget, ScriptBuf};

use super::error::Fault;

/// Compact target of every regtest block (`fPowNoRetargeting`).
pub const BITS: u32 = 0x207f_ffff;

/// Blocks before a coinbase output may be spent.
pub const COINBASE_MATURITY: u32 = 100;

/// Seconds a block may be ahead of the clock.
const MAX_FUTURE: u64 = 2 * 60 * 60;

const HALVING_INTERVAL: u32 = 150;
const MAX_WEIGHT: u64 = 4_000_000;

/// New coins of the block at `height`, in satoshis: 50 BTC, halved every 150 blocks on regtest.
pub fn subsidy(height: u32) -> Amount {
    let halvings = height / HALVING_INTERVAL;
    Amount::from_sat(5_000_000_000u64.checked_shr(halvings).unwrap_or(0))
}

/// What a coinbase's input script begins with (BIP 34): the height as a minimal push, `OP_1` to `OP_16` included.
pub fn height_push(height: u32) -> ScriptBuf {
    Builder::new().push_int(i64::from(height)).into_script()
}

/// Checks a header against its parent: target, proof of work, time.
pub fn check_header(header: &Header, median_time_past: u32, now: u64) -> Result<(), Fault> {
    if header.bits != CompactTarget::from_consensus(BITS) {
        return Err(Fault::rejected("bad-diffbits"));
    }
    if header.validate_pow(header.target()).is_err() {
        return Err(Fault::rejected("high-hash"));
    }
    if header.time <= median_time_past {
        return Err(Fault::rejected("time-too-old"));
    }
    if u64::from(header.time) > now.saturating_add(MAX_FUTURE) {
        return Err(Fault::rejected("time-too-new"));
    }
    Ok(())
}

/// Checks what a block says about itself at `height`: Merkle root, coinbase, witness commitment, weight.
pub fn check_block(block: &Block, height: u32) -> Result<(), Fault> {
    let unique: HashSet<_> = block.txdata.iter().map(|tx| tx.compute_txid()).collect();
    if unique.len() != block.txdata.len() {
        return Err(Fault::rejected("bad-txns-duplicate"));
    }
    if !block.check_merkle_root() {
        return Err(Fault::rejected("bad-txnmrklroot"));
    }
    let Some((coinbase, rest)) = block.txdata.split_first() else {
        return Err(Fault::rejected("bad-blk-length"));
    };
    if !coinbase.is_coinbase() {
        return Err(Fault::rejected("bad-cb-missing"));
    }
    if rest.iter().any(|tx| tx.is_coinbase()) {
        return Err(Fault::rejected("bad-cb-multiple"));
    }
    if !coinbase.input[0].script_sig.as_bytes().starts_with(height_push(height).as_bytes()) {
        return Err(Fault::rejected("bad-cb-height"));
    }
    if !block.check_witness_commitment() {
        return Err(Fault::rejected("bad-witness-merkle-match"));
    }
    if block.weight().to_wu() > MAX_WEIGHT {
        return Err(Fault::rejected("bad-blk-weight"));
    }
    Ok(())
}
