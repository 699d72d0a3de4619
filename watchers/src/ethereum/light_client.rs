//! The watcher's own light client: what is final is computed here, from the configured root, never asked.

use std::sync::{Arc, OnceLock};

use alloy_primitives::{B256, Bytes};
use spandrel_verifiers::ethereum::containers::{FinalityUpdate, LightClientUpdate};
use spandrel_verifiers::ethereum::ssz::HashTreeRoot;
use spandrel_verifiers::ethereum::{ChainConfig, LightClientStore, Update, finality_bytes};
use spandrel_verifiers::follow::{BlockRef, ConsensusSource, FollowError};
use spandrel_verifiers::{Contradiction, UnixSeconds, VerifyError};
use tokio::sync::Mutex;

use super::beacon::{BeaconApi, Encoding};
use super::proofs::{Proof, Proofs};
use super::{EthereumConfig, EthereumConsensus};
use crate::clock::unix_now;

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
    proofs: Proofs,
    /// What was found and not taken.
    contradiction: Option<Box<Contradiction>>,
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

    /// Two signed updates that contradict each other, once for each pair that came: whoever takes it must see to it.
    pub(super) async fn take_contradiction(&self) -> Option<Box<Contradiction>> {
        self.state.lock().await.as_mut()?.contradiction.take()
    }

    /// What shows that the newest final block does not descend from `replaced`, which was held final before, by the headers
    /// between them; nothing where its update is not kept any more.
    pub(super) async fn not_descending(&self, replaced: B256, headers: Vec<Bytes>) -> Option<Box<Contradiction>> {
        let mut guard = self.state.lock().await;
        let state = guard.as_mut()?;
        let newest = state.known.as_ref()?.block.hash;
        state.proofs.not_descending(&self.network, replaced, newest, headers).map(Box::new)
    }

    /// A block that was proven final and is not in `chain`, which reaches its height and was proven final past it.
    pub(super) async fn stray_from(&self, chain: &[BlockRef]) -> Option<BlockRef> {
        self.state.lock().await.as_ref()?.proofs.stray_from(chain)
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
        Self { store, known, proofs: Proofs::default(), contradiction: None }
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
        let is_news = match proven {
            Ok(block) => self.keep(network, block, &finality)?,
            Err(_) => true,
        };
        if is_news { self.store.process_update(network, update, now) } else { Ok(()) }
    }

    /// Checked first by itself, for two thirds of the committee, so that what is kept as proof is one.
    fn finalize(
        &mut self,
        network: &ChainConfig,
        update: &FinalityUpdate,
        now: UnixSeconds,
    ) -> Result<(), VerifyError> {
        let block = self.store.check_finality(network, update, now)?;
        let is_news = self.keep(network, block, update)?;
        if is_news { self.store.process_finality_update(network, update, now) } else { Ok(()) }
    }

    /// Keeps what was proven; answers whether it may be taken. What contradicts what is kept is not: nobody knows which of
    /// the two is the chain's.
    fn keep(&mut self, network: &ChainConfig, block: BlockRef, update: &FinalityUpdate) -> Result<bool, VerifyError> {
        let (period, committee) = self.store.committee_at(network, update.signature_slot)?;
        let beacon = &update.finalized_header.beacon;
        let beacon = (beacon.slot, beacon.hash_tree_root());
        let proof = Proof { block, beacon, period, update: finality_bytes(network, update)? };
        if let Some(two) = self.proofs.contradicted_by(network, &proof, committee) {
            self.contradiction = Some(Box::new(two));
        }
        if self.proofs.rival_of(&proof).is_some() {
            return Ok(false);
        }
        if self.known.as_ref().is_none_or(|known| known.block.height <= block.height) {
            self.known = Some(FinalBlock { block, update: Some(proof.update.clone()) });
        }
        self.proofs.keep(proof, committee);
        Ok(true)
    }
}
