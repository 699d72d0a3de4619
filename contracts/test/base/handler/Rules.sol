// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Lane} from "src/Lane.sol";
import {DeployedBridge, Statement} from "src/PauseStatement.sol";
import {RiskGuard} from "src/RiskGuard.sol";
import {Signed} from "../Signed.sol";
import {Books} from "./Books.sol";

/// @title Limits and pauses: what those with a role do, and what others bring of theirs.
abstract contract Rules is Books {
    uint256 public raisedByLowering;
    /// @notice Statements that were taken a second time.
    uint256 public takenTwice;
    uint64 private statements;
    bytes private lastStatement;

    function lower(uint256 route, uint128 perTransfer, uint128 perWindow, uint128 exposureCap) external {
        uint8 lane = route % 2 == 0 ? Lane.FAST : Lane.ETHEREUM;
        RiskGuard.Limits memory next = guard.limits(lane, _asset(route / 2), SOURCE);
        // Seldom to nothing, so that something is paid afterwards.
        uint128 least = route % 5 == 0 ? 0 : 9;
        next.perTransfer = uint128(bound(perTransfer, next.perTransfer * least / 10, next.perTransfer));
        next.perWindow = uint128(bound(perWindow, next.perWindow * least / 10, next.perWindow));
        next.exposureCap = uint128(bound(exposureCap, next.exposureCap * least / 10, next.exposureCap));
        (uint256 window, uint256 exposure) = guard.remaining(lane, _asset(route / 2), SOURCE);
        guard.lower(lane, _asset(route / 2), SOURCE, next);
        (uint256 windowLeft, uint256 exposureLeft) = guard.remaining(lane, _asset(route / 2), SOURCE);
        if (windowLeft > window || exposureLeft > exposure) ++raisedByLowering;
    }

    /// @dev A guardian may try to give more by what is called a lowering.
    function lowerUpwards(uint256 route, uint256 field) external {
        uint8 lane = route % 2 == 0 ? Lane.FAST : Lane.ETHEREUM;
        RiskGuard.Limits memory next = guard.limits(lane, _asset(route / 2), SOURCE);
        if (field % 3 == 0) next.perTransfer += 1;
        if (field % 3 == 1) next.perWindow += 1;
        if (field % 3 == 2) next.exposureCap += 1;
        try guard.lower(lane, _asset(route / 2), SOURCE, next) {
            ++raisedByLowering;
        } catch {}
    }

    function pause(uint256 scope, uint256 ttl) external {
        pauses.pause(_scope(scope), uint64(bound(ttl, 1, 2 hours)));
    }

    /// @dev A stranger brings what a guardian signed.
    function pauseSigned(uint256 scope, uint256 ttl) external {
        string[4] memory words = ["global", "chain eip155:1", "fast lane", "light_client lane from eip155:1"];
        uint64 time = uint64(bound(ttl, 1, 2 hours));
        Statement memory said = Statement(
            words[scope % 4], "odd payouts", vm.addr(ADA), statements++, uint64(block.timestamp + 1 hours)
        );
        DeployedBridge[] memory bridges = new DeployedBridge[](1);
        bridges[0] = DeployedBridge(keccak256("eip155:31337"), bytes32(uint256(uint160(address(inbox)))));
        bytes memory signature = signOne(ADA, Signed.pauseDigest(said, time, bridges));
        lastStatement = abi.encodeCall(pauses.pauseSigned, (said, time, bridges, signature));
        vm.prank(address(0xbad));
        pauses.pauseSigned(said, time, bridges, signature);
    }

    /// @dev The newest statement again, also after it was lifted.
    function replaySigned() external {
        if (lastStatement.length == 0) return;
        (bool isTaken,) = address(pauses).call(lastStatement);
        if (isTaken) ++takenTwice;
    }

    function unpause(uint256 scope) external {
        pauses.unpause(_scope(scope));
    }
}
