//! Webhooks of a key.

use alloy::primitives::{B256, keccak256};
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::json;
use spandrel_store::{Delivery, DeliveryStatus, Rotation, Webhook};
use spandrel_verifiers::UnixSeconds;
use utoipa::ToSchema;

use super::orders::{idempotency_key, key_reused};
use super::{Service, shown_time};
use crate::Problem;
use crate::webhooks::{MOST_WEBHOOKS, Refused, Webhooks};

/// For how many seconds a registration is answered again as it was: later its secret is not shown any more.
const REPEATED_WITHIN: UnixSeconds = 24 * 3600;

/// Deliveries that are listed.
const LISTED: u32 = 100;

/// What is registered.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct WebhookRequest {
    /// Where events are posted: https, at a public address.
    #[schema(format = "uri")]
    pub url: String,
}

/// A webhook.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct WebhookView {
    /// Its id.
    pub id: String,
    /// Where events are posted.
    pub url: String,
    /// Deliveries that wait.
    pub waiting: u64,
    /// Deliveries that were given up.
    pub dead: u64,
    /// RFC 3339.
    pub created_at: String,
    /// When the secret was rotated last, RFC 3339.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rotated_at: Option<String>,
}

/// A webhook with its secret, which is shown to whoever registers or rotates it.
#[derive(Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct WebhookSecretView {
    /// The webhook.
    pub webhook: WebhookView,
    /// What its deliveries are signed with. It is not shown again.
    pub secret: String,
}

impl std::fmt::Debug for WebhookSecretView {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("WebhookSecretView").field("webhook", &self.webhook).finish_non_exhaustive()
    }
}

/// One delivery.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct DeliveryView {
    /// The same for every attempt: receivers tell repetitions by it.
    pub id: String,
    /// Of what.
    pub event: String,
    /// `waiting`, `delivered` or `dead`.
    pub status: String,
    /// How often it was tried.
    pub attempts: u32,
    /// Why the last attempt failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_error: Option<String>,
    /// When it is tried next, RFC 3339.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_attempt_at: Option<String>,
    /// RFC 3339.
    pub created_at: String,
}

/// What came of a test.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct TestView {
    /// Whether the receiver took it.
    pub delivered: bool,
    /// The status it answered, if it did.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// Why it was not taken.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

impl Service {
    /// Registers a webhook under an idempotency key, which is told of every event of this key's orders from now on. `true`
    /// when this very request had been answered before.
    ///
    /// # Errors
    /// 422 for an address that is refused and for an idempotency key that another request used, 409 for one that is being
    /// worked on, and when the key has as many webhooks as it may.
    pub async fn register_webhook(
        &self,
        api_key: &str,
        key: &str,
        request: &WebhookRequest,
    ) -> Result<(WebhookSecretView, bool), Problem> {
        let webhooks = self.offered()?;
        let id = webhook_id(api_key, idempotency_key(key)?);
        let _flight = self.flight(api_key, &id)?;
        if let Some(webhook) = self.store.webhook(api_key, &id).await? {
            let is_young = self.now() <= webhook.created_at.saturating_add(REPEATED_WITHIN);
            if webhook.url != request.url || webhook.generation > 0 || !is_young {
                return Err(key_reused());
            }
            return Ok((self.with_secret(webhooks, webhook).await?, true));
        }
        if self.store.is_deleted_webhook(api_key, &id).await? {
            return Err(key_reused());
        }
        webhooks.egress.check(&request.url).await.map_err(refused)?;
        let webhook = Webhook {
            id,
            api_key: api_key.to_owned(),
            url: request.url.clone(),
            generation: 0,
            rotated_at: None,
            created_at: self.now(),
        };
        if !self.store.add_webhook(&webhook, MOST_WEBHOOKS).await? {
            let detail = format!("a key has at most {MOST_WEBHOOKS} webhooks");
            return Err(Problem::new(StatusCode::CONFLICT, "TOO_MANY_WEBHOOKS", detail));
        }
        Ok((self.with_secret(webhooks, webhook).await?, false))
    }

    /// The webhooks of a key, oldest first.
    ///
    /// # Errors
    /// When the ledger fails.
    pub async fn webhooks(&self, api_key: &str) -> Result<Vec<WebhookView>, Problem> {
        self.offered()?;
        let mut views = Vec::new();
        for webhook in self.store.webhooks(api_key).await? {
            views.push(self.webhook_view(webhook).await?);
        }
        Ok(views)
    }

    /// Ends a webhook. What waits for it is not sent any more.
    ///
    /// # Errors
    /// 404 when the key has no such webhook.
    pub async fn delete_webhook(&self, api_key: &str, id: &str) -> Result<(), Problem> {
        self.offered()?;
        if self.store.delete_webhook(api_key, id, self.now()).await? { Ok(()) } else { Err(unknown(id)) }
    }

    /// Gives a webhook a new secret under an idempotency key; for a day the one before signs too. `true` when this very
    /// request had been answered before.
    ///
    /// # Errors
    /// 404 when the key has no such webhook, 422 for an idempotency key that another request used, 409 for one that is being
    /// worked on.
    pub async fn rotate_webhook(
        &self,
        api_key: &str,
        id: &str,
        key: &str,
    ) -> Result<(WebhookSecretView, bool), Problem> {
        let webhooks = self.offered()?;
        let key = idempotency_key(key)?;
        let _flight = self.flight(api_key, &format!("rotate {key}"))?;
        let now = self.now();
        let (webhook, is_replayed) = match self.store.rotate_webhook(api_key, id, key, now).await? {
            Rotation::New(webhook) => (webhook, false),
            Rotation::Replayed(webhook) => (webhook, true),
            Rotation::KeyReused => return Err(key_reused()),
            Rotation::Unknown => return Err(unknown(id)),
        };
        if webhook.rotated_at.is_some_and(|at| now > at.saturating_add(REPEATED_WITHIN)) {
            return Err(key_reused());
        }
        Ok((self.with_secret(webhooks, webhook).await?, is_replayed))
    }

    /// Sends a test event now, once. Its id is the idempotency key's: receivers tell a repetition by it.
    ///
    /// # Errors
    /// 404 when the key has no such webhook, 409 while a request with this idempotency key is being worked on.
    pub async fn test_webhook(&self, api_key: &str, id: &str, key: &str) -> Result<TestView, Problem> {
        let webhooks = self.offered()?;
        let key = idempotency_key(key)?;
        let webhook = self.own_webhook(api_key, id).await?;
        let delivery = test_id(api_key, id, key);
        let _flight = self.flight(api_key, &delivery)?;
        let now = self.now();
        let body = json!({ "id": delivery, "type": "webhook.test", "at": shown_time(now), "data": {} }).to_string();
        let signature = webhooks.key.sign(&webhook, &body, now);
        let made = webhooks.egress.post(&webhook.url, &delivery, signature, body).await;
        Ok(TestView { delivered: made.delivered, status: made.status, error: made.error })
    }

    /// The last deliveries of a webhook, newest first.
    ///
    /// # Errors
    /// 404 when the key has no such webhook.
    pub async fn deliveries(&self, api_key: &str, id: &str) -> Result<Vec<DeliveryView>, Problem> {
        self.offered()?;
        let webhook = self.own_webhook(api_key, id).await?;
        let deliveries = self.store.deliveries(&webhook.id, LISTED).await?;
        Ok(deliveries.into_iter().map(delivery_view).collect())
    }

    /// Queues a delivery again that was given up.
    ///
    /// # Errors
    /// 404 when there is no such dead delivery.
    pub async fn redeliver(&self, api_key: &str, id: &str, delivery: &str) -> Result<(), Problem> {
        let webhooks = self.offered()?;
        let webhook = self.own_webhook(api_key, id).await?;
        if !self.store.revive_delivery(&webhook.id, delivery, self.now()).await? {
            let shown: String = delivery.chars().take(60).collect();
            return Err(Problem::not_found("UNKNOWN_DELIVERY", format!("dead delivery {shown:?}")).about("delivery"));
        }
        webhooks.queued.notify_one();
        Ok(())
    }

    fn offered(&self) -> Result<&Webhooks, Problem> {
        let webhooks = self.webhooks.as_deref();
        webhooks.ok_or_else(|| Problem::not_found("WEBHOOKS_NOT_OFFERED", "webhooks are offered here"))
    }

    async fn own_webhook(&self, api_key: &str, id: &str) -> Result<Webhook, Problem> {
        self.store.webhook(api_key, id).await?.ok_or_else(|| unknown(id))
    }

    async fn with_secret(&self, webhooks: &Webhooks, webhook: Webhook) -> Result<WebhookSecretView, Problem> {
        let secret = webhooks.key.secret(&webhook).expose().to_owned();
        Ok(WebhookSecretView { webhook: self.webhook_view(webhook).await?, secret })
    }

    async fn webhook_view(&self, webhook: Webhook) -> Result<WebhookView, Problem> {
        let backlog = self.store.backlog(&webhook.id).await?;
        Ok(WebhookView {
            waiting: backlog.waiting,
            dead: backlog.dead,
            created_at: shown_time(webhook.created_at),
            rotated_at: webhook.rotated_at.map(shown_time),
            id: webhook.id,
            url: webhook.url,
        })
    }
}

/// The same request names the same webhook, so that repeating it makes no second one.
fn webhook_id(api_key: &str, key: &str) -> String {
    let named = keccak256(format!("webhook\n{api_key}\n{key}"));
    format!("wh_{}", short(named))
}

/// The same test names the same delivery.
fn test_id(api_key: &str, id: &str, key: &str) -> String {
    let named = keccak256(format!("webhook.test\n{api_key}\n{id}\n{key}"));
    format!("dl_test_{}", short(named))
}

/// Twelve bytes of a hash.
fn short(hash: B256) -> String {
    hex::encode(hash.iter().copied().take(12).collect::<Vec<_>>())
}

fn delivery_view(delivery: Delivery) -> DeliveryView {
    DeliveryView {
        id: delivery.what.id,
        event: delivery.what.event,
        status: delivery.status.name().to_owned(),
        attempts: delivery.attempt,
        last_error: delivery.last_error,
        next_attempt_at: (delivery.status == DeliveryStatus::Waiting).then(|| shown_time(delivery.due_at)),
        created_at: shown_time(delivery.created_at),
    }
}

fn refused(why: Refused) -> Problem {
    Problem::unprocessable("URL_REFUSED", "url", why)
}

fn unknown(id: &str) -> Problem {
    let shown: String = id.chars().take(60).collect();
    Problem::not_found("UNKNOWN_WEBHOOK", format!("webhook {shown:?} of this key")).about("id")
}
