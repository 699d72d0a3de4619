//! Trust as protobuf, with the consensus evidence of every chain after it: what is read is written again byte for byte, and
//! survives JSON.

use std::sync::LazyLock;

use spandrel_verifiers::file::Trust;

use crate::files::HONEST;
use crate::patch::{Patch, patched};
use crate::updates::every_trust;

static TRUSTS: LazyLock<Vec<Trust>> =
    LazyLock::new(|| HONEST.iter().map(|(file, _)| file.trust.clone()).chain(every_trust()).collect());

fuzz_target!(|input: (u8, Vec<Patch>)| {
    let (which, patches) = input;
    let honest = &TRUSTS[usize::from(which) % TRUSTS.len()];
    let start = honest.to_bytes();
    let bytes = patched(start.clone(), &patches);
    let Ok(trust) = Trust::from_bytes(&bytes) else { return };
    assert_eq!(trust.to_bytes(), bytes);
    assert_eq!(bytes == start, trust == *honest);
    let json = serde_json::to_vec(&trust).expect("trust prints");
    assert_eq!(serde_json::from_slice::<Trust>(&json).expect("JSON"), trust);
});
