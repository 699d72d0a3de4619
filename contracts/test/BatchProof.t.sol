// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {BatchProof} from "src/BatchProof.sol";
import {Test} from "./base/Vm.sol";

contract BatchProofTest is Test {
    /// Invariant 5, both ways: every leaf of every size verifies, and only at its place with its whole path.
    function testFuzz_every_leaf_verifies_at_its_place_only(uint256 count, uint256 index, uint256 other) public {
        count = bound(count, 1, 256);
        index = bound(index, 0, count - 1);
        bytes32[] memory ids = _ids(count);
        (bytes32 root, bytes32[] memory path) = _tree(ids, index);
        this.verify(root, count, index, ids[index], path);
        other = bound(other, 0, 300);
        if (other != index) {
            (bool isTaken, bytes memory why) =
                address(this).call(abi.encodeCall(this.verify, (root, count, other, ids[index], path)));
            bytes4 selector = bytes4(why);
            bool isOutside = other >= count && selector == BatchProof.IndexOutOfRange.selector;
            bool isElsewhere = other < count
                && (selector == BatchProof.RootMismatch.selector || selector == BatchProof.PathLengthWrong.selector);
            vm.assertTrue(!isTaken && (isOutside || isElsewhere));
        }
        bytes32[] memory longer = new bytes32[](path.length + 1);
        for (uint256 i = 0; i < path.length; ++i) longer[i] = path[i];
        vm.expectPartialRevert(BatchProof.PathLengthWrong.selector);
        this.verify(root, count, index, ids[index], longer);
        if (path.length > 0) {
            bytes32[] memory shorter = new bytes32[](path.length - 1);
            for (uint256 i = 0; i < shorter.length; ++i) shorter[i] = path[i];
            vm.expectPartialRevert(BatchProof.PathLengthWrong.selector);
            this.verify(root, count, index, ids[index], shorter);
        }
    }

    function testFuzz_a_flipped_bit_is_refused(uint256 count, uint256 index, uint256 bit) public {
        count = bound(count, 2, 64);
        index = bound(index, 0, count - 1);
        bytes32[] memory ids = _ids(count);
        (bytes32 root, bytes32[] memory path) = _tree(ids, index);
        bit = bound(bit, 0, path.length * 256 - 1);
        path[bit / 256] ^= bytes32(1 << (bit % 256));
        vm.expectPartialRevert(BatchProof.RootMismatch.selector);
        this.verify(root, count, index, ids[index], path);
    }

    function test_zero_roots_and_shapes_are_refused() public {
        bytes32[] memory none = new bytes32[](0);
        vm.expectRevert(BatchProof.ZeroRoot.selector);
        this.verify(0, 1, 0, 0, none);
        vm.expectRevert(abi.encodeWithSelector(BatchProof.CountOutOfRange.selector, 0));
        this.verify(bytes32(uint256(1)), 0, 0, 0, none);
        vm.expectRevert(abi.encodeWithSelector(BatchProof.CountOutOfRange.selector, 257));
        this.verify(bytes32(uint256(1)), 257, 0, 0, none);
        vm.expectRevert(abi.encodeWithSelector(BatchProof.IndexOutOfRange.selector, 1, 1));
        this.verify(bytes32(uint256(1)), 1, 1, 0, none);
    }

    /// Invariant 14: a leaf can never equal a node, whatever is inside.
    function testFuzz_a_leaf_is_never_a_node(bytes32 id, bytes32 left, bytes32 right) public pure {
        vm.assertNotEq(BatchProof.leaf(id), BatchProof.node(left, right));
        vm.assertEq(BatchProof.leaf(id), keccak256(abi.encodePacked(bytes1(0x00), id)));
    }

    /// An inner node passed off as the deposit of a smaller tree.
    function test_an_inner_node_is_not_a_deposit() public {
        bytes32[] memory ids = _ids(4);
        (bytes32 root, bytes32[] memory path) = _tree(ids, 0);
        bytes32 inner = BatchProof.node(BatchProof.leaf(ids[0]), BatchProof.leaf(ids[1]));
        bytes32[] memory upper = new bytes32[](1);
        upper[0] = path[1];
        vm.expectPartialRevert(BatchProof.RootMismatch.selector);
        this.verify(root, 2, 0, inner, upper);
    }

    function verify(bytes32 root, uint256 count, uint256 index, bytes32 id, bytes32[] calldata path) external pure {
        BatchProof.verify(root, count, index, id, path);
    }

    function _ids(uint256 count) private pure returns (bytes32[] memory ids) {
        ids = new bytes32[](count);
        for (uint256 i = 0; i < count; ++i) ids[i] = keccak256(abi.encode("id", i));
    }

    /// @dev Builds the tree level by level, an odd node promoted, and collects the siblings of `index`.
    function _tree(bytes32[] memory ids, uint256 index) private pure returns (bytes32, bytes32[] memory path) {
        bytes32[] memory level = new bytes32[](ids.length);
        for (uint256 i = 0; i < ids.length; ++i) level[i] = BatchProof.leaf(ids[i]);
        bytes32[] memory found = new bytes32[](9);
        uint256 length = 0;
        while (level.length > 1) {
            uint256 sibling = index ^ 1;
            if (sibling < level.length) found[length++] = level[sibling];
            bytes32[] memory next = new bytes32[]((level.length + 1) / 2);
            for (uint256 i = 0; i < next.length; ++i) {
                bool isPaired = 2 * i + 1 < level.length;
                next[i] = isPaired ? BatchProof.node(level[2 * i], level[2 * i + 1]) : level[2 * i];
            }
            level = next;
            index /= 2;
        }
        path = new bytes32[](length);
        for (uint256 i = 0; i < length; ++i) path[i] = found[i];
        return (level[0], path);
    }
}
