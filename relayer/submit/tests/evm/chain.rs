//! What is checked before anything is sent: configuration against the node.

use spandrel_contracts::PauseController;
use spandrel_core::submission::SubmitError;
use spandrel_submit::{EvmConfig, EvmDestination};
use spandrel_verifiers::ChainId;

use crate::world::{World, submitter_key};

async fn refused(world: &World, config: EvmConfig) -> SubmitError {
    let connected = EvmDestination::connect(config, world.journal.clone(), submitter_key(), world.clock()).await;
    connected.err().expect("it must not connect")
}

#[tokio::test]
async fn a_node_of_another_chain_is_refused_for_good() {
    let Some(world) = World::start().await else { return };
    let error = refused(&world, EvmConfig { chain: ChainId::eip155(1), ..world.config() }).await;
    assert!(matches!(&error, SubmitError::Permanent { expected, found, .. } if expected == "1" && found == "31338"));
}

#[tokio::test]
async fn an_address_without_an_inbox_is_refused_for_good() {
    let Some(world) = World::start().await else { return };
    let mut config = world.config();
    config.contracts.inbox = alloy_primitives::Address::repeat_byte(0x99);
    assert!(matches!(refused(&world, config).await, SubmitError::Permanent { .. }));
}

/// Statements would name a bridge that it does not know.
#[tokio::test]
async fn a_pause_controller_of_another_bridge_is_refused_for_good() {
    let Some(world) = World::start().await else { return };
    let other = PauseController::deploy(&world.governor, world.at.manager, world.at.outbox).await.unwrap();
    let mut config = world.config();
    config.contracts.pauses = *other.address();
    let error = refused(&world, config).await;
    assert!(matches!(&error, SubmitError::Permanent { field, .. } if field == "contracts.inbox"), "{error}");
}

#[tokio::test]
async fn a_silent_node_is_a_passing_failure_and_its_url_does_not_show() {
    let Some(world) = World::start().await else { return };
    let rpc_url = "http://user:SECRET@127.0.0.1:9/SECRET".parse().unwrap();
    let error = refused(&world, EvmConfig { rpc_url, ..world.config() }).await;
    assert!(matches!(error, SubmitError::Transient { .. }));
    assert!(!format!("{error} {error:?}").contains("SECRET"), "{error}");
}
