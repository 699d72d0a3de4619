//! Why an effect is not carried out, and whether that can change.

use spandrel_contracts::revert;
use spandrel_core::submission::Progress;

/// A typed refusal of one effect.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Refusal {
    /// The contract's error, or our own.
    pub reason: String,
    /// Whether the same effect can never succeed.
    pub is_permanent: bool,
}

/// Errors about what the deposit, its proof or its signatures *are*: the same effect will never pass. Everything else
/// (pauses, caps, closed lanes, unknown roots, unknown errors) may pass later: an error that is not understood must
/// not end a transfer.
const PERMANENT: [&str; 57] = [
    "AccountMalformed",
    "AmountMismatch",
    "BadRecipient",
    "BatchExpired",
    "BridgeNotAnAddress",
    "CheckpointTooOld",
    "CoinbaseDepthMismatch",
    "CountConflict",
    "CountNotMinimal",
    "CountOutOfRange",
    "DepositExpired",
    "DepositMismatch",
    "DisputedCheckpoint",
    "DuplicatedNode",
    "ECDSAInvalidSignature",
    "ECDSAInvalidSignatureLength",
    "ECDSAInvalidSignatureS",
    "EpochExpired",
    "HeaderHashMismatch",
    "HeaderLengthWrong",
    "HeaderMalformed",
    "HeaderNumberMismatch",
    "HeaderTimeMismatch",
    "IndexOutOfRange",
    "LaneNotAllowed",
    "MerkleRootMismatch",
    "NoInputs",
    "NodeSizeOutOfRange",
    "NotACoinbase",
    "NotASigner",
    "NotLightClient",
    "NotOnCurve",
    "NotTaproot",
    "NothingOwed",
    "OutputIndexOutOfRange",
    "OutputKeyMismatch",
    "PathLengthWrong",
    "PathTooLong",
    "ProofNotCanonical",
    "RefundDelayOutOfRange",
    "RootMismatch",
    "ScalarOutOfRange",
    "SignatureCountWrong",
    "SignersNotSorted",
    "SourceKeyMismatch",
    "TimeNotRising",
    "TooManyNodes",
    "TransactionHasTrailingBytes",
    "TransactionOf64Bytes",
    "TransactionTruncated",
    "TtlOutOfRange",
    "WrongAsset",
    "WrongChain",
    "WrongDestinationBridge",
    "WrongDestinationChain",
    "WrongVersion",
    "ZeroAmount",
];

impl Refusal {
    pub(super) fn permanent(reason: impl Into<String>) -> Self {
        Self { reason: reason.into(), is_permanent: true }
    }

    pub(super) fn for_now(reason: impl Into<String>) -> Self {
        Self { reason: reason.into(), is_permanent: false }
    }

    /// What revert data says of the item it is about.
    pub(super) fn of_revert(data: &[u8]) -> Self {
        let revert = revert::decode(data);
        let is_permanent = revert.name.is_some_and(|name| PERMANENT.contains(&name));
        Self { reason: revert.text, is_permanent }
    }
}

impl From<Refusal> for Progress {
    fn from(refusal: Refusal) -> Self {
        Self::Refused { reason: refusal.reason, is_permanent: refusal.is_permanent }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use alloy::sol_types::{SolError, SolInterface};
    use alloy_primitives::B256;
    use spandrel_contracts::{
        BitcoinInclusionVerifier, CheckpointRegistry, EthereumStorageVerifier, FastLane, Inbox, PauseController,
        RiskGuard,
    };

    use super::*;

    fn names<I: SolInterface>(name: impl Fn([u8; 4]) -> Option<&'static str>) -> impl Iterator<Item = &'static str> {
        I::selectors().filter_map(name).collect::<Vec<_>>().into_iter()
    }

    #[test]
    fn every_permanent_error_is_one_that_a_contract_declares() {
        let mut declared: BTreeSet<&str> = BTreeSet::new();
        declared.extend(names::<Inbox::InboxErrors>(Inbox::InboxErrors::name_by_selector));
        declared.extend(names::<FastLane::FastLaneErrors>(FastLane::FastLaneErrors::name_by_selector));
        declared.extend(names::<EthereumStorageVerifier::EthereumStorageVerifierErrors>(
            EthereumStorageVerifier::EthereumStorageVerifierErrors::name_by_selector,
        ));
        declared.extend(names::<BitcoinInclusionVerifier::BitcoinInclusionVerifierErrors>(
            BitcoinInclusionVerifier::BitcoinInclusionVerifierErrors::name_by_selector,
        ));
        declared.extend(names::<CheckpointRegistry::CheckpointRegistryErrors>(
            CheckpointRegistry::CheckpointRegistryErrors::name_by_selector,
        ));
        declared.extend(names::<PauseController::PauseControllerErrors>(
            PauseController::PauseControllerErrors::name_by_selector,
        ));
        declared.extend(names::<RiskGuard::RiskGuardErrors>(RiskGuard::RiskGuardErrors::name_by_selector));
        let unknown: Vec<&&str> = PERMANENT.iter().filter(|name| !declared.contains(**name)).collect();
        assert!(unknown.is_empty(), "{unknown:?}");
    }

    #[test]
    fn an_expired_deposit_never_passes_and_a_paused_one_may() {
        let expired = Inbox::DepositExpired { expiry: 5, now_: alloy_primitives::U256::from(6) };
        assert!(Refusal::of_revert(&expired.abi_encode()).is_permanent);
        let paused = PauseController::ScopePaused { scope: B256::ZERO, until: 7 };
        let refusal = Refusal::of_revert(&paused.abi_encode());
        assert!(!refusal.is_permanent && refusal.reason.contains("ScopePaused"), "{refusal:?}");
    }

    #[test]
    fn an_unknown_error_does_not_end_a_transfer() {
        for data in [&[][..], &[1, 2], &[0xde, 0xad, 0xbe, 0xef]] {
            assert!(!Refusal::of_revert(data).is_permanent);
        }
    }
}
