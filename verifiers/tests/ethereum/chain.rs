//! A network made up for the tests: committees with known keys, beacon blocks with real state and body trees, and an
//! execution state with one outbox. Whatever it signs is what a node would serve.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Mutex;

use alloy_primitives::{Address, B256, Bytes, U256, keccak256};
use alloy_rlp::Encodable;
use blst::min_pk::{AggregatePublicKey, AggregateSignature, SecretKey};
use spandrel_verifiers::ethereum::bls::DST;
use spandrel_verifiers::ethereum::containers::{
    BeaconBlockHeader, BlobGas, Bootstrap, ExecutionPayloadHeader, ExecutionProof, FinalityUpdate, LightClientData,
    LightClientHeader, LightClientUpdate, OptimisticUpdate, SyncAggregate, SyncCommittee,
};
use spandrel_verifiers::ethereum::ssz::{HashTreeRoot, branch, hash_pair, merkleize, uint64_chunk};
use spandrel_verifiers::ethereum::trie::EMPTY_ROOT;
use spandrel_verifiers::ethereum::{
    ChainConfig, DepositEvidence, Fork, ForkVersion, Inclusion, LightClientStore, Preset, deposit_slot, signing_root,
};
use spandrel_verifiers::{AssetId, ChainId, Deposit, LanePreference};

use super::networks::minimal_network;
use super::planted::build;

pub const SEATS: usize = 32;
pub const PERIOD: u64 = 64;
pub const OUTBOX: Address = Address::repeat_byte(0x0b);

/// The network, and where its light client begins.
pub struct Network {
    pub config: ChainConfig,
}

/// A beacon block with what its state proves.
#[derive(Clone)]
pub struct Block {
    pub header: LightClientHeader,
    state: Vec<B256>,
    epoch: u64,
}

pub fn secrets(period: u64) -> Vec<SecretKey> {
    (0..SEATS as u64)
        .map(|seat| SecretKey::key_gen(keccak256([period.to_be_bytes(), seat.to_be_bytes()].concat()).as_slice(), &[]))
        .map(Result::unwrap)
        .collect()
}

/// The committee of `period`, made once.
pub fn committee(period: u64) -> SyncCommittee {
    static MADE: Mutex<BTreeMap<u64, SyncCommittee>> = Mutex::new(BTreeMap::new());
    let mut made = MADE.lock().unwrap();
    made.entry(period).or_insert_with(|| make_committee(period)).clone()
}

fn make_committee(period: u64) -> SyncCommittee {
    let keys: Vec<_> = secrets(period).iter().map(SecretKey::sk_to_pk).collect();
    let sum = AggregatePublicKey::aggregate(&keys.iter().collect::<Vec<_>>(), false).unwrap();
    SyncCommittee {
        pubkeys: keys.iter().map(|key| key.compress().into()).collect(),
        aggregate_pubkey: sum.to_public_key().compress().into(),
    }
}

/// Seats `range` of `period`'s committee sign `message`.
pub fn sign(period: u64, seats: Range<usize>, message: B256) -> SyncAggregate {
    let secrets = secrets(period);
    let mut bits = vec![0_u8; SEATS / 8];
    seats.clone().for_each(|seat| bits[seat / 8] |= 1 << (seat % 8));
    let signatures: Vec<_> = secrets[seats].iter().map(|key| key.sign(message.as_slice(), DST, &[])).collect();
    let sum = AggregateSignature::aggregate(&signatures.iter().collect::<Vec<_>>(), false).unwrap();
    SyncAggregate { sync_committee_bits: bits.into(), sync_committee_signature: sum.to_signature().compress().into() }
}

/// An execution header with made up contents.
pub fn payload(slot: u64) -> ExecutionPayloadHeader {
    ExecutionPayloadHeader {
        block_number: 1_000 + slot,
        timestamp: slot * 6,
        block_hash: keccak256(slot.to_be_bytes()),
        extra_data: Bytes::from_static(b"made up"),
        blob_gas: Some(BlobGas::default()),
        ..Default::default()
    }
}

impl Network {
    pub fn electra() -> Self {
        Self { config: minimal_network(Fork::Electra, B256::repeat_byte(0x61)) }
    }

    pub fn now(&self) -> u64 {
        self.config.time_of(100_000)
    }

    /// A block at `slot` with `payload`, whose state holds `finalized` final.
    pub fn block_with(&self, slot: u64, payload: ExecutionPayloadHeader, finalized: Option<&Block>) -> Block {
        let filler = |kind: u8, index: u64| keccak256([&[kind][..], &(slot * 1000 + index).to_be_bytes()].concat());
        let period = slot / PERIOD;
        let epoch = finalized.map_or(0, |block| block.header.beacon.slot / 8);
        let root = finalized.map_or(B256::ZERO, |block| block.header.beacon.hash_tree_root());
        let mut state: Vec<_> = (0..37).map(|index| filler(1, index)).collect();
        state[20] = hash_pair(uint64_chunk(epoch), root);
        state[22] = committee(period).hash_tree_root();
        state[23] = committee(period + 1).hash_tree_root();
        let mut body: Vec<_> = (0..13).map(|index| filler(2, index)).collect();
        body[9] = payload.hash_tree_root();
        let beacon = BeaconBlockHeader {
            slot,
            proposer_index: slot % 64,
            parent_root: filler(3, 0),
            state_root: merkleize(&state, 6),
            body_root: merkleize(&body, 4),
        };
        let execution = Some(ExecutionProof { header: payload, branch: branch(&body, 4, 9) });
        Block { header: LightClientHeader { beacon, execution, block_hash: None }, state, epoch }
    }

    pub fn block(&self, slot: u64, finalized: Option<&Block>) -> Block {
        self.block_with(slot, payload(slot), finalized)
    }

    pub fn message(&self, header: &LightClientHeader, signature_slot: u64) -> B256 {
        self.message_under(header, self.config.signing_version(signature_slot).unwrap())
    }

    pub fn message_under(&self, header: &LightClientHeader, version: ForkVersion) -> B256 {
        signing_root(&header.beacon, version, self.config.genesis_validators_root)
    }

    pub fn bootstrap(&self, block: &Block) -> (B256, Bootstrap) {
        let bootstrap = Bootstrap {
            header: block.header.clone(),
            current_sync_committee: committee(block.header.beacon.slot / PERIOD),
            current_sync_committee_branch: branch(&block.state, 6, 22),
        };
        (block.header.beacon.hash_tree_root(), bootstrap)
    }

    /// A store that trusts a block at `slot`.
    pub fn store_at(&self, slot: u64) -> LightClientStore {
        let (root, bootstrap) = self.bootstrap(&self.block(slot, None));
        LightClientStore::bootstrap(&self.config, root, &bootstrap).unwrap()
    }

    pub fn finality_update(&self, attested: &Block, finalized: &Block, seats: Range<usize>) -> FinalityUpdate {
        let signature_slot = attested.header.beacon.slot + 1;
        let period = signature_slot / PERIOD;
        FinalityUpdate {
            attested_header: attested.header.clone(),
            finalized_header: finalized.header.clone(),
            finality_branch: attested.finality_branch(),
            sync_aggregate: sign(period, seats, self.message(&attested.header, signature_slot)),
            signature_slot,
        }
    }

    pub fn optimistic_update(&self, attested: &Block, seats: Range<usize>) -> OptimisticUpdate {
        let signature_slot = attested.header.beacon.slot + 1;
        OptimisticUpdate {
            attested_header: attested.header.clone(),
            sync_aggregate: sign(signature_slot / PERIOD, seats, self.message(&attested.header, signature_slot)),
            signature_slot,
        }
    }

    /// A full update: finality and next committee.
    pub fn update(&self, attested: &Block, finalized: &Block, seats: Range<usize>) -> LightClientUpdate {
        let FinalityUpdate { attested_header, finalized_header, finality_branch, sync_aggregate, signature_slot } =
            self.finality_update(attested, finalized, seats);
        LightClientUpdate {
            next_sync_committee: committee(attested_header.beacon.slot / PERIOD + 1),
            next_sync_committee_branch: branch(&attested.state, 6, 23),
            attested_header,
            finalized_header,
            finality_branch,
            sync_aggregate,
            signature_slot,
        }
    }

    /// An update without finality.
    pub fn committee_update(&self, attested: &Block, seats: Range<usize>) -> LightClientUpdate {
        let full = self.update(attested, attested, seats);
        LightClientUpdate {
            finalized_header: LightClientHeader::empty(Fork::Electra),
            finality_branch: vec![B256::ZERO; 7],
            ..full
        }
    }
}

impl Block {
    /// The same block, had its state another next committee.
    pub fn with_next_committee(mut self, next: &SyncCommittee) -> Self {
        self.state[23] = next.hash_tree_root();
        self.header.beacon.state_root = merkleize(&self.state, 6);
        self
    }

    pub fn finality_branch(&self) -> Vec<B256> {
        [vec![uint64_chunk(self.epoch)], branch(&self.state, 6, 20)].concat()
    }
}

/// An execution state with deposits in the outbox and a few bystanders.
pub struct Execution {
    pub header: Bytes,
    pub payload: ExecutionPayloadHeader,
    deposits: Vec<Deposit>,
    account_proof: Vec<Bytes>,
    storage_proofs: Vec<Vec<Bytes>>,
}

pub fn deposit(nonce: u64) -> Deposit {
    Deposit {
        version: 1,
        source_chain: ChainId::eip155(31_337),
        source_bridge: OUTBOX.into_word(),
        source_key: U256::from(nonce).into(),
        asset: AssetId::parse("eip155:31337/slip44:60").unwrap(),
        amount: U256::from(1_000_000 + nonce),
        destination_chain: ChainId::eip155(31_338),
        destination_bridge: B256::repeat_byte(7),
        recipient: B256::repeat_byte(8),
        sender: B256::repeat_byte(9),
        lane: LanePreference::LightClient,
        expiry: 1_900_000_000,
    }
}

impl Execution {
    /// A block at `slot` whose outbox holds deposits 0 to `count`.
    pub fn with_deposits(slot: u64, count: u64) -> Self {
        let deposits: Vec<_> = (0..count).map(deposit).collect();
        let key_of = |nonce: u64| keccak256(deposit_slot(U256::from(nonce).into())).to_vec();
        let storage: BTreeMap<_, _> = deposits
            .iter()
            .zip(0..)
            .map(|(deposit, nonce)| (key_of(nonce), alloy_rlp::encode(U256::from_be_bytes(deposit.id().0.0))))
            .collect();
        // One more target than there are deposits: the proof that the next nonce is free.
        let targets: Vec<_> = (0..=count).map(key_of).collect();
        let (storage_root, storage_proofs) = build(&storage, &targets);
        let outbox = account_rlp(1, 7, storage_root, keccak256("code"));
        let bystander = account_rlp(3, 9, EMPTY_ROOT, B256::ZERO);
        let mut accounts: BTreeMap<_, _> =
            (0..40_u8).map(|n| (keccak256(Address::repeat_byte(n | 0x80)).to_vec(), bystander.clone())).collect();
        accounts.insert(keccak256(OUTBOX).to_vec(), outbox);
        let (state_root, mut account_proofs) = build(&accounts, &[keccak256(OUTBOX).to_vec()]);
        let payload = ExecutionPayloadHeader { state_root, ..payload(slot) };
        let header = header_rlp(&payload);
        let payload = ExecutionPayloadHeader { block_hash: keccak256(&header), ..payload };
        Self { header, payload, deposits, account_proof: account_proofs.remove(0), storage_proofs }
    }

    pub fn inclusion(&self, nonce: usize) -> Inclusion {
        Inclusion {
            header: self.header.clone(),
            account_proof: self.account_proof.clone(),
            storage_proof: self.storage_proofs[nonce].clone(),
            deposit: self.deposits.get(nonce).cloned().unwrap_or_else(|| deposit(nonce as u64)),
        }
    }

    pub fn evidence(&self, nonce: usize, finality: Option<&FinalityUpdate>) -> DepositEvidence {
        let finality = finality.map(|update| Bytes::from(update.encode_ssz()));
        DepositEvidence { finality, inclusion: self.inclusion(nonce) }
    }
}

/// A list of encodable items.
pub fn rlp_list(items: &[&dyn Encodable]) -> Vec<u8> {
    let mut fields = Vec::new();
    items.iter().for_each(|item| item.encode(&mut fields));
    let mut out = Vec::new();
    alloy_rlp::Header { list: true, payload_length: fields.len() }.encode(&mut out);
    out.extend(fields);
    out
}

pub fn account_rlp(nonce: u64, balance: u64, storage_root: B256, code_hash: B256) -> Vec<u8> {
    rlp_list(&[&nonce, &balance, &storage_root, &code_hash])
}

/// The RLP of a Prague header with the payload's roots, number and time.
pub fn header_rlp(payload: &ExecutionPayloadHeader) -> Bytes {
    let zero = B256::ZERO;
    rlp_list(&[
        &payload.parent_hash,
        &zero,
        &payload.fee_recipient,
        &payload.state_root,
        &payload.transactions_root,
        &payload.receipts_root,
        &payload.logs_bloom,
        &0_u64,
        &payload.block_number,
        &payload.gas_limit,
        &payload.gas_used,
        &payload.timestamp,
        &payload.extra_data,
        &payload.prev_randao,
        &[0_u8; 8],
        &payload.base_fee_per_gas,
        &payload.withdrawals_root,
        &0_u64,
        &0_u64,
        &zero,
        &zero,
    ])
    .into()
}

/// Everything a proof needs: a store, the execution block at slot 64, and the finality update that covers it.
pub struct World {
    pub network: Network,
    pub store: LightClientStore,
    pub execution: Execution,
    pub finalized: Block,
    pub finality: FinalityUpdate,
}

impl World {
    pub fn new() -> Self {
        let network = Network::electra();
        assert_eq!(network.config.preset, Preset::Minimal);
        let execution = Execution::with_deposits(72, 3);
        let finalized = network.block_with(72, execution.payload.clone(), None);
        let attested = network.block(96, Some(&finalized));
        let finality = network.finality_update(&attested, &finalized, 0..SEATS);
        Self { store: network.store_at(64), network, execution, finalized, finality }
    }
}
