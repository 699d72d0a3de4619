//! Decoders of ICS-23 proofs, and how what they read is written again.

use prost_of_ics23::Message as _;
use spandrel_verifiers::cosmos::ics23::{
    BatchEntry, CommitmentProof, ExistenceProof, MerkleProof, NonExistenceProof, proof_ops,
};

use crate::cosmos::store::{Leaf, field, varint};
use crate::decoders::Decoder;
use crate::honest::Honest;

/// A field of a small number; left out when it is 0.
fn number(place: u8, value: u32) -> Vec<u8> {
    if value == 0 { Vec::new() } else { [vec![place << 3], varint(value.into())].concat() }
}

/// A message that may be empty but is there.
fn message(place: u8, bytes: &[u8]) -> Vec<u8> {
    [vec![place << 3 | 2], varint(bytes.len() as u64), bytes.to_vec()].concat()
}

fn existence(proof: &ExistenceProof<'_>) -> Vec<u8> {
    let leaf = proof.leaf.map(|leaf| {
        let numbers = [leaf.hash, leaf.prehash_key, leaf.prehash_value, leaf.length];
        let numbers = numbers.iter().zip(1..).flat_map(|(value, place)| number(place, *value));
        message(3, &numbers.chain(field(5, leaf.prefix)).collect::<Vec<_>>())
    });
    let path = proof
        .path
        .iter()
        .flat_map(|step| message(4, &[number(1, step.hash), field(2, step.prefix), field(3, step.suffix)].concat()));
    [field(1, proof.key), field(2, proof.value), leaf.unwrap_or_default(), path.collect()].concat()
}

fn absence(proof: &NonExistenceProof<'_>) -> Vec<u8> {
    let side = |place, side: &Option<ExistenceProof<'_>>| {
        side.as_ref().map(|side| message(place, &existence(side))).unwrap_or_default()
    };
    [field(1, proof.key), side(2, &proof.left), side(3, &proof.right)].concat()
}

fn commitment(proof: &CommitmentProof<'_>) -> Vec<u8> {
    let entry = |entry: &BatchEntry<'_>| match entry {
        BatchEntry::Exist(proof) => message(1, &existence(proof)),
        BatchEntry::Nonexist(proof) => message(2, &absence(proof)),
    };
    match proof {
        CommitmentProof::Exist(proof) => message(1, &existence(proof)),
        CommitmentProof::Nonexist(proof) => message(2, &absence(proof)),
        CommitmentProof::Batch(entries) => {
            message(3, &entries.iter().flat_map(|one| message(1, &entry(one))).collect::<Vec<_>>())
        }
    }
}

/// A batch with its steps once each, by the peer.
pub fn compressed(batch: &[u8]) -> Vec<u8> {
    ics23::compress(&ics23::CommitmentProof::decode(batch).unwrap()).unwrap().encode_to_vec()
}

/// And with each step where it belongs.
pub fn inflated(compressed: &[u8]) -> Vec<u8> {
    ics23::decompress(&ics23::CommitmentProof::decode(compressed).unwrap()).unwrap().encode_to_vec()
}

/// A batch's entries for `key`.
fn only<'a>(proof: CommitmentProof<'a>, key: &[u8]) -> CommitmentProof<'a> {
    let CommitmentProof::Batch(mut entries) = proof else { return proof };
    entries.retain(|entry| match entry {
        BatchEntry::Exist(proof) => proof.key == key,
        BatchEntry::Nonexist(proof) => proof.key == key,
    });
    CommitmentProof::Batch(entries)
}

/// Decoders of ICS-23 proofs.
pub fn proofs(honest: &Honest) -> Vec<Decoder> {
    let app = &honest.cosmos.app;
    let leaf = &app.ibc.leaves[3];
    let membership = app.membership(&leaf.key);
    let (key, missing) = (leaf.key.clone(), [&leaf.key[..], &[0]].concat());
    let batch = app.ibc.leaves.iter().take(3).flat_map(|leaf: &Leaf| message(1, &message(1, &leaf.existence())));
    let batch = message(3, &batch.collect::<Vec<_>>());
    let packed = compressed(&batch);
    let own = app.ibc.leaves[1].key.clone();
    // What a compressed batch means is written again by the peer: of its entries only one is put together here.
    let as_peer_writes = move |bytes: &[u8]| {
        let found = CommitmentProof::decode(bytes, &own).ok()?;
        let inflated = inflated(bytes);
        assert_eq!(found, only(CommitmentProof::decode(&inflated, &own).unwrap(), &own));
        Some(compressed(&inflated))
    };
    let again = |key: Vec<u8>| move |bytes: &[u8]| Some(commitment(&CommitmentProof::decode(bytes, &key).ok()?));
    let both = MerkleProof::decode(&membership).unwrap();
    let operation =
        |kind: &[u8], key: &[u8], data: &[u8]| field(1, &[field(1, kind), field(2, key), field(3, data)].concat());
    let operations = move |proof: &MerkleProof<'_>, key: &[u8]| {
        [operation(b"ics23:iavl", key, proof.in_store), operation(b"ics23:simple", b"ibc", proof.of_store)].concat()
    };
    let asked = key.clone();
    let answered = move |bytes: &[u8]| Some(operations(&proof_ops(bytes, b"ibc", &asked).ok()?, &asked));
    vec![
        Decoder::new("Merkle proof", membership.clone(), |bytes| {
            Some(MerkleProof::decode(bytes).ok()?.encode().to_vec())
        }),
        Decoder::new("proof operations", operations(&both, &key), answered),
        Decoder::new("existence", leaf.proof(), again(key.clone())),
        Decoder::new("absence", app.ibc.absence(&missing), again(missing)),
        Decoder::new("batch of proofs", batch, again(key)),
        Decoder::new("compressed batch of proofs", packed, as_peer_writes),
    ]
}
