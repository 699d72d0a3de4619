//! Many claims at once get the results that each gets alone, down to the words of the refusals.

use alloy_primitives::B256;
use proptest::prelude::*;
use proptest::sample::Index;
use prost_of_ics23::Message;
use spandrel_verifiers::VerifyError;
use spandrel_verifiers::cosmos::ics23::{MAX_DEPTH, Membership, verify_absence, verify_membership, verify_memberships};

use crate::store::{App, Leaf, Step, Tree, commitments, field, numbers, sha};

/// What is wrong with a claim, if anything.
#[derive(Clone, Debug)]
enum Change {
    Nothing,
    /// A byte of the proof.
    Byte(Index, u8),
    /// Cut off behind this byte.
    Cut(Index),
    /// Bytes that stand in the middle twice.
    Doubled(Index, Index),
    Value,
    Store,
    Root,
    /// The proof of another key.
    ProofOf(Index),
    /// A node as if it were a step further up, or one that was left out.
    StepAdded(Index),
    StepRemoved(Index),
    /// Another leaf's value under this key, on this key's path: a chain of nodes of its own.
    Forged,
}

fn changes() -> impl Strategy<Value = Change> {
    prop_oneof![
        6 => Just(Change::Nothing),
        3 => (any::<Index>(), 1..=255_u8).prop_map(|(at, mask)| Change::Byte(at, mask)),
        1 => any::<Index>().prop_map(Change::Cut),
        1 => (any::<Index>(), any::<Index>()).prop_map(|(from, to)| Change::Doubled(from, to)),
        1 => Just(Change::Value),
        1 => Just(Change::Store),
        1 => Just(Change::Root),
        1 => any::<Index>().prop_map(Change::ProofOf),
        1 => any::<Index>().prop_map(Change::StepAdded),
        1 => any::<Index>().prop_map(Change::StepRemoved),
        2 => Just(Change::Forged),
    ]
}

#[derive(Clone, Debug)]
struct Item {
    root: B256,
    store: &'static [u8],
    leaf: Leaf,
    proof: Vec<u8>,
}

impl Item {
    fn honest(app: &App, leaf: &Leaf) -> Self {
        Self { root: app.app_hash(), store: b"ibc", leaf: leaf.clone(), proof: proof_of(app, leaf) }
    }

    fn changed(app: &App, leaf: &Leaf, change: &Change) -> Self {
        let mut item = Self::honest(app, leaf);
        let mut with_path = |edit: &dyn Fn(&mut Vec<Step>)| {
            let mut other = leaf.clone();
            edit(&mut other.path);
            item.proof = proof_of(app, &other);
        };
        match change {
            Change::Nothing => {}
            Change::Byte(at, mask) => {
                let at = at.index(item.proof.len());
                item.proof[at] ^= mask;
            }
            Change::Cut(at) => item.proof.truncate(at.index(item.proof.len())),
            Change::Doubled(from, to) => {
                let (from, to) = (from.index(item.proof.len()), to.index(item.proof.len()));
                let middle = item.proof[from.min(to)..from.max(to)].to_vec();
                item.proof.splice(from.min(to)..from.min(to), middle);
            }
            Change::Value => item.leaf.value[0] ^= 1,
            Change::Store => item.store = b"bank",
            Change::Root => item.root.0[31] ^= 1,
            Change::ProofOf(other) => item.proof = proof_of(app, other.get(&app.ibc.leaves)),
            Change::StepAdded(at) => with_path(&|path| {
                let step = above(20, Side::Left, [7; 32]);
                path.insert(at.index(path.len() + 1), step);
            }),
            Change::StepRemoved(at) => with_path(&|path| {
                if !path.is_empty() {
                    path.remove(at.index(path.len()));
                }
            }),
            Change::Forged => {
                item.leaf.value = vec![0xee; 32];
                item.proof = proof_of(app, &item.leaf);
            }
        }
        item
    }

    fn claim(&self) -> Membership<'_> {
        Membership {
            root: self.root,
            store: self.store,
            key: &self.leaf.key,
            value: &self.leaf.value,
            proof: &self.proof,
        }
    }
}

/// `MerkleProof` of both levels.
fn proof_of(app: &App, leaf: &Leaf) -> Vec<u8> {
    [field(1, &leaf.proof()), field(1, &app.stores.leaf(b"ibc").proof())].concat()
}

/// The results together, which must be those that each has alone.
fn verified(items: &[Item]) -> Vec<Result<(), VerifyError>> {
    let claims: Vec<_> = items.iter().map(Item::claim).collect();
    let together = verify_memberships(&claims);
    assert_eq!(together, claims.iter().map(verify_membership).collect::<Vec<_>>());
    together
}

#[derive(Clone, Copy)]
enum Side {
    Left,
    Right,
}

/// The step to an IAVL node that says it has this height, from the child on `side`.
fn above(height: u64, side: Side, sibling: [u8; 32]) -> Step {
    let start = [numbers(height, 9), vec![32]].concat();
    match side {
        Side::Left => Step { prefix: start, suffix: [&[32], &sibling[..]].concat() },
        Side::Right => Step { prefix: [&start[..], &sibling, &[32]].concat(), suffix: Vec::new() },
    }
}

fn climb(from: [u8; 32], path: &[Step]) -> [u8; 32] {
    path.iter().fold(from, |node, step| sha(&[&step.prefix, &node, &step.suffix]))
}

/// Two leaves that meet under `shared`: the first at once, the second after `own`. Heights are as given, true or not.
fn meeting(meet_height: u64, own: &[Step], shared: &[Step]) -> App {
    let leaf = |key: &[u8]| Leaf { key: key.to_vec(), value: vec![1; 32], prefix: numbers(0, 1), path: Vec::new() };
    let (mut first, mut second) = (leaf(b"a"), leaf(b"b"));
    first.path = [&[above(meet_height, Side::Left, climb(second.hash(), own))], shared].concat();
    second.path = [own, &[above(meet_height, Side::Right, first.hash())], shared].concat();
    let root = climb(first.hash(), &first.path);
    assert_eq!(root, climb(second.hash(), &second.path));
    App::over(Tree { root: root.into(), leaves: vec![first, second] })
}

#[test]
fn a_step_that_a_neighbour_has_higher_up_must_be_high_enough_there() {
    for (top, is_ok) in [(3, true), (2, false)] {
        // The first leaf's second step and the second's third is one node. It may have height 2 only for the first.
        let app = meeting(2, &[above(1, Side::Left, [5; 32])], &[above(top, Side::Left, [6; 32])]);
        let items: Vec<_> = app.ibc.leaves.iter().map(|leaf| Item::honest(&app, leaf)).collect();
        let found = verified(&items);
        assert!(found[0].is_ok());
        match &found[1] {
            Ok(()) => assert!(is_ok),
            Err(error) => assert!(!is_ok && error.field == "in_store.path[2].prefix", "{error}"),
        }
    }
}

#[test]
fn own_and_shared_steps_are_counted_together() {
    for (own, is_ok) in [(MAX_DEPTH - 51, true), (MAX_DEPTH - 50, false)] {
        let step = |_| above(1_000, Side::Left, [5; 32]);
        let (own, shared): (Vec<_>, Vec<_>) = ((0..own).map(step).collect(), (0..50).map(step).collect());
        let app = meeting(1_000, &own, &shared);
        let items: Vec<_> = app.ibc.leaves.iter().map(|leaf| Item::honest(&app, leaf)).collect();
        let found = verified(&items);
        assert!(found[0].is_ok());
        match &found[1] {
            Ok(()) => assert!(is_ok),
            Err(error) => assert!(!is_ok && error.field == "in_store.existence.path", "{error}"),
        }
    }
}

/// The proof alone in a batch, among others, and with its steps apart: all would be forms of the one proof.
fn in_batches(proof: &[u8], other: &[u8]) -> Vec<Vec<u8>> {
    let batch = |entries: &[&[u8]]| field(3, &entries.iter().flat_map(|entry| field(1, entry)).collect::<Vec<_>>());
    let plain = [batch(&[proof]), batch(&[proof, other]), batch(&[other, proof])];
    let compress = |batch: &Vec<u8>| {
        ics23::compress(&ics23::CommitmentProof::decode(&batch[..]).unwrap()).unwrap().encode_to_vec()
    };
    plain.iter().cloned().chain(plain.iter().map(compress)).collect()
}

#[test]
fn a_proof_of_membership_or_absence_is_in_no_batch() {
    let app = App::new(&commitments(5));
    let (leaf, of_store) = (&app.ibc.leaves[2], app.stores.leaf(b"ibc").proof());
    let honest = Item::honest(&app, leaf);
    let refused_for = |proof: Vec<u8>| {
        let found = verified(&[honest.clone(), Item { proof, ..honest.clone() }, honest.clone()]);
        assert!(found[0].is_ok() && found[2].is_ok());
        found[1].clone().unwrap_err().field
    };
    for in_store in in_batches(&leaf.proof(), &app.ibc.leaves[3].proof()) {
        assert_eq!(refused_for([field(1, &in_store), field(1, &of_store)].concat()), "in_store.proof");
    }
    for of_store in in_batches(&of_store, &app.stores.leaf(b"bank").proof()) {
        assert_eq!(refused_for([field(1, &leaf.proof()), field(1, &of_store)].concat()), "of_store.proof");
    }
    let missing = [&leaf.key[..], &[0]].concat();
    let absent = |in_store: &[u8]| {
        let proof = [field(1, in_store), field(1, &of_store)].concat();
        verify_absence(app.app_hash(), b"ibc", &missing, &proof).map_err(|error| error.field)
    };
    assert_eq!(absent(&app.ibc.absence(&missing)), Ok(()));
    for in_store in in_batches(&app.ibc.absence(&missing), &leaf.proof()) {
        assert_eq!(absent(&in_store), Err("in_store.proof".to_owned()));
    }
}

#[test]
fn forgeries_between_honest_proofs_refuse_no_neighbour() {
    let app = App::new(&commitments(40));
    let items: Vec<_> = app
        .ibc
        .leaves
        .iter()
        .zip([Change::Nothing, Change::Forged].iter().cycle())
        .map(|(leaf, change)| Item::changed(&app, leaf, change))
        .collect();
    for (index, found) in verified(&items).into_iter().enumerate() {
        assert_eq!(found.is_ok(), index % 2 == 0, "{found:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn many_claims_get_the_results_that_each_gets_alone(
        sizes in prop::array::uniform2(1..60_u64),
        picks in prop::collection::vec((any::<bool>(), any::<Index>(), changes()), 0..80),
    ) {
        let apps = sizes.map(|size| App::new(&commitments(size)));
        let items: Vec<_> = picks
            .iter()
            .map(|(which, leaf, change)| {
                let app = &apps[usize::from(*which)];
                Item::changed(app, leaf.get(&app.ibc.leaves), change)
            })
            .collect();
        let found = verified(&items);
        for ((_, _, change), found) in picks.iter().zip(found) {
            match change {
                Change::Nothing => prop_assert!(found.is_ok()),
                Change::Value | Change::Store | Change::Root | Change::Forged => prop_assert!(found.is_err()),
                _ => {}
            }
        }
    }
}
