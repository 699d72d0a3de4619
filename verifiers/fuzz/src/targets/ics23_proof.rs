//! ICS-23 proofs of both levels, of existence, of absence, and of many keys compressed: a changed proof proves nothing
//! that is not so, and a batch proves no membership.

use std::sync::LazyLock;

use crate::cosmos::store::{App, Leaf, Step, commitments, field};
use crate::patch::{Patch, patched};
use libfuzzer_sys::arbitrary::{self, Arbitrary};
use spandrel_verifiers::cosmos::ics23::{
    CommitmentProof, ExistenceProof, IAVL, Membership, MerkleProof, NonExistenceProof, verify_absence, verify_membership,
};

static APP: LazyLock<App> = LazyLock::new(|| App::new(&commitments(7)));

#[derive(Arbitrary, Clone, Copy, Debug)]
enum Start {
    Existence,
    Absence,
    Compressed,
}

/// All leaves in one compressed batch: each step once, where it is first named, and by its place.
fn compressed(leaves: &[Leaf]) -> Vec<u8> {
    let (mut entries, mut lookup) = (Vec::new(), Vec::new());
    for leaf in leaves {
        let mut alone = leaf.clone();
        let steps = std::mem::take(&mut alone.path);
        let mut place = |step: Step| {
            let found = lookup.iter().position(|known| *known == step);
            found.unwrap_or_else(|| {
                lookup.push(step);
                lookup.len() - 1
            })
        };
        let places: Vec<u8> = steps.into_iter().map(|step| place(step) as u8).collect();
        entries.extend(field(1, &field(1, &[alone.existence(), field(4, &places)].concat())));
    }
    let step = |step: &Step| field(2, &[&[8, 1][..], &field(2, &step.prefix), &field(3, &step.suffix)].concat());
    field(4, &[entries, lookup.iter().flat_map(step).collect()].concat())
}

fuzz_target!(|input: (Start, u8, Vec<Patch>)| {
    let (start, which, patches) = input;
    let (app, root) = (&*APP, APP.app_hash());
    let leaf = &app.ibc.leaves[usize::from(which) % app.ibc.leaves.len()];
    let missing = [&leaf.key[..], &[0]].concat();
    let honest = match start {
        Start::Existence => app.membership(&leaf.key),
        Start::Absence => app.non_membership(&missing),
        Start::Compressed => {
            let of_store = field(1, &app.stores.leaf(b"ibc").proof());
            [field(1, &compressed(&app.ibc.leaves)), of_store].concat()
        }
    };
    let proof = patched(honest.clone(), &patches);
    let claim = Membership { root, store: b"ibc", key: &leaf.key, value: &leaf.value, proof: &proof };
    let (exists, is_absent) =
        (verify_membership(&claim).is_ok(), verify_absence(root, b"ibc", &missing, &proof).is_ok());
    let is_honest = proof == honest;
    match start {
        Start::Existence => assert_eq!((exists, is_absent), (is_honest, false)),
        Start::Absence => assert_eq!((exists, is_absent), (false, is_honest)),
        // A batch proves no membership, whatever its entries are.
        Start::Compressed => assert!(!(is_absent || (exists && is_honest))),
    }
    assert!(verify_membership(&Membership { value: &[7; 31], ..claim }).is_err());
    assert!(verify_membership(&Membership { key: &missing, ..claim }).is_err());
    assert!(verify_absence(root, b"ibc", &leaf.key, &proof).is_err());
    if let Ok(decoded) = MerkleProof::decode(&proof) {
        assert_eq!(decoded.encode(), proof);
        let of_leaf = CommitmentProof::decode(decoded.in_store, &leaf.key);
        let shown = of_leaf.and_then(|of| of.existence(&leaf.key)?.verify(&IAVL, app.ibc.root, &leaf.key, &leaf.value));
        let shows = exists || (is_honest && matches!(start, Start::Compressed));
        assert!(shown.is_ok() || !shows, "what proves is read");
    }
    // Without what stands around them: one writing of one proof.
    let honest = leaf.existence();
    let bytes = patched(honest.clone(), &patches);
    if let Ok(existence) = ExistenceProof::decode(&bytes) {
        assert_eq!(Ok(existence) == ExistenceProof::decode(&honest), bytes == honest);
    }
    let honest = [field(1, &missing), field(2, &honest)].concat();
    let bytes = patched(honest.clone(), &patches);
    if let Ok(absence) = NonExistenceProof::decode(&bytes) {
        assert_eq!(Ok(absence) == NonExistenceProof::decode(&honest), bytes == honest);
    }
});
