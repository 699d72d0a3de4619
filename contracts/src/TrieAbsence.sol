// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Bytes} from "@openzeppelin/contracts/utils/Bytes.sol";
import {Memory} from "@openzeppelin/contracts/utils/Memory.sol";
import {RLP} from "@openzeppelin/contracts/utils/RLP.sol";

/// @title Absence proofs in a Merkle-Patricia trie with hashed, 32-byte keys (storage and account tries).
/// @notice A key is absent when its path ends in an empty branch slot, or in a leaf or extension whose path differs
/// from it (Yellow Paper, appendix D). Nodes embedded in their parent are not followed: with values this short they
/// appear only below nine levels, and there the proof is refused, not believed.
library TrieAbsence {
    /// @dev keccak256(rlp("")).
    bytes32 private constant EMPTY_ROOT = 0x56e81f171bcc55a6ff8345e692c0f86e5b48e01b996cadc001622fb5e363b421;
    uint256 private constant BRANCH_ITEMS = 17;

    error NodeHashMismatch(uint256 index, bytes32 expected, bytes32 found);
    error NodeMalformed(uint256 index);
    error UnusedNodes(uint256 expected, uint256 found);
    error PathIncomplete(uint256 nodes);

    /// @notice Whether the trie has no value at `key`. Reverts when `proof` shows neither that nor a value.
    /// @param key The hashed key, 32 bytes.
    /// @param proof Nodes from the root down, none unused.
    function isAbsent(bytes32 root, bytes memory key, bytes[] memory proof) internal pure returns (bool) {
        if (root == EMPTY_ROOT) {
            require(proof.length == 0, UnusedNodes(0, proof.length));
            return true;
        }
        bytes memory nibbles = Bytes.toNibbles(key);
        uint256 depth = 0;
        bytes32 expected = root;
        for (uint256 i = 0; i < proof.length; ++i) {
            bytes32 hash = keccak256(proof[i]);
            require(hash == expected, NodeHashMismatch(i, expected, hash));
            Memory.Slice[] memory items = RLP.decodeList(proof[i]);
            bytes memory child;
            if (items.length == BRANCH_ITEMS) {
                require(depth < nibbles.length, NodeMalformed(i));
                child = RLP.readBytes(items[uint8(nibbles[depth])]);
                depth += 1;
                if (child.length == 0) return _ends(true, i, proof.length);
            } else {
                require(items.length == 2, NodeMalformed(i));
                (bool isLeaf, bool matches, uint256 length) = _matchPath(RLP.readBytes(items[0]), nibbles, depth, i);
                if (!matches) return _ends(true, i, proof.length);
                if (isLeaf) return _ends(false, i, proof.length);
                depth += length;
                child = RLP.readBytes(items[1]);
            }
            require(child.length == 32, NodeMalformed(i));
            expected = bytes32(child);
        }
        revert PathIncomplete(proof.length);
    }

    /// @dev Decodes a hex-prefix path and compares it with the key from `depth` on.
    function _matchPath(bytes memory encoded, bytes memory nibbles, uint256 depth, uint256 index)
        private
        pure
        returns (bool isLeaf, bool matches, uint256 length)
    {
        bytes memory path = Bytes.toNibbles(encoded);
        require(path.length >= 2 && uint8(path[0]) <= 3, NodeMalformed(index));
        isLeaf = uint8(path[0]) >= 2;
        bool isOdd = uint8(path[0]) & 1 == 1;
        require(isOdd || path[1] == 0, NodeMalformed(index));
        uint256 start = isOdd ? 1 : 2;
        length = path.length - start;
        uint256 left = nibbles.length - depth;
        bool isSized = isLeaf ? length == left : length != 0 && length < left;
        require(isSized, NodeMalformed(index));
        matches = true;
        for (uint256 i = 0; i < length && matches; ++i) {
            matches = path[start + i] == nibbles[depth + i];
        }
    }

    function _ends(bool absent, uint256 index, uint256 nodes) private pure returns (bool) {
        require(index + 1 == nodes, UnusedNodes(index + 1, nodes));
        return absent;
    }
}
