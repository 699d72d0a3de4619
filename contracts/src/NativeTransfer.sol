// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title Sends native coin to an account that may be hostile.
library NativeTransfer {
    /// @notice Gas that a recipient may use. Enough for a smart wallet, too little to spoil a batch.
    uint256 internal constant GAS = 100_000;

    error NativeTransferFailed(address to, uint256 amount);

    /// @notice Sends without copying return data.
    function send(address to, uint256 amount) internal {
        bool success;
        assembly ("memory-safe") {
            success := call(GAS, to, amount, 0, 0, 0, 0)
        }
        require(success, NativeTransferFailed(to, amount));
    }
}
