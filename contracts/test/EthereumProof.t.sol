// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {RLP} from "@openzeppelin/contracts/utils/RLP.sol";
import {TrieProof} from "@openzeppelin/contracts/utils/cryptography/TrieProof.sol";
import {CheckpointRegistry} from "src/CheckpointRegistry.sol";
import {EthereumProof} from "src/EthereumProof.sol";
import {Rlp} from "src/Rlp.sol";
import {StateTrie} from "src/StateTrie.sol";
import {Bridge} from "./base/Bridge.sol";
import {SourceState} from "./base/SourceState.sol";

contract EthereumProofTest is Bridge {
    address private constant ACCOUNT = address(0xacc0);
    bytes32 private constant SLOT = keccak256("slot");

    struct Parts {
        uint64 height;
        bytes header;
        bytes[] accountProof;
        bytes[] storageProof;
    }

    function test_a_stored_word_is_read_and_its_block_told() public {
        (Parts memory parts,) = _block(1);
        (uint256 value, uint64 height, uint64 time) = this.read(ACCOUNT, SLOT, _encode(parts));
        vm.assertEq(value, 1);
        vm.assertEq(height, parts.height);
        vm.assertEq(time, START);
    }

    function testFuzz_any_word_is_read_back(uint256 value) public {
        value = bound(value, 1, type(uint256).max - 1);
        (Parts memory parts,) = _block(value);
        (uint256 found,,) = this.read(ACCOUNT, SLOT, _encode(parts));
        vm.assertEq(found, value);
    }

    function test_a_header_must_be_the_checkpointed_one() public {
        (Parts memory parts,) = _block(1);
        bytes memory right = parts.header;
        parts.header = SourceState.headerOf(parts.height, uint64(START), keccak256("forged state"));
        _refused(parts, EthereumProof.HeaderHashMismatch.selector);
        parts.header = right;
        parts.height = 12345;
        _refused(parts, CheckpointRegistry.UnknownCheckpoint.selector);
    }

    function test_number_and_time_of_the_header_must_be_the_checkpoints() public {
        (Parts memory parts,) = _block(1);
        submit(SOURCE, 777, keccak256(parts.header), uint64(START));
        parts.height = 777;
        _refused(parts, EthereumProof.HeaderNumberMismatch.selector);
        (parts,) = _block(1);
        vm.warp(START + 1);
        parts.header = SourceState.headerOf(778, uint64(START), keccak256(parts.accountProof[0]));
        submit(SOURCE, 778, keccak256(parts.header), uint64(START + 1));
        parts.height = 778;
        _refused(parts, EthereumProof.HeaderTimeMismatch.selector);
    }

    function test_another_account_or_slot_is_not_proven() public {
        (Parts memory parts,) = _block(1);
        bytes memory proof = _encode(parts);
        vm.expectPartialRevert(EthereumProof.AccountAbsent.selector);
        this.read(address(0xbad), SLOT, proof);
        (uint256 value,,) = this.read(ACCOUNT, keccak256("other"), proof);
        vm.assertEq(value, 0);
    }

    /// Invariant 5 for tries: no unused node, no missing node, no second encoding.
    function test_a_proof_has_one_form() public {
        (Parts memory parts, bytes memory proof) = _block(1);
        vm.expectRevert(EthereumProof.ProofNotCanonical.selector);
        this.read(ACCOUNT, SLOT, bytes.concat(proof, hex"00"));
        vm.expectRevert(EthereumProof.ProofNotCanonical.selector);
        this.read(ACCOUNT, SLOT, bytes.concat(proof, bytes32(0)));
        bytes[] memory right = parts.storageProof;
        parts.storageProof = _twice(right[0]);
        _refusedAnyway(parts);
        parts.storageProof = new bytes[](0);
        _refusedAnyway(parts);
        parts.storageProof = right;
        parts.accountProof = _twice(parts.accountProof[0]);
        _refusedAnyway(parts);
        parts.accountProof = new bytes[](0);
        _refusedAnyway(parts);
    }

    function test_sizes_and_depths_are_bounded_before_decoding() public {
        (Parts memory parts,) = _block(1);
        bytes[] memory right = parts.storageProof;
        parts.storageProof = new bytes[](33);
        _refused(parts, StateTrie.TooManyNodes.selector);
        parts.storageProof = new bytes[](1);
        parts.storageProof[0] = new bytes(31);
        _refused(parts, StateTrie.NodeSizeOutOfRange.selector);
        parts.storageProof[0] = new bytes(533);
        _refused(parts, StateTrie.NodeSizeOutOfRange.selector);
        parts.storageProof = right;
        parts.accountProof[0] = new bytes(533);
        _refused(parts, StateTrie.NodeSizeOutOfRange.selector);
    }

    function test_a_bridge_that_is_no_address_is_refused() public {
        (, bytes memory proof) = _block(1);
        vm.expectPartialRevert(EthereumProof.BridgeNotAnAddress.selector);
        this.readBytes32(bytes32(type(uint256).max), SLOT, proof);
    }

    function testFuzz_a_flipped_bit_is_refused(uint256 part, uint256 bit) public {
        (Parts memory parts,) = _block(1);
        part = bound(part, 0, 2);
        bytes memory target = part == 0 ? parts.header : (part == 1 ? parts.accountProof[0] : parts.storageProof[0]);
        bit = bound(bit, 0, target.length * 8 - 1);
        target[bit / 8] ^= bytes1(uint8(1 << (bit % 8)));
        _refusedAnyway(parts);
    }

    function test_absence_is_an_empty_branch_slot_or_another_leaf() public view {
        bytes32 first = keccak256(abi.encode("first"));
        bytes32 second = _keyWith(first, false);
        (bytes32 root, bytes[] memory nodes) = _branch(first, second);
        bytes[] memory top = new bytes[](1);
        top[0] = nodes[0];
        bytes32 elsewhere = _keyAwayFrom(first, second);
        vm.assertTrue(this.isAbsent(root, elsewhere, top));
        vm.assertTrue(this.isAbsent(root, _keyWith(first, true), nodes));
        vm.assertFalse(this.isAbsent(root, first, nodes));
        vm.assertTrue(this.isAbsent(SourceState.EMPTY_ROOT, first, new bytes[](0)));
    }

    function test_an_absence_proof_has_no_missing_unused_or_foreign_node() public {
        bytes32 first = keccak256(abi.encode("first"));
        bytes32 second = _keyWith(first, false);
        (bytes32 root, bytes[] memory nodes) = _branch(first, second);
        bytes[] memory top = new bytes[](1);
        top[0] = nodes[0];
        vm.expectRevert(abi.encodeWithSelector(StateTrie.PathIncomplete.selector, 1));
        this.isAbsent(root, first, top);
        vm.expectRevert(abi.encodeWithSelector(StateTrie.PathIncomplete.selector, 0));
        this.isAbsent(root, first, new bytes[](0));
        vm.expectRevert(abi.encodeWithSelector(StateTrie.UnusedNodes.selector, 1, 2));
        this.isAbsent(root, _keyAwayFrom(first, second), nodes);
        vm.expectRevert(abi.encodeWithSelector(StateTrie.UnusedNodes.selector, 0, 2));
        this.isAbsent(SourceState.EMPTY_ROOT, first, nodes);
        vm.expectPartialRevert(StateTrie.NodeHashMismatch.selector);
        this.isAbsent(root, second, nodes);
        vm.expectPartialRevert(StateTrie.NodeHashMismatch.selector);
        this.isAbsent(keccak256("other root"), first, nodes);
    }

    function test_an_extension_that_leaves_the_path_is_absence_and_one_on_it_is_followed() public {
        bytes32 key = keccak256(abi.encode("key"));
        bytes memory nibbles = SourceState.nibblesOf(key);
        bytes[] memory nodes = new bytes[](3);
        nodes[2] = SourceState.leafFrom(key, 3, RLP.encode(uint256(7)));
        uint8 third = uint8(nibbles[2]);
        nodes[1] = SourceState.branch(third, keccak256(nodes[2]), (third + 1) % 16, keccak256("sibling"));
        bytes memory shared = new bytes(2);
        (shared[0], shared[1]) = (nibbles[0], nibbles[1]);
        bytes memory path = SourceState.path(shared, 0, false);
        nodes[0] = SourceState.pair(path, abi.encodePacked(keccak256(nodes[1])));
        bytes32 root = keccak256(nodes[0]);
        vm.assertFalse(this.isAbsent(root, key, nodes));
        bytes[] memory top = new bytes[](1);
        top[0] = nodes[0];
        vm.assertTrue(this.isAbsent(root, ~key, top));
        vm.expectPartialRevert(StateTrie.PathIncomplete.selector);
        this.isAbsent(root, key, top);
    }

    /// A leaf cut short, or with a bad flag, is malformed: it must not count as "another path".
    function test_malformed_paths_are_not_absence() public {
        bytes32 key = keccak256(abi.encode("key"));
        bytes[] memory nodes = new bytes[](1);
        nodes[0] = SourceState.leafFrom(~key, 2, new bytes(40));
        vm.expectPartialRevert(StateTrie.NodeMalformed.selector);
        this.isAbsent(keccak256(nodes[0]), key, nodes);
        bytes memory path = SourceState.path(SourceState.nibblesOf(~key), 0, true);
        path[0] = 0x40;
        nodes[0] = SourceState.pair(path, new bytes(40));
        vm.expectPartialRevert(StateTrie.NodeMalformed.selector);
        this.isAbsent(keccak256(nodes[0]), key, nodes);
        path[0] = 0x21;
        nodes[0] = SourceState.pair(path, new bytes(40));
        vm.expectPartialRevert(StateTrie.NodeMalformed.selector);
        this.isAbsent(keccak256(nodes[0]), key, nodes);
        nodes[0] = SourceState.pair(hex"00", new bytes(40));
        vm.expectPartialRevert(StateTrie.NodeMalformed.selector);
        this.isAbsent(keccak256(nodes[0]), key, nodes);
    }

    /// OpenZeppelin's reader as oracle: both find the same value, and neither finds one under another key.
    function testFuzz_openzeppelin_agrees(bytes32 seed, uint256 value) public view {
        value = bound(value, 1, type(uint256).max - 1);
        bytes32 first = keccak256(abi.encode(seed));
        (bytes32 root, bytes[] memory nodes) = _branch(first, _keyWith(first, false));
        bytes memory found = StateTrie.read(root, first, nodes);
        vm.assertEq(keccak256(found), keccak256(TrieProof.traverse(root, abi.encodePacked(first), nodes)));
        bytes32 other = _keyWith(first, true);
        vm.assertTrue(this.isAbsent(root, other, nodes));
        (, TrieProof.ProofError mismatch) = TrieProof.tryTraverse(root, abi.encodePacked(other), nodes);
        vm.assertTrue(mismatch != TrieProof.ProofError.NO_ERROR);
        bytes memory encoded = RLP.encode(value);
        (uint256 decoded,) = Rlp.integer(encoded, 0);
        vm.assertEq(decoded, value);
    }

    function testFuzz_strings_are_read_as_openzeppelin_writes_them(bytes calldata payload) public pure {
        bytes memory encoded = RLP.encode(payload);
        (uint256 start, uint256 end, bool isList) = Rlp.item(encoded, 0);
        vm.assertEq(end, encoded.length);
        vm.assertEq(end - start, payload.length);
        vm.assertFalse(isList);
        bytes[] memory items = new bytes[](1);
        items[0] = encoded;
        bytes memory list = RLP.encode(items);
        vm.assertEq(Rlp.skip(list, Rlp.enter(list)), list.length);
    }

    function test_rlp_has_one_encoding() public {
        bytes[9] memory refused = [
            bytes(hex"8101"), // a byte below 0x80 with a prefix
            hex"817f",
            hex"b80102", // a long form for a short length
            hex"b90038", // a length with a leading zero
            hex"f801c0",
            hex"82ff", // truncated
            hex"b9ff",
            hex"bfffffffffffffffff",
            hex""
        ];
        for (uint256 i = 0; i < refused.length; ++i) {
            vm.expectPartialRevert(i < 5 ? Rlp.RlpNotMinimal.selector : Rlp.RlpTruncated.selector);
            this.item(refused[i]);
        }
        vm.expectPartialRevert(Rlp.RlpNotMinimal.selector);
        this.integer(hex"820001");
        vm.expectPartialRevert(Rlp.RlpNotMinimal.selector);
        this.integer(hex"00");
        vm.expectPartialRevert(Rlp.RlpNotAString.selector);
        this.integer(hex"c0");
        vm.expectPartialRevert(Rlp.RlpNotAWord.selector);
        this.integer(abi.encodePacked(hex"a1", new bytes(33)));
    }

    function test_what_is_wrong_with_an_encoding_is_said() public {
        vm.expectRevert(abi.encodeWithSelector(Rlp.RlpTruncated.selector, 3, 2));
        this.item(hex"82ff");
        vm.expectPartialRevert(Rlp.RlpTruncated.selector);
        this.item(hex"");
        vm.expectPartialRevert(Rlp.RlpTruncated.selector);
        this.item(hex"bfffffffffffffffff");
        vm.expectRevert(abi.encodeWithSelector(Rlp.RlpNotAList.selector, 0));
        this.enter(hex"820102");
        vm.expectRevert(abi.encodeWithSelector(Rlp.RlpTrailingBytes.selector, 1, 2));
        this.enter(hex"c000");
    }

    /// An account has four fields, a header at least fifteen, and a stored word is one integer.
    function test_accounts_headers_and_words_of_another_shape_are_refused() public {
        (Parts memory parts,) = _block(1);
        bytes[] memory fields = new bytes[](5);
        for (uint256 i = 0; i < 5; ++i) fields[i] = RLP.encode(keccak256("word"));
        (parts.header, parts.accountProof) = _holding(RLP.encode(fields), 800);
        parts.height = 800;
        _refused(parts, EthereumProof.AccountMalformed.selector);

        bytes[] memory short = new bytes[](14);
        for (uint256 i = 0; i < 14; ++i) short[i] = RLP.encode(uint256(0));
        short[3] = RLP.encode(keccak256("state"));
        short[8] = RLP.encode(uint256(801));
        short[11] = RLP.encode(uint256(START));
        parts.header = RLP.encode(short);
        parts.height = 801;
        submit(SOURCE, 801, keccak256(parts.header), uint64(START));
        _refused(parts, EthereumProof.HeaderMalformed.selector);

        (bytes32 root, bytes[] memory storageProof) = _slotHolding(bytes.concat(RLP.encode(uint256(7)), hex"00"));
        (parts.header, parts.accountProof) = SourceState.header(802, uint64(START), ACCOUNT, root);
        submit(SOURCE, 802, keccak256(parts.header), uint64(START));
        (parts.height, parts.storageProof) = (802, storageProof);
        _refused(parts, Rlp.RlpTrailingBytes.selector);
    }

    function _holding(bytes memory account, uint64 height) private returns (bytes memory header, bytes[] memory proof) {
        proof = new bytes[](1);
        proof[0] = SourceState.leaf(keccak256(abi.encodePacked(ACCOUNT)), account);
        header = SourceState.headerOf(height, uint64(START), keccak256(proof[0]));
        submit(SOURCE, height, keccak256(header), uint64(START));
    }

    function _slotHolding(bytes memory value) private pure returns (bytes32 root, bytes[] memory proof) {
        proof = new bytes[](1);
        proof[0] = SourceState.leaf(keccak256(abi.encode(SLOT)), value);
        root = keccak256(proof[0]);
    }

    function enter(bytes memory data) external pure returns (uint256) {
        return Rlp.enter(data);
    }

    function item(bytes memory data) external pure returns (uint256, uint256, bool) {
        return Rlp.item(data, 0);
    }

    function integer(bytes memory data) external pure returns (uint256 value) {
        (value,) = Rlp.integer(data, 0);
    }

    function read(address account, bytes32 slot, bytes calldata proof)
        external
        view
        returns (uint256, uint64, uint64)
    {
        return EthereumProof.storageAt(registry, SOURCE, bytes32(uint256(uint160(account))), slot, proof);
    }

    function readBytes32(bytes32 account, bytes32 slot, bytes calldata proof)
        external
        view
        returns (uint256, uint64, uint64)
    {
        return EthereumProof.storageAt(registry, SOURCE, account, slot, proof);
    }

    function isAbsent(bytes32 root, bytes32 key, bytes[] calldata proof) external pure returns (bool) {
        return StateTrie.read(root, key, proof).length == 0;
    }

    function _block(uint256 value) private returns (Parts memory parts, bytes memory proof) {
        proof = proveSlot(ACCOUNT, SLOT, value);
        (parts.height, parts.header, parts.accountProof, parts.storageProof) =
            abi.decode(proof, (uint64, bytes, bytes[], bytes[]));
    }

    function _encode(Parts memory parts) private pure returns (bytes memory) {
        return abi.encode(parts.height, parts.header, parts.accountProof, parts.storageProof);
    }

    function _refused(Parts memory parts, bytes4 selector) private {
        bytes memory proof = _encode(parts);
        vm.expectPartialRevert(selector);
        this.read(ACCOUNT, SLOT, proof);
    }

    function _refusedAnyway(Parts memory parts) private {
        bytes memory proof = _encode(parts);
        vm.expectRevert();
        this.read(ACCOUNT, SLOT, proof);
    }

    function _twice(bytes memory node) private pure returns (bytes[] memory nodes) {
        nodes = new bytes[](2);
        (nodes[0], nodes[1]) = (node, node);
    }

    /// @dev A trie of two keys with different first nibbles; the nodes on the way to `first`.
    function _branch(bytes32 first, bytes32 second) private pure returns (bytes32 root, bytes[] memory nodes) {
        nodes = new bytes[](2);
        nodes[1] = SourceState.leafFrom(first, 1, RLP.encode(uint256(1)));
        bytes memory other = SourceState.leafFrom(second, 1, RLP.encode(uint256(2)));
        nodes[0] =
            SourceState.branch(uint8(first[0]) >> 4, keccak256(nodes[1]), uint8(second[0]) >> 4, keccak256(other));
        root = keccak256(nodes[0]);
    }

    /// @dev A key that shares the first nibble with `key`, or does not.
    function _keyWith(bytes32 key, bool shares) private pure returns (bytes32) {
        for (uint256 i = 0;; ++i) {
            bytes32 other = keccak256(abi.encode(key, i));
            if ((other[0] >> 4 == key[0] >> 4) == shares) return other;
        }
        revert();
    }

    function _keyAwayFrom(bytes32 first, bytes32 second) private pure returns (bytes32) {
        for (uint256 i = 0;; ++i) {
            bytes32 other = keccak256(abi.encode(first, second, i));
            if (other[0] >> 4 != first[0] >> 4 && other[0] >> 4 != second[0] >> 4) return other;
        }
        revert();
    }
}
