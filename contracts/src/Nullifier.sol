// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title What an inbox stores for a deposit id, and where.
library Nullifier {
    /// @notice A delayed payment was dropped by a guardian: never paid, to be refunded on the source chain. Any other
    /// non-zero value is the lane that paid it.
    uint8 internal constant DROPPED = 255;

    /// @notice Storage key of `nullifiers[id]`, a mapping at slot 0 of the inbox.
    function slot(bytes32 id) internal pure returns (bytes32) {
        return keccak256(abi.encode(id, uint256(0)));
    }
}

/// @title The nullifiers, at storage slot 0. Inherit first.
abstract contract NullifierStore {
    /// @notice deposit id => 0 unpaid, the lane that paid it, or {Nullifier.DROPPED}. One for all lanes.
    mapping(bytes32 id => uint8 state) public nullifiers;
}
