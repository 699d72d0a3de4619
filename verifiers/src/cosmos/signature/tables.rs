//! What is kept about the keys of validator sets, so that the next block of the same set costs less.
//!
//! The first block of a set only leaves a mark, once its signatures have passed; from the second on, tables of multiples of
//! each key stand ready. A set whose validators signed nothing leaves no mark: forged headers neither have tables made nor
//! put out those of honest sets. Nothing kept here changes a verdict.
//!
//! On processors with AVX2 a key's table holds 39 KiB, and is made once for all sets that are kept: from block to block a
//! set changes in a few keys, or in powers alone. Elsewhere a set's tables are made together, about 8 KiB a key.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};

use alloy_primitives::B256;
use curve25519_dalek::constants::ED25519_BASEPOINT_POINT;
use curve25519_dalek::edwards::{CompressedEdwardsY, EdwardsPoint};
use curve25519_dalek::traits::{Identity, VartimePrecomputedMultiscalarMul};
use curve25519_dalek::{edwards::VartimeEdwardsPrecomputation, scalar::Scalar};
use rayon::prelude::*;
use spandrel_lanes::ed25519::Multiples;

use crate::cosmos::validators::{PublicKey, ValidatorSet};
use crate::exact;

/// How many sets are kept; the one used longest ago goes first.
const KEPT: usize = 4;

/// Largest set for which tables are made: 39 MiB of them, and four times that if no two of the sets kept share a key.
const MAX_TABLED: usize = 1024;

/// Keys that are prepared together.
const KEYS_AT_ONCE: usize = 4;

/// A cache of tables of keys, by the hash of their set. Cheap to clone; clones share it.
#[derive(Clone, Default)]
pub struct KeyTables(Arc<Mutex<VecDeque<Kept>>>);

/// The hash of a set that has signed, and its tables once it was seen twice.
type Kept = (B256, Option<Arc<SetTable>>);

/// Multiples of the keys of one set.
pub(crate) enum SetTable {
    /// By seat, for four signatures at once, each checked exactly. `None` for a key that is no ed25519 point.
    Lanes(Vec<Option<Tabled>>),
    /// For one equation over many signatures.
    Equation(EquationTable),
}

/// A key with multiples of its point.
#[derive(Clone)]
pub(crate) struct Tabled {
    /// As it is written.
    pub(super) key: [u8; 32],
    /// Of its point.
    pub(super) multiples: Arc<Multiples>,
}

/// Multiples of the base point and of each key.
pub(crate) struct EquationTable {
    tables: VartimeEdwardsPrecomputation,
    is_point: Vec<bool>,
}

impl KeyTables {
    /// An empty cache.
    pub fn new() -> Self {
        Self::default()
    }

    /// The tables of `set`, whose hash is `hash`, if it has signed before.
    pub(crate) fn of(&self, hash: B256, set: &ValidatorSet) -> Option<Arc<SetTable>> {
        let table = self.take(hash)?.or_else(|| SetTable::of(set, &self.known()).map(Arc::new));
        self.put(hash, table.clone());
        table
    }

    /// The keys that have tables in any set.
    fn known(&self) -> HashMap<[u8; 32], Tabled> {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let tables = kept.iter().filter_map(|(_, table)| match table.as_deref() {
            Some(SetTable::Lanes(keys)) => Some(keys.iter().flatten()),
            _ => None,
        });
        tables.flatten().map(|tabled| (tabled.key, tabled.clone())).collect()
    }

    /// The set with this hash has signed a block.
    pub(crate) fn signed(&self, hash: B256) {
        let table = self.take(hash).flatten();
        self.put(hash, table);
    }

    fn take(&self, hash: B256) -> Option<Option<Arc<SetTable>>> {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let index = kept.iter().position(|(known, _)| *known == hash)?;
        kept.remove(index).map(|(_, table)| table)
    }

    fn put(&self, hash: B256, table: Option<Arc<SetTable>>) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.retain(|(known, _)| *known != hash);
        kept.push_back((hash, table));
        if kept.len() > KEPT {
            kept.pop_front();
        }
    }
}

impl std::fmt::Debug for KeyTables {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        f.debug_list().entries(kept.iter().map(|(hash, table)| (hash, table.is_some()))).finish()
    }
}

impl SetTable {
    fn of(set: &ValidatorSet, known: &HashMap<[u8; 32], Tabled>) -> Option<Self> {
        if set.validators().len() > MAX_TABLED {
            return None;
        }
        let keys: Vec<&PublicKey> = set.validators().iter().map(|validator| validator.key()).collect();
        let in_lanes = keys.par_chunks(KEYS_AT_ONCE).map(|keys| in_lanes(keys, known)).collect::<Option<Vec<_>>>();
        Some(match in_lanes {
            Some(chunks) => Self::Lanes(chunks.concat()),
            None => Self::Equation(EquationTable::of(&keys)),
        })
    }
}

/// The keys with their multiples, those that are known already or new ones; `None` where there are no lanes.
pub(super) fn in_lanes(keys: &[&PublicKey], known: &HashMap<[u8; 32], Tabled>) -> Option<Vec<Option<Tabled>>> {
    let new = keys.iter().filter_map(|key| match key {
        PublicKey::Ed25519(key) if !known.contains_key(key) => Some((*key, decompress(*key)?)),
        _ => None,
    });
    let (new, points): (Vec<[u8; 32]>, Vec<EdwardsPoint>) = new.unzip();
    let multiples = exact::prepare(&points)?.into_iter().map(|multiples| multiples.map(Arc::new));
    let made: HashMap<[u8; 32], Arc<Multiples>> =
        new.into_iter().zip(multiples).filter_map(|(key, multiples)| Some((key, multiples?))).collect();
    let tabled = |key: &&PublicKey| {
        let PublicKey::Ed25519(key) = **key else { return None };
        let made = || made.get(&key).map(|multiples| Tabled { key, multiples: multiples.clone() });
        known.get(&key).cloned().or_else(made)
    };
    Some(keys.iter().map(tabled).collect())
}

impl EquationTable {
    pub(super) fn of(keys: &[&PublicKey]) -> Self {
        let points: Vec<_> = keys.iter().map(|key| point_of(key)).collect();
        let is_point = points.iter().map(Option::is_some).collect();
        let points = points.iter().map(|point| point.unwrap_or_else(EdwardsPoint::identity));
        let tables = VartimeEdwardsPrecomputation::new(std::iter::once(ED25519_BASEPOINT_POINT).chain(points));
        Self { tables, is_point }
    }

    /// Whether the key in `seat` is an ed25519 point.
    pub(super) fn has(&self, seat: usize) -> bool {
        self.is_point.get(seat).copied().unwrap_or_default()
    }

    /// `Σ fixed · (base point, keys…) + Σ scalars · points`.
    pub(super) fn sum(&self, fixed: &[Scalar], scalars: &[Scalar], points: &[EdwardsPoint]) -> EdwardsPoint {
        self.tables.vartime_mixed_multiscalar_mul(fixed, scalars, points)
    }
}

/// The point that `bytes` encode, reduced or not (ZIP-215).
pub(super) fn decompress(bytes: [u8; 32]) -> Option<EdwardsPoint> {
    CompressedEdwardsY(bytes).decompress()
}

fn point_of(key: &PublicKey) -> Option<EdwardsPoint> {
    match key {
        PublicKey::Ed25519(key) => decompress(*key),
        PublicKey::Secp256k1(_) => None,
    }
}
