//! Many proofs of batches of entries at once: what they share is parsed and hashed once for all of them.
//!
//! Batches of one block have shreds in common: the last of one is the shred before the next, both lead through the same
//! later sets to the block's id, and where both have shreds of a set they meet at its nodes. So all shreds are put in
//! order of set and bytes, each distinct one is parsed once, and each distinct leaf and node of a set is hashed once.
//! What the proof of an item is made of then goes through the same checks as alone.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use alloy_primitives::B256;
use rayon::prelude::*;

use super::block::{Batch, BlockOf};
use super::evidence::{BlockPath, ShredProof};
use super::merkle::{DoubleTree, double_roots};
use super::shred::{SIGNATURE_LENGTH, Shred, set_of};
use crate::VerifyError;

/// Fewest shreds that are worth a thread.
const SHARE: usize = 64;

/// The distinct shreds and trees of many proofs.
pub(super) struct Pool<'a> {
    shreds: Vec<(&'a [u8], Result<Shred<'a>, VerifyError>)>,
    ids: BTreeMap<DoubleTree<'a>, Option<B256>>,
}

impl<'a> Pool<'a> {
    /// What these proofs are made of, as far as it will be looked at, and shreds that name the parents of their blocks.
    pub(super) fn of(proofs: &[(&'a ShredProof, BlockOf)], parents: impl Iterator<Item = &'a [u8]>) -> Self {
        let looked_at = || proofs.iter().filter_map(|(proof, block)| Some((*proof, proof.shreds(block).ok()?)));
        let mut shreds: Vec<&[u8]> = looked_at().flat_map(|(_, shreds)| shreds).chain(parents).collect();
        shreds.sort_unstable_by(|one, other| by_set(one, other));
        shreds.dedup();
        let parse = |share: &[&'a [u8]]| share.iter().copied().zip(Shred::parse_each(share)).collect::<Vec<_>>();
        let shreds = shares(&shreds).into_par_iter().flat_map_iter(parse).collect();
        let trees: BTreeMap<DoubleTree<'_>, ()> =
            looked_at().filter_map(|(proof, _)| Some((proof.block.tree()?, ()))).collect();
        let trees: Vec<DoubleTree<'_>> = trees.into_keys().collect();
        let ids = double_roots(&trees);
        Self { shreds, ids: trees.into_iter().zip(ids).collect() }
    }

    /// [`ShredProof::check`] of a proof that the pool was made of: the same verdict.
    pub(super) fn check(&self, proof: &ShredProof, block: &BlockOf) -> Result<Batch, VerifyError> {
        #[cfg(test)]
        crate::counted::add(&crate::counted::SHRED_BATCHES, 1);
        let shreds = proof.shreds(block)?.into_iter().map(|shred| self.shred(shred)).collect();
        proof.check_parsed(block, shreds, || self.id(&proof.block))
    }

    /// [`Shred::parse`] of one that the pool was made of.
    pub(super) fn shred(&self, bytes: &[u8]) -> Result<Shred<'a>, VerifyError> {
        let place = self.shreds.binary_search_by(|(other, _)| by_set(other, bytes)).ok();
        let found = place.and_then(|place| self.shreds.get(place)).map(|(_, shred)| shred.clone());
        found.unwrap_or_else(|| Err(VerifyError::malformed("shred", "one of the pool", "none")))
    }

    fn id(&self, path: &BlockPath) -> Option<B256> {
        self.ids.get(&path.tree()?).copied().flatten()
    }
}

/// By set, and by all bytes, the signature last: shreds of the same leaf are neighbours, and so are those of a set.
fn by_set(one: &[u8], other: &[u8]) -> Ordering {
    let split = |bytes| <[u8]>::split_at_checked(bytes, SIGNATURE_LENGTH).unwrap_or((&[], bytes));
    let ((one_signature, one_rest), (other_signature, other_rest)) = (split(one), split(other));
    let sets = set_of(one).cmp(&set_of(other));
    sets.then_with(|| one_rest.cmp(other_rest)).then_with(|| one_signature.cmp(other_signature))
}

/// Runs of whole sets, about as many as there are threads.
fn shares<'s, 'a>(shreds: &'s [&'a [u8]]) -> Vec<&'s [&'a [u8]]> {
    let share = shreds.len().div_ceil(rayon::current_num_threads().max(1)).max(SHARE);
    let (mut shares, mut rest, mut open) = (Vec::new(), shreds, 0_usize);
    for set in shreds.chunk_by(|one, next| set_of(one) == set_of(next)) {
        open = open.saturating_add(set.len());
        if open >= share
            && let Some((whole, behind)) = rest.split_at_checked(open)
        {
            shares.push(whole);
            (rest, open) = (behind, 0);
        }
    }
    shares.push(rest);
    shares
}
