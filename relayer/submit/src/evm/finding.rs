//! What a simulation says of a group of works. Pure.

use alloy::sol_types::SolCall;
use spandrel_contracts::{Inbox, revert};

use super::build::{self, Action, Prerequisite, Work};
use super::refusal::Refusal;
use super::rpc::Simulated;

/// What a simulation says of a group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Finding {
    /// It succeeds within these gas limits, the group's own last.
    Passes(Vec<u64>),
    /// These items (by index, ascending) fail, each for its reason.
    Drop(Vec<(usize, Refusal)>),
    /// Some item fails, or all together need too much gas, or are too long.
    Halve,
}

/// Most bytes of calldata. Nodes take no transaction over 128 KiB into their pools, signature and envelope included.
const MOST_BYTES: usize = 120_000;

/// What its length alone says of a group's call; nothing when it is short enough.
pub(super) fn too_long(group: &[Work], bytes: usize) -> Option<Finding> {
    match bytes {
        0..=MOST_BYTES => None,
        _ if group.len() > 1 => Some(Finding::Halve),
        _ => {
            let reason = format!("calldata: expected at most {MOST_BYTES} bytes, found {bytes}");
            Some(Finding::Drop(vec![(0, Refusal::for_now(reason))]))
        }
    }
}

/// The lacking prerequisites that somebody in `group` needs, less those that another of them brings about as well.
pub(super) fn lacked_by<'a>(group: &'a [Work], lacking: &'a [Prerequisite]) -> impl Iterator<Item = &'a Prerequisite> {
    let needed = move |lacked: &Prerequisite| group.iter().any(|work| work.prerequisites.contains(lacked));
    let is_outdone = move |lacked: &Prerequisite| lacking.iter().any(|other| other.outdoes(lacked) && needed(other));
    lacking.iter().filter(move |lacked| needed(lacked) && !is_outdone(lacked))
}

/// Judges the outcomes of a group's lacking prerequisites and of its own call, which comes last.
pub(super) fn finding(group: &[Work], lacking: &[Prerequisite], outcomes: &[Simulated], most_gas: u64) -> Finding {
    for (prerequisite, outcome) in lacked_by(group, lacking).zip(outcomes) {
        if let Simulated::Reverted(data) = outcome {
            let needs_it = |work: &Work| work.prerequisites.contains(prerequisite);
            let failing = group.iter().enumerate().filter(|(_, work)| needs_it(work));
            return Finding::Drop(failing.map(|(index, _)| (index, Refusal::of_revert(data))).collect());
        }
    }
    let limit = |outcome: &Simulated| match outcome {
        Simulated::Passed { gas, .. } => gas_limit(*gas),
        Simulated::Reverted(_) => 0,
    };
    let mut limits: Vec<u64> = outcomes.iter().map(limit).collect();
    if let Some(own) = limits.last_mut() {
        *own = own.saturating_add(build::spare_gas(group));
    }
    let failing = outcomes.last().map(|outcome| failing_items(group, outcome)).unwrap_or_default();
    if !failing.is_empty() {
        return Finding::Drop(failing);
    }
    match outcomes.last() {
        Some(Simulated::Passed { .. }) if limits.iter().all(|limit| *limit <= most_gas) => Finding::Passes(limits),
        Some(Simulated::Reverted(data)) => match revert::decode(data).item {
            Some(index) if index < group.len() => Finding::Drop(vec![(index, Refusal::of_revert(data))]),
            _ if group.len() > 1 => Finding::Halve,
            _ => Finding::Drop(vec![(0, Refusal::of_revert(data))]),
        },
        _ if group.len() > 1 => Finding::Halve,
        _ => {
            let found = limits.iter().max().copied().unwrap_or_default();
            let reason = format!("gas: expected at most {most_gas}, found {found}");
            Finding::Drop(vec![(0, Refusal::for_now(reason))])
        }
    }
}

/// The items that `claimEach` says failed while the call as a whole did not.
fn failing_items(group: &[Work], outcome: &Simulated) -> Vec<(usize, Refusal)> {
    let is_claim = group.first().is_some_and(|work| matches!(work.action, Action::Claim(_)));
    let Simulated::Passed { output, .. } = outcome else { return Vec::new() };
    if !is_claim {
        return Vec::new();
    }
    match Inbox::claimEachCall::abi_decode_returns(output) {
        Ok(failures) if failures.len() == group.len() => {
            let failing = failures.iter().enumerate().filter(|(_, failure)| !failure.is_empty());
            failing.map(|(index, failure)| (index, Refusal::of_revert(failure))).collect()
        }
        _ => {
            let odd = |index| (index, Refusal::for_now("the simulation's answer does not read"));
            (0..group.len()).map(odd).collect()
        }
    }
}

/// A limit that the same execution cannot exceed: refunds are at most a fifth of the gas used (EIP-3529), so 5/4
/// before them, and a few calls deep each keep back one 64th (EIP-150); unused gas costs nothing.
pub(super) fn gas_limit(used: u64) -> u64 {
    used.saturating_mul(27).div_ceil(20).saturating_add(25_000)
}

#[cfg(test)]
mod tests {
    use alloy::sol_types::SolError;
    use alloy_primitives::{Address, B256, Bytes, U256};
    use spandrel_contracts::{PauseController, solidity_deposit};
    use spandrel_core::EffectId;
    use spandrel_core::submission::Lasting;
    use spandrel_verifiers::{AssetId, ChainId, Deposit, LanePreference};

    use super::super::build::{Call, Unless};
    use super::*;

    fn prerequisite(byte: u8) -> Prerequisite {
        let call = Call { to: Address::repeat_byte(byte), input: Bytes::new() };
        Prerequisite { call, unless: Unless::Never }
    }

    fn group(count: u8) -> Vec<Work> {
        let work = |byte| Work {
            effect: EffectId(B256::repeat_byte(byte)),
            prerequisites: vec![prerequisite(byte % 2)],
            action: Action::Pause { scope: B256::ZERO, ttl: 1 },
            is_alone: false,
            is_spent: false,
        };
        (0..count).map(work).collect()
    }

    fn indices(failing: &[(usize, Refusal)]) -> Vec<usize> {
        failing.iter().map(|(index, _)| *index).collect()
    }

    fn claims(count: u8) -> Vec<Work> {
        let chain = ChainId::eip155(1);
        let deposit = Deposit {
            version: Deposit::VERSION,
            source_chain: chain.clone(),
            source_bridge: B256::ZERO,
            source_key: B256::ZERO,
            asset: AssetId::parse("eip155:1/slip44:60").unwrap(),
            amount: U256::ONE,
            destination_chain: chain,
            destination_bridge: B256::ZERO,
            recipient: B256::ZERO,
            sender: B256::ZERO,
            lane: LanePreference::Any,
            expiry: 1,
        };
        let item = Inbox::ClaimItem { lane: 1, deposit: solidity_deposit(&deposit), proof: Bytes::new() };
        group(count).into_iter().map(|work| Work { action: Action::Claim(item.clone()), ..work }).collect()
    }

    fn each(gas: u64, failures: &[Vec<u8>]) -> Simulated {
        let failures = failures.iter().cloned().map(Bytes::from).collect::<Vec<_>>();
        Simulated::Passed { gas, output: Inbox::claimEachCall::abi_encode_returns(&failures).into() }
    }

    #[test]
    fn every_item_that_fails_alone_is_dropped_for_its_own_reason() {
        let failed = |index: u64, reason: Vec<u8>| {
            Inbox::ItemFailed { index: U256::from(index), reason: reason.into() }.abi_encode()
        };
        let expired = Inbox::DepositExpired { expiry: 5, now_: U256::from(6) }.abi_encode();
        let outcome = [each(100_000, &[vec![], failed(1, expired), vec![], failed(3, paused())])];
        let Finding::Drop(failing) = finding(&claims(4), &[], &outcome, 1_000_000) else { panic!() };
        assert_eq!(indices(&failing), [1, 3]);
        assert_eq!((failing[0].1.lasting, failing[1].1.lasting), (Lasting::ForEver, Lasting::ForNow));
    }

    #[test]
    fn an_answer_of_another_length_or_form_passes_nothing() {
        for outcome in [each(1, &[vec![]]), each(1, &[vec![], vec![], vec![]]), passed(1)] {
            let Finding::Drop(failing) = finding(&claims(2), &[], &[outcome], 1_000_000) else { panic!() };
            assert_eq!(indices(&failing), [0, 1]);
        }
    }

    #[test]
    fn each_claim_has_gas_to_spare_for_a_recipient_that_burns_more_than_it_did_in_the_simulation() {
        let found = finding(&claims(2), &[], &[each(100_000, &[vec![], vec![]])], 1_000_000);
        assert_eq!(found, Finding::Passes(vec![160_000 + 2 * 105_000]));
    }

    fn passed(gas: u64) -> Simulated {
        Simulated::Passed { gas, output: Bytes::new() }
    }

    fn paused() -> Vec<u8> {
        PauseController::ScopePaused { scope: B256::ZERO, until: 9 }.abi_encode()
    }

    #[test]
    fn the_item_that_is_named_is_dropped() {
        let data = Inbox::ItemFailed { index: U256::from(2), reason: paused().into() }.abi_encode();
        let found = finding(&group(4), &[], &[Simulated::Reverted(data.into())], 1_000_000);
        assert!(
            matches!(&found, Finding::Drop(failing) if indices(failing) == [2] && failing[0].1.reason.contains("ScopePaused"))
        );
    }

    #[test]
    fn an_index_outside_the_group_is_not_believed() {
        let data = Inbox::ItemFailed { index: U256::from(4), reason: paused().into() }.abi_encode();
        assert_eq!(finding(&group(4), &[], &[Simulated::Reverted(data.into())], 1_000_000), Finding::Halve);
    }

    #[test]
    fn an_unnamed_failure_halves_until_one_is_left() {
        let outcome = [Simulated::Reverted(paused().into())];
        assert_eq!(finding(&group(2), &[], &outcome, 1_000_000), Finding::Halve);
        assert!(
            matches!(finding(&group(1), &[], &outcome, 1_000_000), Finding::Drop(failing) if indices(&failing) == [0])
        );
    }

    #[test]
    fn a_failing_prerequisite_takes_only_those_who_need_it() {
        let lacking = [prerequisite(0), prerequisite(1)];
        let outcomes = [passed(1), Simulated::Reverted(paused().into()), passed(1)];
        let found = finding(&group(5), &lacking, &outcomes, 1_000_000);
        assert!(matches!(found, Finding::Drop(failing) if indices(&failing) == [1, 3]));
    }

    /// Deposits of one block each bring it for their own amount: the largest is enough for all.
    #[test]
    fn a_root_is_brought_for_the_largest_amount_of_those_who_need_it() {
        let stored = |height, up_to| {
            let (chain, root) = (B256::ZERO, B256::repeat_byte(1));
            let call = Call { to: Address::ZERO, input: vec![height as u8, up_to as u8].into() };
            Prerequisite { call, unless: Unless::Stored { chain, height, root, time: 1, up_to } }
        };
        let lacking = [stored(7, 1), stored(7, 3), stored(7, 2), stored(8, 1)];
        let works = || claims(4).into_iter().zip(&lacking);
        let group: Vec<Work> = works().map(|(work, own)| Work { prerequisites: vec![own.clone()], ..work }).collect();
        let brought = |group: &[Work]| lacked_by(group, &lacking).cloned().collect::<Vec<_>>();
        assert_eq!(brought(&group), [stored(7, 3), stored(8, 1)]);
        assert_eq!(brought(&group[..1]), [stored(7, 1)], "nobody in the group brings more");
    }

    #[test]
    fn what_no_pool_takes_is_halved_and_one_item_that_long_waits() {
        assert_eq!(too_long(&group(1), 120_000), None);
        assert_eq!(too_long(&group(2), 120_001), Some(Finding::Halve));
        let Some(Finding::Drop(failing)) = too_long(&group(1), 120_001) else { panic!() };
        assert!(failing[0].1.lasting == Lasting::ForNow && failing[0].1.reason.contains("found 120001"));
    }

    #[test]
    fn too_much_gas_halves_and_one_item_over_the_limit_waits() {
        assert_eq!(finding(&group(2), &[], &[passed(1_000_000)], 1_000_000), Finding::Halve);
        let found = finding(&group(1), &[], &[passed(1_000_000)], 1_000_000);
        assert!(
            matches!(found, Finding::Drop(failing) if failing[0].1.lasting == Lasting::ForNow && failing[0].1.reason.contains("1000000"))
        );
        assert_eq!(finding(&group(2), &[], &[passed(100_000)], 1_000_000), Finding::Passes(vec![160_000]));
    }
}
