//! A real anvil under the beacon companion: what it serves is what light clients verify.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use alloy_primitives::B256;
use futures::StreamExt;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use spandrel_testnets::ethereum::{Anvil, AnvilOptions, Beacon, BeaconOptions, EthereumTestnetError};
use spandrel_verifiers::ethereum::containers::{
    Bootstrap, FinalityUpdate, LightClientData, LightClientUpdate, OptimisticUpdate, Versioned, from_json, from_ssz,
};
use spandrel_verifiers::ethereum::{LightClientStore, Preset};

const LIGHT_CLIENT: &str = "eth/v1/beacon/light_client";

/// Anvil, or `None` with the reason printed when it is not installed.
async fn anvil() -> Option<Anvil> {
    match Anvil::start(AnvilOptions::default()).await {
        Ok(anvil) => Some(anvil),
        Err(EthereumTestnetError::NotFound { .. }) => {
            println!("skipped: anvil not found");
            None
        }
        Err(error) => panic!("{error}"),
    }
}

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()
}

async fn get(beacon: &Beacon, call: &str, accept: &str) -> reqwest::Response {
    let request = reqwest::Client::new().get(format!("{}/{call}", beacon.url())).header("accept", accept);
    request.send().await.unwrap()
}

/// One container, fetched as SSZ and as JSON, which must say the same.
async fn fetch<T>(beacon: &Beacon, call: &str) -> T
where
    T: LightClientData + DeserializeOwned + PartialEq + std::fmt::Debug,
{
    let ssz = get(beacon, call, "application/octet-stream").await;
    assert_eq!(ssz.headers()["content-type"], "application/octet-stream");
    let fork = ssz.headers()["eth-consensus-version"].to_str().unwrap().to_owned();
    let from_bytes: T = from_ssz(&ssz.bytes().await.unwrap(), beacon.network()).unwrap();
    let json = get(beacon, call, "application/json").await.bytes().await.unwrap();
    assert_eq!(from_json::<T>(&json, beacon.network()).unwrap(), from_bytes);
    assert_eq!(serde_json::from_slice::<Value>(&json).unwrap()["version"], fork);
    from_bytes
}

async fn updates(beacon: &Beacon, start: u64, count: u64) -> Vec<LightClientUpdate> {
    let call = format!("{LIGHT_CLIENT}/updates?start_period={start}&count={count}");
    let json = get(beacon, &call, "application/json").await;
    assert!(json.status().is_success(), "{}", json.text().await.unwrap());
    let listed: Vec<Versioned<LightClientUpdate>> = json.json().await.unwrap();
    let body = get(beacon, &call, "application/octet-stream").await.bytes().await.unwrap();
    let mut rest = body.as_ref();
    let mut found = Vec::new();
    for entry in listed {
        let (length, after) = rest.split_first_chunk::<8>().unwrap();
        let (chunk, after) = after.split_at(u64::from_le_bytes(*length) as usize);
        let update: LightClientUpdate = from_ssz(&chunk[4..], beacon.network()).unwrap();
        assert_eq!(update, entry.data);
        found.push(update);
        rest = after;
    }
    assert!(rest.is_empty());
    found
}

async fn bootstrap(beacon: &Beacon) -> LightClientStore {
    let root = beacon.finalized_root().await.unwrap();
    let bootstrap: Bootstrap = fetch(beacon, &format!("{LIGHT_CLIENT}/bootstrap/{root}")).await;
    LightClientStore::bootstrap(beacon.network(), root, &bootstrap).unwrap()
}

async fn finality(beacon: &Beacon) -> FinalityUpdate {
    fetch(beacon, &format!("{LIGHT_CLIENT}/finality_update")).await
}

/// Follows the companion from its present finality over `periods` more, mining `step` blocks a turn.
async fn follows_over_periods(anvil: &Anvil, beacon: &Beacon, step: u64, periods: u64) {
    let network = beacon.network().clone();
    let mut store = bootstrap(beacon).await;
    let first = store.period(&network);
    while store.period(&network) < first + periods {
        anvil.mine(step).await.unwrap();
        beacon.sync().await.unwrap();
        let last = network.preset.period_at(beacon.head_slot().await.unwrap());
        for period in store.period(&network)..last {
            let update = updates(beacon, period, 1).await.remove(0);
            if !store.knows_next_committee() || period > store.period(&network) {
                store.process_update(&network, &update, now()).unwrap();
            }
        }
        let update = finality(beacon).await;
        store.process_finality_update(&network, &update, now()).unwrap();
        let optimistic: OptimisticUpdate = fetch(beacon, &format!("{LIGHT_CLIENT}/optimistic_update")).await;
        store.check_optimistic(&network, &optimistic, now()).unwrap();
    }
    let block = store.latest_final_block().unwrap();
    let real: Value =
        anvil.rpc("eth_getBlockByNumber", serde_json::json!([format!("0x{:x}", block.height), false])).await.unwrap();
    assert_eq!(real["hash"], block.hash.to_string());
}

#[tokio::test]
async fn light_clients_follow_the_minimal_preset_over_three_periods() {
    let Some(anvil) = anvil().await else { return };
    anvil.mine(20).await.unwrap();
    let options = BeaconOptions { absent_members: 10, ..BeaconOptions::over(anvil.url()) };
    let beacon = Beacon::start(options).await.unwrap();
    follows_over_periods(&anvil, &beacon, 24, 3).await;
}

#[tokio::test]
async fn light_clients_follow_the_mainnet_preset_over_three_periods() {
    let Some(anvil) = anvil().await else { return };
    anvil.mine(4).await.unwrap();
    let options = BeaconOptions {
        preset: Preset::Mainnet,
        slots_per_block: 1024,
        finality_lag_slots: 2048,
        ..BeaconOptions::over(anvil.url())
    };
    let beacon = Beacon::start(options).await.unwrap();
    follows_over_periods(&anvil, &beacon, 4, 3).await;
}

#[tokio::test]
async fn light_clients_follow_from_electra_into_fulu() {
    let Some(anvil) = anvil().await else { return };
    anvil.mine(20).await.unwrap();
    let options = BeaconOptions { fulu_epoch: Some(4), ..BeaconOptions::over(anvil.url()) };
    let beacon = Beacon::start(options).await.unwrap();
    let mut store = bootstrap(&beacon).await;
    for _ in 0..16 {
        anvil.mine(2).await.unwrap();
        beacon.sync().await.unwrap();
        store.process_finality_update(beacon.network(), &finality(&beacon).await, now()).unwrap();
    }
    assert!(store.finalized_header().beacon.slot > 32);
}

#[tokio::test]
async fn a_committee_short_of_two_thirds_finalizes_nothing() {
    let Some(anvil) = anvil().await else { return };
    anvil.mine(20).await.unwrap();
    let options = BeaconOptions { absent_members: 11, ..BeaconOptions::over(anvil.url()) };
    let beacon = Beacon::start(options).await.unwrap();
    let store = bootstrap(&beacon).await;
    anvil.mine(5).await.unwrap();
    beacon.sync().await.unwrap();
    let refused = store.check_finality(beacon.network(), &finality(&beacon).await, now()).unwrap_err();
    assert!(refused.field.contains("sync_aggregate") || refused.field.contains("participants"), "{refused}");
}

#[tokio::test]
async fn what_is_not_there_is_answered_as_lodestar_does() {
    let Some(anvil) = anvil().await else { return };
    anvil.mine(3).await.unwrap();
    let beacon = Beacon::start(BeaconOptions::over(anvil.url())).await.unwrap();
    assert_eq!(beacon.finalized_root().await, None);
    for call in
        ["finality_update".to_owned(), format!("bootstrap/{}", B256::ZERO), "updates?start_period=0&count=2".to_owned()]
    {
        let answer = get(&beacon, &format!("{LIGHT_CLIENT}/{call}"), "application/json").await;
        assert_eq!(answer.status(), 500, "{call}");
        assert!(answer.json::<Value>().await.unwrap()["message"].is_string());
    }
    // Head and optimistic updates go on without finality.
    let update: OptimisticUpdate = fetch(&beacon, &format!("{LIGHT_CLIENT}/optimistic_update")).await;
    assert_eq!((update.attested_header.beacon.slot, update.signature_slot), (2, 3));
}

#[tokio::test]
async fn an_execution_reorg_is_followed_and_the_replaced_block_is_never_final() {
    let Some(anvil) = anvil().await else { return };
    anvil.mine(30).await.unwrap();
    let beacon = Beacon::start(BeaconOptions::over(anvil.url())).await.unwrap();
    let mut events = events(&beacon).await;
    let hash_at = async |height: u64| -> String {
        let block: Value =
            anvil.rpc("eth_getBlockByNumber", serde_json::json!([format!("0x{height:x}"), false])).await.unwrap();
        block["hash"].as_str().unwrap().to_owned()
    };
    let replaced = hash_at(28).await;
    anvil.reorg(6).await.unwrap();
    beacon.sync().await.unwrap();
    let reorg = loop {
        let (topic, data) = events.next().await.unwrap();
        if topic == "chain_reorg" {
            break data;
        }
    };
    assert_eq!(reorg["depth"], "6");

    let mut store = bootstrap(&beacon).await;
    anvil.mine(24).await.unwrap();
    beacon.sync().await.unwrap();
    store.process_finality_update(beacon.network(), &finality(&beacon).await, now()).unwrap();
    let last_final = *store.latest_final_block().unwrap();
    assert!(last_final.height >= 28);
    assert_eq!(hash_at(last_final.height).await, last_final.hash.to_string());
    assert_ne!(hash_at(28).await, replaced);
}

#[tokio::test]
async fn an_execution_reorg_below_finality_is_refused() {
    let Some(anvil) = anvil().await else { return };
    anvil.mine(30).await.unwrap();
    let options = BeaconOptions { finality_lag_slots: 4, ..BeaconOptions::over(anvil.url()) };
    let beacon = Beacon::start(options).await.unwrap();
    let before = beacon.finalized_root().await;
    anvil.reorg(6).await.unwrap();
    assert!(matches!(beacon.sync().await, Err(EthereumTestnetError::Unfit { .. })));
    assert_eq!(beacon.finalized_root().await, before);
}

#[tokio::test]
async fn a_committee_that_equivocates_signs_another_final_block_of_the_same_height() {
    let Some(anvil) = anvil().await else { return };
    anvil.mine(30).await.unwrap();
    let options = BeaconOptions { finality_lag_slots: 4, ..BeaconOptions::over(anvil.url()) };
    let beacon = Beacon::start(options).await.unwrap();
    let (height, before) = (beacon.finalized_height().await, beacon.finalized_root().await);
    beacon.equivocate(true).await;
    anvil.reorg(6).await.unwrap();
    beacon.sync().await.unwrap();
    assert_eq!(beacon.finalized_height().await, height);
    assert_ne!(beacon.finalized_root().await, before);
}

#[tokio::test]
async fn paused_finality_stands_still_while_the_head_goes_on() {
    let Some(anvil) = anvil().await else { return };
    anvil.mine(30).await.unwrap();
    let beacon = Beacon::start(BeaconOptions::over(anvil.url())).await.unwrap();
    beacon.pause_finality(true).await;
    let before = beacon.finalized_height().await;
    anvil.mine(10).await.unwrap();
    beacon.sync().await.unwrap();
    assert_eq!((beacon.finalized_height().await, beacon.head_slot().await), (before, Some(40)));
    beacon.pause_finality(false).await;
    anvil.mine(1).await.unwrap();
    beacon.sync().await.unwrap();
    assert_eq!(beacon.finalized_height().await, Some(41 - 16));
}

#[tokio::test]
async fn anvil_dies_with_its_handle() {
    let Some(anvil) = anvil().await else { return };
    anvil.mine(2).await.unwrap();
    assert_eq!(anvil.block_number().await.unwrap(), 2);
    assert_eq!(anvil.signers().len(), 10);
    let url = anvil.url().to_owned();
    drop(anvil);
    let gone = async {
        while reqwest::get(&url).await.is_ok() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), gone).await.unwrap();
}

/// The event stream as topic and JSON.
async fn events(beacon: &Beacon) -> impl futures::Stream<Item = (String, Value)> + Unpin {
    let topics = "head,chain_reorg,finalized_checkpoint,light_client_finality_update,light_client_optimistic_update";
    let response = get(beacon, &format!("eth/v1/events?topics={topics}"), "text/event-stream").await;
    let chunks = response.bytes_stream();
    Box::pin(futures::stream::unfold((chunks, String::new()), |(mut chunks, mut text)| async move {
        loop {
            if let Some(end) = text.find("\n\n") {
                let message: String = text.drain(..end + 2).collect();
                let field = |name: &str| message.lines().find_map(|line| line.strip_prefix(name)).map(str::trim);
                if let (Some(topic), Some(data)) = (field("event:"), field("data:")) {
                    let event = (topic.to_owned(), serde_json::from_str(data).unwrap());
                    return Some((event, (chunks, text)));
                }
            } else {
                text.push_str(std::str::from_utf8(&chunks.next().await?.unwrap()).unwrap());
            }
        }
    }))
}

/// Paths of all keys, array elements taken together.
fn shape(value: &Value, path: &str, into: &mut BTreeSet<String>) {
    match value {
        Value::Object(fields) => fields.iter().for_each(|(name, field)| shape(field, &format!("{path}.{name}"), into)),
        Value::Array(items) => items.iter().for_each(|item| shape(item, &format!("{path}[]"), into)),
        Value::String(text) => {
            into.insert(format!("{path}: {}", if text.starts_with("0x") { "hex" } else { "text" }));
        }
        other => {
            into.insert(format!("{path}: {}", if other.is_boolean() { "bool" } else { "other" }));
        }
    }
}

fn shape_of(value: &impl Serialize) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    shape(&serde_json::to_value(value).unwrap(), "", &mut found);
    found
}

fn recordings() -> Option<PathBuf> {
    let beside = || {
        let start = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
        start.ancestors().map(|folder| folder.join("shared/vectors")).find(|folder| folder.is_dir())
    };
    let folder = std::env::var_os("SPANDREL_VECTORS").map(PathBuf::from).or_else(beside);
    let found = folder.map(|folder| folder.join("ethereum/lodestar_devnet/mock_fulu")).filter(|folder| folder.is_dir());
    if found.is_none() {
        println!("skipped: recordings of Lodestar not found");
    }
    found
}

#[tokio::test]
async fn answers_have_the_shape_of_a_real_lodestar() {
    let Some(recordings) = recordings() else { return };
    let Some(anvil) = anvil().await else { return };
    anvil.mine(80).await.unwrap();
    let beacon = Beacon::start(BeaconOptions::over(anvil.url())).await.unwrap();
    let root = beacon.finalized_root().await.unwrap();
    for (file, call) in [
        ("bootstrap.json", format!("{LIGHT_CLIENT}/bootstrap/{root}")),
        ("updates.json", format!("{LIGHT_CLIENT}/updates?start_period=0&count=1")),
        ("finality_update.json", format!("{LIGHT_CLIENT}/finality_update")),
        ("optimistic_update.json", format!("{LIGHT_CLIENT}/optimistic_update")),
        ("genesis.json", "eth/v1/beacon/genesis".to_owned()),
        ("header_finalized.json", "eth/v1/beacon/headers/finalized".to_owned()),
        ("syncing.json", "eth/v1/node/syncing".to_owned()),
        ("version.json", "eth/v1/node/version".to_owned()),
    ] {
        let recorded: Value = serde_json::from_slice(&std::fs::read(recordings.join(file)).unwrap()).unwrap();
        let ours: Value = get(&beacon, &call, "application/json").await.json().await.unwrap();
        assert_eq!(shape_of(&ours), shape_of(&recorded), "{file}");
    }
    let spec: Value = get(&beacon, "eth/v1/config/spec", "application/json").await.json().await.unwrap();
    let recorded: Value = serde_json::from_slice(&std::fs::read(recordings.join("spec.json")).unwrap()).unwrap();
    for (name, value) in spec["data"].as_object().unwrap() {
        let known = &recorded["data"][name];
        assert!(known.is_string() && value.is_string() || name == "MAX_REQUEST_LIGHT_CLIENT_UPDATES", "{name}");
    }
}

#[tokio::test]
async fn events_have_the_shape_of_a_real_lodestar() {
    let Some(recordings) = recordings() else { return };
    let Some(anvil) = anvil().await else { return };
    anvil.mine(20).await.unwrap();
    let beacon = Beacon::start(BeaconOptions::over(anvil.url())).await.unwrap();
    let mut ours = events(&beacon).await;
    anvil.mine(1).await.unwrap();
    beacon.sync().await.unwrap();
    let text = std::fs::read_to_string(recordings.join("events.sse")).unwrap();
    let recorded = |topic: &str| {
        let message = text.split("\n\n").find(|message| message.starts_with(&format!("event: {topic}\n"))).unwrap();
        let data = message.lines().find_map(|line| line.strip_prefix("data: ")).unwrap();
        shape_of(&serde_json::from_str::<Value>(data).unwrap())
    };
    let mut topics = BTreeSet::new();
    while topics.len() < 4 {
        let (topic, data) = ours.next().await.unwrap();
        assert_eq!(shape_of(&data), recorded(&topic), "{topic}");
        topics.insert(topic);
    }
}
