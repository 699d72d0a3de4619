// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title The bridge's own batch trees over deposit ids.
/// @notice Leaf `keccak256(0x00 ‖ id)`, node `keccak256(0x01 ‖ left ‖ right)`, an odd node is promoted: a leaf can
/// never equal a node. The count is signed beside the root and a path has exactly the length its index asks for
/// (Hyperbridge 2026, BNB 2022). The Rust twin is `spandrel_verifiers::merkle::verify`.
library BatchProof {
    /// @notice Most deposits one batch may hold.
    uint256 internal constant MAX_BATCH = 256;

    error ZeroRoot();
    error CountOutOfRange(uint256 count);
    error IndexOutOfRange(uint256 index, uint256 count);
    error PathLengthWrong(uint256 expected, uint256 found);
    error RootMismatch(bytes32 expected, bytes32 found);

    /// @notice Reverts unless `id` is leaf `index` of `count` under `root`.
    function verify(bytes32 root, uint256 count, uint256 index, bytes32 id, bytes32[] calldata path) internal pure {
        require(root != 0, ZeroRoot());
        require(count != 0 && count <= MAX_BATCH, CountOutOfRange(count));
        require(index < count, IndexOutOfRange(index, count));
        bytes32 hash = leaf(id);
        uint256 used = 0;
        uint256 position = index;
        for (uint256 last = count - 1; last > 0; last >>= 1) {
            bool isPromoted = position == last && position & 1 == 0;
            if (!isPromoted) {
                require(used < path.length, PathLengthWrong(used + 1, path.length));
                bytes32 sibling = path[used++];
                hash = position & 1 == 0 ? node(hash, sibling) : node(sibling, hash);
            }
            position >>= 1;
        }
        require(used == path.length, PathLengthWrong(used, path.length));
        require(hash == root, RootMismatch(root, hash));
    }

    /// @notice Hash of a leaf.
    function leaf(bytes32 id) internal pure returns (bytes32 result) {
        assembly ("memory-safe") {
            mstore8(0x00, 0x00)
            mstore(0x01, id)
            result := keccak256(0x00, 0x21)
        }
    }

    /// @notice Hash of an inner node.
    function node(bytes32 left, bytes32 right) internal pure returns (bytes32 result) {
        result = keccak256(abi.encodePacked(bytes1(0x01), left, right));
    }
}
