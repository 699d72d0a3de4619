// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Bytes} from "@openzeppelin/contracts/utils/Bytes.sol";
import {RLP} from "@openzeppelin/contracts/utils/RLP.sol";

/// @title Builds the smallest true state of an EVM chain: one account, one or two storage slots, one block header.
library SourceState {
    using RLP for *;

    bytes32 internal constant EMPTY_ROOT = 0x56e81f171bcc55a6ff8345e692c0f86e5b48e01b996cadc001622fb5e363b421;

    /// @dev A block whose state has `account` with the given storage root.
    function header(uint64 number, uint64 time, address account, bytes32 storageRoot)
        internal
        pure
        returns (bytes memory encoded, bytes[] memory accountProof)
    {
        accountProof = new bytes[](1);
        accountProof[0] = leaf(keccak256(abi.encodePacked(account)), _account(storageRoot));
        encoded = headerOf(number, time, keccak256(accountProof[0]));
    }

    /// @dev A header with every field up to the base fee; what is not proven is empty.
    function headerOf(uint64 number, uint64 time, bytes32 stateRoot) internal pure returns (bytes memory) {
        bytes[] memory fields = new bytes[](16);
        for (uint256 i = 0; i < 16; ++i) fields[i] = RLP.encode(uint256(0));
        fields[0] = RLP.encode(keccak256("parent"));
        fields[1] = RLP.encode(keccak256("ommers"));
        fields[2] = RLP.encode(address(0xc0ffee));
        fields[3] = RLP.encode(stateRoot);
        fields[4] = RLP.encode(EMPTY_ROOT);
        fields[5] = RLP.encode(EMPTY_ROOT);
        fields[6] = RLP.encode(new bytes(256));
        fields[8] = RLP.encode(uint256(number));
        fields[9] = RLP.encode(uint256(30_000_000));
        fields[11] = RLP.encode(uint256(time));
        fields[13] = RLP.encode(keccak256("randao"));
        fields[14] = RLP.encode(new bytes(8));
        return RLP.encode(fields);
    }

    /// @dev Storage with one slot.
    function oneSlot(bytes32 slot, uint256 value) internal pure returns (bytes32 root, bytes[] memory proof) {
        proof = new bytes[](1);
        proof[0] = leaf(keccak256(abi.encode(slot)), RLP.encode(value));
        root = keccak256(proof[0]);
    }

    /// @dev A leaf that holds `value` under the whole of `key`.
    function leaf(bytes32 key, bytes memory value) internal pure returns (bytes memory) {
        return pair(path(nibblesOf(key), 0, true), value);
    }

    /// @dev A leaf under what is left of `key` from nibble `depth` on.
    function leafFrom(bytes32 key, uint256 depth, bytes memory value) internal pure returns (bytes memory) {
        return pair(path(nibblesOf(key), depth, true), value);
    }

    /// @dev A branch with one or two children, given by nibble and hash.
    function branch(uint8 first, bytes32 firstHash, uint8 second, bytes32 secondHash)
        internal
        pure
        returns (bytes memory)
    {
        bytes[] memory items = new bytes[](17);
        for (uint256 i = 0; i < 17; ++i) items[i] = RLP.encode(bytes(""));
        items[first] = RLP.encode(firstHash);
        items[second] = RLP.encode(secondHash);
        return RLP.encode(items);
    }

    /// @dev A leaf or extension of a hex-prefix path and an encoded string.
    function pair(bytes memory encodedPath, bytes memory value) internal pure returns (bytes memory) {
        bytes[] memory items = new bytes[](2);
        items[0] = RLP.encode(encodedPath);
        items[1] = RLP.encode(value);
        return RLP.encode(items);
    }

    /// @dev Hex-prefix encoding (Yellow Paper, appendix C).
    function path(bytes memory nibbles, uint256 from, bool isLeaf) internal pure returns (bytes memory encoded) {
        uint256 length = nibbles.length - from;
        uint8 flag = isLeaf ? 2 : 0;
        encoded = new bytes(length / 2 + 1);
        uint256 next = from;
        if (length % 2 == 1) encoded[0] = bytes1(((flag + 1) << 4) | uint8(nibbles[next++]));
        else encoded[0] = bytes1(flag << 4);
        for (uint256 i = 1; i < encoded.length; ++i) {
            encoded[i] = bytes1((uint8(nibbles[next]) << 4) | uint8(nibbles[next + 1]));
            next += 2;
        }
    }

    function nibblesOf(bytes32 key) internal pure returns (bytes memory) {
        return Bytes.toNibbles(abi.encodePacked(key));
    }

    function _account(bytes32 storageRoot) private pure returns (bytes memory) {
        bytes[] memory fields = new bytes[](4);
        fields[0] = RLP.encode(uint256(1));
        fields[1] = RLP.encode(uint256(0));
        fields[2] = RLP.encode(storageRoot);
        fields[3] = RLP.encode(keccak256("code"));
        return RLP.encode(fields);
    }
}
