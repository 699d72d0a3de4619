//! The node, as far as the engine asks it. Every failure is [`SubmitError::Transient`], without credentials.

use std::time::Duration;

use alloy::eips::{BlockId, BlockNumberOrTag};
use alloy::network::TransactionBuilder;
use alloy::providers::{DynProvider, Provider, ProviderBuilder};
use alloy::rpc::types::{TransactionReceipt, TransactionRequest};
use alloy::sol_types::SolCall;
use alloy::transports::http::reqwest;
use alloy::transports::{RpcError, TransportErrorKind};
use alloy_primitives::{Address, B256, Bytes, TxKind, U64, hex};
use serde::Deserialize;
use serde_json::json;
use spandrel_core::submission::SubmitError;
use spandrel_verifiers::UnixSeconds;

use super::build::Call;
use super::config::{Confirmation, permanent};
use super::rpc_error::{SendFault, classify};
use super::rpc_url::RpcUrl;

/// Blocks whose priority fees make the market.
const FEE_BLOCKS: u64 = 10;
/// The middle of each block.
const FEE_PERCENTILE: f64 = 50.0;

/// A node.
#[derive(Clone, Debug)]
pub(super) struct Rpc {
    provider: DynProvider,
    url: RpcUrl,
}

/// Where the chain stands.
#[derive(Clone, Copy, Debug)]
pub(super) struct Head {
    /// Newest block.
    pub number: u64,
    /// Newest final block, if there is one.
    pub last_final: Option<u64>,
}

impl Head {
    pub(super) fn is_final(&self, height: u64) -> bool {
        self.last_final.is_some_and(|last| height <= last)
    }
}

/// What recent blocks paid for gas, wei per gas.
pub(super) struct Market {
    /// Of the block to come.
    pub next_base_fee: u128,
    /// One a block, oldest first.
    pub priorities: Vec<u128>,
}

/// One call's outcome in a simulation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Simulated {
    /// It would succeed.
    Passed {
        /// Gas it would use, after refunds.
        gas: u64,
        /// What it would return.
        output: Bytes,
    },
    /// It would revert with this data.
    Reverted(Bytes),
}

impl Rpc {
    pub(super) fn new(url: &RpcUrl, timeout: Duration) -> Result<Self, SubmitError> {
        let client = reqwest::Client::builder()
            .timeout(timeout)
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .build()
            .map_err(|error| permanent("rpc client", "a working TLS set-up", error))?;
        let provider =
            ProviderBuilder::new().disable_recommended_fillers().connect_reqwest(client, url.expose().clone()).erased();
        Ok(Self { provider, url: url.clone() })
    }

    /// Its address; shown without credentials.
    pub(super) fn url(&self) -> &RpcUrl {
        &self.url
    }

    pub(super) async fn chain_number(&self) -> Result<u64, SubmitError> {
        self.provider.get_chain_id().await.map_err(|error| self.failed(error))
    }

    /// Newest and newest final block. A chain shorter than the depth has no final block but its first.
    pub(super) async fn head(&self, rule: Confirmation) -> Result<Head, SubmitError> {
        let number = self.provider.get_block_number().await.map_err(|error| self.failed(error))?;
        let last_final = match rule {
            Confirmation::Depth(depth) => Some(number.saturating_sub(depth)),
            Confirmation::FinalizedTag => self.block(BlockNumberOrTag::Finalized).await?.map(|block| block.0),
        };
        Ok(Head { number, last_final })
    }

    /// Hash of the canonical block at `height`, if there is one.
    pub(super) async fn block_hash(&self, height: u64) -> Result<Option<B256>, SubmitError> {
        Ok(self.block(BlockNumberOrTag::Number(height)).await?.map(|block| block.1))
    }

    /// Seconds since the Unix epoch of the block at `height`.
    pub(super) async fn time_at(&self, height: u64) -> Result<UnixSeconds, SubmitError> {
        let block = self.block(BlockNumberOrTag::Number(height)).await?;
        block.map(|block| block.2).ok_or_else(|| self.odd(&format!("no block {height}")))
    }

    /// Seconds since the Unix epoch of the newest block.
    pub(super) async fn latest_time(&self) -> Result<UnixSeconds, SubmitError> {
        let latest = self.block(BlockNumberOrTag::Latest).await?;
        latest.map(|block| block.2).ok_or_else(|| self.odd("no latest block"))
    }

    async fn block(&self, tag: BlockNumberOrTag) -> Result<Option<(u64, B256, UnixSeconds)>, SubmitError> {
        let block = self.provider.get_block_by_number(tag).await.map_err(|error| self.failed(error))?;
        Ok(block.map(|block| (block.header.number, block.header.hash, block.header.timestamp)))
    }

    /// The account's next nonce: after `height`, or after the newest block.
    pub(super) async fn nonce(&self, account: Address, height: Option<u64>) -> Result<u64, SubmitError> {
        let block = height.map_or(BlockId::latest(), BlockId::number);
        self.provider.get_transaction_count(account).block_id(block).await.map_err(|error| self.failed(error))
    }

    pub(super) async fn receipt(&self, hash: B256) -> Result<Option<TransactionReceipt>, SubmitError> {
        self.provider.get_transaction_receipt(hash).await.map_err(|error| self.failed(error))
    }

    /// Whether the node has the transaction, in its pool or in a block.
    pub(super) async fn knows(&self, hash: B256) -> Result<bool, SubmitError> {
        let found = self.provider.get_transaction_by_hash(hash).await.map_err(|error| self.failed(error))?;
        Ok(found.is_some())
    }

    /// Broadcasts signed bytes. The fault comes with the node's words, without credentials.
    pub(super) async fn broadcast(&self, raw: &Bytes) -> Result<(), (SendFault, String)> {
        match self.provider.send_raw_transaction(raw).await {
            Ok(_) => Ok(()),
            Err(error) => Err((classify(&error), self.url.redact(&error.to_string()))),
        }
    }

    pub(super) async fn market(&self) -> Result<Market, SubmitError> {
        let history = self
            .provider
            .get_fee_history(FEE_BLOCKS, BlockNumberOrTag::Latest, &[FEE_PERCENTILE])
            .await
            .map_err(|error| self.failed(error))?;
        let priorities = history.reward.iter().flatten().filter_map(|block| block.first().copied()).collect();
        let next_base_fee = history.base_fee_per_gas.last().copied().ok_or_else(|| self.odd("no base fee"))?;
        Ok(Market { next_base_fee, priorities })
    }

    /// Reads a view function, after `height` or after the newest block.
    pub(super) async fn read<C: SolCall>(
        &self,
        to: Address,
        call: &C,
        height: Option<u64>,
    ) -> Result<C::Return, SubmitError> {
        let block = height.map_or(BlockId::latest(), BlockId::number);
        let request = TransactionRequest::default().with_kind(TxKind::Call(to)).with_input(call.abi_encode());
        let output = self.provider.call(request).block(block).await.map_err(|error| self.failed(error))?;
        C::abi_decode_returns(&output)
            .map_err(|_| permanent(format!("contract at {to}"), C::SIGNATURE, hex::encode_prefixed(&output)))
    }

    /// Runs `calls` in order on top of the newest block, in a block of time `time`, as `from`. Sends nothing.
    ///
    /// Source: execution-apis, `eth_simulateV1`.
    pub(super) async fn simulate(
        &self,
        from: Address,
        calls: &[Call],
        time: UnixSeconds,
    ) -> Result<Vec<Simulated>, SubmitError> {
        let calls_json: Vec<_> =
            calls.iter().map(|call| json!({ "from": from, "to": call.to, "input": call.input })).collect();
        let block = json!({ "blockOverrides": { "time": U64::from(time) }, "calls": calls_json });
        let parameters = json!([{ "blockStateCalls": [block], "validation": false }, "latest"]);
        let blocks: Vec<SimulatedBlock> =
            self.provider.raw_request("eth_simulateV1".into(), parameters).await.map_err(|error| self.failed(error))?;
        let outcomes: Vec<Simulated> = blocks.into_iter().flat_map(|block| block.calls).map(Into::into).collect();
        if outcomes.len() != calls.len() {
            return Err(self.odd(&format!("{} outcomes of {} simulated calls", outcomes.len(), calls.len())));
        }
        Ok(outcomes)
    }

    fn failed(&self, error: RpcError<TransportErrorKind>) -> SubmitError {
        self.odd(&error.to_string())
    }

    fn odd(&self, reason: &str) -> SubmitError {
        SubmitError::Transient { endpoint: self.url.to_string(), reason: self.url.redact(reason) }
    }
}

#[derive(Debug, Deserialize)]
struct SimulatedBlock {
    calls: Vec<SimulatedCall>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct SimulatedCall {
    status: U64,
    gas_used: U64,
    #[serde(default)]
    return_data: Bytes,
    error: Option<SimulatedError>,
}

#[derive(Debug, Deserialize)]
struct SimulatedError {
    data: Option<Bytes>,
}

impl From<SimulatedCall> for Simulated {
    fn from(call: SimulatedCall) -> Self {
        if call.status == U64::from(1) {
            return Self::Passed { gas: call.gas_used.to(), output: call.return_data };
        }
        // go-ethereum puts revert data into the error, anvil and others into the return data.
        let in_error = call.error.and_then(|error| error.data).filter(|data| !data.is_empty());
        Self::Reverted(in_error.unwrap_or(call.return_data))
    }
}

#[cfg(test)]
mod tests {
    use alloy_primitives::bytes;

    use super::*;

    fn parsed(text: &str) -> Simulated {
        serde_json::from_str::<SimulatedCall>(text).unwrap().into()
    }

    #[test]
    fn revert_data_is_found_where_each_node_puts_it() {
        let geth = r#"{"returnData":"0x","logs":[],"gasUsed":"0x5217","status":"0x0",
            "error":{"message":"execution reverted","code":3,"data":"0x08c379a0"}}"#;
        let anvil = r#"{"returnData":"0x08c379a0","logs":[],"gasUsed":"0x5217","status":"0x0",
            "error":{"code":-3200,"message":"execution failed"}}"#;
        assert_eq!(parsed(geth), Simulated::Reverted(bytes!("08c379a0")));
        assert_eq!(parsed(anvil), Simulated::Reverted(bytes!("08c379a0")));
        let passed = r#"{"returnData":"0x01","logs":[],"gasUsed":"0x5208","status":"0x1"}"#;
        assert_eq!(parsed(passed), Simulated::Passed { gas: 21_000, output: bytes!("01") });
    }

    #[test]
    fn without_a_final_block_nothing_is_final() {
        let head = Head { number: 10, last_final: None };
        assert!(!head.is_final(0));
        let head = Head { number: 10, last_final: Some(8) };
        assert!(head.is_final(8) && !head.is_final(9));
    }
}
