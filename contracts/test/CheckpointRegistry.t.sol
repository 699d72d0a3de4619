// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IAccessManaged} from "@openzeppelin/contracts/access/manager/IAccessManaged.sol";
import {CheckpointRegistry} from "src/CheckpointRegistry.sol";
import {SignerSets} from "src/SignerSets.sol";
import {Bridge} from "./base/Bridge.sol";

contract CheckpointRegistryTest is Bridge {
    bytes32 private constant ROOT = keccak256("root");
    bytes32 private constant OTHER = keccak256("other");
    uint64 private constant ANY = type(uint64).max;

    function test_a_signed_checkpoint_is_stored_once_and_repeats_change_nothing() public {
        submit(SOURCE, 10, ROOT, uint64(START));
        (bytes32 root, uint64 time) = registry.rootAt(SOURCE, 10, ANY);
        vm.assertEq(root, ROOT);
        vm.assertEq(time, START);
        registry.submit(SOURCE, 10, ROOT, uint64(START), ANY, 1, "");
        registry.submit(SOURCE, 10, ROOT, uint64(START), ANY, 99, "");
    }

    function test_unsigned_or_zero_roots_are_refused() public {
        vm.expectRevert(CheckpointRegistry.ZeroRoot.selector);
        registry.submit(SOURCE, 10, 0, uint64(START), ANY, 1, "");
        vm.expectPartialRevert(SignerSets.SignatureCountWrong.selector);
        registry.submit(SOURCE, 10, ROOT, uint64(START), ANY, 1, "");
        bytes memory signatures = sign(checkpointDigest(SOURCE, 10, ROOT, uint64(START), 1), 3);
        vm.expectPartialRevert(SignerSets.NotASigner.selector);
        registry.submit(SOURCE, 11, ROOT, uint64(START), ANY, 1, signatures);
        vm.expectPartialRevert(SignerSets.NotASigner.selector);
        registry.submit(SOURCE, 10, OTHER, uint64(START), ANY, 1, signatures);
        vm.expectPartialRevert(SignerSets.NotASigner.selector);
        registry.submit(BITCOIN, 10, ROOT, uint64(START), ANY, 1, signatures);
        vm.expectPartialRevert(SignerSets.NotASigner.selector);
        registry.submit(SOURCE, 10, ROOT, uint64(START - 1), ANY, 1, signatures);
        vm.expectRevert(abi.encodeWithSelector(SignerSets.UnknownEpoch.selector, 2));
        registry.submit(SOURCE, 10, ROOT, uint64(START), ANY, 2, signatures);
    }

    function test_a_fast_lane_signature_is_no_checkpoint() public {
        bytes memory signatures = sign(batchDigest(ROOT, 10, 1, uint64(START)), 3);
        vm.expectPartialRevert(SignerSets.NotASigner.selector);
        registry.submit(SOURCE, 10, ROOT, uint64(START), ANY, 1, signatures);
    }

    function test_chains_without_a_rule_are_closed() public {
        vm.expectPartialRevert(CheckpointRegistry.ChainNotAccepted.selector);
        this.submitOutside(keccak256("eip155:10"), 10, ROOT, uint64(START));
        vm.expectPartialRevert(CheckpointRegistry.ChainNotAccepted.selector);
        registry.rootAt(keccak256("eip155:10"), 10, ANY);
        submit(SOURCE, 10, ROOT, uint64(START));
        registry.setChainRule(SOURCE, 0, 0);
        vm.expectPartialRevert(CheckpointRegistry.ChainNotAccepted.selector);
        registry.rootAt(SOURCE, 10, ANY);
    }

    /// Invariant 13: two quorum-signed roots at one height freeze the chain and leave the evidence.
    function test_a_conflict_freezes_the_chain_for_good_at_that_height() public {
        submit(SOURCE, 10, ROOT, uint64(START));
        submit(SOURCE, 11, ROOT, uint64(START));
        vm.expectEmit();
        emit CheckpointRegistry.ConflictingCheckpoint(SOURCE, 10, ROOT, OTHER, uint64(START), 1);
        submit(SOURCE, 10, OTHER, uint64(START));
        vm.expectRevert(abi.encodeWithSelector(CheckpointRegistry.ChainIsFrozen.selector, SOURCE));
        registry.rootAt(SOURCE, 11, ANY);
        vm.expectPartialRevert(CheckpointRegistry.ChainIsFrozen.selector);
        this.submitOutside(SOURCE, 12, ROOT, uint64(START));
        registry.unfreeze(SOURCE);
        registry.rootAt(SOURCE, 11, ANY);
        vm.expectRevert(abi.encodeWithSelector(CheckpointRegistry.DisputedCheckpoint.selector, SOURCE, 10));
        registry.rootAt(SOURCE, 10, ANY);
        vm.expectPartialRevert(CheckpointRegistry.DisputedCheckpoint.selector);
        this.submitOutside(SOURCE, 10, OTHER, uint64(START));
        submit(BITCOIN, 10, ROOT, uint64(START));
    }

    function test_the_same_root_with_another_time_is_a_conflict() public {
        submit(SOURCE, 10, ROOT, uint64(START));
        submit(SOURCE, 10, ROOT, uint64(START - 1));
        vm.expectPartialRevert(CheckpointRegistry.ChainIsFrozen.selector);
        registry.rootAt(SOURCE, 10, ANY);
    }

    /// Invariant 12: time rises with height, older heights may follow, roots do not change.
    function test_times_rise_with_heights_and_older_heights_may_follow() public {
        submit(SOURCE, 10, ROOT, uint64(START - 10));
        vm.expectPartialRevert(CheckpointRegistry.TimeNotRising.selector);
        this.submitOutside(SOURCE, 11, ROOT, uint64(START - 11));
        submit(SOURCE, 9, OTHER, uint64(START - 20));
        submit(SOURCE, 11, OTHER, uint64(START - 10));
        (bytes32 root,) = registry.rootAt(SOURCE, 9, ANY);
        vm.assertEq(root, OTHER);
        (uint64 height,) = registry.latest(SOURCE);
        vm.assertEq(height, 11);
    }

    function test_the_first_block_of_a_chain_is_its_latest() public {
        submit(SOURCE, 0, ROOT, uint64(START - 10));
        (, uint64 time) = registry.latest(SOURCE);
        vm.assertEq(time, START - 10);
        vm.expectPartialRevert(CheckpointRegistry.TimeNotRising.selector);
        this.submitOutside(SOURCE, 1, OTHER, uint64(START - 11));
    }

    function test_bitcoin_times_may_run_backwards_by_its_slack() public {
        submit(BITCOIN, 10, ROOT, uint64(START));
        vm.expectPartialRevert(CheckpointRegistry.TimeNotRising.selector);
        this.submitOutside(BITCOIN, 11, ROOT, uint64(START - 2 hours - 1));
        submit(BITCOIN, 11, ROOT, uint64(START - 2 hours));
    }

    function test_a_time_ahead_of_the_clock_is_refused_beyond_the_drift() public {
        vm.expectPartialRevert(CheckpointRegistry.TimeInTheFuture.selector);
        this.submitOutside(SOURCE, 10, ROOT, uint64(START + 2 hours + 1));
        submit(SOURCE, 10, ROOT, uint64(START + 2 hours));
    }

    function test_an_old_checkpoint_proves_nothing_more() public {
        submit(SOURCE, 10, ROOT, uint64(START));
        vm.warp(START + 7 days);
        registry.rootAt(SOURCE, 10, ANY);
        vm.warp(START + 7 days + 1);
        vm.expectPartialRevert(CheckpointRegistry.CheckpointTooOld.selector);
        registry.rootAt(SOURCE, 10, ANY);
        vm.expectRevert(abi.encodeWithSelector(CheckpointRegistry.UnknownCheckpoint.selector, SOURCE, 11));
        registry.rootAt(SOURCE, 11, ANY);
    }

    function test_a_rotated_out_verifier_set_dies_after_retention() public {
        registry.rotate(members(), 4);
        submit(SOURCE, 10, ROOT, uint64(START));
        bytes memory four = sign(checkpointDigest(SOURCE, 11, ROOT, uint64(START), 2), 4);
        registry.submit(SOURCE, 11, ROOT, uint64(START), ANY, 2, four);
        vm.warp(START + RETENTION + 1);
        vm.expectPartialRevert(SignerSets.EpochExpired.selector);
        this.submitOutside(SOURCE, 12, ROOT, uint64(START));
    }

    /// Stolen keys may be those of a set that is still in its retention: all of them sign nothing more from then on.
    function test_replacing_kills_every_verifier_set_that_is_still_in_its_retention() public {
        registry.rotate(members(), 3);
        submit(SOURCE, 10, ROOT, uint64(START));
        registry.replaceVerifiers(members(), 4);
        vm.assertEq(registry.currentEpoch(), 3);
        vm.assertEq(registry.oldestEpoch(), 3);
        for (uint64 epoch = 1; epoch <= 2; ++epoch) {
            bytes memory old = sign(checkpointDigest(SOURCE, 11, ROOT, uint64(START), epoch), 3);
            vm.expectPartialRevert(SignerSets.EpochExpired.selector);
            registry.submit(SOURCE, 11, ROOT, uint64(START), ANY, epoch, old);
        }
        bytes memory four = sign(checkpointDigest(SOURCE, 11, ROOT, uint64(START), 3), 4);
        registry.submit(SOURCE, 11, ROOT, uint64(START), ANY, 3, four);
        registry.rootAt(SOURCE, 10, ANY);
        registry.rotate(members(), 3);
        four = sign(checkpointDigest(SOURCE, 12, ROOT, uint64(START), 3), 4);
        registry.submit(SOURCE, 12, ROOT, uint64(START), ANY, 3, four);
    }

    /// A stolen quorum stores false roots at heights to come. The true ones would conflict there and freeze the chain, or, once
    /// guardians have disputed the false ones, never be stored.
    function test_what_stolen_verifiers_stored_of_heights_to_come_does_not_keep_the_true_blocks_out() public {
        submit(SOURCE, 10, ROOT, uint64(START));
        vm.warp(START + 100);
        for (uint64 height = 11; height < 14; ++height) {
            submit(SOURCE, height, OTHER, uint64(block.timestamp));
        }
        registry.dispute(SOURCE, 13);
        vm.expectRevert(abi.encodeWithSelector(CheckpointRegistry.EpochStillTrusted.selector, 1, 0));
        registry.distrust(SOURCE, 1, uint64(START + 100));
        registry.replaceVerifiers(members(), 3);
        vm.expectRevert(abi.encodeWithSelector(CheckpointRegistry.EpochStillTrusted.selector, 2, 2));
        registry.distrust(SOURCE, 2, uint64(START + 100));
        registry.distrust(SOURCE, 1, uint64(START + 100));
        registry.rootAt(SOURCE, 10, ANY);
        for (uint64 height = 11; height < 14; ++height) {
            vm.expectRevert(abi.encodeWithSelector(CheckpointRegistry.UnknownCheckpoint.selector, SOURCE, height));
            registry.rootAt(SOURCE, height, ANY);
            vm.expectRevert(abi.encodeWithSelector(CheckpointRegistry.UnknownCheckpoint.selector, SOURCE, height));
            registry.trustedSince(SOURCE, height);
            submitBy(2, SOURCE, height, ROOT, uint64(START + 50 + height));
            (bytes32 root,) = registry.rootAt(SOURCE, height, ANY);
            vm.assertEq(root, ROOT);
        }
        (,, bool frozen) = registry.rules(SOURCE);
        vm.assertFalse(frozen);
        // Nor does the time that they had said of the highest.
        submitBy(2, SOURCE, 14, ROOT, uint64(START + 90));
        // Another chain's roots are another finding's.
        vm.assertEq(registry.distrustedSince(OTHER, 1), 0);
    }

    function test_what_is_distrusted_stays_so() public {
        submit(SOURCE, 10, ROOT, uint64(START));
        registry.replaceVerifiers(members(), 3);
        registry.distrust(SOURCE, 1, uint64(START));
        uint64[3] memory later = [uint64(START), uint64(START + 1), 0];
        for (uint256 i = 0; i < 3; ++i) {
            vm.expectRevert(
                abi.encodeWithSelector(CheckpointRegistry.AlreadyDistrusted.selector, 1, uint64(START), later[i])
            );
            registry.distrust(SOURCE, 1, later[i]);
        }
        registry.distrust(SOURCE, 1, uint64(START - 1));
        vm.expectPartialRevert(CheckpointRegistry.UnknownCheckpoint.selector);
        registry.rootAt(SOURCE, 10, ANY);
        vm.prank(address(0xbad));
        vm.expectPartialRevert(IAccessManaged.AccessManagedUnauthorized.selector);
        registry.distrust(SOURCE, 1, uint64(START - 2));
    }

    /// A forged root outlives the verifiers who signed it, and the freeze: only a dispute ends it.
    function test_a_disputed_root_stays_out_of_use_after_unfreezing_and_rotating() public {
        submit(SOURCE, 10, ROOT, uint64(START));
        submit(SOURCE, 11, OTHER, uint64(START));
        registry.freeze(SOURCE);
        registry.rotate(members(), 4);
        registry.dispute(SOURCE, 10);
        registry.unfreeze(SOURCE);
        vm.expectRevert(abi.encodeWithSelector(CheckpointRegistry.DisputedCheckpoint.selector, SOURCE, 10));
        registry.rootAt(SOURCE, 10, ANY);
        registry.rootAt(SOURCE, 11, ANY);
        bytes memory again = sign(checkpointDigest(SOURCE, 10, ROOT, uint64(START), 2), 4);
        vm.expectRevert(abi.encodeWithSelector(CheckpointRegistry.DisputedCheckpoint.selector, SOURCE, 10));
        registry.submit(SOURCE, 10, ROOT, uint64(START), ANY, 2, again);
        vm.expectRevert(abi.encodeWithSelector(CheckpointRegistry.UnknownCheckpoint.selector, SOURCE, 12));
        registry.dispute(SOURCE, 12);
        vm.prank(address(0xbad));
        vm.expectPartialRevert(IAccessManaged.AccessManagedUnauthorized.selector);
        registry.dispute(SOURCE, 11);
    }

    /// Invariant 16 for checkpoints.
    function test_checkpoint_signatures_are_for_one_chain_contract_and_epoch_only() public {
        bytes memory signatures = sign(checkpointDigest(SOURCE, 10, ROOT, uint64(START), 1), 3);
        CheckpointRegistry other = new CheckpointRegistry(address(manager), members(), 3, RETENTION);
        other.setChainRule(SOURCE, 7 days, 0);
        vm.expectPartialRevert(SignerSets.NotASigner.selector);
        other.submit(SOURCE, 10, ROOT, uint64(START), ANY, 1, signatures);
        registry.rotate(members(), 3);
        vm.expectPartialRevert(SignerSets.NotASigner.selector);
        registry.submit(SOURCE, 10, ROOT, uint64(START), ANY, 2, signatures);
        vm.chainId(2);
        vm.expectPartialRevert(SignerSets.NotASigner.selector);
        registry.submit(SOURCE, 10, ROOT, uint64(START), ANY, 1, signatures);
        vm.chainId(31337);
        registry.submit(SOURCE, 10, ROOT, uint64(START), ANY, 1, signatures);
    }

    /// Only a quorum can freeze a chain by conflict: else anyone could.
    function test_a_conflict_needs_a_quorum() public {
        submit(SOURCE, 10, ROOT, uint64(START));
        bytes memory two = sign(checkpointDigest(SOURCE, 10, OTHER, uint64(START), 1), 2);
        vm.expectPartialRevert(SignerSets.SignatureCountWrong.selector);
        registry.submit(SOURCE, 10, OTHER, uint64(START), ANY, 1, two);
        registry.rotate(members(), 3);
        vm.warp(START + RETENTION + 1);
        bytes memory dead = sign(checkpointDigest(SOURCE, 10, OTHER, uint64(START), 1), 3);
        vm.expectPartialRevert(SignerSets.EpochExpired.selector);
        registry.submit(SOURCE, 10, OTHER, uint64(START), ANY, 1, dead);
        registry.rootAt(SOURCE, 10, ANY);
    }

    /// Invariants 12 and 13 over any order of submissions: what is stored stays, and a second block at a height freezes.
    function testFuzz_roots_never_change_and_conflicts_always_freeze(uint8[10] memory draws) public {
        bytes32[4] memory roots;
        bool frozen;
        for (uint256 i = 0; i < 10; ++i) {
            uint256 height = draws[i] % 4;
            bytes32 root = keccak256(abi.encode(draws[i] >= 240 ? i : height));
            uint64 time = uint64(START + height);
            try this.submitOutside(SOURCE, uint64(height), root, time) {
                vm.assertFalse(frozen);
                frozen = roots[height] != 0 && roots[height] != root;
                if (roots[height] == 0) roots[height] = root;
            } catch {
                vm.assertTrue(frozen);
            }
            (,, bool isFrozen) = registry.rules(SOURCE);
            vm.assertEq(isFrozen, frozen);
            for (uint256 h = 0; h < 4; ++h) {
                vm.assertEq(registry.stored(SOURCE, uint64(h)).root, roots[h]);
            }
        }
    }

    function test_strangers_change_no_rule() public {
        vm.startPrank(address(0xbad));
        vm.expectPartialRevert(IAccessManaged.AccessManagedUnauthorized.selector);
        registry.setChainRule(SOURCE, 1, 0);
        vm.expectPartialRevert(IAccessManaged.AccessManagedUnauthorized.selector);
        registry.freeze(SOURCE);
        vm.expectPartialRevert(IAccessManaged.AccessManagedUnauthorized.selector);
        registry.unfreeze(SOURCE);
        vm.expectPartialRevert(IAccessManaged.AccessManagedUnauthorized.selector);
        registry.rotate(new address[](0), 0);
        vm.expectPartialRevert(IAccessManaged.AccessManagedUnauthorized.selector);
        registry.replaceVerifiers(new address[](0), 0);
        vm.stopPrank();
    }

    function test_a_guardian_can_freeze_a_chain() public {
        submit(SOURCE, 10, ROOT, uint64(START));
        registry.freeze(SOURCE);
        vm.expectPartialRevert(CheckpointRegistry.ChainIsFrozen.selector);
        registry.rootAt(SOURCE, 10, ANY);
    }

    function submitOutside(bytes32 chain, uint64 height, bytes32 root, uint64 time) external {
        submit(chain, height, root, time);
    }
}
