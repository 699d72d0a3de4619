//! What a real Lodestar answered, served again: the client reads it and a store follows it.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use serde_json::Value;
use spandrel_testnets::ethereum::network_of;
use spandrel_verifiers::ChainId;
use spandrel_verifiers::ethereum::{ChainConfig, LightClientStore, Update};
use spandrel_verifiers::follow::ConsensusSource;
use spandrel_watchers::ethereum::{
    BeaconApi, BeaconApiError, BlockId, DEPOSITED_TOPIC, Encoding, Endpoint, EthereumConsensus,
};

use super::evidence::now;
use super::rig::outbox_artifact;

fn recordings(name: &str) -> Option<PathBuf> {
    let beside = || {
        let start = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
        start.ancestors().map(|folder| folder.join("shared/vectors")).find(|folder| folder.is_dir())
    };
    let folder = std::env::var_os("SPANDREL_VECTORS").map(PathBuf::from).or_else(beside);
    let found =
        folder.map(|folder| folder.join("ethereum/lodestar_devnet").join(name)).filter(|folder| folder.is_dir());
    if found.is_none() {
        println!("skipped: recordings of Lodestar not found");
    }
    found
}

fn json(folder: &Path, file: &str) -> Value {
    serde_json::from_slice(&std::fs::read(folder.join(file)).unwrap()).unwrap()
}

fn network(folder: &Path) -> ChainConfig {
    network_of(ChainId::eip155(1337), &json(folder, "genesis.json"), &json(folder, "spec.json")).unwrap()
}

/// Serves the files of a recording; `updates` only for exactly the periods recorded, 500 beyond them.
async fn replay(folder: &Path) -> Endpoint {
    let router = Router::new().fallback(answer).with_state(Arc::new(folder.to_owned()));
    serve(router).await
}

async fn answer(State(folder): State<Arc<PathBuf>>, uri: Uri, headers: HeaderMap) -> Response {
    let (path, query) = (uri.path(), uri.query().unwrap_or_default());
    let name = match path {
        "/eth/v1/beacon/genesis" => "genesis",
        "/eth/v1/beacon/headers/finalized" => "header_finalized",
        "/eth/v1/beacon/light_client/finality_update" => "finality_update",
        "/eth/v1/beacon/light_client/optimistic_update" => "optimistic_update",
        "/eth/v1/beacon/light_client/updates" => {
            let recorded = json(&folder, "updates.json").as_array().unwrap().len();
            if query != format!("start_period=0&count={recorded}") {
                return (StatusCode::INTERNAL_SERVER_ERROR, r#"{"code":500,"message":"No partialUpdate"}"#)
                    .into_response();
            }
            "updates"
        }
        other if other.starts_with("/eth/v1/beacon/light_client/bootstrap/") => "bootstrap",
        _ => return StatusCode::NOT_FOUND.into_response(),
    };
    let accepts_ssz = headers[header::ACCEPT].to_str().unwrap().starts_with("application/octet-stream");
    let ssz = folder.join(format!("{name}.ssz"));
    let (kind, file) = if accepts_ssz && ssz.is_file() {
        ("application/octet-stream", ssz)
    } else {
        ("application/json", folder.join(format!("{name}.json")))
    };
    ([(header::CONTENT_TYPE, kind)], std::fs::read(file).unwrap()).into_response()
}

fn api(endpoint: &Endpoint, network: &ChainConfig, encoding: Encoding) -> BeaconApi {
    BeaconApi::new(endpoint.clone(), network.clone(), encoding, Duration::from_secs(5)).unwrap()
}

#[tokio::test]
async fn json_and_ssz_of_lodestar_say_the_same() {
    for name in ["mock_fulu", "paired_electra"] {
        let Some(folder) = recordings(name) else { return };
        let (network, endpoint) = (network(&folder), replay(&folder).await);
        let [as_json, as_ssz] = [Encoding::Json, Encoding::Ssz].map(|encoding| api(&endpoint, &network, encoding));
        as_json.require_network().await.unwrap();
        let root = as_json.header(BlockId::Finalized).await.unwrap().root;
        assert_eq!(as_json.bootstrap(root).await.unwrap(), as_ssz.bootstrap(root).await.unwrap());
        assert_eq!(as_json.finality_update().await.unwrap().unwrap(), as_ssz.finality_update().await.unwrap().unwrap());
        assert_eq!(
            as_json.optimistic_update().await.unwrap().unwrap(),
            as_ssz.optimistic_update().await.unwrap().unwrap()
        );
        let periods = json(&folder, "updates.json").as_array().unwrap().len() as u64;
        let updates = as_json.updates(0, periods).await.unwrap();
        assert_eq!(updates, as_ssz.updates(0, periods).await.unwrap());
        assert_eq!(updates.len() as u64, periods);
    }
}

#[tokio::test]
async fn a_store_bootstrapped_from_lodestar_takes_its_updates() {
    for name in ["mock_fulu", "paired_electra"] {
        let Some(folder) = recordings(name) else { return };
        let (network, endpoint) = (network(&folder), replay(&folder).await);
        let api = Arc::new(api(&endpoint, &network, Encoding::Ssz));
        let root = api.header(BlockId::Finalized).await.unwrap().root;
        let source = EthereumConsensus::new(Arc::clone(&api), root);
        let mut store: LightClientStore = source.bootstrap().await.unwrap();
        for update in source.updates(&store).await.unwrap() {
            match update {
                Update::Period(update) => store.process_update(&network, &update, now()).unwrap(),
                Update::Finality(update) => store.process_finality_update(&network, &update, now()).unwrap(),
                Update::Optimistic(update) => store.process_optimistic_update(&network, &update, now()).unwrap(),
            }
        }
        let signed = store.optimistic_header().beacon.slot;
        let newest = api.optimistic_update().await.unwrap().unwrap().attested_header.beacon.slot;
        assert_eq!(signed, newest, "{name}");
    }
}

#[tokio::test]
async fn lodestars_500_for_a_range_that_ends_too_late_may_mean_absent() {
    let Some(folder) = recordings("paired_electra") else { return };
    let (network, endpoint) = (network(&folder), replay(&folder).await);
    let refused = api(&endpoint, &network, Encoding::Ssz).updates(0, 100).await.unwrap_err();
    assert!(refused.may_mean_absent());
    assert!(matches!(refused, BeaconApiError::Refused { status: 500, .. }), "{refused}");
}

#[tokio::test]
async fn no_finality_yet_is_told_from_a_node_in_trouble() {
    for (status, absent) in [(500, true), (404, true), (503, false), (401, false)] {
        let router = Router::new().fallback(move || async move { StatusCode::from_u16(status).unwrap() });
        let api = api(&serve(router).await, &ChainConfig::mainnet(), Encoding::Ssz);
        assert_eq!(api.finality_update().await.is_ok_and(|update| update.is_none()), absent, "{status}");
        assert_eq!(api.optimistic_update().await.is_ok_and(|update| update.is_none()), absent, "{status}");
    }
}

async fn serve(router: Router) -> Endpoint {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    Endpoint::parse("beacon", &url).unwrap()
}

/// Serves the same body to every call.
async fn always(body: Vec<u8>, kind: &'static str) -> Endpoint {
    let router = Router::new().fallback(move || {
        let body = body.clone();
        async move { ([(header::CONTENT_TYPE, kind)], body) }
    });
    serve(router).await
}

#[tokio::test]
async fn answers_that_are_too_long_cut_short_or_nonsense_are_refused() {
    let network = ChainConfig::mainnet();
    let ssz = "application/octet-stream";
    for (body, kind) in [
        (vec![0; 3], ssz),
        (vec![0xff; 2000], ssz),
        (b"{}".to_vec(), "application/json"),
        (b"<html>".to_vec(), "application/json"),
    ] {
        let api = api(&always(body.clone(), kind).await, &network, Encoding::Ssz);
        let refused = [api.finality_update().await.unwrap_err(), api.updates(0, 1).await.unwrap_err()];
        assert!(refused.iter().all(|error| matches!(error, BeaconApiError::Malformed { .. })), "{refused:?}");
    }
    let endless = api(&always(vec![b' '; 1 << 20], "application/json").await, &network, Encoding::Json);
    let refused = endless.finality_update().await.unwrap_err();
    assert!(matches!(refused, BeaconApiError::TooLong { .. }), "{refused}");
}

/// The signature of an event in an ABI, with tuples spelled out.
fn signature(event: &Value) -> String {
    fn kind(input: &Value) -> String {
        let name = input["type"].as_str().unwrap();
        match name.strip_prefix("tuple") {
            Some(suffix) => format!("({}){suffix}", list(&input["components"])),
            None => name.to_owned(),
        }
    }
    fn list(inputs: &Value) -> String {
        inputs.as_array().unwrap().iter().map(kind).collect::<Vec<_>>().join(",")
    }
    format!("{}({})", event["name"].as_str().unwrap(), list(&event["inputs"]))
}

#[test]
fn the_event_is_the_contracts() {
    let Some(artifact) = outbox_artifact() else { return };
    let entries = artifact["abi"].as_array().unwrap();
    let event = entries.iter().find(|entry| entry["type"] == "event" && entry["name"] == "Deposited").unwrap();
    assert_eq!(alloy_primitives::keccak256(signature(event)), DEPOSITED_TOPIC);
    let indexed: Vec<bool> = event["inputs"].as_array().unwrap().iter().map(|input| input["indexed"] == true).collect();
    assert_eq!(indexed, [true, true, false]);
}
