//! A leader who shows validators one block and keeps other shreds under the same root, for a prover to bring.

use alloy_primitives::{B256, Bytes, keccak256};
use spandrel_verifiers::solana::{BlockPath, Consensus, ShredProof, decode_entries};

use super::maker::{Block, Piece, SHRED_VERSION, Set, entries, key, terms, transfer};
use super::scene::{SLOT, depositor};

const PARENT: (u64, B256) = (SLOT - 1, B256::repeat_byte(9));

/// Data shreds of a set whose last ends a batch, and the block if `ends_slot`. One entry, without transactions.
fn ticks(ends_slot: bool) -> Vec<Piece> {
    let mut pieces = vec![(Vec::new(), 0); 32];
    pieces[0].0 = entries(&[vec![]]);
    pieces[31].1 = if ends_slot { 0xc0 } else { 0x40 };
    pieces
}

/// A shred that ends a batch, and one that is a batch with a transfer that no validator has seen.
fn forged() -> [Piece; 2] {
    let transfer = transfer(&depositor(), u64::MAX, &terms().memo());
    [(Vec::new(), 0x40), (entries(&[vec![transfer]]), 0x40)]
}

/// A block of two sets, and what is hidden in the first.
fn block(extra: &[Piece], shallow: &[(usize, Piece)]) -> (Block, Vec<Bytes>) {
    let leader = key("leader");
    let set = |first, chained| Set { slot: SLOT, parent: PARENT.0, first, chained };
    let (mut shreds, root) = set(0, PARENT.1).shred(&[&ticks(false)[..], extra].concat(), shallow, &leader);
    let hidden = shreds.split_off(32);
    let (second, last) = set(32, root).shred(&ticks(true), &[], &leader);
    shreds.extend(second);
    let (parent_slot, parent_block_id) = PARENT;
    let batches = vec![(0, 31), (32, 63)];
    (Block { parent_slot, parent_block_id, shreds, roots: vec![root, last], batches }, hidden)
}

/// What each path says of a batch right after a shred.
fn refusals(block: &Block, before: &Bytes, batch: &Bytes) -> [Option<String>; 2] {
    // All that validators see is a block, and proves what it should.
    for batch in 0..2 {
        let chained = block.chained(batch).payload(SLOT, block.chained_id(), SHRED_VERSION, Consensus::Tower);
        let double = block.double(batch).payload(SLOT, block.double_id(), SHRED_VERSION, Consensus::Alpenglow);
        assert_eq!(decode_entries(&chained.unwrap()).unwrap(), decode_entries(&double.unwrap()).unwrap());
    }
    let with = |block| ShredProof { before: Some(before.clone()), batch: vec![batch.clone()], block };
    let chained = with(BlockPath::Chained { tail: vec![block.shreds[32].clone()] });
    let double = with(block.double(0).block);
    [
        chained.payload(SLOT, block.chained_id(), SHRED_VERSION, Consensus::Tower),
        double.payload(SLOT, block.double_id(), SHRED_VERSION, Consensus::Alpenglow),
    ]
    .map(|payload| payload.err().map(|error| error.field))
}

#[test]
fn data_shreds_in_places_of_coding_shreds_are_no_part_of_the_block() {
    let (block, hidden) = block(&forged(), &[]);
    let field = Some("before.fec_set_index".to_owned());
    assert_eq!(refusals(&block, &hidden[0], &hidden[1]), [field.clone(), field]);
}

/// At half the depth a place belongs to two shreds of the real tree: to coding shreds, from the 16th place on.
#[test]
fn data_shreds_at_another_depth_are_no_part_of_the_block() {
    let [end, batch] = forged();
    let (block, hidden) = block(&[], &[(20, end), (21, batch)]);
    let field = Some("before.variant".to_owned());
    assert_eq!(refusals(&block, &hidden[0], &hidden[1]), [field.clone(), field]);
}

/// What stands behind the end of a block, in its last set, is seen by nobody.
#[test]
fn a_block_ends_with_a_whole_set() {
    let leader = key("leader");
    let set = Set { slot: SLOT, parent: PARENT.0, first: 0, chained: PARENT.1 };
    for (end, field) in [(31, None), (20, Some("batch[20].flags"))] {
        let mut pieces = ticks(true);
        pieces[31].1 = 0x40;
        pieces[end].1 = 0xc0;
        let (shreds, root) = set.shred(&pieces, &[], &leader);
        let batch = shreds[..=end].to_vec();
        let proof = ShredProof { before: None, batch, block: BlockPath::Chained { tail: Vec::new() } };
        let payload = proof.payload(SLOT, root, SHRED_VERSION, Consensus::Tower);
        assert_eq!(payload.err().map(|error| error.field).as_deref(), field);
    }
}

/// A set of Alpenglow or of TowerBFT begins at a multiple of 32, and so its shreds cannot be read as another set's.
#[test]
fn sets_begin_where_validators_let_them_begin() {
    let leader = key("leader");
    let first = 16;
    let set = Set { slot: SLOT, parent: PARENT.0, first, chained: keccak256("a set before") };
    let (shreds, root) = set.shred(&ticks(true), &[], &leader);
    let before = Set { slot: SLOT, parent: PARENT.0, first: 0, chained: PARENT.1 };
    let (short, _) = before.shred(&ticks(false), &[], &leader);
    let proof =
        ShredProof { before: Some(short[15].clone()), batch: shreds, block: BlockPath::Chained { tail: Vec::new() } };
    let error = proof.payload(SLOT, root, SHRED_VERSION, Consensus::Tower).unwrap_err();
    assert_eq!(error.field, "batch[0].fec_set_index");
}
