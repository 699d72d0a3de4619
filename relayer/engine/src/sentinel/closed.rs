//! What chains refuse by their own contracts. That is no finding, unless a freeze ends there: it is told in the ledger for whoever
//! makes promises.

use spandrel_core::ledger::Ledger;
use spandrel_core::watch::{ClosedPayout, ClosedVault, Watchbook};
use spandrel_risk::Lane;
use spandrel_verifiers::ChainId;
use spandrel_watchers::sentinel::{Pause, PayoutLane, PayoutPause, VaultPause, judge_pauses};

use super::Sentinel;
use super::freezes::Read;
use super::slow::Sight;
use crate::{Clock, EngineError};

/// What is refused.
#[derive(Clone, Default)]
pub(super) struct Closed {
    /// Deposits that vaults do not take.
    pub(super) vaults: Vec<ClosedVault>,
    /// Payouts that destinations do not make.
    pub(super) payouts: Vec<ClosedPayout>,
}

impl<L: Ledger + Watchbook, C: Clock> Sentinel<L, C> {
    /// Reads what is refused now. While fewer nodes of a chain answer than it takes to tell, what they told last stands.
    pub(super) async fn look_at_pauses(&self, sight: &mut Sight) -> Result<(), EngineError> {
        let (before, now, mut closed) = (self.closed().await?, self.book.clock().now(), Closed::default());
        let mut read = Read::default();
        for vault in &self.vaults {
            let chain = vault.chain();
            match judged(&vault.pauses(now).await, vault.quorum()) {
                Some(pauses) => {
                    read.vaults.insert(chain.clone());
                    closed.vaults.extend(pauses.into_iter().map(|pause| closed_vault(chain, pause)));
                }
                None => {
                    sight.unseen.add(chain, "pauses of the vault", "too few nodes answer");
                    closed.vaults.extend(before.vaults.iter().filter(|known| known.source == *chain).cloned());
                }
            }
        }
        for destination in &self.destinations {
            let chain = destination.chain();
            let told = sight.unseen.told(chain, "pauses", destination.pauses(now).await);
            match judged(&told.unwrap_or_default(), destination.quorum()) {
                Some(pauses) => {
                    read.destinations.insert(chain.clone());
                    closed.payouts.extend(pauses.into_iter().map(|pause| closed_payout(chain, pause)));
                }
                None => {
                    closed.payouts.extend(before.payouts.iter().filter(|known| known.destination == *chain).cloned())
                }
            }
        }
        sight.findings.extend(self.judge_freezes(&closed, &read).await);
        sight.closed = Some(closed);
        Ok(())
    }

    /// What is refused by the last look; before the first, what was told before the restart.
    pub(super) async fn closed(&self) -> Result<Closed, EngineError> {
        let looked = self.slow_sight().closed.clone();
        if let Some(closed) = looked {
            return Ok(closed);
        }
        let (of, now) = (self.of(), self.book.clock().now());
        let told = self.book.ledger().watches().await?.into_iter().find(|told| told.of == of && !told.is_gone(now));
        let closed = told.map(|told| Closed { vaults: told.closed, payouts: told.closed_payouts });
        Ok(closed.unwrap_or_default())
    }
}

/// `None` while fewer nodes answer than it takes to tell.
fn judged<P: Pause>(told: &[Vec<P>], quorum: usize) -> Option<Vec<P>> {
    (told.len() >= quorum).then(|| judge_pauses(told, quorum))
}

fn closed_vault(source: &ChainId, pause: VaultPause) -> ClosedVault {
    let VaultPause { destination, asset, until } = pause;
    ClosedVault { source: source.clone(), destination, asset, until }
}

fn closed_payout(destination: &ChainId, pause: PayoutPause) -> ClosedPayout {
    let PayoutPause { source, lane, asset, until } = pause;
    let lane = lane.map(|lane| if lane == PayoutLane::Fast { Lane::Fast } else { Lane::LightClient });
    ClosedPayout { destination: destination.clone(), source, lane, asset, until }
}
