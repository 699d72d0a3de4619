//! An IAVL store under an app hash, and proofs of its keys for `ics23` and for ours.

use alloy_primitives::B256;
use ics23::{CommitmentProof, ExistenceProof, HashOp, InnerOp, LeafOp, LengthOp};
use sha2::{Digest, Sha256};
use spandrel_verifiers::cosmos::commitment_key;

/// The name of the store.
pub const STORE: &[u8] = b"ibc";

/// One key's proof.
#[derive(Clone, Debug)]
pub struct StoreProof {
    /// The key.
    pub key: Vec<u8>,
    /// Its value.
    pub value: Vec<u8>,
    /// Both levels, as the peer's types: of the key in the store, and of the store's root.
    pub peer: [CommitmentProof; 2],
    /// Root of the store: what the first level proves and the second contains.
    pub store_root: Vec<u8>,
    /// Protobuf of each, as nodes serve it, for the peer.
    pub levels: [Vec<u8>; 2],
    /// Protobuf of both in one, as nodes serve it, for ours.
    pub encoded: Vec<u8>,
}

/// Which keys are proven.
#[derive(Clone, Copy, Debug)]
pub enum Proven {
    /// As far from each other as they can be: they share the least.
    Spread,
    /// Next to each other in the store, as packets of one channel that wait for a relayer are.
    Neighbours,
}

/// The client over which the packets of every store here were sent.
pub const CLIENT: &str = "07-tendermint-0";

/// Key and value of a commitment to a packet of which nothing else is known.
pub fn commitment_of(sequence: u64) -> (Vec<u8>, Vec<u8>) {
    (commitment_key(CLIENT, sequence), digest(&[&sequence.to_be_bytes()]).to_vec())
}

/// App hash over a store of `size` packet commitments, and proofs of `count` of them.
pub fn proofs(size: u64, count: u64, proven: Proven) -> (B256, Vec<StoreProof>) {
    let (step, count) = (usize::try_from(size / count), usize::try_from(count).expect("few proofs"));
    let step = match proven {
        Proven::Spread => step.expect("few proofs"),
        Proven::Neighbours => 1,
    };
    prove((0..size).map(commitment_of), (0..).step_by(step).take(count))
}

/// App hash over a store of `pairs`, which come in the order of their keys, and proofs of those in `places`.
///
/// # Panics
/// When there is no pair in one of the places.
pub fn prove(
    pairs: impl Iterator<Item = (Vec<u8>, Vec<u8>)>,
    places: impl Iterator<Item = usize>,
) -> (B256, Vec<StoreProof>) {
    let mut leaves: Vec<ExistenceProof> = pairs.map(|(key, value)| leaf(key, value, numbers(0, 1))).collect();
    let (store_root, _) = climb(&mut leaves, true);
    let roots = ["acc", "bank", "ibc", "staking"].map(|name| {
        let root = if name.as_bytes() == STORE { store_root } else { digest(&[name.as_bytes()]) };
        leaf(name.as_bytes().to_vec(), root.to_vec(), vec![0])
    });
    let mut stores = roots.to_vec();
    let (app_hash, _) = climb(&mut stores, false);
    let of_store = stores.into_iter().find(|leaf| leaf.key == STORE).expect("the store");
    let prove = |in_store: &ExistenceProof| {
        let levels = [in_store, &of_store].map(|proof| field(1, &existence(proof)));
        StoreProof {
            key: in_store.key.clone(),
            value: in_store.value.clone(),
            peer: [in_store, &of_store].map(commitment),
            store_root: store_root.to_vec(),
            encoded: levels.iter().flat_map(|level| field(1, level)).collect(),
            levels,
        }
    };
    (app_hash.into(), places.map(|place| prove(&leaves[place])).collect())
}

fn commitment(proof: &ExistenceProof) -> CommitmentProof {
    CommitmentProof { proof: Some(ics23::commitment_proof::Proof::Exist(proof.clone())) }
}

fn leaf(key: Vec<u8>, value: Vec<u8>, prefix: Vec<u8>) -> ExistenceProof {
    let operation = LeafOp {
        hash: HashOp::Sha256.into(),
        prehash_key: HashOp::NoHash.into(),
        prehash_value: HashOp::Sha256.into(),
        length: LengthOp::VarProto.into(),
        prefix,
    };
    ExistenceProof { key, value, leaf: Some(operation), path: Vec::new() }
}

/// Adds its way up to each leaf; the root and the height above the leaves.
fn climb(leaves: &mut [ExistenceProof], is_iavl: bool) -> ([u8; 32], u64) {
    if let [leaf] = leaves {
        let prefix = leaf.leaf.as_ref().map_or(&[][..], |operation| &operation.prefix);
        let length = varint(leaf.key.len() as u64);
        return (digest(&[prefix, &length, &leaf.key, &[32], &digest(&[&leaf.value])]), 0);
    }
    let size = leaves.len() as u64;
    let (left, right) = leaves.split_at_mut(leaves.len() / 2);
    let ((left_hash, left_height), (right_hash, right_height)) = (climb(left, is_iavl), climb(right, is_iavl));
    let height = left_height.max(right_height) + 1;
    let (start, length): (Vec<u8>, &[u8]) = if is_iavl { (numbers(height, size), &[32]) } else { (vec![1], &[]) };
    let operation = |prefix, suffix| InnerOp { hash: HashOp::Sha256.into(), prefix, suffix };
    for leaf in left {
        leaf.path.push(operation([&start, length].concat(), [length, &right_hash].concat()));
    }
    for leaf in right {
        leaf.path.push(operation([&start, length, &left_hash, length].concat(), Vec::new()));
    }
    (digest(&[&start, length, &left_hash, length, &right_hash]), height)
}

/// Height, size and version, as IAVL writes them.
fn numbers(height: u64, size: u64) -> Vec<u8> {
    [varint(height * 2), varint(size * 2), varint(2 * 1_000)].concat()
}

fn digest(parts: &[&[u8]]) -> [u8; 32] {
    Sha256::digest(parts.concat()).into()
}

fn varint(mut value: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    while value >= 0x80 {
        bytes.push((value & 0x7f) as u8 | 0x80);
        value >>= 7;
    }
    bytes.push(value as u8);
    bytes
}

fn field(number: u8, bytes: &[u8]) -> Vec<u8> {
    if bytes.is_empty() { Vec::new() } else { [&[number << 3 | 2], &varint(bytes.len() as u64)[..], bytes].concat() }
}

fn existence(proof: &ExistenceProof) -> Vec<u8> {
    let prefix = proof.leaf.as_ref().map_or(&[][..], |operation| &operation.prefix);
    let leaf = [&[8, 1, 24, 1, 32, 1][..], &field(5, prefix)].concat();
    let path = proof
        .path
        .iter()
        .flat_map(|step| field(4, &[&[8, 1][..], &field(2, &step.prefix), &field(3, &step.suffix)].concat()));
    [field(1, &proof.key), field(2, &proof.value), field(3, &leaf), path.collect()].concat()
}
