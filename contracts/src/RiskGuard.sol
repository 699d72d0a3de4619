// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {AccessManaged} from "@openzeppelin/contracts/access/manager/AccessManaged.sol";
import {Deposit, DepositLib} from "./DepositLib.sol";
import {Lane} from "./Lane.sol";

/// @title Limits on payouts, and the exposure of the fast lane.
/// @notice Per (lane, asset, source chain). A limit of zero is closed; unlimited is spelled `type(uint128).max`.
/// Lowering is instant, raising is timelocked, and neither changes what has been used.
///
/// The window is 25 one-hour buckets: the running hour and the 24 before it, the oldest of which is counted in full
/// although part of it may be older than a day. With 24 buckets two payouts less than 24 hours apart could both have
/// the whole limit.
contract RiskGuard is AccessManaged {
    struct Limits {
        uint128 perTransfer;
        uint128 perWindow;
        uint128 exposureCap;
        uint128 bigFrom;
        uint32 bigDelay;
        uint32 settleWithin;
    }

    struct Bucket {
        uint128 amount;
        uint64 hour;
    }

    struct Route {
        uint128 perTransfer;
        uint128 perWindow;
        uint128 exposureCap;
        uint128 bigFrom;
        uint128 used;
        uint128 exposure;
        uint32 bigDelay;
        uint32 settleWithin;
        uint64 hour;
        Bucket[25] buckets;
    }

    struct Debt {
        uint128 amount;
        uint64 deadline;
    }

    /// @notice The running hour and the 24 before it.
    uint256 public constant BUCKETS = 25;

    /// @notice The only one that books payouts.
    address public immutable inbox;
    /// @notice deposit id => fast payout whose proof has not landed.
    mapping(bytes32 id => Debt debt) public debts;
    /// @notice source chain => Unix seconds at which its fast lane closed itself; 0 while open.
    mapping(bytes32 sourceChain => uint64 closedAt) public fastClosedAt;

    mapping(bytes32 key => Route route) private _routes;

    event LimitsChanged(uint8 indexed lane, bytes32 indexed asset, bytes32 indexed sourceChain, Limits limits);
    event ExposureAdded(bytes32 indexed id, uint256 amount, uint64 deadline);
    event ExposureRepaid(bytes32 indexed id, uint256 amount);
    /// @notice The fast lane of a chain closed itself: `id` was overdue or contradicted.
    event FastLaneClosed(bytes32 indexed sourceChain, bytes32 indexed id);
    event FastLaneReopened(bytes32 indexed sourceChain);
    /// @notice Governance booked a fast payout as lost.
    event ShortfallWrittenOff(bytes32 indexed id, uint256 amount);

    error OnlyInbox(address caller);
    error OverTransferCap(uint256 cap, uint256 amount);
    error OverWindow(uint256 remaining, uint256 amount);
    error OverExposure(uint256 remaining, uint256 amount);
    error FastLaneIsClosed(bytes32 sourceChain, uint64 closedAt);
    error SettleTimeNotSet();
    error NotALowering();
    error NothingOwed(bytes32 id);
    error NotOverdue(bytes32 id, uint64 deadline);
    error FastLaneIsOpen(bytes32 sourceChain);

    modifier onlyInbox() {
        require(msg.sender == inbox, OnlyInbox(msg.sender));
        _;
    }

    constructor(address authority, address inbox_) AccessManaged(authority) {
        inbox = inbox_;
    }

    /// @notice Inbox: books a payout or reverts. Returns the seconds since epoch from which it may be paid, 0 for now.
    function consume(uint8 lane, bytes32 id, bytes32 asset, bytes32 sourceChain, uint256 amount)
        external
        onlyInbox
        returns (uint64 releaseAt)
    {
        Route storage route = _routes[_key(lane, asset, sourceChain)];
        uint256 cap = route.perTransfer;
        require(amount <= cap, OverTransferCap(cap, amount));
        _bookWindow(route, amount);
        if (lane == Lane.FAST) _bookExposure(route, id, sourceChain, amount);
        if (amount >= route.bigFrom && route.bigFrom != type(uint128).max && route.bigDelay != 0) {
            releaseAt = uint64(block.timestamp) + route.bigDelay;
        }
    }

    /// @notice Inbox: the proof of a fast payout landed, or a delayed one was dropped unpaid.
    function repay(bytes32 id, bytes32 asset, bytes32 sourceChain) external onlyInbox {
        uint256 amount = _clearDebt(id, asset, sourceChain);
        emit ExposureRepaid(id, amount);
    }

    /// @notice Inbox: a proof contradicts the fast payout `id`.
    function closeContradicted(bytes32 sourceChain, bytes32 id) external onlyInbox {
        _close(sourceChain, id);
    }

    /// @notice Anyone: a fast payout whose proof has not landed by its deadline closes the fast lane of its chain.
    function closeOverdue(Deposit calldata deposit) external {
        bytes32 id = DepositLib.id(deposit);
        Debt memory debt = debts[id];
        require(debt.deadline != 0, NothingOwed(id));
        require(block.timestamp > debt.deadline, NotOverdue(id, debt.deadline));
        _close(deposit.sourceChain, id);
    }

    /// @notice Reverts while the fast lane of `sourceChain` is closed.
    function requireFastOpen(bytes32 sourceChain) public view {
        uint64 closedAt = fastClosedAt[sourceChain];
        require(closedAt == 0, FastLaneIsClosed(sourceChain, closedAt));
    }

    /// @notice Timelocked role: opens the fast lane of a chain again. What is still owed stays owed.
    function reopenFast(bytes32 sourceChain) external restricted {
        require(fastClosedAt[sourceChain] != 0, FastLaneIsOpen(sourceChain));
        delete fastClosedAt[sourceChain];
        emit FastLaneReopened(sourceChain);
    }

    /// @notice Governance, timelocked: books a fast payout as lost, so that its exposure stops counting.
    function writeOff(Deposit calldata deposit) external restricted {
        bytes32 id = DepositLib.id(deposit);
        uint256 amount = _clearDebt(id, deposit.asset, deposit.sourceChain);
        emit ShortfallWrittenOff(id, amount);
    }

    /// @notice Guardian, at once: every limit at most what it is, every delay at least.
    function lower(uint8 lane, bytes32 asset, bytes32 sourceChain, Limits calldata next) external restricted {
        Limits memory now_ = limits(lane, asset, sourceChain);
        bool isLowering = next.perTransfer <= now_.perTransfer && next.perWindow <= now_.perWindow
            && next.exposureCap <= now_.exposureCap && next.bigFrom <= now_.bigFrom && next.bigDelay >= now_.bigDelay
            && next.settleWithin <= now_.settleWithin;
        require(isLowering, NotALowering());
        _setLimits(lane, asset, sourceChain, next);
    }

    /// @notice Timelocked role: any limits. What was used stays used.
    function raise(uint8 lane, bytes32 asset, bytes32 sourceChain, Limits calldata next) external restricted {
        _setLimits(lane, asset, sourceChain, next);
    }

    /// @notice The limits of a route; all zero, that is closed, until they are set.
    function limits(uint8 lane, bytes32 asset, bytes32 sourceChain) public view returns (Limits memory) {
        Route storage route = _routes[_key(lane, asset, sourceChain)];
        return Limits({
            perTransfer: route.perTransfer,
            perWindow: route.perWindow,
            exposureCap: route.exposureCap,
            bigFrom: route.bigFrom,
            bigDelay: route.bigDelay,
            settleWithin: route.settleWithin
        });
    }

    /// @notice What a route may still pay now: in the window, and as exposure (fast lane only).
    function remaining(uint8 lane, bytes32 asset, bytes32 sourceChain)
        external
        view
        returns (uint256 window, uint256 exposure)
    {
        Route storage route = _routes[_key(lane, asset, sourceChain)];
        uint256 used = _usedAt(route, _hour());
        window = _left(route.perWindow, used);
        exposure = _left(route.exposureCap, route.exposure);
    }

    /// @notice Sum of the fast payouts of a route whose proofs have not landed.
    function exposureOf(bytes32 asset, bytes32 sourceChain) external view returns (uint256) {
        return _routes[_key(Lane.FAST, asset, sourceChain)].exposure;
    }

    function _bookWindow(Route storage route, uint256 amount) private {
        uint64 hour = _hour();
        uint256 used = _usedAt(route, hour);
        uint256 left = _left(route.perWindow, used);
        require(amount <= left, OverWindow(left, amount));
        Bucket storage bucket = route.buckets[hour % BUCKETS];
        uint256 before = bucket.hour == hour ? bucket.amount : 0;
        bucket.amount = uint128(before + amount);
        bucket.hour = hour;
        route.used = uint128(used + amount);
        route.hour = hour;
    }

    /// @dev `used`, less the buckets that left the window between the last booking and `hour`.
    function _usedAt(Route storage route, uint64 hour) private view returns (uint256 used) {
        uint256 last = route.hour;
        if (hour >= last + BUCKETS) return 0;
        used = route.used;
        for (uint256 entered = last + 1; entered <= hour; ++entered) {
            Bucket storage leaving = route.buckets[entered % BUCKETS];
            if (leaving.hour + BUCKETS == entered) used -= leaving.amount;
        }
    }

    function _bookExposure(Route storage route, bytes32 id, bytes32 sourceChain, uint256 amount) private {
        requireFastOpen(sourceChain);
        uint256 left = _left(route.exposureCap, route.exposure);
        require(amount <= left, OverExposure(left, amount));
        require(route.settleWithin != 0, SettleTimeNotSet());
        uint64 deadline = uint64(block.timestamp) + route.settleWithin;
        route.exposure += uint128(amount);
        debts[id] = Debt(uint128(amount), deadline);
        emit ExposureAdded(id, amount, deadline);
    }

    function _clearDebt(bytes32 id, bytes32 asset, bytes32 sourceChain) private returns (uint256 amount) {
        Debt memory debt = debts[id];
        require(debt.deadline != 0, NothingOwed(id));
        delete debts[id];
        amount = debt.amount;
        _routes[_key(Lane.FAST, asset, sourceChain)].exposure -= debt.amount;
    }

    function _close(bytes32 sourceChain, bytes32 id) private {
        if (fastClosedAt[sourceChain] == 0) fastClosedAt[sourceChain] = uint64(block.timestamp);
        emit FastLaneClosed(sourceChain, id);
    }

    function _setLimits(uint8 lane, bytes32 asset, bytes32 sourceChain, Limits calldata next) private {
        Route storage route = _routes[_key(lane, asset, sourceChain)];
        route.perTransfer = next.perTransfer;
        route.perWindow = next.perWindow;
        route.exposureCap = next.exposureCap;
        route.bigFrom = next.bigFrom;
        route.bigDelay = next.bigDelay;
        route.settleWithin = next.settleWithin;
        emit LimitsChanged(lane, asset, sourceChain, next);
    }

    function _left(uint256 limit, uint256 used) private pure returns (uint256) {
        return limit > used ? limit - used : 0;
    }

    function _hour() private view returns (uint64) {
        return uint64(block.timestamp / 1 hours);
    }

    function _key(uint8 lane, bytes32 asset, bytes32 sourceChain) private pure returns (bytes32) {
        return keccak256(abi.encode(lane, asset, sourceChain));
    }
}
