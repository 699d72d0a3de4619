//! The Beacon API over HTTP: light-client calls in JSON and SSZ, headers, genesis, spec, and the event stream.
//!
//! Statuses and shapes are Lodestar's, its peculiarities included: 500 for what is not there (an unknown bootstrap,
//! no finality yet, a range of updates that ends in a period without one).

use std::convert::Infallible;
use std::sync::Arc;

use alloy_primitives::B256;
use axum::extract::{Path, RawQuery, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use futures::{Stream, StreamExt};
use serde::Serialize;
use serde_json::{Value, json};
use spandrel_verifiers::ethereum::containers::{LightClientData, LightClientUpdate, Versioned};
use spandrel_verifiers::ethereum::ssz::hash_pair;
use spandrel_verifiers::ethereum::{ChainConfig, Preset};
use tokio_stream::wrappers::BroadcastStream;

use super::chain::BeaconBlock;
use super::follow::Shared;
use crate::ethereum::EthereumTestnetError;

/// `MAX_REQUEST_LIGHT_CLIENT_UPDATES`.
const MAX_UPDATES: u64 = 128;

pub(super) fn router(shared: Arc<Shared>) -> Router {
    Router::new()
        .route("/eth/v1/beacon/genesis", get(genesis))
        .route("/eth/v1/config/spec", get(spec))
        .route("/eth/v1/beacon/headers/{id}", get(block_header))
        .route("/eth/v1/beacon/light_client/bootstrap/{root}", get(bootstrap))
        .route("/eth/v1/beacon/light_client/updates", get(updates))
        .route("/eth/v1/beacon/light_client/finality_update", get(finality_update))
        .route("/eth/v1/beacon/light_client/optimistic_update", get(optimistic_update))
        .route("/eth/v1/events", get(event_stream))
        .route("/eth/v1/node/version", get(version))
        .route("/eth/v1/node/syncing", get(syncing))
        .with_state(shared)
}

/// An error answer: `{"code": …, "message": …}`.
struct ApiError(StatusCode, String);

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        (self.0, Json(json!({ "code": self.0.as_u16(), "message": self.1 }))).into_response()
    }
}

impl From<EthereumTestnetError> for ApiError {
    fn from(error: EthereumTestnetError) -> Self {
        Self(StatusCode::INTERNAL_SERVER_ERROR, error.to_string())
    }
}

/// Lodestar's answer for what it does not have.
fn absent(what: &str) -> ApiError {
    ApiError(StatusCode::INTERNAL_SERVER_ERROR, what.to_owned())
}

fn bad_request(what: impl ToString) -> ApiError {
    ApiError(StatusCode::BAD_REQUEST, what.to_string())
}

async fn genesis(State(shared): State<Arc<Shared>>) -> Json<Value> {
    let chain = shared.chain.read().await;
    let config = chain.config();
    Json(json!({ "data": {
        "genesis_validators_root": config.genesis_validators_root,
        "genesis_time": config.genesis_time.to_string(),
        "genesis_fork_version": genesis_fork_version(config),
    } }))
}

/// The phase 0 version of the preset's network family: 0 in the first byte.
fn genesis_fork_version(config: &ChainConfig) -> String {
    format!("0x0000000{}", u8::from(config.preset == Preset::Minimal))
}

async fn spec(State(shared): State<Arc<Shared>>) -> Json<Value> {
    let chain = shared.chain.read().await;
    let config = chain.config();
    let preset = if config.preset == Preset::Minimal { "minimal" } else { "mainnet" };
    let mut data = json!({
        "PRESET_BASE": preset,
        "CONFIG_NAME": "spandrel-testnet",
        "GENESIS_FORK_VERSION": genesis_fork_version(config),
        "SECONDS_PER_SLOT": config.seconds_per_slot.to_string(),
        "SLOTS_PER_EPOCH": config.preset.slots_per_epoch().to_string(),
        "EPOCHS_PER_SYNC_COMMITTEE_PERIOD": config.preset.epochs_per_period().to_string(),
        "SYNC_COMMITTEE_SIZE": config.preset.committee_size().to_string(),
        "MIN_SYNC_COMMITTEE_PARTICIPANTS": "1",
        "UPDATE_TIMEOUT": config.preset.slots_per_period().to_string(),
        "MAX_REQUEST_LIGHT_CLIENT_UPDATES": MAX_UPDATES.to_string(),
        "DOMAIN_SYNC_COMMITTEE": "0x07000000",
    });
    let last = u8::from(config.preset == Preset::Minimal);
    for (number, name) in [(1, "ALTAIR"), (2, "BELLATRIX"), (3, "CAPELLA"), (4, "DENEB")] {
        data[format!("{name}_FORK_VERSION")] = json!(format!("0x0{number}00000{last}"));
        data[format!("{name}_FORK_EPOCH")] = json!("0");
    }
    for fork in &config.forks {
        let name = format!("{:?}", fork.name).to_uppercase();
        data[format!("{name}_FORK_VERSION")] = json!(fork.version);
        data[format!("{name}_FORK_EPOCH")] = json!(fork.epoch.to_string());
    }
    Json(json!({ "data": data }))
}

async fn block_header(State(shared): State<Arc<Shared>>, Path(id): Path<String>) -> Result<Json<Value>, ApiError> {
    let chain = shared.chain.read().await;
    let found = match id.as_str() {
        "head" => chain.head(),
        "finalized" => chain.finalized().or(chain.blocks().first()),
        "genesis" => chain.blocks().first(),
        other if other.starts_with("0x") => chain.by_root(other.parse().map_err(bad_request)?),
        other => {
            let slot: u64 = other.parse().map_err(bad_request)?;
            chain.blocks().iter().find(|block| block.header.slot == slot)
        }
    };
    let block = found.ok_or_else(|| ApiError(StatusCode::NOT_FOUND, format!("No block found for id '{id}'")))?;
    let last_final = chain.finalized().map_or(0, |last_final| last_final.header.slot);
    Ok(Json(json!({
        "data": described(block),
        "execution_optimistic": false,
        "finalized": block.header.slot <= last_final,
    })))
}

fn described(block: &BeaconBlock) -> Value {
    // No proposer signs the companion's blocks: light clients never see that signature.
    let unsigned = alloy_primitives::FixedBytes::<96>::ZERO;
    json!({ "root": block.root, "canonical": true, "header": { "message": block.header, "signature": unsigned } })
}

async fn bootstrap(
    State(shared): State<Arc<Shared>>,
    Path(root): Path<String>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let root: B256 = root.parse().map_err(bad_request)?;
    let mut chain = shared.chain.write().await;
    let found = chain.bootstrap(root)?.ok_or_else(|| absent("syncCommittee branch not available"))?;
    encoded(&found, chain.config(), &headers)
}

async fn finality_update(State(shared): State<Arc<Shared>>, headers: HeaderMap) -> Result<Response, ApiError> {
    let mut chain = shared.chain.write().await;
    let found = chain.finality_update()?.ok_or_else(|| absent("No latest finality update available"))?;
    encoded(&found, chain.config(), &headers)
}

async fn optimistic_update(State(shared): State<Arc<Shared>>, headers: HeaderMap) -> Result<Response, ApiError> {
    let mut chain = shared.chain.write().await;
    let found = chain.optimistic_update()?.ok_or_else(|| absent("No latest header update available"))?;
    encoded(&found, chain.config(), &headers)
}

async fn updates(
    State(shared): State<Arc<Shared>>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let query = query.unwrap_or_default();
    let number = |name: &str| -> Result<u64, ApiError> {
        let value = query.split('&').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='));
        value.ok_or_else(|| bad_request(format!("{name} is missing")))?.parse().map_err(bad_request)
    };
    let (start, count) = (number("start_period")?, number("count")?.min(MAX_UPDATES));
    let mut chain = shared.chain.write().await;
    let mut found = Vec::new();
    for period in start..start.saturating_add(count) {
        let update = chain.update(period)?;
        found.push(update.ok_or_else(|| absent(&format!("No partialUpdate available for period {period}")))?);
    }
    if wants_ssz(&headers) {
        return Ok(ssz_response(chunked(&found, chain.config())?, None));
    }
    let listed: Vec<_> = found.iter().map(|update| versioned(update, chain.config())).collect::<Result<_, _>>()?;
    Ok(Json(listed).into_response())
}

/// `updates` in SSZ: for each, the length of what follows (8 bytes), the fork digest (4), the update.
fn chunked(updates: &[LightClientUpdate], config: &ChainConfig) -> Result<Vec<u8>, ApiError> {
    let mut body = Vec::new();
    for update in updates {
        let version = config.fork_at(update.fork_slot()).map_err(|error| absent(&error.to_string()))?.version;
        let mut padded = B256::ZERO;
        padded[..4].copy_from_slice(version.as_slice());
        let digest = hash_pair(padded, config.genesis_validators_root);
        let ssz = update.encode_ssz();
        body.extend((ssz.len() as u64 + 4).to_le_bytes());
        body.extend_from_slice(&digest[..4]);
        body.extend(ssz);
    }
    Ok(body)
}

fn wants_ssz(headers: &HeaderMap) -> bool {
    let accept = headers.get(header::ACCEPT).and_then(|value| value.to_str().ok());
    accept.is_some_and(|accept| accept.trim_start().starts_with("application/octet-stream"))
}

/// In the envelope that tells the fork.
fn versioned<'a, T: LightClientData>(data: &'a T, config: &ChainConfig) -> Result<Versioned<&'a T>, ApiError> {
    let version = config.fork_at(data.fork_slot()).map_err(|error| absent(&error.to_string()))?.name;
    Ok(Versioned { version, data })
}

fn encoded<T: LightClientData + Serialize>(
    data: &T,
    config: &ChainConfig,
    headers: &HeaderMap,
) -> Result<Response, ApiError> {
    let body = versioned(data, config)?;
    let name = format!("{:?}", body.version).to_lowercase();
    if wants_ssz(headers) {
        return Ok(ssz_response(data.encode_ssz(), Some(name)));
    }
    Ok(([("eth-consensus-version", name)], Json(body)).into_response())
}

fn ssz_response(body: Vec<u8>, fork: Option<String>) -> Response {
    let mut response = ([(header::CONTENT_TYPE, "application/octet-stream")], body).into_response();
    if let Some(value) = fork.and_then(|name| name.parse().ok()) {
        response.headers_mut().insert("eth-consensus-version", value);
    }
    response
}

async fn event_stream(
    State(shared): State<Arc<Shared>>,
    RawQuery(query): RawQuery,
) -> Sse<impl Stream<Item = Result<Event, Infallible>>> {
    let topics: Vec<String> = query
        .unwrap_or_default()
        .replace("%2C", ",")
        .split('&')
        .filter_map(|pair| pair.strip_prefix("topics="))
        .flat_map(|list| list.split(',').map(str::to_owned).collect::<Vec<_>>())
        .collect();
    let events = BroadcastStream::new(shared.events.subscribe()).filter_map(move |event| {
        let wanted = event.ok().filter(|event| topics.iter().any(|topic| topic == event.topic));
        std::future::ready(wanted.map(|event| Ok(Event::default().event(event.topic).data(event.data))))
    });
    Sse::new(events).keep_alive(KeepAlive::default())
}

async fn version() -> Json<Value> {
    Json(json!({ "data": { "version": concat!("SpandrelBeaconCompanion/v", env!("CARGO_PKG_VERSION")) } }))
}

async fn syncing(State(shared): State<Arc<Shared>>) -> Json<Value> {
    let chain = shared.chain.read().await;
    Json(json!({ "data": {
        "head_slot": chain.head().map_or(0, |head| head.header.slot).to_string(),
        "sync_distance": "0",
        "is_syncing": false,
        "is_optimistic": false,
        "el_offline": false,
    } }))
}
