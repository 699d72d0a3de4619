// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {BitcoinMerkle} from "src/BitcoinMerkle.sol";
import {BitcoinTransaction} from "src/BitcoinTransaction.sol";
import {BitcoinClaim} from "./base/BitcoinClaim.sol";

/// @title Transactions are read strictly, and stand in one place of their block.
contract BitcoinBlockTest is BitcoinClaim {
    /// The coinbase must be one: without its proof at the same depth an inner node could pass for a transaction.
    function test_the_coinbase_is_read_strictly() public {
        bytes memory raw = _proof().coinbase;
        this.requireCoinbase(raw);
        vm.expectPartialRevert(BitcoinTransaction.TransactionHasTrailingBytes.selector);
        this.requireCoinbase(bytes.concat(raw, hex"00"));
        for (uint256 length = 0; length < raw.length; ++length) {
            vm.expectPartialRevert(_cutShort(length));
            this.requireCoinbase(_slice(raw, 0, length));
        }
        for (uint256 i = 5; i < 41; ++i) {
            bytes memory spent = bytes.concat(raw);
            spent[i] ^= 0x01;
            vm.expectRevert(BitcoinTransaction.NotACoinbase.selector);
            this.requireCoinbase(spent);
        }
        bytes memory two = bytes.concat(_slice(raw, 0, 4), hex"02", _slice(raw, 5, raw.length));
        vm.expectRevert(BitcoinTransaction.NotACoinbase.selector);
        this.requireCoinbase(two);
    }

    function test_a_transaction_of_64_bytes_is_refused() public {
        vm.expectRevert(BitcoinTransaction.TransactionOf64Bytes.selector);
        this.taprootOutput(new bytes(64), 0);
        vm.expectRevert(BitcoinTransaction.TransactionOf64Bytes.selector);
        this.requireCoinbase(new bytes(64));
    }

    function test_transactions_are_read_strictly() public {
        bytes memory raw = _proof().transaction;
        this.taprootOutput(raw, 1);
        vm.expectPartialRevert(BitcoinTransaction.TransactionHasTrailingBytes.selector);
        this.taprootOutput(bytes.concat(raw, hex"00"), 1);
        for (uint256 length = 0; length < raw.length; ++length) {
            vm.expectPartialRevert(_cutShort(length));
            this.taprootOutput(_slice(raw, 0, length), 1);
        }
        bytes memory marked = bytes.concat(_slice(raw, 0, 4), hex"0001", _slice(raw, 4, raw.length));
        vm.expectRevert(BitcoinTransaction.NoInputs.selector);
        this.taprootOutput(marked, 1);
        bytes memory padded = bytes.concat(_slice(raw, 0, 4), hex"fd0100", _slice(raw, 5, raw.length));
        vm.expectRevert(abi.encodeWithSelector(BitcoinTransaction.CountNotMinimal.selector, 1));
        this.taprootOutput(padded, 1);
        bytes memory huge = bytes.concat(_slice(raw, 0, 4), hex"ffffffffffffffffff", _slice(raw, 5, raw.length));
        vm.expectPartialRevert(BitcoinTransaction.TransactionTruncated.selector);
        this.taprootOutput{gas: 5_000_000}(huge, 1);
    }

    function test_what_is_cut_short_is_said() public {
        bytes memory raw = _proof().transaction;
        bytes memory cut = _slice(raw, 0, raw.length - 1);
        vm.expectRevert(
            abi.encodeWithSelector(BitcoinTransaction.TransactionTruncated.selector, raw.length, raw.length - 1)
        );
        this.taprootOutput(cut, 1);
    }

    /// CVE-2012-2459 above the leaves: the copy of a whole subtree.
    function testFuzz_a_copied_subtree_is_refused_at_its_level(bytes32 leaf, uint256 level, uint256 index) public {
        level = bound(level, 0, 13);
        index = bound(index, 0, (1 << level) - 1);
        bytes32[] memory below = new bytes32[](level);
        for (uint256 i = 0; i < level; ++i) below[i] = keccak256(abi.encode(leaf, i));
        bytes32 subtree = this.merkle(leaf, index, below);
        bytes32[] memory path = new bytes32[](level + 2);
        for (uint256 i = 0; i < level; ++i) path[i] = below[i];
        path[level] = subtree;
        path[level + 1] = keccak256("left of both");
        this.merkle(leaf, index + (2 << level), path);
        vm.expectRevert(abi.encodeWithSelector(BitcoinMerkle.DuplicatedNode.selector, level));
        this.merkle(leaf, index + (3 << level), path);
    }

    /// CVE-2012-2459: the copy that fills an odd level is no transaction of its own.
    function test_the_duplicated_right_edge_is_refused() public {
        bytes32 leaf = keccak256("leaf");
        bytes32[] memory path = new bytes32[](2);
        (path[0], path[1]) = (leaf, keccak256("first two"));
        this.merkle(leaf, 2, path);
        vm.expectRevert(abi.encodeWithSelector(BitcoinMerkle.DuplicatedNode.selector, 0));
        this.merkle(leaf, 3, path);
        vm.expectRevert(abi.encodeWithSelector(BitcoinMerkle.DuplicatedNode.selector, 0));
        this.merkle(leaf, 0, path);
    }

    /// What is last in its row is last in every row above: no tree goes on beside it.
    function test_nothing_stands_to_the_right_of_the_last_node() public {
        bytes32 leaf = keccak256("leaf");
        bytes32[] memory path = new bytes32[](3);
        (path[0], path[1], path[2]) = (leaf, keccak256("more"), keccak256("first four"));
        vm.expectRevert(abi.encodeWithSelector(BitcoinMerkle.DuplicatedNode.selector, 1));
        this.merkle(leaf, 4, path);
        path[1] = sha256(abi.encodePacked(sha256(abi.encodePacked(leaf, leaf))));
        this.merkle(leaf, 4, path);
    }

    function merkle(bytes32 leaf, uint256 index, bytes32[] memory path) external pure returns (bytes32) {
        return BitcoinMerkle.root(leaf, index, path);
    }

    function taprootOutput(bytes memory raw, uint256 index) external pure returns (uint64, bytes32) {
        return BitcoinTransaction.taprootOutput(raw, index);
    }

    function requireCoinbase(bytes memory raw) external pure {
        BitcoinTransaction.requireCoinbase(raw);
    }

    /// What is said of the first `length` bytes of a transaction.
    function _cutShort(uint256 length) private pure returns (bytes4) {
        return length == 64
            ? BitcoinTransaction.TransactionOf64Bytes.selector
            : BitcoinTransaction.TransactionTruncated.selector;
    }
}
