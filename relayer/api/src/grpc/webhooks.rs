//! The service `Webhooks`.

use spandrel_store::ApiScope;
use tonic::{Request, Response, Status};

use super::views::all;
use super::{Rpc, proto, respond};
use crate::service::WebhookRequest;

const SCOPE: ApiScope = ApiScope::WebhooksWrite;

#[tonic::async_trait]
impl proto::webhooks_server::Webhooks for Rpc {
    async fn register_webhook(
        &self,
        request: Request<proto::RegisterWebhookRequest>,
    ) -> Result<Response<proto::WebhookSecret>, Status> {
        let caller = self.permitted(&request, SCOPE)?;
        let proto::RegisterWebhookRequest { url, idempotency_key } = request.into_inner();
        let request = WebhookRequest { url };
        let registered = self.api.service.register_webhook(&caller.id, &idempotency_key, &request).await;
        respond(registered, |(webhook, replayed)| proto::WebhookSecret { replayed, ..webhook.into() })
    }

    async fn list_webhooks(
        &self,
        request: Request<proto::ListWebhooksRequest>,
    ) -> Result<Response<proto::ListWebhooksResponse>, Status> {
        let caller = self.permitted(&request, SCOPE)?;
        let webhooks = self.api.service.webhooks(&caller.id).await;
        respond(webhooks, |webhooks| proto::ListWebhooksResponse { webhooks: all(webhooks) })
    }

    async fn delete_webhook(
        &self,
        request: Request<proto::DeleteWebhookRequest>,
    ) -> Result<Response<proto::DeleteWebhookResponse>, Status> {
        let caller = self.permitted(&request, SCOPE)?;
        let deleted = self.api.service.delete_webhook(&caller.id, &request.get_ref().id).await;
        respond(deleted, |()| proto::DeleteWebhookResponse {})
    }

    async fn rotate_webhook(
        &self,
        request: Request<proto::RotateWebhookRequest>,
    ) -> Result<Response<proto::WebhookSecret>, Status> {
        let caller = self.permitted(&request, SCOPE)?;
        let proto::RotateWebhookRequest { id, idempotency_key } = request.into_inner();
        let rotated = self.api.service.rotate_webhook(&caller.id, &id, &idempotency_key).await;
        respond(rotated, |(webhook, replayed)| proto::WebhookSecret { replayed, ..webhook.into() })
    }

    async fn test_webhook(
        &self,
        request: Request<proto::TestWebhookRequest>,
    ) -> Result<Response<proto::TestWebhookResponse>, Status> {
        let caller = self.permitted(&request, SCOPE)?;
        let proto::TestWebhookRequest { id, idempotency_key } = request.into_inner();
        respond(self.api.service.test_webhook(&caller.id, &id, &idempotency_key).await, Into::into)
    }

    async fn list_deliveries(
        &self,
        request: Request<proto::ListDeliveriesRequest>,
    ) -> Result<Response<proto::ListDeliveriesResponse>, Status> {
        let caller = self.permitted(&request, SCOPE)?;
        let deliveries = self.api.service.deliveries(&caller.id, &request.get_ref().id).await;
        respond(deliveries, |deliveries| proto::ListDeliveriesResponse { deliveries: all(deliveries) })
    }

    async fn redeliver(
        &self,
        request: Request<proto::RedeliverRequest>,
    ) -> Result<Response<proto::RedeliverResponse>, Status> {
        let caller = self.permitted(&request, SCOPE)?;
        let proto::RedeliverRequest { id, delivery } = request.into_inner();
        let queued = self.api.service.redeliver(&caller.id, &id, &delivery).await;
        respond(queued, |()| proto::RedeliverResponse {})
    }
}
