//! Recorded development networks: Lodestar (Electra with a real execution client, Fulu with a mock), and the Electra
//! to Fulu network of an IBC light client.

use alloy_primitives::{Address, B256, U256};
use serde::Deserialize;
use serde_json::{Value, json as object};
use spandrel_verifiers::ethereum::account::Account;
use spandrel_verifiers::ethereum::containers::{
    Bootstrap, FinalityUpdate, LightClientData, LightClientUpdate, OptimisticUpdate, from_json, from_ssz, to_json,
};
use spandrel_verifiers::ethereum::ssz::HashTreeRoot;
use spandrel_verifiers::ethereum::{ChainConfig, Fork, ForkEpoch, LightClientStore, Preset};
use spandrel_verifiers::{ChainId, ErrorKind};

use crate::answers::GetProof;
use crate::networks::minimal_network;
use crate::support::{Tally, bytes, hex_bytes, json, readable, vectors};
use crate::vector_coverage::is_home;

const NOW: u64 = 1_900_000_000;

struct Lodestar {
    folder: std::path::PathBuf,
    config: ChainConfig,
}

impl Lodestar {
    fn open(name: &str, last: Fork) -> Option<Self> {
        let folder = vectors("ethereum/lodestar_devnet")?.join(name);
        let genesis: Value = json(folder.join("genesis.json"));
        let spec: Value = json(folder.join("spec.json"));
        let mut config = minimal_network(last, genesis["data"]["genesis_validators_root"].as_str()?.parse().ok()?);
        config.genesis_time = genesis["data"]["genesis_time"].as_str()?.parse().ok()?;
        config.seconds_per_slot = spec["data"]["SECONDS_PER_SLOT"].as_str()?.parse().ok()?;
        Some(Self { folder, config })
    }

    /// The container in both of the node's encodings.
    fn both<T>(&self, name: &str) -> T
    where
        T: LightClientData + PartialEq + std::fmt::Debug + serde::Serialize + serde::de::DeserializeOwned,
    {
        let encoded = bytes(self.folder.join(format!("{name}.json")));
        let from_api: T = from_json(&encoded, &self.config).unwrap();
        let ssz = bytes(self.folder.join(format!("{name}.ssz")));
        assert_eq!(from_ssz::<T>(&ssz, &self.config).unwrap(), from_api);
        assert_eq!(from_api.encode_ssz(), ssz);
        let printed: Value = serde_json::from_slice(&to_json(&from_api, &self.config).unwrap()).unwrap();
        assert_eq!(printed, serde_json::from_slice::<Value>(&encoded).unwrap());
        from_api
    }

    /// The `updates` answer: a JSON list, and SSZ framed by length and fork digest.
    fn updates(&self) -> Vec<LightClientUpdate> {
        let items: Vec<Value> = json(self.folder.join("updates.json"));
        let framed = bytes(self.folder.join("updates.ssz"));
        let mut rest = framed.as_slice();
        let read = |item: &Value| {
            let update: LightClientUpdate = from_json(item.to_string().as_bytes(), &self.config).unwrap();
            let (length, tail) = rest.split_first_chunk::<8>().unwrap();
            let (frame, tail) = tail.split_at(u64::from_le_bytes(*length) as usize);
            rest = tail;
            assert_eq!(update.encode_ssz(), frame[4..]);
            update
        };
        items.iter().map(read).collect()
    }

    fn trust(&self) -> LightClientStore {
        let bootstrap: Bootstrap = self.both("bootstrap");
        let root = bootstrap.header.beacon.hash_tree_root();
        LightClientStore::bootstrap(&self.config, root, &bootstrap).unwrap()
    }

    /// Every container of its event stream, by event name.
    fn events(&self, name: &str) -> Vec<String> {
        let text = String::from_utf8(bytes(self.folder.join("events.sse"))).unwrap();
        let blocks = text.split("\n\n").filter_map(|block| {
            let mut lines = block.lines();
            (lines.next()? == format!("event: {name}")).then(|| lines.next()?.strip_prefix("data: "))?
        });
        blocks.map(str::to_owned).collect()
    }
}

#[test]
fn a_real_node_pair_is_followed_and_its_state_proven() {
    let Some(node) = Lodestar::open("paired_electra", Fork::Electra) else { return };
    let mut tally = Tally::new("lodestar paired electra");
    let mut store = node.trust();
    for update in node.updates() {
        let known = store.clone();
        if let Err(error) = store.process_update(&node.config, &update, NOW) {
            tally.refuse(Err::<(), _>(error), "attested_header.beacon.slot");
            assert_eq!(store, known, "a refused update changes nothing");
        } else {
            tally.pass();
        }
    }
    let finality: FinalityUpdate = node.both("finality_update");
    let block = store.check_finality(&node.config, &finality, NOW).unwrap();
    assert_eq!(block.height, 64);
    let optimistic: OptimisticUpdate = node.both("optimistic_update");
    store.process_optimistic_update(&node.config, &optimistic, NOW).unwrap();
    assert_eq!(store.optimistic_header(), &optimistic.attested_header);
    #[derive(Deserialize)]
    struct Recorded {
        state_root: B256,
        proof: GetProof,
    }
    let recorded: Recorded = json(node.folder.join("eth_getProof.json"));
    let execution = &finality.finalized_header.execution.as_ref().unwrap().header;
    assert_eq!(recorded.state_root, execution.state_root);
    recorded.proof.check(execution.state_root, &mut tally);
    for _ in 0..2 {
        tally.pass();
    }
    follow_events(&node, &mut tally);
}

#[test]
fn a_fulu_node_is_followed_like_an_electra_one() {
    let Some(node) = Lodestar::open("mock_fulu", Fork::Fulu) else { return };
    let mut tally = Tally::new("lodestar mock fulu");
    let mut store = node.trust();
    for update in node.updates() {
        store.process_update(&node.config, &update, NOW).unwrap();
    }
    let finality: FinalityUpdate = node.both("finality_update");
    store.check_finality(&node.config, &finality, NOW).unwrap();
    let optimistic: OptimisticUpdate = node.both("optimistic_update");
    store.check_optimistic(&node.config, &optimistic, NOW).unwrap();
    for _ in 0..4 {
        tally.pass();
    }
    // The same bytes under the rules of Electra: the layout is the same, the signing domain is not.
    let electra = minimal_network(Fork::Electra, node.config.genesis_validators_root);
    let electra = ChainConfig { genesis_time: node.config.genesis_time, seconds_per_slot: 3, ..electra };
    tally.refuse(store.check_finality(&electra, &finality, NOW), "sync_aggregate.sync_committee_signature");
    follow_events(&node, &mut tally);
}

/// Every update of the recorded stream that belongs to the periods the store holds must verify.
fn follow_events(node: &Lodestar, tally: &mut Tally) {
    let mut store = node.trust();
    for update in node.updates() {
        if let Err(error) = store.process_update(&node.config, &update, NOW) {
            assert_ne!(error.kind, ErrorKind::Malformed, "{error}");
        }
    }
    for event in node.events("light_client_finality_update") {
        let update: FinalityUpdate = from_json(event.as_bytes(), &node.config).unwrap();
        count(store.check_finality(&node.config, &update, NOW).map(drop), tally);
    }
    for event in node.events("light_client_optimistic_update") {
        let update: OptimisticUpdate = from_json(event.as_bytes(), &node.config).unwrap();
        count(store.check_optimistic(&node.config, &update, NOW).map(drop), tally);
    }
}

fn count(result: Result<(), spandrel_verifiers::VerifyError>, tally: &mut Tally) {
    match result {
        Ok(()) => tally.pass(),
        Err(error) if error.kind == ErrorKind::Expired => tally.skip("signed in a period before the store's"),
        Err(error) if error.kind == ErrorKind::NotYet => tally.skip("signed in a period after the store's"),
        Err(error) if error.field == "finalized_header.execution" => tally.skip("nothing final yet"),
        Err(error) => panic!("{error}"),
    }
}

/// The updates and storage proofs inside a recorded IBC transaction.
struct Relayed {
    updates: Vec<Value>,
    proofs: Vec<Value>,
}

/// Finds every JSON object inside the protobuf of the transaction.
fn relayed(body: &[u8]) -> Relayed {
    let mut found = Relayed { updates: Vec::new(), proofs: Vec::new() };
    let mut at = 0;
    while at < body.len() {
        let mut stream = serde_json::Deserializer::from_slice(&body[at..]).into_iter::<Value>();
        match stream.next() {
            Some(Ok(value)) if value.is_object() => {
                at += stream.byte_offset();
                if value.get("consensus_update").is_some() {
                    found.updates.push(value);
                } else if value.get("storage_proof").is_some() {
                    found.proofs.push(value);
                }
            }
            _ => at += 1,
        }
    }
    found
}

/// This network's relayer writes the base fee in hex.
fn to_api(mut update: Value) -> Value {
    for header in ["attested_header", "finalized_header"] {
        let fee = &mut update[header]["execution"]["base_fee_per_gas"];
        let value: U256 = fee.as_str().unwrap().parse().unwrap();
        *fee = Value::String(value.to_string());
    }
    update
}

fn eureka_config(client: &Value) -> ChainConfig {
    let forks = [Fork::Altair, Fork::Bellatrix, Fork::Capella, Fork::Deneb, Fork::Electra, Fork::Fulu];
    let fork = |name: Fork| {
        let parameters = &client["fork_parameters"][format!("{name:?}").to_lowercase()];
        ForkEpoch {
            name,
            version: parameters["version"].as_str().unwrap().parse().unwrap(),
            epoch: parameters["epoch"].as_u64().unwrap(),
        }
    };
    ChainConfig {
        chain: ChainId::eip155(client["chain_id"].as_u64().unwrap()),
        genesis_validators_root: client["genesis_validators_root"].as_str().unwrap().parse().unwrap(),
        genesis_time: client["genesis_time"].as_u64().unwrap(),
        seconds_per_slot: client["seconds_per_slot"].as_u64().unwrap(),
        preset: Preset::Minimal,
        forks: forks.into_iter().map(fork).collect(),
    }
}

/// A store restored from disk, as the recording has no bootstrap: it stands in the period before `committee`'s.
fn restored(committee: &Value, slot: u64) -> LightClientStore {
    let header = object!({
        "beacon": {
            "slot": slot.to_string(), "proposer_index": "0", "parent_root": B256::ZERO, "state_root": B256::ZERO,
            "body_root": B256::ZERO,
        },
    });
    let store = object!({
        "finalized": header, "optimistic": header, "current": committee, "next": committee, "best_valid": null,
        "previous_max_participants": 0, "current_max_participants": 0, "final_blocks": [],
    });
    serde_json::from_value(store).unwrap()
}

#[test]
fn a_fulu_network_is_followed_over_periods_with_its_storage_proofs() {
    let Some(folder) = vectors("ethereum/eureka_electra_fulu/packages/ethereum/light-client/src/test_utils/fixtures")
    else {
        return;
    };
    let mut tally = Tally::new("eureka electra/fulu");
    let mut absences = 0;
    for (_, recorded) in readable(folder).iter().filter(|(_, recorded)| is_ibc_client(recorded)) {
        absences += run_ibc_client(recorded, &mut tally);
    }
    assert!(absences > 0 || !is_home(), "one of them proves that a receipt was never written");
}

/// Whether it is a recorded client: its state first, and then what relayers sent.
pub fn is_ibc_client(recorded: &Value) -> bool {
    recorded["steps"][0]["data"]["client_state"].is_object()
}

/// Follows a recorded client over what relayers sent it. Returns how many of its proofs show that something is absent.
pub fn run_ibc_client(recorded: &Value, tally: &mut Tally) -> usize {
    let mut absences = 0;
    let steps = recorded["steps"].as_array().unwrap();
    let client = &steps[0]["data"]["client_state"];
    let config = eureka_config(client);
    let contract: Address = client["ibc_contract_address"].as_str().unwrap().parse().unwrap();
    let mut store: Option<LightClientStore> = None;
    for step in &steps[1..] {
        let body = hex_bytes(step["data"]["relayer_tx_body"].as_str().unwrap());
        let Relayed { updates, proofs } = relayed(&body);
        for relayed in updates {
            let active = &relayed["active_sync_committee"];
            let store = store.get_or_insert_with(|| {
                restored(active.get("Next").unwrap(), relayed["trusted_slot"].as_u64().unwrap())
            });
            let update = to_api(relayed["consensus_update"].clone());
            if update["next_sync_committee"].is_null() {
                let update: FinalityUpdate = serde_json::from_value(update).unwrap();
                store.process_finality_update(&config, &update, NOW).unwrap();
            } else {
                let update: LightClientUpdate = serde_json::from_value(update).unwrap();
                store.process_update(&config, &update, NOW).unwrap();
                assert_eq!(from_ssz::<LightClientUpdate>(&update.encode_ssz(), &config).unwrap(), update);
            }
            tally.pass();
        }
        for proof in proofs {
            let execution = &store.as_ref().unwrap().finalized_header().execution.as_ref().unwrap().header;
            let nodes = |value: &Value| serde_json::from_value::<Vec<alloy_primitives::Bytes>>(value.clone()).unwrap();
            let (account, slot) = (&proof["account_proof"], &proof["storage_proof"]);
            let proven = Account::prove(execution.state_root, contract, &nodes(&account["proof"]));
            let proven = proven.unwrap().unwrap();
            let key: B256 = slot["key"].as_str().unwrap().parse().unwrap();
            let value: U256 = slot["value"].as_str().unwrap().parse().unwrap();
            assert_eq!(proven.prove_slot(key, &nodes(&slot["proof"])).unwrap(), value);
            absences += usize::from(value.is_zero());
            tally.pass();
            tally.refuse_any(proven.prove_slot(key, &nodes(&slot["proof"])[1..]));
        }
    }
    absences
}
