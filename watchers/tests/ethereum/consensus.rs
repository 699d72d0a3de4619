//! The consensus source feeds a store over many periods, and nothing that does not verify enters it.

use alloy_primitives::B256;
use spandrel_verifiers::Verifier;
use spandrel_verifiers::ethereum::{EthereumVerifier, LightClientStore, Update};
use spandrel_verifiers::follow::{ConsensusSource, FollowError};
use spandrel_watchers::ethereum::{BeaconApi, BlockId, Encoding, EthereumConsensus, LightClient};

use super::evidence::{consensus, now};
use super::rig::Rig;

async fn advance(rig: &Rig, source: &EthereumConsensus, store: &mut LightClientStore) -> Vec<Update> {
    let verifier = EthereumVerifier::new(rig.config.network.clone(), rig.outbox).unwrap();
    let updates = source.updates(store).await.unwrap();
    for update in &updates {
        verifier.advance(store, update, now()).unwrap();
    }
    updates
}

#[tokio::test]
async fn a_store_is_led_over_many_periods_and_then_is_up_to_date() {
    let Some(rig) = Rig::start().await else { return };
    for encoding in [Encoding::Ssz, Encoding::Json] {
        let source = consensus(&rig, encoding);
        let mut store = source.bootstrap().await.unwrap();
        // Three periods at once, as after a long pause, then step by step over a period's end.
        rig.mine(3 * 64).await;
        advance(&rig, &source, &mut store).await;
        for _ in 0..10 {
            rig.mine(9).await;
            advance(&rig, &source, &mut store).await;
        }
        assert_eq!(store.latest_final_block().unwrap().height, rig.provable_height().await);
        assert_eq!(advance(&rig, &source, &mut store).await, []);
    }
}

#[tokio::test]
async fn a_light_client_keeps_a_proof_of_what_is_final() {
    let Some(rig) = Rig::start().await else { return };
    let light_client = rig.light_client();
    let first = light_client.refresh().await.unwrap().unwrap();
    assert_eq!(Some(first.block.height), rig.beacon.finalized_height().await);
    rig.mine(5 * 64).await;
    let known = light_client.refresh().await.unwrap().unwrap();
    assert_eq!(known.block.height, rig.provable_height().await);
    assert!(known.update.is_some());
    assert_eq!(light_client.known().await, Some(known));
}

/// What it learns is in memory: the next start begins at the root again, so its age counts from there.
#[tokio::test]
async fn trust_begins_at_the_trusted_root_however_far_the_light_client_has_come() {
    let Some(rig) = Rig::start().await else { return };
    let light_client = rig.light_client();
    assert_eq!(light_client.trusted_since(), None, "no node has shown it yet");
    light_client.refresh().await.unwrap();
    let trusted = api(&rig).header(BlockId::Root(rig.config.trusted_root)).await.unwrap();
    let since = rig.config.network.time_of(trusted.header.slot);
    assert_eq!(light_client.trusted_since(), Some(since));
    rig.mine(5 * 64).await;
    let known = light_client.refresh().await.unwrap().unwrap();
    assert!(known.block.time > since);
    assert_eq!(light_client.trusted_since(), Some(since));
}

fn api(rig: &Rig) -> BeaconApi {
    let (beacon, network) = (rig.config.beacon.clone(), rig.config.network.clone());
    BeaconApi::new(beacon, network, Encoding::Json, std::time::Duration::from_secs(5)).unwrap()
}

#[tokio::test]
async fn another_trusted_root_is_refused() {
    let Some(rig) = Rig::start().await else { return };
    let mut config = rig.config.clone();
    config.trusted_root = B256::repeat_byte(1);
    let refused = LightClient::new(&config).unwrap().refresh().await.unwrap_err();
    assert!(matches!(refused, FollowError::Transient { .. }), "{refused}");
}

#[tokio::test]
async fn another_network_is_refused_for_good() {
    let Some(rig) = Rig::start().await else { return };
    let mut config = rig.config.clone();
    config.network.genesis_validators_root = B256::repeat_byte(1);
    let refused = LightClient::new(&config).unwrap().refresh().await.unwrap_err();
    assert!(matches!(refused, FollowError::Permanent { .. }), "{refused}");
}

#[tokio::test]
async fn headers_are_told_by_id() {
    let Some(rig) = Rig::start().await else { return };
    let api = api(&rig);
    let last_final = api.header(BlockId::Finalized).await.unwrap();
    assert_eq!(Some(last_final.root), rig.beacon.finalized_root().await);
    assert_eq!(api.header(BlockId::Root(last_final.root)).await.unwrap(), last_final);
    assert_eq!(Some(api.header(BlockId::Head).await.unwrap().header.slot), rig.beacon.head_slot().await);
    assert!(api.header(BlockId::Root(B256::ZERO)).await.unwrap_err().may_mean_absent());
}
