//! The hashing behind many pieces of evidence, done together.

use alloy_primitives::B256;

use super::evidence::Inclusion;
use super::hashing::{sha256d, sha256d_all};
use super::header::HEADER_LENGTH;
use super::path::{MerkleProof, fold_path, fold_paths};
use super::transaction::MAX_TRANSACTION_LENGTH;
use crate::VerifyError;

/// What one piece of evidence hashes to. Nothing of it is checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Prepared {
    /// Hash of the header.
    pub(super) header: B256,
    /// The txid of the transaction, and of the coinbase.
    pub(super) leaves: [B256; 2],
    /// The root that each of their paths leads to, or how the path is out of shape.
    pub(super) roots: [Result<B256, VerifyError>; 2],
}

impl Prepared {
    pub(super) fn of(evidence: &Inclusion) -> Self {
        let leaves = [sha256d(within_limit(&evidence.transaction)), sha256d(within_limit(&evidence.coinbase))];
        let [transaction, coinbase] = leaves;
        let roots =
            [fold_path(transaction, evidence.index, &evidence.path), fold_path(coinbase, 0, &evidence.coinbase_path)];
        Self { header: sha256d(header_of(evidence)), leaves, roots }
    }

    /// [`Self::of`] each, in order.
    pub(super) fn of_each(evidence: &[Inclusion]) -> Vec<Self> {
        let headers = sha256d_all(evidence.iter().map(header_of));
        let transactions = sha256d_all(evidence.iter().map(|item| within_limit(&item.transaction)));
        let coinbases = sha256d_all(evidence.iter().map(|item| within_limit(&item.coinbase)));
        let leaves = transactions.iter().zip(&coinbases).map(|(first, second)| [B256::new(*first), B256::new(*second)]);
        let leaves: Vec<[B256; 2]> = leaves.collect();
        let proofs = evidence.iter().zip(&leaves).flat_map(|(item, [transaction, coinbase])| {
            let root = stated_root(item);
            let proof = MerkleProof { root, leaf: *transaction, index: item.index, path: &item.path };
            [proof, MerkleProof { root, leaf: *coinbase, index: 0, path: &item.coinbase_path }]
        });
        let mut roots = fold_paths(&proofs.collect::<Vec<_>>()).into_iter();
        let items = headers.into_iter().zip(leaves);
        let prepared = items.map_while(|(header, leaves)| {
            let roots = [roots.next()?, roots.next()?];
            Some(Self { header: B256::new(header), leaves, roots })
        });
        prepared.collect()
    }
}

/// As much of the header as is hashed: any other length than 80 bytes is refused.
fn header_of(evidence: &Inclusion) -> &[u8] {
    evidence.header.get(..HEADER_LENGTH).unwrap_or_default()
}

/// A transaction as far as it is hashed: a longer one is refused.
fn within_limit(transaction: &[u8]) -> &[u8] {
    if transaction.len() > MAX_TRANSACTION_LENGTH { &[] } else { transaction }
}

/// The Merkle root that the header states, which tells what evidence is of one tree.
fn stated_root(evidence: &Inclusion) -> B256 {
    evidence.header.get(36..68).map(B256::from_slice).unwrap_or_default()
}
