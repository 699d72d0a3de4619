//! What the engine answers, with typed reasons that users and operators see.

use alloy_primitives::U256;
use serde::{Deserialize, Serialize};
use spandrel_verifiers::UnixSeconds;

use crate::{Lane, Scope, Side};

/// The answer for one deposit on one lane.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "decision", rename_all = "snake_case")]
pub enum Decision {
    /// May be paid now.
    Allow,
    /// May be paid at `until`, if all checks let it pass then. It takes no window capacity while it waits: what is charged is
    /// charged with the clearance, in the 24 hours in which it is paid.
    Delay {
        /// Unix seconds.
        until: UnixSeconds,
        /// Which check bit.
        reason: Reason,
    },
    /// Must wait until something changes (a pause ends, capacity returns).
    Hold {
        /// Which check bit.
        reason: Reason,
    },
    /// Must never be paid on this lane.
    Reject {
        /// Which check bit.
        reason: Reason,
    },
}

/// Which check bit, in the order of docs/architecture.md.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(tag = "reason", rename_all = "snake_case")]
pub enum Reason {
    /// A scope that covers the deposit is paused.
    #[error("paused: {scope}")]
    Paused {
        /// Which.
        scope: Scope,
    },
    /// A guardian dropped it: it is not paid, and its depositor takes it back.
    #[error("dropped by {by}")]
    Dropped {
        /// Who, and why.
        by: String,
    },
    /// No limits are configured for this route, asset and lane.
    #[error("unknown route, asset or lane")]
    Unknown,
    /// More would be released than was proven locked.
    #[error("ledger: {available} available, {amount} asked")]
    Ledger {
        /// What may still be released.
        available: U256,
        /// What was asked.
        amount: U256,
    },
    /// Over the lane's per-transfer cap.
    #[error("per-transfer cap {cap}, amount {amount}")]
    PerTransferCap {
        /// The cap.
        cap: U256,
        /// What was asked.
        amount: U256,
    },
    /// The sum of unproven fast payouts would exceed its cap.
    #[error("exposure {exposure} + {amount} over cap {cap}")]
    ExposureCap {
        /// The cap.
        cap: U256,
        /// Open exposure.
        exposure: U256,
        /// What was asked.
        amount: U256,
    },
    /// The sliding 24 h window would be exceeded.
    #[error("window {used} + {amount} over limit {limit}")]
    Window {
        /// The limit.
        limit: U256,
        /// Used in the last 24 h.
        used: U256,
        /// What was asked.
        amount: U256,
    },
    /// The asset's sliding 24 h window over all corridors would be exceeded.
    #[error("asset window {used} + {amount} over limit {limit}")]
    AssetWindow {
        /// The limit.
        limit: U256,
        /// Used in the last 24 h.
        used: U256,
        /// What was asked.
        amount: U256,
    },
    /// The sliding 24 h window by value would be exceeded, the corridor's, the asset's or the destination's.
    #[error("notional window {used} + {notional} over limit {limit}")]
    NotionalWindow {
        /// The limit.
        limit: U256,
        /// Used in the last 24 h.
        used: U256,
        /// What it is worth.
        notional: U256,
    },
    /// Its destination is limited by value, and what it is worth is not known: it has no floor, and no price is believed.
    #[error("neither a price nor a floor, and its destination takes {limit} by value")]
    Unvalued {
        /// The destination's limit.
        limit: U256,
    },
    /// All that is cleared from its chain in 24 h is worth more than faking the blocks on it.
    #[error("{found} confirmations, {needed} needed for this value")]
    Confirmations {
        /// How many blocks it needs over it, its own included.
        needed: u64,
        /// How many it has.
        found: u64,
    },
    /// The sender, or the recipient, moves too fast.
    #[error("velocity of the {side}: {filled} + {amount} over {capacity}")]
    Velocity {
        /// Whose bucket.
        side: Side,
        /// What it holds.
        capacity: U256,
        /// What is in it.
        filled: U256,
        /// What was asked.
        amount: U256,
    },
    /// Much more than is usual for this asset.
    #[error("unusual: {amount} over {most}")]
    Unusual {
        /// A multiple of the p99 of the last clearances, or what is always usual.
        most: U256,
        /// What was asked.
        amount: U256,
    },
    /// Large transfers wait.
    #[error("large transfer: at or over {from}")]
    LargeTransfer {
        /// From which amount on.
        from: U256,
    },
    /// The deposit's expiry has passed.
    #[error("expired at {expiry}")]
    Expired {
        /// Unix seconds.
        expiry: UnixSeconds,
    },
    /// Smaller than what is worth paying, or nothing at all.
    #[error("dust: at least {minimum}, amount {amount}")]
    Dust {
        /// The smallest amount that is paid, base units.
        minimum: U256,
        /// What was asked.
        amount: U256,
    },
    /// It was cleared before and not given back: clearing it again would pay it twice.
    #[error("already cleared on the {lane} lane")]
    AlreadyCleared {
        /// On which lane.
        lane: Lane,
    },
    /// It is over, and was never paid: whatever was said of it since counts for nothing, and neither would a payout.
    #[error("over without a payout")]
    Over,
    /// The deposit is not one this bridge pays: another version, another bridge, an unserved chain.
    #[error("{field}: expected {expected}, found {found}")]
    Mismatch {
        /// Field of the deposit.
        field: String,
        /// What would be paid.
        expected: String,
        /// What it says.
        found: String,
    },
    /// The depositor asked for the other lane.
    #[error("the depositor asked for the light-client lane")]
    LaneNotAskedFor,
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Ledgers of earlier versions say that a delayed transfer was not counted, which none ever was.
    #[test]
    fn a_delay_that_was_stored_as_not_counted_reads_back() {
        let delay = Decision::Delay { until: 5, reason: Reason::LargeTransfer { from: U256::from(8) } };
        let written = serde_json::to_string(&delay).unwrap();
        let before = written.replace("\"until\"", "\"counted\":false,\"until\"");
        assert_ne!(before, written);
        assert_eq!(serde_json::from_str::<Decision>(&before).unwrap(), delay);
        assert_eq!(serde_json::from_str::<Decision>(&written).unwrap(), delay);
    }
}
