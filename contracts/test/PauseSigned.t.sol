// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";
import {PauseController} from "src/PauseController.sol";
import {PauseScope} from "src/PauseScope.sol";
import {DeployedBridge, PauseStatement, StatedScope, Statement} from "src/PauseStatement.sol";
import {Bridge} from "./base/Bridge.sol";
import {Signed} from "./base/Signed.sol";

/// @title What is sent by anyone and signed by a guardian.
contract PauseSignedTest is Bridge {
    uint64 private constant GUARDIAN = 1;
    uint256 private constant ADA = 0xada;
    uint256 private constant BO = 0xb0;
    uint256 private constant CURVE = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141;

    function setUp() public override {
        super.setUp();
        bytes4[] memory selectors = new bytes4[](2);
        selectors[0] = PauseController.pause.selector;
        selectors[1] = PauseController.freeze.selector;
        manager.setTargetFunctionRole(address(pauses), selectors, GUARDIAN);
        manager.grantRole(GUARDIAN, vm.addr(ADA), 0);
        manager.grantRole(GUARDIAN, vm.addr(BO), 0);
    }

    function test_a_stranger_brings_a_guardians_pause() public {
        Statement memory said = _said("global");
        bytes memory signature = signOne(ADA, Signed.pauseDigest(said, 1 hours, _here()));
        vm.prank(address(0xbad));
        pauses.pauseSigned(said, 1 hours, _here(), signature);
        vm.assertEq(pauses.pausedUntil(PauseScope.GLOBAL), START + 1 hours);
        vm.assertTrue(pauses.isTaken(Signed.pauseDigest(said, 1 hours, _here())));
        vm.expectPartialRevert(PauseController.ScopePaused.selector);
        pauses.requireInboundOpen(SOURCE, 1, COIN);
    }

    function test_a_forged_signer_is_refused() public {
        Statement memory said = _said("global");
        bytes32 digest = Signed.pauseDigest(said, 1 hours, _here());
        bytes memory forged = signOne(BO, digest);
        vm.expectPartialRevert(PauseController.WrongGuardian.selector);
        pauses.pauseSigned(said, 1 hours, _here(), forged);
        said.guardian = vm.addr(0xbad);
        bytes memory stranger = signOne(0xbad, Signed.pauseDigest(said, 1 hours, _here()));
        vm.expectPartialRevert(PauseController.NotAGuardian.selector);
        pauses.pauseSigned(said, 1 hours, _here(), stranger);
        _nothingIsPaused();
    }

    function test_one_who_is_no_guardian_any_more_is_refused() public {
        Statement memory said = _said("global");
        bytes memory signature = signOne(ADA, Signed.pauseDigest(said, 1 hours, _here()));
        manager.revokeRole(GUARDIAN, vm.addr(ADA));
        vm.expectPartialRevert(PauseController.NotAGuardian.selector);
        pauses.pauseSigned(said, 1 hours, _here(), signature);
        manager.grantRole(GUARDIAN, vm.addr(ADA), 1 days);
        vm.expectPartialRevert(PauseController.NotAGuardian.selector);
        pauses.pauseSigned(said, 1 hours, _here(), signature);
        _nothingIsPaused();
    }

    function test_an_old_pause_does_not_pause_again_after_it_was_lifted() public {
        Statement memory said = _said("global");
        bytes memory signature = signOne(ADA, Signed.pauseDigest(said, 1 hours, _here()));
        pauses.pauseSigned(said, 1 hours, _here(), signature);
        pauses.unpause(PauseScope.GLOBAL);
        vm.expectPartialRevert(PauseController.StatementWasTaken.selector);
        pauses.pauseSigned(said, 1 hours, _here(), signature);
        bytes memory frozen = signOne(ADA, Signed.digest(Signed.FREEZE, said, 0, _here()));
        pauses.freezeSigned(said, _here(), frozen);
        pauses.unpause(PauseScope.GLOBAL);
        vm.expectPartialRevert(PauseController.StatementWasTaken.selector);
        pauses.freezeSigned(said, _here(), frozen);
        _nothingIsPaused();
    }

    function test_the_high_s_twin_and_other_forms_of_a_signature_are_refused() public {
        Statement memory said = _said("global");
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(ADA, Signed.pauseDigest(said, 1 hours, _here()));
        bytes memory twin = abi.encodePacked(r, bytes32(CURVE - uint256(s)), v == 27 ? uint8(28) : uint8(27));
        vm.expectPartialRevert(ECDSA.ECDSAInvalidSignatureS.selector);
        pauses.pauseSigned(said, 1 hours, _here(), twin);
        bytes memory low = abi.encodePacked(r, s, v - 27);
        vm.expectRevert(ECDSA.ECDSAInvalidSignature.selector);
        pauses.pauseSigned(said, 1 hours, _here(), low);
        bytes memory longer = abi.encodePacked(r, s, v, uint8(0));
        vm.expectPartialRevert(ECDSA.ECDSAInvalidSignatureLength.selector);
        pauses.pauseSigned(said, 1 hours, _here(), longer);
        bytes memory compact = abi.encodePacked(r, bytes32(uint256(s) | (uint256(v - 27) << 255)));
        vm.expectPartialRevert(ECDSA.ECDSAInvalidSignatureLength.selector);
        pauses.pauseSigned(said, 1 hours, _here(), compact);
        vm.expectRevert(ECDSA.ECDSAInvalidSignature.selector);
        pauses.pauseSigned(said, 1 hours, _here(), new bytes(65));
        _nothingIsPaused();
    }

    /// Without a signature nobody is recovered; the zero address is not taken for a guardian.
    function test_the_zero_address_signs_nothing() public {
        manager.grantRole(GUARDIAN, address(0), 0);
        Statement memory said = _said("global");
        said.guardian = address(0);
        bytes memory nobodys = abi.encodePacked(bytes32(uint256(1)), bytes32(uint256(1)), uint8(9));
        vm.expectRevert(ECDSA.ECDSAInvalidSignature.selector);
        pauses.pauseSigned(said, 1 hours, _here(), nobodys);
    }

    function test_a_statement_lasts_until_its_expiry_which_is_at_most_a_day_away() public {
        Statement memory said = _said("global");
        bytes memory signature = signOne(ADA, Signed.pauseDigest(said, 1 hours, _here()));
        vm.warp(said.expiry);
        vm.expectPartialRevert(PauseController.StatementExpired.selector);
        pauses.pauseSigned(said, 1 hours, _here(), signature);
        vm.warp(START);
        Statement memory late = _said("global");
        late.expiry = uint64(START + 1 days + 1);
        bytes memory lateSigned = signOne(ADA, Signed.pauseDigest(late, 1 hours, _here()));
        vm.expectPartialRevert(PauseController.ExpiryTooFar.selector);
        pauses.pauseSigned(late, 1 hours, _here(), lateSigned);
        _nothingIsPaused();
        vm.warp(said.expiry - 1);
        pauses.pauseSigned(said, 1 hours, _here(), signature);
        vm.assertEq(pauses.pausedUntil(PauseScope.GLOBAL), said.expiry - 1 + 1 hours);
    }

    function test_a_statement_for_another_deployment_is_refused() public {
        Statement memory said = _said("global");
        DeployedBridge[] memory other = _here();
        other[0].inbox = bytes32(uint256(1));
        _refusedElsewhere(said, other);
        other = _here();
        other[0].chain = keccak256("eip155:10");
        _refusedElsewhere(said, other);
        _refusedElsewhere(said, new DeployedBridge[](0));
        // Named as this one, signed for the other.
        bytes memory signature = signOne(ADA, Signed.pauseDigest(said, 1 hours, other));
        vm.expectPartialRevert(PauseController.WrongGuardian.selector);
        pauses.pauseSigned(said, 1 hours, _here(), signature);
        // On the other side of a chain split the chain has another name.
        signature = signOne(ADA, Signed.pauseDigest(said, 1 hours, _here()));
        DeployedBridge[] memory here = _here();
        vm.chainId(31338);
        vm.expectPartialRevert(PauseStatement.NotThisDeployment.selector);
        pauses.pauseSigned(said, 1 hours, here, signature);
        vm.chainId(31337);
        _nothingIsPaused();
    }

    function test_one_statement_is_for_every_chain_of_its_deployment() public {
        Statement memory said = _said("global");
        DeployedBridge[] memory both = new DeployedBridge[](2);
        both[0] = DeployedBridge(keccak256("eip155:10"), bytes32(uint256(7)));
        both[1] = _here()[0];
        bytes memory signature = signOne(ADA, Signed.pauseDigest(said, 1 hours, both));
        pauses.pauseSigned(said, 1 hours, both, signature);
        vm.assertTrue(pauses.isPaused(PauseScope.GLOBAL));
    }

    function test_a_signed_pause_is_as_long_as_signed_and_at_most_five_days() public {
        Statement memory said = _said("global");
        for (uint64 i = 0; i < 2; ++i) {
            uint64 ttl = i == 0 ? 0 : 5 days + 1;
            bytes memory signed = signOne(ADA, Signed.pauseDigest(said, ttl, _here()));
            vm.expectPartialRevert(PauseController.TtlOutOfRange.selector);
            pauses.pauseSigned(said, ttl, _here(), signed);
        }
        bytes memory signature = signOne(ADA, Signed.pauseDigest(said, 1 hours, _here()));
        vm.expectPartialRevert(PauseController.WrongGuardian.selector);
        pauses.pauseSigned(said, 2 hours, _here(), signature);
        _nothingIsPaused();
    }

    /// Each field in turn.
    function testFuzz_no_field_of_a_statement_can_be_altered(uint256 field, uint256 seed) public {
        Statement memory said = _said("fast lane");
        bytes memory signature = signOne(ADA, Signed.pauseDigest(said, 1 hours, _here()));
        bytes32 before = Signed.pauseDigest(said, 1 hours, _here());
        field = bound(field, 0, 4);
        if (field == 0) said.scope = ["global", "chain eip155:1", "fast lane from eip155:1"][seed % 3];
        if (field == 1) said.reason = vm.toString(seed);
        if (field == 2) said.guardian = seed % 2 == 0 ? vm.addr(BO) : address(uint160(seed));
        if (field == 3) said.nonce = uint64(seed);
        if (field == 4) said.expiry = uint64(bound(seed, START + 1, START + 1 days));
        vm.assume(Signed.pauseDigest(said, 1 hours, _here()) != before);
        vm.expectPartialRevert(PauseController.WrongGuardian.selector);
        pauses.pauseSigned(said, 1 hours, _here(), signature);
        _nothingIsPaused();
    }

    /// `Resume` has the very fields of `Freeze`: its type is not theirs, and no signature of it does anything.
    function test_an_order_to_resume_does_nothing_here() public {
        Statement memory said = _said("global");
        bytes memory frozen = signOne(ADA, Signed.digest(Signed.FREEZE, said, 0, _here()));
        pauses.freezeSigned(said, _here(), frozen);
        said.nonce = 1;
        bytes memory resumed = signOne(BO, Signed.digest(Signed.RESUME, said, 0, _here()));
        vm.expectPartialRevert(PauseController.WrongGuardian.selector);
        pauses.freezeSigned(said, _here(), resumed);
        vm.expectPartialRevert(PauseController.WrongGuardian.selector);
        pauses.pauseSigned(said, 1 hours, _here(), resumed);
        vm.assertEq(pauses.pausedUntil(PauseScope.GLOBAL), START + 5 days);
    }

    function test_two_signed_freezes_by_two_are_endless_and_by_one_are_not() public {
        Statement memory said = _said("global");
        pauses.freezeSigned(said, _here(), signOne(ADA, Signed.digest(Signed.FREEZE, said, 0, _here())));
        said.nonce = 1;
        pauses.freezeSigned(said, _here(), signOne(ADA, Signed.digest(Signed.FREEZE, said, 0, _here())));
        vm.assertEq(pauses.pausedUntil(PauseScope.GLOBAL), START + 5 days);
        said.guardian = vm.addr(BO);
        pauses.freezeSigned(said, _here(), signOne(BO, Signed.digest(Signed.FREEZE, said, 0, _here())));
        vm.assertEq(pauses.pausedUntil(PauseScope.GLOBAL), type(uint64).max);
    }

    function test_a_signed_pause_never_shortens_a_longer_one() public {
        Statement memory said = _said("global");
        pauses.pauseSigned(said, 2 days, _here(), signOne(ADA, Signed.pauseDigest(said, 2 days, _here())));
        said.nonce = 1;
        pauses.pauseSigned(said, 1 hours, _here(), signOne(ADA, Signed.pauseDigest(said, 1 hours, _here())));
        vm.assertEq(pauses.pausedUntil(PauseScope.GLOBAL), START + 2 days);
    }

    function test_scopes_mean_what_their_words_say() public {
        _means("global", PauseScope.GLOBAL);
        _means("chain eip155:1", PauseScope.chain(SOURCE));
        _means("asset eip155:1/slip44:60", PauseScope.asset(COIN));
        _means("route eip155:1 -> eip155:31337", PauseScope.payoutsFrom(SOURCE));
        _means("route eip155:31337 -> eip155:1", PauseScope.depositsTo(SOURCE));
        _means("deposits on eip155:31337", PauseScope.direction(PauseScope.OUTBOUND));
        _means("payouts on eip155:31337", PauseScope.direction(PauseScope.INBOUND));
        _means("deposits on eip155:1", PauseScope.payoutsFrom(SOURCE));
        _means("payouts on eip155:1", PauseScope.depositsTo(SOURCE));
        _means("fast lane", PauseScope.lane(1));
        _means("fast lane from eip155:1", PauseScope.lane(1));
        _means("light_client lane from eip155:1", PauseScope.lane(2));
        _means("light_client lane from bip122:0f9188f13cb7b2c71f2a335e3a4fc328", PauseScope.lane(3));
    }

    function test_words_that_are_no_scope_pause_nothing() public {
        string[17] memory odd = [
            "",
            "Global",
            "global ",
            "chain ",
            "chain eip155:1 ",
            "chain",
            "asset  a",
            "route eip155:1 eip155:31337",
            "route eip155:1 -> ",
            "route  -> eip155:31337",
            "route a b -> eip155:31337",
            "fast lane from ",
            "fast lanes",
            "light_client lane from a b",
            "deposits on ",
            "payouts on eip155:1 ",
            "deposits"
        ];
        for (uint256 i = 0; i < 17; ++i) {
            Statement memory said = _said(odd[i]);
            bytes memory signature = signOne(ADA, Signed.pauseDigest(said, 1 hours, _here()));
            vm.expectPartialRevert(StatedScope.UnknownScope.selector);
            pauses.pauseSigned(said, 1 hours, _here(), signature);
        }
        Statement memory away = _said("route eip155:1 -> eip155:10");
        bytes memory signed = signOne(ADA, Signed.pauseDigest(away, 1 hours, _here()));
        vm.expectPartialRevert(StatedScope.ScopeElsewhere.selector);
        pauses.pauseSigned(away, 1 hours, _here(), signed);
        _nothingIsPaused();
    }

    function _means(string memory scope, bytes32 expected) private {
        Statement memory said = _said(scope);
        vm.assertFalse(pauses.isPaused(expected));
        pauses.pauseSigned(said, 1 hours, _here(), signOne(ADA, Signed.pauseDigest(said, 1 hours, _here())));
        vm.assertTrue(pauses.isPaused(expected), scope);
        pauses.unpause(expected);
    }

    function _refusedElsewhere(Statement memory said, DeployedBridge[] memory bridges) private {
        bytes memory signature = signOne(ADA, Signed.pauseDigest(said, 1 hours, bridges));
        vm.expectPartialRevert(PauseStatement.NotThisDeployment.selector);
        pauses.pauseSigned(said, 1 hours, bridges, signature);
    }

    function _nothingIsPaused() private view {
        vm.assertFalse(pauses.isPaused(PauseScope.GLOBAL));
        pauses.requireInboundOpen(SOURCE, 1, COIN);
        pauses.requireInboundOpen(BITCOIN, 3, SATOSHIS);
    }

    function _said(string memory scope) private pure returns (Statement memory) {
        return Statement(scope, "odd payouts", vm.addr(ADA), 0, uint64(START + 10 minutes));
    }

    function _here() private view returns (DeployedBridge[] memory bridges) {
        bridges = new DeployedBridge[](1);
        bridges[0] = DeployedBridge(keccak256("eip155:31337"), bytes32(uint256(uint160(address(inbox)))));
    }
}
