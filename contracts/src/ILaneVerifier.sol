// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Deposit} from "./DepositLib.sol";

/// @title Decides whether a deposit happened, on one kind of proof.
interface ILaneVerifier {
    /// @notice Returns when the proof is good and reverts with a typed error when it is not; there is no `false`.
    /// @param deposit What is claimed to have happened. Every field is bound by the proof.
    /// @param proof The lane's own encoding.
    /// @return height Height of the source block under which it was proven (0 when the lane has none).
    /// @return time Unix seconds of that block, or of the attestation.
    function verify(Deposit calldata deposit, bytes calldata proof) external view returns (uint64 height, uint64 time);

    /// @notice Reverts when what was verified is not to be relied on any more.
    /// @param deposit The same that was verified.
    /// @param height The height that {verify} returned.
    /// @param verifiedAt Unix seconds at which {verify} returned.
    function requireStanding(Deposit calldata deposit, uint64 height, uint64 verifiedAt) external view;
}
