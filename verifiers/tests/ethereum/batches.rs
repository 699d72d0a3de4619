//! Batches answer each item as the single check would, whatever stands beside it.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use alloy_primitives::{Address, B256, Bytes, U256, keccak256};
use alloy_trie::Nibbles;
use alloy_trie::proof::verify_proof;
use proptest::prelude::*;
use spandrel_verifiers::Verifier;
use spandrel_verifiers::ethereum::account::{Account, prove_slots};
use spandrel_verifiers::ethereum::bls::SystemScalars;
use spandrel_verifiers::ethereum::containers::{FinalityUpdate, LightClientData};
use spandrel_verifiers::ethereum::trie::{self, Query};
use spandrel_verifiers::ethereum::{DepositEvidence, EthereumVerifier};

use crate::chain::{Execution, OUTBOX, SEATS, World, sign};
use crate::planted::build;

/// Some tries with proofs of what they hold and of what they do not.
struct Forest {
    queries: Vec<(B256, B256, Vec<Bytes>)>,
}

static FOREST: LazyLock<Forest> = LazyLock::new(|| {
    let mut queries = Vec::new();
    for tree in 0..3_u8 {
        let key = |n: u16| B256::from(keccak256([&[tree][..], &n.to_be_bytes()].concat()));
        let entries: BTreeMap<_, _> =
            (0..300).map(|n| (keccak256(key(n)).to_vec(), alloy_rlp::encode(U256::from(n) + U256::ONE))).collect();
        let keys: Vec<_> = (280..320).map(key).collect();
        let hashed: Vec<_> = keys.iter().map(|key| keccak256(key).to_vec()).collect();
        let (root, proofs) = build(&entries, &hashed);
        queries.extend(keys.into_iter().zip(proofs).map(|(key, proof)| (root, key, proof)));
    }
    queries.push((trie::EMPTY_ROOT, B256::ZERO, vec![]));
    Forest { queries }
});

type Item = (B256, B256, Vec<Bytes>);

/// What an attacker, or a broken node, makes of a proof.
fn spoil((root, key, proof): &Item, kind: u8, at: &prop::sample::Index, other: &Item) -> Item {
    let (mut root, mut key, mut proof) = (*root, *key, proof.clone());
    let place = if proof.is_empty() { 0 } else { at.index(proof.len()) };
    match kind {
        0 => {}
        1 => key = other.1,
        2 => root = other.0,
        3 => proof.truncate(place),
        4 => proof.extend(other.2.last().cloned()),
        5 => proof = other.2.clone(),
        6 => {
            if let Some(node) = proof.get_mut(place) {
                let mut bytes = node.to_vec();
                let place = at.index(bytes.len());
                bytes[place] ^= 1;
                *node = bytes.into();
            }
        }
        7 => proof.insert(place, vec![0; 2000].into()),
        _ => proof.reverse(),
    }
    (root, key, proof)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(192))]

    #[test]
    fn proofs_together_are_answered_as_alone_and_as_by_the_oracle(
        picks in prop::collection::vec((any::<prop::sample::Index>(), 0_u8..12, any::<prop::sample::Index>()), 0..90),
    ) {
        let forest = &FOREST.queries;
        let items: Vec<Item> = picks
            .iter()
            .map(|(pick, kind, at)| spoil(pick.get(forest), kind % 9, at, at.get(forest)))
            .collect();
        let queries: Vec<_> = items.iter().map(|(root, key, proof)| Query { root: *root, key: *key, proof }).collect();
        let together = trie::secure_values("proof", &queries);
        let words = prove_slots(&queries);
        prop_assert_eq!(together.len(), items.len());
        for (((root, key, proof), found), word) in items.iter().zip(together).zip(words) {
            let alone = trie::secure_value("proof", *root, key.as_slice(), proof);
            prop_assert_eq!(&found, &alone);
            let account = Account { nonce: 0, balance: U256::ZERO, storage_root: *root, code_hash: B256::ZERO };
            prop_assert_eq!(word, account.prove_slot(*key, proof));
            if let Ok(value) = found {
                let path = Nibbles::unpack(keccak256(key));
                prop_assert!(verify_proof(*root, path, value.map(<[u8]>::to_vec), proof).is_ok());
            }
        }
    }

    #[test]
    fn keys_of_any_length_are_answered_together_as_alone(
        entries in prop::collection::btree_map(0_u64..400, prop::collection::vec(any::<u8>(), 1..60), 1..40),
        picks in prop::collection::vec(0_u64..400, 1..40),
    ) {
        let entries: BTreeMap<_, _> =
            entries.into_iter().map(|(index, value)| (alloy_rlp::encode(index), value)).collect();
        let keys: Vec<_> = picks.iter().map(alloy_rlp::encode).collect();
        let (root, proofs) = build(&entries, &keys);
        let queries: Vec<_> = keys.iter().zip(&proofs).map(|(key, proof)| Query { root, key, proof }).collect();
        for ((key, proof), found) in keys.iter().zip(&proofs).zip(trie::values("proof", &queries)) {
            prop_assert_eq!(&found, &trie::value("proof", root, key, proof));
            prop_assert_eq!(found.unwrap(), entries.get(key).map(Vec::as_slice));
        }
    }
}

#[test]
fn many_liars_about_one_node_cost_their_neighbours_nothing() {
    let (root, key, proof) = &FOREST.queries[3];
    let lie = |n: u8| {
        let mut proof = proof.clone();
        let mut node = proof[1].to_vec();
        node[40] ^= n;
        proof[1] = node.into();
        (*root, *key, proof)
    };
    // The same key, so that liars and honest ones are neighbours in every order.
    let items: Vec<Item> = (0..=60).map(lie).collect();
    let queries: Vec<_> = items.iter().map(|(root, key, proof)| Query { root: *root, key: *key, proof }).collect();
    let found = trie::secure_values("proof", &queries);
    assert!(found[0].is_ok());
    for (found, (root, key, proof)) in found.iter().zip(&items).skip(1) {
        assert_eq!(found.as_ref().unwrap_err().field, "proof[1]");
        assert_eq!(*found, trie::secure_value("proof", *root, key.as_slice(), proof));
    }
}

#[test]
fn accounts_together_are_those_proven_alone() {
    let execution = Execution::with_deposits(72, 3);
    let inclusion = execution.inclusion(0);
    let root = execution.payload.state_root;
    let absent = Address::repeat_byte(0x12);
    let proof = inclusion.account_proof.as_slice();
    let queries = [(root, OUTBOX), (root, absent), (B256::ZERO, OUTBOX), (root, OUTBOX)].map(|(root, key)| Query {
        root,
        key,
        proof,
    });
    let alone = queries.map(|query| Account::prove(query.root, query.key, query.proof));
    assert_eq!(Account::prove_each(&queries), alone);
    assert!(alone[0].as_ref().unwrap().is_some() && alone[2].is_err());
}

/// Finality updates of one store: right, forged, short, and early.
fn updates(world: &World) -> Vec<FinalityUpdate> {
    let network = &world.network;
    let update = |slot: u64, seats: usize| {
        let finalized = network.block(slot, None);
        network.finality_update(&network.block(slot + 16, Some(&finalized)), &finalized, 0..seats)
    };
    let mut updates: Vec<_> = (0..6).map(|n| update(66 + n, SEATS - n as usize)).collect();
    let message = network.message(&updates[0].attested_header, 1);
    updates[2].sync_aggregate = sign(1, 0..SEATS, message);
    updates.push(update(72, 21));
    updates.push(update(120, SEATS));
    let mut other = update(74, SEATS);
    other.finality_branch[3] = B256::ZERO;
    updates.push(other);
    let mut zero = update(75, SEATS);
    zero.sync_aggregate.sync_committee_signature = [0; 96].into();
    updates.push(zero);
    updates
}

#[test]
fn finality_updates_together_are_judged_as_alone() {
    let world = World::new();
    let (config, now) = (&world.network.config, world.network.now());
    let updates = updates(&world);
    let alone: Vec<_> = updates.iter().map(|update| world.store.prove_final(config, update, now)).collect();
    assert_eq!(world.store.prove_final_each(config, &updates, now, &mut SystemScalars), alone);
    assert_eq!(alone.iter().filter(|verdict| verdict.is_ok()).count(), 5, "{alone:#?}");
    let fields: Vec<_> = alone.iter().filter_map(|verdict| Some(verdict.as_ref().err()?.field.as_str())).collect();
    assert_eq!(
        fields,
        [
            "sync_aggregate.sync_committee_signature",
            "sync_aggregate.sync_committee_bits",
            "signature_slot",
            "finality_branch",
            "sync_aggregate.sync_committee_signature",
        ]
    );
}

/// Deposits of two blocks, each under a finality update of its own.
struct Deposits {
    world: World,
    verifier: EthereumVerifier,
    evidence: Vec<DepositEvidence>,
}

static DEPOSITS: LazyLock<Deposits> = LazyLock::new(|| {
    let world = World::new();
    let verifier = EthereumVerifier::new(world.network.config.clone(), OUTBOX).unwrap();
    let second = Execution::with_deposits(80, 6);
    let finalized = world.network.block_with(80, second.payload.clone(), None);
    let attested = world.network.block(104, Some(&finalized));
    let finality = world.network.finality_update(&attested, &finalized, 0..30);
    let mut evidence: Vec<_> = (0..4).map(|nonce| world.execution.evidence(nonce, Some(&world.finality))).collect();
    evidence.extend((0..6).map(|nonce| second.evidence(nonce, Some(&finality))));
    evidence.push(second.evidence(1, Some(&world.finality)));
    evidence.push(second.evidence(1, None));
    Deposits { world, verifier, evidence }
});

/// Changes one byte somewhere, or mixes two pieces of evidence.
fn tamper(
    evidence: &DepositEvidence,
    other: &DepositEvidence,
    kind: u8,
    at: impl Fn(usize) -> usize,
) -> DepositEvidence {
    let mut changed = evidence.clone();
    let flip = |bytes: &mut Bytes| {
        let mut flipped = bytes.to_vec();
        if !flipped.is_empty() {
            let place = at(flipped.len());
            flipped[place] ^= 1 << at(8);
        }
        *bytes = flipped.into();
    };
    let inclusion = &mut changed.inclusion;
    match kind {
        0 => {}
        1 => changed.finality.iter_mut().for_each(flip),
        2 => flip(&mut inclusion.header),
        3 => inclusion.account_proof.iter_mut().for_each(flip),
        4 => inclusion.storage_proof.iter_mut().for_each(flip),
        5 => inclusion.deposit.amount += U256::ONE,
        6 => inclusion.deposit.source_bridge = B256::ZERO,
        7 => inclusion.storage_proof = other.inclusion.storage_proof.clone(),
        8 => inclusion.account_proof = vec![],
        9 => changed.finality = other.finality.clone(),
        _ => inclusion.header = other.inclusion.header.clone(),
    }
    changed
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn deposits_together_are_judged_as_alone(
        picks in prop::collection::vec((any::<prop::sample::Index>(), 0_u8..16, any::<prop::sample::Index>()), 0..20),
    ) {
        let Deposits { world, verifier, evidence } = &*DEPOSITS;
        let now = world.network.now();
        let items: Vec<_> = picks
            .iter()
            .map(|(pick, kind, at)| tamper(pick.get(evidence), at.get(evidence), kind % 11, |count| at.index(count)))
            .collect();
        let together = verifier.verify_batch(&world.store, &items, now);
        let alone: Vec<_> = items.iter().map(|item| verifier.verify(&world.store, item, now)).collect();
        prop_assert_eq!(together, alone);
    }
}

#[test]
fn one_bad_item_of_each_kind_leaves_its_neighbours_verified() {
    let Deposits { world, verifier, evidence } = &*DEPOSITS;
    let now = world.network.now();
    let honest: Vec<_> = evidence[..3].iter().chain(&evidence[4..10]).cloned().collect();
    let verified = |items: &[DepositEvidence]| -> Vec<_> {
        let verdicts = verifier.verify_batch(&world.store, items, now);
        verdicts.iter().map(|verdict| verdict.as_ref().ok().cloned()).collect()
    };
    let expected = verified(&honest);
    assert!(expected.iter().all(Option::is_some));
    for kind in 1..11 {
        let bad = tamper(&honest[0], &honest[5], kind, |count| count / 2);
        let mut items = honest.clone();
        items.insert(4, bad);
        let mut found = verified(&items);
        assert_eq!(found.remove(4), None, "kind {kind}");
        assert_eq!(found, expected, "kind {kind}");
    }
    let forged = {
        let mut update: FinalityUpdate = world.finality.clone();
        update.sync_aggregate = sign(1, 0..SEATS, B256::ZERO);
        DepositEvidence { finality: Some(update.encode_ssz().into()), ..honest[0].clone() }
    };
    let mut items = honest.clone();
    items.push(forged);
    let mut found = verified(&items);
    assert_eq!(found.pop(), Some(None));
    assert_eq!(found, expected);
}
