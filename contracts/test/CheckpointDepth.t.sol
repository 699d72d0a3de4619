// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {BitcoinInclusionVerifier} from "src/BitcoinInclusionVerifier.sol";
import {CheckpointRegistry} from "src/CheckpointRegistry.sol";
import {Deposit} from "src/DepositLib.sol";
import {Lane} from "src/Lane.sol";
import {SignerSets} from "src/SignerSets.sol";
import {BitcoinClaim} from "./base/BitcoinClaim.sol";
import {SourceState} from "./base/SourceState.sol";

/// @title A root is good up to the amount for which enough blocks followed when it was signed.
contract CheckpointDepthTest is BitcoinClaim {
    bytes32 private constant ROOT = keccak256("root");
    bytes32 private constant OTHER = keccak256("other");
    uint64 private constant ANY = type(uint64).max;

    /// A deposit of few satoshis has its block signed as soon as one block is enough for it. One of many in the same block,
    /// which asks for more blocks, waits for a signature of its own, whoever claims it.
    function test_a_large_bitcoin_deposit_is_not_proven_by_what_was_signed_for_a_small_one() public {
        uint64 amount = uint64(deposit.amount);
        bytes32 root = _otherRegistry();
        submitUpTo(BITCOIN, 210, root, uint64(START), amount - 1);
        vm.expectRevert(
            abi.encodeWithSelector(
                CheckpointRegistry.CheckpointTooShallow.selector, BITCOIN, uint64(210), amount - 1, uint256(amount)
            )
        );
        bitcoin.verify(deposit, encoded);
        submitUpTo(BITCOIN, 210, root, uint64(START), amount);
        bitcoin.verify(deposit, encoded);
    }

    function test_a_root_is_good_for_more_once_it_is_signed_for_more_and_never_for_less() public {
        submitUpTo(BITCOIN, 10, ROOT, uint64(START), 1000);
        registry.rootAt(BITCOIN, 10, 1000);
        _tooShallow(1000, 1001);
        vm.warp(START + 60);
        submitUpTo(BITCOIN, 10, ROOT, uint64(START), 5000);
        registry.rootAt(BITCOIN, 10, 5000);
        _tooShallow(5000, 5001);
        submitUpTo(BITCOIN, 10, ROOT, uint64(START), 1000);
        registry.rootAt(BITCOIN, 10, 5000);
        vm.assertEq(registry.trustedSince(BITCOIN, 10), START);
        (,, bool isFrozen) = registry.rules(BITCOIN);
        vm.assertFalse(isFrozen);
        _tooShallow(5000, type(uint256).max);
        submitUpTo(BITCOIN, 10, ROOT, uint64(START), ANY - 1);
        _tooShallow(ANY - 1, ANY);
        submitUpTo(BITCOIN, 10, ROOT, uint64(START), ANY);
        registry.rootAt(BITCOIN, 10, type(uint256).max);
    }

    /// An honest quorum signed a shallow block for little, and a thief with its keys the same block for any amount: what he proved
    /// under it falls with his word, and the honest one stands.
    function test_what_a_stolen_set_made_a_root_good_for_is_distrusted_and_the_root_is_not() public {
        submitUpTo(BITCOIN, 10, ROOT, uint64(START), 1000);
        vm.warp(START + 60);
        submitUpTo(BITCOIN, 10, ROOT, uint64(START), 5000);
        submitUpTo(BITCOIN, 10, ROOT, uint64(START), ANY);
        registry.requireStanding(BITCOIN, 10, 5000, uint64(block.timestamp));
        registry.replaceVerifiers(members(), 3);
        registry.distrust(BITCOIN, 1, uint64(START + 60));
        _tooShallow(1000, 1001);
        registry.rootAt(BITCOIN, 10, 1000);
        vm.assertEq(registry.stored(BITCOIN, 10).upTo, 1000);
        vm.expectPartialRevert(CheckpointRegistry.CheckpointTooShallow.selector);
        registry.requireStanding(BITCOIN, 10, 1001, uint64(block.timestamp));
        registry.requireStanding(BITCOIN, 10, 1000, uint64(block.timestamp));
        // The new verifiers sign what is true of it anew.
        _submitBy(2, ROOT, 3000);
        registry.rootAt(BITCOIN, 10, 3000);
        _tooShallow(3000, 3001);
        vm.assertEq(registry.trustedSince(BITCOIN, 10), START);
    }

    /// Raised by honest verifiers, and then by those whose keys were stolen.
    function test_a_root_that_was_raised_before_the_theft_stays_good_for_what_was_signed_with_it() public {
        submitUpTo(BITCOIN, 10, ROOT, uint64(START), 1000);
        submitUpTo(BITCOIN, 10, ROOT, uint64(START), 2000);
        vm.warp(START + 60);
        registry.replaceVerifiers(members(), 3);
        registry.distrust(BITCOIN, 1, uint64(START + 60));
        registry.rootAt(BITCOIN, 10, 2000);
        _tooShallow(2000, 2001);
    }

    /// Its height is free again, and what had been signed for the root before says nothing of the next.
    function test_a_root_that_takes_the_place_of_a_distrusted_one_is_good_for_its_own_amount() public {
        submitUpTo(BITCOIN, 10, ROOT, uint64(START), 1000);
        registry.replaceVerifiers(members(), 3);
        _submitBy(2, ROOT, ANY);
        registry.rootAt(BITCOIN, 10, type(uint256).max);
        registry.distrust(BITCOIN, 1, uint64(START));
        vm.expectPartialRevert(CheckpointRegistry.UnknownCheckpoint.selector);
        registry.rootAt(BITCOIN, 10, 1);
        _submitBy(2, OTHER, 1000);
        _tooShallow(1000, 1001);
    }

    /// A payment that waits is as large as it was when it was proven.
    function test_a_payment_that_waits_falls_with_what_made_its_root_good_for_it() public {
        uint64 amount = uint64(deposit.amount);
        bytes32 root = _otherRegistry();
        submitUpTo(BITCOIN, 210, root, uint64(START), amount - 1);
        vm.warp(START + 60);
        submitUpTo(BITCOIN, 210, root, uint64(START), ANY);
        bitcoin.verify(deposit, encoded);
        bitcoin.requireStanding(deposit, 210, uint64(START + 60));
        registry.replaceVerifiers(members(), 3);
        registry.distrust(BITCOIN, 1, uint64(START + 60));
        vm.expectPartialRevert(CheckpointRegistry.CheckpointTooShallow.selector);
        bitcoin.requireStanding(deposit, 210, uint64(START + 60));
    }

    /// What one quorum signed for little, nobody makes good for more.
    function test_only_a_quorum_makes_a_root_good_for_more() public {
        bytes memory signatures = sign(checkpointDigest(BITCOIN, 10, ROOT, uint64(START), 1000, 1), 3);
        vm.expectPartialRevert(SignerSets.NotASigner.selector);
        registry.submit(BITCOIN, 10, ROOT, uint64(START), 1001, 1, signatures);
        registry.submit(BITCOIN, 10, ROOT, uint64(START), 1000, 1, signatures);
        vm.expectPartialRevert(SignerSets.NotASigner.selector);
        registry.submit(BITCOIN, 10, ROOT, uint64(START), 1001, 1, signatures);
        vm.expectPartialRevert(SignerSets.SignatureCountWrong.selector);
        registry.submit(BITCOIN, 10, ROOT, uint64(START), ANY, 1, "");
        _tooShallow(1000, 1001);
    }

    function test_a_second_block_signed_for_another_amount_still_freezes() public {
        submitUpTo(BITCOIN, 10, ROOT, uint64(START), 1000);
        submitUpTo(BITCOIN, 10, OTHER, uint64(START), 5000);
        (,, bool isFrozen) = registry.rules(BITCOIN);
        vm.assertTrue(isFrozen);
        registry.unfreeze(BITCOIN);
        bytes memory signatures = sign(checkpointDigest(BITCOIN, 10, ROOT, uint64(START), 5000, 1), 3);
        vm.expectRevert(abi.encodeWithSelector(CheckpointRegistry.DisputedCheckpoint.selector, BITCOIN, 10));
        registry.submit(BITCOIN, 10, ROOT, uint64(START), 5000, 1, signatures);
    }

    /// A slot has no amount: what is signed for some proves nothing of it.
    function test_state_is_proven_under_roots_for_any_amount_alone() public {
        (bytes32 state, bytes[] memory storageProof) = SourceState.oneSlot(keccak256("slot"), 1);
        (bytes memory header, bytes[] memory accountProof) =
            SourceState.header(10, uint64(START), address(uint160(uint256(SOURCE_BRIDGE))), state);
        submitUpTo(SOURCE, 10, keccak256(header), uint64(START), ANY - 1);
        Deposit memory claimed = sample(0);
        vm.expectPartialRevert(CheckpointRegistry.CheckpointTooShallow.selector);
        inbox.claim(Lane.ETHEREUM, claimed, abi.encode(uint64(10), header, accountProof, storageProof));
    }

    function _otherRegistry() private returns (bytes32 root) {
        registry = new CheckpointRegistry(address(manager), members(), 3, RETENTION);
        registry.setChainRule(BITCOIN, 7 days, 2 hours);
        bitcoin = new BitcoinInclusionVerifier(registry, BITCOIN, SATOSHIS);
        return vm.parseJsonBytes32(vm.readFile("test/vectors/bitcoin_claims.json"), ".claims[0].root");
    }

    function _submitBy(uint64 epoch, bytes32 root, uint64 upTo) private {
        bytes memory signatures = sign(checkpointDigest(BITCOIN, 10, root, uint64(START), upTo, epoch), 3);
        registry.submit(BITCOIN, 10, root, uint64(START), upTo, epoch, signatures);
    }

    function _tooShallow(uint64 upTo, uint256 amount) private {
        vm.expectRevert(
            abi.encodeWithSelector(
                CheckpointRegistry.CheckpointTooShallow.selector, BITCOIN, uint64(10), upTo, amount
            )
        );
        registry.rootAt(BITCOIN, 10, amount);
    }
}
