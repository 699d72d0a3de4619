// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title Numbers of the lanes through which a deposit can be claimed. Never renumbered.
library Lane {
    /// @notice Attested by m-of-n signers; adds to the exposure until a proof settles it.
    uint8 internal constant FAST = 1;
    /// @notice Account and storage proof under an Ethereum block hash.
    uint8 internal constant ETHEREUM = 2;
    /// @notice Transaction Merkle proof under a Bitcoin block hash.
    uint8 internal constant BITCOIN = 3;
}
