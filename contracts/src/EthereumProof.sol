// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {BlockHeader} from "@openzeppelin/contracts/utils/BlockHeader.sol";
import {Memory} from "@openzeppelin/contracts/utils/Memory.sol";
import {RLP} from "@openzeppelin/contracts/utils/RLP.sol";
import {TrieProof} from "@openzeppelin/contracts/utils/cryptography/TrieProof.sol";
import {IRootSource} from "./IRootSource.sol";
import {TrieAbsence} from "./TrieAbsence.sol";

/// @title Reads a storage slot of another EVM chain under a trusted block hash.
/// @notice Path: block hash -> keccak256(RLP header) -> state root -> account -> storage root -> slot. The encoding is
/// `abi.encode(uint64 height, bytes header, bytes[] accountProof, bytes[] storageProof)`, canonical; header number and
/// time must be those of the checkpoint. OpenZeppelin's `TrieProof` refuses unused nodes; that nodes are at least 32
/// bytes is checked here, so that a proof has one form (a shorter node is embedded in its parent, and no path to an
/// account or to a 32-byte value has one).
library EthereumProof {
    /// @notice Most nodes of one trie proof (a path of 64 nibbles is never that deep in practice).
    uint256 internal constant MAX_NODES = 32;
    /// @notice Largest trie node: a branch of 16 hashes.
    uint256 internal constant MAX_NODE_BYTES = 532;
    /// @notice Fields of a block header: 15 at the start, 22 in the newest fork known.
    uint256 internal constant MIN_HEADER_FIELDS = 15;

    error ProofNotCanonical();
    error BridgeNotAnAddress(bytes32 bridge);
    error HeaderHashMismatch(bytes32 expected, bytes32 found);
    error HeaderNumberMismatch(uint64 expected, uint256 found);
    error HeaderTimeMismatch(uint64 expected, uint256 found);
    error TooManyNodes(uint256 maximum, uint256 found);
    error NodeSizeOutOfRange(uint256 index, uint256 size);
    error AccountMalformed(uint256 fields);
    error HeaderMalformed(uint256 fields);

    /// @notice The word at `slot` of `account`, 0 when the trie proves that there is none.
    /// @param account Left-padded address.
    /// @param slot Storage key before hashing.
    function storageAt(IRootSource roots, bytes32 chain, bytes32 account, bytes32 slot, bytes calldata proof)
        internal
        view
        returns (uint256 value, uint64 height, uint64 time)
    {
        bytes32 storageRoot;
        bytes[] memory nodes;
        (storageRoot, nodes, height, time) = _storageRoot(roots, chain, account, proof);
        bytes memory key = abi.encodePacked(keccak256(abi.encode(slot)));
        if (!TrieAbsence.isAbsent(storageRoot, key, nodes)) {
            value = RLP.decodeUint256(TrieProof.traverse(storageRoot, key, nodes));
        }
    }

    /// @notice The word at `slot` of `account`; reverts when there is none.
    function storedAt(IRootSource roots, bytes32 chain, bytes32 account, bytes32 slot, bytes calldata proof)
        internal
        view
        returns (uint256 value, uint64 height, uint64 time)
    {
        bytes32 storageRoot;
        bytes[] memory nodes;
        (storageRoot, nodes, height, time) = _storageRoot(roots, chain, account, proof);
        bytes memory key = abi.encodePacked(keccak256(abi.encode(slot)));
        value = RLP.decodeUint256(TrieProof.traverse(storageRoot, key, nodes));
    }

    function _storageRoot(IRootSource roots, bytes32 chain, bytes32 account, bytes calldata proof)
        private
        view
        returns (bytes32 storageRoot, bytes[] memory storageProof, uint64 height, uint64 time)
    {
        require(uint256(account) >> 160 == 0, BridgeNotAnAddress(account));
        bytes memory header;
        bytes[] memory accountProof;
        (height, header, accountProof, storageProof) = abi.decode(proof, (uint64, bytes, bytes[], bytes[]));
        bytes32 canonical = keccak256(abi.encode(height, header, accountProof, storageProof));
        require(keccak256(proof) == canonical, ProofNotCanonical());
        _requireBounded(accountProof);
        _requireBounded(storageProof);

        bytes32 stateRoot;
        (stateRoot, time) = _stateRoot(roots, chain, height, header);
        bytes memory key = abi.encodePacked(keccak256(abi.encodePacked(address(uint160(uint256(account))))));
        Memory.Slice[] memory fields = RLP.decodeList(TrieProof.traverse(stateRoot, key, accountProof));
        require(fields.length == 4, AccountMalformed(fields.length));
        storageRoot = RLP.readBytes32(fields[2]);
    }

    function _stateRoot(IRootSource roots, bytes32 chain, uint64 height, bytes memory header)
        private
        view
        returns (bytes32 stateRoot, uint64 time)
    {
        bytes32 root;
        (root, time) = roots.rootAt(chain, height);
        bytes32 hash = keccak256(header);
        require(hash == root, HeaderHashMismatch(root, hash));
        Memory.Slice[] memory fields = BlockHeader.parseHeader(header);
        require(fields.length >= MIN_HEADER_FIELDS, HeaderMalformed(fields.length));
        uint256 number = BlockHeader.getNumber(fields);
        require(number == height, HeaderNumberMismatch(height, number));
        uint256 timestamp = BlockHeader.getTimestamp(fields);
        require(timestamp == time, HeaderTimeMismatch(time, timestamp));
        stateRoot = BlockHeader.getStateRoot(fields);
    }

    function _requireBounded(bytes[] memory nodes) private pure {
        require(nodes.length <= MAX_NODES, TooManyNodes(MAX_NODES, nodes.length));
        for (uint256 i = 0; i < nodes.length; ++i) {
            uint256 size = nodes[i].length;
            require(size >= 32 && size <= MAX_NODE_BYTES, NodeSizeOutOfRange(i, size));
        }
    }
}
