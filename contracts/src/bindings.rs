//! Contract types, one module per artifact. `Deposit` exists once per contract that mentions it; the inbox's is the one
//! that [`crate::solidity_deposit`] makes, and the others convert to and from it.
#![allow(missing_docs, clippy::too_many_arguments, reason = "generated code")]

/// Expands an artifact in a module of its own, because artifacts repeat the libraries whose enums they mention.
macro_rules! binding {
    ($module:ident, $name:ident, $artifact:literal) => {
        mod $module {
            alloy::sol!(
                #[sol(rpc, extra_derives(Debug))]
                $name,
                $artifact
            );
        }
        pub use $module::$name;
    };
}

binding!(access_manager, AccessManager, "artifacts/AccessManager.json");
binding!(bitcoin_inclusion_verifier, BitcoinInclusionVerifier, "artifacts/BitcoinInclusionVerifier.json");
binding!(checkpoint_registry, CheckpointRegistry, "artifacts/CheckpointRegistry.json");
binding!(ethereum_storage_verifier, EthereumStorageVerifier, "artifacts/EthereumStorageVerifier.json");
binding!(fast_lane, FastLane, "artifacts/FastLane.json");
binding!(inbox, Inbox, "artifacts/Inbox.json");
binding!(outbox, Outbox, "artifacts/Outbox.json");
binding!(pause_controller, PauseController, "artifacts/PauseController.json");
binding!(proof_reader, ProofReader, "artifacts/ProofReader.json");
binding!(risk_guard, RiskGuard, "artifacts/RiskGuard.json");
binding!(test_token, TestToken, "artifacts/TestToken.json");
binding!(timelock_controller, TimelockController, "artifacts/TimelockController.json");
binding!(vault, Vault, "artifacts/Vault.json");
binding!(wrapped_token, WrappedToken, "artifacts/WrappedToken.json");
