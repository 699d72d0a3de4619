//! Who may do what, as roles of one OpenZeppelin `AccessManager` (docs/control.md): the safe direction is one
//! guardian and now, the dangerous direction waits, and a guardian may cancel what waits.

use alloy::primitives::{Address, FixedBytes};
use alloy::sol_types::SolCall;

use crate::{CheckpointRegistry, FastLane, Inbox, PauseController, RiskGuard, Vault};

/// Administrator of the manager itself (`ADMIN_ROLE` of `AccessManager`): held by a timelock after handover.
pub const ADMIN: u64 = 0;
/// Pauses, freezes, lowers limits, drops delayed payments, cancels what waits. No delay.
pub const GUARDIAN: u64 = 1;
/// Unpauses and reopens the fast lane.
pub const UNPAUSER: u64 = 2;
/// Raises limits.
pub const LIMIT_RAISER: u64 = 3;
/// Assets, routes, bridges, lane verifiers, chain rules, signer sets.
pub const GOVERNOR: u64 = 4;

/// Accounts of each role. Every list but `guardians` acts through `AccessManager.schedule`, unless its delay is zero.
#[derive(Clone, Debug, Default)]
pub struct Roles {
    /// See [`GUARDIAN`].
    pub guardians: Vec<Address>,
    /// See [`UNPAUSER`].
    pub unpausers: Vec<Address>,
    /// See [`LIMIT_RAISER`].
    pub limit_raisers: Vec<Address>,
    /// See [`GOVERNOR`]; also the proposers of the timelock that administers the manager.
    pub governors: Vec<Address>,
    /// How long each role waits.
    pub delays: Delays,
}

/// Execution delays in seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Delays {
    /// Of [`UNPAUSER`].
    pub unpause: u32,
    /// Of [`LIMIT_RAISER`].
    pub raise: u32,
    /// Of [`GOVERNOR`] and of the timelock.
    pub govern: u32,
}

impl Default for Delays {
    /// 15 minutes, 24 hours, 48 hours.
    fn default() -> Self {
        Self { unpause: 15 * 60, raise: 24 * 3600, govern: 48 * 3600 }
    }
}

/// A function of one contract.
pub type Selector = FixedBytes<4>;

/// Which role may call which restricted functions of which contract. What is not listed only the administrator may call.
pub(crate) fn table(to: &crate::deploy::Deployment) -> Vec<(Address, u64, Vec<Selector>)> {
    fn of<C: SolCall>() -> Selector {
        C::SELECTOR.into()
    }
    vec![
        (to.pauses, GUARDIAN, vec![of::<PauseController::pauseCall>(), of::<PauseController::freezeCall>()]),
        (to.pauses, UNPAUSER, vec![of::<PauseController::unpauseCall>()]),
        (to.guard, GUARDIAN, vec![of::<RiskGuard::lowerCall>()]),
        (to.guard, UNPAUSER, vec![of::<RiskGuard::reopenFastCall>()]),
        (to.guard, LIMIT_RAISER, vec![of::<RiskGuard::raiseCall>()]),
        (to.guard, GOVERNOR, vec![of::<RiskGuard::writeOffCall>()]),
        (to.inbox, GUARDIAN, vec![of::<Inbox::dropDelayedCall>()]),
        (
            to.inbox,
            GOVERNOR,
            vec![of::<Inbox::setVerifierCall>(), of::<Inbox::setBridgeCall>(), of::<Inbox::setPayoutCall>()],
        ),
        (to.vault, GOVERNOR, vec![of::<Vault::registerAssetCall>(), of::<Vault::setRouteCall>()]),
        (to.fast_lane, GUARDIAN, vec![of::<FastLane::cancelRotationCall>()]),
        (to.fast_lane, GOVERNOR, vec![of::<FastLane::replaceSignersCall>()]),
        (to.registry, GUARDIAN, vec![of::<CheckpointRegistry::freezeCall>(), of::<CheckpointRegistry::disputeCall>()]),
        (
            to.registry,
            GOVERNOR,
            vec![
                of::<CheckpointRegistry::setChainRuleCall>(),
                of::<CheckpointRegistry::unfreezeCall>(),
                of::<CheckpointRegistry::rotateCall>(),
                of::<CheckpointRegistry::replaceVerifiersCall>(),
                of::<CheckpointRegistry::distrustCall>(),
            ],
        ),
    ]
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::path::Path;

    use alloy::json_abi::JsonAbi;
    use alloy::primitives::Address;

    use super::*;
    use crate::deploy::Deployment;

    fn deployment() -> Deployment {
        let at = Address::repeat_byte;
        Deployment {
            manager: at(1),
            pauses: at(2),
            registry: at(3),
            outbox: at(4),
            vault: at(5),
            guard: at(6),
            inbox: at(7),
            fast_lane: at(8),
            ethereum_verifier: at(9),
            bitcoin_verifier: None,
            wrapped: vec![],
            timelock: None,
        }
    }

    /// Names of the functions of a contract that its source marks as restricted.
    fn restricted(folder: &Path, contract: &str) -> BTreeSet<String> {
        let source = std::fs::read_to_string(folder.join("src").join(format!("{contract}.sol"))).unwrap();
        let headers = source.split("function ").skip(1).filter_map(|rest| rest.split_once(['{', ';']));
        let restricted = headers.filter(|(header, _)| header.split_whitespace().any(|word| word == "restricted"));
        restricted.map(|(header, _)| header.split('(').next().unwrap().to_owned()).collect()
    }

    /// A function without a role could be called by the administrator only: a guardian could not act at once.
    #[test]
    fn every_restricted_function_has_exactly_one_role() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
        let at = deployment();
        let contracts = [
            (at.pauses, "PauseController"),
            (at.registry, "CheckpointRegistry"),
            (at.vault, "Vault"),
            (at.guard, "RiskGuard"),
            (at.inbox, "Inbox"),
            (at.fast_lane, "FastLane"),
        ];
        for (address, contract) in contracts {
            let artifact = std::fs::read(folder.join("artifacts").join(format!("{contract}.json"))).unwrap();
            let abi: JsonAbi =
                serde_json::from_value(serde_json::from_slice::<serde_json::Value>(&artifact).unwrap()["abi"].take())
                    .unwrap();
            let rows = table(&at).into_iter().filter(|(target, ..)| *target == address);
            let selectors: Vec<Selector> = rows.flat_map(|(.., selectors)| selectors).collect();
            let names: Vec<String> =
                abi.functions().filter(|f| selectors.contains(&f.selector())).map(|f| f.name.clone()).collect();
            assert_eq!(names.len(), selectors.len(), "{contract}: a selector twice, or of no function");
            assert_eq!(names.into_iter().collect::<BTreeSet<_>>(), restricted(folder, contract), "{contract}");
        }
    }
}
