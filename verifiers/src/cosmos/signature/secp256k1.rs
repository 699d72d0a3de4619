//! secp256k1 signatures of validators: R and S, S in the lower half, over the SHA-256 of the message.

use alloy_primitives::FixedBytes;
use bitcoin::secp256k1::ecdsa::Signature;
use bitcoin::secp256k1::{Message, PublicKey, Secp256k1};
use sha2::{Digest, Sha256};

use crate::cosmos::commit::VoteSignature;

/// Whether `signature` over `message` is that of the compressed `key`. One with a high S never is.
pub(super) fn verify(key: &FixedBytes<33>, message: &[u8], signature: &VoteSignature) -> bool {
    let Ok(key) = PublicKey::from_slice(key.as_slice()) else { return false };
    let Ok(signature) = Signature::from_compact(signature.as_slice()) else { return false };
    let digest = Message::from_digest(Sha256::digest(message).into());
    Secp256k1::verification_only().verify_ecdsa(&digest, &signature, &key).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use bitcoin::secp256k1::SecretKey;

    #[test]
    fn a_high_s_is_refused_and_its_low_twin_is_not() {
        let secp = Secp256k1::new();
        let secret = SecretKey::from_slice(&[7; 32]).unwrap();
        let key = FixedBytes(secret.public_key(&secp).serialize());
        let digest = Message::from_digest(Sha256::digest(b"vote").into());
        let low = secp.sign_ecdsa(&digest, &secret).serialize_compact();
        assert!(verify(&key, b"vote", &FixedBytes(low)));
        assert!(!verify(&key, b"other", &FixedBytes(low)));
        let order = alloy_primitives::uint!(0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141_U256);
        let mut high = low;
        let s = alloy_primitives::U256::from_be_slice(&low[32..]);
        high[32..].copy_from_slice(&(order - s).to_be_bytes::<32>());
        assert!(!verify(&key, b"vote", &FixedBytes(high)));
    }
}
