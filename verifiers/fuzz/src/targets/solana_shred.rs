//! Shreds, alone and as the proof of a batch: a transfer is included by the honest shreds, or by ones that differ in the
//! leader's signature alone.

use std::sync::LazyLock;

use crate::patch::{Patch, patched};
use crate::solana::{Block, NOW, config, entries, key, table, terms, transfer, validators, votes};
use alloy_primitives::{B256, Bytes};
use spandrel_verifiers::Verifier;
use spandrel_verifiers::solana::{Ballot, Inclusion, Shred, SolanaVerifier, Standing, TrustedSlots, Update};

static SCENE: LazyLock<(SolanaVerifier, TrustedSlots, Inclusion)> = LazyLock::new(|| {
    let deposit = transfer(&key("depositor"), 5, &terms().memo());
    let other = transfer(&key("other"), 1, "another memo");
    let batches = [entries(&[vec![other.clone(); 9]]), entries(&[vec![other; 9], vec![deposit]]), entries(&[vec![]])];
    let block = Block::new(100, (99, B256::ZERO), &batches, &key("leader"));
    let (slot, block_id) = (100, block.chained_id());
    let verifier = SolanaVerifier::new(config()).expect("a valid config");
    let mut trusted = TrustedSlots::new(table(0, &validators())).expect("a valid table");
    let ballot = Ballot { slot, bank_hash: B256::ZERO, block_id };
    verifier.advance(&mut trusted, &Update::Votes(votes(ballot, &validators())), NOW).expect("honest votes");
    let inclusion = Inclusion {
        slot,
        block_id,
        shreds: block.chained(1),
        entry: 1,
        transaction: 0,
        instruction: 1,
        parent: vec![],
    };
    (verifier, trusted, inclusion)
});

fuzz_target!(|input: (u8, Vec<Patch>)| {
    let (verifier, trusted, honest) = &*SCENE;
    let mut inclusion = honest.clone();
    let shreds = &mut inclusion.shreds.batch;
    let place = usize::from(input.0) % shreds.len();
    let bytes = Bytes::from(patched(shreds[place].to_vec(), &input.1));
    if let Ok(shred) = Shred::parse(&bytes) {
        assert!(matches!(bytes.len(), 1_203 | 1_228) && !shred.root.is_zero());
    }
    let is_same = bytes.get(64..) == honest.shreds.batch[place].get(64..);
    shreds[place] = bytes;
    assert_eq!(verifier.include(trusted, &inclusion, Standing::Voted, NOW).is_ok(), is_same);
});
