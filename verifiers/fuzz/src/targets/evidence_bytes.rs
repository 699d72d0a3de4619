//! Evidence as protobuf: what is read is written again byte for byte, and none verifies but what means the honest one.

use spandrel_verifiers::Evidence;

use crate::evidence::{Kind, assert_refused_unless_honest};
use crate::patch::{Patch, patched};

fuzz_target!(|input: (Kind, Vec<Patch>)| {
    let (kind, patches) = input;
    let honest = kind.evidence().to_bytes();
    let bytes = patched(honest.clone(), &patches);
    let Ok(evidence) = Evidence::from_bytes(&bytes) else { return };
    assert_eq!(evidence.to_bytes(), bytes);
    assert_eq!(bytes == honest, evidence == *kind.evidence());
    assert_refused_unless_honest(&evidence);
});
