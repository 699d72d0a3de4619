//! What a destination's `Inbox` paid, read from its own nodes by a place of its own.
//!
//! Blocks are read up to the newest, so that a forged payout is found before it is final, and read again until they are
//! final, so that none is missed in a reorg. Each node is read by itself, and what any of them tells is looked at: a payout
//! is hidden only if every node hides it.

use alloy::rpc::types::Log;
use alloy::sol;
use alloy::sol_types::SolEvent;
use alloy_primitives::{Address, B256};
use spandrel_verifiers::DepositId;
use spandrel_verifiers::follow::FollowError;
use tokio::sync::Mutex;

use super::{PaidOut, PayoutLane};
use crate::ethereum::Execution;

sol! {
    /// `Inbox.Claimed`.
    event Claimed(bytes32 indexed id, uint8 indexed lane, address indexed to, uint256 amount);
    /// `Inbox.Delayed`.
    event Delayed(bytes32 indexed id, uint8 indexed lane, uint64 releaseAt);
    /// `Inbox.Executed`.
    event Executed(bytes32 indexed id, address indexed to, uint256 amount);
}

/// Topics of the three.
const TOPICS: [B256; 3] = [Claimed::SIGNATURE_HASH, Delayed::SIGNATURE_HASH, Executed::SIGNATURE_HASH];
/// Blocks before the newest final one that are read at start: payouts while the process was down.
const LOOK_BACK: u64 = 7_200;
/// Most blocks of one read: many providers serve no more.
const MOST_BLOCKS: u64 = 1_000;
/// `Lane.FAST`.
const FAST: u8 = 1;
/// `Lane.BITCOIN`.
const BITCOIN: u8 = 3;

/// How far one node's inbox was read.
#[derive(Default)]
pub(super) struct Place(Mutex<Reached>);

#[derive(Default)]
struct Reached {
    /// The next block to read.
    next: Option<u64>,
    /// The newest block when it was last read to the end.
    newest: Option<u64>,
}

impl Place {
    /// Payouts of `inbox` in the blocks from here on. A block is final `confirmations` below the newest, or by the chain's
    /// `finalized` tag.
    pub(super) async fn read(
        &self,
        node: &Execution,
        inbox: Address,
        confirmations: Option<u64>,
    ) -> Result<Vec<PaidOut>, FollowError> {
        let newest = node.height().await?;
        let mut reached = self.0.lock().await;
        if reached.newest == Some(newest) {
            return Ok(Vec::new());
        }
        let last_final = match confirmations {
            Some(depth) => newest.saturating_sub(depth),
            None => node.final_height().await?.unwrap_or(0),
        };
        let from = reached.next.unwrap_or_else(|| last_final.saturating_sub(LOOK_BACK));
        let to = newest.min(from.saturating_add(MOST_BLOCKS - 1));
        let mut payouts = Vec::new();
        if from <= to {
            let logs = node.logs_between(from, to, inbox, &TOPICS).await?;
            for log in &logs {
                payouts.push(payout(log).map_err(|reason| node.lied("eth_getLogs", reason))?);
            }
        }
        reached.next = Some(from.max(to.min(last_final).saturating_add(1)));
        reached.newest = (to == newest).then_some(newest);
        Ok(payouts)
    }
}

/// The payout that a log tells.
fn payout(log: &Log) -> Result<PaidOut, String> {
    let failed = |error: alloy::sol_types::Error| error.to_string();
    let height = log.block_number.ok_or("a log of no block")?;
    let (id, lane, paid) = match log.topic0() {
        Some(&Claimed::SIGNATURE_HASH) => {
            let Claimed { id, lane, to, amount } = Claimed::decode_log_validate(&log.inner).map_err(failed)?.data;
            (id, lane_of(lane), Some((to, amount)))
        }
        Some(&Delayed::SIGNATURE_HASH) => {
            let Delayed { id, lane, .. } = Delayed::decode_log_validate(&log.inner).map_err(failed)?.data;
            (id, lane_of(lane), None)
        }
        _ => {
            let Executed { id, to, amount } = Executed::decode_log_validate(&log.inner).map_err(failed)?.data;
            (id, PayoutLane::Delayed, Some((to, amount)))
        }
    };
    Ok(PaidOut { id: DepositId(id), lane, paid, height })
}

fn lane_of(number: u8) -> PayoutLane {
    match number {
        FAST => PayoutLane::Fast,
        BITCOIN => PayoutLane::Bitcoin,
        _ => PayoutLane::Proof,
    }
}
