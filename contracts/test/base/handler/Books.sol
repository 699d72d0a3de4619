// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Deposit, DepositLib} from "src/DepositLib.sol";
import {Lane} from "src/Lane.sol";
import {PauseController} from "src/PauseController.sol";
import {PauseScope} from "src/PauseScope.sol";
import {RiskGuard} from "src/RiskGuard.sol";
import {Bridge} from "../Bridge.sol";
import {HostileRecipient} from "../HostileRecipient.sol";

/// @title The bridge that is played with, its deposits, and what is written down of every call.
/// @dev Twenty-four deposits exist on the source chain; eight of each payout. The recipient of deposit 5 takes native coin or
/// refuses it, as it likes. What was before a call is compared with what is after it.
abstract contract Books is Bridge {
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
    /// @notice Fast lanes that closed without an overdue or contradicted payout, or stayed open with one.
    uint256 public closedWrongly;
    /// @notice token => what was locked for the source chain.
    mapping(address token => uint256 amount) public locked;
    mapping(uint256 nonce => uint256 amount) public burned;
    mapping(uint256 nonce => uint256 time) public overdueAfter;
    uint32 private constant SETTLE_WITHIN = 3 hours;
    uint256 private constant MOODY = 5;
    uint256 internal constant ADA = 0xada;
    uint64 private constant GUARDIAN = 1;
    /// @dev Of the deposits, in order.
    bytes32[24] internal ids;
    HostileRecipient internal moody;

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

    /// @dev The first fast payout from `nonce` on that is not proven; `nonce` itself when there is none.
    function _owedFrom(uint256 nonce) internal view returns (uint256) {
        nonce = nonce % DEPOSITS;
        for (uint256 i = nonce; i < nonce + DEPOSITS; ++i) {
            if (_isOwed(i % DEPOSITS)) return i % DEPOSITS;
        }
        return nonce;
    }

    /// @dev The first payment from `nonce` on that waits; `nonce` itself when none does.
    function _waitingFrom(uint256 nonce) internal view returns (uint256) {
        nonce = nonce % DEPOSITS;
        for (uint256 i = nonce; i < nonce + DEPOSITS; ++i) {
            if (inbox.releaseAt(ids[i % DEPOSITS]) != 0) return i % DEPOSITS;
        }
        return nonce;
    }

    function _isOwed(uint256 nonce) internal view returns (bool) {
        bool isOver = proven[nonce] || dropped[nonce] || writtenOff[nonce];
        return bookedBy[nonce] == Lane.FAST && !isOver;
    }

    function _look(uint256 nonce) internal view returns (Look memory) {
        return Look({
            received: received(nonce),
            exposure: guard.exposureOf(_asset(nonce), SOURCE),
            isFastOpen: _isOpen(Lane.FAST, nonce),
            isProvenOpen: _isOpen(Lane.ETHEREUM, nonce),
            isClosed: guard.fastClosedAt(SOURCE) != 0
        });
    }

    function _compare(uint256 nonce, Look memory before, Look memory now_) internal {
        if (now_.received > before.received) {
            bool isFast = inbox.nullifiers(ids[nonce]) == Lane.FAST;
            if (!(isFast ? before.isFastOpen : before.isProvenOpen)) ++paidWhilePaused;
            if (isFast && before.isClosed && !proven[nonce]) ++paidWhileClosed;
        }
        uint256 cap = guard.limits(Lane.FAST, _asset(nonce), SOURCE).exposureCap;
        if (now_.exposure > before.exposure && now_.exposure > cap) ++overCap;
        // Those that may close it are not compared.
        if (now_.isClosed && !before.isClosed) ++closedWrongly;
    }

    function _isClaimed(uint256 nonce) internal view returns (bool) {
        return inbox.nullifiers(DepositLib.id(depositOf(nonce))) != 0;
    }

    function _booked(uint8 lane, uint256 nonce, bool wasOpen) internal {
        if (!wasOpen) ++paidWhilePaused;
        if (bookedBy[nonce] != 0) ++paidTwice;
        bookedBy[nonce] = lane;
        proven[nonce] = lane != Lane.FAST;
        Deposit memory deposit = depositOf(nonce);
        if (lane == Lane.FAST) overdueAfter[nonce] = block.timestamp + SETTLE_WITHIN;
        bookings.push(Booking(block.timestamp, deposit.amount, lane, deposit.asset));
    }

    function _isOpen(uint8 lane, uint256 nonce) internal view returns (bool) {
        return !(pauses.isPaused(_scope(0)) || pauses.isPaused(_scope(1)) || pauses.isPaused(_scope(2))
                || pauses.isPaused(_scope(3)) || pauses.isPaused(_scope(9)) || pauses.isPaused(PauseScope.lane(lane))
                || pauses.isPaused(PauseScope.asset(_asset(nonce))));
    }

    /// @dev By the scopes that the handler pauses.
    function _isOutboundPaused() internal view returns (bool) {
        return pauses.isPaused(_scope(0)) || pauses.isPaused(_scope(2)) || pauses.isPaused(_scope(3))
            || pauses.isPaused(_scope(10)) || pauses.isPaused(_scope(11));
    }

    /// @dev The first four and the tenth stop every payout; the last two stop deposits alone.
    function _scope(uint256 number) internal view returns (bytes32) {
        number = number % 12;
        if (number == 0) return PauseScope.GLOBAL;
        if (number == 1) return PauseScope.direction(PauseScope.INBOUND);
        if (number == 2) return PauseScope.chain(SOURCE);
        if (number == 3) return PauseScope.chain(pauses.localChain());
        if (number < 6) return PauseScope.lane(number == 4 ? Lane.FAST : Lane.ETHEREUM);
        if (number < 9) return PauseScope.asset(_asset(number));
        if (number == 9) return PauseScope.payoutsFrom(SOURCE);
        return number == 10 ? PauseScope.direction(PauseScope.OUTBOUND) : PauseScope.depositsTo(SOURCE);
    }

    function _asset(uint256 number) internal pure returns (bytes32) {
        return [COIN, RETURNING_TOKEN, RETURNING_NATIVE][number % 3];
    }
}
