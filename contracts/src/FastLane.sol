// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {AccessManaged} from "@openzeppelin/contracts/access/manager/AccessManaged.sol";
import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";
import {BatchProof} from "./BatchProof.sol";
import {Deposit, DepositLib} from "./DepositLib.sol";
import {ILaneVerifier} from "./ILaneVerifier.sol";
import {SignerSets} from "./SignerSets.sol";

/// @title The fast lane: batches of deposits attested by m-of-n signers.
/// @notice What its signatures may cost is capped by `RiskGuard`: a payout through this lane is exposure until the
/// light-client lane proves its deposit. Rotation stays open while payouts are paused.
contract FastLane is ILaneVerifier, SignerSets, EIP712, AccessManaged {
    struct Batch {
        uint32 count;
        uint64 epoch;
        uint64 expiry;
        uint64 attestedAt;
    }

    /// @notice What signers sign for a batch.
    bytes32 public constant BATCH_TYPEHASH = keccak256("Batch(bytes32 root,uint32 count,uint64 epoch,uint64 expiry)");
    /// @notice What the old set signs for its successor; `members` is keccak256 of the packed 32-byte addresses.
    bytes32 public constant ROTATION_TYPEHASH =
        keccak256("Rotation(bytes32 members,uint16 threshold,uint64 epoch,uint64 validFrom)");

    /// @notice Seconds between a signed rotation and its taking effect, in which a guardian may cancel it.
    uint64 public immutable rotationDelay;

    /// @notice root => the attested batch.
    mapping(bytes32 root => Batch batch) public batches;

    /// @notice A batch was attested by a quorum of `epoch`.
    event BatchAttested(bytes32 indexed root, uint32 count, uint64 indexed epoch, uint64 expiry);

    error BatchExpired(bytes32 root, uint64 expiry);
    error UnknownBatch(bytes32 root);
    error CountConflict(bytes32 root, uint32 stored, uint32 found);
    error RotationTooSoon(uint64 earliest, uint64 found);
    /// @notice What was attested before, or in the very second, may be a thief's.
    error SignersReplaced(uint64 verifiedAt, uint64 replacedAt);

    constructor(
        address authority,
        address[] memory members,
        uint256 threshold,
        uint64 retention,
        uint64 rotationDelay_
    ) SignerSets(members, threshold, retention) EIP712("Spandrel FastLane", "1") AccessManaged(authority) {
        rotationDelay = rotationDelay_;
    }

    /// @notice Stores a batch that a quorum signed. The same batch again changes nothing; a later expiry extends it.
    /// @param root Root of the batch tree over deposit ids; never zero (Nomad 2022).
    /// @param count How many deposits, 1 to 256.
    /// @param expiry Unix seconds after which nothing is paid under this batch.
    /// @param signatures Exactly threshold × 65 bytes, sorted by signer.
    function attestBatch(bytes32 root, uint32 count, uint64 epoch, uint64 expiry, bytes calldata signatures) external {
        require(root != 0, BatchProof.ZeroRoot());
        require(count != 0 && count <= BatchProof.MAX_BATCH, BatchProof.CountOutOfRange(count));
        require(block.timestamp <= expiry, BatchExpired(root, expiry));
        Batch memory stored = batches[root];
        require(stored.count == 0 || stored.count == count, CountConflict(root, stored.count, count));
        // Signatures stay public: those of an older set or of an earlier expiry must not shorten a batch's life.
        bool isOlder = epoch < stored.epoch || (epoch == stored.epoch && expiry <= stored.expiry);
        if (isOlder) return;
        bytes32 digest = _hashTypedDataV4(keccak256(abi.encode(BATCH_TYPEHASH, root, count, epoch, expiry)));
        _requireQuorum(digest, epoch, signatures);
        batches[root] = Batch(count, epoch, expiry, uint64(block.timestamp));
        emit BatchAttested(root, count, epoch, expiry);
    }

    /// @inheritdoc ILaneVerifier
    /// @param proof `abi.encode(bytes32 root, uint32 index, bytes32[] path)`.
    function verify(Deposit calldata deposit, bytes calldata proof)
        external
        view
        returns (uint64 height, uint64 time)
    {
        (bytes32 root, uint32 index, bytes32[] calldata path) = _decode(proof);
        Batch memory batch = batches[root];
        require(batch.count != 0, UnknownBatch(root));
        require(block.timestamp <= batch.expiry, BatchExpired(root, batch.expiry));
        _requireAlive(batch.epoch);
        BatchProof.verify(root, batch.count, index, DepositLib.id(deposit), path);
        return (0, batch.attestedAt);
    }

    /// @inheritdoc ILaneVerifier
    function requireStanding(Deposit calldata, uint64, uint64 verifiedAt) external view {
        uint64 replacedAt = _replacedAt();
        require(verifiedAt > replacedAt, SignersReplaced(verifiedAt, replacedAt));
    }

    /// @notice Starts the change to another set, signed by a quorum of the newest one. It takes effect at
    /// `validFrom`; until then a guardian may cancel it. The old set stays valid for {retention} after that.
    function rotate(address[] calldata members, uint16 threshold, uint64 validFrom, bytes calldata signatures) external {
        uint64 earliest = uint64(block.timestamp) + rotationDelay;
        require(validFrom >= earliest, RotationTooSoon(earliest, validFrom));
        bytes32 packed = keccak256(abi.encodePacked(members));
        bytes32 digest = _hashTypedDataV4(
            keccak256(abi.encode(ROTATION_TYPEHASH, packed, threshold, issuedEpochs + 1, validFrom))
        );
        _requireQuorum(digest, latestEpoch, signatures);
        _storeSet(members, threshold, validFrom, validFrom + retention);
    }

    /// @notice Guardian: takes back a rotation that has not taken effect.
    function cancelRotation() external restricted {
        _cancelPending();
    }

    /// @notice Governance, timelocked: replaces the set without its signatures, for lost or stolen keys. Every earlier
    /// set is dead at once, those in their retention and a rotation under way included.
    function replaceSigners(address[] calldata members, uint16 threshold) external restricted {
        _replaceSet(members, threshold);
    }

    /// @dev Reads the proof in place; refuses every encoding but the canonical one.
    function _decode(bytes calldata proof)
        private
        pure
        returns (bytes32 root, uint32 index, bytes32[] calldata path)
    {
        (root, index) = abi.decode(proof, (bytes32, uint32));
        uint256 offset;
        uint256 length;
        assembly ("memory-safe") {
            offset := calldataload(add(proof.offset, 0x40))
            length := calldataload(add(proof.offset, 0x60))
            path.offset := add(proof.offset, 0x80)
            path.length := length
        }
        bool isCanonical = proof.length >= 0x80 && offset == 0x60 && length <= 8 && proof.length == 0x80 + length * 32;
        require(isCanonical, ProofNotCanonical());
    }

    error ProofNotCanonical();
}
