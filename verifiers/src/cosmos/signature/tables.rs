//! What is kept about the keys of validator sets, so that the next block of the same set costs less.
//!
//! The first block of a set only leaves a mark, once its signatures have passed; from the second on, tables of multiples of
//! each key stand ready (about 8 KiB a key). A set whose validators signed nothing leaves no mark: forged headers neither
//! have tables made nor put out those of honest sets. Nothing kept here changes a verdict.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use alloy_primitives::B256;
use curve25519_dalek::constants::ED25519_BASEPOINT_POINT;
use curve25519_dalek::edwards::{CompressedEdwardsY, EdwardsPoint};
use curve25519_dalek::traits::{Identity, VartimePrecomputedMultiscalarMul};
use curve25519_dalek::{edwards::VartimeEdwardsPrecomputation, scalar::Scalar};

use crate::cosmos::validators::{PublicKey, ValidatorSet};

/// How many sets are kept; the one used longest ago goes first.
const KEPT: usize = 4;

/// Largest set for which tables are made: 8 MiB of them.
const MAX_TABLED: usize = 1024;

/// A cache of tables of keys, by the hash of their set. Cheap to clone; clones share it.
#[derive(Clone, Default)]
pub struct KeyTables(Arc<Mutex<VecDeque<Kept>>>);

/// The hash of a set that has signed, and its tables once it was seen twice.
type Kept = (B256, Option<Arc<SetTable>>);

/// Multiples of the base point and of each key of one set.
pub(crate) struct SetTable {
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
        let table = self.take(hash)?.or_else(|| SetTable::of(set).map(Arc::new));
        self.put(hash, table.clone());
        table
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
    fn of(set: &ValidatorSet) -> Option<Self> {
        if set.validators().len() > MAX_TABLED {
            return None;
        }
        let points: Vec<_> = set.validators().iter().map(|validator| point_of(validator.key())).collect();
        let is_point = points.iter().map(Option::is_some).collect();
        let points = points.iter().map(|point| point.unwrap_or_else(EdwardsPoint::identity));
        let tables = VartimeEdwardsPrecomputation::new(std::iter::once(ED25519_BASEPOINT_POINT).chain(points));
        Some(Self { tables, is_point })
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
