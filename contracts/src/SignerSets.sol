// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";

/// @title m-of-n secp256k1 signer sets by epoch, with an overlap at each rotation.
/// @notice A threshold is at least two, more than half of the set and at most all of it (Ronin 2024: an uninitialised
/// threshold of zero). Signatures are 65 bytes each, low-s, sorted by signer, distinct, and exactly as many as the
/// threshold asks for, so that one statement has one encoding per quorum.
abstract contract SignerSets {
    struct SignerSet {
        uint16 threshold;
        uint16 size;
        uint64 validFrom;
        uint64 validUntil;
        uint64 predecessor;
    }

    /// @notice Most members a set may have.
    uint256 public constant MAX_SIGNERS = 64;

    /// @notice The newest epoch that was not cancelled; it may not be valid yet.
    uint64 public latestEpoch;
    /// @notice The highest epoch number ever given out. A number is never given out twice, so that signatures over a
    /// cancelled epoch stay worthless.
    uint64 public issuedEpochs;
    /// @notice No set before this epoch counts, whatever its retention.
    uint64 public oldestEpoch;
    /// @notice Seconds for which a replaced set stays valid beside its successor.
    uint64 public immutable retention;

    mapping(uint64 epoch => SignerSet set) private _sets;
    mapping(uint64 epoch => mapping(address account => bool isMember)) private _members;
    mapping(uint64 epoch => address[] members) private _lists;

    /// @notice A set was stored; it may sign from `validFrom` on, its predecessor until `predecessorUntil`.
    event SignersChanged(
        uint64 indexed epoch, address[] members, uint256 threshold, uint64 validFrom, uint64 predecessorUntil
    );

    error ThresholdOutOfRange(uint256 threshold, uint256 members);
    error TooManySigners(uint256 members);
    error SignersNotSorted(address previous, address next);
    error UnknownEpoch(uint64 epoch);
    error EpochNotYetValid(uint64 epoch, uint64 validFrom);
    error EpochExpired(uint64 epoch, uint64 validUntil);
    error SignatureCountWrong(uint256 expectedBytes, uint256 foundBytes);
    error NotASigner(address account, uint64 epoch);
    error RotationPending(uint64 epoch, uint64 validFrom);
    error NoRotationPending(uint64 epoch);

    /// @notice The pending set of `epoch` was cancelled before it became valid.
    event RotationCancelled(uint64 indexed epoch);

    constructor(address[] memory members, uint256 threshold, uint64 retention_) {
        retention = retention_;
        _storeSet(members, threshold, uint64(block.timestamp), 0);
    }

    /// @notice The set of `epoch`; all zero when there is none.
    function signerSet(uint64 epoch) external view returns (SignerSet memory) {
        return _sets[epoch];
    }

    /// @notice Members of the set of `epoch`, ascending.
    function signers(uint64 epoch) external view returns (address[] memory) {
        return _lists[epoch];
    }

    /// @notice Whether `account` belongs to the set of `epoch`.
    function isSigner(uint64 epoch, address account) external view returns (bool) {
        return _members[epoch][account];
    }

    /// @notice The epoch whose signatures should be collected now.
    function currentEpoch() external view returns (uint64) {
        uint64 latest = latestEpoch;
        return _isPending(latest) ? _sets[latest].predecessor : latest;
    }

    /// @dev Reverts unless signatures of `epoch` count now.
    function _requireAlive(uint64 epoch) internal view returns (SignerSet memory set) {
        set = _sets[epoch];
        require(set.threshold != 0, UnknownEpoch(epoch));
        require(set.validFrom <= block.timestamp, EpochNotYetValid(epoch, set.validFrom));
        bool isCurrent = epoch >= oldestEpoch && block.timestamp <= set.validUntil;
        require(isCurrent, EpochExpired(epoch, set.validUntil));
    }

    /// @dev Unix seconds at which the last set was replaced without its word; 0 when none was.
    function _replacedAt() internal view returns (uint64) {
        return _sets[oldestEpoch].validFrom;
    }

    /// @dev Reverts unless exactly `threshold` distinct members of `epoch`, ascending, signed `digest`.
    function _requireQuorum(bytes32 digest, uint64 epoch, bytes calldata signatures) internal view {
        uint256 threshold = _requireAlive(epoch).threshold;
        require(signatures.length == threshold * 65, SignatureCountWrong(threshold * 65, signatures.length));
        mapping(address account => bool isMember) storage members = _members[epoch];
        address previous = address(0);
        for (uint256 offset = 0; offset < signatures.length; offset += 65) {
            address signer = ECDSA.recoverCalldata(digest, signatures[offset:offset + 65]);
            require(signer > previous, SignersNotSorted(previous, signer));
            require(members[signer], NotASigner(signer, epoch));
            previous = signer;
        }
    }

    /// @dev Stores the next epoch's set, valid from `validFrom`; its predecessor dies at `predecessorUntil`.
    function _storeSet(address[] memory members, uint256 threshold, uint64 validFrom, uint64 predecessorUntil)
        internal
        returns (uint64 epoch)
    {
        uint256 size = members.length;
        require(size <= MAX_SIGNERS, TooManySigners(size));
        require(threshold >= 2 && threshold * 2 > size && threshold <= size, ThresholdOutOfRange(threshold, size));
        uint64 predecessor = latestEpoch;
        require(!_isPending(predecessor), RotationPending(predecessor, _sets[predecessor].validFrom));
        epoch = ++issuedEpochs;
        latestEpoch = epoch;
        address previous = address(0);
        for (uint256 i = 0; i < size; ++i) {
            require(members[i] > previous, SignersNotSorted(previous, members[i]));
            previous = members[i];
            _members[epoch][previous] = true;
        }
        _lists[epoch] = members;
        _sets[epoch] = SignerSet(uint16(threshold), uint16(size), validFrom, type(uint64).max, predecessor);
        if (predecessor != 0) _sets[predecessor].validUntil = predecessorUntil;
        emit SignersChanged(epoch, members, threshold, validFrom, predecessorUntil);
    }

    /// @dev Stores a set that is valid now, for lost or stolen keys: every earlier one is dead at once, those in their
    /// retention and one that is not valid yet included.
    function _replaceSet(address[] memory members, uint256 threshold) internal {
        if (_isPending(latestEpoch)) _cancelPending();
        oldestEpoch = _storeSet(members, threshold, uint64(block.timestamp), uint64(block.timestamp) - 1);
    }

    /// @dev Takes back the newest set while it is not valid yet; its predecessor lives on.
    function _cancelPending() internal {
        uint64 epoch = latestEpoch;
        require(_isPending(epoch), NoRotationPending(epoch));
        uint64 predecessor = _sets[epoch].predecessor;
        _sets[epoch].validUntil = 0;
        _sets[predecessor].validUntil = type(uint64).max;
        latestEpoch = predecessor;
        emit RotationCancelled(epoch);
    }

    function _isPending(uint64 epoch) internal view returns (bool) {
        return _sets[epoch].validFrom > block.timestamp;
    }
}
