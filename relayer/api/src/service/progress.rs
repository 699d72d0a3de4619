//! How far a deposit is on its way to its payout: the blocks on it, those that it needs, and when it may be paid.

use spandrel_core::Status;
use spandrel_risk::Reason;
use spandrel_verifiers::UnixSeconds;
use spandrel_verifiers::follow::BlockRef;

use super::offers::{Wait, depth_needed, is_fast, wait_once_proven};
use super::reason::Waiting;
use crate::catalog::Source;

/// A deposit on its chain.
pub(super) struct Progress<'a> {
    /// How its chain goes on, if orders are taken there.
    pub(super) source: Option<&'a Source>,
    /// Its block, while that stands.
    pub(super) block: Option<BlockRef>,
    /// To where its chain was read.
    pub(super) tip: Option<BlockRef>,
    /// Whether the fast lane may still be asked to pay it.
    pub(super) is_fast_open: bool,
}

impl Progress<'_> {
    /// Blocks on it, its own included.
    pub(super) fn confirmations(&self) -> Option<u64> {
        self.block.zip(self.tip).map(|(block, tip)| tip.height.saturating_sub(block.height).saturating_add(1))
    }

    /// How many of them prove it.
    pub(super) fn required(&self, status: &Status, waiting: &Waiting<'_>) -> Option<u64> {
        self.block.filter(|_| !status.is_terminal())?;
        self.source?.blocks_to(waiting.deposit.amount, depth(status, waiting)?)
    }

    /// When its payout may go out: never a time that is past, nor one at which it is not paid any more.
    pub(super) fn eta(&self, status: &Status, waiting: &Waiting<'_>) -> Option<UnixSeconds> {
        let Waiting { deposit, risk, policy, now, .. } = *waiting;
        let at = match status {
            Status::Observed if self.is_fast_open && is_fast(policy, risk, deposit, now) => {
                self.after(self.source?.fast_seconds)
            }
            Status::Observed => {
                let Wait { large, pace, .. } = wait_once_proven(policy, risk, deposit, now).ok()?;
                let proven = self.proven_at(status, waiting)?;
                Some(proven.saturating_add(large).max(now.saturating_add(pace)))
            }
            Status::Held { reason: Reason::Confirmations { .. }, .. } => self.proven_at(status, waiting),
            // A pause may be prolonged as well as lifted.
            Status::Held { reason: Reason::Paused { .. }, .. } => None,
            Status::Held { reason, until } => until.or_else(|| waiting.room_at(reason)),
            _ => None,
        };
        at.filter(|at| *at > now && *at <= deposit.expiry)
    }

    fn proven_at(&self, status: &Status, waiting: &Waiting<'_>) -> Option<UnixSeconds> {
        self.after(self.source?.seconds_to(waiting.deposit.amount, depth(status, waiting)?))
    }

    /// When it has been `seconds` on its chain. Where blocks are counted, that is so many blocks from the last one on: the next
    /// takes as long whatever the ones before took.
    fn after(&self, seconds: u64) -> Option<UnixSeconds> {
        let (source, block, tip) = (self.source?, self.block?, self.tip?);
        let left = |passed: u64| tip.time.saturating_add(seconds.saturating_sub(passed));
        Some(match source.blocks_to(Default::default(), 0) {
            Some(_) => left(self.confirmations()?.saturating_mul(source.block_seconds)),
            None => block.time.saturating_add(seconds),
        })
    }
}

/// Under how many final blocks it must stand for its value: what was cleared once is not asked again. Nothing where no number
/// is enough.
fn depth(status: &Status, waiting: &Waiting<'_>) -> Option<u64> {
    let Waiting { deposit, risk, policy, now, .. } = *waiting;
    let needed = match status {
        Status::Cleared { .. } | Status::Submitted { .. } | Status::Executed { .. } => 0,
        _ => depth_needed(policy, risk, deposit, now),
    };
    (needed != u64::MAX).then_some(needed)
}
