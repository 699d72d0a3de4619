//! The same proofs under the `ics23` crate: the same verdict, or a stricter one with its reason.

use ics23::{HostFunctionsManager, iavl_spec, tendermint_spec};
use proptest::prelude::*;
use spandrel_verifiers::cosmos::ics23 as ours;

use crate::store::{App, Kind, Tree, absence, commitments};

fn leaf_op(leaf: &ours::LeafOp<'_>) -> ics23::LeafOp {
    ics23::LeafOp {
        hash: leaf.hash as i32,
        prehash_key: leaf.prehash_key as i32,
        prehash_value: leaf.prehash_value as i32,
        length: leaf.length as i32,
        prefix: leaf.prefix.to_vec(),
    }
}

pub fn existence(proof: &ours::ExistenceProof<'_>) -> ics23::ExistenceProof {
    ics23::ExistenceProof {
        key: proof.key.to_vec(),
        value: proof.value.to_vec(),
        leaf: proof.leaf.as_ref().map(leaf_op),
        path: proof
            .path
            .iter()
            .map(|step| ics23::InnerOp {
                hash: step.hash as i32,
                prefix: step.prefix.to_vec(),
                suffix: step.suffix.to_vec(),
            })
            .collect(),
    }
}

pub fn commitment(proof: &ours::CommitmentProof<'_>) -> ics23::CommitmentProof {
    let proof = match proof {
        ours::CommitmentProof::Exist(proof) => ics23::commitment_proof::Proof::Exist(existence(proof)),
        ours::CommitmentProof::Nonexist(proof) => ics23::commitment_proof::Proof::Nonexist(ics23::NonExistenceProof {
            key: proof.key.to_vec(),
            left: proof.left.as_ref().map(existence),
            right: proof.right.as_ref().map(existence),
        }),
        ours::CommitmentProof::Batch(_) => panic!("batches are compared entry by entry"),
    };
    ics23::CommitmentProof { proof: Some(proof) }
}

fn specs(kind: Kind) -> (ours::ProofSpec, ics23::ProofSpec) {
    match kind {
        Kind::Iavl => (ours::IAVL, iavl_spec()),
        Kind::Simple => (ours::TENDERMINT, tendermint_spec()),
    }
}

/// Ours and the peer's verdict on an encoded proof that `key` has `value` (or none) under `root`.
pub fn verdicts(kind: Kind, root: &[u8; 32], bytes: &[u8], key: &[u8], value: Option<&[u8]>) -> (bool, bool) {
    let (ours_spec, peer_spec) = specs(kind);
    let Ok(proof) = ours::CommitmentProof::decode(bytes, key) else { return (false, false) };
    let peer_proof = commitment(&proof);
    let root = root.to_vec();
    match value {
        Some(value) => (
            proof.existence(key).is_ok_and(|proof| proof.verify(&ours_spec, ours_root(&root), key, value).is_ok()),
            ics23::verify_membership::<HostFunctionsManager>(&peer_proof, &peer_spec, &root, key, value),
        ),
        None => (
            proof.absence(key).is_ok_and(|proof| proof.verify(&ours_spec, ours_root(&root), key).is_ok()),
            // The peer panics on paths that are the same: it looks for the step at which they part.
            std::panic::catch_unwind(|| {
                ics23::verify_non_membership::<HostFunctionsManager>(&peer_proof, &peer_spec, &root, key)
            })
            .unwrap_or(false),
        ),
    }
}

fn ours_root(root: &[u8]) -> alloy_primitives::B256 {
    alloy_primitives::B256::from_slice(root)
}

#[test]
fn honest_proofs_pass_both() {
    for kind in [Kind::Iavl, Kind::Simple] {
        for count in [1, 2, 3, 7, 33] {
            let tree = Tree::new(kind, &commitments(count));
            for leaf in &tree.leaves {
                let found = verdicts(kind, &tree.root.0, &leaf.proof(), &leaf.key, Some(&leaf.value));
                assert_eq!(found, (true, true));
                let between = [&leaf.key[..], &[0]].concat();
                let found = verdicts(kind, &tree.root.0, &tree.absence(&between), &between, None);
                assert_eq!(found, (true, true));
            }
            let found = verdicts(kind, &tree.root.0, &tree.absence(b"0"), b"0", None);
            assert_eq!(found, (true, true), "before the first");
        }
    }
}

#[test]
fn absence_between_leaves_that_are_not_neighbours_is_refused_by_both() {
    for kind in [Kind::Iavl, Kind::Simple] {
        let tree = Tree::new(kind, &commitments(9));
        let leaves = &tree.leaves;
        for left in 0..9 {
            for right in left + 1..9 {
                let key = [&leaves[left].key[..], &[0]].concat();
                let proof = absence(&key, Some(&leaves[left]), Some(&leaves[right]));
                let found = verdicts(kind, &tree.root.0, &proof, &key, None);
                assert_eq!(found, (right == left + 1, right == left + 1), "{left} {right}");
            }
            let key = [&leaves[left].key[..], &[0]].concat();
            let last = verdicts(kind, &tree.root.0, &absence(&key, Some(&leaves[left]), None), &key, None);
            assert_eq!(last, (left == 8, left == 8));
            let first = verdicts(kind, &tree.root.0, &absence(b"0", None, Some(&leaves[left])), b"0", None);
            assert_eq!(first, (left == 0, left == 0));
        }
        // A key that is there is not absent.
        let there = absence(&leaves[3].key, Some(&leaves[2]), Some(&leaves[4]));
        assert_eq!(verdicts(kind, &tree.root.0, &there, &leaves[3].key, None), (false, false));
        let none = absence(b"0", None, None);
        assert_eq!(verdicts(kind, &tree.root.0, &none, b"0", None), (false, false));
    }
}

#[test]
fn what_is_stricter_here_has_its_reason() {
    let tree = Tree::new(Kind::Iavl, &commitments(3));
    let leaf = &tree.leaves[0];
    // An absence proof that names another key than the one asked for: the peer reads the neighbours alone.
    let key = [&leaf.key[..], &[0]].concat();
    let other = absence(&[&leaf.key[..], &[0, 0]].concat(), Some(leaf), Some(&tree.leaves[1]));
    assert_eq!(verdicts(Kind::Iavl, &tree.root.0, &other, &key, None), (false, true));
    // A node of three children, as in the BNB Bridge: the peer's spec lets a left and a right sibling stand together.
    let simple = Tree::new(Kind::Simple, &commitments(1));
    let mut leaf = simple.leaves[0].clone();
    leaf.path.push(crate::store::Step { prefix: [&[1][..], &[7; 32]].concat(), suffix: vec![8; 32] });
    let bytes = leaf.proof();
    let three = ours::CommitmentProof::decode(&bytes, &leaf.key).unwrap();
    let root =
        ics23::calculate_existence_root::<HostFunctionsManager>(&existence(&three.existence(&leaf.key).unwrap()));
    let root: [u8; 32] = root.unwrap().try_into().unwrap();
    assert_eq!(verdicts(Kind::Simple, &root, &bytes, &leaf.key, Some(&leaf.value)), (false, true));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(3_000))]

    /// Any change of one byte, of either level and either kind: where ours accepts, the peer does too.
    #[test]
    fn no_mutation_passes_here_that_the_peer_refuses(
        is_iavl: bool, is_absence: bool, place in any::<prop::sample::Index>(), mask in 1..=255_u8, size in 1..12_u64,
    ) {
        let kind = if is_iavl { Kind::Iavl } else { Kind::Simple };
        let tree = Tree::new(kind, &commitments(size));
        let leaf = &tree.leaves[place.index(tree.leaves.len())];
        let key = if is_absence { [&leaf.key[..], &[0]].concat() } else { leaf.key.clone() };
        let mut bytes = if is_absence { tree.absence(&key) } else { leaf.proof() };
        let at = place.index(bytes.len());
        bytes[at] ^= mask;
        let value = (!is_absence).then_some(&leaf.value[..]);
        let (ours, peer) = verdicts(kind, &tree.root.0, &bytes, &key, value);
        prop_assert!(!ours || peer);
        // A flipped byte of a proof that is read canonically is never the same proof.
        prop_assert!(!ours, "byte {at} of {}", hex::encode(&bytes));
    }
}

#[test]
fn two_levels_agree_with_the_peer() {
    let app = App::new(&commitments(40));
    for leaf in &app.ibc.leaves {
        let claim = ours::Membership {
            root: app.app_hash(),
            store: b"ibc",
            key: &leaf.key,
            value: &leaf.value,
            proof: &app.membership(&leaf.key),
        };
        ours::verify_membership(&claim).unwrap();
        let missing = [&leaf.key[..], &[0]].concat();
        ours::verify_absence(app.app_hash(), b"ibc", &missing, &app.non_membership(&missing)).unwrap();
        assert!(ours::verify_absence(app.app_hash(), b"bank", &missing, &app.non_membership(&missing)).is_err());
        let other_store = ours::Membership { store: b"bank", ..claim };
        assert!(ours::verify_membership(&other_store).is_err());
    }
    let stores = &app.stores;
    let leaf = stores.leaf(b"ibc");
    assert_eq!(verdicts(Kind::Simple, &stores.root.0, &leaf.proof(), b"ibc", Some(&leaf.value)), (true, true));
}
