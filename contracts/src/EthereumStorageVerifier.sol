// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Deposit, DepositLib} from "./DepositLib.sol";
import {EthereumProof} from "./EthereumProof.sol";
import {ILaneVerifier} from "./ILaneVerifier.sol";
import {IRootSource} from "./IRootSource.sol";

/// @title Deposits of an EVM chain: `Outbox.deposits[nonce]` under a trusted block hash.
/// @notice The slot holds the deposit's id, so every field of the deposit is proven with it.
contract EthereumStorageVerifier is ILaneVerifier {
    IRootSource public immutable roots;

    error DepositMismatch(bytes32 expected, bytes32 found);

    constructor(IRootSource roots_) {
        roots = roots_;
    }

    /// @inheritdoc ILaneVerifier
    /// @param proof Encoding of `EthereumProof`.
    function verify(Deposit calldata deposit, bytes calldata proof)
        external
        view
        returns (uint64 height, uint64 time)
    {
        bytes32 slot = keccak256(abi.encode(uint256(deposit.sourceKey), uint256(0)));
        uint256 value;
        (value, height, time) =
            EthereumProof.storageAt(roots, deposit.sourceChain, deposit.sourceBridge, slot, proof);
        bytes32 id = DepositLib.id(deposit);
        require(bytes32(value) == id, DepositMismatch(id, bytes32(value)));
    }

    /// @inheritdoc ILaneVerifier
    function requireStanding(Deposit calldata deposit, uint64 height, uint64 verifiedAt) external view {
        roots.requireStanding(deposit.sourceChain, height, type(uint256).max, verifiedAt);
    }
}
