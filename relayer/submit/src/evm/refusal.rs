//! Why an effect is not carried out, and whether that can change.

use spandrel_contracts::revert;
use spandrel_core::submission::{Lasting, Progress};

/// A typed refusal of one effect.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Refusal {
    /// The contract's error, or our own.
    pub reason: String,
    /// For how long.
    pub lasting: Lasting,
}

/// Errors about what the deposit or its proof *is*: the same effect will never pass. Everything else (pauses, caps, closed
/// lanes, unknown roots, unknown errors) may pass later: an error that is not understood must not end a transfer.
const FOR_EVER: [&str; 46] = [
    "AccountMalformed",
    "AmountMismatch",
    "BadRecipient",
    "BridgeNotAnAddress",
    "CoinbaseAsDeposit",
    "CoinbaseDepthMismatch",
    "CountNotMinimal",
    "CountOutOfRange",
    "DepositExpired",
    "DepositMismatch",
    "DuplicatedNode",
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
    "SourceKeyMismatch",
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

/// Errors about a checkpoint, an attestation or their signatures: others of them may pass.
const WITH_THIS_PROOF: [&str; 13] = [
    "BatchExpired",
    "CheckpointTooOld",
    "CheckpointTooShallow",
    "CountConflict",
    "DisputedCheckpoint",
    "ECDSAInvalidSignature",
    "ECDSAInvalidSignatureLength",
    "ECDSAInvalidSignatureS",
    "EpochExpired",
    "NotASigner",
    "SignatureCountWrong",
    "SignersNotSorted",
    "TimeNotRising",
];

impl Refusal {
    pub(super) fn for_ever(reason: impl Into<String>) -> Self {
        Self { reason: reason.into(), lasting: Lasting::ForEver }
    }

    pub(super) fn for_now(reason: impl Into<String>) -> Self {
        Self { reason: reason.into(), lasting: Lasting::ForNow }
    }

    /// What revert data says of the item it is about.
    pub(super) fn of_revert(data: &[u8]) -> Self {
        let revert = revert::decode(data);
        let lasting = match revert.name {
            Some(name) if FOR_EVER.contains(&name) => Lasting::ForEver,
            Some(name) if WITH_THIS_PROOF.contains(&name) => Lasting::WithThisProof,
            _ => Lasting::ForNow,
        };
        Self { reason: revert.text, lasting }
    }
}

impl From<Refusal> for Progress {
    fn from(refusal: Refusal) -> Self {
        Self::Refused { reason: refusal.reason, lasting: refusal.lasting }
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
    fn every_lasting_error_is_one_that_a_contract_declares() {
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
        let lasting = FOR_EVER.iter().chain(&WITH_THIS_PROOF);
        let unknown: Vec<&&str> = lasting.filter(|name| !declared.contains(**name)).collect();
        assert!(unknown.is_empty(), "{unknown:?}");
    }

    #[test]
    fn an_expired_deposit_never_passes_and_a_paused_one_may() {
        let expired = Inbox::DepositExpired { expiry: 5, now_: alloy_primitives::U256::from(6) };
        assert_eq!(Refusal::of_revert(&expired.abi_encode()).lasting, Lasting::ForEver);
        let paused = PauseController::ScopePaused { scope: B256::ZERO, until: 7 };
        let refusal = Refusal::of_revert(&paused.abi_encode());
        assert!(refusal.lasting == Lasting::ForNow && refusal.reason.contains("ScopePaused"), "{refusal:?}");
    }

    #[test]
    fn an_unknown_error_does_not_end_a_transfer() {
        for data in [&[][..], &[1, 2], &[0xde, 0xad, 0xbe, 0xef]] {
            assert_eq!(Refusal::of_revert(data).lasting, Lasting::ForNow);
        }
    }

    #[test]
    fn an_old_checkpoint_and_a_signer_rotated_out_refuse_one_proof_only() {
        let old = CheckpointRegistry::CheckpointTooOld { chain: B256::ZERO, height: 1, time: 2, maxAge: 3 };
        assert_eq!(Refusal::of_revert(&old.abi_encode()).lasting, Lasting::WithThisProof);
        let rotated = CheckpointRegistry::EpochExpired { epoch: 1, validUntil: 2 };
        assert_eq!(Refusal::of_revert(&rotated.abi_encode()).lasting, Lasting::WithThisProof);
    }
}
