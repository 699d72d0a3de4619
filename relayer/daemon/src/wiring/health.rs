//! The health that a resumption asks for.

use std::collections::BTreeMap;
use std::sync::Arc;

use spandrel_engine::Book;
use spandrel_store::Sqlite;
use spandrel_verifiers::{ChainId, UnixSeconds};
use spandrel_watchers::sentinel::Finding;

use crate::clock::SystemClock;
use crate::metrics::{Metrics, late};

/// Seconds for which sentinels may miss something that they look at, as in the alert `SentinelsBlind`.
const BLIND: u64 = 120;

/// What is looked at beside the ledger.
#[derive(Clone)]
pub struct Health {
    metrics: Arc<Metrics>,
    late_after: BTreeMap<ChainId, u64>,
}

impl Health {
    /// By what sentinels and nodes told `metrics`, and with chains that are late after so many seconds.
    pub fn new(metrics: Arc<Metrics>, late_after: BTreeMap<ChainId, u64>) -> Self {
        Self { metrics, late_after }
    }

    /// What is wrong at `now`, if anything: a ledger that does not answer, a chain that is halted or late, a payout whose
    /// deposit is gone, nodes that disagree, sentinels that see too little, and what they found that can be mended.
    pub async fn wrong(&self, book: &Book<Sqlite, SystemClock>, now: UnixSeconds) -> Option<String> {
        let summary = match book.ledger().summary(now).await {
            Ok(summary) => summary,
            Err(error) => return Some(format!("ledger: {error}")),
        };
        if let Some((chain, reason)) = summary.halted.first_key_value() {
            return Some(format!("{chain} is halted: {reason}"));
        }
        if let Some(id) = book.open_shortfalls().await.first() {
            return Some(format!("the deposit of {id} is gone"));
        }
        let alarms = self.metrics.alarms();
        if alarms.looked_at().is_some_and(|at| now.saturating_sub(at) > BLIND) {
            return Some(format!("sentinels have not seen everything for over {BLIND} s"));
        }
        let mut said = late(&summary, &self.late_after, now).chain(self.metrics.lasting_dissent());
        if let Some(line) = said.next() {
            return Some(line.trim_end().to_owned());
        }
        let finding = alarms.standing().into_iter().find(delays)?;
        Some(format!("{}: {}", finding.rule, finding.what))
    }
}

/// Whether a resumption waits for the end of a finding. What has happened ends by that resumption alone: it is how
/// guardians say that they have seen it.
fn delays(finding: &Finding) -> bool {
    finding.is_pausing && finding.rule.is_mendable()
}

#[cfg(test)]
mod tests {
    use spandrel_watchers::sentinel::{Concern, Rule};

    use super::*;

    #[test]
    fn what_cannot_be_mended_or_pauses_nothing_delays_no_resumption() {
        let delayed = |rule, is_pausing| {
            let (subject, what, concern) = (String::new(), String::new(), Concern::Chain(ChainId::eip155(1)));
            delays(&Finding { rule, subject, concern, is_pausing, what })
        };
        assert!(delayed(Rule::SignerSetDiffers, true) && delayed(Rule::VaultShort, true));
        assert!(!delayed(Rule::SignerSetDiffers, false) && !delayed(Rule::BalanceLow, false));
        assert!(!delayed(Rule::PayoutWithoutDeposit, true) && !delayed(Rule::LedgerNegative, true));
    }
}
