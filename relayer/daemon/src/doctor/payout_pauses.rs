//! Whether a destination refuses payouts because its own contract is paused.

use spandrel_watchers::sentinel::{PayoutLane, PayoutPause, judge_pauses};

use super::vault_pauses::lasts;
use super::{Row, Seen};
use crate::clock::unix_now;
use crate::config::{Config, Destination};
use crate::wiring;

/// What a destination refuses, by its own contract and its nodes. Nothing is said of one that pays.
pub async fn standing(config: &Config, target: &Destination) -> Seen {
    let what = format!("destination {} payouts", target.chain);
    let view = match wiring::destination_view(config, target, None) {
        Ok(view) => view,
        Err(error) => {
            let rows = vec![Row::wrong(what, format!("{error:#}"), "correct `rpc` and `witness_rpc`")];
            return Seen { rows, newest: None };
        }
    };
    let row = |pause: PayoutPause| {
        let of = pause.asset.map(|asset| format!(" of {asset}")).unwrap_or_default();
        let from = pause.source.map(|chain| format!(" from {chain}")).unwrap_or_default();
        let by = pause.lane.map_or("", |lane| if lane == PayoutLane::Fast { " by the fast lane" } else { " by proof" });
        let mend = "have it lifted on that chain by its own people, or wait; no order is taken for them until then";
        let found = format!("expected a destination that pays, found those{of}{from}{by} {}", lasts(pause.until));
        Row::warn(&what, found, mend)
    };
    // Nodes that do not answer have rows of their own.
    let told = view.pauses(unix_now()).await.unwrap_or_default();
    Seen { rows: judge_pauses(&told, view.quorum()).into_iter().map(row).collect(), newest: None }
}
