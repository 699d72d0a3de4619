// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {RLP} from "@openzeppelin/contracts/utils/RLP.sol";
import {Rlp} from "src/Rlp.sol";
import {StateTrie} from "src/StateTrie.sol";
import {SourceState} from "./base/SourceState.sol";
import {Test} from "./base/Vm.sol";

/// @title Nodes shorter than a hash, which stand in their parent.
/// @notice Nullifiers are short values and their keys can be ground: two of them that share nine nibbles with a victim's
/// put an embedded leaf on the path that shows the victim's absence. Its refund must not be lost to that.
contract StateTrieTest is Test {
    bytes32 private constant FIRST = 0xaaaaaaaaa1000000000000000000000000000000000000000000000000000001;
    bytes32 private constant SECOND = 0xaaaaaaaaa2000000000000000000000000000000000000000000000000000002;
    /// @dev Shares ten nibbles with `FIRST`, so its path ends at that leaf.
    bytes32 private constant VICTIM = 0xaaaaaaaaa1ffffffffffffffffffffffffffffffffffffffffffffffffffffff;
    /// @dev Shares nine with both.
    bytes32 private constant BESIDE = 0xaaaaaaaaa3ffffffffffffffffffffffffffffffffffffffffffffffffffffff;
    bytes private constant PAID = hex"02";

    function test_absence_beside_an_embedded_leaf_is_shown() public view {
        (bytes32 root, bytes[] memory nodes) = _ground(PAID);
        vm.assertEq(this.read(root, VICTIM, nodes).length, 0);
        vm.assertEq(this.read(root, BESIDE, nodes).length, 0);
    }

    function test_an_embedded_value_is_read() public view {
        (bytes32 root, bytes[] memory nodes) = _ground(PAID);
        vm.assertEq(keccak256(this.read(root, FIRST, nodes)), keccak256(PAID));
        vm.assertEq(keccak256(this.read(root, SECOND, nodes)), keccak256(PAID));
    }

    /// The path goes on below the embedded leaf in nobody's trie: nothing may be appended for it.
    function test_nothing_follows_an_embedded_leaf() public {
        (bytes32 root, bytes[] memory nodes) = _ground(PAID);
        bytes[] memory longer = new bytes[](3);
        (longer[0], longer[1]) = (nodes[0], nodes[1]);
        longer[2] = SourceState.leafFrom(VICTIM, 10, new bytes(40));
        vm.expectRevert(abi.encodeWithSelector(StateTrie.UnusedNodes.selector, 2, 3));
        this.read(root, VICTIM, longer);
    }

    /// Only what is shorter than a hash is embedded, and that is never named by a hash: else a trie would have two forms.
    function test_a_node_has_one_form() public {
        (bytes32 root, bytes[] memory nodes) = _ground(hex"a1" hex"02");
        vm.expectRevert(abi.encodeWithSelector(StateTrie.NodeMalformed.selector, 1));
        this.read(root, FIRST, nodes);

        bytes[] memory named = new bytes[](3);
        named[2] = SourceState.leafFrom(FIRST, 10, PAID);
        vm.assertEq(named[2].length, 31);
        named[1] = SourceState.branch(1, keccak256(named[2]), 2, keccak256("sibling"));
        named[0] = _extension(keccak256(named[1]));
        vm.expectRevert(abi.encodeWithSelector(StateTrie.NodeSizeOutOfRange.selector, 2, 31));
        this.read(keccak256(named[0]), FIRST, named);
    }

    function test_an_extension_to_nothing_is_malformed() public {
        bytes[] memory nodes = new bytes[](1);
        bytes memory nibbles = new bytes(60);
        for (uint256 i = 0; i < 60; ++i) nibbles[i] = SourceState.nibblesOf(FIRST)[i];
        nodes[0] = SourceState.pair(SourceState.path(nibbles, 0, false), "");
        vm.expectRevert(abi.encodeWithSelector(StateTrie.NodeMalformed.selector, 0));
        this.read(keccak256(nodes[0]), FIRST, nodes);
    }

    function test_an_embedded_node_that_is_none_is_malformed() public {
        bytes[4] memory embedded = [bytes(hex"c0"), hex"c101", hex"c20102", hex"c22040"];
        for (uint256 i = 0; i < embedded.length; ++i) {
            bytes[] memory nodes = new bytes[](2);
            nodes[1] = _branch(embedded[i], embedded[i]);
            nodes[0] = _extension(keccak256(nodes[1]));
            (bool isRead, bytes memory why) =
                address(this).call(abi.encodeCall(this.read, (keccak256(nodes[0]), FIRST, nodes)));
            bytes4 selector = bytes4(why);
            vm.assertFalse(isRead);
            vm.assertTrue(selector == StateTrie.NodeMalformed.selector || selector == Rlp.RlpTruncated.selector);
        }
    }

    function read(bytes32 root, bytes32 key, bytes[] calldata proof) external pure returns (bytes memory) {
        return StateTrie.read(root, key, proof);
    }

    /// @dev A trie of `FIRST` and `SECOND`, both `value`, and the nodes on their way.
    function _ground(bytes memory value) private pure returns (bytes32 root, bytes[] memory nodes) {
        nodes = new bytes[](2);
        nodes[1] = _branch(SourceState.leafFrom(FIRST, 10, value), SourceState.leafFrom(SECOND, 10, value));
        nodes[0] = _extension(keccak256(nodes[1]));
        root = keccak256(nodes[0]);
    }

    /// @dev Children 1 and 2 as they are, and enough that the branch itself is not embedded.
    function _branch(bytes memory first, bytes memory second) private pure returns (bytes memory) {
        bytes[] memory items = new bytes[](17);
        for (uint256 i = 0; i < 17; ++i) items[i] = RLP.encode(bytes(""));
        (items[1], items[2], items[9]) = (first, second, RLP.encode(keccak256("elsewhere")));
        return RLP.encode(items);
    }

    /// @dev Over the nine nibbles that all keys share.
    function _extension(bytes32 child) private pure returns (bytes memory) {
        bytes memory nibbles = new bytes(9);
        for (uint256 i = 0; i < 9; ++i) nibbles[i] = SourceState.nibblesOf(FIRST)[i];
        return SourceState.pair(SourceState.path(nibbles, 0, false), abi.encodePacked(child));
    }
}
