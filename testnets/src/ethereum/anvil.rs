//! The real anvil as an execution chain: started on an ephemeral loopback port, killed when dropped.

use std::process::Stdio;
use std::time::Duration;

use alloy::providers::{DynProvider, Provider, ProviderBuilder};
use alloy::signers::local::PrivateKeySigner;
use alloy_primitives::{Address, Bytes, U256};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};

use super::accounts::{self, DEV_KEYS};
use super::{EthereumTestnetError, binary};

/// Longest wait for anvil to listen.
const START_TIMEOUT: Duration = Duration::from_secs(30);

/// When anvil makes blocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mining {
    /// One block each interval, empty or not.
    Every(Duration),
    /// One block for each transaction, at once.
    OnTransaction,
    /// Only when [`Anvil::mine`] is called.
    Manual,
}

/// Rules of the EVM.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hardfork {
    /// Pectra's execution half.
    Prague,
    /// Fusaka's execution half.
    Osaka,
}

/// How to start anvil.
#[derive(Clone, Debug)]
pub struct AnvilOptions {
    /// EIP-155 chain number.
    pub chain_id: u64,
    /// When blocks are made.
    pub mining: Mining,
    /// How many accounts hold 10,000 ether at genesis; keys are known for at most ten.
    pub accounts: u8,
    /// EVM rules.
    pub hardfork: Hardfork,
    /// Anvil's own `finalized` tag stands at `latest - 2 * slots_in_an_epoch`. Nothing in this project relies on it.
    pub slots_in_an_epoch: u64,
    /// Timestamp of block 0 (Unix seconds); the present when absent.
    pub genesis_time: Option<u64>,
}

impl Default for AnvilOptions {
    fn default() -> Self {
        Self {
            chain_id: 31337,
            mining: Mining::Manual,
            accounts: 10,
            hardfork: Hardfork::Osaka,
            slots_in_an_epoch: 32,
            genesis_time: None,
        }
    }
}

impl AnvilOptions {
    fn arguments(&self) -> Vec<String> {
        let hardfork = match self.hardfork {
            Hardfork::Prague => "prague",
            Hardfork::Osaka => "osaka",
        };
        let mut arguments: Vec<String> = [
            ("--host", "127.0.0.1".to_owned()),
            ("--port", "0".to_owned()),
            ("--chain-id", self.chain_id.to_string()),
            ("--accounts", self.accounts.to_string()),
            ("--hardfork", hardfork.to_owned()),
            ("--slots-in-an-epoch", self.slots_in_an_epoch.to_string()),
        ]
        .into_iter()
        .flat_map(|(name, value)| [name.to_owned(), value])
        .collect();
        match self.mining {
            Mining::Every(interval) => {
                arguments.extend(["--block-time".to_owned(), interval.as_secs_f64().to_string()]);
            }
            Mining::OnTransaction => {}
            Mining::Manual => arguments.push("--no-mining".to_owned()),
        }
        if let Some(time) = self.genesis_time {
            arguments.extend(["--timestamp".to_owned(), time.to_string()]);
        }
        arguments
    }
}

/// A running anvil. Dropping it kills the process.
pub struct Anvil {
    process: Child,
    url: String,
    chain_id: u64,
    accounts: usize,
    provider: DynProvider,
}

impl Anvil {
    /// Starts anvil and returns once it listens on `127.0.0.1`.
    ///
    /// Errors: [`EthereumTestnetError::NotFound`] when the binary is not installed.
    pub async fn start(options: AnvilOptions) -> Result<Self, EthereumTestnetError> {
        let binary = binary::find_anvil()?;
        let mut process = Command::new(binary)
            .args(options.arguments())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .map_err(|error| did_not_start(error.to_string()))?;
        let stdout = process.stdout.take().ok_or_else(|| did_not_start("it has no standard output".to_owned()))?;
        let mut lines = BufReader::new(stdout).lines();
        let address = tokio::time::timeout(START_TIMEOUT, listening_address(&mut lines))
            .await
            .map_err(|_| did_not_start(format!("not listening after {START_TIMEOUT:?}")))??;
        tokio::spawn(drain(lines));
        let url = format!("http://{address}");
        let provider = connect(&url)?;
        let accounts = DEV_KEYS.len().min(usize::from(options.accounts));
        Ok(Self { process, url, chain_id: options.chain_id, accounts, provider })
    }

    /// JSON-RPC endpoint: `http://127.0.0.1:<port>`.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The EIP-155 number it was started with.
    pub fn chain_id(&self) -> u64 {
        self.chain_id
    }

    /// The process id, while it runs.
    pub fn process_id(&self) -> Option<u32> {
        self.process.id()
    }

    /// An alloy provider of this node, without a wallet.
    pub fn provider(&self) -> &DynProvider {
        &self.provider
    }

    /// Signers of the funded accounts, in anvil's order; at most ten.
    pub fn signers(&self) -> Vec<PrivateKeySigner> {
        accounts::signers(self.accounts)
    }

    /// Calls any JSON-RPC method.
    pub async fn rpc<R: DeserializeOwned>(&self, method: &str, parameters: Value) -> Result<R, EthereumTestnetError> {
        call(&self.provider, method, parameters).await
    }

    /// Height of the best block.
    pub async fn block_number(&self) -> Result<u64, EthereumTestnetError> {
        self.rpc::<U256>("eth_blockNumber", json!([])).await.map(|number| number.saturating_to())
    }

    /// Makes `count` blocks, one second of block time apart.
    pub async fn mine(&self, count: u64) -> Result<(), EthereumTestnetError> {
        self.rpc("anvil_mine", json!([U256::from(count)])).await
    }

    /// Replaces the last `depth` blocks by as many empty ones; their transactions are gone.
    pub async fn reorg(&self, depth: u64) -> Result<(), EthereumTestnetError> {
        self.reorg_with(depth, &[]).await
    }

    /// Replaces the last `depth` blocks; `(offset, raw transaction)` pairs stand in the new block `offset` (0-based).
    pub async fn reorg_with(&self, depth: u64, transactions: &[(u64, Bytes)]) -> Result<(), EthereumTestnetError> {
        let pairs: Vec<Value> = transactions.iter().map(|(offset, raw)| json!([raw, offset])).collect();
        self.rpc("anvil_reorg", json!([depth, pairs])).await
    }

    /// Takes the last `depth` blocks away, without replacement.
    pub async fn rollback(&self, depth: u64) -> Result<(), EthereumTestnetError> {
        self.rpc("anvil_rollback", json!([depth])).await
    }

    /// Gives the next block this timestamp (Unix seconds); refused when it is in the chain's past.
    pub async fn set_next_block_time(&self, time: u64) -> Result<(), EthereumTestnetError> {
        self.rpc::<Value>("evm_setNextBlockTimestamp", json!([time])).await.map(drop)
    }

    /// Sets an account's balance, in wei.
    pub async fn set_balance(&self, account: Address, wei: U256) -> Result<(), EthereumTestnetError> {
        self.rpc("anvil_setBalance", json!([account, wei])).await
    }
}

/// A JSON-RPC provider without a wallet.
pub(super) fn connect(url: &str) -> Result<DynProvider, EthereumTestnetError> {
    let parsed = url.parse().map_err(|_| EthereumTestnetError::Unfit {
        field: "execution url".to_owned(),
        expected: "an http URL".to_owned(),
        found: url.to_owned(),
    })?;
    Ok(ProviderBuilder::new().disable_recommended_fillers().connect_http(parsed).erased())
}

pub(super) async fn call<R: DeserializeOwned>(
    provider: &DynProvider,
    method: &str,
    parameters: Value,
) -> Result<R, EthereumTestnetError> {
    let failed = |reason: String| EthereumTestnetError::Rpc { method: method.to_owned(), reason };
    let answer: Value =
        provider.raw_request(method.to_owned().into(), parameters).await.map_err(|error| failed(error.to_string()))?;
    serde_json::from_value(answer).map_err(|error| failed(error.to_string()))
}

async fn listening_address(lines: &mut Lines<BufReader<ChildStdout>>) -> Result<String, EthereumTestnetError> {
    let mut last = String::new();
    while let Some(line) = lines.next_line().await.map_err(|error| did_not_start(error.to_string()))? {
        if let Some(address) = line.strip_prefix("Listening on ") {
            return Ok(address.trim().to_owned());
        }
        last = line;
    }
    Err(did_not_start(format!("it ended; its last line was {last:?}")))
}

async fn drain(mut lines: Lines<BufReader<ChildStdout>>) {
    while let Ok(Some(line)) = lines.next_line().await {
        tracing::trace!(target: "anvil", "{line}");
    }
}

fn did_not_start(reason: String) -> EthereumTestnetError {
    EthereumTestnetError::DidNotStart { program: "anvil", reason }
}
