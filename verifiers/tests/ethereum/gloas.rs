//! Gloas: a made up network across the fork. Its state's tree is deeper, its light-client headers name an execution
//! block by its hash, and proofs lead on from the header that has this hash.

use alloy_primitives::{B256, keccak256};
use spandrel_verifiers::ethereum::containers::{
    BeaconBlockHeader, BlockHashProof, Bootstrap, FinalityUpdate, LightClientHeader, LightClientUpdate,
    OptimisticUpdate,
};
use spandrel_verifiers::ethereum::ssz::{HashTreeRoot, hash_pair};
use spandrel_verifiers::ethereum::{
    ChainConfig, EthereumVerifier, Fork, LightClientStore, NamedBlock, Update, signing_root,
};
use spandrel_verifiers::{ErrorKind, Verifier};

use crate::chain::{Execution, OUTBOX, PERIOD, SEATS, committee, deposit, sign};
use crate::networks::minimal_network;

/// A tree of which only some nodes are known, by generalized index; the others are made up.
#[derive(Clone)]
struct Tree {
    known: Vec<(u64, B256)>,
    seed: u64,
}

impl Tree {
    fn node(&self, index: u64) -> B256 {
        if let Some((_, node)) = self.known.iter().find(|(at, _)| *at == index) {
            return *node;
        }
        let is_above = |at: u64| (1..64).any(|height| at >> height == index);
        if self.known.iter().any(|(at, _)| is_above(*at)) {
            return hash_pair(self.node(2 * index), self.node(2 * index + 1));
        }
        keccak256([self.seed, index].map(u64::to_be_bytes).concat())
    }

    fn branch(&self, index: u64) -> Vec<B256> {
        (0..index.ilog2()).map(|height| self.node((index >> height) ^ 1)).collect()
    }
}

#[derive(Clone)]
struct Block {
    header: LightClientHeader,
    state: Tree,
}

/// Gloas from epoch 9 (slot 72) on; light clients begin at slot 64, in the epoch before.
const GLOAS: u64 = 72;

fn config() -> ChainConfig {
    let mut config = minimal_network(Fork::Gloas, B256::repeat_byte(0x61));
    config.forks.iter_mut().filter(|fork| fork.name == Fork::Gloas).for_each(|fork| fork.epoch = GLOAS / 8);
    config
}

fn fork_at(slot: u64) -> Fork {
    if slot >= GLOAS { Fork::Gloas } else { Fork::Fulu }
}

/// The places of the state and the body, in the specification's numbers: finalized root, current and next committee,
/// and the hash of the execution block.
fn places(slot: u64) -> [u64; 4] {
    if slot >= GLOAS { [735, 2945, 2946, 2856] } else { [169, 86, 87, 812] }
}

/// A block whose light-client header names `hash`, in the container of Gloas.
fn block(slot: u64, hash: B256, finalized: Option<&Block>) -> Block {
    let [of_finalized, of_current, of_next, of_hash] = places(slot);
    let period = slot / PERIOD;
    let root = finalized.map_or(B256::ZERO, |block| block.header.beacon.hash_tree_root());
    let committees = [(of_current, committee(period)), (of_next, committee(period + 1))];
    let mut known: Vec<_> = committees.into_iter().map(|(at, committee)| (at, committee.hash_tree_root())).collect();
    known.push((of_finalized, root));
    let state = Tree { known, seed: slot };
    let body = Tree { known: vec![(of_hash, hash)], seed: slot + 1_000 };
    let beacon = BeaconBlockHeader {
        slot,
        proposer_index: 7,
        parent_root: keccak256(slot.to_be_bytes()),
        state_root: state.node(1),
        body_root: body.node(1),
    };
    let mut branch = body.branch(of_hash);
    let spare = 11 - branch.len();
    branch.splice(0..0, vec![B256::ZERO; spare]);
    Block {
        header: LightClientHeader { beacon, execution: None, block_hash: Some(BlockHashProof { hash, branch }) },
        state,
    }
}

fn hash_at(slot: u64) -> B256 {
    keccak256([0xb1, slot].map(u64::to_be_bytes).concat())
}

fn signed(attested: &Block) -> (spandrel_verifiers::ethereum::containers::SyncAggregate, u64) {
    let (config, signature_slot) = (config(), attested.header.beacon.slot + 1);
    let version = config.signing_version(signature_slot).unwrap();
    let message = signing_root(&attested.header.beacon, version, config.genesis_validators_root);
    (sign(signature_slot / PERIOD, 0..SEATS, message), signature_slot)
}

fn finality(attested: &Block, finalized: &Block) -> FinalityUpdate {
    let (sync_aggregate, signature_slot) = signed(attested);
    FinalityUpdate {
        attested_header: attested.header.clone(),
        finalized_header: finalized.header.clone(),
        finality_branch: attested.state.branch(places(attested.header.beacon.slot)[0]),
        sync_aggregate,
        signature_slot,
    }
}

fn update(attested: &Block, finalized: &Block) -> LightClientUpdate {
    let slot = attested.header.beacon.slot;
    let FinalityUpdate { attested_header, finalized_header, finality_branch, sync_aggregate, signature_slot } =
        finality(attested, finalized);
    LightClientUpdate {
        attested_header,
        next_sync_committee: committee(slot / PERIOD + 1),
        next_sync_committee_branch: attested.state.branch(places(slot)[2]),
        finalized_header,
        finality_branch,
        sync_aggregate,
        signature_slot,
    }
}

fn store() -> LightClientStore {
    store_at(GLOAS)
}

fn store_at(slot: u64) -> LightClientStore {
    assert_eq!(fork_at(slot), Fork::Gloas);
    let block = block(slot, hash_at(slot), None);
    let bootstrap = Bootstrap {
        current_sync_committee: committee(slot / PERIOD),
        current_sync_committee_branch: block.state.branch(2945),
        header: block.header,
    };
    LightClientStore::bootstrap(&config(), bootstrap.header.beacon.hash_tree_root(), &bootstrap).unwrap()
}

fn now() -> u64 {
    config().time_of(100_000)
}

#[test]
fn periods_are_followed_and_blocks_proven_final_by_their_hash() {
    let (config, mut store) = (config(), store());
    for period in 1..4 {
        let slot = PERIOD * period + 16;
        let finalized = block(slot, hash_at(slot), None);
        let attested = block(slot + 16, hash_at(slot + 16), Some(&finalized));
        store.process_update(&config, &update(&attested, &finalized), now()).unwrap();
        assert_eq!(store.finalized_header().beacon.slot, slot);
        assert_eq!(store.latest_named_block(), Some(&NamedBlock::Hash(hash_at(slot))));
    }
    assert_eq!(store.period(&config), 3);
    assert_eq!(store.latest_final_block(), None, "no number and no time is said");
    let text = serde_json::to_string(&store).unwrap();
    assert_eq!(serde_json::from_str::<LightClientStore>(&text).unwrap(), store);
}

#[test]
fn a_deposit_is_verified_through_the_header_that_has_the_final_hash() {
    let (config, mut store) = (config(), store());
    let execution = Execution::with_deposits(80, 2);
    let finalized = block(80, execution.payload.block_hash, None);
    let attested = block(96, hash_at(96), Some(&finalized));
    let finality = finality(&attested, &finalized);
    let verifier = EthereumVerifier::new(config.clone(), OUTBOX).unwrap();
    let evidence = execution.evidence(1, Some(&finality));
    let verified = verifier.verify(&store, &evidence, now()).unwrap();
    assert_eq!(*verified.fact(), deposit(1));
    assert_eq!(verifier.verify_batch(&store, std::slice::from_ref(&evidence), now()), [Ok(verified)]);
    // Another block's header does not have that hash, whatever it says.
    let other = Execution::with_deposits(81, 2).evidence(1, Some(&finality));
    assert_eq!(verifier.verify(&store, &other, now()).unwrap_err().field, "inclusion.header");
    // Once the store holds the block final, the update is not needed.
    let bare = execution.evidence(1, None);
    assert_eq!(verifier.verify(&store, &bare, now()).unwrap_err().kind, ErrorKind::NotYet);
    verifier.advance(&mut store, &Update::Finality(Box::new(finality)), now()).unwrap();
    verifier.verify(&store, &bare, now()).unwrap();
}

#[test]
fn the_fast_lane_reads_the_hash_of_an_optimistic_update() {
    let execution = Execution::with_deposits(80, 2);
    let attested = block(80, execution.payload.block_hash, None);
    let (sync_aggregate, signature_slot) = signed(&attested);
    let optimistic = OptimisticUpdate { attested_header: attested.header, sync_aggregate, signature_slot };
    let verifier = EthereumVerifier::new(config(), OUTBOX).unwrap();
    let included = verifier.verify_optimistic(&store(), &optimistic, &execution.inclusion(0), now()).unwrap();
    assert_eq!(included.block().hash, execution.payload.block_hash);
}

/// The first Gloas blocks hold blocks of Fulu final: named in the new container by the old fork's branch.
fn across_the_fork() -> FinalityUpdate {
    let finalized = block(68, hash_at(68), None);
    finality(&block(80, hash_at(80), Some(&finalized)), &finalized)
}

#[test]
fn a_block_before_the_fork_is_named_by_its_own_forks_branch() {
    let found = store().prove_final(&config(), &across_the_fork(), now()).unwrap();
    assert_eq!(found, NamedBlock::Hash(hash_at(68)));
    assert_eq!(
        store().check_finality(&config(), &across_the_fork(), now()).unwrap_err().field,
        "finalized_header.execution"
    );
}

#[test]
fn branches_that_are_not_the_forks_are_refused() {
    let refused = |change: &dyn Fn(&mut FinalityUpdate)| {
        let mut update = across_the_fork();
        change(&mut update);
        store().prove_final(&config(), &update, now()).unwrap_err().field
    };
    let proof = |header: &mut LightClientHeader, change: &dyn Fn(&mut BlockHashProof)| {
        header.block_hash.iter_mut().for_each(change);
    };
    // The zeros before the shorter branch are zeros.
    let stuffed = |update: &mut FinalityUpdate| {
        proof(&mut update.finalized_header, &|proof| proof.branch[0] = B256::repeat_byte(1));
    };
    assert_eq!(refused(&stuffed), "finalized_header.execution_branch");
    let other = |update: &mut FinalityUpdate| proof(&mut update.finalized_header, &|proof| proof.hash = B256::ZERO);
    assert_eq!(refused(&other), "finalized_header.execution_branch");
    let other = |update: &mut FinalityUpdate| proof(&mut update.attested_header, &|proof| proof.hash = hash_at(1));
    assert_eq!(refused(&other), "attested_header.execution_branch");
    let short = |update: &mut FinalityUpdate| proof(&mut update.attested_header, &|proof| proof.branch.truncate(10));
    assert_eq!(refused(&short), "attested_header.execution_branch");
    assert_eq!(refused(&|update| update.finality_branch.truncate(8)), "finality_branch");
    assert_eq!(refused(&|update| update.finality_branch.swap(0, 1)), "finality_branch");
    assert_eq!(refused(&|update| update.attested_header.block_hash = None), "attested_header.execution_block_hash");
    let electra = crate::chain::Network::electra();
    let of_electra = electra.block(80, None).header.execution;
    assert_eq!(refused(&|update| update.attested_header.execution = of_electra.clone()), "attested_header.execution");
}

#[test]
fn the_electra_places_of_the_state_are_not_gloas() {
    // A state that holds what is claimed, at the places of Electra.
    let finalized = block(80, hash_at(80), None);
    let mut attested = block(96, hash_at(96), Some(&finalized));
    attested.state = Tree { known: vec![(169, finalized.header.beacon.hash_tree_root())], seed: 5 };
    attested.header.beacon.state_root = attested.state.node(1);
    let mut update = finality(&attested, &finalized);
    update.finality_branch = attested.state.branch(169);
    let error = store().prove_final(&config(), &update, now()).unwrap_err();
    assert_eq!((error.field.as_str(), error.kind), ("finality_branch", ErrorKind::Malformed));
}
