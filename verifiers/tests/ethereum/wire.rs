//! Evidence as bytes, and Ethereum's evidence among other chains' in one call.

use spandrel_verifiers::Verifier;
use spandrel_verifiers::batch::{Item, Sources};
use spandrel_verifiers::bitcoin::{ChainParams, Inclusion};
use spandrel_verifiers::ethereum::containers::{FinalityUpdate, from_ssz};
use spandrel_verifiers::ethereum::{DepositEvidence, EthereumVerifier};
use spandrel_verifiers::{ChainId, Evidence};

use crate::bitcoin_deposits::Scene;
use crate::chain::{OUTBOX, World};

#[test]
fn a_flipped_bit_of_a_real_deposits_evidence_is_refused_or_means_the_same() {
    let world = World::new();
    let config = &world.network.config;
    let verifier = EthereumVerifier::new(config.clone(), OUTBOX).unwrap();
    let evidence = world.execution.evidence(1, Some(&world.finality));
    let honest = verifier.verify(&world.store, &evidence, world.network.now()).unwrap();
    let bytes = Evidence::from(evidence.clone()).to_bytes();
    let (mut unread, mut unproven, mut same) = (0, 0, 0);
    for place in 0..bytes.len() {
        let mut flipped = bytes.clone();
        flipped[place] ^= 1 << (place % 8);
        let Ok(read) = Evidence::from_bytes(&flipped) else {
            unread += 1;
            continue;
        };
        let changed = DepositEvidence::try_from(read).unwrap();
        match verifier.verify(&world.store, &changed, world.network.now()) {
            Err(_) => unproven += 1,
            Ok(verified) => {
                same += 1;
                assert_eq!(verified, honest, "byte {place}");
                // The slot of the signature is not signed: it only names committee and fork, which stay the same here.
                assert_eq!(changed.inclusion, evidence.inclusion, "byte {place}");
                let mut update: FinalityUpdate = from_ssz(&changed.finality.unwrap(), config).unwrap();
                update.signature_slot = world.finality.signature_slot;
                assert_eq!(update, world.finality, "byte {place}");
            }
        }
    }
    println!("{} flipped bits: {unread} do not decode, {unproven} do not verify, {same} mean the same", bytes.len());
    assert!(unread > 10 && unproven > 1000 && same < 8);
}

#[test]
fn mixed_evidence_gets_the_verdicts_of_the_single_checks() {
    let (world, scene) = (World::new(), Scene::new(6));
    let now = world.network.now().max(scene.now);
    let verifier = EthereumVerifier::new(world.network.config.clone(), OUTBOX).unwrap();
    let (ethereum, bitcoin) = (world.network.config.chain.clone(), ChainParams::regtest().chain());
    let sources = Sources::new().with(ethereum.clone(), &verifier, &world.store).with(
        bitcoin.clone(),
        &scene.verifier,
        &scene.chain,
    );
    let stored = |nonce| world.execution.evidence(nonce, Some(&world.finality));
    let mut forged = stored(2);
    forged.inclusion.deposit.amount += alloy_primitives::U256::from(1);
    let mut shifted = scene.evidence.clone();
    shifted.output = 0;
    let item = |source: &ChainId, evidence: Evidence| Item { source: source.clone(), evidence };
    let items = vec![
        item(&ethereum, stored(1).into()),
        item(&bitcoin, scene.evidence.clone().into()),
        item(&ethereum, forged.clone().into()),
        item(&bitcoin, shifted.clone().into()),
        item(&ethereum, scene.evidence.clone().into()),
        item(&ethereum, stored(2).into()),
        item(&ChainId::eip155(9), stored(2).into()),
        item(&bitcoin, scene.evidence.clone().into()),
    ];
    let results = sources.verify(items, now).unwrap();
    let of_ethereum = |evidence: &DepositEvidence| verifier.verify(&world.store, evidence, now);
    let of_bitcoin = |evidence: &Inclusion| scene.verifier.verify(&scene.chain, evidence, now);
    assert_eq!(results[0], of_ethereum(&stored(1)));
    assert_eq!(results[1], of_bitcoin(&scene.evidence));
    assert_eq!(results[2], of_ethereum(&forged));
    assert_eq!(results[3], of_bitcoin(&shifted));
    assert_eq!(results[4].as_ref().unwrap_err().field, "evidence");
    assert_eq!(results[5], of_ethereum(&stored(2)));
    assert_eq!(results[6].as_ref().unwrap_err().field, "source");
    assert_eq!(results[7], of_bitcoin(&scene.evidence));
    let verified: Vec<_> = results.iter().map(Result::is_ok).collect();
    assert_eq!(verified, [true, true, false, false, false, true, false, true]);
}
