//! Feeds a light client: bootstrap by the trusted root, then whatever its store lacks, oldest first.

use std::sync::Arc;

use alloy_primitives::B256;
use spandrel_verifiers::VerifyError;
use spandrel_verifiers::ethereum::containers::{Bootstrap, FinalityUpdate, LightClientHeader, LightClientUpdate};
use spandrel_verifiers::ethereum::{LightClientStore, Update};
use spandrel_verifiers::follow::{ConsensusSource, FollowError};

use super::beacon::{BeaconApi, BeaconApiError};

/// Most periods asked for in one call: sixteen are 18 days of mainnet.
const PERIODS_A_CALL: u64 = 16;

/// The Ethereum [`ConsensusSource`]: claims of one beacon node, for the store to judge.
///
/// A sync-committee period without any finality cannot be passed this way: then trust must begin at a newer root.
#[derive(Clone, Debug)]
pub struct EthereumConsensus {
    api: Arc<BeaconApi>,
    trusted_root: B256,
}

impl EthereumConsensus {
    /// A source that begins at the beacon block `trusted_root`.
    pub fn new(api: Arc<BeaconApi>, trusted_root: B256) -> Self {
        Self { api, trusted_root }
    }

    /// A store that trusts the configured root, and nothing else yet.
    ///
    /// # Errors
    /// `Transient` when the node has no bootstrap for that root (it must be a final block, and not pruned) or lies
    /// about it; `Permanent` when the node serves another network.
    pub async fn bootstrap(&self) -> Result<LightClientStore, FollowError> {
        let bootstrap = self.bootstrap_data().await?;
        LightClientStore::bootstrap(self.api.network(), self.trusted_root, &bootstrap)
            .map_err(|error| self.refused("bootstrap", &error))
    }

    /// The bootstrap of the configured root, as the node tells it: for the store to judge, or to be shown to others.
    ///
    /// # Errors
    /// As [`Self::bootstrap`].
    pub async fn bootstrap_data(&self) -> Result<Bootstrap, FollowError> {
        self.api.require_network().await?;
        Ok(self.api.bootstrap(self.trusted_root).await?)
    }

    /// An answer that the light client does not accept.
    pub(super) fn refused(&self, what: &str, error: &VerifyError) -> FollowError {
        FollowError::Transient { endpoint: self.api.endpoint().to_string(), reason: format!("{what}: {error}") }
    }

    /// Whether `update` brings the next committee that the store lacks, with finality in its own period: without it
    /// the store would not take the committee.
    fn settles(&self, trusted: &LightClientStore, update: &LightClientUpdate) -> bool {
        let period_of = |header: &LightClientHeader| self.api.network().preset.period_at(header.beacon.slot);
        !trusted.knows_next_committee()
            && !update.finalized_header.is_empty()
            && period_of(&update.finalized_header) == period_of(&update.attested_header)
    }

    /// Updates of the periods from the store's up to `newest`. The last may have none yet.
    async fn periods(&self, trusted: &LightClientStore, newest: u64) -> Result<Vec<LightClientUpdate>, FollowError> {
        let mut next = trusted.period(self.api.network()).saturating_add(u64::from(trusted.knows_next_committee()));
        let mut updates = Vec::new();
        while next < newest {
            let count = PERIODS_A_CALL.min(newest - next);
            let found = self.api.updates(next, count).await?;
            if found.is_empty() {
                return Err(BeaconApiError::absent_periods(self.api.endpoint(), next).into());
            }
            next += found.len() as u64;
            updates.extend(found);
        }
        if next == newest {
            match self.api.updates(newest, 1).await {
                Ok(found) => updates.extend(found),
                Err(error) if error.may_mean_absent() => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(updates)
    }
}

/// Whether `update` names another final block than the store's for one slot: that is news, too.
fn contradicts(trusted: &LightClientStore, update: &FinalityUpdate) -> bool {
    let (held, named) = (&trusted.finalized_header().beacon, &update.finalized_header.beacon);
    held.slot == named.slot && held != named
}

impl ConsensusSource<LightClientStore, Update> for EthereumConsensus {
    async fn updates(&self, trusted: &LightClientStore) -> Result<Vec<Update>, FollowError> {
        self.api.require_network().await?;
        let (finality, optimistic) = (self.api.finality_update().await?, self.api.optimistic_update().await?);
        let finality_slot = finality.as_ref().map(|update| update.attested_header.beacon.slot);
        let optimistic_slot = optimistic.as_ref().map(|update| update.attested_header.beacon.slot);
        let Some(newest_slot) = finality_slot.max(optimistic_slot) else { return Ok(Vec::new()) };

        let newest = self.api.network().preset.period_at(newest_slot);
        let (finalized, signed) = (trusted.finalized_header().beacon.slot, trusted.optimistic_header().beacon.slot);
        let mut news: Vec<Update> = self
            .periods(trusted, newest)
            .await?
            .into_iter()
            .filter(|update| update.finalized_header.beacon.slot > finalized || self.settles(trusted, update))
            .map(|update| Update::Period(Box::new(update)))
            .collect();
        news.extend(
            finality
                .filter(|update| update.finalized_header.beacon.slot > finalized || contradicts(trusted, update))
                .map(|update| Update::Finality(Box::new(update))),
        );
        news.extend(
            optimistic
                .filter(|update| update.attested_header.beacon.slot > signed)
                .map(|update| Update::Optimistic(Box::new(update))),
        );
        Ok(news)
    }
}
