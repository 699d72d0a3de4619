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
pub(super) const FAST: u8 = 1;
/// `Lane.BITCOIN`.
pub(super) const BITCOIN: u8 = 3;

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

#[cfg(test)]
mod tests {
    use alloy_primitives::{Address, LogData, U256};

    use super::*;

    fn told(data: LogData) -> PaidOut {
        let inner = alloy_primitives::Log { address: Address::ZERO, data };
        payout(&Log { inner, block_number: Some(3), ..Log::default() }).unwrap()
    }

    #[test]
    fn a_payout_is_of_the_lane_that_its_log_names() {
        let (id, to, amount) = (B256::repeat_byte(1), Address::repeat_byte(2), U256::from(5));
        for (lane, expected) in [(FAST, PayoutLane::Fast), (2, PayoutLane::Proof), (BITCOIN, PayoutLane::Bitcoin)] {
            let paid = PaidOut { id: DepositId(id), lane: expected, paid: Some((to, amount)), height: 3 };
            assert_eq!(told(Claimed { id, lane, to, amount }.encode_log_data()), paid);
            let promised = told(Delayed { id, lane, releaseAt: 9 }.encode_log_data());
            assert_eq!((promised.lane, promised.paid), (expected, None));
        }
        let executed = told(Executed { id, to, amount }.encode_log_data());
        assert_eq!((executed.lane, executed.paid), (PayoutLane::Delayed, Some((to, amount))));
    }
}
