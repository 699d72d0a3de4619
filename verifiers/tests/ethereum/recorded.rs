//! What other projects recorded of nodes: account proofs, block headers, bootstraps of public networks, and updates.

use alloy_primitives::{Address, B256, Bytes, U256};
use alloy_rlp::Encodable;
use serde_json::Value;
use spandrel_verifiers::ChainId;
use spandrel_verifiers::ethereum::containers::{Bootstrap, LightClientData, LightClientUpdate, from_json};
use spandrel_verifiers::ethereum::ssz::{HashTreeRoot, verify_branch};
use spandrel_verifiers::ethereum::{ChainConfig, ExecutionHeader, Fork, ForkEpoch, LightClientStore, Preset};

use crate::answers::{AccountAnswer, GetProof};
use crate::chain::rlp_list;
use crate::support::{Tally, files, hex_bytes, json, readable, vectors, vectors_with};

/// A block of JSON-RPC, in RLP: the fields that its fork has.
pub fn header_of(block: &Value) -> Vec<u8> {
    enum Field {
        Bytes(Bytes),
        Number(U256),
    }
    impl Encodable for Field {
        fn encode(&self, out: &mut dyn alloy_rlp::BufMut) {
            match self {
                Self::Bytes(bytes) => bytes.encode(out),
                Self::Number(number) => number.encode(out),
            }
        }
    }
    let bytes = ["parentHash", "sha3Uncles", "miner", "stateRoot", "transactionsRoot", "receiptsRoot", "logsBloom"];
    let numbers = ["difficulty", "number", "gasLimit", "gasUsed", "timestamp"];
    let tail = ["extraData", "mixHash", "nonce"];
    let late = [
        ("baseFeePerGas", true),
        ("withdrawalsRoot", false),
        ("blobGasUsed", true),
        ("excessBlobGas", true),
        ("parentBeaconBlockRoot", false),
        ("requestsHash", false),
    ];
    let names = bytes.map(|name| (name, false)).into_iter().chain(numbers.map(|name| (name, true)));
    let names = names.chain(tail.map(|name| (name, false))).chain(late);
    let fields: Vec<_> = names
        .filter_map(|(name, is_number)| {
            let text = block[name].as_str()?;
            Some(if is_number { Field::Number(text.parse().unwrap()) } else { Field::Bytes(hex_bytes(text)) })
        })
        .collect();
    rlp_list(&fields.iter().map(|field| field as &dyn Encodable).collect::<Vec<_>>())
}

#[test]
fn blocks_that_nodes_gave_hash_to_their_hash() {
    let sets = ["helios_execution", "snowbridge/relayer/chain/ethereum/testdata"];
    let Some(folder) = vectors_with("ethereum", &sets) else { return };
    let mut tally = Tally::new("headers of JSON-RPC");
    for path in ["helios_execution/rpc/block.json", "snowbridge/relayer/chain/ethereum/testdata/header11408438.json"] {
        let block: Value = json(folder.join(path));
        let hash: B256 = block["hash"].as_str().unwrap().parse().unwrap();
        let rlp = header_of(&block);
        let header = ExecutionHeader::open(hash, &rlp).unwrap();
        assert_eq!(header.receipts_root.to_string(), block["receiptsRoot"].as_str().unwrap());
        tally.pass();
        tally.refuse(ExecutionHeader::open(header.parent_hash, &rlp), "header");
    }
}

#[test]
fn accounts_and_slots_that_a_node_gave_stand_in_its_blocks_state() {
    let Some(folder) = vectors("ethereum/helios_execution") else { return };
    let mut tally = Tally::new("helios accounts");
    let block: Value = json(folder.join("rpc/block.json"));
    let state_root: B256 = block["stateRoot"].as_str().unwrap().parse().unwrap();
    let address = |text: &str| text.parse::<Address>().unwrap();
    for name in ["proof.json", "block_miner_proof.json"] {
        json::<GetProof>(folder.join("rpc").join(name)).check(state_root, &mut tally);
    }
    let asked: GetProof = json(folder.join("rpc/proof.json"));
    json::<AccountAnswer>(folder.join("rpc/account.json")).check(state_root, asked.address, &mut tally);
    let miner = address(block["miner"].as_str().unwrap());
    json::<AccountAnswer>(folder.join("rpc/block_miner_account.json")).check(state_root, miner, &mut tally);
    let list: Value = json(folder.join("verifiable_api/access_list.json"));
    for (name, answer) in list["accounts"].as_object().unwrap() {
        let answer: AccountAnswer = serde_json::from_value(answer.clone()).unwrap();
        answer.check(state_root, address(name), &mut tally);
    }
    for _ in ["access_list", "block_hashes", "chain_id", "fee_history", "filter_ids", "transaction", "tx_hashes"] {
        tally.skip("an answer that nothing proves");
    }
}

#[test]
fn bootstraps_of_three_public_networks_lead_to_their_own_root() {
    let Some(folder) = vectors("ethereum/axelar_mainnet_capella/contracts/light-client/testdata") else { return };
    let mut tally = Tally::new("axelar bootstraps");
    for (_, content) in readable::<Value>(&folder) {
        let chain = &content["config"]["chain_config"];
        if !chain["forks"].is_array() || !content["bootstrap"].is_object() {
            continue;
        }
        let names = [Fork::Altair, Fork::Bellatrix, Fork::Capella, Fork::Deneb];
        let forks = chain["forks"].as_array().unwrap().iter().zip(names).map(|(fork, name)| ForkEpoch {
            name,
            version: fork[1].as_str().unwrap().parse().unwrap(),
            epoch: fork[0].as_u64().unwrap(),
        });
        let config = ChainConfig {
            chain: ChainId::eip155(chain["chain_id"].as_u64().unwrap()),
            genesis_validators_root: chain["genesis_root"].as_str().unwrap().parse().unwrap(),
            genesis_time: chain["genesis_time"].as_u64().unwrap(),
            seconds_per_slot: 12,
            preset: Preset::Mainnet,
            forks: forks.collect(),
        };
        let mut bootstrap: Bootstrap = serde_json::from_value(content["bootstrap"].clone()).unwrap();
        // Recorded with the fields of Deneb whatever the fork: zeros, where it has none.
        let fork = config.fork_at(bootstrap.header.beacon.slot).unwrap().name;
        if !fork.has_blob_gas()
            && let Some(execution) = &mut bootstrap.header.execution
        {
            execution.header.blob_gas = execution.header.blob_gas.filter(|blob| *blob != Default::default());
        }
        let root = bootstrap.header.beacon.hash_tree_root();
        match LightClientStore::bootstrap(&config, root, &bootstrap) {
            Ok(_) => tally.pass(),
            // Goerli's: its execution header has not the hash that the block's body commits to.
            Err(error) => {
                assert_eq!(
                    (error.field.as_str(), bootstrap.header.beacon.slot),
                    ("header.execution_branch", 7_479_968)
                );
                tally.refuse(Err::<(), _>(error), "header.execution_branch");
                continue;
            }
        }
        tally.refuse(LightClientStore::bootstrap(&config, B256::ZERO, &bootstrap), "header.beacon");
        bootstrap.current_sync_committee.pubkeys.swap(0, 1);
        tally.refuse(LightClientStore::bootstrap(&config, root, &bootstrap), "current_sync_committee_branch");
    }
}

#[test]
fn a_first_update_of_a_young_network_is_whole_though_its_signers_are_not_recorded() {
    let Some(folder) = vectors("ethereum/snowbridge/relayer") else { return };
    let mut tally = Tally::new("snowbridge");
    let fork = |name, n: u8| ForkEpoch { name, version: [n, 0, 0, 0].into(), epoch: 0 };
    let config = ChainConfig {
        forks: vec![fork(Fork::Altair, 1), fork(Fork::Bellatrix, 2), fork(Fork::Capella, 3), fork(Fork::Deneb, 4)],
        ..ChainConfig::mainnet()
    };
    let file = std::fs::read(folder.join("relays/testutil/fixtures/sync_committee_update_0.json")).unwrap();
    let update: LightClientUpdate = from_json(&file, &config).unwrap();
    update.attested_header.verify(&config).unwrap();
    update.finalized_header.verify(&config).unwrap();
    let (state, form) = (update.attested_header.beacon.state_root, config.form_at(update.fork_slot()).unwrap());
    let committee = update.next_sync_committee.hash_tree_root();
    let branch = &update.next_sync_committee_branch;
    verify_branch("next", committee, branch, form.fork.next_committee_gindex(), state).unwrap();
    let finalized = update.finalized_header.beacon.hash_tree_root();
    let index = form.fork.finalized_root_gindex();
    verify_branch("finality", finalized, &update.finality_branch, index, state).unwrap();
    tally.pass();
    // At genesis both committees are the same: the branch does not tell them apart, another root it does.
    tally.refuse(verify_branch("next", finalized, branch, form.fork.next_committee_gindex(), state), "next");
    tally.skip("its signature: neither the committee nor the genesis root is recorded");
    for file in files(folder.join("relays/testutil/fixtures")) {
        if file.file_name().unwrap().to_string_lossy().starts_with("block_by_slot") {
            tally.skip("a whole beacon block: bodies are not hashed here");
        }
    }
    tally.skip("encodedProof11090290.json: a proof of work (ethash) of 2020");
    tally.skip("transactions11408438.json: transactions are proven as bytes, not rebuilt");
}
