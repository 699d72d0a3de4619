//! A beacon network of mainnet's sizes with a committee of 512 known keys, whose updates are really signed.

use alloy_primitives::{B256, keccak256};
use blst::min_pk::{AggregatePublicKey, AggregateSignature, PublicKey, SecretKey};
use spandrel_verifiers::ChainId;
use spandrel_verifiers::ethereum::bls::DST;
use spandrel_verifiers::ethereum::containers::{
    BeaconBlockHeader, BlobGas, Bootstrap, ExecutionPayloadHeader, ExecutionProof, FinalityUpdate, LightClientHeader,
    SyncAggregate, SyncCommittee,
};
use spandrel_verifiers::ethereum::ssz::{HashTreeRoot, branch, hash_pair, merkleize, uint64_chunk};
use spandrel_verifiers::ethereum::{ChainConfig, Fork, ForkEpoch, LightClientStore, Preset, signing_root};

/// Depths of the trees of the beacon state (37 fields since Electra) and of the block body, and the places used here.
const STATE_DEPTH: usize = 6;
const FINALIZED_CHECKPOINT: usize = 20;
const CURRENT_COMMITTEE: usize = 22;
const NEXT_COMMITTEE: usize = 23;
const BODY_DEPTH: usize = 4;
const EXECUTION_PAYLOAD: usize = 9;

const BOOTSTRAP_SLOT: u64 = 32;
const FINALIZED_SLOT: u64 = 64;
const ATTESTED_SLOT: u64 = 128;

/// The network and its only committee.
#[derive(Debug)]
pub struct SyncNetwork {
    /// Electra from genesis on, mainnet preset.
    pub config: ChainConfig,
    /// The committee, as bytes.
    pub committee: SyncCommittee,
    /// Its keys, as points.
    pub keys: Vec<PublicKey>,
    secrets: Vec<SecretKey>,
}

struct Block {
    header: LightClientHeader,
    state: Vec<B256>,
}

/// A fresh key for each `seed`.
fn secret(seed: u64) -> SecretKey {
    SecretKey::key_gen(keccak256(seed.to_be_bytes()).as_slice(), &[]).expect("32 bytes make a key")
}

impl SyncNetwork {
    /// Chain `eip155:31337` with 512 seats.
    ///
    /// # Panics
    /// Never: the keys are made here.
    pub fn new() -> Self {
        let preset = Preset::Mainnet;
        let secrets: Vec<_> = (0..preset.committee_size() as u64).map(secret).collect();
        let keys: Vec<_> = secrets.iter().map(SecretKey::sk_to_pk).collect();
        let sum = AggregatePublicKey::aggregate(&keys.iter().collect::<Vec<_>>(), false).expect("keys add up");
        let committee = SyncCommittee {
            pubkeys: keys.iter().map(|key| key.compress().into()).collect(),
            aggregate_pubkey: sum.to_public_key().compress().into(),
        };
        let config = ChainConfig {
            chain: ChainId::eip155(31_337),
            genesis_validators_root: B256::repeat_byte(0x61),
            genesis_time: 0,
            seconds_per_slot: 12,
            preset,
            forks: vec![ForkEpoch { name: Fork::Electra, version: [5, 0, 0, 1].into(), epoch: 0 }],
        };
        Self { config, committee, keys, secrets }
    }

    /// Unix seconds after every slot used here.
    pub fn now(&self) -> u64 {
        self.config.time_of(ATTESTED_SLOT + 32)
    }

    /// The first `participants` seats sign `message`.
    ///
    /// # Panics
    /// With no participants, or more than there are seats.
    pub fn sign(&self, participants: usize, message: B256) -> SyncAggregate {
        let mut bits = vec![0_u8; self.keys.len() / 8];
        (0..participants).for_each(|seat| bits[seat / 8] |= 1 << (seat % 8));
        let signed = self.secrets[..participants].iter().map(|key| key.sign(message.as_slice(), DST, &[]));
        let signatures: Vec<_> = signed.collect();
        let sum = AggregateSignature::aggregate(&signatures.iter().collect::<Vec<_>>(), false);
        let signature = sum.expect("somebody signs").to_signature().compress().into();
        SyncAggregate { sync_committee_bits: bits.into(), sync_committee_signature: signature }
    }

    /// A store that trusts an early block.
    ///
    /// # Panics
    /// Never: the bootstrap is made here.
    pub fn store(&self) -> LightClientStore {
        let block = self.block(BOOTSTRAP_SLOT, payload(BOOTSTRAP_SLOT), None);
        let root = block.header.beacon.hash_tree_root();
        let bootstrap = Bootstrap {
            header: block.header,
            current_sync_committee: self.committee.clone(),
            current_sync_committee_branch: branch(&block.state, STATE_DEPTH, CURRENT_COMMITTEE),
        };
        LightClientStore::bootstrap(&self.config, root, &bootstrap).expect("an honest bootstrap")
    }

    /// An update, signed by the first `participants` seats, that proves the block of `payload` final; and the message
    /// that they signed.
    ///
    /// # Panics
    /// As [`Self::sign`].
    pub fn finality_update(&self, payload: ExecutionPayloadHeader, participants: usize) -> (FinalityUpdate, B256) {
        let finalized = self.block(FINALIZED_SLOT, payload, None);
        let attested = self.block(ATTESTED_SLOT, self::payload(ATTESTED_SLOT), Some(&finalized));
        let signature_slot = ATTESTED_SLOT + 1;
        let version = self.config.signing_version(signature_slot).expect("Electra is scheduled");
        let message = signing_root(&attested.header.beacon, version, self.config.genesis_validators_root);
        let epoch = uint64_chunk(self.config.preset.epoch_at(FINALIZED_SLOT));
        let update = FinalityUpdate {
            finality_branch: [vec![epoch], branch(&attested.state, STATE_DEPTH, FINALIZED_CHECKPOINT)].concat(),
            attested_header: attested.header,
            finalized_header: finalized.header,
            sync_aggregate: self.sign(participants, message),
            signature_slot,
        };
        (update, message)
    }

    fn block(&self, slot: u64, payload: ExecutionPayloadHeader, finalized: Option<&Block>) -> Block {
        let filler = |kind: u8, index: u8| keccak256([&[kind, index][..], &slot.to_be_bytes()].concat());
        let mut state: Vec<_> = (0..37).map(|index| filler(1, index)).collect();
        if let Some(block) = finalized {
            let beacon = &block.header.beacon;
            let epoch = self.config.preset.epoch_at(beacon.slot);
            state[FINALIZED_CHECKPOINT] = hash_pair(uint64_chunk(epoch), beacon.hash_tree_root());
        }
        state[CURRENT_COMMITTEE] = self.committee.hash_tree_root();
        state[NEXT_COMMITTEE] = self.committee.hash_tree_root();
        let mut body: Vec<_> = (0..13).map(|index| filler(2, index)).collect();
        body[EXECUTION_PAYLOAD] = payload.hash_tree_root();
        let beacon = BeaconBlockHeader {
            slot,
            proposer_index: slot,
            parent_root: filler(3, 0),
            state_root: merkleize(&state, STATE_DEPTH),
            body_root: merkleize(&body, BODY_DEPTH),
        };
        let execution = Some(ExecutionProof { header: payload, branch: branch(&body, BODY_DEPTH, EXECUTION_PAYLOAD) });
        Block { header: LightClientHeader { beacon, execution, block_hash: None }, state }
    }
}

impl Default for SyncNetwork {
    fn default() -> Self {
        Self::new()
    }
}

/// An execution header with made up contents.
pub fn payload(slot: u64) -> ExecutionPayloadHeader {
    ExecutionPayloadHeader {
        block_number: 1_000 + slot,
        timestamp: slot * 12,
        block_hash: keccak256(slot.to_be_bytes()),
        blob_gas: Some(BlobGas::default()),
        ..Default::default()
    }
}
