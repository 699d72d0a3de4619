//! Revert data in words: `ItemFailed(3): AlreadyClaimed(AlreadyClaimed { id: 0x… })`.

use alloy::primitives::Bytes;
use alloy::sol_types::{GenericContractError, SolInterface};

use crate::{
    AccessManager, BitcoinInclusionVerifier, CheckpointRegistry, EthereumStorageVerifier, FastLane, Inbox, Outbox,
    PauseController, RiskGuard, Vault, WrappedToken,
};

/// A typed error of one of the bridge's contracts, with the index of the batch item it came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Revert {
    /// Which item of a batch it is about; `None` outside a batch.
    pub item: Option<usize>,
    /// Name of the Solidity error, such as `AlreadyClaimed`; `None` when no contract here declares the selector.
    pub name: Option<&'static str>,
    /// The error with its arguments, or the raw bytes when it is not known.
    pub text: String,
}

/// What the revert data says, as one line.
pub fn reason(data: &[u8]) -> String {
    let revert = decode(data);
    match revert.item {
        Some(index) => format!("ItemFailed({index}): {}", revert.text),
        None => revert.text,
    }
}

/// The typed form of revert data; `ItemFailed` is unwrapped.
pub fn decode(data: &[u8]) -> Revert {
    if let Ok(Inbox::InboxErrors::ItemFailed(failed)) = Inbox::InboxErrors::abi_decode(data) {
        let inner = decode(&failed.reason);
        return Revert { item: failed.index.try_into().ok(), ..inner };
    }
    match named(data) {
        Some((name, text)) => Revert { item: None, name: Some(name), text },
        None => Revert { item: None, name: None, text: unnamed(data) },
    }
}

fn named(data: &[u8]) -> Option<(&'static str, String)> {
    macro_rules! first_of {
        ($($contract:ident :: $errors:ident),+ $(,)?) => {
            $(if let Ok(error) = $contract::$errors::abi_decode(data) {
                return Some(($contract::$errors::name_by_selector(error.selector())?, format!("{error:?}")));
            })+
        };
    }
    first_of!(
        Inbox::InboxErrors,
        FastLane::FastLaneErrors,
        EthereumStorageVerifier::EthereumStorageVerifierErrors,
        BitcoinInclusionVerifier::BitcoinInclusionVerifierErrors,
        CheckpointRegistry::CheckpointRegistryErrors,
        RiskGuard::RiskGuardErrors,
        PauseController::PauseControllerErrors,
        Vault::VaultErrors,
        Outbox::OutboxErrors,
        WrappedToken::WrappedTokenErrors,
        AccessManager::AccessManagerErrors,
    );
    None
}

/// `Error(string)` and `Panic(uint256)` are the compiler's own.
fn unnamed(data: &[u8]) -> String {
    match GenericContractError::abi_decode(data) {
        Ok(error) => error.to_string(),
        Err(_) if data.is_empty() => "reverted without a reason".to_owned(),
        Err(_) => format!("unknown error {}", Bytes::copy_from_slice(data)),
    }
}

#[cfg(test)]
mod tests {
    use alloy::primitives::{B256, U256};
    use alloy::sol_types::{Revert as ErrorString, SolError};

    use super::*;

    #[test]
    fn a_batch_item_is_named_with_its_own_error() {
        let inner = Inbox::AlreadyClaimed { id: B256::repeat_byte(1) }.abi_encode();
        let data = Inbox::ItemFailed { index: U256::from(3), reason: inner.into() }.abi_encode();
        let revert = decode(&data);
        assert_eq!((revert.item, revert.name), (Some(3), Some("AlreadyClaimed")));
        assert!(reason(&data).starts_with("ItemFailed(3): AlreadyClaimed"), "{}", reason(&data));
    }

    #[test]
    fn errors_of_every_contract_behind_the_inbox_are_named() {
        let root = FastLane::RootMismatch { expected: B256::ZERO, found: B256::ZERO }.abi_encode();
        assert_eq!(decode(&root).name, Some("RootMismatch"));
        let cap = RiskGuard::OverWindow { remaining: U256::ZERO, amount: U256::ONE }.abi_encode();
        assert_eq!(decode(&cap).name, Some("OverWindow"));
        let paused = PauseController::ScopePaused { scope: B256::ZERO, until: 1 }.abi_encode();
        assert_eq!(decode(&paused).name, Some("ScopePaused"));
    }

    #[test]
    fn strings_and_unknown_selectors_are_printed_as_they_are() {
        assert!(reason(&ErrorString::from("low funds").abi_encode()).contains("low funds"));
        assert_eq!(reason(&[]), "reverted without a reason");
        assert_eq!(reason(&[1, 2, 3, 4]), "unknown error 0x01020304");
    }
}
