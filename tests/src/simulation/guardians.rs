//! The guardians: two people with real keys.

use std::sync::LazyLock;

use alloy::primitives::{Address, B256, Signature};
use alloy::signers::SignerSync;
use alloy::signers::local::PrivateKeySigner;
use spandrel_risk::control::{ControlPolicy, deployment};

use super::keys;

static KEYS: LazyLock<[PrivateKeySigner; 2]> = LazyLock::new(|| {
    [0x41, 0x42].map(|byte| PrivateKeySigner::from_bytes(&B256::repeat_byte(byte)).expect("a key in range"))
});

/// The key of guardian number `place`.
pub fn address(place: usize) -> Address {
    KEYS[place].address()
}

/// Guardian number `place` signs.
pub fn sign(place: usize, digest: B256) -> Signature {
    KEYS[place].sign_hash_sync(&digest).expect("a local key signs")
}

/// Who they are. What they agree on takes effect soon: a storm is short.
pub fn policy() -> ControlPolicy {
    let inbox = keys::domain().inbox.into_word();
    ControlPolicy {
        deployment: deployment([(&keys::destination(), inbox)]),
        guardians: [(address(0), "ada".to_owned()), (address(1), "bo".to_owned())].into(),
        resume_delay: 15,
        timelock: 60,
    }
}
