// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IRootSource} from "./IRootSource.sol";
import {Rlp} from "./Rlp.sol";
import {StateTrie} from "./StateTrie.sol";

/// @title Reads a storage slot of another EVM chain under a trusted block hash.
/// @notice Path: block hash -> keccak256(RLP header) -> state root -> account -> storage root -> slot. The encoding is
/// `abi.encode(uint64 height, bytes header, bytes[] accountProof, bytes[] storageProof)`, canonical; header number and
/// time must be those of the checkpoint.
library EthereumProof {
    /// @dev Positions in a block header (Yellow Paper, 4.4.3), and the least number of its fields.
    uint256 private constant STATE_ROOT_FIELD = 3;
    uint256 private constant NUMBER_FIELD = 8;
    uint256 private constant TIME_FIELD = 11;
    uint256 private constant MIN_FIELDS = 15;

    error ProofNotCanonical();
    error BridgeNotAnAddress(bytes32 bridge);
    error HeaderHashMismatch(bytes32 expected, bytes32 found);
    error HeaderNumberMismatch(uint64 expected, uint256 found);
    error HeaderTimeMismatch(uint64 expected, uint256 found);
    error HeaderMalformed(uint256 fields);
    error AccountAbsent(bytes32 account);
    error AccountMalformed();

    /// @notice The word at `slot` of `account`, 0 when the trie proves that there is none.
    /// @param account Left-padded address; it must exist.
    /// @param slot Storage key before hashing.
    function storageAt(IRootSource roots, bytes32 chain, bytes32 account, bytes32 slot, bytes calldata proof)
        internal
        view
        returns (uint256 value, uint64 height, uint64 time)
    {
        require(uint256(account) >> 160 == 0, BridgeNotAnAddress(account));
        bytes memory header;
        bytes[] memory accountProof;
        bytes[] memory storageProof;
        (height, header, accountProof, storageProof) = abi.decode(proof, (uint64, bytes, bytes[], bytes[]));
        bytes32 canonical = keccak256(abi.encode(height, header, accountProof, storageProof));
        require(keccak256(proof) == canonical, ProofNotCanonical());

        bytes32 root;
        (root, time) = roots.rootAt(chain, height, type(uint256).max);
        bytes32 hash = keccak256(header);
        require(hash == root, HeaderHashMismatch(root, hash));
        root = _stateRoot(header, height, time);
        root = _storageRoot(root, account, accountProof);
        bytes memory stored = StateTrie.read(root, keccak256(abi.encode(slot)), storageProof);
        if (stored.length != 0) {
            uint256 end;
            (value, end) = Rlp.integer(stored, 0);
            require(end == stored.length, Rlp.RlpTrailingBytes(end, stored.length));
        }
    }

    function _stateRoot(bytes memory header, uint64 height, uint64 time) private pure returns (bytes32 stateRoot) {
        uint256 offset = Rlp.enter(header);
        uint256 fields = 0;
        for (; offset < header.length; ++fields) {
            if (fields == STATE_ROOT_FIELD) {
                (stateRoot, offset) = Rlp.word(header, offset);
            } else if (fields == NUMBER_FIELD) {
                uint256 number;
                (number, offset) = Rlp.integer(header, offset);
                require(number == height, HeaderNumberMismatch(height, number));
            } else if (fields == TIME_FIELD) {
                uint256 timestamp;
                (timestamp, offset) = Rlp.integer(header, offset);
                require(timestamp == time, HeaderTimeMismatch(time, timestamp));
            } else {
                offset = Rlp.skip(header, offset);
            }
        }
        require(fields >= MIN_FIELDS, HeaderMalformed(fields));
    }

    /// @dev Third of the account's four fields: nonce, balance, storage root, code hash.
    function _storageRoot(bytes32 stateRoot, bytes32 account, bytes[] memory proof)
        private
        pure
        returns (bytes32 storageRoot)
    {
        bytes32 key = keccak256(abi.encodePacked(address(uint160(uint256(account)))));
        bytes memory fields = StateTrie.read(stateRoot, key, proof);
        require(fields.length != 0, AccountAbsent(account));
        uint256 offset = Rlp.skip(fields, Rlp.skip(fields, Rlp.enter(fields)));
        (storageRoot, offset) = Rlp.word(fields, offset);
        (, offset) = Rlp.word(fields, offset);
        require(offset == fields.length, AccountMalformed());
    }
}
