//! A real anvil, from `SPANDREL_ANVIL` or the crate's `node_modules`.

use std::env;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use alloy::network::EthereumWallet;
use alloy::primitives::{Address, B256, Bytes, U256, keccak256};
use alloy::providers::{DynProvider, Provider, ProviderBuilder};
use alloy::signers::local::PrivateKeySigner;
use spandrel_verifiers::{ChainId, Checkpoint};

/// First block's time: fixed, so that gas does not depend on the hour.
pub const GENESIS_TIME: u64 = 1_750_000_000;

/// A running chain and the account that deploys on it.
pub struct Chain {
    process: Child,
    pub number: u64,
    pub provider: DynProvider,
    pub deployer: Address,
}

/// Header and trie nodes of one storage slot.
pub struct SlotProof {
    pub header: Bytes,
    pub account_proof: Vec<Bytes>,
    pub storage_proof: Vec<Bytes>,
    pub checkpoint: Checkpoint,
}

/// A key that is the same in every run.
pub fn key(name: &str) -> PrivateKeySigner {
    PrivateKeySigner::from_bytes(&keccak256(name)).unwrap()
}

fn binary() -> Option<PathBuf> {
    if let Some(path) = env::var_os("SPANDREL_ANVIL") {
        return Some(path.into());
    }
    let packaged = "node_modules/@foundry-rs/anvil-linux-amd64/bin/anvil";
    Some(Path::new(env!("CARGO_MANIFEST_DIR")).join(packaged)).filter(|path| path.exists())
}

impl Chain {
    /// Starts a chain on a free port of the loopback; `None`, with a word about it, when there is no anvil.
    pub async fn start(number: u64) -> Option<Self> {
        let Some(binary) = binary() else {
            println!("skipped: anvil not found (run `npm ci` in contracts, or set SPANDREL_ANVIL)");
            return None;
        };
        let mut process = Command::new(binary)
            .args(["--host", "127.0.0.1", "--port", "0", "--hardfork", "prague", "--accounts", "1"])
            .args(["--chain-id", &number.to_string(), "--timestamp", &GENESIS_TIME.to_string()])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
        let address = lines.by_ref().find_map(|line| line.unwrap().strip_prefix("Listening on ").map(str::to_owned));
        std::thread::spawn(move || lines.for_each(drop));
        let signer = key("deployer");
        let deployer = signer.address();
        let provider = ProviderBuilder::new()
            .wallet(EthereumWallet::from(signer))
            .connect_http(format!("http://{}", address.unwrap()).parse().unwrap())
            .erased();
        provider.client().set_poll_interval(Duration::from_millis(5));
        let chain = Self { process, number, provider, deployer };
        chain.fund(deployer).await;
        Some(chain)
    }

    /// Gives an account a thousand coins.
    pub async fn fund(&self, account: Address) {
        let coins = U256::from(10).pow(U256::from(21));
        self.provider.raw_request::<_, ()>("anvil_setBalance".into(), (account, coins)).await.unwrap();
    }

    /// Its name.
    pub fn id(&self) -> ChainId {
        ChainId::eip155(self.number)
    }

    /// Time of the newest block.
    pub async fn now(&self) -> u64 {
        self.provider.get_block_by_number(Default::default()).await.unwrap().unwrap().header.timestamp
    }

    /// Mines a block at `time`.
    pub async fn mine_at(&self, time: u64) {
        self.provider.raw_request::<_, String>("evm_mine".into(), (U256::from(time),)).await.unwrap();
    }

    /// Proof of a slot at the newest block.
    pub async fn prove(&self, account: Address, slot: B256) -> SlotProof {
        let block = self.provider.get_block_by_number(Default::default()).await.unwrap().unwrap();
        let height = block.header.number;
        let proof = self.provider.get_proof(account, vec![slot]).number(height).await.unwrap();
        let header = Bytes::from(alloy::rlp::encode(&block.header.inner));
        assert_eq!(keccak256(&header), block.header.hash);
        SlotProof {
            header,
            account_proof: proof.account_proof,
            storage_proof: proof.storage_proof[0].proof.clone(),
            checkpoint: Checkpoint {
                chain: self.id(),
                height,
                root: block.header.hash,
                time: block.header.timestamp,
                up_to: Checkpoint::ANY_AMOUNT,
            },
        }
    }
}

impl Drop for Chain {
    fn drop(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }
}
