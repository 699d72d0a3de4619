//! Evidence files whose deposits verify: of every chain but Bitcoin, from the chains' scenes.

use spandrel_verifiers::Evidence;
use spandrel_verifiers::cosmos::Update;
use spandrel_verifiers::file::{CosmosTrust, EthereumTrust, EvidenceFile, SolanaTrust, Trust, VERSION};

use crate::cosmos::chain::state;
use crate::cosmos::scene as cosmos_scene;
use crate::ethereum::chain::{OUTBOX, World};
use crate::solana::maker::{NOW, config, table, validators};
use crate::solana::scene::{SLOT, Scene as Solana, finalizing};

/// A deposit that is final by the update it brings.
pub fn ethereum(world: &World) -> EvidenceFile {
    let (trusted_root, bootstrap) = world.network.bootstrap(&world.network.block(64, None));
    let network = world.network.config.clone();
    let trust = EthereumTrust { network, outbox: OUTBOX, trusted_root, bootstrap, updates: Vec::new() };
    let evidence = Evidence::from(world.execution.evidence(1, Some(&world.finality)));
    EvidenceFile { version: VERSION, at: world.network.now(), trust: Trust::Ethereum(Box::new(trust)), evidence }
}

/// A packet two headers behind the anchor.
pub fn cosmos(scene: &cosmos_scene::Scene) -> EvidenceFile {
    let trust = CosmosTrust {
        client: scene.verifier.params().clone(),
        route: cosmos_scene::route(),
        anchor: state(&scene.anchor),
        updates: vec![Update::Header(scene.header(8))],
    };
    let evidence = Evidence::from(scene.evidence(5));
    EvidenceFile { version: VERSION, at: cosmos_scene::NOW, trust: Trust::Cosmos(Box::new(trust)), evidence }
}

/// A transfer in a block that is rooted by votes.
pub fn solana(scene: &Solana) -> EvidenceFile {
    let updates = finalizing(SLOT, scene.block.chained_id());
    let trust = SolanaTrust { config: config(), table: table(0, &validators()), updates };
    let evidence = Evidence::from(scene.evidence.clone());
    EvidenceFile { version: VERSION, at: NOW, trust: Trust::Solana(Box::new(trust)), evidence }
}
