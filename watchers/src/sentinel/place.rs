//! How far one node's logs of a contract were read.
//!
//! Blocks are read up to the newest, so that what must not be is found before it is final, and read again until they are
//! final, so that nothing is missed in a reorg. Each node is read by itself, and what any of them tells is looked at: a log is
//! hidden only if every node hides it.

use alloy::rpc::types::Log;
use alloy_primitives::{Address, B256};
use spandrel_verifiers::follow::FollowError;
use tokio::sync::Mutex;

use crate::ethereum::Execution;

/// Blocks before the newest final one that are read at start: what happened while the process was down.
const LOOK_BACK: u64 = 7_200;
/// Most blocks of one read: many providers serve no more.
const MOST_BLOCKS: u64 = 1_000;

#[derive(Default)]
pub(super) struct Place(Mutex<Reached>);

#[derive(Default)]
struct Reached {
    /// The next block to read.
    next: Option<u64>,
    /// The newest block when it was last read to the end.
    newest: Option<u64>,
}

impl Place {
    /// What `told` makes of logs of `contract` with a first topic of `topics`, in the blocks from here on. A block is final
    /// `confirmations` below the newest, or by the chain's `finalized` tag.
    pub(super) async fn read<T>(
        &self,
        node: &Execution,
        contract: Address,
        topics: &[B256],
        confirmations: Option<u64>,
        told: impl Fn(&Log) -> Result<T, String>,
    ) -> Result<Vec<T>, FollowError> {
        let newest = node.height().await?;
        let mut reached = self.0.lock().await;
        if reached.newest == Some(newest) {
            return Ok(Vec::new());
        }
        let last_final = match confirmations {
            Some(depth) => newest.saturating_sub(depth),
            None => node.final_height().await?.unwrap_or(0),
        };
        let from = reached.next.unwrap_or_else(|| last_final.saturating_sub(LOOK_BACK));
        let to = newest.min(from.saturating_add(MOST_BLOCKS - 1));
        let mut found = Vec::new();
        if from <= to {
            let logs = node.logs_between(from, to, contract, topics).await?;
            for log in &logs {
                found.push(told(log).map_err(|reason| node.lied("eth_getLogs", reason))?);
            }
        }
        reached.next = Some(from.max(to.min(last_final).saturating_add(1)));
        reached.newest = (to == newest).then_some(newest);
        Ok(found)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};
    use std::time::Duration;

    use serde_json::Value;
    use spandrel_testnets::FaultProxy;
    use spandrel_testnets::ethereum::{Anvil, AnvilOptions, EthereumTestnetError};
    use spandrel_verifiers::ChainId;

    use super::*;
    use crate::ethereum::Endpoint;

    const DEPTH: u64 = 3;

    /// A node, and the blocks whose logs were asked of it.
    struct Asked {
        anvil: Anvil,
        node: Execution,
        place: Place,
        ranges: Arc<Mutex<Vec<(u64, u64)>>>,
        _proxy: FaultProxy,
    }

    impl Asked {
        /// `None`, with the reason printed, where anvil is not there.
        async fn start() -> Option<Self> {
            let anvil = match Anvil::start(AnvilOptions::default()).await {
                Ok(anvil) => anvil,
                Err(EthereumTestnetError::NotFound { .. }) => {
                    println!("skipped: anvil not found");
                    return None;
                }
                Err(error) => panic!("{error}"),
            };
            let proxy = FaultProxy::start(anvil.url()).await.unwrap();
            let ranges = Arc::<Mutex<Vec<_>>>::default();
            let kept = ranges.clone();
            proxy.lie(move |method, params, _| {
                if method == "eth_getLogs" {
                    let height = |text: &Value| {
                        u64::from_str_radix(text.as_str().unwrap().trim_start_matches("0x"), 16).unwrap()
                    };
                    kept.lock().unwrap().push((height(&params[0]["fromBlock"]), height(&params[0]["toBlock"])));
                }
            });
            let endpoint = Endpoint::parse("node", proxy.url()).unwrap();
            let node = Execution::new(endpoint, ChainId::eip155(anvil.chain_id()), Duration::from_secs(20)).unwrap();
            Some(Self { anvil, node, place: Place::default(), ranges, _proxy: proxy })
        }

        /// The blocks that the next read asks for.
        async fn next(&self) -> Vec<(u64, u64)> {
            let topics = [B256::repeat_byte(1)];
            let read = self.place.read(&self.node, Address::repeat_byte(2), &topics, Some(DEPTH), |_| Ok(()));
            assert!(read.await.unwrap().is_empty());
            std::mem::take(&mut self.ranges.lock().unwrap())
        }
    }

    #[tokio::test]
    async fn blocks_are_read_again_until_they_are_final_and_no_more_at_once_than_a_node_serves() {
        let Some(asked) = Asked::start().await else { return };
        asked.anvil.mine(10).await.unwrap();
        assert_eq!(asked.next().await, [(0, 10)]);
        assert_eq!(asked.next().await, [], "nothing is new");
        asked.anvil.mine(2).await.unwrap();
        assert_eq!(asked.next().await, [(8, 12)], "final up to 7 when they were read");
        asked.anvil.mine(1_500).await.unwrap();
        assert_eq!(asked.next().await, [(10, 1_009)]);
        assert_eq!(asked.next().await, [(1_010, 1_512)], "the rest, though no block is new");
        asked.anvil.rollback(10).await.unwrap();
        assert_eq!(asked.next().await, [], "all of it was read as final");
        asked.anvil.mine(9).await.unwrap();
        assert_eq!(asked.next().await, [(1_510, 1_511)]);
    }
}
