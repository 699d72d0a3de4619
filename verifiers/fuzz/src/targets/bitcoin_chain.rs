//! A tree of mined headers: the best has most work, a refused batch changes nothing, and what is stored loads again.

use alloy_primitives::{B256, Bytes};
use libfuzzer_sys::arbitrary::{self, Arbitrary};
use spandrel_verifiers::bitcoin::{Header, HeaderChain};
use crate::headers::{EASIEST, START, bytes, genesis_chain, mined};

#[derive(Arbitrary, Debug)]
struct Block {
    parent: u8,
    version: i8,
    root: u8,
    later_by: i16,
    other_bits: Option<u32>,
    ends_batch: bool,
}

fuzz_target!(|blocks: Vec<Block>| {
    let mut chain = genesis_chain();
    let mut known = vec![(chain.best().hash, START)];
    let mut batch: Vec<Bytes> = Vec::new();
    let now = u64::from(START) + 100_000;
    for block in blocks.iter().take(64) {
        let (parent, parent_time) = known[usize::from(block.parent) % known.len()];
        let header = mined(
            Header {
                hash: B256::ZERO,
                version: block.version.into(),
                parent,
                merkle_root: B256::repeat_byte(block.root),
                time: parent_time.saturating_add_signed(block.later_by.into()),
                bits: block.other_bits.unwrap_or(EASIEST),
                nonce: 0,
            },
            32,
        );
        known.push((header.hash, header.time));
        batch.push(bytes(&header));
        if block.ends_batch {
            take(&mut chain, &std::mem::take(&mut batch), now);
        }
    }
    take(&mut chain, &batch, now);
    let work = chain.best_work();
    for (hash, _) in &known {
        if let Some((height, _)) = chain.header(*hash) {
            let found = chain.ancestor(*hash, height).map(|block| block.hash);
            assert_eq!(found, Some(*hash));
            assert!(height <= chain.best().height, "equal targets: more work is more height ({work})");
        }
    }
    let stored = serde_json::to_string(&chain).expect("a chain is stored");
    let loaded: HeaderChain = serde_json::from_str(&stored).expect("what was stored loads");
    assert_eq!((loaded.best(), loaded.best_work(), loaded.known()), (chain.best(), work, chain.known()));
});

fn take(chain: &mut HeaderChain, batch: &[Bytes], now: u64) {
    let (best, work, known) = (chain.best(), chain.best_work(), chain.known());
    match chain.extend(batch, now) {
        Ok(()) => assert!(chain.best_work() >= work),
        Err(_) => assert_eq!((chain.best(), chain.best_work(), chain.known()), (best, work, known)),
    }
}
