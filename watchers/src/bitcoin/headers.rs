//! The watcher's own header chain: which branch has most work is computed here, from the anchor, and never asked.

use spandrel_verifiers::bitcoin::{Anchor, ChainParams, HeaderChain};
use spandrel_verifiers::follow::{ConsensusSource, FollowError};
use tokio::sync::{Mutex, MutexGuard};

use super::BitcoinConsensus;
use crate::clock::unix_now;

/// Most calls of one refresh: each brings up to 16,000 headers.
const MAX_ROUNDS: usize = 128;

/// A header chain kept in memory: rebuilt from the anchor when the process starts.
#[derive(Debug)]
pub(super) struct Headers {
    source: BitcoinConsensus,
    chain: Mutex<HeaderChain>,
}

impl Headers {
    /// A chain of the anchor alone. Nothing is asked yet.
    pub fn new(source: BitcoinConsensus, params: ChainParams, anchor: Anchor) -> Result<Self, FollowError> {
        let chain = HeaderChain::new(params, anchor).map_err(|error| FollowError::Permanent {
            field: error.field,
            expected: error.expected,
            found: error.found,
        })?;
        Ok(Self { source, chain: Mutex::new(chain) })
    }

    /// Takes the headers that the node has and the chain lacks, as far as they hold the network's rules.
    ///
    /// # Errors
    /// `Transient` when the node does not answer, or shows a header that breaks a rule; what was known stays known.
    /// `Permanent` when it follows another network, or its best chain does not hold the anchor.
    pub async fn refresh(&self) -> Result<MutexGuard<'_, HeaderChain>, FollowError> {
        let mut chain = self.chain.lock().await;
        for _ in 0..MAX_ROUNDS {
            let updates = self.source.updates(&chain).await?;
            if updates.is_empty() {
                break;
            }
            for update in updates {
                chain.extend(&update.headers, unix_now()).map_err(|error| self.source.refused(&error))?;
            }
        }
        Ok(chain)
    }
}
