//! What a destination's `Inbox` paid, as its logs tell.

use alloy::rpc::types::Log;
use alloy::sol;
use alloy::sol_types::SolEvent;
use alloy_primitives::B256;
use spandrel_verifiers::DepositId;

use super::{PaidOut, PayoutLane};

sol! {
    /// `Inbox.Claimed`.
    event Claimed(bytes32 indexed id, uint8 indexed lane, address indexed to, uint256 amount);
    /// `Inbox.Delayed`.
    event Delayed(bytes32 indexed id, uint8 indexed lane, uint64 releaseAt);
    /// `Inbox.Executed`.
    event Executed(bytes32 indexed id, address indexed to, uint256 amount);
}

/// Topics of the three.
pub(super) const TOPICS: [B256; 3] = [Claimed::SIGNATURE_HASH, Delayed::SIGNATURE_HASH, Executed::SIGNATURE_HASH];
/// `Lane.FAST`.
const FAST: u8 = 1;
/// `Lane.BITCOIN`.
const BITCOIN: u8 = 3;

/// The payout that a log tells.
pub(super) fn payout(log: &Log) -> Result<PaidOut, String> {
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
