//! The one thing a key does here: sign a 32-byte digest.

use std::fmt;
use std::future::Future;

use alloy::signers::SignerSync;
use alloy::signers::local::PrivateKeySigner;
use alloy_primitives::{Address, B256, Signature};
use rand::TryRngCore;
use zeroize::Zeroizing;

use crate::{Secret, SignerError};

/// Whoever signs digests: a local key now, a remote signer behind the same two methods.
pub trait DigestSigner: Send + Sync {
    /// The account whose signatures these are.
    fn address(&self) -> Address;

    /// Signs `digest` as it is (no message prefix). The signature is low-s (EIP-2) and recovers to [`Self::address`].
    fn sign(&self, digest: B256) -> impl Future<Output = Result<Signature, SignerError>> + Send;
}

/// A secp256k1 key in memory. The key is erased when dropped; `Debug` shows the address only.
#[derive(Clone)]
pub struct LocalKey(PrivateKeySigner);

impl LocalKey {
    /// A new key from the operating system's randomness.
    pub fn generate() -> Result<Self, SignerError> {
        loop {
            let mut bytes = Zeroizing::new([0u8; 32]);
            rand::rngs::OsRng
                .try_fill_bytes(&mut bytes[..])
                .map_err(|error| SignerError::invalid("randomness", "the operating system's", error))?;
            // One draw in 2^128 is not below the group's order.
            if let Ok(key) = Self::from_bytes(&bytes) {
                return Ok(key);
            }
        }
    }

    /// The key with this big-endian secret scalar: not zero, below the group's order.
    pub fn from_bytes(bytes: &[u8; 32]) -> Result<Self, SignerError> {
        PrivateKeySigner::from_slice(bytes)
            .map(Self)
            .map_err(|_| SignerError::invalid("private key", "a scalar between 1 and the order", "another one"))
    }

    /// The key written as 64 hexadecimal digits, with or without `0x`.
    pub fn from_hex(text: &Secret) -> Result<Self, SignerError> {
        let mut bytes = Zeroizing::new([0u8; 32]);
        alloy_primitives::hex::decode_to_slice(text.expose(), &mut bytes[..])
            .map_err(|_| SignerError::invalid("private key", "64 hexadecimal digits", "another text"))?;
        Self::from_bytes(&bytes)
    }

    /// The account.
    pub fn address(&self) -> Address {
        self.0.address()
    }

    /// Signs `digest` at once.
    pub fn sign_digest(&self, digest: B256) -> Result<Signature, SignerError> {
        let signature = self
            .0
            .sign_hash_sync(&digest)
            .map_err(|error| SignerError::Signing { signer: self.address(), reason: error.to_string() })?;
        Ok(signature.normalize_s().unwrap_or(signature))
    }

    pub(crate) fn secret_bytes(&self) -> Zeroizing<[u8; 32]> {
        Zeroizing::new(self.0.to_bytes().0)
    }
}

impl DigestSigner for LocalKey {
    fn address(&self) -> Address {
        self.0.address()
    }

    async fn sign(&self, digest: B256) -> Result<Signature, SignerError> {
        self.sign_digest(digest)
    }
}

impl<S: DigestSigner> DigestSigner for std::sync::Arc<S> {
    fn address(&self) -> Address {
        self.as_ref().address()
    }

    fn sign(&self, digest: B256) -> impl Future<Output = Result<Signature, SignerError>> + Send {
        self.as_ref().sign(digest)
    }
}

impl fmt::Debug for LocalKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "LocalKey({})", self.0.address())
    }
}

#[cfg(test)]
mod tests {
    use alloy_primitives::{address, hex};
    use proptest::prelude::*;
    use spandrel_verifiers::attestation::recover;

    use super::*;

    /// First account of the well-known development mnemonic `test test … junk`.
    const KNOWN: &str = "ac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80";

    #[test]
    fn a_known_key_has_its_known_address() {
        for text in [KNOWN.to_owned(), format!("0x{KNOWN}")] {
            let key = LocalKey::from_hex(&Secret::new(text).unwrap()).unwrap();
            assert_eq!(key.address(), address!("f39Fd6e51aad88F6F4ce6aB8827279cffFb92266"));
        }
    }

    #[test]
    fn scalars_outside_the_group_and_odd_texts_are_refused_without_repeating_them() {
        assert!(LocalKey::from_bytes(&[0; 32]).is_err());
        assert!(LocalKey::from_bytes(&[0xff; 32]).is_err());
        let error = LocalKey::from_hex(&Secret::new(KNOWN[1..].to_owned()).unwrap()).unwrap_err();
        assert!(!format!("{error:?} {error}").contains(&KNOWN[1..9]));
    }

    #[test]
    fn debug_shows_the_address_and_nothing_else() {
        let key = LocalKey::generate().unwrap();
        let shown = format!("{key:?} {key:#?}");
        assert!(!shown.contains(&hex::encode(&key.secret_bytes()[..])));
        assert_eq!(format!("{key:?}"), format!("LocalKey({})", key.address()));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn every_signature_is_low_s_and_recovers(secret in 1u64.., digest: [u8; 32]) {
            let mut bytes = [0u8; 32];
            bytes[24..].copy_from_slice(&secret.to_be_bytes());
            let key = LocalKey::from_bytes(&bytes).unwrap();
            let digest = B256::from(digest);
            // `recover` refuses a high s.
            prop_assert_eq!(recover(digest, &key.sign_digest(digest).unwrap()).unwrap(), key.address());
        }
    }
}
