//! Gloas: a made up network across the fork. Its state's tree is deeper, its light-client headers name an execution
//! block by its hash, and proofs lead on from the header that has this hash.

use alloy_primitives::B256;
use spandrel_verifiers::ethereum::containers::{
    BlockHashProof, ExecutionPayloadHeader, FinalityUpdate, LightClientHeader, LightClientUpdate,
};
use spandrel_verifiers::ethereum::ssz::HashTreeRoot;
use spandrel_verifiers::ethereum::{ChainConfig, EthereumVerifier, Fork, LightClientStore, NamedBlock, Update};
use spandrel_verifiers::{ErrorKind, Verifier};

use crate::chain::{Execution, OUTBOX, PERIOD, SEATS, deposit, payload};
use crate::eras::{Block, Eras, Tree};
use crate::filled;

/// Gloas from epoch 9 (slot 72) on; light clients begin at slot 64, in the epoch before.
const GLOAS: u64 = 72;

fn eras() -> Eras {
    Eras::new(Fork::Fulu, Fork::Gloas, GLOAS)
}

fn config() -> ChainConfig {
    eras().config
}

/// A block of whose execution block no more is said than its hash.
fn block(slot: u64, hash: B256, finalized: Option<&Block>) -> Block {
    eras().block_with(slot, ExecutionPayloadHeader { block_hash: hash, ..payload(slot) }, finalized)
}

fn hash_at(slot: u64) -> B256 {
    payload(slot).block_hash
}

fn update(attested: &Block, finalized: &Block) -> LightClientUpdate {
    eras().update((attested, finalized), attested.beacon.slot + 1, 0..SEATS)
}

fn finality(attested: &Block, finalized: &Block) -> FinalityUpdate {
    filled::finality(&update(attested, finalized))
}

fn store() -> LightClientStore {
    eras().store_at(GLOAS)
}

fn now() -> u64 {
    eras().now()
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
    let optimistic = filled::optimistic(&update(&attested, &attested));
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
    attested.state = Tree { known: vec![(169, finalized.beacon.hash_tree_root())], seed: 5 };
    attested.beacon.state_root = attested.state.node(1);
    let mut update = finality(&attested, &finalized);
    update.finality_branch = attested.state.branch(169);
    let error = store().prove_final(&config(), &update, now()).unwrap_err();
    assert_eq!((error.field.as_str(), error.kind), ("finality_branch", ErrorKind::Malformed));
}
