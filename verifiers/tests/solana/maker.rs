//! A small cluster that really signs: votes, certificates, transfers; and its blocks.

use std::collections::{BTreeMap, BTreeSet};

use alloy_primitives::{Address, B256, Bytes, Signature, U256, keccak256};
use bitcoin::secp256k1::{Message, Secp256k1, SecretKey as WitnessKey};
use blst::min_pk::{AggregateSignature, SecretKey};
use ed25519_dalek::{Signer, SigningKey};
use sha2::{Digest, Sha256};
use spandrel_verifiers::attestation::SignerSet;
use spandrel_verifiers::ethereum::bls::DST;
use spandrel_verifiers::solana::{
    AlpenglowKeys, Ballot, BankPreimage, Certificate, Claim, EpochSchedule, MEMO_PROGRAM, MemoTerms, Migration,
    SolanaConfig, Stake, StakeTable, TOKEN_PROGRAM, VOTE_PROGRAM, VotesUpdate, chain_id,
};
use spandrel_verifiers::{ChainId, LanePreference};

#[path = "blocks.rs"]
mod blocks;

pub use blocks::*;

pub const SHRED_VERSION: u16 = 4_242;
pub const NOW: u64 = 1_780_000_000;
pub const EPOCHS: EpochSchedule = EpochSchedule { slots_per_epoch: 1_000, warmup: false };

pub fn sha256(parts: &[&[u8]]) -> B256 {
    B256::new(Sha256::digest(parts.concat()).into())
}

pub fn key(seed: &str) -> SigningKey {
    SigningKey::from_bytes(&keccak256(seed).0)
}

pub fn public(key: &SigningKey) -> B256 {
    B256::new(key.verifying_key().to_bytes())
}

/// A validator with its keys.
#[derive(Clone)]
pub struct Validator {
    pub name: String,
    pub stake: u64,
    pub voter: SigningKey,
    pub bls: SecretKey,
}

impl Validator {
    pub fn new(name: &str, stake: u64) -> Self {
        let bls = SecretKey::key_gen(keccak256(name).as_slice(), &[]).expect("32 bytes");
        Self { name: name.to_owned(), stake, voter: key(name), bls }
    }

    pub fn vote_account(&self) -> B256 {
        keccak256(format!("vote account of {}", self.name))
    }

    pub fn row(&self) -> Stake {
        let node = keccak256(format!("node of {}", self.name));
        let bls = self.bls.sk_to_pk().compress().into();
        Stake {
            vote_account: self.vote_account(),
            stake: self.stake,
            authorized_voter: public(&self.voter),
            alpenglow: Some(AlpenglowKeys { node, bls }),
        }
    }

    pub fn vote(&self, ballot: Ballot) -> Bytes {
        vote_transaction(&self.voter, self.vote_account(), &tower_sync(ballot, Some(NOW as i64)))
    }
}

/// Five validators: 40, 30, 15, 10 and 5 of a hundred.
pub fn validators() -> Vec<Validator> {
    [("ann", 40), ("bob", 30), ("cid", 15), ("dan", 10), ("eve", 5)]
        .map(|(name, stake)| Validator::new(name, stake))
        .into()
}

pub fn table(epoch: u64, validators: &[Validator]) -> StakeTable {
    StakeTable::new(epoch, validators.iter().map(Validator::row).collect()).expect("a valid table")
}

/// Instruction data of a vote for `ballot` on a tower of two slots.
pub fn tower_sync(ballot: Ballot, timestamp: Option<i64>) -> Vec<u8> {
    let root = ballot.slot - 2;
    let lockouts = [2, 1, 2, 1, 1];
    let mut data = [&14_u32.to_le_bytes()[..], &root.to_le_bytes(), &lockouts, ballot.bank_hash.as_slice()].concat();
    match timestamp {
        None => data.push(0),
        Some(time) => data.extend([&[1][..], &time.to_le_bytes()].concat()),
    }
    data.extend(ballot.block_id);
    data
}

pub fn vote_transaction(voter: &SigningKey, vote_account: B256, data: &[u8]) -> Bytes {
    let keys = [public(voter), vote_account, VOTE_PROGRAM];
    transaction(&[voter], &keys, 1, &[(2, &[1, 0], data)])
}

/// A legacy transaction: signers first, the last `readonly` keys read-only.
pub fn transaction(signers: &[&SigningKey], keys: &[B256], readonly: u8, instructions: &[(u8, &[u8], &[u8])]) -> Bytes {
    let mut message = vec![signers.len() as u8, 0, readonly, keys.len() as u8];
    message.extend(keys.iter().flatten());
    message.extend([0xbb; 32]);
    message.push(instructions.len() as u8);
    for (program, accounts, data) in instructions {
        message.extend([&[*program, accounts.len() as u8][..], accounts, &compact(data.len()), data].concat());
    }
    let signatures = signers.iter().flat_map(|signer| signer.sign(&message).to_bytes());
    let mut bytes = vec![signers.len() as u8];
    bytes.extend(signatures);
    bytes.extend(message);
    bytes.into()
}

pub fn compact(length: usize) -> Vec<u8> {
    if length < 128 { vec![length as u8] } else { vec![length as u8 | 0x80, (length >> 7) as u8] }
}

/// The votes of these validators.
pub fn votes(ballot: Ballot, validators: &[Validator]) -> VotesUpdate {
    let Ballot { slot, bank_hash, block_id } = ballot;
    VotesUpdate {
        slot,
        bank_hash,
        block_id,
        votes: validators.iter().map(|validator| validator.vote(ballot)).collect(),
    }
}

/// A certificate by the ranks given, who signed the first payload, and those who signed the fallback. Ranks are places
/// among `validators` sorted by falling stake.
pub fn certificate(claim: Claim, validators: &[Validator], primary: &[usize], fallback: &[usize]) -> Certificate {
    let (first, second) = claim.payloads(SHRED_VERSION);
    let sign = |ranks: &[usize], payload: &[u8]| -> Vec<_> {
        ranks.iter().map(|rank| validators[*rank].bls.sign(payload, DST, &[])).collect()
    };
    let mut signatures = sign(primary, &first);
    signatures.extend(sign(fallback, second.as_deref().unwrap_or_default()));
    let sum = AggregateSignature::aggregate(&signatures.iter().collect::<Vec<_>>(), false).expect("somebody signs");
    let bitmap = if fallback.is_empty() { base2(primary) } else { base3(primary, fallback) };
    let signature = sum.to_signature().serialize();
    Certificate { claim, signature, bitmap: bitmap.into(), shred_version: SHRED_VERSION }
}

pub fn base2(ranks: &[usize]) -> Vec<u8> {
    let count = ranks.iter().max().map_or(0, |rank| rank + 1);
    let mut bytes = vec![0; count.div_ceil(8)];
    ranks.iter().for_each(|rank| bytes[rank / 8] |= 1 << (rank % 8));
    [&[0][..], &(count as u16).to_le_bytes(), &bytes].concat()
}

pub fn base3(primary: &[usize], fallback: &[usize]) -> Vec<u8> {
    let count = primary.iter().chain(fallback).max().map_or(0, |rank| rank + 1);
    let mut bytes = vec![0_u8; count.div_ceil(5)];
    primary.iter().for_each(|rank| bytes[rank / 5] += 3_u8.pow((rank % 5) as u32));
    fallback.iter().for_each(|rank| bytes[rank / 5] += 2 * 3_u8.pow((rank % 5) as u32));
    [&[1][..], &(count as u16).to_le_bytes(), &bytes].concat()
}

/// Who signs for what nothing proves: two of three.
pub fn witnesses(domain: &str) -> (SignerSet, Vec<WitnessKey>) {
    let keys: Vec<WitnessKey> =
        (0..3).map(|n| WitnessKey::from_slice(keccak256(format!("{domain} {n}")).as_slice()).expect("a key")).collect();
    let members: BTreeSet<Address> = keys.iter().map(address).collect();
    (SignerSet::new(7, 2, members).expect("two of three"), keys)
}

fn address(key: &WitnessKey) -> Address {
    let point = key.public_key(&Secp256k1::new()).serialize_uncompressed();
    Address::from_raw_public_key(&point[1..])
}

/// Signatures over `digest` by the first two witnesses in rising order of their addresses.
pub fn quorum(digest: B256, keys: &[WitnessKey]) -> Vec<Signature> {
    let by_address: BTreeMap<Address, &WitnessKey> = keys.iter().map(|key| (address(key), key)).collect();
    by_address.values().take(2).map(|key| sign_digest(digest, key)).collect()
}

pub fn sign_digest(digest: B256, key: &WitnessKey) -> Signature {
    let signature = Secp256k1::new().sign_ecdsa(&Message::from_digest(digest.0), key).serialize_compact();
    let (r, s) = (U256::from_be_slice(&signature[..32]), U256::from_be_slice(&signature[32..]));
    let either = [false, true].map(|parity| Signature::new(r, s, parity));
    let signer = address(key);
    let is_ours =
        |signature: &Signature| signature.recover_address_from_prehash(&digest).is_ok_and(|found| found == signer);
    either.into_iter().find(is_ours).expect("one of two parities")
}

pub fn vault() -> B256 {
    public(&key("vault"))
}

pub fn vault_account() -> B256 {
    keccak256("token account of the vault")
}

pub fn mint() -> B256 {
    keccak256("mint")
}

pub fn config() -> SolanaConfig {
    SolanaConfig {
        chain: chain_id(keccak256("genesis")).expect("a chain"),
        shred_version: SHRED_VERSION,
        epochs: EPOCHS,
        vault: vault(),
        token_accounts: BTreeMap::from([(vault_account(), mint())]),
        stake_sources: witnesses("source").0,
        execution_witnesses: witnesses("witness").0,
        migration: Migration::AtGenesisCertificate,
        max_age: 86_400,
    }
}

pub fn terms() -> MemoTerms {
    MemoTerms {
        destination_chain: ChainId::eip155(31_338),
        destination_bridge: B256::left_padding_from(&[1; 20]),
        recipient: B256::left_padding_from(&[2; 20]),
        lane: LanePreference::LightClient,
        expiry: NOW + 86_400,
    }
}

/// A transfer of `amount` into the vault, with the memo before it.
pub fn transfer(depositor: &SigningKey, amount: u64, memo: &str) -> Bytes {
    let data = [&[12][..], &amount.to_le_bytes(), &[6]].concat();
    let source = keccak256("token account of the depositor");
    let keys = [public(depositor), source, vault_account(), mint(), TOKEN_PROGRAM, MEMO_PROGRAM];
    transaction(&[depositor], &keys, 3, &[(5, &[], memo.as_bytes()), (4, &[1, 3, 2, 0], &data)])
}

/// A bank on top of `parent`, and its hash.
pub fn bank(parent: B256, n: u64) -> (BankPreimage, B256) {
    let accounts = Bytes::from(vec![n as u8; 2_048]);
    let preimage = BankPreimage {
        parent,
        signature_count: n,
        last_blockhash: keccak256(n.to_le_bytes()),
        accounts,
        hard_forks: None,
    };
    let hash = preimage.hash().expect("2,048 bytes");
    (preimage, hash)
}
