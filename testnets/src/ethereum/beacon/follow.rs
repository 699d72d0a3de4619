//! Keeps the beacon chain over the execution chain's real blocks, through reorgs.

use alloy::eips::BlockNumberOrTag;
use alloy::providers::{DynProvider, Provider};
use alloy::rpc::types::Block;
use futures::StreamExt;
use spandrel_verifiers::ethereum::containers::{ExecutionPayloadHeader, to_json};
use tokio::sync::{Mutex, RwLock, broadcast};

use super::chain::BeaconChain;
use super::events::{self, BeaconEvent};
use super::payload::payload_header;
use crate::ethereum::EthereumTestnetError;

/// Blocks fetched at the same time, and imported under one lock.
const CONCURRENT_BLOCKS: usize = 8;
const BATCH: u64 = 256;

/// What follower and API share.
pub(super) struct Shared {
    pub(super) chain: RwLock<BeaconChain>,
    pub(super) events: broadcast::Sender<BeaconEvent>,
    execution: DynProvider,
    /// One catch-up at a time.
    following: Mutex<()>,
}

impl Shared {
    pub(super) fn new(chain: BeaconChain, execution: DynProvider) -> Self {
        let (events, _) = broadcast::channel(1024);
        Self { chain: RwLock::new(chain), events, execution, following: Mutex::new(()) }
    }

    /// Imports everything up to the execution chain's head as of now.
    ///
    /// An execution reorg below the finalized block is refused and followed no further, unless the committees equivocate:
    /// on the real chain consensus would not let it happen.
    pub(super) async fn catch_up(&self) -> Result<(), EthereumTestnetError> {
        let _one_at_a_time = self.following.lock().await;
        let head = self.height().await?;
        let keep = self.common_blocks(head).await?;
        let dropped = {
            let mut chain = self.chain.write().await;
            let last_final = chain.finalized().map(|block| block.execution.block_number);
            if let Some(last_final) = last_final.filter(|height| *height >= keep && !chain.is_equivocating) {
                return Err(EthereumTestnetError::Unfit {
                    field: "execution chain".to_owned(),
                    expected: format!("the finalized block {last_final} kept"),
                    found: format!("only {keep} blocks in common"),
                });
            }
            chain.rewind(usize::try_from(keep).unwrap_or(usize::MAX))
        };
        let mut replaced = dropped;
        let mut next = keep;
        while next <= head {
            let until = head.min(next.saturating_add(BATCH - 1));
            let blocks = self.payloads(next, until).await?;
            let mut chain = self.chain.write().await;
            for payload in blocks {
                let parent = chain.head().cloned();
                if parent.as_ref().is_some_and(|parent| parent.execution.block_hash != payload.parent_hash) {
                    // The execution chain moved between two calls: the next catch-up begins from what is common.
                    return Ok(());
                }
                let block = chain.import(payload)?.clone();
                let mut news = Vec::new();
                news.extend(events::reorg(&chain, &std::mem::take(&mut replaced), &block));
                news.extend(events::imported(&chain, &block, parent.as_ref()));
                self.announce(&mut chain, news)?;
            }
            next = until + 1;
        }
        Ok(())
    }

    /// How many of our blocks are also in the execution chain.
    async fn common_blocks(&self, head: u64) -> Result<u64, EthereumTestnetError> {
        let ours = self.chain.read().await.blocks().len();
        let mut keep = (ours as u64).min(head + 1);
        while keep > 0 {
            let theirs = self.execution.get_block_by_number(BlockNumberOrTag::Number(keep - 1)).await;
            let theirs = theirs.map_err(|error| failed("eth_getBlockByNumber", error))?;
            let index = usize::try_from(keep - 1).unwrap_or(usize::MAX);
            let ours = self.chain.read().await.blocks().get(index).map(|block| block.execution.block_hash);
            if theirs.map(|block| block.header.hash) == ours {
                break;
            }
            keep -= 1;
        }
        Ok(keep)
    }

    async fn payloads(&self, from: u64, until: u64) -> Result<Vec<ExecutionPayloadHeader>, EthereumTestnetError> {
        let preset = self.chain.read().await.config().preset;
        let fetched = futures::stream::iter(from..=until).map(|number| self.block(number)).buffered(CONCURRENT_BLOCKS);
        let blocks: Vec<_> = fetched.collect().await;
        let blocks = blocks.into_iter().map_while(Result::transpose);
        blocks.map(|block| payload_header(&block?, preset)).collect()
    }

    async fn block(&self, number: u64) -> Result<Option<Block>, EthereumTestnetError> {
        let call = self.execution.get_block_by_number(BlockNumberOrTag::Number(number)).full();
        call.await.map_err(|error| failed("eth_getBlockByNumber", error))
    }

    async fn height(&self) -> Result<u64, EthereumTestnetError> {
        self.execution.get_block_number().await.map_err(|error| failed("eth_blockNumber", error))
    }

    /// Sends `news`, and the light-client updates they make possible, if anyone listens.
    fn announce(&self, chain: &mut BeaconChain, mut news: Vec<BeaconEvent>) -> Result<(), EthereumTestnetError> {
        if self.events.receiver_count() == 0 {
            return Ok(());
        }
        let config = chain.config().clone();
        let unprintable = |error| failed("event stream", error);
        if let Some(update) = chain.optimistic_update()? {
            let json = to_json(&update, &config).map_err(unprintable)?;
            news.push(events::light_client("light_client_optimistic_update", json));
        }
        if let Some(update) = chain.news_of_finality()? {
            let json = to_json(&update, &config).map_err(unprintable)?;
            news.push(events::light_client("light_client_finality_update", json));
        }
        for event in news {
            if self.events.send(event).is_err() {
                tracing::debug!("the last listener left");
            }
        }
        Ok(())
    }
}

fn failed(method: &str, error: impl ToString) -> EthereumTestnetError {
    EthereumTestnetError::Rpc { method: method.to_owned(), reason: error.to_string() }
}
