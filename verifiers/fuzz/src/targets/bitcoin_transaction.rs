//! A transaction without witness is its bytes: they encode again, and hash to rust-bitcoin's txid.

use bitcoin::Transaction;
use bitcoin::consensus::encode::{deserialize, serialize};
use bitcoin::hashes::Hash;
use spandrel_verifiers::bitcoin::{Inclusion, decode_transaction, without_witness};
use crate::patch::{Patch, patched};
use crate::scene::Scene;
use std::sync::LazyLock;

static HONEST: LazyLock<Inclusion> = LazyLock::new(|| Scene::new().evidence);

fuzz_target!(|patches: Vec<Patch>| {
    let bytes = patched(HONEST.transaction.to_vec(), &patches);
    let Ok(decoded) = decode_transaction("transaction", &bytes) else { return };
    let transaction = decoded.transaction();
    assert_eq!(serialize(transaction), bytes);
    assert_eq!(without_witness(transaction), bytes);
    assert_eq!(decoded.txid().0, transaction.compute_txid().to_byte_array());
    assert_eq!(deserialize::<Transaction>(&bytes).expect("a transaction there too"), *transaction);
    assert_ne!(bytes.len(), 64, "an inner node of a Merkle tree");
});
