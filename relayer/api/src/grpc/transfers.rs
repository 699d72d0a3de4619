//! The service `Transfers`.

use std::net::SocketAddr;
use std::pin::Pin;

use axum::extract::ConnectInfo;
use futures::{Stream, stream};
use spandrel_store::ApiScope;
use tonic::{Request, Response, Status};

use super::views::all;
use super::{Rpc, proto, respond, status};
use crate::http::{Known, Place, Who};
use crate::service::{EventView, Follow, KeyRequest, ListRequest, OrderRequest, QuoteRequest, Seen};
use crate::{Problem, quote_lane};

type Updates = Pin<Box<dyn Stream<Item = Result<proto::TransferUpdate, Status>> + Send>>;

#[tonic::async_trait]
impl proto::transfers_server::Transfers for Rpc {
    async fn list_chains(
        &self,
        _: Request<proto::ListChainsRequest>,
    ) -> Result<Response<proto::ListChainsResponse>, Status> {
        respond(self.api.service.chains().await, |chains| proto::ListChainsResponse { chains: all(chains) })
    }

    async fn list_assets(
        &self,
        _: Request<proto::ListAssetsRequest>,
    ) -> Result<Response<proto::ListAssetsResponse>, Status> {
        Ok(Response::new(proto::ListAssetsResponse { assets: all(self.api.service.assets()) }))
    }

    async fn list_routes(
        &self,
        _: Request<proto::ListRoutesRequest>,
    ) -> Result<Response<proto::ListRoutesResponse>, Status> {
        respond(self.api.service.routes().await, |routes| proto::ListRoutesResponse { routes: all(routes) })
    }

    async fn get_limits(
        &self,
        request: Request<proto::GetLimitsRequest>,
    ) -> Result<Response<proto::GetLimitsResponse>, Status> {
        let limits = self.api.service.limits(&request.get_ref().route).await;
        respond(limits, |lanes| proto::GetLimitsResponse { lanes: all(lanes) })
    }

    async fn create_quote(
        &self,
        request: Request<proto::CreateQuoteRequest>,
    ) -> Result<Response<proto::Quote>, Status> {
        let proto::CreateQuoteRequest { route, amount, lane, recipient, refund_key } = request.into_inner();
        let lane = lane.as_deref().map(quote_lane).transpose().map_err(|problem| status::of(&problem))?;
        let request = QuoteRequest { route, amount, lane, recipient, refund_key };
        respond(self.api.service.quote(&request).await, Into::into)
    }

    async fn create_key(&self, request: Request<proto::CreateKeyRequest>) -> Result<Response<proto::Key>, Status> {
        let address = request.extensions().get::<ConnectInfo<SocketAddr>>().map(|info| info.0.ip());
        let request = KeyRequest { name: request.into_inner().name };
        respond(self.api.own_key(address, &request).await, Into::into)
    }

    async fn create_transfer(
        &self,
        request: Request<proto::CreateTransferRequest>,
    ) -> Result<Response<proto::CreateTransferResponse>, Status> {
        let caller = self.permitted(&request, ApiScope::TransfersWrite)?;
        let share = self.api.rates.order_share(&request.extensions().get().cloned().unwrap_or_default());
        let proto::CreateTransferRequest { idempotency_key, quote, recipient, refund_key } = request.into_inner();
        let order = OrderRequest { quote, recipient, refund_key };
        respond(self.api.service.order(&caller.id, &idempotency_key, &order, share).await, Into::into)
    }

    async fn name_source_transaction(
        &self,
        request: Request<proto::NameSourceTransactionRequest>,
    ) -> Result<Response<proto::NameSourceTransactionResponse>, Status> {
        let caller = self.permitted(&request, ApiScope::TransfersWrite)?;
        let proto::NameSourceTransactionRequest { id, source_tx } = request.into_inner();
        let named = self.api.service.name_source_tx(&caller.id, &id, &source_tx).await;
        respond(named, |(transfer, seen)| proto::NameSourceTransactionResponse {
            transfer: Some(transfer.into()),
            seen,
        })
    }

    async fn cancel_transfer(
        &self,
        request: Request<proto::CancelTransferRequest>,
    ) -> Result<Response<proto::Transfer>, Status> {
        let caller = self.permitted(&request, ApiScope::TransfersWrite)?;
        respond(self.api.service.cancel(&caller.id, &request.get_ref().id).await, Into::into)
    }

    async fn get_transfer(
        &self,
        request: Request<proto::GetTransferRequest>,
    ) -> Result<Response<proto::Transfer>, Status> {
        respond(self.api.service.transfer(&request.get_ref().id).await, Into::into)
    }

    async fn get_instructions(
        &self,
        request: Request<proto::GetInstructionsRequest>,
    ) -> Result<Response<proto::Instructions>, Status> {
        respond(self.api.service.instructions(&request.get_ref().id).await, Into::into)
    }

    async fn list_transfers(
        &self,
        request: Request<proto::ListTransfersRequest>,
    ) -> Result<Response<proto::ListTransfersResponse>, Status> {
        let caller = request.extensions().get::<Known>().and_then(|known| known.0.clone());
        let proto::ListTransfersRequest { source_tx, sender, status, cursor, limit, mine } = request.into_inner();
        let request = ListRequest { source_tx, sender, status, cursor, mine, limit };
        respond(self.api.service.list(&request, caller).await, Into::into)
    }

    type WatchTransferStream = Updates;

    async fn watch_transfer(&self, request: Request<proto::WatchTransferRequest>) -> Result<Response<Updates>, Status> {
        let who = request.extensions().get::<Who>().cloned().unwrap_or_default();
        let proto::WatchTransferRequest { id, from_sequence, of_deposit } = request.into_inner();
        let watch = Watch::begin(self, who, id, Seen { next: from_sequence, deposit: of_deposit }).await;
        respond(watch, |watch| -> Updates { Box::pin(watch.updates()) })
    }

    async fn get_proof(&self, request: Request<proto::GetProofRequest>) -> Result<Response<proto::Proof>, Status> {
        respond(self.api.service.proof(&request.get_ref().id).await, Into::into)
    }

    async fn get_status(&self, _: Request<proto::GetStatusRequest>) -> Result<Response<proto::Status>, Status> {
        respond(self.api.service.status().await, Into::into)
    }
}

/// A transfer that is watched, in one of the places that streams have.
struct Watch {
    rpc: Rpc,
    id: String,
    follow: Follow,
    has_begun: bool,
    _place: Place<Who>,
}

impl Watch {
    async fn begin(rpc: &Rpc, who: Who, id: String, seen: Seen) -> Result<Self, Problem> {
        let follow = rpc.api.service.clone().follow(id.clone(), seen).await?;
        let place = rpc.api.stream(who)?;
        Ok(Self { rpc: rpc.clone(), id, follow, has_begun: false, _place: place })
    }

    fn updates(self) -> impl Stream<Item = Result<proto::TransferUpdate, Status>> {
        stream::try_unfold(self, |mut watch| async move {
            let update = watch.next().await.map_err(|problem| status::of(&problem))?;
            Ok(update.map(|update| (update, watch)))
        })
    }

    /// The first says how the transfer stands, also when nothing happened to it.
    async fn next(&mut self) -> Result<Option<proto::TransferUpdate>, Problem> {
        let events: Vec<EventView> = if self.has_begun {
            let Some(events) = self.follow.next().await? else { return Ok(None) };
            events
        } else {
            self.has_begun = true;
            self.follow.take().await?
        };
        let transfer = self.rpc.api.service.transfer(&self.id).await?;
        Ok(Some(proto::TransferUpdate { events: all(events), transfer: Some(transfer.into()) }))
    }
}
