// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {EthereumProof} from "src/EthereumProof.sol";
import {IRootSource} from "src/IRootSource.sol";
import {StateTrie} from "src/StateTrie.sol";

/// @title Opens the internal trie reader to tests that compare it with other implementations on recorded data.
contract TrieReader {
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
}
