//! What stands in a leaf: an account or a word that is read is the only encoding of itself.

use alloy_primitives::{Address, B256, Bytes, U256, keccak256};
use spandrel_verifiers::ethereum::account::Account;
use crate::patch::{Patch, patched};
use crate::rlp;

/// A trie of one key: its root and its proof.
fn single(key: B256, value: &[u8]) -> (B256, Vec<Bytes>) {
    let path = [&[0x20][..], key.as_slice()].concat();
    let leaf = rlp::list(&[rlp::string(&path), rlp::string(value)]);
    (keccak256(&leaf), vec![leaf.into()])
}

fuzz_target!(|input: (u64, [u8; 32], Vec<Patch>)| {
    let (nonce, balance, patches) = input;
    let encode = |account: &Account| {
        let Account { nonce, balance, storage_root, code_hash } = account;
        let numbers = [alloy_rlp::encode(nonce), alloy_rlp::encode(balance)];
        rlp::list(&[numbers.to_vec(), vec![alloy_rlp::encode(storage_root), alloy_rlp::encode(code_hash)]].concat())
    };
    let balance = U256::from_be_bytes(balance);
    let honest = Account { nonce, balance, storage_root: B256::ZERO, code_hash: B256::repeat_byte(1) };
    let value = patched(encode(&honest), &patches);
    let (root, proof) = single(keccak256(Address::ZERO), &value);
    if let Ok(account) = Account::prove(root, Address::ZERO, &proof) {
        assert_eq!(encode(&account.expect("it is there")), value);
    }
    let value = patched(alloy_rlp::encode(balance), &patches);
    let (storage_root, proof) = single(keccak256(B256::ZERO), &value);
    if let Ok(word) = (Account { storage_root, ..honest }).prove_slot(B256::ZERO, &proof) {
        assert!(!word.is_zero(), "a trie holds no zero");
        assert_eq!(alloy_rlp::encode(word), value);
    }
});
