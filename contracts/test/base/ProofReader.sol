// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {BatchProof} from "src/BatchProof.sol";
import {BitcoinMerkle} from "src/BitcoinMerkle.sol";
import {BitcoinTransaction} from "src/BitcoinTransaction.sol";
import {EthereumProof} from "src/EthereumProof.sol";
import {IRootSource} from "src/IRootSource.sol";
import {DeployedBridge, PauseStatement, StatedScope, Statement} from "src/PauseStatement.sol";
import {StateTrie} from "src/StateTrie.sol";

/// @title Opens the internal proof readers to tests that compare them with other implementations.
contract ProofReader {
    function batch(bytes32 root, uint256 count, uint256 index, bytes32 id, bytes32[] calldata path) external pure {
        BatchProof.verify(root, count, index, id, path);
    }

    function bitcoinRoot(bytes32 leaf, uint256 index, bytes32[] calldata path) external pure returns (bytes32) {
        return BitcoinMerkle.root(leaf, index, path);
    }

    function taprootOutput(bytes calldata raw, uint256 index) external pure returns (uint64 value, bytes32 outputKey) {
        return BitcoinTransaction.taprootOutput(raw, index);
    }

    function read(bytes32 root, bytes32 key, bytes[] calldata proof) external pure returns (bytes memory) {
        return StateTrie.read(root, key, proof);
    }

    function storageAt(IRootSource roots, bytes32 chain, bytes32 account, bytes32 slot, bytes calldata proof)
        external
        view
        returns (uint256 value, uint64 height, uint64 time)
    {
        return EthereumProof.storageAt(roots, chain, account, slot, proof);
    }

    function pauseDigest(Statement calldata said, uint64 ttl, DeployedBridge[] calldata bridges)
        external
        pure
        returns (bytes32)
    {
        return PauseStatement.pauseDigest(said, ttl, bridges);
    }

    function freezeDigest(Statement calldata said, DeployedBridge[] calldata bridges) external pure returns (bytes32) {
        return PauseStatement.freezeDigest(said, bridges);
    }

    function scopes(string calldata scope, bytes32 here) external pure returns (bytes32[] memory) {
        return StatedScope.read(scope, here);
    }
}
