//! Secrets of webhooks, and signatures made with them.
//!
//! A secret is derived from the service's key, the webhook's id and how often it was rotated: nothing of it is stored, and
//! the ledger alone gives nobody a signature.

use hmac::{Hmac, Mac};
use sha2::Sha256;
use spandrel_signer::Secret;
use spandrel_store::Webhook;
use spandrel_verifiers::UnixSeconds;

/// `t=<Unix seconds>,v1=<hex>`, with one `v1` for each secret that holds.
pub const SIGNATURE_HEADER: &str = "spandrel-signature";
/// How long the secret before a rotation still signs.
pub const OVERLAP_SECONDS: u64 = 86_400;
/// Fewest bytes of the service's key.
const SHORTEST_KEY: usize = 32;

/// What the secrets of all webhooks are derived from.
#[derive(Clone)]
pub struct WebhookKey(Secret);

impl std::fmt::Debug for WebhookKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("WebhookKey(…)")
    }
}

impl WebhookKey {
    /// Takes a key over; `None` when it has fewer than 32 bytes.
    pub fn new(key: Secret) -> Option<Self> {
        (key.expose().len() >= SHORTEST_KEY).then_some(Self(key))
    }

    /// The secret that `webhook` has now.
    pub(crate) fn secret(&self, webhook: &Webhook) -> Secret {
        self.of_generation(&webhook.id, webhook.generation)
    }

    /// The header that signs `body` at `now`: with the secret, and for a day after a rotation with the one before.
    pub(crate) fn sign(&self, webhook: &Webhook, body: &str, now: UnixSeconds) -> String {
        let is_overlap = webhook.rotated_at.is_some_and(|at| now < at.saturating_add(OVERLAP_SECONDS));
        let before = webhook.generation.checked_sub(1).filter(|_| is_overlap);
        let mut header = format!("t={now}");
        for generation in std::iter::once(webhook.generation).chain(before) {
            let secret = self.of_generation(&webhook.id, generation);
            let tag = mac(secret.expose().as_bytes(), &[now.to_string().as_bytes(), b".", body.as_bytes()]);
            header.push_str(&format!(",v1={}", hex::encode(tag)));
        }
        header
    }

    fn of_generation(&self, id: &str, generation: u32) -> Secret {
        let parts: [&[u8]; 4] = [b"webhook secret\0", id.as_bytes(), &[0], &generation.to_be_bytes()];
        let tag = mac(self.0.expose().as_bytes(), &parts);
        Secret::new(format!("whsec_{}", hex::encode(tag))).unwrap_or_else(|_| unreachable!("it has a prefix"))
    }
}

fn mac(key: &[u8], parts: &[&[u8]]) -> [u8; 32] {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).unwrap_or_else(|_| unreachable!("HMAC takes keys of any length"));
    for part in parts {
        mac.update(part);
    }
    mac.finalize().into_bytes().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(text: &str) -> WebhookKey {
        WebhookKey::new(Secret::new(text.to_owned()).unwrap()).unwrap()
    }

    fn webhook(id: &str, generation: u32, rotated_at: Option<u64>) -> Webhook {
        let (id, api_key, url) = (id.to_owned(), "k".to_owned(), "https://example.com".to_owned());
        Webhook { id, api_key, url, generation, rotated_at, created_at: 0 }
    }

    #[test]
    fn secrets_differ_by_key_webhook_and_generation_and_are_the_same_after_a_restart() {
        let (one, other) = (key(&"a".repeat(32)), key(&"b".repeat(32)));
        let of = |key: &WebhookKey, id, generation| key.secret(&webhook(id, generation, None)).expose().to_owned();
        let secrets = [of(&one, "wh_1", 0), of(&one, "wh_1", 1), of(&one, "wh_2", 0), of(&other, "wh_1", 0)];
        let distinct: std::collections::BTreeSet<_> = secrets.iter().collect();
        assert_eq!(distinct.len(), secrets.len());
        assert_eq!(of(&key(&"a".repeat(32)), "wh_1", 0), secrets[0]);
    }

    #[test]
    fn after_a_rotation_both_secrets_sign_for_a_day() {
        let key = key(&"a".repeat(32));
        let tags = |webhook: &Webhook, now| key.sign(webhook, "{}", now).matches(",v1=").count();
        let rotated = webhook("wh_1", 1, Some(1_000));
        assert_eq!(tags(&webhook("wh_1", 0, None), 1_000), 1);
        assert_eq!(tags(&rotated, 1_000), 2);
        assert_eq!(tags(&rotated, 1_000 + OVERLAP_SECONDS), 1);
        let before = key.sign(&webhook("wh_1", 0, None), "{}", 1_000);
        let during = key.sign(&rotated, "{}", 1_000);
        assert!(during.contains(before.split_once(",v1=").unwrap().1));
    }

    #[test]
    fn a_short_key_is_refused_and_none_is_shown() {
        assert!(WebhookKey::new(Secret::new("a".repeat(31)).unwrap()).is_none());
        assert!(!format!("{:?}", key(&"s".repeat(32))).contains("sss"));
    }
}
