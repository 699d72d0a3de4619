//! Evidence as JSON: what parses prints and parses to itself, and none verifies but what means the honest one.

use spandrel_verifiers::Evidence;

use crate::evidence::{Kind, assert_refused_unless_honest};
use crate::patch::{Patch, patched};

fuzz_target!(|input: (Kind, Vec<Patch>)| {
    let (kind, patches) = input;
    let json = patched(serde_json::to_vec(kind.evidence()).expect("evidence prints"), &patches);
    let Ok(evidence) = serde_json::from_slice::<Evidence>(&json) else { return };
    let again = serde_json::to_vec(&evidence).expect("evidence prints");
    assert_eq!(serde_json::from_slice::<Evidence>(&again).expect("what prints parses"), evidence);
    assert_refused_unless_honest(&evidence);
});
