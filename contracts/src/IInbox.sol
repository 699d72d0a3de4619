// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title What the vault needs of the inbox: the wrapped tokens that leave and come back.
interface IInbox {
    /// @notice Burns `amount` of a wrapped token that `from` sends back to `chain`.
    function burnWrapped(address token, address from, uint256 amount, bytes32 chain) external;

    /// @notice Undoes {burnWrapped} for a deposit that was never paid.
    function restoreWrapped(address token, address to, uint256 amount, bytes32 chain) external;
}
