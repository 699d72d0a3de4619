//! Which field is at fault when a transaction and a coinbase do not both lead to a block's Merkle root.
//!
//! Only for the error's name, after the evidence has been refused. The two paths of one tree share their upper part:
//! with `m` the highest set bit of the index, level `m` of each path is the node the other one has reached, and above
//! it they are equal. A right path therefore tells what the other should be, down to the subtree below `m`, where a
//! changed transaction and a changed sibling cannot be told apart and both are named.

use alloy_primitives::B256;

use super::merkle::node;
use crate::VerifyError;

/// Largest subtree, in levels, in which other indices are tried: at most 126 nodes, which whoever sends bad evidence
/// makes us hash.
const MAX_SEARCHED_LEVELS: usize = 6;

/// Leaf, index and siblings of one transaction.
#[derive(Clone, Copy)]
pub(super) struct Branch<'a> {
    pub(super) leaf: B256,
    pub(super) index: u32,
    pub(super) path: &'a [B256],
}

impl Branch<'_> {
    /// The node reached after each number of levels, from 0 (the leaf) to all of them (the root).
    fn nodes(&self) -> Vec<B256> {
        let mut nodes = vec![self.leaf];
        let (mut at, mut index) = (self.leaf, self.index);
        for sibling in self.path {
            at = if index.is_multiple_of(2) { node(at, *sibling) } else { node(*sibling, at) };
            index /= 2;
            nodes.push(at);
        }
        nodes
    }
}

/// The refusal for two branches of equal length, of which at least one does not lead to `root`; `transaction.index`
/// fits its path, `coinbase.index` is 0.
pub(super) fn refusal(root: B256, transaction: Branch<'_>, coinbase: Branch<'_>) -> VerifyError {
    let (transaction_nodes, coinbase_nodes) = (transaction.nodes(), coinbase.nodes());
    let (transaction_root, coinbase_root) = (transaction_nodes.last(), coinbase_nodes.last());
    let expected = format!("the Merkle root {root}");
    let found = |root: Option<&B256>| root.copied().unwrap_or_default();
    if transaction_root == coinbase_root {
        return VerifyError::invalid("header", format!("the Merkle root {}", found(transaction_root)), root);
    }
    let meet = usize::try_from(transaction.index.checked_ilog2().unwrap_or(0)).unwrap_or(0);
    let field = if coinbase_root == Some(&root) {
        if let Some(index) = right_index(&transaction, meet, &coinbase, &coinbase_nodes) {
            return VerifyError::invalid("index", index, transaction.index);
        }
        at_fault(&transaction, &coinbase, &coinbase_nodes, meet, ["transaction", "path", "transaction or path"])
    } else if transaction_root == Some(&root) {
        let names = ["coinbase", "coinbase_path", "coinbase or coinbase_path"];
        at_fault(&coinbase, &transaction, &transaction_nodes, meet, names)
    } else {
        "path"
    };
    let wrong_root = if field.starts_with("coinbase") { coinbase_root } else { transaction_root };
    VerifyError::invalid(field, expected, found(wrong_root))
}

/// Which of leaf, path, or either of them is wrong in `wrong`, given `right` and the nodes it goes through.
fn at_fault<'a>(
    wrong: &Branch<'_>,
    right: &Branch<'_>,
    right_nodes: &[B256],
    meet: usize,
    names: [&'a str; 3],
) -> &'a str {
    let [leaf, path, either] = names;
    let above = meet.saturating_add(1);
    let is_upper_right =
        wrong.path.get(meet) == right_nodes.get(meet) && wrong.path.get(above..) == right.path.get(above..);
    match (is_upper_right, meet) {
        (false, _) => path,
        (true, 0) => leaf,
        (true, _) => either,
    }
}

/// Where the transaction's leaf and path do lead to the root, if that is not the claimed index.
fn right_index(
    transaction: &Branch<'_>,
    claimed_meet: usize,
    coinbase: &Branch<'_>,
    coinbase_nodes: &[B256],
) -> Option<String> {
    let meet = (0..transaction.path.len()).find(|level| {
        let above = level.saturating_add(1);
        transaction.path.get(*level) == coinbase_nodes.get(*level)
            && transaction.path.get(above..) == coinbase.path.get(above..)
    })?;
    let first = 1u32.checked_shl(u32::try_from(meet).ok()?)?;
    if meet > MAX_SEARCHED_LEVELS {
        let last = first.checked_mul(2)?.checked_sub(1)?;
        return (meet != claimed_meet).then(|| format!("{first} to {last}, where the path leads"));
    }
    let below = place_below(transaction.leaf, transaction.path.get(..meet)?, *coinbase.path.get(meet)?)?;
    Some(format!("{}, where the path leads", first.checked_add(below)?))
}

/// The position below the meeting point at which `leaf` leads to `target` over `siblings`.
fn place_below(leaf: B256, siblings: &[B256], target: B256) -> Option<u32> {
    let Some((sibling, rest)) = siblings.split_first() else {
        return (leaf == target).then_some(0);
    };
    let as_left = place_below(node(leaf, *sibling), rest, target).map(|above| (above, 0));
    let found = as_left.or_else(|| place_below(node(*sibling, leaf), rest, target).map(|above| (above, 1)));
    found.and_then(|(above, bit)| above.checked_mul(2)?.checked_add(bit))
}
