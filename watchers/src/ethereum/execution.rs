//! The execution node's JSON-RPC. Every header is re-encoded and hashed here; nothing it says is taken by its word
//! where a hash can decide.

use std::time::Duration;

use alloy::consensus::Header;
use alloy::consensus::proofs::calculate_receipt_root;
use alloy::eips::BlockNumberOrTag;
use alloy::network::Ethereum;
use alloy::providers::{DynProvider, Provider, ProviderBuilder};
use alloy::rlp::EMPTY_STRING_CODE;
use alloy::rpc::types::{Block, EIP1186AccountProofResponse, Filter, Log, TransactionReceipt, TransactionRequest};
use alloy::sol_types::SolCall;
use alloy::transports::{RpcError, TransportError};
use alloy_primitives::{Address, B256, Bytes, U256};
use spandrel_verifiers::follow::{BlockRef, FollowError};
use spandrel_verifiers::{ChainId, UnixSeconds};
use tokio::sync::OnceCell;

use super::Endpoint;

/// An execution block header whose hash was computed from its fields.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ExecutionBlock {
    pub(super) header: Header,
    pub(crate) hash: B256,
}

impl ExecutionBlock {
    pub(super) fn block_ref(&self) -> BlockRef {
        BlockRef { height: self.header.number, hash: self.hash, time: self.header.timestamp }
    }

    /// Unix seconds.
    pub(crate) fn time(&self) -> UnixSeconds {
        self.header.timestamp
    }

    pub(super) fn rlp(&self) -> Bytes {
        alloy::rlp::encode(&self.header).into()
    }
}

/// A client of one execution node.
#[derive(Clone, Debug)]
pub(crate) struct Execution {
    provider: DynProvider,
    endpoint: Endpoint,
    chain: ChainId,
    identified: OnceCell<()>,
}

impl Execution {
    /// A client that gives up a call after `timeout`, follows no redirect and uses no proxy. Nothing is asked yet.
    pub(crate) fn new(endpoint: Endpoint, chain: ChainId, timeout: Duration) -> Result<Self, FollowError> {
        let client =
            reqwest::Client::builder().timeout(timeout).redirect(reqwest::redirect::Policy::none()).no_proxy().build();
        let client = client.map_err(|error| FollowError::Permanent {
            field: "http client".to_owned(),
            expected: "one that can be built".to_owned(),
            found: error.without_url().to_string(),
        })?;
        let provider = ProviderBuilder::new()
            .disable_recommended_fillers()
            .network::<Ethereum>()
            .connect_reqwest(client, endpoint.secret().clone())
            .erased();
        Ok(Self { provider, endpoint, chain, identified: OnceCell::new() })
    }

    /// Asks once whether the node serves the configured chain.
    pub(crate) async fn require_chain(&self) -> Result<(), FollowError> {
        let check = || async {
            let number = self.provider.get_chain_id().await.map_err(|error| self.failed("eth_chainId", &error))?;
            let found = ChainId::eip155(number);
            (found == self.chain).then_some(()).ok_or_else(|| FollowError::Permanent {
                field: format!("chain of {}", self.endpoint),
                expected: self.chain.to_string(),
                found: found.to_string(),
            })
        };
        self.identified.get_or_try_init(check).await.copied()
    }

    /// The best block.
    pub(crate) async fn head(&self) -> Result<ExecutionBlock, FollowError> {
        let found = self.by_number(BlockNumberOrTag::Latest).await?;
        found.ok_or_else(|| self.lied("eth_getBlockByNumber", "no latest block"))
    }

    /// The best chain's block at `height`, if the node has one.
    pub(super) async fn at(&self, height: u64) -> Result<Option<ExecutionBlock>, FollowError> {
        let found = self.by_number(BlockNumberOrTag::Number(height)).await?;
        match found {
            Some(block) if block.header.number != height => {
                Err(self.lied("eth_getBlockByNumber", format!("asked for {height}, got {}", block.header.number)))
            }
            other => Ok(other),
        }
    }

    /// Logs of `address` with first topic `topic` in the block of that hash, in order.
    pub(super) async fn logs(&self, block: B256, address: Address, topic: B256) -> Result<Vec<Log>, FollowError> {
        let filter = Filter::new().at_block_hash(block).address(address).event_signature(topic);
        let mut logs = self.provider.get_logs(&filter).await.map_err(|error| self.failed("eth_getLogs", &error))?;
        let strange = logs.iter().any(|log| {
            log.block_hash != Some(block) || log.address() != address || log.topic0() != Some(&topic) || log.removed
        });
        if strange {
            return Err(self.lied("eth_getLogs", format!("a log of another block or contract than asked, in {block}")));
        }
        logs.sort_by_key(|log| log.log_index);
        Ok(logs)
    }

    /// Height of the best block, by the node's word.
    pub(crate) async fn height(&self) -> Result<u64, FollowError> {
        self.provider.get_block_number().await.map_err(|error| self.failed("eth_blockNumber", &error))
    }

    /// Height of the newest final block, by the node's word; `None` while there is none.
    pub(crate) async fn final_height(&self) -> Result<Option<u64>, FollowError> {
        let found = self.provider.get_block_by_number(BlockNumberOrTag::Finalized).await;
        let block = found.map_err(|error| self.failed("eth_getBlockByNumber", &error))?;
        Ok(block.map(|block| block.header.number))
    }

    /// Logs of `address` with a first topic of `topics` in the blocks `from` to `to`, unproven.
    pub(crate) async fn logs_between(
        &self,
        from: u64,
        to: u64,
        address: Address,
        topics: &[B256],
    ) -> Result<Vec<Log>, FollowError> {
        let filter = Filter::new().select(from..=to).address(address).event_signature(topics.to_vec());
        let logs = self.provider.get_logs(&filter).await.map_err(|error| self.failed("eth_getLogs", &error))?;
        let is_strange = |log: &Log| {
            let is_inside = log.block_number.is_some_and(|height| (from..=to).contains(&height));
            let is_asked = log.topic0().is_some_and(|topic| topics.contains(topic));
            !is_inside || !is_asked || log.address() != address || log.removed
        };
        match logs.iter().any(is_strange) {
            true => Err(self.lied("eth_getLogs", format!("a log that was not asked for, in {from} to {to}"))),
            false => Ok(logs),
        }
    }

    /// All logs of `block` in order, proven complete: its receipts hash to the header's receipts root (EIP-2718
    /// encodings under `rlp(index)`). Only the transaction hashes are the node's word.
    pub(super) async fn proven_logs(&self, block: &ExecutionBlock) -> Result<Vec<Log>, FollowError> {
        let method = "eth_getBlockReceipts";
        let receipts = self.provider.get_block_receipts(block.hash.into()).await;
        let receipts = receipts
            .map_err(|error| self.failed(method, &error))?
            .ok_or_else(|| self.lied(method, format!("no receipts of {}", block.hash)))?;
        let plain: Vec<_> = receipts.iter().map(|receipt| receipt.inner.clone().into_primitives_receipt()).collect();
        let root = calculate_receipt_root(&plain);
        if root != block.header.receipts_root {
            return Err(self.lied(method, format!("expected root {}, found {root}", block.header.receipts_root)));
        }
        let of_transaction = |receipt: &TransactionReceipt| {
            let logs = receipt.logs().iter().cloned();
            let transaction_hash = Some(receipt.transaction_hash);
            logs.map(move |log| Log { transaction_hash, ..log }).collect::<Vec<_>>()
        };
        let logs = receipts.iter().flat_map(of_transaction).zip(0..);
        Ok(logs.map(|(log, index)| Log { block_hash: Some(block.hash), log_index: Some(index), ..log }).collect())
    }

    /// Account and storage proof under the block at `height`, unchecked.
    ///
    /// Asked by number and with full 32-byte keys: EthereumJS knows no other block id, anvil no shorter keys.
    pub(super) async fn proof(
        &self,
        height: u64,
        address: Address,
        slots: Vec<B256>,
    ) -> Result<EIP1186AccountProofResponse, FollowError> {
        let call = self.provider.get_proof(address, slots).number(height);
        let mut proof = call.await.map_err(|error| match error {
            RpcError::ErrorResp(refusal) => FollowError::ProofUnavailable(format!(
                "{}: eth_getProof at {height}: {} (code {})",
                self.endpoint, refusal.message, refusal.code
            )),
            other => self.failed("eth_getProof", &other),
        })?;
        proof.storage_proof.iter_mut().for_each(|slot| leave_out_empty_root(&mut slot.proof));
        Ok(proof)
    }

    /// What `contract` returns to `data` at the best block, unproven.
    pub(super) async fn call(&self, contract: Address, data: Bytes) -> Result<Bytes, FollowError> {
        let request = TransactionRequest::default().to(contract).input(data.into());
        self.provider.call(request).await.map_err(|error| self.failed("eth_call", &error))
    }

    /// What a view function of `contract` answers at the best block, unproven.
    pub(crate) async fn ask<F: SolCall>(&self, contract: Address, call: &F) -> Result<F::Return, FollowError> {
        let answer = self.call(contract, call.abi_encode().into()).await?;
        self.decoded::<F>(&answer)
    }

    /// The same after the block of that hash.
    pub(crate) async fn ask_at<F: SolCall>(
        &self,
        contract: Address,
        call: &F,
        block: B256,
    ) -> Result<F::Return, FollowError> {
        let request = TransactionRequest::default().to(contract).input(Bytes::from(call.abi_encode()).into());
        let answer = self.provider.call(request).block(block.into()).await;
        self.decoded::<F>(&answer.map_err(|error| self.failed("eth_call", &error))?)
    }

    /// Wei of `account` after the block of that hash, unproven.
    pub(crate) async fn balance_at(&self, account: Address, block: B256) -> Result<U256, FollowError> {
        let balance = self.provider.get_balance(account).block_id(block.into()).await;
        balance.map_err(|error| self.failed("eth_getBalance", &error))
    }

    /// Wei of `account` at the best block, unproven.
    pub(crate) async fn balance(&self, account: Address) -> Result<U256, FollowError> {
        self.provider.get_balance(account).await.map_err(|error| self.failed("eth_getBalance", &error))
    }

    fn decoded<F: SolCall>(&self, answer: &[u8]) -> Result<F::Return, FollowError> {
        F::abi_decode_returns_validate(answer)
            .map_err(|error| self.lied(F::SIGNATURE, format!("undecodable answer: {error}")))
    }

    /// An answer that contradicts itself or the question.
    pub(crate) fn lied(&self, method: &str, reason: impl ToString) -> FollowError {
        FollowError::Transient {
            endpoint: self.endpoint.to_string(),
            reason: format!("{method}: {}", reason.to_string()),
        }
    }

    async fn by_number(&self, number: BlockNumberOrTag) -> Result<Option<ExecutionBlock>, FollowError> {
        let method = "eth_getBlockByNumber";
        let found = self.provider.get_block_by_number(number).await.map_err(|error| self.failed(method, &error))?;
        found.map(|block| self.checked(method, block)).transpose()
    }

    fn checked(&self, method: &str, block: Block) -> Result<ExecutionBlock, FollowError> {
        let header = block.header.inner;
        let hash = header.hash_slow();
        if hash == block.header.hash {
            Ok(ExecutionBlock { header, hash })
        } else {
            Err(self.lied(
                method,
                format!("block {} says hash {}, its header hashes to {hash}", header.number, block.header.hash),
            ))
        }
    }

    /// The class is always transient; the text is stripped of URLs, which may hold credentials.
    fn failed(&self, method: &str, error: &TransportError) -> FollowError {
        let reason = match error {
            RpcError::ErrorResp(refusal) => format!("{} (code {})", refusal.message, refusal.code),
            RpcError::DeserError { err, .. } => format!("undecodable answer: {err}"),
            RpcError::Transport(kind) => {
                match kind.as_custom().and_then(|cause| cause.downcast_ref::<reqwest::Error>()) {
                    Some(cause) if cause.is_timeout() => "no answer in time".to_owned(),
                    Some(cause) if cause.is_connect() => "no connection".to_owned(),
                    Some(_) => "the connection broke off".to_owned(),
                    None => kind.to_string(),
                }
            }
            other => other.to_string(),
        };
        self.lied(method, reason)
    }
}

/// An empty trie has no nodes. Some answer with its root, the empty string, as one (Reth until paradigmxyz/reth#24719).
fn leave_out_empty_root(nodes: &mut Vec<Bytes>) {
    if matches!(nodes.as_slice(), [only] if only.as_ref() == [EMPTY_STRING_CODE]) {
        nodes.clear();
    }
}
