//! What sentinels look at in the simulation: payments as they are, sources as far as the relayer's nodes have come.

use std::collections::BTreeMap;
use std::sync::Arc;

use alloy::primitives::B256;
use futures::future::{BoxFuture, ready};
use spandrel_risk::Lane;
use spandrel_verifiers::ChainId;
use spandrel_verifiers::attestation::SignerSet;
use spandrel_verifiers::follow::{BlockRef, FollowError};
use spandrel_watchers::pool::{Health, Standing};
use spandrel_watchers::sentinel::{
    DestinationView, Funds, PaidOut, PayoutLane, PayoutPause, Registered, SetOf, SourceView,
};

use super::keys;
use super::universe::Shared;

/// The destination's payments.
pub struct SimPayments {
    chain: ChainId,
    universe: Shared,
}

impl SimPayments {
    /// Those of this universe.
    pub fn of(universe: &Shared) -> Box<dyn DestinationView> {
        Box::new(Self { chain: keys::destination(), universe: universe.clone() })
    }
}

impl DestinationView for SimPayments {
    fn chain(&self) -> &ChainId {
        &self.chain
    }

    fn quorum(&self) -> usize {
        1
    }

    fn payouts(&self) -> BoxFuture<'_, Result<Vec<PaidOut>, FollowError>> {
        let universe = self.universe.lock();
        let payments = universe.destination.latest().payments.iter();
        let payouts = payments.map(|payment| {
            let lane = match (payment.lane, payment.source.eip155_number()) {
                (Lane::Fast, _) => PayoutLane::Fast,
                (Lane::LightClient, None) => PayoutLane::Bitcoin,
                (Lane::LightClient, Some(_)) => PayoutLane::Proof,
            };
            PaidOut { id: payment.id, lane, paid: None, height: 0 }
        });
        Box::pin(ready(Ok(payouts.collect())))
    }

    fn checkpoints(&self) -> BoxFuture<'_, Result<Vec<Registered>, FollowError>> {
        Box::pin(ready(Ok(Vec::new())))
    }

    fn sets(&self, _: SetOf) -> BoxFuture<'_, Result<Vec<SignerSet>, FollowError>> {
        Box::pin(ready(Ok(Vec::new())))
    }

    fn funds(&self) -> BoxFuture<'_, Result<Option<Funds>, FollowError>> {
        Box::pin(ready(Ok(None)))
    }

    fn pauses(&self, _: u64) -> BoxFuture<'_, Result<Vec<Vec<PayoutPause>>, FollowError>> {
        Box::pin(ready(Ok(vec![Vec::new()])))
    }
}

/// The relayer's node of a source.
struct SimHead {
    place: usize,
    universe: Shared,
}

/// The relayer's nodes.
pub fn heads(universe: &Shared) -> BTreeMap<ChainId, Arc<dyn SourceView>> {
    let head = |(place, chain)| {
        let view: Arc<dyn SourceView> = Arc::new(SimHead { place, universe: universe.clone() });
        (chain, view)
    };
    keys::sources().into_iter().enumerate().map(head).collect()
}

impl Health for SimHead {
    fn standings(&self) -> Vec<Standing> {
        Vec::new()
    }
}

impl SourceView for SimHead {
    fn heads(&self) -> BoxFuture<'_, Vec<BlockRef>> {
        let universe = self.universe.lock();
        let blocks = &universe.nodes[self.place];
        let best =
            blocks.last().map(|hash| BlockRef { height: blocks.len() as u64 - 1, hash: *hash, time: universe.now });
        Box::pin(ready(best.into_iter().collect()))
    }

    fn hashes_at(&self, height: u64) -> BoxFuture<'_, Vec<Option<B256>>> {
        let known = self.universe.lock().nodes[self.place].get(height as usize).copied();
        Box::pin(ready(vec![known]))
    }
}
