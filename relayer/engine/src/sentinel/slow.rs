//! Everything but payouts: sets, funds, vaults and proofs, which change slowly or cost many calls; disputes,
//! accounts and pace.

use spandrel_core::ledger::{Ledger, TransferFilter};
use spandrel_core::watch::Watchbook;
use spandrel_core::{Event, Transfer};
use spandrel_risk::control::SignerRole;
use spandrel_risk::{Lane, RiskEvent};
use spandrel_verifiers::attestation::SignerSet;
use spandrel_verifiers::{AssetId, ChainId, UnixSeconds};
use spandrel_watchers::pool::Standing;
use spandrel_watchers::sentinel::{
    Account, DestinationView, Finding, Holding, SetOf, Unsettled, judge_account, judge_dispute, judge_funds, judge_set,
    judge_unsettled, judge_vault,
};

use super::blind::Unseen;
use super::closed::Closed;
use super::{Memory, Sentinel};
use crate::{Clock, EngineError};

/// What a look found, and what it did not see.
#[derive(Default)]
pub(super) struct Sight {
    pub(super) findings: Vec<Finding>,
    pub(super) unseen: Unseen,
    /// What chains refuse by their own contracts; absent before the first look.
    pub(super) closed: Option<Closed>,
}

impl Memory {
    /// Takes in what the fast lane clears.
    pub(super) fn pace(&mut self, event: &RiskEvent, at: UnixSeconds) {
        if let RiskEvent::Cleared { source, asset, amount, lane: Lane::Fast, .. } = event {
            self.pace.clear(source, asset, *amount, at);
        }
    }
}

impl<L: Ledger + Watchbook, C: Clock> Sentinel<L, C> {
    /// One look at what changes slowly. What it finds is raised by the next look at the rest.
    pub async fn look_slowly(&self) -> Result<(), EngineError> {
        let mut sight = Sight { findings: self.look_at_book().await?, ..Sight::default() };
        for destination in &self.destinations {
            self.look_at_destination(&**destination, &mut sight).await;
        }
        for vault in &self.vaults {
            let told = vault.holdings().await;
            if told.is_empty() {
                sight.unseen.add(vault.chain(), "holdings of the vault", "no node answers");
            }
            let assets = told.first().map_or(0, Vec::len);
            for position in 0..assets {
                let of_asset = told.iter().filter_map(|holdings| holdings.get(position).cloned());
                let of_asset: Vec<Holding> = of_asset.collect();
                sight.findings.extend(judge_vault(&of_asset, vault.quorum()));
            }
        }
        self.look_at_pauses(&mut sight).await?;
        sight.findings.extend(self.judge_checkpoints().await);
        *self.slow_sight() = sight;
        Ok(())
    }

    /// Nodes that have disagreed for too long, by their source.
    pub(super) fn judge_disputes(&self, memory: &mut Memory, now: UnixSeconds) -> Vec<Finding> {
        let mut findings = Vec::new();
        for (chain, nodes) in &self.sources {
            let nodes = nodes.standings();
            if nodes.iter().any(Standing::is_alarming) {
                let began = *memory.disputes.entry(chain.clone()).or_insert(now);
                findings.extend(judge_dispute(chain, &nodes, began));
            } else {
                memory.disputes.remove(chain);
            }
        }
        findings
    }

    /// Accounts that released more than was proven.
    pub(super) async fn judge_accounts(&self) -> Vec<Finding> {
        let judged = |(source, asset, proven, released): (&ChainId, &AssetId, _, _)| {
            judge_account(&Account { source: source.clone(), asset: asset.clone(), proven, released })
        };
        self.book.read_risk(|risk| risk.accounts().filter_map(judged).collect()).await
    }

    /// What the ledger itself says.
    async fn look_at_book(&self) -> Result<Vec<Finding>, EngineError> {
        let now = self.book.clock().now();
        let mut findings = Vec::new();
        for transfer in self.book.ledger().transfers(&TransferFilter { source: None, open_only: true }).await? {
            if let Some(since) = self.unproven_since(&transfer).await? {
                let source = transfer.deposit.source_chain;
                let payout = Unsettled { id: transfer.id, source, since: since.max(self.began_at) };
                findings.extend(judge_unsettled(&payout, now));
            }
        }
        Ok(findings)
    }

    /// When a fast payout had been paid and its source was final; `None` where that is not so, or it is settled.
    async fn unproven_since(&self, transfer: &Transfer) -> Result<Option<UnixSeconds>, EngineError> {
        if !transfer.is_paid_by(Lane::Fast) || !transfer.is_source_final() {
            return Ok(None);
        }
        let (mut final_at, mut paid_at): (Option<UnixSeconds>, Option<UnixSeconds>) = (None, None);
        for event in self.book.ledger().events(transfer.id).await? {
            match event.body {
                Event::SourceReorged { .. } => final_at = None,
                Event::SourceFinal { .. } => final_at = final_at.or(Some(event.at)),
                Event::Executed { .. } => paid_at = paid_at.or(Some(event.at)),
                _ => {}
            }
        }
        Ok(final_at.zip(paid_at).map(|(final_at, paid_at)| final_at.max(paid_at)))
    }

    async fn look_at_destination(&self, destination: &dyn DestinationView, sight: &mut Sight) {
        let chain = destination.chain();
        let (control, _) = self.book.control().await;
        let Some(target) = self.book.policy().destinations.get(chain) else { return };
        let sets = [
            (SetOf::FastLane, "signers", SignerRole::FastLane, &target.signers),
            (SetOf::Verifiers, "verifiers", SignerRole::Verifiers, &self.book.policy().verifiers),
        ];
        for (of, what, role, configured) in sets {
            // Guardians agreed on the one and not on the other.
            let is_agreed = |set: &SignerSet| {
                control.require_agreed(role, set).is_ok() && control.require_agreed(role, configured).is_err()
            };
            if let Some(told) = sight.unseen.told(chain, what, destination.sets(of).await) {
                sight.findings.extend(judge_set(chain, of, &told, configured, is_agreed));
            }
        }
        let funds = sight.unseen.told(chain, "funds", destination.funds().await).flatten();
        sight.findings.extend(funds.and_then(|funds| judge_funds(chain, &funds)));
    }
}
