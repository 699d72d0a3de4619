// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IAccessManaged} from "@openzeppelin/contracts/access/manager/IAccessManaged.sol";
import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";
import {BatchProof} from "src/BatchProof.sol";
import {Deposit, DepositLib} from "src/DepositLib.sol";
import {FastLane} from "src/FastLane.sol";
import {SignerSets} from "src/SignerSets.sol";
import {Bridge} from "./base/Bridge.sol";

contract FastLaneTest is Bridge {
    uint256 private constant N = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141;

    function test_a_batch_is_stored_and_can_be_repeated_and_extended() public {
        bytes32 root = keccak256("root");
        _attest(root, 5, 1, START + 1 hours, 3);
        _attest(root, 5, 1, START + 1 hours, 0);
        (uint32 count,, uint64 expiry,) = fastLane.batches(root);
        vm.assertEq(count, 5);
        vm.assertEq(expiry, START + 1 hours);
        _attest(root, 5, 1, START + 2 hours, 3);
        (,, expiry,) = fastLane.batches(root);
        vm.assertEq(expiry, START + 2 hours);
    }

    function test_forged_batches_are_refused() public {
        bytes32 root = keccak256("root");
        _refused(0, 5, START + 1, BatchProof.ZeroRoot.selector);
        _refused(root, 0, START + 1, BatchProof.CountOutOfRange.selector);
        _refused(root, 257, START + 1, BatchProof.CountOutOfRange.selector);
        _refused(root, 5, START - 1, FastLane.BatchExpired.selector);
        _attest(root, 5, 1, START + 1, 3);
        _refused(root, 6, START + 1, FastLane.CountConflict.selector);
    }

    /// Invariant 6: exactly the threshold, distinct, sorted, low-s, members only.
    function test_forged_quorums_are_refused() public {
        bytes32 root = keccak256("root");
        bytes32 digest = batchDigest(root, 5, 1, uint64(START + 1));
        bytes memory one = signOne(keys[0], digest);
        bytes memory two = signOne(keys[1], digest);
        bytes memory three = signOne(keys[2], digest);
        _refusedSignatures(root, "", SignerSets.SignatureCountWrong.selector);
        _refusedSignatures(root, bytes.concat(one, two), SignerSets.SignatureCountWrong.selector);
        _refusedSignatures(root, sign(digest, 4), SignerSets.SignatureCountWrong.selector);
        _refusedSignatures(root, bytes.concat(one, two, three, hex"00"), SignerSets.SignatureCountWrong.selector);
        _refusedSignatures(root, bytes.concat(one, two, two), SignerSets.SignersNotSorted.selector);
        _refusedSignatures(root, bytes.concat(two, one, three), SignerSets.SignersNotSorted.selector);
        bytes memory high = _highS(three);
        _refusedSignatures(root, bytes.concat(one, two, high), ECDSA.ECDSAInvalidSignatureS.selector);
        bytes memory zero = new bytes(65);
        _refusedSignatures(root, bytes.concat(zero, one, two), ECDSA.ECDSAInvalidSignature.selector);
        uint256 stranger = 1;
        while (vm.addr(stranger) < vm.addr(keys[1])) ++stranger;
        bytes memory strange = signOne(stranger, digest);
        _refusedSignatures(root, bytes.concat(one, two, strange), SignerSets.NotASigner.selector);
    }

    /// Invariant 16: a signature is for one chain, one contract, one epoch and one statement.
    function test_signatures_are_for_one_place_only() public {
        bytes32 root = keccak256("root");
        bytes memory signatures = sign(batchDigest(root, 5, 1, uint64(START + 1)), 3);
        vm.expectPartialRevert(SignerSets.NotASigner.selector);
        fastLane.attestBatch(root, 4, 1, uint64(START + 1), signatures);
        vm.expectPartialRevert(SignerSets.NotASigner.selector);
        fastLane.attestBatch(root, 5, 1, uint64(START + 2), signatures);
        vm.expectPartialRevert(SignerSets.NotASigner.selector);
        fastLane.attestBatch(keccak256("other"), 5, 1, uint64(START + 1), signatures);
        FastLane other = new FastLane(address(manager), members(), 3, RETENTION, ROTATION_DELAY);
        vm.expectPartialRevert(SignerSets.NotASigner.selector);
        other.attestBatch(root, 5, 1, uint64(START + 1), signatures);
        vm.chainId(2);
        vm.expectPartialRevert(SignerSets.NotASigner.selector);
        fastLane.attestBatch(root, 5, 1, uint64(START + 1), signatures);
        vm.chainId(31337);
        fastLane.attestBatch(root, 5, 1, uint64(START + 1), signatures);
    }

    function test_a_set_needs_a_majority_of_at_least_two() public {
        _refusedSet(members(), 0, SignerSets.ThresholdOutOfRange.selector);
        _refusedSet(members(), 1, SignerSets.ThresholdOutOfRange.selector);
        _refusedSet(members(), 2, SignerSets.ThresholdOutOfRange.selector);
        _refusedSet(members(), 6, SignerSets.ThresholdOutOfRange.selector);
        address[] memory one = new address[](1);
        one[0] = address(1);
        _refusedSet(one, 1, SignerSets.ThresholdOutOfRange.selector);
        _refusedSet(new address[](0), 0, SignerSets.ThresholdOutOfRange.selector);
        address[] memory zero = new address[](2);
        zero[1] = address(1);
        _refusedSet(zero, 2, SignerSets.SignersNotSorted.selector);
        zero[0] = address(1);
        _refusedSet(zero, 2, SignerSets.SignersNotSorted.selector);
        _refusedSet(new address[](65), 33, SignerSets.TooManySigners.selector);
    }

    function testFuzz_thresholds(uint256 size, uint256 threshold) public {
        size = bound(size, 0, 12);
        threshold = bound(threshold, 0, 14);
        address[] memory set = new address[](size);
        for (uint256 i = 0; i < size; ++i) set[i] = address(uint160(i + 1));
        bool isSound = threshold >= 2 && threshold <= size && threshold * 2 > size;
        if (!isSound) vm.expectPartialRevert(SignerSets.ThresholdOutOfRange.selector);
        new FastLane(address(manager), set, threshold, RETENTION, ROTATION_DELAY);
    }

    /// Invariant 17: an old set is valid beside its successor for the retention, and then dead.
    function test_a_rotation_overlaps_and_then_the_old_set_is_dead() public {
        Deposit memory deposit = sample(0);
        bytes memory proof = attest(deposit);
        uint64 from = uint64(START) + ROTATION_DELAY;
        _rotate(from);
        vm.assertEq(fastLane.currentEpoch(), 1);
        bytes32 root = keccak256("early");
        bytes memory early = sign(batchDigest(root, 1, 2, uint64(START + 1 days)), 3);
        vm.expectPartialRevert(SignerSets.EpochNotYetValid.selector);
        fastLane.attestBatch(root, 1, 2, uint64(START + 1 days), early);

        vm.warp(from);
        vm.assertEq(fastLane.currentEpoch(), 2);
        fastLane.attestBatch(root, 1, 2, uint64(START + 1 days), early);
        _attest(keccak256("old"), 1, 1, START + 1 days, 3);
        vm.warp(from + RETENTION);
        fastLane.verify(deposit, proof);
        vm.warp(from + RETENTION + 1);
        bytes memory late = sign(batchDigest(keccak256("late"), 1, 1, uint64(START + 1 days)), 3);
        vm.expectPartialRevert(SignerSets.EpochExpired.selector);
        fastLane.attestBatch(keccak256("late"), 1, 1, uint64(START + 1 days), late);
        vm.expectPartialRevert(SignerSets.EpochExpired.selector);
        fastLane.verify(deposit, proof);
    }

    function test_a_rotation_waits_for_its_delay_and_one_is_pending_at_a_time() public {
        bytes memory signatures = _rotationSignatures(uint64(START) + ROTATION_DELAY - 1);
        vm.expectPartialRevert(FastLane.RotationTooSoon.selector);
        fastLane.rotate(members(), 3, uint64(START) + ROTATION_DELAY - 1, signatures);
        _rotate(uint64(START) + ROTATION_DELAY);
        signatures = _rotationSignatures(uint64(START) + ROTATION_DELAY);
        vm.expectPartialRevert(SignerSets.EpochNotYetValid.selector);
        fastLane.rotate(members(), 3, uint64(START) + ROTATION_DELAY, signatures);
    }

    function test_a_cancelled_rotation_leaves_nothing_to_replay() public {
        uint64 from = uint64(START) + ROTATION_DELAY;
        bytes memory signatures = _rotationSignatures(from);
        fastLane.rotate(members(), 3, from, signatures);
        fastLane.cancelRotation();
        vm.expectPartialRevert(SignerSets.NotASigner.selector);
        fastLane.rotate(members(), 3, from, signatures);
        vm.warp(from + 10 * RETENTION);
        vm.assertEq(fastLane.currentEpoch(), 1);
        _attest(keccak256("still"), 1, 1, block.timestamp + 1, 3);
        vm.expectPartialRevert(SignerSets.NoRotationPending.selector);
        fastLane.cancelRotation();
        bytes memory dead = sign(batchDigest(keccak256("x"), 1, 2, uint64(block.timestamp + 1)), 3);
        vm.expectPartialRevert(SignerSets.EpochExpired.selector);
        fastLane.attestBatch(keccak256("x"), 1, 2, uint64(block.timestamp + 1), dead);
    }

    function test_replacing_kills_the_old_set_and_its_pending_rotation_at_once() public {
        _rotate(uint64(START) + ROTATION_DELAY);
        fastLane.replaceSigners(members(), 4);
        vm.assertEq(fastLane.currentEpoch(), 3);
        bytes memory old = sign(batchDigest(keccak256("x"), 1, 1, uint64(START + 1)), 3);
        vm.expectPartialRevert(SignerSets.EpochExpired.selector);
        fastLane.attestBatch(keccak256("x"), 1, 1, uint64(START + 1), old);
        _attest(keccak256("x"), 1, 3, START + 1, 4);
    }

    /// Stolen keys may be those of a set that is still in its retention.
    function test_replacing_kills_every_set_that_is_still_in_its_retention() public {
        uint64 from = uint64(START) + ROTATION_DELAY;
        _rotate(from);
        vm.warp(from + 1);
        Deposit memory deposit = sample(0);
        bytes memory proof = attest(deposit);
        fastLane.verify(deposit, proof);
        fastLane.replaceSigners(members(), 4);
        vm.assertEq(fastLane.oldestEpoch(), 3);
        for (uint64 epoch = 1; epoch <= 2; ++epoch) {
            bytes memory old = sign(batchDigest(keccak256("x"), 1, epoch, from + 1 days), 3);
            vm.expectPartialRevert(SignerSets.EpochExpired.selector);
            fastLane.attestBatch(keccak256("x"), 1, epoch, from + 1 days, old);
        }
        vm.expectPartialRevert(SignerSets.EpochExpired.selector);
        fastLane.verify(deposit, proof);
        _attest(keccak256("x"), 1, 3, from + 1 days, 4);
    }

    /// After a replacement the next rotation overlaps as usual.
    function test_a_replaced_set_rotates_as_any_other() public {
        fastLane.replaceSigners(members(), 3);
        uint64 from = uint64(START) + ROTATION_DELAY;
        bytes memory signatures = _rotationSignatures(from);
        fastLane.rotate(members(), 3, from, signatures);
        vm.warp(from);
        _attest(keccak256("old"), 1, 2, from + 1 days, 3);
        _attest(keccak256("new"), 1, 3, from + 1 days, 3);
    }

    /// Signatures are public. Those that a later attestation replaced must not come back and shorten a batch's life.
    function test_an_older_attestation_does_not_replace_a_newer_one() public {
        bytes32 root = keccak256("root");
        bytes memory short = sign(batchDigest(root, 5, 1, uint64(START + 3 hours)), 3);
        _attest(root, 5, 1, START + 4 hours, 3);
        fastLane.attestBatch(root, 5, 1, uint64(START + 3 hours), short);
        (,, uint64 expiry,) = fastLane.batches(root);
        vm.assertEq(expiry, START + 4 hours);
        bytes memory oldLong = sign(batchDigest(root, 5, 1, uint64(START + 9 hours)), 3);
        uint64 from = uint64(START) + ROTATION_DELAY;
        _rotate(from);
        vm.warp(from);
        _attest(root, 5, 2, START + 5 hours, 3);
        fastLane.attestBatch(root, 5, 1, uint64(START + 9 hours), oldLong);
        (, uint64 epoch,,) = fastLane.batches(root);
        vm.assertEq(epoch, 2);
    }

    /// A rotation is for one epoch number of one contract on one chain, and for what it says.
    function test_a_rotation_signature_is_for_one_rotation_only() public {
        uint64 from = uint64(START) + ROTATION_DELAY;
        bytes memory signatures = _rotationSignatures(from);
        vm.expectPartialRevert(SignerSets.NotASigner.selector);
        fastLane.rotate(members(), 4, from, signatures);
        vm.expectPartialRevert(SignerSets.NotASigner.selector);
        fastLane.rotate(members(), 3, from + 1, signatures);
        address[] memory fewer = new address[](3);
        for (uint256 i = 0; i < 3; ++i) fewer[i] = members()[i];
        vm.expectPartialRevert(SignerSets.NotASigner.selector);
        fastLane.rotate(fewer, 3, from, signatures);
        FastLane other = new FastLane(address(manager), members(), 3, RETENTION, ROTATION_DELAY);
        vm.expectPartialRevert(SignerSets.NotASigner.selector);
        other.rotate(members(), 3, from, signatures);
        vm.chainId(2);
        vm.expectPartialRevert(SignerSets.NotASigner.selector);
        fastLane.rotate(members(), 3, from, signatures);
        vm.chainId(31337);
        bytes memory batch = sign(batchDigest(keccak256(abi.encodePacked(members())), 3, 2, from), 3);
        vm.expectPartialRevert(SignerSets.NotASigner.selector);
        fastLane.rotate(members(), 3, from, batch);
        fastLane.rotate(members(), 3, from, signatures);
    }

    function test_a_rotation_cannot_break_the_threshold() public {
        uint64 from = uint64(START) + ROTATION_DELAY;
        for (uint16 threshold = 0; threshold < 8; ++threshold) {
            bytes32 typeHash = keccak256("Rotation(bytes32 members,uint16 threshold,uint64 epoch,uint64 validFrom)");
            bytes32 list = keccak256(abi.encodePacked(members()));
            bytes32 structHash = keccak256(abi.encode(typeHash, list, threshold, 2, from));
            bytes memory signatures = sign(typed("Spandrel FastLane", address(fastLane), structHash), 3);
            if (threshold >= 3 && threshold <= 5) continue;
            vm.expectPartialRevert(SignerSets.ThresholdOutOfRange.selector);
            fastLane.rotate(members(), threshold, from, signatures);
            vm.expectPartialRevert(SignerSets.ThresholdOutOfRange.selector);
            fastLane.replaceSigners(members(), threshold);
            vm.expectPartialRevert(SignerSets.ThresholdOutOfRange.selector);
            registry.rotate(members(), threshold);
            vm.expectPartialRevert(SignerSets.ThresholdOutOfRange.selector);
            registry.replaceVerifiers(members(), threshold);
        }
    }

    /// The other malleable form, EIP-2098, is refused by its length.
    function test_compact_signatures_are_refused() public {
        bytes32 root = keccak256("root");
        bytes32 digest = batchDigest(root, 5, 1, uint64(START + 1));
        bytes memory compact;
        for (uint256 i = 0; i < 3; ++i) {
            (bytes32 r, bytes32 s) = abi.decode(signOne(keys[i], digest), (bytes32, bytes32));
            compact = bytes.concat(compact, r, s);
        }
        _refusedSignatures(root, compact, SignerSets.SignatureCountWrong.selector);
    }

    function test_strangers_do_not_touch_the_set() public {
        vm.startPrank(address(0xbad));
        vm.expectPartialRevert(IAccessManaged.AccessManagedUnauthorized.selector);
        fastLane.cancelRotation();
        vm.expectPartialRevert(IAccessManaged.AccessManagedUnauthorized.selector);
        fastLane.replaceSigners(new address[](0), 0);
        vm.stopPrank();
    }

    function test_an_expired_or_unknown_batch_pays_nothing() public {
        Deposit memory deposit = sample(0);
        bytes memory proof = attest(deposit);
        vm.warp(START + 1 days + 1);
        vm.expectPartialRevert(FastLane.BatchExpired.selector);
        fastLane.verify(deposit, proof);
        vm.expectPartialRevert(FastLane.UnknownBatch.selector);
        fastLane.verify(deposit, abi.encode(keccak256("unknown"), uint32(0), new bytes32[](0)));
    }

    function test_a_batch_proof_has_one_encoding() public {
        Deposit memory deposit = sample(0);
        bytes memory proof = attest(deposit);
        fastLane.verify(deposit, proof);
        vm.expectRevert(FastLane.ProofNotCanonical.selector);
        fastLane.verify(deposit, bytes.concat(proof, hex"00"));
        vm.expectRevert(FastLane.ProofNotCanonical.selector);
        fastLane.verify(deposit, bytes.concat(proof, bytes32(0)));
        bytes32 root = BatchProof.leaf(DepositLib.id(deposit));
        vm.expectRevert(FastLane.ProofNotCanonical.selector);
        fastLane.verify(deposit, abi.encode(root, uint32(0), uint256(0x80), uint256(0), uint256(0)));
        vm.expectRevert(bytes(""));
        fastLane.verify(deposit, "");
    }

    function _rotate(uint64 from) private {
        fastLane.rotate(members(), 3, from, _rotationSignatures(from));
    }

    function _rotationSignatures(uint64 from) private view returns (bytes memory) {
        bytes32 typeHash = keccak256("Rotation(bytes32 members,uint16 threshold,uint64 epoch,uint64 validFrom)");
        bytes32 list = keccak256(abi.encodePacked(members()));
        bytes32 structHash = keccak256(abi.encode(typeHash, list, 3, fastLane.issuedEpochs() + 1, from));
        return sign(typed("Spandrel FastLane", address(fastLane), structHash), 3);
    }

    function _attest(bytes32 root, uint32 count, uint64 epoch, uint256 expiry, uint256 signers) private {
        bytes memory signatures = sign(batchDigest(root, count, epoch, uint64(expiry)), signers);
        fastLane.attestBatch(root, count, epoch, uint64(expiry), signatures);
    }

    function _refused(bytes32 root, uint32 count, uint256 expiry, bytes4 selector) private {
        bytes memory signatures = sign(batchDigest(root, count, 1, uint64(expiry)), 3);
        vm.expectPartialRevert(selector);
        fastLane.attestBatch(root, count, 1, uint64(expiry), signatures);
    }

    function _refusedSignatures(bytes32 root, bytes memory signatures, bytes4 selector) private {
        vm.expectPartialRevert(selector);
        fastLane.attestBatch(root, 5, 1, uint64(START + 1), signatures);
    }

    function _refusedSet(address[] memory set, uint256 threshold, bytes4 selector) private {
        vm.expectPartialRevert(selector);
        new FastLane(address(manager), set, threshold, RETENTION, ROTATION_DELAY);
    }

    function _highS(bytes memory signature) private pure returns (bytes memory) {
        (bytes32 r, bytes32 s) = abi.decode(signature, (bytes32, bytes32));
        uint8 v = signature[64] == 0x1b ? 28 : 27;
        return abi.encodePacked(r, bytes32(N - uint256(s)), v);
    }
}
