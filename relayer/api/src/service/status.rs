//! How the bridge is, for users.

use std::collections::BTreeMap;

use serde::Serialize;
use utoipa::ToSchema;

use super::reason::end;
use super::{Service, shown_time};
use crate::Problem;

/// How the bridge is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct StatusView {
    /// `ok`, or `degraded` while something is paused, halted or late.
    pub status: &'static str,
    /// Pauses in force.
    pub pauses: Vec<PauseView>,
    /// Chains that are not followed until an operator looks, with the reason.
    pub halted: BTreeMap<String, String>,
    /// Chains whose last block read is older than their operator expects, with what of it: deposits there are seen late.
    pub late: BTreeMap<String, String>,
    /// How far each chain was read.
    pub chains: BTreeMap<String, ReadTo>,
}

/// A pause.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct PauseView {
    /// What is paused.
    pub scope: String,
    /// Until when, RFC 3339; absent for a freeze, which people lift.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until: Option<String>,
    /// Why.
    pub reason: String,
}

/// How far a chain was read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct ReadTo {
    /// The last block read.
    pub height: Option<u64>,
    /// The last final block.
    pub finalized: Option<u64>,
    /// When that moved last, RFC 3339.
    pub updated_at: String,
}

impl Service {
    /// How the bridge is.
    ///
    /// # Errors
    /// When the ledger fails.
    pub async fn status(&self) -> Result<StatusView, Problem> {
        let now = self.now();
        let summary = self.summary().await?;
        let (risk, _) = self.risk();
        let pauses: Vec<PauseView> = risk
            .pauses_at(now)
            .map(|(scope, pause)| PauseView {
                scope: scope.to_string(),
                until: end(pause).map(shown_time),
                reason: pause.reason.clone(),
            })
            .collect();
        let late: BTreeMap<String, String> =
            summary.late(&self.late_after, now).map(|(chain, what)| (chain.to_string(), what)).collect();
        let is_ok = pauses.is_empty() && summary.halted.is_empty() && late.is_empty();
        let chains = summary.cursors.iter().map(|(chain, cursor)| {
            let read = ReadTo {
                height: cursor.tip.map(|tip| tip.height),
                finalized: cursor.finalized.map(|block| block.height),
                updated_at: shown_time(cursor.updated_at),
            };
            (chain.to_string(), read)
        });
        Ok(StatusView {
            status: if is_ok { "ok" } else { "degraded" },
            pauses,
            halted: summary.halted.iter().map(|(chain, reason)| (chain.to_string(), reason.clone())).collect(),
            late,
            chains: chains.collect(),
        })
    }
}
