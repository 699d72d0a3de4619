//! Absence: the two neighbours between which a key would stand, with nothing between them.

use alloy_primitives::B256;

use super::decode::{ExistenceProof, InnerOp, NonExistenceProof};
use super::existence::require_root;
use super::spec::{Branch, ProofSpec};
use crate::VerifyError;
use crate::error::shown;

impl NonExistenceProof<'_> {
    /// The root under which `key` has no value.
    ///
    /// # Errors
    /// Names `key`, `left`, `right`, or what of them is not as `spec` or the order of keys demands.
    pub fn root(&self, spec: &ProofSpec, key: &[u8]) -> Result<B256, VerifyError> {
        if key.is_empty() || self.key != key {
            return Err(VerifyError::invalid("key", shown(key), shown(self.key)));
        }
        let root_of = |side: &str, proof: &ExistenceProof<'_>| proof.root(spec).map_err(|error| error.within(side));
        let left = self.left.as_ref().map(|left| root_of("left", left)).transpose()?;
        let right = self.right.as_ref().map(|right| root_of("right", right)).transpose()?;
        if let Some(left) = self.left.as_ref().filter(|left| left.key >= key) {
            return Err(VerifyError::invalid("left.key", format!("below {}", shown(key)), shown(left.key)));
        }
        if let Some(right) = self.right.as_ref().filter(|right| right.key <= key) {
            return Err(VerifyError::invalid("right.key", format!("above {}", shown(key)), shown(right.key)));
        }
        self.require_neighbours(spec)?;
        match (left, right) {
            (Some(left), Some(right)) => {
                require_root(left, right)?;
                Ok(left)
            }
            (Some(root), None) | (None, Some(root)) => Ok(root),
            (None, None) => Err(VerifyError::invalid("proof", "a neighbour", "none")),
        }
    }

    /// Checks that `key` has no value under `root`.
    ///
    /// # Errors
    /// As [`Self::root`], and `root`.
    pub fn verify(&self, spec: &ProofSpec, root: B256, key: &[u8]) -> Result<(), VerifyError> {
        require_root(root, self.root(spec, key)?)
    }

    /// Nothing can stand between the two; or before the first, or behind the last.
    fn require_neighbours(&self, spec: &ProofSpec) -> Result<(), VerifyError> {
        let ok = match (&self.left, &self.right) {
            (Some(left), Some(right)) => are_neighbours(spec, &left.path, &right.path),
            (Some(left), None) => is_all(spec, &left.path, Branch::Right),
            (None, Some(right)) => is_all(spec, &right.path, Branch::Left),
            (None, None) => false,
        };
        if ok {
            return Ok(());
        }
        let [left, right] = [&self.left, &self.right].map(|neighbour| {
            neighbour.as_ref().map_or_else(|| "none".to_owned(), |neighbour| format!("key {}", shown(neighbour.key)))
        });
        let found = format!("{left} and {right}");
        Err(VerifyError::invalid("path", "neighbours, or the first or last leaf", found))
    }
}

/// Whether the path goes the same way at each step: to the first or the last leaf of its tree.
fn is_all(spec: &ProofSpec, path: &[InnerOp<'_>], branch: Branch) -> bool {
    path.iter().all(|step| spec.branch(step) == Some(branch))
}

/// From the root down both go together; where they part, one goes left and the other right; from there the left one
/// keeps to the right and the right one to the left.
fn are_neighbours(spec: &ProofSpec, left: &[InnerOp<'_>], right: &[InnerOp<'_>]) -> bool {
    let together = left.iter().rev().zip(right.iter().rev()).take_while(|(left, right)| left == right).count();
    let below = |path: &[InnerOp<'_>]| path.len().checked_sub(together);
    let parts = |path: &'_ [InnerOp<'_>]| -> Option<(Option<Branch>, usize)> {
        let rest = path.get(..below(path)?)?;
        let (parting, under) = rest.split_last()?;
        Some((spec.branch(parting), under.len()))
    };
    match (parts(left), parts(right)) {
        (Some((Some(Branch::Left), left_under)), Some((Some(Branch::Right), right_under))) => {
            left.get(..left_under).is_some_and(|under| is_all(spec, under, Branch::Right))
                && right.get(..right_under).is_some_and(|under| is_all(spec, under, Branch::Left))
        }
        _ => false,
    }
}
