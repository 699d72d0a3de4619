//! One leaf and its root.

use alloy_primitives::B256;

use super::decode::ExistenceProof;
use super::hashing::root;
use super::spec::ProofSpec;
use crate::VerifyError;
use crate::error::shown;

impl ExistenceProof<'_> {
    /// Everything but hashes: the operations are the spec's, the tree is binary, key and value are not empty.
    ///
    /// # Errors
    /// Names the field.
    pub(super) fn check(&self, spec: &ProofSpec) -> Result<(), VerifyError> {
        let is_binary = |(index, step)| spec.is_binary_step(index, step);
        if spec.is_leaf(self) && self.has_key_and_value() && self.path.iter().enumerate().all(is_binary) {
            return Ok(());
        }
        self.refusal(spec)
    }

    fn has_key_and_value(&self) -> bool {
        !self.key.is_empty() && !self.value.is_empty()
    }

    /// The same rules one after another, each by itself, for the name of the one that is broken.
    fn refusal(&self, spec: &ProofSpec) -> Result<(), VerifyError> {
        spec.check(self)?;
        if self.key.is_empty() {
            return Err(VerifyError::invalid("key", "a key", "nothing"));
        }
        if self.value.is_empty() {
            return Err(VerifyError::invalid("value", "a value", "nothing"));
        }
        match self.path.iter().enumerate().find(|(_, step)| spec.branch(step).is_none()) {
            Some((index, step)) => {
                let found = format!("{} before its child, {} behind it", shown(step.prefix), shown(step.suffix));
                Err(VerifyError::invalid(format!("path[{index}]"), "a node of two children", found))
            }
            None => Ok(()),
        }
    }

    /// The root under which the key has the value.
    ///
    /// # Errors
    /// When the proof is not of `spec`.
    pub fn root(&self, spec: &ProofSpec) -> Result<B256, VerifyError> {
        self.check(spec)?;
        Ok(root(self))
    }

    /// Checks that `key` has `value` under `root`.
    ///
    /// # Errors
    /// Names `key`, `value`, `root`, or the part of the proof that is not of `spec`.
    pub fn verify(&self, spec: &ProofSpec, root: B256, key: &[u8], value: &[u8]) -> Result<(), VerifyError> {
        self.require(key, value)?;
        require_root(root, self.root(spec)?)
    }

    /// The proof must be of exactly this key and value.
    pub(super) fn require(&self, key: &[u8], value: &[u8]) -> Result<(), VerifyError> {
        for (field, expected, found) in [("key", key, self.key), ("value", value, self.value)] {
            if expected != found {
                return Err(VerifyError::invalid(field, shown(expected), shown(found)));
            }
        }
        Ok(())
    }
}

pub(super) fn require_root(expected: B256, found: B256) -> Result<(), VerifyError> {
    if expected == found { Ok(()) } else { Err(VerifyError::invalid("root", expected, found)) }
}
