//! Inclusion of a transaction in a block of the trusted chain, and how such evidence is made from a block.

use alloy_primitives::{B256, Bytes};
use bitcoin::consensus::encode::serialize;
use bitcoin::{Block, Txid};

use super::blame::{self, Branch};
use super::chain::HeaderChain;
use super::evidence::{DepositTerms, Inclusion};
use super::header::Header;
use super::merkle::merkle_path;
use super::params::ChainParams;
use super::prepared::Prepared;
use super::transaction::{DecodedTransaction, check_coinbase, decode_hashed, without_witness};
use crate::VerifyError;

/// A transaction proven to be in a known block.
pub(super) struct Included {
    pub(super) transaction: DecodedTransaction,
    /// Hash of the block.
    pub(super) block: B256,
}

impl Inclusion {
    /// Evidence for output `output` of transaction `index` (0 being the coinbase) of `block` at `height`. It is made,
    /// not checked, except that the places exist (`index`, `output`) and that it is not the coinbase.
    pub fn of_block(
        block: &Block,
        height: u64,
        index: usize,
        output: u32,
        terms: DepositTerms,
    ) -> Result<Self, VerifyError> {
        let txids: Vec<Txid> = block.txdata.iter().map(|transaction| transaction.compute_txid()).collect();
        let (Some(coinbase), Some(transaction), 1..) = (block.txdata.first(), block.txdata.get(index), index) else {
            return Err(VerifyError::invalid("index", format!("1 to {}", txids.len().saturating_sub(1)), index));
        };
        let outputs = transaction.output.len();
        if usize::try_from(output).map_or(true, |output| output >= outputs) {
            return Err(VerifyError::invalid("output", format!("below {outputs}"), output));
        }
        Ok(Self {
            height,
            header: serialize(&block.header).into(),
            transaction: without_witness(transaction).into(),
            index: u32::try_from(index).map_err(|_| VerifyError::invalid("index", "32 bits", index))?,
            path: merkle_path(&txids, index),
            coinbase: Bytes::from(without_witness(coinbase)),
            coinbase_path: merkle_path(&txids, 0),
            output,
            terms,
        })
    }

    /// Checks that the header is known at the stated height, and that transaction and coinbase are in that block,
    /// equally deep. Nothing is said about which branch the block is on. Errors name the evidence's fields.
    ///
    /// `prepared` is this evidence's.
    pub(super) fn check(&self, trusted: &HeaderChain, prepared: &Prepared) -> Result<Included, VerifyError> {
        let header = Header::hashed(&self.header, prepared.header.0)?;
        let Some((height, _)) = trusted.header(header.hash) else {
            return Err(VerifyError::not_yet("header", "the header of a known block", header.hash));
        };
        if self.height != height {
            return Err(VerifyError::invalid("height", height, self.height));
        }
        self.check_in(&header, trusted.params(), prepared)
    }

    /// The same for the block with `header`, whose height the coinbase must say (BIP 34).
    pub(super) fn check_in(
        &self,
        header: &Header,
        params: &ChainParams,
        prepared: &Prepared,
    ) -> Result<Included, VerifyError> {
        let [txid, coinbase_txid] = prepared.leaves;
        let transaction = decode_hashed("transaction", &self.transaction, txid)?;
        if transaction.transaction().is_coinbase() {
            let expected = "a transaction other than a coinbase, whose outputs cannot be spent for 100 blocks";
            return Err(VerifyError::invalid("transaction", expected, transaction.txid()));
        }
        let coinbase = decode_hashed("coinbase", &self.coinbase, coinbase_txid)?;
        check_coinbase(params, coinbase.transaction(), self.height)?;
        self.check_paths(header.merkle_root, prepared)?;
        Ok(Included { transaction, block: header.hash })
    }

    /// Checks that both paths lead to `root`.
    fn check_paths(&self, root: B256, prepared: &Prepared) -> Result<(), VerifyError> {
        let [under_transaction, under_coinbase] = &prepared.roots;
        if self.path.len() != self.coinbase_path.len() {
            let (field, expected, found) = match under_coinbase {
                Ok(found) if *found == root => ("path", self.coinbase_path.len(), self.path.len()),
                _ => ("coinbase_path", self.path.len(), self.coinbase_path.len()),
            };
            return Err(VerifyError::invalid(field, format!("{expected} siblings"), found));
        }
        let found = under_transaction.clone()?;
        let under_coinbase =
            under_coinbase.clone().map_err(|error| VerifyError { field: "coinbase_path".to_owned(), ..error })?;
        if found == root && under_coinbase == root {
            return Ok(());
        }
        let [txid, coinbase] = prepared.leaves;
        let transaction = Branch { leaf: txid, index: self.index, path: &self.path };
        Err(blame::refusal(root, transaction, Branch { leaf: coinbase, index: 0, path: &self.coinbase_path }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bitcoin::merkle::merkle_root;
    use crate::bitcoin::path::fold_path;
    use crate::{ChainId, LanePreference};
    use bitcoin::hashes::Hash;

    fn paths(index: u32, path: Vec<B256>, coinbase_path: Vec<B256>) -> Inclusion {
        let terms = DepositTerms {
            destination_chain: ChainId::eip155(1),
            destination_bridge: B256::ZERO,
            recipient: B256::ZERO,
            lane: LanePreference::Any,
            expiry: 0,
            refund_key: B256::ZERO,
            refund_delay: 0,
        };
        let none = Bytes::new;
        let (header, transaction, coinbase) = (none(), none(), none());
        Inclusion { height: 0, header, transaction, index, path, coinbase, coinbase_path, output: 0, terms }
    }

    /// With the leaves given instead of hashed.
    fn checked(inclusion: &Inclusion, root: B256, txid: B256, coinbase: B256) -> Result<(), VerifyError> {
        let folded = fold_path(txid, inclusion.index, &inclusion.path);
        let roots = [folded, fold_path(coinbase, 0, &inclusion.coinbase_path)];
        inclusion.check_paths(root, &Prepared { header: B256::ZERO, leaves: [txid, coinbase], roots })
    }

    fn is_among(error: &VerifyError, name: &str) -> bool {
        error.field.split(" or ").any(|named| named == name)
    }

    /// Every single change of every proof in blocks of many sizes, and whom it is blamed on.
    #[test]
    fn a_single_change_is_blamed_on_itself() {
        for count in [2usize, 3, 5, 6, 9, 16, 33] {
            let txids: Vec<Txid> = (0..count).map(|n| Txid::hash(&[n as u8])).collect();
            let leaf = |index: usize| B256::new(txids[index].to_byte_array());
            let (root, first) = (merkle_root(&txids), merkle_path(&txids, 0));
            for index in 1..count {
                let (at, path) = (index as u32, merkle_path(&txids, index));
                let honest = paths(at, path.clone(), first.clone());
                checked(&honest, root, leaf(index), leaf(0)).unwrap();
                let blamed = |changed: &Inclusion| checked(changed, root, leaf(index), leaf(0)).unwrap_err();
                for other in (0..1 << path.len()).filter(|other| *other != at) {
                    let error = blamed(&Inclusion { index: other, ..honest.clone() });
                    assert!(is_among(&error, "index"), "{index} of {count} as {other}: {error}");
                }
                let meet = at.ilog2() as usize;
                let changed_leaf = checked(&honest, root, B256::ZERO, leaf(0)).unwrap_err();
                assert!(is_among(&changed_leaf, "transaction"), "{changed_leaf}");
                let changed_leaf = checked(&honest, root, leaf(index), B256::ZERO).unwrap_err();
                assert_eq!(changed_leaf.field, if meet == 0 { "coinbase" } else { "coinbase or coinbase_path" });
                for level in 0..path.len() {
                    let mut changed = honest.clone();
                    changed.path[level] = B256::ZERO;
                    let error = blamed(&changed);
                    assert!(is_among(&error, "path") && (level < meet || error.field != "transaction or path"));
                    let mut changed = honest.clone();
                    changed.coinbase_path[level] = B256::ZERO;
                    assert!(is_among(&blamed(&changed), "coinbase_path"));
                }
                assert_eq!(checked(&honest, B256::ZERO, leaf(index), leaf(0)).unwrap_err().field, "header");
                assert_eq!(checked(&honest, root, B256::ZERO, B256::ZERO).unwrap_err().field, "path");
            }
        }
    }

    #[test]
    fn both_proofs_must_lead_to_the_root_at_equal_depth() {
        let txids: Vec<Txid> = (0..6).map(|n| Txid::hash(&[n])).collect();
        let leaf = |index: usize| B256::new(txids[index].to_byte_array());
        let (root, first, path) = (merkle_root(&txids), merkle_path(&txids, 0), merkle_path(&txids, 3));
        let refused = |inclusion: Inclusion| checked(&inclusion, root, leaf(3), leaf(0)).unwrap_err().field;
        assert_eq!(refused(paths(3, path[1..].to_vec(), first.clone())), "path");
        assert_eq!(refused(paths(3, path.clone(), first[1..].to_vec())), "coinbase_path");
        // An inner node in a transaction's place adds up, one level too high (CVE-2017-12842).
        let inner = fold_path(leaf(3), 1, &path[..1]).unwrap();
        let higher = paths(1, path[1..].to_vec(), first.clone());
        assert_eq!(fold_path(inner, 1, &higher.path).unwrap(), root);
        assert_eq!(checked(&higher, root, inner, leaf(0)).unwrap_err().field, "path");
        let doubled = [vec![leaf(0)], first[1..].to_vec()].concat();
        assert_eq!(refused(paths(3, path, doubled)), "coinbase_path");
    }
}
