//! A real Lodestar, where one is configured, followed until it finalizes.

use std::sync::Arc;
use std::time::Duration;

use spandrel_testnets::ethereum::{Lodestar, LodestarOptions};
use spandrel_verifiers::ChainId;
use spandrel_verifiers::ethereum::{LightClientStore, Update};
use spandrel_verifiers::follow::ConsensusSource;
use spandrel_watchers::ethereum::{BeaconApi, BlockId, Encoding, Endpoint, EthereumConsensus};

use super::evidence::now;

/// Finality comes after four epochs of eight slots.
const PATIENCE: Duration = Duration::from_secs(300);

#[tokio::test]
async fn a_configured_lodestar_is_followed_to_its_finality() {
    let options = LodestarOptions::default();
    let slot = Duration::from_secs(options.seconds_per_slot);
    let Some(path) = Lodestar::find() else {
        println!("skipped: lodestar not found");
        return;
    };
    let lodestar = Lodestar::start(&path, options).await.unwrap();
    let network = lodestar.network(ChainId::eip155(1337)).await.unwrap();
    let endpoint = Endpoint::parse("beacon", lodestar.url()).unwrap();
    let api = Arc::new(BeaconApi::new(endpoint, network.clone(), Encoding::Ssz, Duration::from_secs(5)).unwrap());
    let followed = async {
        let mut slots = tokio::time::interval(slot);
        let mut store: Option<LightClientStore> = None;
        loop {
            slots.tick().await;
            let root = api.header(BlockId::Finalized).await.unwrap();
            let source = EthereumConsensus::new(Arc::clone(&api), root.root);
            let Some(store) = &mut store else {
                if root.header.slot > 0 {
                    store = Some(source.bootstrap().await.unwrap());
                }
                continue;
            };
            for update in source.updates(store).await.unwrap() {
                match update {
                    Update::Period(update) => store.process_update(&network, &update, now()).unwrap(),
                    Update::Finality(update) => {
                        store.process_finality_update(&network, &update, now()).unwrap();
                        return;
                    }
                    Update::Optimistic(update) => store.process_optimistic_update(&network, &update, now()).unwrap(),
                }
            }
        }
    };
    tokio::time::timeout(PATIENCE, followed).await.unwrap();
}
