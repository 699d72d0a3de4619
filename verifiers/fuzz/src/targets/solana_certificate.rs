//! Certificates: what decodes encodes to the same bytes, and only the honest ones verify.

use std::sync::LazyLock;

use alloy_primitives::B256;
use spandrel_verifiers::solana::{BlockName, Certificate, Claim, Electorate};
use crate::patch::{Patch, patched};
use crate::solana::{SHRED_VERSION, certificate, table, validators};

static HONEST: LazyLock<[Vec<u8>; 3]> = LazyLock::new(|| {
    let block = BlockName { slot: 300, block_id: B256::repeat_byte(3) };
    [
        certificate(Claim::Finalize(300), &validators(), &[0, 1, 2], &[]),
        certificate(Claim::FinalizeFast(block), &validators(), &[0, 1, 2], &[]),
        certificate(Claim::NotarizeFallback(block), &validators(), &[0, 1], &[2, 4]),
    ]
    .map(|certificate| certificate.encode())
});
static ELECTORATE: LazyLock<Electorate> =
    LazyLock::new(|| Electorate::new(table(0, &validators())).expect("a valid table"));

fuzz_target!(|input: (u8, Vec<Patch>)| {
    let honest = &HONEST[usize::from(input.0) % HONEST.len()];
    let bytes = patched(honest.clone(), &input.1);
    let Ok(certificate) = Certificate::decode(&bytes) else { return };
    assert_eq!(certificate.encode(), bytes);
    let is_valid = certificate.verify(ELECTORATE.ranks(), SHRED_VERSION).is_ok();
    // One signature fits a fast finalization and both kinds of notarization: their payloads are the same.
    let is_twin = matches!(bytes.get(1), Some(8..=10)) && bytes.get(2..) == honest.get(2..);
    assert!(!is_valid || bytes == *honest || is_twin);
});
