// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Deposit, DepositLib} from "src/DepositLib.sol";
import {Inbox} from "src/Inbox.sol";
import {Lane} from "src/Lane.sol";
import {PauseScope} from "src/PauseScope.sol";
import {RiskGuard} from "src/RiskGuard.sol";
import {Bridge} from "./Bridge.sol";
import {HostileRecipient} from "./HostileRecipient.sol";

/// @title What anyone may do to a bridge, in any order, and what must have happened then.
/// @dev Twelve deposits exist on the source chain; four of each payout. Every claim that is possible is tried again. The
/// recipient of deposit 5 takes native coin or refuses it, as it likes.
contract BridgeHandler is Bridge {
    uint256 public constant DEPOSITS = 12;
    uint128 public constant WINDOW = 1200;
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
    uint256 private constant MOODY = 5;
    HostileRecipient private moody;

    function setUp() public override {
        super.setUp();
        moody = new HostileRecipient(inbox);
        vm.deal(address(this), 1e24);
        token.mint(address(this), 1e12);
        token.approve(address(vault), type(uint256).max);
        raiseAll();
    }

    /// @dev The limits of the invariants, on every route.
    function raiseAll() public {
        RiskGuard.Limits memory limits = RiskGuard.Limits(400, WINDOW, EXPOSURE, 300, 2 hours, 3 hours);
        for (uint256 i = 0; i < 3; ++i) {
            guard.raise(Lane.FAST, _asset(i), SOURCE, limits);
            guard.raise(Lane.ETHEREUM, _asset(i), SOURCE, limits);
        }
    }

    function depositOf(uint256 nonce) public view returns (Deposit memory deposit) {
        deposit = sample(nonce);
        deposit.amount = 150 + 20 * nonce;
        deposit.asset = _asset(nonce);
        deposit.recipient = bytes32(uint256(uint160(recipientOf(nonce))));
        deposit.expiry = uint64(START + 365 days);
    }

    function recipientOf(uint256 nonce) public view returns (address) {
        return nonce == MOODY ? address(moody) : address(uint160(0x10000 + nonce));
    }

    function received(uint256 nonce) public view returns (uint256) {
        address to = recipientOf(nonce);
        return wrapped.balanceOf(to) + token.balanceOf(to) + to.balance;
    }

    function lock(uint256 amount, bool native) external {
        amount = bound(amount, 10, 500);
        address asset = native ? address(0) : address(token);
        uint64 expiry = uint64(block.timestamp + 1 days);
        try vault.lock{value: native ? amount : 0}(
            asset, amount, SOURCE, REMOTE_INBOX, bytes32(uint256(1)), 0, expiry
        ) {} catch {}
    }

    function claimFast(uint256 nonce) external {
        nonce = bound(nonce, 0, DEPOSITS - 1);
        _claim(Lane.FAST, nonce, attest(depositOf(nonce)));
    }

    function claimProven(uint256 nonce) external {
        nonce = bound(nonce, 0, DEPOSITS - 1);
        _claim(Lane.ETHEREUM, nonce, prove(depositOf(nonce)));
    }

    function claimBatch(uint256 first, uint256 second, bool fast) external {
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
        nonce = bound(nonce, 0, DEPOSITS - 1);
        try inbox.settle(depositOf(nonce), Lane.ETHEREUM, prove(depositOf(nonce))) {
            proven[nonce] = true;
        } catch {}
    }

    function executeDelayed(uint256 nonce) external {
        nonce = bound(nonce, 0, DEPOSITS - 1);
        bool wasOpen = _isOpen(bookedBy[nonce], nonce);
        try inbox.executeDelayed(depositOf(nonce)) {
            if (!wasOpen) ++paidWhilePaused;
        } catch {}
    }

    function dropDelayed(uint256 nonce) external {
        nonce = bound(nonce, 0, DEPOSITS - 1);
        try inbox.dropDelayed(depositOf(nonce)) {
            dropped[nonce] = true;
        } catch {}
    }

    function closeOverdue(uint256 nonce) external {
        nonce = bound(nonce, 0, DEPOSITS - 1);
        try guard.closeOverdue(depositOf(nonce)) {} catch {}
    }

    function reopen() external {
        try guard.reopenFast(SOURCE) {} catch {}
    }

    /// @dev The source proves another deposit under the key of this one.
    function contradict(uint256 nonce) external {
        nonce = bound(nonce, 0, DEPOSITS - 1);
        Deposit memory paid = depositOf(nonce);
        Deposit memory real = depositOf(nonce);
        real.amount += 1;
        bool waits = inbox.releaseAt(DepositLib.id(paid)) != 0;
        try inbox.contradict(paid, real, Lane.ETHEREUM, prove(real)) {
            if (waits) dropped[nonce] = true;
        } catch {}
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
        next.perTransfer = uint128(bound(perTransfer, 0, next.perTransfer));
        next.perWindow = uint128(bound(perWindow, 0, next.perWindow));
        next.exposureCap = uint128(bound(exposureCap, 0, next.exposureCap));
        guard.lower(lane, _asset(route / 2), SOURCE, next);
    }

    function pause(uint256 scope, uint256 ttl) external {
        pauses.pause(_scope(scope), uint64(bound(ttl, 1, 2 hours)));
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
            if (proven[nonce] || writtenOff[nonce]) provenOrOwed += depositOf(nonce).amount;
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
            bool isOver = proven[nonce] || dropped[nonce] || writtenOff[nonce];
            bool isOwed = bookedBy[nonce] == Lane.FAST && !isOver;
            if (isOwed) expected[nonce % 3] += depositOf(nonce).amount;
        }
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
        bookings.push(Booking(block.timestamp, deposit.amount, lane, deposit.asset));
    }

    function _isOpen(uint8 lane, uint256 nonce) private view returns (bool) {
        return !(pauses.isPaused(_scope(0)) || pauses.isPaused(_scope(1)) || pauses.isPaused(_scope(2))
                || pauses.isPaused(_scope(3)) || pauses.isPaused(PauseScope.lane(lane))
                || pauses.isPaused(PauseScope.asset(_asset(nonce))));
    }

    /// @dev The first four stop everything.
    function _scope(uint256 number) private view returns (bytes32) {
        number = number % 9;
        if (number == 0) return PauseScope.GLOBAL;
        if (number == 1) return PauseScope.direction(PauseScope.INBOUND);
        if (number == 2) return PauseScope.chain(SOURCE);
        if (number == 3) return PauseScope.chain(pauses.localChain());
        if (number < 6) return PauseScope.lane(number == 4 ? Lane.FAST : Lane.ETHEREUM);
        return PauseScope.asset(_asset(number));
    }

    function _asset(uint256 number) private pure returns (bytes32) {
        return [COIN, RETURNING_TOKEN, RETURNING_NATIVE][number % 3];
    }
}
