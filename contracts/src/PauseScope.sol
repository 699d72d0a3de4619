// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title Names of what can be paused.
library PauseScope {
    /// @notice Payouts on this chain.
    uint8 internal constant INBOUND = 1;
    /// @notice Deposits on this chain.
    uint8 internal constant OUTBOUND = 2;

    bytes32 internal constant GLOBAL = keccak256("global");

    /// @notice Everything that comes from or goes to a chain (keccak256 of its CAIP-2 string).
    function chain(bytes32 hash) internal pure returns (bytes32) {
        return keccak256(abi.encode("chain", hash));
    }

    /// @notice One claim lane.
    function lane(uint8 number) internal pure returns (bytes32) {
        return keccak256(abi.encode("lane", number));
    }

    /// @notice One asset (keccak256 of its CAIP-19 string).
    function asset(bytes32 hash) internal pure returns (bytes32) {
        return keccak256(abi.encode("asset", hash));
    }

    /// @notice Payouts here of what was deposited on a chain (keccak256 of its CAIP-2 string).
    function payoutsFrom(bytes32 hash) internal pure returns (bytes32) {
        return keccak256(abi.encode("payouts from", hash));
    }

    /// @notice Deposits here for a chain (keccak256 of its CAIP-2 string).
    function depositsTo(bytes32 hash) internal pure returns (bytes32) {
        return keccak256(abi.encode("deposits to", hash));
    }

    /// @notice All payouts or all deposits.
    function direction(uint8 number) internal pure returns (bytes32) {
        return keccak256(abi.encode("direction", number));
    }
}
