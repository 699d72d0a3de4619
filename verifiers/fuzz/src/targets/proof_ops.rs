//! Proofs as nodes answer queries: what is read is all of the bytes, and for the key and store that were asked for.

use std::sync::LazyLock;

use crate::cosmos::store::{App, commitments, field};
use crate::patch::{Patch, patched};
use spandrel_verifiers::cosmos::ics23::{Membership, MerkleProof, proof_ops, verify_membership};

static APP: LazyLock<App> = LazyLock::new(|| App::new(&commitments(7)));

fn encode(proof: &MerkleProof<'_>, store: &[u8], key: &[u8]) -> Vec<u8> {
    let operation =
        |kind: &[u8], key: &[u8], data: &[u8]| field(1, &[field(1, kind), field(2, key), field(3, data)].concat());
    [operation(b"ics23:iavl", key, proof.in_store), operation(b"ics23:simple", store, proof.of_store)].concat()
}

fuzz_target!(|input: (u8, Vec<Patch>)| {
    let leaf = &APP.ibc.leaves[usize::from(input.0) % APP.ibc.leaves.len()];
    let membership = APP.membership(&leaf.key);
    let honest = encode(&MerkleProof::decode(&membership).expect("two proofs"), b"ibc", &leaf.key);
    let bytes = patched(honest.clone(), &input.1);
    assert!(proof_ops(&bytes, b"ibc", b"another key").is_err());
    let Ok(proof) = proof_ops(&bytes, b"ibc", &leaf.key) else {
        assert_ne!(bytes, honest);
        return;
    };
    assert_eq!(encode(&proof, b"ibc", &leaf.key), bytes);
    let proof = proof.encode();
    let claim = Membership { root: APP.app_hash(), store: b"ibc", key: &leaf.key, value: &leaf.value, proof: &proof };
    assert_eq!(verify_membership(&claim).is_ok(), bytes == honest);
});
