//! One signature at a time: the check that every batch must agree with.
//!
//! ed25519 by ZIP-215, as CometBFT does: S below the group's order; A and R may be encoded without being reduced and
//! may have components of small order; `[8][S]B = [8]R + [8][k]A`. Other libraries refuse some of these signatures, so
//! that their users would leave the chain.

use ed25519_zebra::{Signature, VerificationKey};

use super::secp256k1;
use crate::cosmos::commit::VoteSignature;
use crate::cosmos::validators::PublicKey;

/// Whether `signature` over `message` is `key`'s.
pub fn verify_signature(key: &PublicKey, message: &[u8], signature: &VoteSignature) -> bool {
    match key {
        PublicKey::Ed25519(key) => {
            VerificationKey::try_from(*key).is_ok_and(|key| key.verify(&Signature::from(signature.0), message).is_ok())
        }
        PublicKey::Secp256k1(key) => secp256k1::verify(key, message, signature),
    }
}
