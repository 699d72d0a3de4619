//! Evidence of a block as JSON: what parses prints and parses to itself, and proves no block but the honest one final.

use std::sync::LazyLock;

use alloy_primitives::Bytes;
use spandrel_verifiers::ethereum::containers::LightClientData;
use spandrel_verifiers::{BlockEvidence, Verifier};

use crate::evidence::ETHEREUM;
use crate::patch::{Patch, patched};

/// The block that the finality update proves.
static HONEST: LazyLock<BlockEvidence> = LazyLock::new(|| {
    let (_, world) = &*ETHEREUM;
    BlockEvidence { header: world.execution.header.clone(), finality: Some(Bytes::from(world.finality.encode_ssz())) }
});

fuzz_target!(|patches: Vec<Patch>| {
    let json = patched(serde_json::to_vec(&*HONEST).expect("evidence prints"), &patches);
    let Ok(evidence) = serde_json::from_slice::<BlockEvidence>(&json) else { return };
    let again = serde_json::to_vec(&evidence).expect("evidence prints");
    assert_eq!(serde_json::from_slice::<BlockEvidence>(&again).expect("what prints parses"), evidence);
    let (verifier, world) = &*ETHEREUM;
    let judge = |evidence: &BlockEvidence| verifier.verify_block(&world.store, evidence, world.network.now());
    if let Ok(proven) = judge(&evidence) {
        let honest = judge(&HONEST).expect("honest evidence proves its block");
        assert_eq!(proven.get(), honest.get());
    }
});
