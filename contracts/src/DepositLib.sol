// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @notice The one fact that crosses: a deposit on a source chain, to be paid on a destination chain.
/// @dev Chains and assets are keccak256 of their CAIP-2 and CAIP-19 strings. Accounts are 32 bytes: EVM addresses
/// left-padded with zeros, Bitcoin x-only keys. The Rust twin is `spandrel_verifiers::Deposit`.
struct Deposit {
    uint8 version;
    bytes32 sourceChain;
    bytes32 sourceBridge;
    bytes32 sourceKey;
    bytes32 asset;
    uint256 amount;
    bytes32 destinationChain;
    bytes32 destinationBridge;
    bytes32 recipient;
    bytes32 sender;
    uint8 lane;
    uint64 expiry;
}

/// @title Identity of deposits.
/// @notice Everything that is paid is inside the id (Verus 2026: a valid proof whose amounts were never compared).
library DepositLib {
    /// @notice The only version there is.
    uint8 internal constant VERSION = 1;
    /// @notice Lane preference: fast when it is open, else light client.
    uint8 internal constant ANY = 0;
    /// @notice Lane preference: fast, light client when over a cap.
    uint8 internal constant PREFER_FAST = 1;
    /// @notice Lane preference: only with a light-client proof.
    uint8 internal constant LIGHT_CLIENT_ONLY = 2;

    /// @notice `keccak256(abi.encode(every field))`: the nullifier on every destination.
    function id(Deposit memory deposit) internal pure returns (bytes32) {
        return keccak256(abi.encode(deposit));
    }
}
