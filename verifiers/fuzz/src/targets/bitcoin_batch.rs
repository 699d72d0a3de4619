//! A batch of spoiled evidence and paths: the verdict on each item is the one it gets alone.

use std::sync::LazyLock;

use alloy_primitives::B256;
use libfuzzer_sys::arbitrary::{self, Arbitrary};
use spandrel_verifiers::Verifier;
use spandrel_verifiers::bitcoin::{ChainParams, Header, Inclusion, MerkleProof, check_work_each, verify_path, verify_paths};
use crate::patch::{Patch, patched};
use crate::scene::Scene;

#[derive(Arbitrary, Debug)]
struct Spoiled {
    header: Vec<Patch>,
    transaction: Vec<Patch>,
    coinbase: Vec<Patch>,
    index: u32,
    /// Siblings and what to do with them: replaced by the leaf, or by others.
    siblings: Vec<(u8, bool, u8)>,
    length: Option<u8>,
}

static SCENE: LazyLock<Scene> = LazyLock::new(Scene::new);

fuzz_target!(|changes: Vec<Spoiled>| {
    let Scene { verifier, chain, evidence: honest, now, .. } = &*SCENE;
    let items: Vec<Inclusion> = changes.iter().take(24).map(|change| spoiled(honest, change)).collect();
    let together = verifier.verify_batch(chain, &items, *now);
    assert_eq!(together.len(), items.len());
    for (item, verdict) in items.iter().zip(together) {
        assert_eq!(verdict, verifier.verify(chain, item, *now));
        assert_eq!(verdict.is_ok(), item == honest);
    }
    let leaf = |item: &Inclusion| B256::right_padding_from(&item.transaction[..item.transaction.len().min(32)]);
    let proofs: Vec<MerkleProof> = items
        .iter()
        .map(|item| MerkleProof { root: B256::ZERO, leaf: leaf(item), index: item.index, path: &item.path })
        .collect();
    for (proof, verdict) in proofs.iter().zip(verify_paths(&proofs)) {
        assert_eq!(verdict, verify_path(proof.root, proof.leaf, proof.index, proof.path));
    }
    let (params, headers) = (ChainParams::regtest(), items.iter().map(|item| item.header.clone()).collect::<Vec<_>>());
    for (bytes, verdict) in headers.iter().zip(check_work_each(&params, &headers)) {
        assert_eq!(verdict, Header::parse(bytes).and_then(|header| header.check_work(&params).map(|_| header)));
    }
});

fn spoiled(honest: &Inclusion, change: &Spoiled) -> Inclusion {
    let mut item = honest.clone();
    item.header = patched(item.header.to_vec(), &change.header).into();
    item.transaction = patched(item.transaction.to_vec(), &change.transaction).into();
    item.coinbase = patched(item.coinbase.to_vec(), &change.coinbase).into();
    item.index ^= change.index;
    for (place, is_leaf, byte) in &change.siblings {
        let length = item.path.len().max(1);
        let leaf = B256::right_padding_from(&item.transaction[..item.transaction.len().min(32)]);
        if let Some(sibling) = item.path.get_mut(usize::from(*place) % length) {
            *sibling = if *is_leaf { leaf } else { B256::repeat_byte(*byte) };
        }
    }
    if let Some(length) = change.length {
        item.path.resize(usize::from(length % 20), B256::ZERO);
    }
    item
}
