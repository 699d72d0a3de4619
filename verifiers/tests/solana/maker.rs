//! A small cluster that really signs: votes, certificates, shreds, entries, transfers.

use std::collections::{BTreeMap, BTreeSet};

use alloy_primitives::{Address, B256, Bytes, Signature, U256, keccak256};
use bitcoin::secp256k1::{Message, Secp256k1, SecretKey as WitnessKey};
use blst::min_pk::{AggregateSignature, SecretKey};
use ed25519_dalek::{Signer, SigningKey};
use sha2::{Digest, Sha256};
use spandrel_verifiers::attestation::SignerSet;
use spandrel_verifiers::ethereum::bls::DST;
use spandrel_verifiers::solana::{
    AlpenglowKeys, Ballot, BankPreimage, BlockPath, Certificate, Claim, DATA_SHRED_LENGTH, EpochSchedule, MEMO_PROGRAM,
    MemoTerms, Migration, ShredProof, SolanaConfig, Stake, StakeTable, TOKEN_PROGRAM, VOTE_PROGRAM, VotesUpdate,
    chain_id,
};
use spandrel_verifiers::{ChainId, LanePreference};

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

/// A batch of entries with these transactions.
pub fn entries(entries: &[Vec<Bytes>]) -> Vec<u8> {
    let mut bytes = (entries.len() as u64).to_le_bytes().to_vec();
    for transactions in entries {
        bytes.extend([&1_u64.to_le_bytes()[..], &[7; 32], &(transactions.len() as u64).to_le_bytes()].concat());
        bytes.extend(transactions.iter().flatten());
    }
    bytes
}

/// The batch that a footer is.
pub fn footer(bank_hash: B256, time: u64) -> Vec<u8> {
    let nanoseconds = (time * 1_000_000_000 + 5).to_le_bytes();
    let content = [&[1][..], bank_hash.as_slice(), &nanoseconds, &[4], b"test", &[0, 0, 0]].concat();
    [&[0; 8][..], &[1, 0, 0], &(content.len() as u16).to_le_bytes(), &content].concat()
}

/// A block as its data shreds; coding shreds are stood in for by their leaves.
pub struct Block {
    pub parent_slot: u64,
    pub parent_block_id: B256,
    pub shreds: Vec<Bytes>,
    pub roots: Vec<B256>,
    /// First and last index of each batch.
    pub batches: Vec<(usize, usize)>,
}

const PROOF: usize = 6;
const CAPACITY: usize = DATA_SHRED_LENGTH - 88 - 32 - PROOF * 20;
const NODE: &[u8] = b"\x01SOLANA_MERKLE_SHREDS_NODE";
const LEAF: &[u8] = b"\x00SOLANA_MERKLE_SHREDS_LEAF";

impl Block {
    /// Shreds `batches`, each beginning right after the one before; the last is filled up to a whole FEC set.
    pub fn new(slot: u64, parent: (u64, B256), batches: &[Vec<u8>], leader: &SigningKey) -> Self {
        let (mut pieces, mut ranges) = (Vec::<(Vec<u8>, u8)>::new(), Vec::new());
        for (place, batch) in batches.iter().enumerate() {
            let first = pieces.len();
            pieces.extend(batch.chunks(CAPACITY).map(|piece| (piece.to_vec(), 0)));
            let is_last = place + 1 == batches.len();
            while is_last && !pieces.len().is_multiple_of(32) {
                pieces.push((Vec::new(), 0));
            }
            let last = pieces.len() - 1;
            pieces[last].1 = if is_last { 0xc0 } else { 0x40 };
            ranges.push((first, last));
        }
        let (mut shreds, mut roots, mut chained) = (Vec::new(), Vec::new(), parent.1);
        for (set, pieces) in pieces.chunks(32).enumerate() {
            let (set_shreds, root) = fec_set(slot, parent.0, set as u32 * 32, pieces, chained, leader);
            shreds.extend(set_shreds);
            roots.push(root);
            chained = root;
        }
        Self { parent_slot: parent.0, parent_block_id: parent.1, shreds, roots, batches: ranges }
    }

    /// Root of the last set: the id under TowerBFT.
    pub fn chained_id(&self) -> B256 {
        self.roots[self.roots.len() - 1]
    }

    /// Root of the tree over the sets and the parent: the id under Alpenglow.
    pub fn double_id(&self) -> B256 {
        let count = self.roots.len() as u32;
        let parent = sha256(&[&self.parent_slot.to_le_bytes(), self.parent_block_id.as_slice(), &count.to_le_bytes()]);
        let mut row = [&self.roots[..], &[parent]].concat();
        while row.len() > 1 {
            row = row.chunks(2).map(|pair| join(pair[0], pair[pair.len() - 1])).collect();
        }
        row[0]
    }

    /// The proof of a batch under TowerBFT.
    pub fn chained(&self, batch: usize) -> ShredProof {
        let (_, last) = self.batches[batch];
        let tail = self.shreds.chunks(32).skip(last / 32 + 1).map(|set| set[0].clone()).collect();
        self.proof(batch, BlockPath::Chained { tail })
    }

    /// The proof of a batch under Alpenglow.
    pub fn double(&self, batch: usize) -> ShredProof {
        let Self { parent_slot, parent_block_id, .. } = *self;
        let path = BlockPath::DoubleMerkle { parent_slot, parent_block_id, fec_set_roots: self.roots.clone() };
        self.proof(batch, path)
    }

    fn proof(&self, batch: usize, block: BlockPath) -> ShredProof {
        let (first, last) = self.batches[batch];
        let before = first.checked_sub(1).map(|before| self.shreds[before].clone());
        ShredProof { before, batch: self.shreds[first..=last].to_vec(), block }
    }
}

fn join(left: B256, right: B256) -> B256 {
    sha256(&[NODE, &left[..20], &right[..20]])
}

/// The data shreds of a set, and its root.
fn fec_set(
    slot: u64,
    parent: u64,
    first: u32,
    pieces: &[(Vec<u8>, u8)],
    chained: B256,
    leader: &SigningKey,
) -> (Vec<Bytes>, B256) {
    let body = |(place, (data, flags)): (usize, &(Vec<u8>, u8))| {
        let mut bytes = vec![0x90 | PROOF as u8];
        bytes.extend(slot.to_le_bytes());
        bytes.extend((first + place as u32).to_le_bytes());
        bytes.extend(SHRED_VERSION.to_le_bytes());
        bytes.extend(first.to_le_bytes());
        bytes.extend(((slot - parent) as u16).to_le_bytes());
        bytes.push(*flags);
        bytes.extend((88 + data.len() as u16).to_le_bytes());
        bytes.extend(data);
        bytes.resize(DATA_SHRED_LENGTH - 64 - 32 - PROOF * 20, 0);
        bytes.extend(chained);
        bytes
    };
    let bodies: Vec<Vec<u8>> = pieces.iter().enumerate().map(body).collect();
    let mut row: Vec<B256> = bodies.iter().map(|body| sha256(&[LEAF, body])).collect();
    row.extend((row.len()..64).map(|n| sha256(&[b"coding", &[n as u8], &slot.to_le_bytes(), &first.to_le_bytes()])));
    let mut proofs = vec![Vec::new(); bodies.len()];
    for level in 0..PROOF {
        for (place, proof) in proofs.iter_mut().enumerate() {
            proof.extend(&row[(place >> level) ^ 1][..20]);
        }
        row = row.chunks(2).map(|pair| join(pair[0], pair[1])).collect();
    }
    let root = row[0];
    let signature = leader.sign(root.as_slice()).to_bytes();
    let shred = |(body, proof): (Vec<u8>, Vec<u8>)| [&signature[..], &body, &proof].concat().into();
    (bodies.into_iter().zip(proofs).map(shred).collect(), root)
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
