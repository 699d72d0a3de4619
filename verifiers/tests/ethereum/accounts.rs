//! Accounts and storage words: absence, zero and canonical form.

use std::collections::BTreeMap;

use alloy_primitives::{Address, B256, Bytes, U256, keccak256};
use spandrel_verifiers::VerifyError;
use spandrel_verifiers::ethereum::account::Account;
use spandrel_verifiers::ethereum::trie::EMPTY_ROOT;

use crate::chain::rlp_list;
use crate::planted::build;

const OWNER: Address = Address::repeat_byte(0x11);

/// A trie of `leaf` at `key` and one bystander, with the proof of `key`.
fn trie_of(key: &[u8], leaf: &[u8]) -> (B256, Vec<Bytes>) {
    let key = keccak256(key).to_vec();
    let entries = BTreeMap::from([(key.clone(), leaf.to_vec()), (keccak256("bystander").to_vec(), vec![0x55; 40])]);
    let (root, mut proofs) = build(&entries, &[key]);
    (root, proofs.remove(0))
}

fn prove(leaf: &[u8]) -> Result<Option<Account>, VerifyError> {
    let (root, proof) = trie_of(OWNER.as_slice(), leaf);
    Account::prove(root, OWNER, &proof)
}

fn prove_word(leaf: &[u8]) -> Result<U256, VerifyError> {
    let (storage_root, proof) = trie_of(B256::ZERO.as_slice(), leaf);
    let account = Account { nonce: 0, balance: U256::ZERO, storage_root, code_hash: B256::ZERO };
    account.prove_slot(B256::ZERO, &proof)
}

#[test]
fn an_absent_account_is_not_one_of_zeros() {
    let zero = rlp_list(&[&0_u64, &0_u64, &EMPTY_ROOT, &keccak256("")]);
    let found = prove(&zero).unwrap().unwrap();
    assert_eq!((found.nonce, found.balance, found.storage_root), (0, U256::ZERO, EMPTY_ROOT));
    let (root, _) = trie_of(OWNER.as_slice(), &zero);
    let other = Address::repeat_byte(0x12);
    let entries =
        BTreeMap::from([(keccak256(OWNER).to_vec(), zero.clone()), (keccak256("bystander").to_vec(), vec![0x55; 40])]);
    let (same, proofs) = build(&entries, &[keccak256(other).to_vec()]);
    assert_eq!(same, root);
    assert_eq!(Account::prove(root, other, &proofs[0]).unwrap(), None);
}

#[test]
fn an_account_of_another_shape_is_refused() {
    let five = rlp_list(&[&0_u64, &0_u64, &EMPTY_ROOT, &EMPTY_ROOT, &0_u64]);
    let three = rlp_list(&[&0_u64, &0_u64, &EMPTY_ROOT]);
    let short_root = rlp_list(&[&0_u64, &0_u64, &[1_u8; 31], &EMPTY_ROOT]);
    let long_nonce = rlp_list(&[&U256::MAX, &0_u64, &EMPTY_ROOT, &EMPTY_ROOT]);
    let mut trailing = rlp_list(&[&0_u64, &0_u64, &EMPTY_ROOT, &EMPTY_ROOT]);
    trailing.push(0);
    for leaf in [five, three, short_root, long_nonce, trailing, vec![0x55; 40]] {
        assert!(prove(&leaf).unwrap_err().field.starts_with("account_proof["), "{leaf:02x?}");
    }
}

#[test]
fn a_word_is_canonical_and_never_a_stored_zero() {
    let word = U256::from_be_bytes([0xab; 32]);
    assert_eq!(prove_word(&alloy_rlp::encode(word)).unwrap(), word);
    let mut padded = vec![0xa0];
    padded.extend(U256::from(7).to_be_bytes::<32>());
    for leaf in [padded, vec![0x80], vec![0x00], vec![0x81, 0x07], vec![0x07, 0x07], vec![0xc0], vec![0xa1; 34]] {
        assert!(prove_word(&leaf).unwrap_err().field.starts_with("storage_proof["), "{leaf:02x?}");
    }
}

#[test]
fn a_node_longer_than_a_state_trie_has_is_refused_before_it_is_hashed() {
    let long = vec![Bytes::from(vec![0; 1025])];
    let error = Account::prove(keccak256(&long[0]), OWNER, &long).unwrap_err();
    assert_eq!((error.field.as_str(), error.expected.as_str()), ("account_proof[0]", "at most 1024 bytes"));
}
