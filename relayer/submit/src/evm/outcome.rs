//! What became of each effect of an included transaction, by the logs of its receipt. Pure.

use alloy::rpc::types::TransactionReceipt;
use alloy::sol_types::SolEvent;
use alloy_primitives::{Address, B256, Bytes, LogData, U256};
use spandrel_contracts::CheckpointRegistry::CheckpointStored;
use spandrel_contracts::{Inbox, PauseController, RiskGuard};

use super::build::Expected;
use super::config::Contracts;

/// What became of one effect.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// It happened.
    Done,
    /// The risk guard queued the payment: it can be executed from then on (Unix seconds).
    Delayed {
        /// From when.
        from: u64,
    },
    /// The contract undid this item alone, for this reason (revert data).
    Failed(Bytes),
    /// It did not happen.
    Undone,
}

/// The outcome of each expectation, in order. A failed transaction has no logs, so nothing happened.
pub(super) fn outcomes(
    receipt: &TransactionReceipt,
    expected: &[Expected],
    contracts: &Contracts,
    guard: Address,
) -> Vec<Outcome> {
    let logs: Vec<(Address, &LogData)> =
        receipt.inner.logs().iter().map(|log| (log.inner.address, &log.inner.data)).collect();
    expected.iter().map(|expected| outcome(&logs, *expected, contracts, guard)).collect()
}

fn outcome(logs: &[(Address, &LogData)], expected: Expected, contracts: &Contracts, guard: Address) -> Outcome {
    let emitted = |from: Address, event: B256, subject: B256| {
        logs.iter().any(|(address, data)| {
            *address == from && data.topics().first() == Some(&event) && data.topics().get(1) == Some(&subject)
        })
    };
    let is_done = match expected {
        Expected::Claimed(id) => emitted(contracts.inbox, Inbox::Claimed::SIGNATURE_HASH, id.0),
        Expected::Settled(id) => emitted(contracts.inbox, Inbox::Settled::SIGNATURE_HASH, id.0),
        Expected::Closed(id) => logs.iter().any(|(address, data)| {
            *address == guard
                && data.topics().first() == Some(&RiskGuard::FastLaneClosed::SIGNATURE_HASH)
                && data.topics().get(2) == Some(&id.0)
        }),
        Expected::Stated => logs.iter().any(|(address, data)| {
            *address == contracts.pauses
                && data.topics().first() == Some(&PauseController::StatementTaken::SIGNATURE_HASH)
        }),
        // The registry calls nobody, so whatever is told in its transaction it tells.
        Expected::Registered { chain, height } => logs.iter().any(|(_, data)| {
            data.topics().get(..3) == Some(&[CheckpointStored::SIGNATURE_HASH, chain, U256::from(height).into()])
        }),
        Expected::Paused(scope) => emitted(contracts.pauses, PauseController::Paused::SIGNATURE_HASH, scope),
    };
    if is_done {
        return Outcome::Done;
    }
    let Expected::Claimed(id) = expected else { return Outcome::Undone };
    let of_inbox = || logs.iter().filter(|(address, _)| *address == contracts.inbox).map(|(_, data)| data);
    let mut delays = of_inbox().filter_map(|data| Inbox::Delayed::decode_log_data(data).ok());
    if let Some(delayed) = delays.find(|delayed| delayed.id == id.0) {
        return Outcome::Delayed { from: delayed.releaseAt };
    }
    let mut failures = of_inbox().filter_map(|data| Inbox::ClaimFailed::decode_log_data(data).ok());
    match failures.find(|failed| failed.id == id.0) {
        Some(failed) => Outcome::Failed(failed.reason),
        None => Outcome::Undone,
    }
}

#[cfg(test)]
mod tests {
    use spandrel_verifiers::DepositId;

    use super::*;

    const GUARD: Address = Address::repeat_byte(5);

    fn contracts() -> Contracts {
        let address = Address::repeat_byte;
        Contracts { inbox: address(1), pauses: address(4), proofs: None }
    }

    fn claimed(id: B256) -> LogData {
        Inbox::Claimed { id, lane: 1, to: Address::ZERO, amount: U256::from(1) }.encode_log_data()
    }

    #[test]
    fn each_item_is_judged_by_its_own_event() {
        let ids = [B256::repeat_byte(1), B256::repeat_byte(2), B256::repeat_byte(3)];
        let (paid, delayed) =
            (claimed(ids[0]), Inbox::Delayed { id: ids[1], lane: 2, releaseAt: 77 }.encode_log_data());
        let logs = [(contracts().inbox, &paid), (contracts().inbox, &delayed)];
        let found = ids.map(|id| outcome(&logs, Expected::Claimed(DepositId(id)), &contracts(), GUARD));
        assert_eq!(found, [Outcome::Done, Outcome::Delayed { from: 77 }, Outcome::Undone]);
    }

    #[test]
    fn an_item_that_failed_alone_says_why_and_one_that_came_through_after_all_is_done() {
        let ids = [B256::repeat_byte(1), B256::repeat_byte(2)];
        let failed = |id| Inbox::ClaimFailed { id, lane: 2, reason: Bytes::from_static(&[7]) }.encode_log_data();
        let (first, second, paid) = (failed(ids[0]), failed(ids[1]), claimed(ids[1]));
        let logs = [&first, &second, &paid].map(|data| (contracts().inbox, data));
        let found = ids.map(|id| outcome(&logs, Expected::Claimed(DepositId(id)), &contracts(), GUARD));
        assert_eq!(found, [Outcome::Failed(Bytes::from_static(&[7])), Outcome::Done]);
        let elsewhere = [(Address::repeat_byte(9), &first)];
        assert_eq!(outcome(&elsewhere, Expected::Claimed(DepositId(ids[0])), &contracts(), GUARD), Outcome::Undone);
    }

    #[test]
    fn an_event_of_another_contract_counts_for_nothing() {
        let id = B256::repeat_byte(1);
        let paid = claimed(id);
        let logs = [(Address::repeat_byte(9), &paid)];
        assert_eq!(outcome(&logs, Expected::Claimed(DepositId(id)), &contracts(), GUARD), Outcome::Undone);
        let logs = [(contracts().inbox, &paid)];
        assert_eq!(outcome(&logs, Expected::Settled(DepositId(id)), &contracts(), GUARD), Outcome::Undone);
    }
}
