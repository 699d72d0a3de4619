// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title What the inbox needs of the vault.
interface IVault {
    /// @notice Pays `amount` of `token` (0: native) that was locked for `chain`.
    function release(address token, bytes32 chain, address to, uint256 amount) external;
}
