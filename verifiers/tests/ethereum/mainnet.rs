//! Recorded mainnet data, Altair to Deneb.

use alloy_primitives::B256;
use serde::Deserialize;
use spandrel_verifiers::ErrorKind;
use spandrel_verifiers::ethereum::account::Account;
use spandrel_verifiers::ethereum::bls::Committee;
use spandrel_verifiers::ethereum::containers::{
    BeaconBlockHeader, Bootstrap, ExecutionPayloadHeader, FinalityUpdate, LightClientData, LightClientHeader,
    LightClientUpdate, OptimisticUpdate, SyncAggregate, SyncCommittee, from_json, from_ssz, to_json,
};
use spandrel_verifiers::ethereum::ssz::HashTreeRoot;
use spandrel_verifiers::ethereum::{ChainConfig, Fork, ForkVersion, LightClientStore, Preset, Update, signing_root};

use crate::answers::GetProof;
use crate::forms::assert_served;
use crate::networks::minimal_network;
use crate::support::{Tally, bytes, json, vectors};

/// Long after every recording.
const NOW: u64 = 1_800_000_000;

fn trust(config: &ChainConfig, bootstrap: &Bootstrap) -> LightClientStore {
    LightClientStore::bootstrap(config, bootstrap.header.beacon.hash_tree_root(), bootstrap).unwrap()
}

/// Reads a list of enveloped containers.
fn list<T>(config: &ChainConfig, path: std::path::PathBuf) -> Vec<T>
where
    T: LightClientData + serde::de::DeserializeOwned,
{
    let items: Vec<serde_json::Value> = json(path);
    items.iter().map(|item| from_json(item.to_string().as_bytes(), config).unwrap()).collect()
}

#[test]
fn six_capella_periods_of_2023_are_followed_to_finality() {
    let Some(folder) = vectors("ethereum/helios_mainnet_2023") else { return };
    let config = ChainConfig::mainnet();
    let mut tally = Tally::new("helios mainnet 2023");
    let bootstrap: Bootstrap = from_json(&bytes(folder.join("bootstrap.json")), &config).unwrap();
    let mut store = trust(&config, &bootstrap);
    let finality: FinalityUpdate = from_json(&bytes(folder.join("finality.json")), &config).unwrap();
    let too_early = store.check_finality(&config, &finality, NOW).unwrap_err();
    assert_eq!((too_early.kind, too_early.field.as_str()), (ErrorKind::NotYet, "signature_slot"));
    tally.refuse(store.clone().process_finality_update(&config, &finality, NOW), "signature_slot");
    let mut served = vec![Update::Finality(Box::new(finality.clone()))];
    for update in list::<LightClientUpdate>(&config, folder.join("updates.json")) {
        store.process_update(&config, &update, NOW).unwrap();
        tally.pass();
        if update.attested_header.beacon.slot < store.finalized_header().beacon.slot {
            tally.refuse(store.clone().process_update(&config, &update, NOW), "attested_header.beacon.slot");
        }
        served.push(Update::Period(Box::new(update)));
    }
    store.process_finality_update(&config, &finality, NOW).unwrap();
    let optimistic: OptimisticUpdate = from_json(&bytes(folder.join("optimistic.json")), &config).unwrap();
    store.process_optimistic_update(&config, &optimistic, NOW).unwrap();
    served.push(Update::Optimistic(Box::new(optimistic)));
    assert_served(&config, &bootstrap, served);
    assert_eq!(store.latest_final_block().unwrap().height, 17_923_026);
    assert_eq!(store.optimistic_header().beacon.slot, 7_109_431);
    let stored = serde_json::to_string(&store).unwrap();
    assert_eq!(serde_json::from_str::<LightClientStore>(&stored).unwrap(), store);
    tally.pass();
    tally.pass();
}

#[test]
fn a_deneb_committee_change_is_followed_in_ssz_and_json() {
    let Some(folder) = vectors("ethereum/argument_mainnet_deneb/committee-change") else { return };
    let config = ChainConfig::mainnet();
    let mut tally = Tally::new("argument mainnet deneb, committee change");
    let ssz = |name: &str| bytes(folder.join(format!("{name}.ssz")));
    let bootstrap: Bootstrap = same(&config, &ssz("LightClientBootstrapDeneb"), &folder, "BootstrapDeneb");
    let update: LightClientUpdate = same(&config, &ssz("LightClientUpdateDeneb"), &folder, "UpdateDeneb");
    let next: LightClientUpdate =
        same(&config, &ssz("LightClientUpdateNewPeriodDeneb"), &folder, "UpdateNewPeriodDeneb");
    let mut store = trust(&config, &bootstrap);
    tally.refuse(store.process_update(&config, &next, NOW), "signature_slot");
    assert_served(&config, &bootstrap, [&update, &next].map(|update| Update::Period(Box::new(update.clone()))).into());
    store.process_update(&config, &update, NOW).unwrap();
    assert!(store.knows_next_committee());
    assert_eq!(store.finalized_header().beacon.slot, 9_425_184, "a past update only brings the committee");
    store.process_update(&config, &next, NOW).unwrap();
    assert_eq!((store.period(&config), store.finalized_header().beacon.slot), (1151, 9_430_496));
    for _ in 0..3 {
        tally.pass();
    }
    let beacon = BeaconBlockHeader::decode_ssz(&ssz("BeaconBlockHeaderDeneb")).unwrap();
    assert_eq!(beacon.encode_ssz(), ssz("BeaconBlockHeaderDeneb"));
    let header = LightClientHeader::decode_ssz(&ssz("LightClientHeaderDeneb"), Fork::Deneb).unwrap();
    assert_eq!(header.encode_ssz(), ssz("LightClientHeaderDeneb"));
    header.verify(&config).unwrap();
    let execution = ExecutionPayloadHeader::decode_ssz(&ssz("ExecutionPayloadHeaderDeneb"), Fork::Deneb).unwrap();
    assert_eq!(execution.encode_ssz(), ssz("ExecutionPayloadHeaderDeneb"));
    let committee = SyncCommittee::decode_ssz(&ssz("SyncCommitteeDeneb"), Preset::Mainnet).unwrap();
    assert_eq!(committee.encode_ssz(), ssz("SyncCommitteeDeneb"));
    Committee::new(&committee).unwrap();
    for _ in 0..4 {
        tally.pass();
    }
    tally.refuse_any(LightClientHeader::decode_ssz(&ssz("LightClientHeaderDeneb"), Fork::Capella));
    tally.refuse_any(SyncCommittee::decode_ssz(&ssz("SyncCommitteeDeneb"), Preset::Minimal));
}

/// Decodes the SSZ and its JSON twin, which must be the same value and encode to the same bytes.
fn same<T>(config: &ChainConfig, ssz: &[u8], folder: &std::path::Path, json_name: &str) -> T
where
    T: LightClientData + PartialEq + std::fmt::Debug + serde::Serialize + serde::de::DeserializeOwned,
{
    let decoded: T = from_ssz(ssz, config).unwrap();
    assert_eq!(decoded.encode_ssz(), ssz);
    let value: serde_json::Value = json(folder.join(format!("base-data/{json_name}.json")));
    let value = if value.is_array() { value[0].clone() } else { value };
    let from_api: T = from_json(value.to_string().as_bytes(), config).unwrap();
    assert_eq!(from_api, decoded);
    let printed: serde_json::Value = serde_json::from_slice(&to_json(&decoded, config).unwrap()).unwrap();
    assert_eq!(printed["data"], value["data"]);
    decoded
}

#[test]
fn a_mainnet_storage_proof_stands_under_a_finality_update() {
    let Some(folder) = vectors("ethereum/argument_mainnet_deneb/inclusion") else { return };
    let config = ChainConfig::mainnet();
    let mut tally = Tally::new("argument mainnet deneb, inclusion");
    let bootstrap: Bootstrap = from_ssz(&bytes(folder.join("LightClientBootstrapDeneb.ssz")), &config).unwrap();
    let ssz = bytes(folder.join("LightClientFinalityUpdateDeneb.ssz"));
    let finality: FinalityUpdate = same(&config, &ssz, &folder, "FinalityUpdateDeneb");
    let update: LightClientUpdate = from_ssz(&bytes(folder.join("LightClientUpdateDeneb.ssz")), &config).unwrap();
    let mut store = trust(&config, &bootstrap);
    store.process_update(&config, &update, NOW).unwrap();
    let block = store.check_finality(&config, &finality, NOW).unwrap();
    assert_served(&config, &bootstrap, vec![Update::Finality(Box::new(finality.clone()))]);
    let execution = &finality.finalized_header.execution.as_ref().unwrap().header;
    assert_eq!((block.hash, block.height), (execution.block_hash, 20_360_596));
    #[derive(Deserialize)]
    struct Response {
        result: GetProof,
    }
    let proof = json::<Response>(folder.join("base-data/EthGetProof.json")).result;
    proof.check(execution.state_root, &mut tally);
    for _ in 0..3 {
        tally.pass();
    }
    let attested = &finality.attested_header.execution.as_ref().unwrap().header;
    tally.refuse(Account::prove(attested.state_root, proof.address, &proof.account_proof), "account_proof[0]");
}

#[test]
fn three_capella_periods_chain_from_one_committee_to_the_next() {
    let Some(folder) = vectors("ethereum/axelar_mainnet_capella/contracts/light-client/testdata") else { return };
    let config = ChainConfig::mainnet();
    let mut tally = Tally::new("axelar mainnet capella");
    // Its bootstrap.json carries another slot than the block's own, so that its root is not the recorded one.
    let edited: Bootstrap = json(folder.join("bootstrap.json"));
    let real = BeaconBlockHeader { slot: 7_069_376, ..edited.header.beacon };
    tally.refuse(LightClientStore::bootstrap(&config, real.hash_tree_root(), &edited), "header.beacon");
    let bootstrap = Bootstrap { header: LightClientHeader { beacon: real, ..edited.header.clone() }, ..edited.clone() };
    let mut store = trust(&config, &bootstrap);
    for name in ["862", "863", "864"] {
        let update: LightClientUpdate = json(folder.join(format!("{name}.json")));
        store.process_update(&config, &update, NOW).unwrap();
        tally.pass();
    }
    let old: LightClientUpdate = json(folder.join("767.json"));
    tally.refuse(store.process_update(&config, &old, NOW), "attested_header.beacon.slot");
}

/// Datachain's format: integers as numbers, options as lists.
#[derive(Deserialize)]
struct PlainHeader {
    slot: u64,
    proposer_index: u64,
    parent_root: B256,
    state_root: B256,
    body_root: B256,
}

impl From<PlainHeader> for BeaconBlockHeader {
    fn from(plain: PlainHeader) -> Self {
        let PlainHeader { slot, proposer_index, parent_root, state_root, body_root } = plain;
        Self { slot, proposer_index, parent_root, state_root, body_root }
    }
}

/// An update before headers carried execution.
#[derive(Deserialize)]
pub struct PlainUpdate {
    attested_header: PlainHeader,
    next_sync_committee: Option<(SyncCommittee, Vec<B256>)>,
    finalized_header: (PlainHeader, Vec<B256>),
    sync_aggregate: SyncAggregate,
    signature_slot: u64,
}

impl PlainUpdate {
    /// As the specification has it.
    pub fn altair(self) -> LightClientUpdate {
        let preset = if self.sync_aggregate.seats() == 512 { Preset::Mainnet } else { Preset::Minimal };
        let header = |plain: PlainHeader| LightClientHeader { beacon: plain.into(), ..Default::default() };
        let (next_sync_committee, next_sync_committee_branch) =
            self.next_sync_committee.unwrap_or_else(|| (SyncCommittee::empty(preset), vec![B256::ZERO; 5]));
        LightClientUpdate {
            attested_header: header(self.attested_header),
            next_sync_committee,
            next_sync_committee_branch,
            finalized_header: header(self.finalized_header.0),
            finality_branch: self.finalized_header.1,
            sync_aggregate: self.sync_aggregate,
            signature_slot: self.signature_slot,
        }
    }
}

/// Where trust begins, before headers carried execution.
#[derive(Deserialize)]
pub struct PlainBootstrap {
    beacon_header: PlainHeader,
    current_sync_committee: SyncCommittee,
    current_sync_committee_branch: Vec<B256>,
}

impl PlainBootstrap {
    /// As the specification has it.
    pub fn altair(self) -> Bootstrap {
        Bootstrap {
            header: LightClientHeader { beacon: self.beacon_header.into(), ..Default::default() },
            current_sync_committee: self.current_sync_committee,
            current_sync_committee_branch: self.current_sync_committee_branch,
        }
    }
}

#[test]
fn a_bellatrix_signing_root_is_the_known_one_and_its_committee_signed_it() {
    let Some(folder) = vectors("ethereum/datachain/crates/consensus/data") else { return };
    let config = ChainConfig::mainnet();
    let mut tally = Tally::new("datachain mainnet");
    let update = json::<PlainUpdate>(folder.join("mainnet_light_client_update_slot_5841038.json"));
    let committee: SyncCommittee = json(folder.join("mainnet_sync_committee_period_713.json"));
    let committee = Committee::new(&committee).unwrap();
    let known: B256 = json(folder.join("mainnet_signing_root_slot_5841037.json"));
    let update = update.altair();
    let header = &update.attested_header.beacon;
    let version = config.signing_version(update.signature_slot).unwrap();
    assert_eq!(version, ForkVersion::from([2, 0, 0, 0]));
    let root = signing_root(header, version, config.genesis_validators_root);
    assert_eq!(root, known);
    assert_eq!(committee.verify(&update.sync_aggregate, root).unwrap(), update.sync_aggregate.participants());
    tally.pass();
    let capella = signing_root(header, [3, 0, 0, 0].into(), config.genesis_validators_root);
    tally.refuse(committee.verify(&update.sync_aggregate, capella), "sync_committee_signature");
    // Through the whole update: SSZ of a fork without execution headers survives the round trip.
    let form = config.form_at(header.slot).unwrap();
    update.conform(form).unwrap();
    assert_eq!(from_ssz::<LightClientUpdate>(&update.encode_ssz(), &config).unwrap(), update);
    tally.pass();
}

#[test]
fn a_minimal_bellatrix_network_is_followed_over_five_periods() {
    let Some(folder) = vectors("ethereum/datachain/crates/light-client-verifier/data/bellatrix") else { return };
    let mut tally = Tally::new("datachain minimal bellatrix");
    #[derive(Deserialize)]
    struct Signed {
        light_client_update: PlainUpdate,
    }
    let (initial, _, root): (PlainBootstrap, B256, B256) = json(folder.join("initial_state.json"));
    let config = minimal_network(Fork::Bellatrix, root);
    let bootstrap = initial.altair();
    assert_eq!(from_ssz::<Bootstrap>(&bootstrap.encode_ssz(), &config).unwrap(), bootstrap);
    let mut store = trust(&config, &bootstrap);
    for period in 5..10 {
        let (signed, _): (Signed, serde_json::Value) =
            json(folder.join(format!("light_client_update_period_{period}.json")));
        let update = signed.light_client_update.altair();
        store.process_update(&config, &update, NOW).unwrap();
        tally.pass();
        if period > 5 {
            let (signed, _): (Signed, serde_json::Value) =
                json(folder.join(format!("finality_update_period_{period}.json")));
            let update = signed.light_client_update.altair();
            store.process_update(&config, &update, NOW).unwrap();
            tally.pass();
        }
    }
    assert_eq!((store.period(&config), store.finalized_header().beacon.slot), (9, 584));
    assert_eq!(store.latest_final_block(), None, "headers before Capella carry no execution block");
}
