//! Questions to an EVM node, whose answers and errors never show its credentials.

use alloy::network::TransactionBuilder;
use alloy::providers::{DynProvider, Provider, ProviderBuilder};
use alloy::rpc::types::{Filter, TransactionRequest};
use alloy::sol_types::{SolCall, SolEvent};
use alloy_primitives::{Address, B256, TxKind, U256};
use anyhow::{Context, Result, anyhow, ensure};
use serde_json::{Value, json};
use spandrel_submit::evm::RpcUrl;
use spandrel_verifiers::{ChainId, UnixSeconds};

use super::PATIENCE;

/// A node.
pub struct Evm {
    provider: DynProvider,
    url: RpcUrl,
}

impl Evm {
    /// A node at `url`; `field` names it in the error.
    pub fn new(field: &str, url: &str) -> Result<Self> {
        let url: RpcUrl = url.parse().with_context(|| field.to_owned())?;
        let client = alloy::transports::http::reqwest::Client::builder().timeout(PATIENCE).no_proxy().build()?;
        let provider =
            ProviderBuilder::new().disable_recommended_fillers().connect_reqwest(client, url.expose().clone());
        Ok(Self { provider: provider.erased(), url })
    }

    /// Its EIP-155 number.
    pub async fn chain_number(&self) -> Result<u64> {
        self.provider.get_chain_id().await.map_err(|error| self.failed(error))
    }

    /// Refuses a node of another chain than `chain`.
    pub async fn require_chain(&self, chain: &ChainId) -> Result<()> {
        let (expected, found) = (chain.eip155_number().unwrap_or_default(), self.chain_number().await?);
        ensure!(found == expected, "chain id: expected {expected}, found {found}");
        Ok(())
    }

    /// Height and time of its newest block.
    pub async fn newest(&self) -> Result<(u64, UnixSeconds)> {
        let latest = alloy::eips::BlockNumberOrTag::Latest;
        let block = self.provider.get_block_by_number(latest).await.map_err(|error| self.failed(error))?;
        let block = block.context("expected a latest block, found none")?;
        Ok((block.header.number, block.header.timestamp))
    }

    /// Whether it has code at `address`.
    pub async fn has_code(&self, address: Address) -> Result<bool> {
        let code = self.provider.get_code_at(address).await.map_err(|error| self.failed(error))?;
        Ok(!code.is_empty())
    }

    /// What `address` has, in wei.
    pub async fn balance(&self, address: Address) -> Result<U256> {
        self.provider.get_balance(address).await.map_err(|error| self.failed(error))
    }

    /// What a view function answers.
    pub async fn read<C: SolCall>(&self, to: Address, call: &C) -> Result<C::Return> {
        let request = TransactionRequest::default().with_kind(TxKind::Call(to)).with_input(call.abi_encode());
        let output = self.provider.call(request).await.map_err(|error| self.failed(error))?;
        C::abi_decode_returns(&output).map_err(|error| anyhow!("{} of {to}: {error}", C::SIGNATURE))
    }

    /// Every event `E` of `at` whose first topic is `first`, from the chain's beginning. Many nodes refuse so many blocks.
    pub async fn events<E: SolEvent>(&self, at: Address, first: B256) -> Result<Vec<E>> {
        let asked = Filter::new().address(at).event_signature(E::SIGNATURE_HASH).topic1(first).from_block(0);
        let logs = self.provider.get_logs(&asked).await.map_err(|error| self.failed(error))?;
        let decoded = logs.iter().map(|log| E::decode_log_data(log.data()));
        decoded.collect::<Result<_, _>>().map_err(|error| anyhow!("{} of {at}: {error}", E::SIGNATURE))
    }

    /// Whether it simulates: nothing is sent that was not simulated before.
    pub async fn simulates(&self) -> Result<()> {
        let asked = json!([{ "blockStateCalls": [{ "calls": [] }], "validation": false }, "latest"]);
        let answer: Result<Value, _> = self.provider.raw_request("eth_simulateV1".into(), asked).await;
        answer.map(|_| ()).map_err(|error| self.failed(error))
    }

    fn failed(&self, error: impl std::fmt::Display) -> anyhow::Error {
        anyhow!("{}: {}", self.url, self.url.redact(&error.to_string()))
    }
}
