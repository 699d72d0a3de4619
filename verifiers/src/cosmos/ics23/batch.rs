//! Many claims at once: what neighbours share is read once and hashed once, and the rest is hashed side by side.
//!
//! Proofs are put in order of app hash, store and key. Two neighbours then go different ways below the node at which
//! their keys part, and the same way from there to the root. Paths are written from the leaf up, so what they share is
//! how their bytes end: where the bytes that are left equal the end of the neighbour's, and a step of the neighbour's
//! begins there, his steps are taken over.
//!
//! Nothing is refused here. What this way does not show to hold is verified by itself, so that each result is that of
//! [`verify_membership`]. Such a claim costs at most twice what it costs alone, and its neighbours read what
//! they would have read alone.

use std::cmp::Ordering;

use alloy_primitives::B256;
use rayon::prelude::*;

use super::decode::{CommitmentProof, ExistenceProof, MAX_DEPTH};
use super::hashing::roots;
use super::multistore::{Membership, MerkleProof, verify_membership, verify_store};
use super::spec::IAVL;
use crate::VerifyError;

/// Fewest claims that are worth a thread.
const RUN: usize = 16;

/// App hash, store name, store root and proof: what the check of a store's place depends on.
type StoreClaim<'a> = (B256, &'a [u8], B256, &'a [u8]);

/// Checks many claims, a result per item equal to [`verify_membership`]'s: nodes of all are hashed level by level, and
/// a node that many proofs share is hashed once. Spreads over the threads of rayon.
///
/// A claim that fails is checked once more by itself, so that its refusal is that of the single check; no other is. A
/// forged proof between two honest ones can part them, so that the second's path is hashed again: at most its own path
/// and one more for each forged proof. 256 claims with a forged one are to take at most 1.1 times as long as 256 good
/// ones.
pub fn verify_memberships<'a>(claims: &[Membership<'a>]) -> Vec<Result<(), VerifyError>> {
    let mut order: Vec<(usize, &Membership<'a>)> = claims.iter().enumerate().collect();
    let mut pairs = claims.iter().zip(claims.iter().skip(1));
    let is_of_one_store = pairs.all(|(one, next)| one.root == next.root && one.store == next.store);
    order.sort_unstable_by(|(_, one), (_, other)| {
        let store = |claim: &Membership<'a>| (claim.root, claim.store);
        let stores = if is_of_one_store { Ordering::Equal } else { store(one).cmp(&store(other)) };
        stores.then_with(|| one.key.cmp(other.key))
    });
    let share = claims.len().div_ceil(rayon::current_num_threads().max(1)).max(RUN);
    let verified: Vec<_> = order.par_chunks(share).map(verify_run).collect();
    let mut results: Vec<Option<Result<(), VerifyError>>> = vec![None; claims.len()];
    for ((place, _), result) in order.iter().zip(verified.into_iter().flatten()) {
        if let Some(empty) = results.get_mut(*place) {
            *empty = Some(result);
        }
    }
    let missing = || Err(VerifyError::malformed("result", 1, 0));
    results.into_iter().map(|result| result.unwrap_or_else(missing)).collect()
}

/// A result for each claim of `run`, in order.
fn verify_run(run: &[(usize, &Membership<'_>)]) -> Vec<Result<(), VerifyError>> {
    let (mut proofs, mut tails): (Vec<InStore<'_>>, _) = (Vec::with_capacity(run.len()), Tails::default());
    for (at, (_, claim)) in run.iter().enumerate() {
        proofs.extend(InStore::read(at, claim, proofs.last(), &mut tails));
    }
    let roots = roots(&proofs.iter().map(|read| (&read.proof, read.shared)).collect::<Vec<_>>());
    let mut shown = vec![false; run.len()];
    // Proofs of one store under one app hash are mostly the same bytes.
    let mut verified: Option<StoreClaim<'_>> = None;
    for (read, store_root) in proofs.iter().zip(roots) {
        let (Some((_, claim)), Some(shown)) = (run.get(read.at), shown.get_mut(read.at)) else { continue };
        let of_store = (claim.root, claim.store, store_root, read.of_store);
        *shown = verified == Some(of_store);
        if !*shown && verify_store(claim.root, claim.store, store_root, read.of_store).is_ok() {
            (verified, *shown) = (Some(of_store), true);
        }
    }
    let result = |((_, claim), shown): (&(usize, &Membership<'_>), bool)| match shown {
        true => Ok(()),
        false => {
            #[cfg(test)]
            crate::counted::add(&crate::counted::SINGLE_CLAIMS, 1);
            verify_membership(claim)
        }
    };
    run.iter().zip(shown).map(result).collect()
}

/// A claim's proof in its store, of the claim's key and value, each of its operations checked.
struct InStore<'a> {
    /// Which of the run's claims it is for.
    at: usize,
    bytes: &'a [u8],
    proof: ExistenceProof<'a>,
    /// How many of its last steps are the last ones of the proof before.
    shared: usize,
    of_store: &'a [u8],
}

/// How many bytes there are from each step of a path to the end.
#[derive(Default)]
struct Tails {
    /// Of the last proof that was read.
    of_last: Vec<usize>,
    /// Of the one that is being read, as far as its steps are its own.
    own: Vec<usize>,
}

impl Tails {
    /// The last proof's step that begins so many bytes before the end.
    fn step(&self, tail: usize) -> Option<usize> {
        self.of_last.binary_search_by(|of_step| tail.cmp(of_step)).ok()
    }

    /// The one that was being read becomes the last. It takes over that one's steps from `joins` on.
    fn advance(&mut self, joins: Option<usize>) {
        let replaced = joins.unwrap_or(self.of_last.len());
        self.of_last.splice(..replaced, self.own.drain(..));
    }
}

impl<'a> InStore<'a> {
    /// `None` where the claim must be verified by itself; otherwise `tails` are then those of this proof.
    fn read(at: usize, claim: &Membership<'a>, before: Option<&Self>, tails: &mut Tails) -> Option<Self> {
        let MerkleProof { in_store, of_store } = MerkleProof::decode(claim.proof).ok()?;
        let bytes = CommitmentProof::single_existence(in_store)?;
        let common = before.map_or(0, |before| common_end(before.bytes, bytes));
        let (mut proof, mut fields) = ExistenceProof::decode_leaf(bytes).ok()?;
        proof.require(claim.key, claim.value).ok()?;
        proof.path.reserve(tails.of_last.len());
        tails.own.clear();
        let joins = loop {
            let left = fields.left();
            let joins = (left <= common).then(|| tails.step(left)).flatten();
            if joins.is_some() {
                break joins;
            }
            if !proof.read_step(&mut fields).ok()? {
                fields.end().ok()?;
                break None;
            }
            tails.own.push(left);
        };
        proof.check(&IAVL).ok()?;
        let mut shared = 0;
        if let Some((before, place)) = before.zip(joins) {
            let own = proof.path.len();
            let steps = before.proof.path.get(place..)?;
            proof.path.extend_from_slice(steps);
            shared = steps.len();
            // Checked as steps of the proof before; what is asked of a step grows with how far above the leaf it is.
            let is_higher = own > place;
            let mut higher = steps.iter().zip(own..).filter(|_| is_higher);
            if proof.path.len() > MAX_DEPTH || higher.any(|(step, index)| IAVL.check_inner(index, step).is_err()) {
                return None;
            }
        }
        tails.advance(joins);
        Some(Self { at, bytes, proof, shared, of_store })
    }
}

/// How many last bytes two strings have in common.
fn common_end(one: &[u8], other: &[u8]) -> usize {
    const WORD: usize = 32;
    let ((_, words), (_, other_words)) = (one.as_rchunks::<WORD>(), other.as_rchunks::<WORD>());
    let words = words.iter().rev().zip(other_words.iter().rev()).take_while(|(one, other)| one == other).count();
    let whole = words.saturating_mul(WORD);
    let before = |bytes: &'_ [u8]| bytes.len().saturating_sub(whole);
    let (one, other) = (one.get(..before(one)).unwrap_or_default(), other.get(..before(other)).unwrap_or_default());
    let bytes = one.iter().rev().zip(other.iter().rev()).take_while(|(one, other)| one == other).count();
    whole.saturating_add(bytes)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::counted::store::{App, Leaf, commitments, field};
    use crate::counted::{SINGLE_CLAIMS, STORE_NODES, counting};

    fn proof_of(app: &App, leaf: &Leaf) -> Vec<u8> {
        [field(1, &leaf.proof()), field(1, &app.stores.leaf(b"ibc").proof())].concat()
    }

    /// A proof that is well formed, and leads to another root.
    fn forged(leaf: &Leaf, at: usize) -> Leaf {
        let mut leaf = leaf.clone();
        let step = &mut leaf.path[at];
        // The last byte of a sibling's hash, before the length of the child where it stands in the prefix.
        match step.suffix.last_mut() {
            Some(last) => *last ^= 1,
            None => {
                let place = step.prefix.len() - 2;
                step.prefix[place] ^= 1;
            }
        }
        leaf
    }

    /// Results, claims that were checked alone, and nodes that were hashed together.
    fn work(app: &App, leaves: &[Leaf]) -> (Vec<bool>, usize, usize) {
        let proofs: Vec<_> = leaves.iter().map(|leaf| proof_of(app, leaf)).collect();
        let claim = |(leaf, proof): (&'_ Leaf, &'_ Vec<u8>)| (leaf.key.clone(), leaf.value.clone(), proof.clone());
        let owned: Vec<_> = leaves.iter().zip(&proofs).map(claim).collect();
        let claims: Vec<_> = owned
            .iter()
            .map(|(key, value, proof)| Membership { root: app.app_hash(), store: b"ibc", key, value, proof })
            .collect();
        let run: Vec<_> = claims.iter().enumerate().collect();
        let ((results, alone), hashed) = counting(&STORE_NODES, || counting(&SINGLE_CLAIMS, || verify_run(&run)));
        (results.iter().map(Result::is_ok).collect(), alone, hashed)
    }

    #[test]
    fn forged_proofs_cost_a_run_no_more_than_the_stated_bound() {
        let app = App::new(&commitments(48));
        let honest = &app.ibc.leaves;
        let (results, alone, least) = work(&app, honest);
        assert!(results.iter().all(|is_ok| *is_ok));
        // The leaves, and the tree's inner nodes, which are one fewer.
        assert_eq!((alone, least), (0, 2 * honest.len() - 1));
        let longest = honest.iter().map(|leaf| leaf.path.len()).max().unwrap();
        for every in [1, 2, 7] {
            for from_root in [0, 1, 3] {
                let mut leaves = Vec::new();
                let mut bad = BTreeSet::new();
                for (index, leaf) in honest.iter().enumerate() {
                    leaves.push(leaf.clone());
                    if index % every == 0 {
                        bad.insert(leaves.len());
                        leaves.push(forged(leaf, leaf.path.len() - 1 - from_root));
                    }
                }
                let (results, alone, hashed) = work(&app, &leaves);
                let refused = results.iter().enumerate().filter(|(_, is_ok)| !**is_ok).map(|(place, _)| place);
                assert_eq!(refused.collect::<BTreeSet<_>>(), bad);
                assert_eq!(alone, bad.len(), "none but the forged are checked alone");
                let most = least + 2 * bad.len() * (longest + 2);
                assert!(hashed <= most, "{hashed} of {most}: every {every}th, {from_root} below the root");
            }
        }
    }
}
