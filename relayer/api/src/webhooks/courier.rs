//! Tells webhooks of events: at least once each, oldest first, one at a time for each webhook and many webhooks at once,
//! so that a slow receiver delays nobody but itself.

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use spandrel_core::ledger::{Ledger, StoreError};
use spandrel_store::{AttemptEnd, Delivery, LoggedEvent, NewDelivery, OrderTerms, Webhook};
use tokio::task::{Id, JoinSet};

use super::backoff::retry_at;
use super::{MOST_WAITING, Webhooks};
use crate::Service;
use crate::service::shown_time;

/// Events that are made into deliveries in one commit.
const EVENTS_AT_ONCE: u32 = 100;
/// Webhooks that are sent to at once.
const SENT_AT_ONCE: usize = 64;
/// Seconds for which a delivery that is being sent is kept from others: longer than any request takes.
const LEASE: u64 = 60;
/// How long to wait when the ledger failed.
const AFTER_FAILURE: Duration = Duration::from_secs(5);

/// Whoever carries the deliveries of a service out.
pub struct Courier {
    service: Arc<Service>,
    webhooks: Arc<Webhooks>,
}

impl Courier {
    /// A courier for `service`, if it offers webhooks.
    pub fn new(service: Arc<Service>) -> Option<Self> {
        let webhooks = service.webhooks.clone()?;
        Some(Self { service, webhooks })
    }

    /// Queues what events up to now give rise to; how many deliveries.
    ///
    /// # Errors
    /// When the ledger fails. Nothing is lost: the events are read again.
    pub async fn queue(&self) -> Result<usize, StoreError> {
        let mut queued = 0_usize;
        loop {
            let untold = self.service.store.untold(EVENTS_AT_ONCE).await?;
            let Some(last) = untold.events.last() else { return Ok(queued) };
            let mut deliveries = Vec::new();
            for event in &untold.events {
                deliveries.extend(self.deliveries_of(event).await?);
            }
            let (store, now) = (&self.service.store, self.service.now());
            store.queue_deliveries(untold.cursor, last.place, &deliveries, MOST_WAITING, now).await?;
            queued = queued.saturating_add(deliveries.len());
        }
    }

    /// One delivery for each webhook of the key that ordered the transfer.
    async fn deliveries_of(&self, event: &LoggedEvent) -> Result<Vec<NewDelivery>, StoreError> {
        let store = &self.service.store;
        let Some(transfer) = store.transfer(event.deposit).await? else { return Ok(Vec::new()) };
        let Some(order) = store.order_by_link(OrderTerms::link_of(&transfer.deposit)).await? else {
            return Ok(Vec::new());
        };
        let webhooks = store.webhooks_told_of(&order.api_key, event.place).await?;
        let deliveries = webhooks.into_iter().map(|webhook| {
            let id = format!("dl_{}_{}", webhook.id.trim_start_matches("wh_"), event.place);
            let name = format!("transfer.{}", event.event);
            let body = json!({
                "id": id,
                "type": name,
                "at": shown_time(event.at),
                "data": { "transfer": order.id, "deposit": event.deposit, "sequence": event.sequence },
            });
            NewDelivery { id, webhook: webhook.id, event: name, body: body.to_string() }
        });
        Ok(deliveries.collect())
    }

    /// Sends what is due, one for each webhook, until nothing is due; how many were sent.
    ///
    /// # Errors
    /// When the ledger fails.
    pub async fn deliver_due(&self) -> Result<usize, StoreError> {
        let mut round = Round::default();
        let mut sent = 0_usize;
        loop {
            self.begin(&mut round).await?;
            let Some(ended) = round.next().await else { return Ok(sent) };
            ended?;
            sent = sent.saturating_add(1);
        }
    }

    /// Tells events as they are stored, until `stop`. What is under way then is sent again after the next start.
    pub async fn run(&self, stop: impl Future<Output = ()>) {
        let mut changes = self.service.live.subscribe();
        let mut round = Round::default();
        tokio::pin!(stop);
        let mut is_live = true;
        loop {
            let wait = match self.advance(&mut round).await {
                Ok(wait) => wait,
                Err(error) => {
                    tracing::error!(%error, "the ledger failed the webhooks");
                    AFTER_FAILURE
                }
            };
            tokio::select! {
                () = &mut stop => return,
                Some(ended) = round.next() => {
                    if let Err(error) = ended {
                        tracing::error!(%error, "the end of a webhook delivery was not noted: it is sent again");
                    }
                }
                alive = changes.any(), if is_live => is_live = alive,
                () = self.webhooks.queued.notified() => {}
                () = tokio::time::sleep(wait) => {}
            }
        }
    }

    /// Queues and begins what can begin; how long until something else is due.
    async fn advance(&self, round: &mut Round) -> Result<Duration, StoreError> {
        self.queue().await?;
        self.begin(round).await?;
        let now = self.service.now();
        let next = self.service.store.next_delivery(now).await?;
        Ok(next.map_or(Duration::MAX, |at| Duration::from_secs(at.saturating_sub(now))))
    }

    async fn begin(&self, round: &mut Round) -> Result<(), StoreError> {
        let now = self.service.now();
        let busy = round.busy.values().cloned().collect();
        let free = SENT_AT_ONCE.saturating_sub(round.busy.len());
        let taken = self.service.store.take_deliveries(now, now.saturating_add(LEASE), &busy, free).await?;
        for (webhook, delivery) in taken {
            let (service, webhooks) = (self.service.clone(), self.webhooks.clone());
            let id = webhook.id.clone();
            let sending = round.sending.spawn(async move { attempt(&service, &webhooks, webhook, delivery).await });
            round.busy.insert(sending.id(), id);
        }
        Ok(())
    }
}

/// What is being sent, and to which webhooks.
#[derive(Default)]
struct Round {
    sending: JoinSet<Result<(), StoreError>>,
    busy: BTreeMap<Id, String>,
}

impl Round {
    /// The next that ends; `None` when nothing is being sent.
    async fn next(&mut self) -> Option<Result<(), StoreError>> {
        let (id, ended) = match self.sending.join_next_with_id().await? {
            Ok((id, ended)) => (id, ended),
            Err(error) => (error.id(), Err(StoreError::Database(format!("a delivery panicked: {error}")))),
        };
        self.busy.remove(&id);
        Some(ended)
    }
}

async fn attempt(
    service: &Service,
    webhooks: &Webhooks,
    webhook: Webhook,
    delivery: Delivery,
) -> Result<(), StoreError> {
    let Delivery { what: NewDelivery { id, body, event, .. }, attempt, .. } = delivery;
    let signature = webhooks.key.sign(&webhook, &body, service.now());
    let made = webhooks.egress.post(&webhook.url, &id, signature, body).await;
    tracing::debug!(webhook = webhook.id, %id, event, attempt, delivered = made.delivered, "webhook delivery");
    let error = made.error.unwrap_or_default();
    let end = match (made.delivered, retry_at(attempt, service.now(), &mut rand::rng())) {
        (true, _) => AttemptEnd::Delivered,
        (false, Some(at)) => AttemptEnd::Retry { at, error },
        (false, None) => AttemptEnd::Dead { error },
    };
    if !service.store.end_attempt(&id, attempt, &end).await? {
        tracing::warn!(webhook = webhook.id, %id, "a webhook delivery took longer than its lease, or its webhook is gone");
    }
    Ok(())
}
