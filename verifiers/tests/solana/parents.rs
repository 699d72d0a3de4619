//! Which part of an Alpenglow block counts: a leader that takes another parent abandons what it sent before.

use alloy_primitives::{B256, Bytes, U256};
use spandrel_verifiers::solana::{Inclusion, Standing};

use super::alpenglow::{BANK, SCENE, SLOT};
use super::maker::{
    Block, NOW, PROOF, SET, capacity, entries, footer, header, key, terms, tick, transfer, update_parent,
};
use super::scene::depositor;

const FIRST: (u64, B256) = (299, B256::repeat_byte(0xaa));
const OTHER: (u64, B256) = (298, B256::repeat_byte(0xbb));

/// The block of slot 300 that begins on the first parent and counts on another.
fn block(batches: &[Vec<u8>], parent: (u64, B256)) -> Block {
    let all = [&[header(FIRST)], batches, &[footer(BANK, NOW), tick()]].concat();
    let block = Block::aligned(SLOT, FIRST, &all, &key("leader"));
    Block { parent_slot: parent.0, parent_block_id: parent.1, ..block }
}

fn deposit(amount: u64) -> Vec<u8> {
    entries(&[vec![transfer(&depositor(), amount, &terms().memo())]])
}

/// What the transfer in a batch of the block moves, the parent being shown by these shreds.
fn shown(block: &Block, batch: usize, parent: Vec<Bytes>) -> Result<U256, String> {
    let (block_id, shreds) = (block.double_id(), block.double(batch));
    let inclusion = Inclusion { slot: SLOT, block_id, shreds, entry: 0, transaction: 0, instruction: 1, parent };
    let trusted = SCENE.finalize(block).unwrap();
    let included = SCENE.verifier.include(&trusted, &inclusion, Standing::Final, NOW);
    included.map(|included| included.if_executed().amount).map_err(|error| error.field)
}

fn included(block: &Block, batch: usize, parent: &[usize]) -> Result<U256, String> {
    shown(block, batch, parent.iter().map(|index| block.shreds[*index].clone()).collect())
}

fn refused(field: &str) -> Result<U256, String> {
    Err(field.to_owned())
}

#[test]
fn a_transfer_that_update_parent_abandons_is_no_deposit() {
    let block = block(&[deposit(5), update_parent(OTHER), deposit(7)], OTHER);
    let [before, update] = [2 * SET - 1, 2 * SET];
    // The header names a parent that does not count.
    assert_eq!(included(&block, 1, &[0]), refused("parent"));
    assert_eq!(included(&block, 3, &[0]), refused("parent"));
    assert_eq!(included(&block, 1, &[before, update]), refused("shreds"));
    assert_eq!(included(&block, 3, &[before, update]), Ok(U256::from(7)));
}

#[test]
fn the_parent_is_shown_by_the_blocks_own_shreds_in_their_places() {
    let block = block(&[deposit(5), deposit(7)], FIRST);
    assert_eq!(included(&block, 1, &[0]), Ok(U256::from(5)));
    assert_eq!(included(&block, 2, &[0]), Ok(U256::from(7)));
    for other in [&[][..], &[1], &[SET], &[0, 0], &[0, SET], &[0, SET - 1, SET]] {
        assert_eq!(included(&block, 2, other), refused("parent"), "{other:?}");
    }
    // What stands in the place of a marker is none.
    assert_eq!(included(&block, 2, &[SET - 1, SET]), refused("parent[1].marker"));
    let stranger = Block::aligned(SLOT, FIRST, &[header(OTHER), tick()], &key("leader")).shreds[0].clone();
    assert_eq!(shown(&block, 1, vec![stranger]), refused("parent[0].root"));
    let headless = Block::aligned(SLOT, FIRST, &[deposit(5), footer(BANK, NOW), tick()], &key("leader"));
    assert_eq!(included(&headless, 0, &[0]), refused("parent[0].marker"));
}

/// A sender of transactions may write a marker where a set begins within a batch, and no node reads it there.
#[test]
fn a_marker_within_a_batch_abandons_nothing() {
    let planted = [vec![1; SET * capacity(PROOF)], update_parent(OTHER)].concat();
    let block = block(&[planted, deposit(5), update_parent(OTHER), deposit(7)], OTHER);
    assert_eq!(included(&block, 2, &[2 * SET - 1, 2 * SET]), refused("parent"));
    assert_eq!(included(&block, 2, &[4 * SET - 1, 4 * SET]), refused("shreds"));
    assert_eq!(included(&block, 4, &[4 * SET - 1, 4 * SET]), Ok(U256::from(7)));
}
