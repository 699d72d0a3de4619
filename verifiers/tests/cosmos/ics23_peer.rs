//! The same proofs under the `ics23` crate: the same verdict, or a stricter one with its reason.

use ics23::{HostFunctionsManager, iavl_spec, tendermint_spec};
use proptest::prelude::*;
use prost_of_ics23::Message;
use spandrel_verifiers::cosmos::ics23 as ours;
use spandrel_verifiers::{ErrorKind, VerifyError};

use crate::store::{App, Kind, Leaf, Step, Tree, absence, commitments, field, sha};

fn specs(kind: Kind) -> (ours::ProofSpec, ics23::ProofSpec) {
    match kind {
        Kind::Iavl => (ours::IAVL, iavl_spec()),
        Kind::Simple => (ours::TENDERMINT, tendermint_spec()),
    }
}

/// Whether the peer takes a proof for one of a sparse Merkle tree, of a key with a value or, if that is empty, without.
pub fn is_of_sparse_tree(root: &[u8], proof: &[u8], key: &[u8], value: &[u8]) -> bool {
    let (Ok(proof), spec, root) = (ics23::CommitmentProof::decode(proof), ics23::smt_spec(), root.to_vec()) else {
        return false;
    };
    match value {
        [] => ics23::verify_non_membership::<HostFunctionsManager>(&proof, &spec, &root, key),
        _ => ics23::verify_membership::<HostFunctionsManager>(&proof, &spec, &root, key, value),
    }
}

/// What both say of the same bytes.
pub struct Judged {
    pub ours: Result<(), VerifyError>,
    pub peer: bool,
    is_absence: bool,
    /// Whether the bytes are what the peer itself would write.
    is_canonical: bool,
}

/// Why something that the peer takes is refused here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stricter {
    /// One meaning has one encoding here: unknown, repeated or misplaced fields, long varints and written zeros.
    Encoding,
    /// An absence proof names the key that is absent. The peer reads its neighbours alone.
    KeyOfAbsence,
    /// A node has two children, as many as either tree's nodes have. The peer lets a prefix that is long enough to hold
    /// a left sibling stand beside a right one: the BNB Bridge's forgery.
    Children,
    /// A batch has one entry for a key and kind. The peer takes the first of several.
    OneEntryOfKey,
}

/// Judges an encoded proof that `key` has `value` (or none) under `root`: the peer by its own decoder.
pub fn judge(kind: Kind, root: &[u8; 32], bytes: &[u8], key: &[u8], value: Option<&[u8]>) -> Judged {
    let (ours_spec, peer_spec) = specs(kind);
    let ours = ours::CommitmentProof::decode(bytes, key).and_then(|proof| match value {
        Some(value) => proof.existence(key)?.verify(&ours_spec, root.into(), key, value),
        None => proof.absence(key)?.verify(&ours_spec, root.into(), key),
    });
    let is_absence = value.is_none();
    let Ok(proof) = ics23::CommitmentProof::decode(bytes) else {
        return Judged { ours, peer: false, is_absence, is_canonical: false };
    };
    let root = root.to_vec();
    // The peer panics on absence between paths that are the same: it looks for the step at which they part.
    let peer = std::panic::catch_unwind(|| match value {
        Some(value) => ics23::verify_membership::<HostFunctionsManager>(&proof, &peer_spec, &root, key, value),
        None => ics23::verify_non_membership::<HostFunctionsManager>(&proof, &peer_spec, &root, key),
    });
    let written = match &proof.proof {
        Some(ics23::commitment_proof::Proof::Compressed(_)) => ics23::compress(&ics23::decompress(&proof).unwrap()),
        _ => Ok(proof),
    };
    let is_canonical = written.unwrap().encode_to_vec() == bytes;
    Judged { ours, peer: peer.unwrap_or(false), is_absence, is_canonical }
}

impl Judged {
    /// Why the verdicts differ; `None` where they do not.
    ///
    /// # Panics
    /// When something passes here that the peer refuses, or is refused here for a reason that is not known.
    pub fn difference(&self) -> Option<Stricter> {
        match (&self.ours, self.peer) {
            (Ok(()), true) | (Err(_), false) => None,
            (Ok(()), false) => panic!("only the peer refuses it"),
            (Err(error), true) if !self.is_canonical => {
                assert_eq!(error.kind, ErrorKind::Malformed, "{error}");
                Some(Stricter::Encoding)
            }
            (Err(error), true) => Some(match error.field.as_str() {
                "key" if self.is_absence => Stricter::KeyOfAbsence,
                "proof" if error.found == "2" => Stricter::OneEntryOfKey,
                field if field.starts_with("path[") => Stricter::Children,
                _ => panic!("only refused here: {error}"),
            }),
        }
    }
}

/// Both verdicts, which may differ for known reasons alone.
pub fn verdicts(kind: Kind, root: &[u8; 32], bytes: &[u8], key: &[u8], value: Option<&[u8]>) -> (bool, bool) {
    let judged = judge(kind, root, bytes, key, value);
    judged.difference();
    (judged.ours.is_ok(), judged.peer)
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
    let key = [&leaf.key[..], &[0]].concat();
    let other = absence(&[&leaf.key[..], &[0, 0]].concat(), Some(leaf), Some(&tree.leaves[1]));
    let judged = judge(Kind::Iavl, &tree.root.0, &other, &key, None);
    assert_eq!(judged.difference(), Some(Stricter::KeyOfAbsence));
    let simple = Tree::new(Kind::Simple, &commitments(1));
    let mut leaf = simple.leaves[0].clone();
    let three = Step { prefix: [&[1][..], &[7; 32]].concat(), suffix: vec![8; 32] };
    let root = sha(&[&three.prefix, &leaf.hash(), &three.suffix]);
    leaf.path.push(three);
    let judged = judge(Kind::Simple, &root, &leaf.proof(), &leaf.key, Some(&leaf.value));
    assert_eq!(judged.difference(), Some(Stricter::Children));
}

/// A batch with an honest entry and a forged one for the same key proves neither: which of them counts would hang on
/// their order.
#[test]
fn a_batch_with_two_entries_for_a_key_is_refused_where_the_peer_takes_the_first() {
    for kind in [Kind::Iavl, Kind::Simple] {
        let tree = Tree::new(kind, &commitments(5));
        let (leaf, mut forged) = (&tree.leaves[2], tree.leaves[3].clone());
        forged.key.clone_from(&leaf.key);
        let missing = [&leaf.key[..], &[0]].concat();
        let of_absence = tree.absence(&missing);
        let twice = [
            (&leaf.key, Some(&leaf.value[..]), [leaf.proof(), forged.proof()]),
            (&missing, None, [of_absence.clone(), of_absence]),
        ];
        for (key, value, [first, second]) in twice {
            let plain = field(3, &[field(1, &first), field(1, &second)].concat());
            let compressed = ics23::compress(&ics23::CommitmentProof::decode(&plain[..]).unwrap()).unwrap();
            for bytes in [plain, compressed.encode_to_vec()] {
                let judged = judge(kind, &tree.root.0, &bytes, key, value);
                assert!(judged.peer);
                assert_eq!(judged.difference(), Some(Stricter::OneEntryOfKey));
            }
        }
    }
}

/// Well-formed trees under their true roots, in which one leaf has no key or no value: only that is wrong with them.
#[test]
fn an_empty_key_or_value_is_refused_alone_and_among_others() {
    let named = commitments(9).into_keys().nth(4).unwrap();
    for (spoiled, key, value) in [("value", named, Vec::new()), ("key", Vec::new(), b"a value".to_vec())] {
        let mut pairs = commitments(9);
        pairs.insert(key.clone(), value.clone());
        for kind in [Kind::Iavl, Kind::Simple] {
            let tree = Tree::new(kind, &pairs);
            let judged = judge(kind, &tree.root.0, &tree.leaf(&key).proof(), &key, Some(&value));
            assert!(!judged.peer, "{spoiled}");
            assert_eq!(judged.ours.unwrap_err().field, spoiled);
        }
        let app = App::new(&pairs);
        let proofs: Vec<_> = app.ibc.leaves.iter().map(|leaf| app.membership(&leaf.key)).collect();
        let claim = |(leaf, proof): (&'_ Leaf, &'_ Vec<u8>)| (leaf.key.clone(), leaf.value.clone(), proof.clone());
        let owned: Vec<_> = app.ibc.leaves.iter().zip(&proofs).map(claim).collect();
        let claims: Vec<_> = owned
            .iter()
            .map(|(key, value, proof)| ours::Membership { root: app.app_hash(), store: b"ibc", key, value, proof })
            .collect();
        let together = ours::verify_memberships(&claims);
        for (claim, found) in claims.iter().zip(together) {
            assert_eq!(found, ours::verify_membership(claim));
            match found {
                Ok(()) => assert_ne!(claim.key, key),
                Err(error) => assert!(claim.key == key && error.field.ends_with(spoiled), "{error}"),
            }
        }
    }
}

/// The same proof, written otherwise: the peer reads what it means, so that one proof would have many encodings.
#[test]
fn other_encodings_of_a_proof_are_taken_by_the_peer_alone() {
    for kind in [Kind::Iavl, Kind::Simple] {
        let tree = Tree::new(kind, &commitments(5));
        let leaf = &tree.leaves[2];
        let (whole, existence) = (leaf.proof(), leaf.existence());
        let (first, rest) = existence.split_at(2 + leaf.key.len());
        assert_eq!(first, field(1, &leaf.key));
        let long = |length: usize| vec![length as u8 | 0x80, 0];
        let encodings = [
            ("an unknown field", [&whole[..], &field(9, b"x")].concat()),
            ("an unknown field inside", field(1, &[&existence[..], &field(9, b"x")].concat())),
            ("the key behind the rest", field(1, &[rest, first].concat())),
            ("the key twice", field(1, &[first, &existence].concat())),
            ("a long length", field(1, &[&[0x0a], &long(leaf.key.len())[..], &leaf.key, rest].concat())),
            ("an absence before the existence", [&field(2, b"\x0a\x01x")[..], &whole].concat()),
        ];
        for (name, bytes) in encodings {
            let judged = judge(kind, &tree.root.0, &bytes, &leaf.key, Some(&leaf.value));
            assert!(judged.peer, "{name}");
            assert_eq!(judged.difference(), Some(Stricter::Encoding), "{name}");
        }
    }
}

#[test]
fn entries_of_a_batch_are_judged_alike_compressed_or_not() {
    for kind in [Kind::Iavl, Kind::Simple] {
        let tree = Tree::new(kind, &commitments(9));
        let missing = [&tree.leaves[4].key[..], &[0]].concat();
        // An entry is written as a proof of its own.
        let entries = tree.leaves.iter().map(Leaf::proof).chain([tree.absence(&missing)]);
        let plain = field(3, &entries.flat_map(|entry| field(1, &entry)).collect::<Vec<_>>());
        let compressed = ics23::compress(&ics23::CommitmentProof::decode(&plain[..]).unwrap()).unwrap().encode_to_vec();
        assert!(compressed.len() < plain.len());
        for bytes in [plain, compressed] {
            for leaf in &tree.leaves {
                assert_eq!(verdicts(kind, &tree.root.0, &bytes, &leaf.key, Some(&leaf.value)), (true, true));
                assert_eq!(verdicts(kind, &tree.root.0, &bytes, &leaf.key, Some(b"other")), (false, false));
                assert_eq!(verdicts(kind, &tree.root.0, &bytes, &leaf.key, None), (false, false));
            }
            assert_eq!(verdicts(kind, &tree.root.0, &bytes, &missing, None), (true, true));
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(3_000))]

    /// Any change of one byte of a compressed batch: nothing else is proven; what has another form the peer alone takes.
    #[test]
    fn a_mutated_compressed_batch_proves_nothing_else_and_is_judged_alike(
        is_iavl: bool, of in any::<prop::sample::Index>(), place in any::<prop::sample::Index>(), mask in 1..=255_u8,
    ) {
        let kind = if is_iavl { Kind::Iavl } else { Kind::Simple };
        let tree = Tree::new(kind, &commitments(5));
        let plain = field(3, &tree.leaves.iter().flat_map(|leaf| field(1, &leaf.proof())).collect::<Vec<_>>());
        let compressed = ics23::compress(&ics23::CommitmentProof::decode(&plain[..]).unwrap()).unwrap();
        let mut bytes = compressed.encode_to_vec();
        let place = place.index(bytes.len());
        bytes[place] ^= mask;
        let leaf = &tree.leaves[of.index(tree.leaves.len())];
        for value in [Some(&leaf.value[..]), Some(b"other"), None] {
            let judged = judge(kind, &tree.root.0, &bytes, &leaf.key, value);
            prop_assert!(judged.ours.is_err() || value == Some(&leaf.value[..]), "{value:?} is proven");
            judged.difference();
        }
    }

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
        let judged = judge(kind, &tree.root.0, &bytes, &key, value);
        // Where the peer takes it, by an encoding that is not its own, or for the key that it does not look at.
        let known = [None, Some(Stricter::Encoding), Some(Stricter::KeyOfAbsence)];
        prop_assert!(known.contains(&judged.difference()));
        let ours = judged.ours.is_ok();
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
