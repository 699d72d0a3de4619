//! ICS-23 proofs of both levels: a changed proof proves nothing, and no key is absent that is there.

use spandrel_verifiers::cosmos::ics23::{Membership, MerkleProof, verify_absence, verify_membership};
use crate::patch::{Patch, patched};
use crate::store::app;

fuzz_target!(|input: (u8, Vec<Patch>)| {
    let (which, patches) = input;
    let (app_hash, proofs) = app();
    let (leaf, honest) = &proofs[usize::from(which) % proofs.len()];
    let proof = patched(honest.clone(), &patches);
    let claim =
        Membership { root: app_hash.into(), store: b"ibc", key: &leaf.key, value: &leaf.value, proof: &proof };
    assert_eq!(verify_membership(&claim).is_ok(), proof == *honest);
    assert!(verify_membership(&Membership { value: &[7; 31], ..claim }).is_err());
    assert!(verify_absence(app_hash.into(), b"ibc", &leaf.key, &proof).is_err());
    if let Ok(decoded) = MerkleProof::decode(&proof) {
        assert_eq!(decoded.encode(), proof);
    }
});
