// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title Merkle paths of Bitcoin blocks: double SHA-256, an odd node is paired with itself.
library BitcoinMerkle {
    /// @notice Deepest tree accepted: four million weight units hold fewer than 2^15 transactions of 60 bytes.
    uint256 internal constant MAX_DEPTH = 15;

    error PathTooLong(uint256 maximum, uint256 found);
    error IndexOutOfRange(uint256 index, uint256 depth);
    /// @notice A node is doubled where it cannot be, or is not where it must be.
    error DuplicatedNode(uint256 level);

    /// @notice The root that `leaf` at `index` and `path` lead to.
    /// @dev Only the last node of a row is doubled: never a right child, which would be the copy that fills an odd row
    /// (CVE-2012-2459), never the only node of a row; and once a node is last, so is every node above it.
    function root(bytes32 leaf, uint256 index, bytes32[] memory path) internal pure returns (bytes32 hash) {
        uint256 depth = path.length;
        require(depth <= MAX_DEPTH, PathTooLong(MAX_DEPTH, depth));
        require(index >> depth == 0, IndexOutOfRange(index, depth));
        hash = leaf;
        bool isLast = false;
        for (uint256 level = 0; level < depth; ++level) {
            bytes32 sibling = path[level];
            bool isLeft = index & 1 == 0;
            bool isDoubled = hash == sibling;
            bool isPlaced = isDoubled ? isLeft && index != 0 : !(isLast && isLeft);
            require(isPlaced, DuplicatedNode(level));
            isLast = isLast || isDoubled;
            hash = isLeft ? _pair(hash, sibling) : _pair(sibling, hash);
            index >>= 1;
        }
    }

    function _pair(bytes32 left, bytes32 right) private pure returns (bytes32) {
        return sha256(abi.encodePacked(sha256(abi.encodePacked(left, right))));
    }
}
