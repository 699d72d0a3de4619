//! Official BLS12-381 vectors, as verification and deserialization must answer them.

use alloy_primitives::Bytes;
use serde::Deserialize;
use spandrel_verifiers::ethereum::bls::verify_aggregate;
use spandrel_verifiers::ethereum::containers::{BlsPublicKey, BlsSignature};

use crate::support::{Tally, files, json, vectors};

#[derive(Deserialize)]
struct Case<T> {
    input: T,
    output: bool,
}

#[derive(Deserialize)]
struct Verify {
    pubkey: Bytes,
    message: Bytes,
    signature: Bytes,
}

#[derive(Deserialize)]
struct FastAggregateVerify {
    pubkeys: Vec<Bytes>,
    message: Bytes,
    signature: Bytes,
}

/// Bytes of another length are no key or signature at all.
fn is_valid(keys: &[Bytes], message: &Bytes, signature: &Bytes) -> bool {
    let keys: Option<Vec<_>> = keys.iter().map(|key| BlsPublicKey::try_from(key.as_ref()).ok()).collect();
    let signature = BlsSignature::try_from(signature.as_ref()).ok();
    keys.zip(signature).is_some_and(|(keys, signature)| verify_aggregate(&keys, message, &signature).is_ok())
}

#[test]
fn the_official_verification_vectors_are_answered_as_expected() {
    let Some(folder) = vectors("crypto/eth_bls12_381_v0.1.1") else { return };
    let mut tally = Tally::new("eth bls12-381 v0.1.1");
    let mut count = |valid: bool, expected: bool, file: std::path::PathBuf| {
        assert_eq!(valid, expected, "{}", file.display());
        if valid { tally.pass() } else { tally.refuse_any(Err::<(), _>(no())) }
    };
    for file in files(folder.join("verify")) {
        let Case { input, output } = json::<Case<Verify>>(&file);
        count(is_valid(&[input.pubkey], &input.message, &input.signature), output, file);
    }
    for file in files(folder.join("fast_aggregate_verify")) {
        let Case { input, output } = json::<Case<FastAggregateVerify>>(&file);
        count(is_valid(&input.pubkeys, &input.message, &input.signature), output, file);
    }
}

fn no() -> spandrel_verifiers::VerifyError {
    spandrel_verifiers::VerifyError::invalid("signature", "as the vector says", "invalid")
}
