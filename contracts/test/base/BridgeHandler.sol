// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Deposit, DepositLib} from "src/DepositLib.sol";
import {Inbox} from "src/Inbox.sol";
import {Lane} from "src/Lane.sol";
import {Nullifier} from "src/Nullifier.sol";
import {PauseController} from "src/PauseController.sol";
import {PauseScope} from "src/PauseScope.sol";
import {DeployedBridge, Statement} from "src/PauseStatement.sol";
import {RiskGuard} from "src/RiskGuard.sol";
import {Bridge} from "./Bridge.sol";
import {HostileRecipient} from "./HostileRecipient.sol";
import {Signed} from "./Signed.sol";

/// @title What anyone may do to a bridge, in any order, and what must have happened then.
/// @dev Twenty-four deposits exist on the source chain; eight of each payout. Every claim that is possible is tried
/// again. The recipient of deposit 5 takes native coin or refuses it, as it likes. What was before a call is compared
/// with what is after it.
contract BridgeHandler is Bridge {
    uint256 public constant DEPOSITS = 24;
    uint128 public constant WINDOW = 700;
    uint128 public constant EXPOSURE = 600;

    struct Booking {
        uint256 time;
        uint256 amount;
        uint8 lane;
        bytes32 asset;
    }

    mapping(uint256 nonce => uint8 lane) public bookedBy;
    mapping(uint256 nonce => bool) public proven;
    mapping(uint256 nonce => bool) public dropped;
    mapping(uint256 nonce => bool) public writtenOff;
    Booking[] public bookings;
    uint256 public paidWhilePaused;
    uint256 public paidTwice;
    uint256 public lockedWhilePaused;
    uint256 public paidWhileClosed;
    /// @notice Bookings that took the exposure of a route over the cap of that moment.
    uint256 public overCap;
    uint256 public raisedByLowering;
    /// @notice Fast lanes that closed without an overdue or contradicted payout, or stayed open with one.
    uint256 public closedWrongly;
    /// @notice Statements that were taken a second time.
    uint256 public takenTwice;
    /// @notice token => what was locked for the source chain.
    mapping(address token => uint256 amount) public locked;
    mapping(uint256 nonce => uint256 amount) public burned;
    mapping(uint256 nonce => uint256 time) public overdueAfter;
    uint32 private constant SETTLE_WITHIN = 3 hours;
    uint256 private constant MOODY = 5;
    uint256 private constant ADA = 0xada;
    uint64 private constant GUARDIAN = 1;
    /// @dev Of the deposits, in order.
    bytes32[24] private ids;
    uint64 private statements;
    bytes private lastStatement;
    HostileRecipient private moody;

    /// @dev What is compared of one deposit and its route.
    struct Look {
        uint256 received;
        uint256 exposure;
        bool isFastOpen;
        bool isProvenOpen;
        bool isClosed;
    }

    modifier compared(uint256 nonce) {
        nonce = nonce % DEPOSITS;
        Look memory before = _look(nonce);
        _;
        _compare(nonce, before, _look(nonce));
    }

    function setUp() public override {
        super.setUp();
        bytes4[] memory selectors = new bytes4[](1);
        selectors[0] = PauseController.pause.selector;
        manager.setTargetFunctionRole(address(pauses), selectors, GUARDIAN);
        manager.grantRole(GUARDIAN, address(this), 0);
        manager.grantRole(GUARDIAN, vm.addr(ADA), 0);
        moody = new HostileRecipient(inbox);
        vm.deal(address(this), 1e24);
        token.mint(address(this), 1e12);
        token.approve(address(vault), type(uint256).max);
        raiseAll();
        for (uint256 nonce = 0; nonce < DEPOSITS; ++nonce) ids[nonce] = DepositLib.id(depositOf(nonce));
    }

    /// @dev The limits of the invariants, on every route.
    function raiseAll() public {
        RiskGuard.Limits memory limits = RiskGuard.Limits(400, WINDOW, EXPOSURE, 300, 2 hours, SETTLE_WITHIN);
        for (uint256 i = 0; i < 3; ++i) {
            guard.raise(Lane.FAST, _asset(i), SOURCE, limits);
            guard.raise(Lane.ETHEREUM, _asset(i), SOURCE, limits);
        }
    }

    function depositOf(uint256 nonce) public view returns (Deposit memory deposit) {
        deposit = sample(nonce);
        deposit.amount = amountOf(nonce);
        deposit.asset = _asset(nonce);
        deposit.recipient = bytes32(uint256(uint160(recipientOf(nonce))));
        deposit.expiry = uint64(START + 365 days);
    }

    function amountOf(uint256 nonce) public pure returns (uint256) {
        return 150 + 20 * (nonce % 12);
    }

    function recipientOf(uint256 nonce) public view returns (address) {
        return nonce == MOODY ? address(moody) : address(uint160(0x10000 + nonce));
    }

    function received(uint256 nonce) public view returns (uint256) {
        address to = recipientOf(nonce);
        if (nonce % 3 == 0) return wrapped.balanceOf(to) + burned[nonce];
        return nonce % 3 == 1 ? token.balanceOf(to) : to.balance;
    }

    function lock(uint256 amount, bool native) external {
        amount = bound(amount, 10, 500);
        address asset = native ? address(0) : address(token);
        uint64 expiry = uint64(block.timestamp + 1 days);
        bool isStopped = _isOutboundPaused();
        try vault.lock{value: native ? amount : 0}(
            asset, amount, SOURCE, REMOTE_INBOX, bytes32(uint256(1)), 0, expiry
        ) {
            locked[asset] += amount;
            if (isStopped) ++lockedWhilePaused;
        } catch {}
    }

    /// @dev The recipient of a minted payout sends some of it back: it is burnt.
    function sendBack(uint256 nonce, uint256 amount) external {
        nonce = bound(nonce, 0, DEPOSITS / 3 - 1) * 3;
        address holder = recipientOf(nonce);
        uint256 held = wrapped.balanceOf(holder);
        if (held < 10) return;
        amount = bound(amount, 10, held);
        uint64 expiry = uint64(block.timestamp + 1 days);
        bool isStopped = _isOutboundPaused();
        vm.startPrank(holder);
        wrapped.approve(address(vault), amount);
        try vault.lock(address(wrapped), amount, SOURCE, REMOTE_INBOX, bytes32(uint256(1)), 0, expiry) {
            burned[nonce] += amount;
            if (isStopped) ++lockedWhilePaused;
        } catch {}
        vm.stopPrank();
    }

    function claimFast(uint256 nonce) external compared(nonce) {
        nonce = bound(nonce, 0, DEPOSITS - 1);
        _claim(Lane.FAST, nonce, attest(depositOf(nonce)));
    }

    function claimProven(uint256 nonce) external compared(nonce) {
        nonce = bound(nonce, 0, DEPOSITS - 1);
        _claim(Lane.ETHEREUM, nonce, prove(depositOf(nonce)));
    }

    function claimBatch(uint256 first, uint256 second, bool fast)
        external
        compared(first)
        compared(second)
    {
        first = bound(first, 0, DEPOSITS - 1);
        second = bound(second, 0, DEPOSITS - 1);
        Inbox.ClaimItem[] memory items = new Inbox.ClaimItem[](2);
        items[0] = Inbox.ClaimItem(Lane.ETHEREUM, depositOf(first), prove(depositOf(first)));
        Deposit memory other = depositOf(second);
        items[1] = fast
            ? Inbox.ClaimItem(Lane.FAST, other, attest(other))
            : Inbox.ClaimItem(Lane.ETHEREUM, other, prove(other));
        bool[2] memory wereOpen = [_isOpen(Lane.ETHEREUM, first), _isOpen(items[1].lane, second)];
        bool[2] memory wereNew = [!_isClaimed(first), second != first && !_isClaimed(second)];
        try inbox.claimEach(items) returns (bytes[] memory failures) {
            // What was claimed before is passed over; paying it again would show in what its recipient holds. A second
            // claim of the first deposit is passed over too, unless the first failed.
            if (wereNew[0] && failures[0].length == 0) _booked(Lane.ETHEREUM, first, wereOpen[0]);
            else if (second == first && _isClaimed(first) && wereNew[0]) _booked(items[1].lane, first, wereOpen[1]);
            if (wereNew[1] && failures[1].length == 0) _booked(items[1].lane, second, wereOpen[1]);
        } catch {}
    }

    function settle(uint256 nonce) external {
        _settle(_owedFrom(nonce));
    }

    function _settle(uint256 nonce) private compared(nonce) {
        try inbox.settle(depositOf(nonce), Lane.ETHEREUM, prove(depositOf(nonce))) {
            proven[nonce] = true;
        } catch {}
    }

    function executeDelayed(uint256 nonce) external {
        _executeDelayed(_waitingFrom(nonce));
    }

    function _executeDelayed(uint256 nonce) private compared(nonce) {
        bool wasOpen = _isOpen(bookedBy[nonce], nonce);
        try inbox.executeDelayed(depositOf(nonce)) {
            if (!wasOpen) ++paidWhilePaused;
        } catch {}
    }

    function dropDelayed(uint256 nonce) external compared(nonce) {
        nonce = bound(nonce, 0, DEPOSITS - 1);
        try inbox.dropDelayed(depositOf(nonce)) {
            dropped[nonce] = true;
        } catch {}
    }

    /// @dev Whatever is paused, it closes exactly when the payout is owed and its time is over.
    function closeOverdue(uint256 nonce) external {
        nonce = _owedFrom(nonce);
        bool isOverdue = _isOwed(nonce) && block.timestamp > overdueAfter[nonce];
        try guard.closeOverdue(depositOf(nonce)) {
            if (!isOverdue || guard.fastClosedAt(SOURCE) == 0) ++closedWrongly;
        } catch {
            if (isOverdue) ++closedWrongly;
        }
    }

    /// @dev Seldom, so that what waits meets a closed lane.
    function reopen(uint256 chance) external {
        if (chance % 8 != 0) return;
        try guard.reopenFast(SOURCE) {} catch {}
    }

    /// @dev The source proves another deposit under the key of this one.
    function contradict(uint256 nonce) external {
        nonce = _owedFrom(nonce);
        Deposit memory paid = depositOf(nonce);
        Deposit memory real = depositOf(nonce);
        real.amount += 1;
        bool waits = inbox.releaseAt(DepositLib.id(paid)) != 0;
        bool isPaidFast = inbox.nullifiers(DepositLib.id(paid)) == Lane.FAST;
        try inbox.contradict(paid, real, Lane.ETHEREUM, prove(real)) {
            if (waits) dropped[nonce] = true;
            if (!isPaidFast || guard.fastClosedAt(SOURCE) == 0) ++closedWrongly;
        } catch {
            if (isPaidFast) ++closedWrongly;
        }
    }

    /// @dev The lane closes while a large payment of it waits, and its time comes.
    function closeWhileWaiting(uint256 seed) external {
        (uint256 large, uint256 small) = (8 + seed % 4 + 12 * (seed / 4 % 2), seed % 7 + 12 * (seed / 4 % 2));
        _claim(Lane.FAST, large, attest(depositOf(large)));
        _claim(Lane.FAST, small, attest(depositOf(small)));
        this.contradict(small);
        vm.warp(block.timestamp + 2 hours);
        _executeDelayed(large);
    }

    function writeOff(uint256 nonce) external {
        nonce = bound(nonce, 0, DEPOSITS - 1);
        try guard.writeOff(depositOf(nonce)) {
            writtenOff[nonce] = true;
        } catch {}
    }

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

    function behave(bool refuses) external {
        moody.arm(refuses ? HostileRecipient.Manner.Refuse : HostileRecipient.Manner.Accept, "");
    }

    function wait_(uint256 time) external {
        vm.warp(block.timestamp + bound(time, 1, 5 hours));
    }

    /// @dev Balances of the vault and what it owes, in tokens and in coins.
    function custody() external view returns (uint256, uint256, uint256, uint256) {
        return (
            token.balanceOf(address(vault)),
            vault.outstanding(address(token), SOURCE),
            address(vault).balance,
            vault.outstanding(address(0), SOURCE)
        );
    }

    /// @dev Wrapped supply, what is credited to the source chain, and what was proven or is still owed.
    function supply() external view returns (uint256, uint256, uint256 provenOrOwed) {
        for (uint256 nonce = 0; nonce < DEPOSITS; nonce += 3) {
            if (proven[nonce] || writtenOff[nonce]) provenOrOwed += amountOf(nonce);
        }
        provenOrOwed += guard.exposureOf(COIN, SOURCE);
        return (wrapped.totalSupply(), wrapped.supplyOf(SOURCE), provenOrOwed);
    }

    /// @dev The most that one lane booked of one asset within 24 hours.
    function busiestDay() external view returns (uint256 most) {
        for (uint256 i = 0; i < bookings.length; ++i) {
            uint256 total = 0;
            for (uint256 j = i; j < bookings.length && bookings[j].time <= bookings[i].time + 24 hours; ++j) {
                bool isSame = bookings[j].lane == bookings[i].lane && bookings[j].asset == bookings[i].asset;
                if (isSame) total += bookings[j].amount;
            }
            if (total > most) most = total;
        }
    }

    /// @dev The booked exposure of each asset, and the sum of its fast payouts that are neither proven nor dropped.
    function exposures() external view returns (uint256[3] memory booked, uint256[3] memory expected) {
        for (uint256 i = 0; i < 3; ++i) booked[i] = guard.exposureOf(_asset(i), SOURCE);
        for (uint256 nonce = 0; nonce < DEPOSITS; ++nonce) {
            if (_isOwed(nonce)) expected[nonce % 3] += amountOf(nonce);
        }
    }

    /// @dev What was locked, and what is still there of it by the vault's books or was paid out: tokens, then coins.
    function released() external view returns (uint256[2] memory ins, uint256[2] memory outs) {
        ins = [locked[address(token)], locked[address(0)]];
        outs = [vault.outstanding(address(token), SOURCE), vault.outstanding(address(0), SOURCE)];
        for (uint256 nonce = 0; nonce < DEPOSITS; ++nonce) {
            if (nonce % 3 != 0) outs[nonce % 3 - 1] += received(nonce);
        }
    }

    /// @dev What recipients of minted payouts sent back.
    function burnedInAll() external view returns (uint256 total) {
        for (uint256 nonce = 0; nonce < DEPOSITS; nonce += 3) total += burned[nonce];
    }

    /// @dev The first fast payout from `nonce` on that is not proven; `nonce` itself when there is none.
    function _owedFrom(uint256 nonce) private view returns (uint256) {
        nonce = nonce % DEPOSITS;
        for (uint256 i = nonce; i < nonce + DEPOSITS; ++i) {
            if (_isOwed(i % DEPOSITS)) return i % DEPOSITS;
        }
        return nonce;
    }

    /// @dev The first payment from `nonce` on that waits; `nonce` itself when none does.
    function _waitingFrom(uint256 nonce) private view returns (uint256) {
        nonce = nonce % DEPOSITS;
        for (uint256 i = nonce; i < nonce + DEPOSITS; ++i) {
            if (inbox.releaseAt(ids[i % DEPOSITS]) != 0) return i % DEPOSITS;
        }
        return nonce;
    }

    /// @dev By the scopes that the handler pauses.
    function _isOutboundPaused() private view returns (bool) {
        return pauses.isPaused(_scope(0)) || pauses.isPaused(_scope(2)) || pauses.isPaused(_scope(3));
    }

    /// @dev Nullifiers that are not what was done to their deposits.
    function oddNullifiers() external view returns (uint256 odd) {
        for (uint256 nonce = 0; nonce < DEPOSITS; ++nonce) {
            uint8 expected = dropped[nonce] ? Nullifier.DROPPED : bookedBy[nonce];
            if (inbox.nullifiers(ids[nonce]) != expected) ++odd;
        }
    }

    function _isOwed(uint256 nonce) private view returns (bool) {
        bool isOver = proven[nonce] || dropped[nonce] || writtenOff[nonce];
        return bookedBy[nonce] == Lane.FAST && !isOver;
    }

    function _look(uint256 nonce) private view returns (Look memory) {
        return Look({
            received: received(nonce),
            exposure: guard.exposureOf(_asset(nonce), SOURCE),
            isFastOpen: _isOpen(Lane.FAST, nonce),
            isProvenOpen: _isOpen(Lane.ETHEREUM, nonce),
            isClosed: guard.fastClosedAt(SOURCE) != 0
        });
    }

    function _compare(uint256 nonce, Look memory before, Look memory now_) private {
        if (now_.received > before.received) {
            bool isFast = inbox.nullifiers(ids[nonce]) == Lane.FAST;
            if (!(isFast ? before.isFastOpen : before.isProvenOpen)) ++paidWhilePaused;
            if (isFast && before.isClosed) ++paidWhileClosed;
        }
        uint256 cap = guard.limits(Lane.FAST, _asset(nonce), SOURCE).exposureCap;
        if (now_.exposure > before.exposure && now_.exposure > cap) ++overCap;
        // Those that may close it are not compared.
        if (now_.isClosed && !before.isClosed) ++closedWrongly;
    }

    function _claim(uint8 lane, uint256 nonce, bytes memory proof) private {
        bool wasOpen = _isOpen(lane, nonce);
        try inbox.claim(lane, depositOf(nonce), proof) {
            _booked(lane, nonce, wasOpen);
        } catch {}
    }

    function _isClaimed(uint256 nonce) private view returns (bool) {
        return inbox.nullifiers(DepositLib.id(depositOf(nonce))) != 0;
    }

    function _booked(uint8 lane, uint256 nonce, bool wasOpen) private {
        if (!wasOpen) ++paidWhilePaused;
        if (bookedBy[nonce] != 0) ++paidTwice;
        bookedBy[nonce] = lane;
        proven[nonce] = lane != Lane.FAST;
        Deposit memory deposit = depositOf(nonce);
        if (lane == Lane.FAST) overdueAfter[nonce] = block.timestamp + SETTLE_WITHIN;
        bookings.push(Booking(block.timestamp, deposit.amount, lane, deposit.asset));
    }

    function _isOpen(uint8 lane, uint256 nonce) private view returns (bool) {
        return !(pauses.isPaused(_scope(0)) || pauses.isPaused(_scope(1)) || pauses.isPaused(_scope(2))
                || pauses.isPaused(_scope(3)) || pauses.isPaused(_scope(9)) || pauses.isPaused(PauseScope.lane(lane))
                || pauses.isPaused(PauseScope.asset(_asset(nonce))));
    }

    /// @dev The first four and the last stop every payout.
    function _scope(uint256 number) private view returns (bytes32) {
        number = number % 10;
        if (number == 0) return PauseScope.GLOBAL;
        if (number == 1) return PauseScope.direction(PauseScope.INBOUND);
        if (number == 2) return PauseScope.chain(SOURCE);
        if (number == 3) return PauseScope.chain(pauses.localChain());
        if (number < 6) return PauseScope.lane(number == 4 ? Lane.FAST : Lane.ETHEREUM);
        if (number < 9) return PauseScope.asset(_asset(number));
        return PauseScope.payoutsFrom(SOURCE);
    }

    function _asset(uint256 number) private pure returns (bytes32) {
        return [COIN, RETURNING_TOKEN, RETURNING_NATIVE][number % 3];
    }
}
