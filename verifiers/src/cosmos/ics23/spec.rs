//! The two specs by which Cosmos chains are proven (ICS-23, `IavlSpec` and `TendermintSpec`), and what they ask of a
//! proof's operations.

use super::decode::{ExistenceProof, InnerOp, LeafOp};
use crate::VerifyError;
use crate::protobuf::read_varint;

/// Both trees hash with SHA-256.
const SHA256: u32 = 1;

/// Keys are not hashed before they enter a leaf.
const NO_HASH: u32 = 0;

/// Lengths are varints.
const VAR_PROTO: u32 = 1;

/// What a leaf's preimage begins with, and an inner node's must not.
const LEAF_PREFIX: u8 = 0;

/// Byte that says in IAVL that a child's hash of 32 bytes follows.
const IAVL_CHILD: u8 = 32;

/// A kind of binary tree: SHA-256, leaves of `0x00 … key, SHA-256(value)`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProofSpec {
    /// Bytes that a child takes in its parent's preimage.
    child_size: usize,
    /// Fewest bytes before the first child.
    min_prefix: usize,
    /// Most bytes before the first child.
    max_prefix: usize,
    is_iavl: bool,
}

/// IAVL: a store's tree.
pub const IAVL: ProofSpec = ProofSpec { child_size: 33, min_prefix: 4, max_prefix: 12, is_iavl: true };

/// The simple Merkle tree of CometBFT: the tree of the stores' roots.
pub const TENDERMINT: ProofSpec = ProofSpec { child_size: 32, min_prefix: 1, max_prefix: 1, is_iavl: false };

/// Which child of its parent a step's node is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Branch {
    Left,
    Right,
}

impl ProofSpec {
    /// Whether the operations of `proof` are those of this spec (ICS-23, `CheckAgainstSpec`).
    ///
    /// # Errors
    /// Names `leaf` or `path[i]` and the field in it.
    pub fn check(&self, proof: &ExistenceProof<'_>) -> Result<(), VerifyError> {
        let Some(leaf) = &proof.leaf else { return Err(VerifyError::malformed("leaf", "present", "absent")) };
        self.check_leaf(leaf)?;
        for (index, step) in proof.path.iter().enumerate() {
            self.check_inner(index, step).map_err(|error| error.within(&format!("path[{index}]")))?;
        }
        Ok(())
    }

    fn check_leaf(&self, leaf: &LeafOp<'_>) -> Result<(), VerifyError> {
        let operations = [
            ("leaf.hash", SHA256, leaf.hash),
            ("leaf.prehash_key", NO_HASH, leaf.prehash_key),
            ("leaf.prehash_value", SHA256, leaf.prehash_value),
            ("leaf.length", VAR_PROTO, leaf.length),
        ];
        for (field, expected, found) in operations {
            if expected != found {
                return Err(VerifyError::invalid(field, expected, found));
            }
        }
        let is_leaf = leaf.prefix.first() == Some(&LEAF_PREFIX);
        let is_whole = match self.is_iavl {
            true => iavl_numbers(leaf.prefix, 0).is_some_and(|rest| rest.is_empty()),
            false => leaf.prefix.len() == 1,
        };
        if is_leaf && is_whole {
            Ok(())
        } else {
            Err(VerifyError::invalid("leaf.prefix", "the prefix of a leaf", hex::encode(leaf.prefix)))
        }
    }

    /// Of the step that is `index` steps above the leaf.
    pub(super) fn check_inner(&self, index: usize, step: &InnerOp<'_>) -> Result<(), VerifyError> {
        if step.hash != SHA256 {
            return Err(VerifyError::invalid("hash", SHA256, step.hash));
        }
        let longest = self.max_prefix.saturating_add(self.child_size);
        if !(self.min_prefix..=longest).contains(&step.prefix.len()) {
            let expected = format!("{} to {longest} bytes", self.min_prefix);
            return Err(VerifyError::invalid("prefix", expected, step.prefix.len()));
        }
        if step.prefix.first() == Some(&LEAF_PREFIX) {
            return Err(VerifyError::invalid("prefix", "not that of a leaf", hex::encode(step.prefix)));
        }
        if !step.suffix.len().is_multiple_of(self.child_size) {
            let expected = format!("a multiple of {} bytes", self.child_size);
            return Err(VerifyError::invalid("suffix", expected, step.suffix.len()));
        }
        if self.is_iavl {
            let least_height = i64::try_from(index).unwrap_or(i64::MAX).saturating_add(1);
            let rest = iavl_numbers(step.prefix, least_height);
            if !rest.is_some_and(|rest| rest.len() == 1 || rest.len() == self.child_size.saturating_add(1)) {
                let expected = format!("height of at least {least_height}, size, version, children");
                return Err(VerifyError::invalid("prefix", expected, hex::encode(step.prefix)));
            }
        }
        Ok(())
    }

    /// Whether the leaf's operations are this spec's.
    pub(super) fn is_leaf(&self, proof: &ExistenceProof<'_>) -> bool {
        proof.leaf.as_ref().is_some_and(|leaf| self.check_leaf(leaf).is_ok())
    }

    /// Whether the step, `index` above the leaf, is of this spec and has exactly two children: what
    /// [`Self::check_inner`] and [`Self::branch`] say, its prefix being read once.
    #[inline]
    pub(super) fn is_binary_step(&self, index: usize, step: &InnerOp<'_>) -> bool {
        let longest = self.max_prefix.saturating_add(self.child_size);
        let is_inner = step.hash == SHA256
            && (self.min_prefix..=longest).contains(&step.prefix.len())
            && step.prefix.first() != Some(&LEAF_PREFIX);
        let least_height = i64::try_from(index).unwrap_or(i64::MAX).saturating_add(1);
        is_inner && self.branch_from(least_height, step).is_some()
    }

    /// Which child the node below is; `None` unless the step has exactly two children, each as the spec writes it.
    pub(super) fn branch(&self, step: &InnerOp<'_>) -> Option<Branch> {
        self.branch_from(0, step)
    }

    /// The same; and `None` where IAVL writes a height below `least_height`.
    #[inline]
    fn branch_from(&self, least_height: i64, step: &InnerOp<'_>) -> Option<Branch> {
        let before = match self.is_iavl {
            true => {
                let rest = iavl_numbers(step.prefix, least_height)?;
                // Each hash behind its length: the last byte of the prefix is that of the child below.
                let (length, sibling) = rest.split_last()?;
                if *length != IAVL_CHILD {
                    return None;
                }
                sibling
            }
            false => step.prefix.get(self.min_prefix..)?,
        };
        match (before.len(), step.suffix.len()) {
            (0, suffix) if suffix == self.child_size && self.is_child(step.suffix) => Some(Branch::Left),
            (prefix, 0) if prefix == self.child_size && self.is_child(before) => Some(Branch::Right),
            _ => None,
        }
    }

    fn is_child(&self, bytes: &[u8]) -> bool {
        !self.is_iavl || bytes.first() == Some(&IAVL_CHILD)
    }
}

/// Reads height, size and version as IAVL writes them (zigzag varints); what follows, if the height is at least
/// `least_height` and the others are not negative.
fn iavl_numbers(prefix: &[u8], least_height: i64) -> Option<&[u8]> {
    let (height, rest) = zigzag(prefix)?;
    let (size, rest) = zigzag(rest)?;
    let (version, rest) = zigzag(rest)?;
    (height >= least_height && size >= 0 && version >= 0).then_some(rest)
}

fn zigzag(bytes: &[u8]) -> Option<(i64, &[u8])> {
    let (value, rest) = read_varint(bytes)?;
    let half = i64::try_from(value >> 1).ok()?;
    Some((if value & 1 == 0 { half } else { !half }, rest))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Bytes near to those that an inner node has at one side of its child.
    fn side() -> impl Strategy<Value = Vec<u8>> {
        let numbers = prop::collection::vec(prop_oneof![3 => 0..40_u8, 1 => any::<u8>()], 0..6);
        let length = prop_oneof![5 => Just(vec![IAVL_CHILD]), 1 => Just(vec![]), 1 => Just(vec![33])];
        let hash = prop_oneof![Just(vec![]), Just(vec![9; 32]), Just(vec![9; 31])];
        let last = length.clone();
        (numbers, length, hash, last).prop_map(|(numbers, length, hash, last)| [numbers, length, hash, last].concat())
    }

    /// A suffix as it should be, or not.
    fn suffix() -> impl Strategy<Value = Vec<u8>> {
        let child = |length: &[u8]| [length, &[7; 32]].concat();
        prop_oneof![Just(vec![]), Just(child(&[IAVL_CHILD])), Just(child(&[])), Just(child(&[31])), side()]
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(20_000))]
        #[test]
        fn a_step_is_judged_in_one_reading_as_in_two(
            prefix in side(), suffix in suffix(), hash in 0..3_u32, index in 0..12_usize
        ) {
            let step = InnerOp { hash, prefix: &prefix, suffix: &suffix };
            for spec in [IAVL, TENDERMINT] {
                let in_two = spec.check_inner(index, &step).is_ok() && spec.branch(&step).is_some();
                prop_assert_eq!(spec.is_binary_step(index, &step), in_two);
            }
        }
    }
}
