//! Entries: the transactions of a block, and the hash chain that orders them.
//!
//! Source: Agave `entry/src/entry.rs` (bincode: counts of 64 bits), `block_component.rs` for what stands beside entries
//! in Alpenglow. Proof of History: an entry's hash is that of the entry before, hashed `num_hashes` times, the last time
//! together with the root of its transactions' signatures if it has any.

use alloy_primitives::B256;
use rayon::prelude::*;

use super::bank::sha256;
use super::bytes::Reader;
use super::transaction::Transaction;
use crate::VerifyError;

/// An entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry<'a> {
    /// Hashes since the entry before.
    pub num_hashes: u64,
    /// The hash it ends with.
    pub hash: B256,
    /// Its transactions; none in a tick.
    pub transactions: Vec<Transaction<'a>>,
}

/// Decodes a batch of entries. What follows the last of them is ignored, as nodes do (Agave
/// `entry/src/block_component_parser.rs`): were it refused, a leader could keep what is in the batch from being proven by
/// one byte. The block id binds all of the batch. There are never more entries or transactions than bytes.
///
/// # Errors
/// Names `entries`, or `transaction` within it.
pub fn decode_entries(bytes: &[u8]) -> Result<Vec<Entry<'_>>, VerifyError> {
    let mut reader = Reader::new("entries", bytes);
    let count = reader.length(bytes.len())?;
    let entries = (0..count).map(|_| Entry::read(&mut reader)).collect::<Result<Vec<_>, _>>()?;
    if entries.is_empty() {
        return Err(reader.malformed("entries", "a marker or nothing"));
    }
    Ok(entries)
}

impl<'a> Entry<'a> {
    fn read(reader: &mut Reader<'a>) -> Result<Self, VerifyError> {
        let (num_hashes, hash) = (reader.u64()?, reader.hash()?);
        let count = reader.length(reader.rest().len())?;
        let transactions = (0..count).map(|_| Transaction::read(reader)).collect::<Result<_, _>>()?;
        Ok(Self { num_hashes, hash, transactions })
    }

    /// Whether this entry follows from `previous`, the hash of the entry before: `num_hashes` hashes of work.
    pub fn follows(&self, previous: B256) -> bool {
        let root = signatures_root(&self.transactions);
        let plain = self.num_hashes.saturating_sub(root.is_some().into());
        let hash = (0..plain).fold(previous, |hash, _| sha256(&[hash.as_slice()]));
        self.hash == root.map_or(hash, |root| sha256(&[hash.as_slice(), root.as_slice()]))
    }
}

/// Checks the hash chain of a block or of a part of it, entries on all threads: about four million hashes a block. It
/// needs no trust and proves no consensus; that a block is voted proves more, so this is never part of verification.
///
/// # Errors
/// Names the first entry that does not follow, as `entries[i].hash`.
pub fn check_poh(previous: B256, entries: &[Entry<'_>]) -> Result<(), VerifyError> {
    let before = std::iter::once(previous).chain(entries.iter().map(|entry| entry.hash));
    let pairs: Vec<(B256, &Entry<'_>)> = before.zip(entries).collect();
    match pairs.par_iter().position_first(|(previous, entry)| !entry.follows(*previous)) {
        None => Ok(()),
        Some(index) => {
            let found = entries.get(index).map(|entry| entry.hash).unwrap_or_default();
            let expected = "the hash that follows from the entry before";
            Err(VerifyError::invalid(format!("entries[{index}].hash"), expected, found))
        }
    }
}

/// Root of the tree over all signatures of `transactions`. None without transactions.
fn signatures_root(transactions: &[Transaction<'_>]) -> Option<B256> {
    tree_root(transactions.iter().flat_map(|transaction| transaction.signatures).map(|signature| &signature[..]))
}

/// Root of a tree: leaves under 0, nodes under 1, the last of an odd row joined with itself (Agave `merkle-tree`).
fn tree_root<'a>(leaves: impl Iterator<Item = &'a [u8]>) -> Option<B256> {
    let mut row: Vec<B256> = leaves.map(|leaf| sha256(&[&[0], leaf])).collect();
    while row.len() > 1 {
        row = row
            .chunks(2)
            .filter_map(|pair| Some(sha256(&[&[1], pair.first()?.as_slice(), pair.last()?.as_slice()])))
            .collect();
    }
    row.pop()
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloy_primitives::b256;

    #[test]
    fn the_tree_is_that_of_the_specification() {
        // solana-foundation/specs, core/merkle-tree.md.
        let words = ["my", "very", "eager", "mother", "just", "served", "us", "nine", "pizzas", "make", "prime"];
        let root = b256!("b40c847546fdceea166f927fc46c5ca33c3638236a36275c1346d3dffb84e1bc");
        assert_eq!(tree_root(words.iter().map(|word| word.as_bytes())), Some(root));
        assert_eq!(tree_root(std::iter::empty()), None);
    }

    #[test]
    fn an_entry_follows_by_its_count_of_hashes() {
        let entry = |num_hashes, hash| Entry { num_hashes, hash, transactions: Vec::new() };
        let (zero, one) = (B256::ZERO, sha256(&[&[0; 32]]));
        assert!(entry(0, zero).follows(zero) && entry(1, one).follows(zero));
        assert!(entry(2, sha256(&[one.as_slice()])).follows(zero));
        assert!(!entry(1, zero).follows(zero) && !entry(2, one).follows(zero));
    }

    #[test]
    fn batches_are_bounded_and_what_follows_them_is_ignored() {
        let tick = [&1_u64.to_le_bytes()[..], &[7; 32], &0_u64.to_le_bytes()].concat();
        let batch = [&1_u64.to_le_bytes()[..], &tick].concat();
        assert_eq!(decode_entries(&batch).unwrap().len(), 1);
        assert_eq!(decode_entries(&[&batch[..], &[1]].concat()), decode_entries(&batch));
        let many = [&u64::MAX.to_le_bytes()[..], &tick].concat();
        let marker = 0_u64.to_le_bytes().to_vec();
        for bytes in [many, marker, batch[..40].to_vec(), Vec::new()] {
            assert_eq!(decode_entries(&bytes).unwrap_err().field, "entries");
        }
    }
}
