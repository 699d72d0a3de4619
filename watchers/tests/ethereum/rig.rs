//! A source chain with an outbox on it, the beacon companion over it, and watchers of both.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use alloy::sol;
use alloy::sol_types::{SolCall, SolValue};
use alloy_primitives::{Address, B256, Bytes, TxHash, U256};
use serde_json::{Value, json};
use spandrel_testnets::ethereum::{Anvil, AnvilOptions, Beacon, BeaconOptions, EthereumTestnetError};
use spandrel_verifiers::follow::{ChainEvent, Cursor, SeenDeposit, Watcher};
use spandrel_verifiers::{AssetId, ChainId};
use spandrel_watchers::ethereum::{Endpoint, EthereumConfig, EthereumEvidence, EthereumWatcher, LightClient, Names};

sol! {
    struct Terms {
        bytes32 asset;
        uint256 amount;
        bytes32 destinationChain;
        bytes32 destinationBridge;
        bytes32 recipient;
        bytes32 sender;
        uint8 lane;
        uint64 expiry;
    }
    function append(Terms terms) returns (uint256 nonce, bytes32 id);
}

/// Blocks before the outbox is deployed: enough for a first finality.
const BLOCKS_BEFORE: u64 = 24;

pub struct Rig {
    pub anvil: Anvil,
    pub beacon: Beacon,
    pub outbox: Address,
    pub config: EthereumConfig,
    vault: Address,
}

impl Rig {
    /// `None`, with the reason printed, when anvil or the contract's artifact is not there.
    pub async fn start() -> Option<Self> {
        let creation = outbox_creation()?;
        let anvil = match Anvil::start(AnvilOptions::default()).await {
            Ok(anvil) => anvil,
            Err(EthereumTestnetError::NotFound { .. }) => {
                println!("skipped: anvil not found");
                return None;
            }
            Err(error) => panic!("{error}"),
        };
        anvil.mine(BLOCKS_BEFORE).await.unwrap();
        let vault = anvil.signers()[0].address();
        let creation = [creation, vault.abi_encode()].concat();
        let sent = send(&anvil, json!({ "from": vault, "data": Bytes::from(creation), "gas": "0x4c4b40" })).await;
        anvil.mine(1).await.unwrap();
        let receipt: Value = anvil.rpc("eth_getTransactionReceipt", json!([sent])).await.unwrap();
        let outbox: Address = receipt["contractAddress"].as_str().unwrap().parse().unwrap();

        let options = BeaconOptions { follow_every: Duration::from_secs(3600), ..BeaconOptions::over(anvil.url()) };
        let beacon = Beacon::start(options).await.unwrap();
        let config = EthereumConfig::new(
            beacon.network().clone(),
            beacon.finalized_root().await.unwrap(),
            Endpoint::parse("execution", anvil.url()).unwrap(),
            Endpoint::parse("beacon", beacon.url()).unwrap(),
            outbox,
            BLOCKS_BEFORE,
            names(),
        );
        Some(Self { anvil, beacon, outbox, config, vault })
    }

    /// Makes blocks and lets the beacon companion see them.
    pub async fn mine(&self, count: u64) {
        self.anvil.mine(count).await.unwrap();
        self.beacon.sync().await.unwrap();
    }

    /// Asks for a deposit of `amount`; it stands in the next block mined.
    pub async fn deposit(&self, amount: u64) -> TxHash {
        self.deposit_of(asset(), amount).await
    }

    pub async fn deposit_of(&self, asset: AssetId, amount: u64) -> TxHash {
        let terms = Terms {
            asset: asset.hash(),
            amount: U256::from(amount),
            destinationChain: destination().hash(),
            destinationBridge: B256::repeat_byte(7),
            recipient: B256::repeat_byte(8),
            sender: self.vault.into_word(),
            lane: 0,
            expiry: 4_000_000_000,
        };
        let data = Bytes::from(appendCall { terms }.abi_encode());
        send(&self.anvil, json!({ "from": self.vault, "to": self.outbox, "data": data, "gas": "0x7a120" })).await
    }

    /// Height of the newest block whose finality can be proven: the head's own state is not signed yet.
    pub async fn provable_height(&self) -> u64 {
        self.beacon.finalized_height().await.unwrap() - 1
    }

    pub fn light_client(&self) -> Arc<LightClient> {
        Arc::new(LightClient::new(&self.config).unwrap())
    }

    pub fn watcher(&self) -> EthereumWatcher {
        EthereumWatcher::new(self.config.clone(), self.light_client()).unwrap()
    }

    pub fn evidence(&self) -> EthereumEvidence {
        EthereumEvidence::new(&self.config, self.light_client()).unwrap()
    }
}

async fn send(anvil: &Anvil, transaction: Value) -> TxHash {
    anvil.rpc("eth_sendTransaction", json!([transaction])).await.unwrap()
}

pub fn destination() -> ChainId {
    ChainId::eip155(31_338)
}

pub fn asset() -> AssetId {
    AssetId::parse("eip155:31337/slip44:60").unwrap()
}

fn names() -> Names {
    names_with([])
}

/// What the bridge knows, and `more`.
pub fn names_with(more: impl IntoIterator<Item = AssetId>) -> Names {
    Names::new([destination()], more.into_iter().chain([asset()]))
}

/// `contracts/artifacts/Outbox.json`, if it is there.
pub fn outbox_artifact() -> Option<Value> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../contracts/artifacts/Outbox.json");
    match std::fs::read(path) {
        Ok(text) => Some(serde_json::from_slice(&text).unwrap()),
        Err(_) => {
            println!("skipped: artifact of Outbox not found");
            None
        }
    }
}

fn outbox_creation() -> Option<Vec<u8>> {
    let code: Bytes = outbox_artifact()?["bytecode"].as_str().unwrap().parse().unwrap();
    Some(code.to_vec())
}

/// Reads until nothing is new; all events in order, and the last cursor.
pub async fn read_all(watcher: &impl Watcher, mut cursor: Cursor) -> (Vec<ChainEvent>, Cursor) {
    let mut events = Vec::new();
    loop {
        let batch = watcher.read(&cursor).await.unwrap();
        if batch.events.is_empty() {
            assert_eq!(batch.next, cursor);
            return (events, cursor);
        }
        events.extend(batch.events);
        cursor = batch.next;
    }
}

pub fn deposits(events: &[ChainEvent]) -> Vec<SeenDeposit> {
    let deposit = |event: &ChainEvent| match event {
        ChainEvent::Deposit(seen) => Some(seen.clone()),
        _ => None,
    };
    events.iter().filter_map(deposit).collect()
}

pub fn amounts(events: &[ChainEvent]) -> Vec<u64> {
    deposits(events).iter().map(|seen| seen.deposit.amount.to()).collect()
}
