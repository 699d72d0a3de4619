//! The same service over real gRPC.

use std::time::Duration;

use alloy::primitives::B256;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use prost::Message;
use reqwest::StatusCode;
use spandrel_api::grpc::proto;
use spandrel_api::grpc::proto::transfers_client::TransfersClient;
use spandrel_api::grpc::proto::webhooks_client::WebhooksClient;
use spandrel_api::grpc::{ErrorInfo, RetryInfo, RpcStatus};
use tonic::{Code, Request, Status};

use crate::receiver::{Manner, Receiver};
use crate::world::{NOW, RECIPIENT, REFUND_KEY, World, answer, bitcoin, ethereum, problem};

pub type Channel = Client<HttpConnector, tonic::body::Body>;

fn channel() -> Channel {
    Client::builder(TokioExecutor::new()).http2_only(true).build_http()
}

pub fn transfers(world: &World) -> TransfersClient<Channel> {
    TransfersClient::with_origin(channel(), world.base.parse().unwrap())
}

/// A request with a key.
pub fn keyed<T>(key: &str, message: T) -> Request<T> {
    let mut request = Request::new(message);
    request.metadata_mut().insert("authorization", format!("Bearer {key}").parse().unwrap());
    request
}

/// The problem's code and parameter in a status.
pub fn info(status: &Status) -> (String, Option<String>) {
    let details = RpcStatus::decode(status.details()).unwrap();
    assert_eq!((details.code, details.message.as_str()), (status.code() as i32, status.message()));
    let any = details.details.iter().find(|any| any.type_url == "type.googleapis.com/google.rpc.ErrorInfo").unwrap();
    let info = ErrorInfo::decode(any.value.as_slice()).unwrap();
    assert_eq!(info.domain, "spandrel");
    (info.reason, info.metadata.get("parameter").cloned())
}

async fn order(world: &World, key: &str) -> proto::CreateTransferResponse {
    let quote = world.quote(&bitcoin(), 20_000).await;
    let request = proto::CreateTransferRequest {
        idempotency_key: key.to_owned(),
        quote: quote["id"].as_str().unwrap().to_owned(),
        recipient: RECIPIENT.to_owned(),
        refund_key: Some(REFUND_KEY.to_owned()),
    };
    transfers(world).create_transfer(keyed(&world.key, request)).await.unwrap().into_inner()
}

#[tokio::test]
async fn a_key_for_oneself_orders_through_this_door_too() {
    let world = World::new().await;
    let asked = proto::CreateKeyRequest { name: None };
    let key = transfers(&world).create_key(asked.clone()).await.unwrap().into_inner();
    assert_eq!(key.scopes, ["transfers:write"]);
    let quote = world.quote(&bitcoin(), 20_000).await;
    let request = proto::CreateTransferRequest {
        idempotency_key: "own".to_owned(),
        quote: quote["id"].as_str().unwrap().to_owned(),
        recipient: RECIPIENT.to_owned(),
        refund_key: Some(REFUND_KEY.to_owned()),
    };
    transfers(&world).create_transfer(keyed(&key.key, request)).await.unwrap();
    // The same address is counted at both doors.
    for _ in 0..2 {
        answer(world.post("/v1/keys", &serde_json::json!({})), StatusCode::CREATED).await;
    }
    let refused = transfers(&world).create_key(asked).await.unwrap_err();
    assert_eq!((refused.code(), info(&refused).0.as_str()), (Code::ResourceExhausted, "RATE_LIMITED"));
}

#[tokio::test]
async fn both_doors_say_the_same_of_chains_routes_limits_and_status() {
    let world = World::new().await;
    let mut client = transfers(&world);
    let routes = client.list_routes(proto::ListRoutesRequest {}).await.unwrap().into_inner().routes;
    let told = answer(world.get("/v1/routes"), StatusCode::OK).await;
    assert_eq!(routes.len(), told.as_array().unwrap().len());
    assert_eq!(told[0]["id"], routes[0].id.as_str());
    let chains = client.list_chains(proto::ListChainsRequest {}).await.unwrap().into_inner().chains;
    assert_eq!(answer(world.get("/v1/chains"), StatusCode::OK).await.as_array().unwrap().len(), chains.len());
    let assets = client.list_assets(proto::ListAssetsRequest {}).await.unwrap().into_inner().assets;
    assert_eq!(answer(world.get("/v1/assets"), StatusCode::OK).await[0]["id"], assets[0].id.as_str());
    let route = world.route(&ethereum()).await;
    let limits = client.get_limits(proto::GetLimitsRequest { route: route.clone() }).await.unwrap().into_inner();
    let told = answer(world.get(&format!("/v1/limits?route={route}")), StatusCode::OK).await;
    assert_eq!(told[0]["window_remaining"], limits.lanes[0].window_remaining.as_str());
    let status = client.get_status(proto::GetStatusRequest {}).await.unwrap().into_inner();
    assert_eq!(answer(world.get("/v1/status"), StatusCode::OK).await["status"], status.status.as_str());
}

#[tokio::test]
async fn an_order_made_by_one_door_is_read_and_called_off_by_the_other() {
    let world = World::new().await;
    let made = order(&world, "one").await;
    let again = order_with_same_quote_is_replayed(&world, &made).await;
    assert!(again.replayed && !made.replayed);
    let transfer = made.transfer.unwrap();
    let Some(proto::create_transfer_response::Instructions::Bitcoin(bitcoin)) = made.instructions else {
        panic!("a Bitcoin order has Bitcoin's instructions");
    };
    assert!(bitcoin.uri.starts_with(&format!("bitcoin:{}", bitcoin.address)));
    assert_eq!(bitcoin.refund.unwrap().key, REFUND_KEY);
    let read = answer(world.get(&format!("/v1/transfers/{}", transfer.id)), StatusCode::OK).await;
    assert_eq!((&read["status"], &read["amount"]), (&"awaiting_deposit".into(), &"20000".into()));
    let cancel = proto::CancelTransferRequest { id: transfer.id.clone() };
    let cancelled = transfers(&world).cancel_transfer(keyed(&world.key, cancel)).await.unwrap().into_inner();
    assert_eq!((cancelled.status.as_str(), cancelled.terminal), ("cancelled", false));
    let get = proto::GetTransferRequest { id: transfer.id };
    assert_eq!(transfers(&world).get_transfer(get).await.unwrap().into_inner(), cancelled);
}

#[tokio::test]
async fn a_key_of_another_order_and_one_that_is_being_worked_on_have_statuses_of_their_own() {
    let world = World::new().await;
    order(&world, "one").await;
    let quote = world.quote(&bitcoin(), 30_000).await;
    let create = |key: &str| proto::CreateTransferRequest {
        idempotency_key: key.to_owned(),
        quote: quote["id"].as_str().unwrap().to_owned(),
        recipient: RECIPIENT.to_owned(),
        refund_key: Some(REFUND_KEY.to_owned()),
    };
    let mut client = transfers(&world);
    let refused = client.create_transfer(keyed(&world.key, create("one"))).await.unwrap_err();
    assert_eq!((refused.code(), info(&refused).0.as_str()), (Code::FailedPrecondition, "IDEMPOTENCY_KEY_REUSED"));
    let busy = world.keep_busy().await;
    let waiting = tokio::spawn(world.order(&quote, "two").send());
    tokio::time::sleep(Duration::from_millis(300)).await;
    let refused = client.create_transfer(keyed(&world.key, create("two"))).await.unwrap_err();
    assert_eq!((refused.code(), info(&refused).0.as_str()), (Code::Aborted, "IDEMPOTENCY_KEY_IN_FLIGHT"));
    busy.end().await;
    assert_eq!(waiting.await.unwrap().unwrap().status(), StatusCode::CREATED);
}

/// The idempotency key of one door is good at the other.
async fn order_with_same_quote_is_replayed(
    world: &World,
    made: &proto::CreateTransferResponse,
) -> proto::CreateTransferResponse {
    let quote = world.quote(&bitcoin(), 20_000).await;
    let again = order(world, "one").await;
    assert_eq!(again.transfer.as_ref().unwrap().id, made.transfer.as_ref().unwrap().id);
    let reused = world.order(&world.quote(&bitcoin(), 30_000).await, "one");
    problem(reused, StatusCode::UNPROCESSABLE_ENTITY, "IDEMPOTENCY_KEY_REUSED").await;
    let replayed = world.order(&quote, "one").send().await.unwrap();
    assert_eq!(replayed.headers()["idempotency-replayed"], "true");
    again
}

#[tokio::test]
async fn a_transfer_is_watched_from_before_its_deposit_and_resumed() {
    let world = World::new().await;
    let quote = world.quote(&bitcoin(), 20_000).await;
    let order = answer(world.order(&quote, "one"), StatusCode::CREATED).await;
    let id = order["transfer"]["order"].as_str().unwrap().to_owned();
    let watch = proto::WatchTransferRequest { id: id.clone(), from_sequence: 0, ..Default::default() };
    let mut updates = transfers(&world).watch_transfer(watch).await.unwrap().into_inner();
    let first = updates.message().await.unwrap().unwrap();
    assert_eq!((first.events.len(), first.transfer.unwrap().status.as_str()), (0, "awaiting_deposit"));
    let deposit = world.deposit(&order, B256::with_last_byte(1)).await;
    let next = tokio::time::timeout(Duration::from_secs(20), updates.message()).await.unwrap().unwrap().unwrap();
    assert_eq!((next.events[0].event.as_str(), next.transfer.unwrap().status.as_str()), ("observed", "observed"));
    world.reorg(deposit).await;
    let watch = proto::WatchTransferRequest { id, from_sequence: 1, ..Default::default() };
    let mut resumed = transfers(&world).watch_transfer(watch).await.unwrap().into_inner();
    let first = resumed.message().await.unwrap().unwrap();
    assert_eq!(first.events.iter().map(|event| event.sequence).collect::<Vec<_>>(), [1]);
    let transfer = first.transfer.unwrap();
    assert_eq!((transfer.status.as_str(), transfer.reason.unwrap().code.as_str()), ("reorged", "SOURCE_REORGED"));
}

#[tokio::test]
async fn a_watch_goes_on_while_a_deposit_may_come_and_ends_with_the_transfer() {
    let world = World::new().await;
    let id = order(&world, "one").await.transfer.unwrap().id;
    transfers(&world)
        .cancel_transfer(keyed(&world.key, proto::CancelTransferRequest { id: id.clone() }))
        .await
        .unwrap();
    let watch = || proto::WatchTransferRequest { id: id.clone(), from_sequence: 0, ..Default::default() };
    let mut updates = transfers(&world).watch_transfer(watch()).await.unwrap().into_inner();
    assert!(updates.message().await.unwrap().is_some());
    tokio::time::timeout(Duration::from_millis(500), updates.message()).await.expect_err("it may still be deposited");
    world.clock.pass(2 * 86_400 + 3_601);
    let mut updates = transfers(&world).watch_transfer(watch()).await.unwrap().into_inner();
    assert!(updates.message().await.unwrap().unwrap().transfer.unwrap().terminal);
    let ended = tokio::time::timeout(Duration::from_secs(20), updates.message()).await.expect("an end in time");
    assert_eq!(ended.unwrap(), None);
}

#[tokio::test]
async fn refusals_have_the_codes_and_parameters_of_the_other_door() {
    let world = World::new().await;
    let mut client = transfers(&world);
    let unknown = proto::GetTransferRequest { id: format!("0x{}", "1".repeat(64)) };
    let status = client.get_transfer(unknown).await.unwrap_err();
    assert_eq!(status.code(), Code::NotFound);
    assert_eq!(info(&status), ("UNKNOWN_TRANSFER".to_owned(), Some("id".to_owned())));
    let malformed = proto::GetTransferRequest { id: "nonsense".to_owned() };
    let status = client.get_transfer(malformed).await.unwrap_err();
    assert_eq!((status.code(), info(&status).0.as_str()), (Code::InvalidArgument, "INVALID_PARAMETER"));
    let route = world.route(&ethereum()).await;
    let quote = |amount: &str, lane: Option<&str>| proto::CreateQuoteRequest {
        route: route.clone(),
        amount: amount.to_owned(),
        lane: lane.map(str::to_owned),
        ..Default::default()
    };
    let status = client.create_quote(quote("500001", None)).await.unwrap_err();
    assert_eq!((status.code(), info(&status).0.as_str()), (Code::FailedPrecondition, "NO_LANE"));
    let status = client.create_quote(quote("5000", Some("slow"))).await.unwrap_err();
    assert_eq!(info(&status), ("INVALID_PARAMETER".to_owned(), Some("lane".to_owned())));
    let list = proto::ListTransfersRequest { limit: Some(101), ..Default::default() };
    let status = client.list_transfers(list).await.unwrap_err();
    assert_eq!(info(&status), ("INVALID_PARAMETER".to_owned(), Some("limit".to_owned())));
    let watch =
        proto::WatchTransferRequest { id: format!("0x{}", "1".repeat(64)), from_sequence: 0, ..Default::default() };
    assert_eq!(client.watch_transfer(watch).await.unwrap_err().code(), Code::NotFound);
}

#[tokio::test]
async fn writes_need_a_key_with_the_scope_in_the_metadata() {
    let world = World::new().await;
    let mut client = transfers(&world);
    let cancel = || proto::CancelTransferRequest { id: format!("0x{}", "1".repeat(64)) };
    let status = client.cancel_transfer(cancel()).await.unwrap_err();
    assert_eq!((status.code(), info(&status).0.as_str()), (Code::Unauthenticated, "UNAUTHORIZED"));
    let status = client.cancel_transfer(keyed("sk_0", cancel())).await.unwrap_err();
    assert_eq!((status.code(), info(&status).0.as_str()), (Code::Unauthenticated, "UNAUTHORIZED"));
    let unscoped = world.new_key(&[]).await;
    let status = client.cancel_transfer(keyed(&unscoped, cancel())).await.unwrap_err();
    assert_eq!((status.code(), info(&status).0.as_str()), (Code::PermissionDenied, "SCOPE_MISSING"));
    let mut webhooks = WebhooksClient::with_origin(channel(), world.base.parse().unwrap());
    let status = webhooks.list_webhooks(keyed(&unscoped, proto::ListWebhooksRequest {})).await.unwrap_err();
    assert_eq!(status.code(), Code::PermissionDenied);
    let status = client.cancel_transfer(keyed(&world.key, cancel())).await.unwrap_err();
    assert_eq!((status.code(), info(&status).0.as_str()), (Code::NotFound, "UNKNOWN_TRANSFER"));
}

#[tokio::test]
async fn both_doors_take_from_the_same_buckets() {
    let world = World::with_rate(2).await;
    let mut client = transfers(&world);
    for _ in 0..2 {
        answer(world.get("/v1/chains"), StatusCode::OK).await;
        client.list_chains(proto::ListChainsRequest {}).await.unwrap();
    }
    let mut refused = None;
    for _ in 0..8 {
        refused = client.list_chains(proto::ListChainsRequest {}).await.err().or(refused);
    }
    let status = refused.expect("the bucket is empty");
    assert_eq!((status.code(), info(&status).0.as_str()), (Code::ResourceExhausted, "RATE_LIMITED"));
    let details = RpcStatus::decode(status.details()).unwrap();
    let retry = details.details.iter().find(|any| any.type_url.ends_with("google.rpc.RetryInfo")).unwrap();
    assert!(RetryInfo::decode(retry.value.as_slice()).unwrap().retry_delay.unwrap().seconds >= 1);
    assert!(status.metadata().contains_key("ratelimit-limit") && status.metadata().contains_key("x-request-id"));
    let keyed = client.list_chains(keyed(&world.key, proto::ListChainsRequest {})).await;
    assert!(keyed.is_ok(), "a key has a bucket of its own");
}

#[tokio::test]
async fn webhooks_are_handled_over_grpc_too() {
    let world = World::new().await;
    let mut client = WebhooksClient::with_origin(channel(), world.base.parse().unwrap());
    let receiver = Receiver::start(Manner::Status(200)).await;
    let register = proto::RegisterWebhookRequest { url: receiver.url.clone(), idempotency_key: "one".to_owned() };
    let made = client.register_webhook(keyed(&world.key, register.clone())).await.unwrap().into_inner();
    let again = client.register_webhook(keyed(&world.key, register)).await.unwrap().into_inner();
    assert_eq!((&again.secret, again.replayed, made.replayed), (&made.secret, true, false));
    let id = made.webhook.unwrap().id;
    let test = proto::TestWebhookRequest { id: id.clone(), idempotency_key: "one".to_owned() };
    assert!(client.test_webhook(keyed(&world.key, test)).await.unwrap().into_inner().delivered);
    receiver.received()[0].verify(&made.secret, NOW).unwrap();
    let rotate = proto::RotateWebhookRequest { id: id.clone(), idempotency_key: "one".to_owned() };
    let rotated = client.rotate_webhook(keyed(&world.key, rotate.clone())).await.unwrap().into_inner();
    assert_ne!(rotated.secret, made.secret);
    let again = client.rotate_webhook(keyed(&world.key, rotate)).await.unwrap().into_inner();
    assert_eq!((again.secret, again.replayed, rotated.replayed), (rotated.secret, true, false));
    let keyless = proto::RotateWebhookRequest { id: id.clone(), idempotency_key: String::new() };
    let status = client.rotate_webhook(keyed(&world.key, keyless)).await.unwrap_err();
    assert_eq!(info(&status), ("INVALID_PARAMETER".to_owned(), Some("Idempotency-Key".to_owned())));
    let listed = client.list_webhooks(keyed(&world.key, proto::ListWebhooksRequest {})).await.unwrap().into_inner();
    assert_eq!(listed.webhooks.len(), 1);
    let deliveries = proto::ListDeliveriesRequest { id: id.clone() };
    let deliveries = client.list_deliveries(keyed(&world.key, deliveries)).await.unwrap().into_inner();
    assert!(deliveries.deliveries.is_empty());
    let redeliver = proto::RedeliverRequest { id: id.clone(), delivery: "dl_none".to_owned() };
    let status = client.redeliver(keyed(&world.key, redeliver)).await.unwrap_err();
    assert_eq!(info(&status).0, "UNKNOWN_DELIVERY");
    client.delete_webhook(keyed(&world.key, proto::DeleteWebhookRequest { id: id.clone() })).await.unwrap();
    let status = client.delete_webhook(keyed(&world.key, proto::DeleteWebhookRequest { id })).await.unwrap_err();
    assert_eq!(info(&status), ("UNKNOWN_WEBHOOK".to_owned(), Some("id".to_owned())));
    let register =
        proto::RegisterWebhookRequest { url: "https://169.254.169.254/".to_owned(), idempotency_key: "two".to_owned() };
    let status = client.register_webhook(keyed(&world.key, register)).await.unwrap_err();
    assert_eq!(info(&status), ("URL_REFUSED".to_owned(), Some("url".to_owned())));
}

#[tokio::test]
async fn messages_are_bounded_and_unknown_calls_are_told() {
    let world = World::new().await;
    let large = proto::GetTransferRequest { id: "1".repeat(64 * 1024) };
    let status = transfers(&world).get_transfer(large).await.unwrap_err();
    assert!(matches!(status.code(), Code::OutOfRange | Code::InvalidArgument), "{status:?}");
    let unknown = world.post("/spandrel.transfer.v1.Transfers/Steal", &serde_json::json!({}));
    let unknown = unknown.header("content-type", "application/grpc").send().await.unwrap();
    assert_eq!(unknown.headers()["grpc-status"], (Code::Unimplemented as i32).to_string().as_str());
}
