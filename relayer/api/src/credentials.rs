//! API keys: `sk_<id>_<secret>`, of which only the id and the SHA-256 of the secret are stored.

use alloy::primitives::B256;
use rand::RngCore;
use sha2::{Digest, Sha256};
use spandrel_store::{ApiGrant, ApiKey};
use spandrel_verifiers::UnixSeconds;
use subtle::ConstantTimeEq;

/// A key as its holder sends it. Shows its id alone.
#[derive(Clone)]
pub struct ApiSecret {
    id: String,
    secret: [u8; 32],
}

impl std::fmt::Debug for ApiSecret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "sk_{}_…", self.id)
    }
}

impl ApiSecret {
    /// Reads `sk_<16 hex digits>_<64 hex digits>`.
    pub fn parse(text: &str) -> Option<Self> {
        let (id, secret) = text.strip_prefix("sk_")?.split_once('_')?;
        let is_id = id.len() == 16 && id.bytes().all(|byte| byte.is_ascii_hexdigit());
        let mut bytes = [0; 32];
        (is_id && hex::decode_to_slice(secret, &mut bytes).is_ok()).then(|| Self { id: id.to_owned(), secret: bytes })
    }

    /// Which key it claims to be.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Whether it is `key`, in time that does not depend on how much of it is right.
    pub fn is(&self, key: &ApiKey) -> bool {
        self.id == key.id && bool::from(self.hash().as_slice().ct_eq(key.secret_hash.as_slice()))
    }

    /// The text that the holder keeps. Shown once.
    pub fn reveal(&self) -> String {
        format!("sk_{}_{}", self.id, hex::encode(self.secret))
    }

    fn hash(&self) -> B256 {
        B256::from_slice(&Sha256::digest(self.secret))
    }
}

/// A fresh key from `random`, and what is stored of it.
pub fn issue_key(name: &str, grant: ApiGrant, now: UnixSeconds, random: &mut impl RngCore) -> (ApiSecret, ApiKey) {
    let (mut id, mut secret) = ([0; 8], [0; 32]);
    random.fill_bytes(&mut id);
    random.fill_bytes(&mut secret);
    let secret = ApiSecret { id: hex::encode(id), secret };
    let key = ApiKey {
        id: secret.id.clone(),
        name: name.to_owned(),
        secret_hash: secret.hash(),
        grant,
        created_at: now,
        revoked_at: None,
    };
    (secret, key)
}

#[cfg(test)]
mod tests {
    use spandrel_store::TenantClass;

    use super::*;

    fn issued() -> (ApiSecret, ApiKey) {
        let grant = ApiGrant { scopes: Default::default(), class: TenantClass::Standard };
        issue_key("shop", grant, 5, &mut rand::rng())
    }

    #[test]
    fn a_key_is_known_by_its_whole_secret() {
        let (secret, key) = issued();
        assert!(ApiSecret::parse(&secret.reveal()).unwrap().is(&key));
        let (other, _) = issued();
        assert!(!other.is(&key));
        let mut forged = secret.clone();
        forged.secret[31] ^= 1;
        assert!(!forged.is(&key));
    }

    #[test]
    fn malformed_keys_are_no_keys_and_debug_hides_the_secret() {
        let (secret, key) = issued();
        let text = secret.reveal();
        for refused in ["", "sk_", "sk_12_34", &text[1..], &text[..text.len() - 1], &format!("{text}0")] {
            assert!(ApiSecret::parse(refused).is_none(), "{refused}");
        }
        let hidden = hex::encode(secret.secret);
        assert!(!format!("{secret:?}{key:?}").contains(&hidden));
    }
}
