//! Opening refunds: the registries beside the vaults, and the relayer's desk over them.

use std::collections::BTreeMap;
use std::sync::Arc;

use alloy_primitives::Address;
use anyhow::Result;
use spandrel_bus::Link;
use spandrel_engine::{Book, RefundDesk, Refunding};
use spandrel_store::Sqlite;
use spandrel_verifiers::ChainId;
use spandrel_watchers::ethereum::Endpoint;
use spandrel_watchers::refund::{FinalBlocks, RefundView, RefundWatch};

use super::{CALL_TIMEOUT, ethereum};
use crate::clock::SystemClock;
use crate::config::{Config, EthereumNode, EthereumSource};

/// The relayer's side of refunds.
pub type Refunds = RefundDesk<Sqlite, SystemClock, Link>;

/// EVM chain number and registry of each source whose vault pays back under the verifiers' checkpoints, and that is written to.
pub fn registries(config: &Config) -> BTreeMap<ChainId, (u64, Address)> {
    let registry = |source: &EthereumSource| {
        let chain = &source.network.chain;
        let paying = config.destination.iter().find(|target| target.chain == *chain);
        let own = paying.map(|target| target.checkpoint_registry);
        let registry = own.or_else(|| source.pauses.as_ref()?.checkpoint_registry)?;
        Some((chain.clone(), (chain.eip155_number()?, registry)))
    };
    config.ethereum.iter().filter_map(registry).collect()
}

/// A desk for these registries, and for the destinations whose blocks verifiers prove: those that are sources too.
pub fn refund_desk(config: &Config, book: Arc<Book<Sqlite, SystemClock>>, bus: Link) -> Result<Refunds> {
    let registries = registries(config);
    let (mut sources, mut destinations) = (BTreeMap::new(), BTreeMap::new());
    for source in &config.ethereum {
        let chain = &source.network.chain;
        if let Some((number, registry)) = registries.get(chain) {
            let view = |node: &EthereumNode| {
                let node = Endpoint::parse("execution", &node.execution)?;
                let watch = RefundWatch::new(chain, source.outbox, *registry, node, CALL_TIMEOUT)?;
                anyhow::Ok(Box::new(watch) as Box<dyn RefundView>)
            };
            let views = source.nodes.iter().map(view).collect::<Result<_>>()?;
            sources.insert(chain.clone(), Refunding { number: *number, registry: *registry, views });
        }
        let blocks: Box<dyn FinalBlocks> = Box::new(ethereum::final_blocks(source)?);
        destinations.insert(chain.clone(), blocks);
    }
    Ok(RefundDesk::new(book, bus, sources, destinations))
}
