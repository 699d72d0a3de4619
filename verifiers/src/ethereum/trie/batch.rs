//! Many proofs at once: those that share nodes walk together, so that a node is hashed and decoded once for all of
//! them, and what must be hashed is hashed side by side.
//!
//! Proofs are put in order of root and key. In that order the proofs that share a node are neighbours, at every level:
//! whether the next proof's node is one already read is a comparison of bytes. Each thread takes a run of neighbours;
//! only a node that two runs share is hashed once for each.
//!
//! A proof that lies is refused at its first false node. So `l` liars in a run whose honest proofs have `d` distinct
//! nodes make it hash at most `d + l + l / 4` nodes: their own, and an honest one again for every four lies about it.

use std::cmp::Ordering;

use alloy_primitives::{B256, Bytes};
use rayon::prelude::*;
use spandrel_lanes::{Hash, keccak256_each, keccak256_each_into};

use super::walk::{Answer, Start, Walk, at, read, require_last, require_short};
use super::{require_state_nodes, value};
use crate::VerifyError;

/// How many different nodes that claim one hash are kept to compare with. Only one can be right; who sends the others
/// makes his neighbours hash what they would have hashed alone, and no more.
const RIVALS: usize = 4;
/// Fewest proofs that are worth a thread.
const RUN: usize = 16;

/// A proof of what `root` holds at `key`.
#[derive(Clone, Copy, Debug)]
pub struct Query<'a, K> {
    /// Root of the trie.
    pub root: B256,
    /// The key.
    pub key: K,
    /// Nodes from the root down.
    pub proof: &'a [Bytes],
}

/// [`super::secure_value`] of each query, in order: the same answer or the same error, in less work.
///
/// What one bad query costs: one more node, its own false one, and of an honest one a quarter. 256 queries with a bad
/// one are to take at most 1.05 times as long as 256 good ones.
pub fn secure_values<'a, K: AsRef<[u8]>>(field: &str, queries: &[Query<'a, K>]) -> Vec<Answer<'a>> {
    let keys: Vec<&[u8]> = queries.iter().map(|query| query.key.as_ref()).collect();
    let mut hashes = vec![Hash::default(); keys.len()];
    let share = share(keys.len());
    keys.par_chunks(share)
        .zip(hashes.par_chunks_mut(share))
        .for_each(|(keys, hashes)| keccak256_each_into(keys, hashes));
    let hashed = queries.iter().zip(hashes);
    let hashed: Vec<_> = hashed.map(|(query, key)| Query { root: query.root, key, proof: query.proof }).collect();
    answers(field, &hashed, require_state_nodes)
}

/// [`super::value`] of each query, in order: the same answer or the same error, in less work.
pub fn values<'a, K: AsRef<[u8]> + Sync>(field: &str, queries: &[Query<'a, K>]) -> Vec<Answer<'a>> {
    answers(field, queries, |_, _| Ok(()))
}

fn answers<'a, K: AsRef<[u8]> + Sync>(
    field: &str,
    queries: &[Query<'a, K>],
    admit: impl Fn(&str, &[Bytes]) -> Result<(), VerifyError> + Sync,
) -> Vec<Answer<'a>> {
    if let [only] = queries {
        let answer = admit(field, only.proof).and_then(|()| value(field, only.root, only.key.as_ref(), only.proof));
        return vec![answer];
    }
    let order = by_root_and_key(queries);
    let walk = |run: &[Placed<'_, 'a, K>]| walk_together(field, run.iter().map(|(_, query)| *query), &admit);
    let walked = order.par_chunks(share(queries.len())).map(walk);
    let mut answers: Vec<Option<Answer<'a>>> = queries.iter().map(|_| None).collect();
    for (place, answer) in walked.collect::<Vec<_>>().into_iter().flatten() {
        if let Some(empty) = answers.get_mut(place) {
            *empty = Some(answer);
        }
    }
    let missing = || Err(VerifyError::invalid(field, "an answer", "none"));
    answers.into_iter().map(|answer| answer.unwrap_or_else(missing)).collect()
}

/// A query and its place among all, behind the first bytes of its key.
type Placed<'q, 'a, K> = (u64, (usize, &'q Query<'a, K>));

/// The queries in order of root and key. Most are of one root, and of keys that differ in their first bytes.
fn by_root_and_key<'q, 'a, K: AsRef<[u8]>>(queries: &'q [Query<'a, K>]) -> Vec<Placed<'q, 'a, K>> {
    let start = |key: &[u8]| {
        let bytes = key.iter().copied().chain([0; 8]).take(8);
        bytes.fold(0_u64, |start, byte| start.wrapping_shl(8) | u64::from(byte))
    };
    let is_of_one_root = queries.iter().zip(queries.iter().skip(1)).all(|(one, next)| one.root == next.root);
    let mut order: Vec<_> = queries.iter().enumerate().map(|query| (start(query.1.key.as_ref()), query)).collect();
    order.sort_unstable_by(|(one_start, (_, one)), (other_start, (_, other))| {
        let roots = if is_of_one_root { Ordering::Equal } else { one.root.cmp(&other.root) };
        let keys = || one.key.as_ref().cmp(other.key.as_ref());
        roots.then_with(|| one_start.cmp(other_start)).then_with(keys)
    });
    order
}

/// How many of `count` each thread takes.
fn share(count: usize) -> usize {
    count.div_ceil(rayon::current_num_threads().max(1)).max(RUN)
}

/// A proof on its way.
struct Walker<'k, 'a> {
    /// Where its answer belongs.
    place: usize,
    proof: &'a [Bytes],
    walk: Walk<'k>,
    /// Which of the level's nodes it meets.
    meets: usize,
}

/// A node that some proofs have at one level.
struct Met<'a> {
    bytes: &'a [u8],
    expected: B256,
}

fn walk_together<'q, 'a: 'q, K: AsRef<[u8]> + 'q>(
    field: &str,
    run: impl ExactSizeIterator<Item = (usize, &'q Query<'a, K>)>,
    admit: impl Fn(&str, &[Bytes]) -> Result<(), VerifyError>,
) -> Vec<(usize, Answer<'a>)> {
    let mut decided = Vec::with_capacity(run.len());
    let mut walkers = Vec::with_capacity(run.len());
    for (place, Query { root, key, proof }) in run {
        let start = admit(field, proof).map(|()| Walk::begin(field, *root, key.as_ref(), proof));
        match start {
            Ok(Start::At(walk)) => walkers.push(Walker { place, proof, walk, meets: 0 }),
            Ok(Start::Decided(answer)) => decided.push((place, answer.map(|()| None))),
            Err(error) => decided.push((place, Err(error))),
        }
    }
    let mut level = 0_usize;
    while !walkers.is_empty() {
        let mut met = Vec::new();
        walkers.retain_mut(|walker| match meet(&mut met, walker, field, level) {
            Ok(meets) => {
                walker.meets = meets;
                true
            }
            Err(error) => {
                decided.push((walker.place, Err(error)));
                false
            }
        });
        let bytes: Vec<&[u8]> = met.iter().map(|met: &Met<'a>| met.bytes).collect();
        #[cfg(test)]
        crate::counted::add(&crate::counted::TRIE_NODES, bytes.len());
        let hashes = keccak256_each(&bytes);
        let nodes = met.iter().zip(hashes).map(|(met, hash)| read(met.bytes, hash.into(), met.expected, level == 0));
        let nodes: Vec<_> = nodes.collect();
        walkers.retain_mut(|walker| {
            let through = match nodes.get(walker.meets) {
                Some(Ok(node)) => walker.walk.through(node),
                Some(Err(error)) => Err(error.clone()),
                None => return false,
            };
            let answer = match through {
                Ok(None) => return true,
                Ok(Some(value)) => require_last(field, level, walker.proof, value),
                Err(error) => Err(at(error, field, level)),
            };
            decided.push((walker.place, answer));
            false
        });
        level = level.saturating_add(1);
    }
    decided
}

/// Which of the nodes met so far is the walker's next; its own, if none is.
fn meet<'a>(met: &mut Vec<Met<'a>>, walker: &Walker<'_, 'a>, field: &str, level: usize) -> Result<usize, VerifyError> {
    let expected = walker.walk.expected;
    let bytes = walker.proof.get(level).ok_or_else(|| walker.walk.cut_short(field, walker.proof))?;
    require_short(bytes).map_err(|error| at(error, field, level))?;
    let rivals = met.iter().enumerate().rev().take(RIVALS).take_while(|(_, met)| met.expected == expected);
    let same = rivals.into_iter().find(|(_, met)| met.bytes == bytes.as_ref()).map(|(place, _)| place);
    Ok(same.unwrap_or_else(|| {
        met.push(Met { bytes, expected });
        met.len().saturating_sub(1)
    }))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use alloy_primitives::keccak256;
    use alloy_trie::proof::ProofRetainer;
    use alloy_trie::{HashBuilder, Nibbles};

    use super::*;
    use crate::counted::{TRIE_NODES, counting};

    /// A trie of 40 keys, and the proof of each.
    fn trie() -> (B256, Vec<(B256, Vec<Bytes>)>) {
        let mut keys: Vec<B256> = (0..40_u8).map(|n| keccak256([n])).collect();
        keys.sort_unstable();
        let paths: Vec<Nibbles> = keys.iter().map(Nibbles::unpack).collect();
        let mut builder = HashBuilder::default().with_proof_retainer(ProofRetainer::new(paths.clone()));
        paths.iter().for_each(|path| builder.add_leaf(*path, &[7; 40]));
        let root = builder.root();
        let nodes = builder.take_proof_nodes();
        let proof = |path: &Nibbles| nodes.matching_nodes_sorted(path).into_iter().map(|(_, node)| node).collect();
        (root, keys.into_iter().zip(paths.iter().map(proof)).collect())
    }

    #[test]
    fn liars_make_a_run_hash_no_more_than_the_stated_bound() {
        let (root, honest) = trie();
        let distinct = honest.iter().flat_map(|(_, proof)| proof).collect::<BTreeSet<_>>().len();
        for (liars_each, level) in [(0, 0), (1, 0), (1, 1), (3, 0), (4, 0), (5, 1), (9, 0)] {
            let mut all: Vec<(B256, Vec<Bytes>)> = Vec::new();
            for (key, proof) in &honest {
                for _ in 0..liars_each {
                    let mut false_one = proof.clone();
                    false_one[level] = [&all.len().to_be_bytes()[..], &[0xc0; 60]].concat().into();
                    all.push((*key, false_one));
                }
                all.push((*key, proof.clone()));
            }
            let queries: Vec<_> = all.iter().map(|(key, proof)| Query { root, key, proof }).collect();
            let run = queries.iter().enumerate();
            let (answers, hashed) =
                counting(&TRIE_NODES, || walk_together("proof", run, |_: &str, _: &[Bytes]| Ok(())));
            let proven: BTreeSet<usize> =
                answers.iter().filter(|(_, answer)| matches!(answer, Ok(Some(_)))).map(|(place, _)| *place).collect();
            let expected = (0..all.len()).filter(|place| place % (liars_each + 1) == liars_each);
            assert_eq!(proven, expected.collect(), "the honest ones, and none else");
            let liars = liars_each * honest.len();
            assert!(hashed <= distinct + liars + liars / RIVALS, "{hashed}: {liars} liars, {distinct} nodes");
            assert!(hashed >= distinct + liars);
        }
    }
}
