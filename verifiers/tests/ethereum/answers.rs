//! What nodes answer of an account and its slots: proven, and compared with what they say of them beside the proofs.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};

use alloy_primitives::{Address, B256, Bytes, KECCAK256_EMPTY, U256, keccak256};
use serde::Deserialize;
use spandrel_verifiers::ethereum::account::Account;
use spandrel_verifiers::ethereum::trie::EMPTY_ROOT;

use crate::chain::account_rlp;
use crate::planted::build;
use crate::support::Tally;

/// `eth_getProof` (EIP-1186).
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct GetProof {
    pub address: Address,
    pub account_proof: Vec<Bytes>,
    balance: U256,
    code_hash: B256,
    nonce: U256,
    storage_hash: B256,
    storage_proof: Vec<Slot>,
}

/// Helios' answer for an account.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AccountAnswer {
    account: Said,
    pub account_proof: Vec<Bytes>,
    code: Bytes,
    storage_proof: Vec<Slot>,
}

/// What a node says of an account.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Said {
    nonce: U256,
    balance: U256,
    storage_root: B256,
    code_hash: B256,
}

#[derive(Deserialize)]
struct Slot {
    key: U256,
    value: U256,
    proof: Vec<Bytes>,
}

impl GetProof {
    /// Proves the account and every slot, and compares them with what the node said.
    pub fn check(&self, state_root: B256, tally: &mut Tally) {
        let Self { nonce, balance, storage_hash: storage_root, code_hash, .. } = *self;
        let said = Said { nonce, balance, storage_root, code_hash };
        said.check(state_root, self.address, &self.account_proof, &self.storage_proof, tally);
    }
}

impl AccountAnswer {
    /// Proves the account and every slot, and compares them with what the node said.
    pub fn check(&self, state_root: B256, address: Address, tally: &mut Tally) {
        self.account.check(state_root, address, &self.account_proof, &self.storage_proof, tally);
        let said = self.account.code_hash;
        assert!(keccak256(&self.code) == said || (self.code.is_empty() && said.is_zero()), "{said}");
    }
}

impl Said {
    fn check(&self, state_root: B256, address: Address, proof: &[Bytes], slots: &[Slot], tally: &mut Tally) {
        // Of an account that is not there nodes say that it is empty; some say zeros for its hashes.
        let is_said = |hash: B256, empty: B256| if hash.is_zero() { empty } else { hash };
        let found = Account::prove(state_root, address, proof).unwrap();
        let account = found.unwrap_or(Account {
            nonce: 0,
            balance: U256::ZERO,
            storage_root: is_said(self.storage_root, EMPTY_ROOT),
            code_hash: is_said(self.code_hash, KECCAK256_EMPTY),
        });
        assert_eq!((U256::from(account.nonce), account.balance), (self.nonce, self.balance));
        if found.is_none() {
            assert_eq!((account.storage_root, account.code_hash), (EMPTY_ROOT, KECCAK256_EMPTY));
        } else {
            assert_eq!((account.storage_root, account.code_hash), (self.storage_root, self.code_hash));
        }
        tally.pass();
        slots.iter().for_each(|slot| slot.check(&account, tally));
        // The proof is none of another account, but that there may be none.
        match Account::prove(state_root, address.create(0), proof) {
            Ok(other) => assert_eq!(other, None),
            refused => tally.refuse_any(refused),
        }
    }
}

impl Slot {
    fn check(&self, account: &Account, tally: &mut Tally) {
        let (slot, other) = (self.key.into(), (self.key + U256::ONE).into());
        let proof: &[Bytes] = match self.proof.as_slice() {
            // Some nodes give the one node of an empty trie, where the rule here is that a proof has none.
            [node] if account.storage_root == EMPTY_ROOT && node[..] == [alloy_rlp::EMPTY_STRING_CODE] => {
                tally.refuse(account.prove_slot(slot, &self.proof), "storage_proof");
                &[]
            }
            proof => proof,
        };
        assert_eq!(account.prove_slot(slot, proof).unwrap(), self.value);
        tally.pass();
        // The proof is none of another slot, but that there may be none.
        match account.prove_slot(other, proof) {
            Ok(word) => assert_eq!(word, U256::ZERO),
            refused => tally.refuse_any(refused),
        }
    }
}

#[test]
fn the_node_of_an_empty_storage_trie_is_refused_and_read_as_no_node() {
    let (owner, absent) = (Address::repeat_byte(0x11), Address::repeat_byte(0x12));
    let leaf = account_rlp(3, 9, EMPTY_ROOT, KECCAK256_EMPTY);
    let entries = BTreeMap::from([(keccak256(owner).to_vec(), leaf)]);
    let (root, proofs) = build(&entries, &[owner, absent].map(|address| keccak256(address).to_vec()));
    let run = |address: Address, proof: &[Bytes], said: [u64; 2], slot: serde_json::Value| {
        let answer = serde_json::json!({
            "address": address, "accountProof": proof, "nonce": U256::from(said[0]), "balance": U256::from(said[1]),
            "storageHash": EMPTY_ROOT, "codeHash": KECCAK256_EMPTY, "storageProof": [slot],
        });
        let answer: GetProof = serde_json::from_value(answer).unwrap();
        catch_unwind(AssertUnwindSafe(|| {
            let mut tally = Tally::silent();
            answer.check(root, &mut tally);
            (tally.passed(), tally.refused())
        }))
    };
    let slot =
        |value: u64, proof: &[&str]| serde_json::json!({"key": "0x0", "value": U256::from(value), "proof": proof});
    // As reth answers, and as geth does.
    assert_eq!(run(owner, &proofs[0], [3, 9], slot(0, &["0x80"])).unwrap(), (2, 1));
    assert_eq!(run(owner, &proofs[0], [3, 9], slot(0, &[])).unwrap(), (2, 0));
    assert_eq!(run(absent, &proofs[1], [0, 0], slot(0, &["0x80"])).unwrap(), (2, 1));
    run(owner, &proofs[0], [3, 9], slot(1, &["0x80"])).unwrap_err();
    run(owner, &proofs[0], [3, 9], slot(0, &["0x80", "0x80"])).unwrap_err();
    run(owner, &proofs[0], [3, 9], slot(0, &["0xc0"])).unwrap_err();
    run(absent, &proofs[1], [3, 9], slot(0, &[])).unwrap_err();
}
