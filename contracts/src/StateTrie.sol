// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Rlp} from "./Rlp.sol";

/// @title Inclusion and absence in the account and storage tries: Merkle-Patricia, hashed keys of 32 bytes.
/// @notice A key is absent when its path ends in an empty branch slot, or in a leaf or extension whose path differs
/// from it (Yellow Paper, appendix D). A proof has one form: nodes from the root down, each named by the hash in its
/// parent, none unused. A node shorter than a hash stands in its parent and is no element of the proof: leaves of short
/// values below nine levels, to which somebody who grinds keys can lead the path of another's absence.
library StateTrie {
    /// @notice Most nodes of one proof (a path of 64 nibbles is never that deep in practice).
    uint256 internal constant MAX_NODES = 32;
    /// @notice Largest node: a branch of 16 hashes.
    uint256 internal constant MAX_NODE_BYTES = 532;
    /// @dev keccak256(rlp("")).
    bytes32 private constant EMPTY_ROOT = 0x56e81f171bcc55a6ff8345e692c0f86e5b48e01b996cadc001622fb5e363b421;
    uint256 private constant KEY_NIBBLES = 64;
    /// @dev Nodes shorter than a hash are embedded, and only those.
    uint256 private constant EMBEDDED_BELOW = 32;

    error TooManyNodes(uint256 maximum, uint256 found);
    error NodeSizeOutOfRange(uint256 index, uint256 size);
    error NodeHashMismatch(uint256 index, bytes32 expected, bytes32 found);
    error NodeMalformed(uint256 index);
    error UnusedNodes(uint256 expected, uint256 found);
    error PathIncomplete(uint256 nodes);

    /// @dev Where a walk is: the key, how many of its nibbles are used, and what comes next: the node with a hash, or the
    /// embedded one; neither when the walk has ended.
    struct Walk {
        bytes32 key;
        uint256 depth;
        bytes32 next;
        bytes embedded;
        uint256 index;
    }

    /// @notice The value at `key`, empty when the trie has none. Reverts when `proof` shows neither.
    /// @param key The hashed key.
    /// @param proof Nodes from the root down.
    function read(bytes32 root, bytes32 key, bytes[] memory proof) internal pure returns (bytes memory value) {
        require(proof.length <= MAX_NODES, TooManyNodes(MAX_NODES, proof.length));
        if (root == EMPTY_ROOT) {
            require(proof.length == 0, UnusedNodes(0, proof.length));
            return value;
        }
        Walk memory walk = Walk(key, 0, root, "", 0);
        for (; walk.index < proof.length; ++walk.index) {
            bytes memory node = proof[walk.index];
            bool isSized = node.length >= EMBEDDED_BELOW && node.length <= MAX_NODE_BYTES;
            require(isSized, NodeSizeOutOfRange(walk.index, node.length));
            bytes32 hash = keccak256(node);
            require(hash == walk.next, NodeHashMismatch(walk.index, walk.next, hash));
            value = _step(walk, node);
            while (walk.embedded.length != 0) value = _step(walk, walk.embedded);
            if (walk.next == 0) {
                require(walk.index + 1 == proof.length, UnusedNodes(walk.index + 1, proof.length));
                return value;
            }
        }
        revert PathIncomplete(proof.length);
    }

    /// @dev Follows the key through one node: to the next, to a value, or to its absence.
    function _step(Walk memory walk, bytes memory node) private pure returns (bytes memory value) {
        walk.next = 0;
        walk.embedded = "";
        uint256 first = Rlp.enter(node);
        uint256 second = Rlp.skip(node, first);
        require(second < node.length, NodeMalformed(walk.index));
        if (Rlp.skip(node, second) != node.length) {
            _descend(walk, node, _slot(walk, node, first));
            walk.depth += 1;
            return value;
        }
        (bool isLeaf, bool matches, uint256 length) = _comparePath(walk, _string(walk, node, first));
        if (isLeaf) {
            if (matches) value = _string(walk, node, second);
        } else if (matches) {
            _descend(walk, node, second);
            require(walk.next != 0 || walk.embedded.length != 0, NodeMalformed(walk.index));
            walk.depth += length;
        }
    }

    /// @dev Where a branch has the child under the key's next nibble.
    function _slot(Walk memory walk, bytes memory node, uint256 first) private pure returns (uint256 child) {
        require(walk.depth < KEY_NIBBLES, NodeMalformed(walk.index));
        uint256 nibble = (uint256(walk.key) >> (252 - 4 * walk.depth)) & 0x0f;
        uint256 offset = first;
        for (uint256 slot = 0; slot < 17; ++slot) {
            if (slot == nibble) child = offset;
            offset = Rlp.skip(node, offset);
        }
        require(offset == node.length, NodeMalformed(walk.index));
    }

    /// @dev To the child at `offset`: named by its hash, embedded, or none.
    function _descend(Walk memory walk, bytes memory node, uint256 offset) private pure {
        (uint256 payload, uint256 end, bool isList) = Rlp.item(node, offset);
        if (isList) {
            require(end - offset < EMBEDDED_BELOW, NodeMalformed(walk.index));
            walk.embedded = _copy(node, offset, end);
        } else if (payload != end) {
            (walk.next,) = Rlp.word(node, offset);
        }
    }

    /// @dev Reads a hex-prefix path (Yellow Paper, appendix C) and compares it with what is left of the key.
    function _comparePath(Walk memory walk, bytes memory path)
        private
        pure
        returns (bool isLeaf, bool matches, uint256 length)
    {
        require(path.length != 0 && path.length <= 33, NodeMalformed(walk.index));
        uint256 flag = uint8(path[0]) >> 4;
        uint256 head = uint8(path[0]) & 0x0f;
        bool isOdd = flag & 1 == 1;
        require(flag <= 3 && (isOdd || head == 0), NodeMalformed(walk.index));
        isLeaf = flag >= 2;
        uint256 tail = path.length - 1;
        length = 2 * tail + (isOdd ? 1 : 0);
        uint256 left = KEY_NIBBLES - walk.depth;
        bool isSized = isLeaf ? length == left : length != 0 && length < left;
        require(isSized, NodeMalformed(walk.index));
        uint256 nibbles;
        assembly ("memory-safe") {
            nibbles := shr(sub(256, mul(8, tail)), mload(add(path, 0x21)))
        }
        if (isOdd) nibbles |= head << (8 * tail);
        matches = nibbles == (uint256(walk.key) << (4 * walk.depth)) >> (256 - 4 * length);
    }

    function _string(Walk memory walk, bytes memory node, uint256 offset) private pure returns (bytes memory value) {
        (uint256 payload, uint256 end, bool isList) = Rlp.item(node, offset);
        require(!isList, NodeMalformed(walk.index));
        value = _copy(node, payload, end);
    }

    function _copy(bytes memory from, uint256 start, uint256 end) private pure returns (bytes memory part) {
        part = new bytes(end - start);
        assembly ("memory-safe") {
            mcopy(add(part, 0x20), add(add(from, 0x20), start), mload(part))
        }
    }
}
