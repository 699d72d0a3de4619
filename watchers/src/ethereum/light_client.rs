//! The watcher's own light client: what is final is computed here, from the configured root, never asked.

use std::sync::{Arc, OnceLock};
use std::time::{SystemTime, UNIX_EPOCH};

use alloy_primitives::Bytes;
use spandrel_verifiers::ethereum::containers::{FinalityUpdate, LightClientUpdate};
use spandrel_verifiers::ethereum::{ChainConfig, LightClientStore, Update, finality_bytes};
use spandrel_verifiers::follow::{BlockRef, ConsensusSource, FollowError};
use spandrel_verifiers::{UnixSeconds, VerifyError};
use tokio::sync::Mutex;

use super::beacon::{BeaconApi, Encoding};
use super::{EthereumConfig, EthereumConsensus};

/// A final execution block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FinalBlock {
    /// The block.
    pub block: BlockRef,
    /// [`finality_bytes`] of the update that proves it; `None` for the trusted root's own block.
    pub update: Option<Bytes>,
}

/// A light client kept in memory: rebuilt from the trusted root when the process starts.
#[derive(Debug)]
pub struct LightClient {
    consensus: EthereumConsensus,
    network: ChainConfig,
    state: Mutex<Option<State>>,
    since: OnceLock<UnixSeconds>,
}

#[derive(Clone, Debug)]
struct State {
    store: LightClientStore,
    known: Option<FinalBlock>,
}

impl LightClient {
    /// A light client of `config`'s network, root and beacon node. Nothing is asked yet.
    pub fn new(config: &EthereumConfig) -> Result<Self, FollowError> {
        config.validate()?;
        let (endpoint, network) = (config.beacon.clone(), config.network.clone());
        let api = BeaconApi::new(endpoint, network.clone(), Encoding::Ssz, config.call_timeout)?;
        let consensus = EthereumConsensus::new(Arc::new(api), config.trusted_root);
        Ok(Self { consensus, network, state: Mutex::new(None), since: OnceLock::new() })
    }

    /// Takes what the node has that is new, as far as it verifies, and returns the newest final block.
    ///
    /// # Errors
    /// `Transient` when the node does not answer or an update does not verify; what was known before stays known.
    pub async fn refresh(&self) -> Result<Option<FinalBlock>, FollowError> {
        let mut guard = self.state.lock().await;
        let state = match &mut *guard {
            Some(state) => state,
            empty => {
                let store = self.consensus.bootstrap().await?;
                self.since.get_or_init(|| self.network.time_of(store.finalized_header().beacon.slot));
                empty.insert(State::begin(store))
            }
        };
        self.advance(state).await?;
        Ok(state.known.clone())
    }

    /// The newest final block as of the last [`Self::refresh`].
    pub async fn known(&self) -> Option<FinalBlock> {
        self.state.lock().await.as_ref()?.known.clone()
    }

    /// When the trusted root's block was proposed; nothing before the first [`Self::refresh`]. What is learnt from there on
    /// moves nothing: it is kept in memory alone, and the next start begins there again.
    pub fn trusted_since(&self) -> Option<UnixSeconds> {
        self.since.get().copied()
    }

    async fn advance(&self, state: &mut State) -> Result<(), FollowError> {
        let now = unix_now();
        for update in self.consensus.updates(&state.store).await? {
            let (name, outcome) = match &update {
                Update::Period(update) => ("update", state.process(&self.network, update, now)),
                Update::Finality(update) => ("finality update", state.finalize(&self.network, update, now)),
                Update::Optimistic(update) => {
                    ("optimistic update", state.store.process_optimistic_update(&self.network, update, now))
                }
            };
            outcome.map_err(|error| self.consensus.refused(name, &error))?;
        }
        Ok(())
    }
}

impl State {
    fn begin(store: LightClientStore) -> Self {
        let known = store.latest_final_block().map(|block| FinalBlock { block: *block, update: None });
        Self { store, known }
    }

    fn process(
        &mut self,
        network: &ChainConfig,
        update: &LightClientUpdate,
        now: UnixSeconds,
    ) -> Result<(), VerifyError> {
        // Such an update is also a proof of finality, if it brings any; one that is none is still processed.
        let finality = FinalityUpdate {
            attested_header: update.attested_header.clone(),
            finalized_header: update.finalized_header.clone(),
            finality_branch: update.finality_branch.clone(),
            sync_aggregate: update.sync_aggregate.clone(),
            signature_slot: update.signature_slot,
        };
        let proven = self.store.check_finality(network, &finality, now);
        self.store.process_update(network, update, now)?;
        proven.map_or(Ok(()), |block| self.keep(network, block, &finality))
    }

    /// Checked first by itself, for two thirds of the committee, so that what is kept as proof is one.
    fn finalize(
        &mut self,
        network: &ChainConfig,
        update: &FinalityUpdate,
        now: UnixSeconds,
    ) -> Result<(), VerifyError> {
        let block = self.store.check_finality(network, update, now)?;
        self.store.process_finality_update(network, update, now)?;
        self.keep(network, block, update)
    }

    fn keep(&mut self, network: &ChainConfig, block: BlockRef, update: &FinalityUpdate) -> Result<(), VerifyError> {
        if self.known.as_ref().is_none_or(|known| known.block.height <= block.height) {
            self.known = Some(FinalBlock { block, update: Some(finality_bytes(network, update)?) });
        }
        Ok(())
    }
}

fn unix_now() -> UnixSeconds {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |elapsed| elapsed.as_secs())
}
