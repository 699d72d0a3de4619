// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title Trusted block hashes of other chains.
/// @notice `CheckpointRegistry` is one; a light client that verifies consensus natively can take its place.
interface IRootSource {
    /// @notice The trusted root of `chain` at `height`; reverts when there is none, none that may still be used, or none that
    /// is deep enough for `amount`.
    /// @param chain keccak256 of the CAIP-2 string.
    /// @param amount What is to be proven, in base units of the chain's coin; what has no amount is proven under roots
    /// that are good for any: `type(uint256).max`.
    /// @return root Block hash: keccak256(rlp(header)) (Ethereum) or sha256d(header) in wire order (Bitcoin).
    /// @return time Block time, Unix seconds.
    function rootAt(bytes32 chain, uint64 height, uint256 amount)
        external
        view
        returns (bytes32 root, uint64 time);

    /// @notice Unix seconds from which the root of `chain` at `height` has been trusted: for as long it could have been
    /// disputed. Reverts when there is none.
    function trustedSince(bytes32 chain, uint64 height) external view returns (uint64);

    /// @notice Reverts while no root of `chain` may be used, and when that at `height` turned out false, is not deep enough
    /// for `amount` by what is still believed, or was not trusted yet at `provenAt` (Unix seconds). One that is only too old for
    /// a new proof stands.
    function requireStanding(bytes32 chain, uint64 height, uint256 amount, uint64 provenAt) external view;
}
