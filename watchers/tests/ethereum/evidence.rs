//! Evidence built here verifies there: under a verifier's own store, fed from its own endpoint.

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use spandrel_verifiers::ethereum::{DepositEvidence, EthereumVerifier, LightClientStore};
use spandrel_verifiers::follow::Watcher;
use spandrel_verifiers::follow::{ConsensusSource, EvidenceSource, FollowError, SeenDeposit};
use spandrel_verifiers::{Evidence, Verifier};
use spandrel_watchers::ethereum::{BeaconApi, Encoding, EthereumConsensus};

use super::rig::{Rig, deposits, read_all};

pub fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()
}

pub fn consensus(rig: &Rig, encoding: Encoding) -> EthereumConsensus {
    let (endpoint, network) = (rig.config.beacon.clone(), rig.config.network.clone());
    let api = BeaconApi::new(endpoint, network, encoding, Duration::from_secs(5)).unwrap();
    EthereumConsensus::new(Arc::new(api), rig.config.trusted_root)
}

fn verifier(rig: &Rig) -> EthereumVerifier {
    EthereumVerifier::new(rig.config.network.clone(), rig.outbox).unwrap()
}

/// A verifier's store, advanced as far as its own node tells.
async fn trusted(rig: &Rig) -> LightClientStore {
    let source = consensus(rig, Encoding::Json);
    let mut store = source.bootstrap().await.unwrap();
    for update in source.updates(&store).await.unwrap() {
        verifier(rig).advance(&mut store, &update, now()).unwrap();
    }
    store
}

async fn seen(rig: &Rig) -> Vec<SeenDeposit> {
    let watcher = rig.watcher();
    deposits(&read_all(&watcher, watcher.genesis().await.unwrap()).await.0)
}

fn ethereum(evidence: Evidence) -> DepositEvidence {
    match evidence {
        Evidence::Ethereum(evidence) => *evidence,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn evidence_of_every_deposit_verifies_under_an_independent_store() {
    let Some(rig) = Rig::start().await else { return };
    let store = trusted(&rig).await;
    for amount in 1..=5 {
        rig.deposit(amount).await;
        rig.mine(1).await;
    }
    rig.mine(20).await;
    let (source, seen) = (rig.evidence(), seen(&rig).await);
    let mut evidence = Vec::new();
    for deposit in &seen {
        evidence.push(ethereum(source.evidence(deposit, &deposit.block).await.unwrap()));
    }
    // The verifier has heard of no finality since its bootstrap: the evidence brings its own.
    let verified = verifier(&rig).verify_batch(&store, &evidence, now());
    assert_eq!(verified.len(), 5);
    for (verified, seen) in verified.iter().zip(&seen) {
        let verified = verified.as_ref().unwrap();
        assert_eq!(verified.fact(), &seen.deposit);
        assert_eq!(verified.under().height, rig.provable_height().await);
    }
}

#[tokio::test]
async fn evidence_stands_under_the_newest_final_block() {
    let Some(rig) = Rig::start().await else { return };
    rig.deposit(1).await;
    rig.mine(20).await;
    let seen = seen(&rig).await.remove(0);
    let source = rig.evidence();
    let mut heights = Vec::new();
    for _ in 0..2 {
        let evidence = ethereum(source.evidence(&seen, &seen.block).await.unwrap());
        let verified = verifier(&rig).verify(&trusted(&rig).await, &evidence, now()).unwrap();
        heights.push(verified.under().height);
        rig.mine(7).await;
    }
    assert_eq!(heights[1], heights[0] + 7);
}

#[tokio::test]
async fn there_is_no_evidence_before_finality() {
    let Some(rig) = Rig::start().await else { return };
    rig.deposit(1).await;
    rig.mine(3).await;
    let seen = seen(&rig).await.remove(0);
    let refused = rig.evidence().evidence(&seen, &seen.block).await.unwrap_err();
    assert!(matches!(refused, FollowError::ProofUnavailable(_)), "{refused}");
}

#[tokio::test]
async fn there_is_no_evidence_of_a_deposit_that_a_reorg_took() {
    let Some(rig) = Rig::start().await else { return };
    rig.deposit(1).await;
    rig.mine(3).await;
    let seen = seen(&rig).await.remove(0);
    rig.anvil.reorg(3).await.unwrap();
    rig.mine(30).await;
    let refused = rig.evidence().evidence(&seen, &seen.block).await.unwrap_err();
    assert!(matches!(refused, FollowError::ProofUnavailable(_)), "{refused}");
}

#[tokio::test]
async fn evidence_goes_on_under_the_last_known_finality_while_the_beacon_node_is_away() {
    let Some(rig) = Rig::start().await else { return };
    rig.deposit(1).await;
    rig.mine(20).await;
    let seen = seen(&rig).await.remove(0);
    let store = trusted(&rig).await;
    let source = rig.evidence();
    let first = source.evidence(&seen, &seen.block).await.unwrap();
    let verifier = verifier(&rig);
    drop(rig.beacon);
    let second = source.evidence(&seen, &seen.block).await.unwrap();
    assert_eq!(first, second);
    verifier.verify(&store, &ethereum(second), now()).unwrap();
}
