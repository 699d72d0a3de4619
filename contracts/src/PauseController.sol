// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {AccessManaged} from "@openzeppelin/contracts/access/manager/AccessManaged.sol";
import {LocalChain} from "./LocalChain.sol";

/// @title Names of what can be paused.
library PauseScope {
    /// @notice Payouts on this chain.
    uint8 internal constant INBOUND = 1;
    /// @notice Deposits on this chain.
    uint8 internal constant OUTBOUND = 2;

    bytes32 internal constant GLOBAL = keccak256("global");

    /// @notice Everything that comes from or goes to a chain (keccak256 of its CAIP-2 string).
    function chain(bytes32 hash) internal pure returns (bytes32) {
        return keccak256(abi.encode("chain", hash));
    }

    /// @notice One claim lane.
    function lane(uint8 number) internal pure returns (bytes32) {
        return keccak256(abi.encode("lane", number));
    }

    /// @notice One asset (keccak256 of its CAIP-19 string).
    function asset(bytes32 hash) internal pure returns (bytes32) {
        return keccak256(abi.encode("asset", hash));
    }

    /// @notice All payouts or all deposits.
    function direction(uint8 number) internal pure returns (bytes32) {
        return keccak256(abi.encode("direction", number));
    }
}

/// @title Who may stop what, and for how long.
/// @notice The safe direction is one guardian and now; the dangerous direction is the timelocked role. A pause by one
/// guardian ends by itself after at most five days; two different guardians freeze without end. Refunds of deposits
/// never ask this contract.
contract PauseController is AccessManaged, LocalChain {
    /// @notice Longest pause by one guardian.
    uint64 public constant MAX_TTL = 5 days;
    /// @notice `pausedUntil` of a frozen scope.
    uint64 public constant FROZEN = type(uint64).max;

    struct FreezeRequest {
        address guardian;
        uint64 validUntil;
    }

    /// @notice scope => Unix seconds until which (inclusive) it is paused.
    mapping(bytes32 scope => uint64 until) public pausedUntil;
    /// @notice scope => the first of the two guardians that a freeze needs.
    mapping(bytes32 scope => FreezeRequest request) public freezeRequests;
    /// @notice No scope at all is paused after this; never earlier than any `pausedUntil`.
    uint64 public horizon;

    event Paused(bytes32 indexed scope, address indexed guardian, uint64 until);
    event FreezeRequested(bytes32 indexed scope, address indexed guardian);
    event Frozen(bytes32 indexed scope, address indexed first, address indexed second);
    event Unpaused(bytes32 indexed scope, address indexed by);

    error ScopePaused(bytes32 scope, uint64 until);
    error TtlOutOfRange(uint64 maximum, uint64 found);
    error NotThroughManager();

    constructor(address authority) AccessManaged(authority) {}

    /// @notice Guardian: pauses `scope` for `ttl` seconds from now; never shortens a longer pause.
    function pause(bytes32 scope, uint64 ttl) external restricted {
        require(ttl != 0 && ttl <= MAX_TTL, TtlOutOfRange(MAX_TTL, ttl));
        _pauseUntil(scope, uint64(block.timestamp) + ttl);
    }

    /// @notice Guardian: asks for a freeze and pauses for {MAX_TTL}; a second, different guardian makes it endless.
    /// @dev Called through the access manager, one guardian would look like two.
    function freeze(bytes32 scope) external restricted {
        require(msg.sender != authority(), NotThroughManager());
        FreezeRequest memory request = freezeRequests[scope];
        bool isSecond = request.validUntil >= block.timestamp && request.guardian != msg.sender;
        if (isSecond) {
            delete freezeRequests[scope];
            _pauseUntil(scope, FROZEN);
            emit Frozen(scope, request.guardian, msg.sender);
        } else {
            uint64 until = uint64(block.timestamp) + MAX_TTL;
            freezeRequests[scope] = FreezeRequest(msg.sender, until);
            _pauseUntil(scope, until);
            emit FreezeRequested(scope, msg.sender);
        }
    }

    /// @notice Timelocked role: lifts a pause or a freeze.
    function unpause(bytes32 scope) external restricted {
        delete pausedUntil[scope];
        delete freezeRequests[scope];
        emit Unpaused(scope, msg.sender);
    }

    /// @notice Whether `scope` is paused now.
    function isPaused(bytes32 scope) public view returns (bool) {
        return block.timestamp <= pausedUntil[scope];
    }

    /// @notice Reverts with the first paused scope that a payout through `claimLane` falls under.
    function requireInboundOpen(bytes32 sourceChain, uint8 claimLane, bytes32 assetHash) external view {
        if (block.timestamp > horizon) return;
        _requireOpen(PauseScope.GLOBAL);
        _requireOpen(PauseScope.direction(PauseScope.INBOUND));
        _requireOpen(PauseScope.chain(sourceChain));
        _requireOpen(PauseScope.chain(localChain()));
        _requireOpen(PauseScope.lane(claimLane));
        _requireOpen(PauseScope.asset(assetHash));
    }

    /// @notice Reverts with the first paused scope that a deposit falls under.
    function requireOutboundOpen(bytes32 destinationChain, bytes32 assetHash) external view {
        if (block.timestamp > horizon) return;
        _requireOpen(PauseScope.GLOBAL);
        _requireOpen(PauseScope.direction(PauseScope.OUTBOUND));
        _requireOpen(PauseScope.chain(destinationChain));
        _requireOpen(PauseScope.chain(localChain()));
        _requireOpen(PauseScope.asset(assetHash));
    }

    /// @notice Scope of everything.
    function globalScope() external pure returns (bytes32) {
        return PauseScope.GLOBAL;
    }

    /// @notice Scope of a chain, by keccak256 of its CAIP-2 string.
    function chainScope(bytes32 hash) external pure returns (bytes32) {
        return PauseScope.chain(hash);
    }

    /// @notice Scope of a claim lane.
    function laneScope(uint8 number) external pure returns (bytes32) {
        return PauseScope.lane(number);
    }

    /// @notice Scope of an asset, by keccak256 of its CAIP-19 string.
    function assetScope(bytes32 hash) external pure returns (bytes32) {
        return PauseScope.asset(hash);
    }

    /// @notice Scope of a direction: 1 payouts, 2 deposits.
    function directionScope(uint8 number) external pure returns (bytes32) {
        return PauseScope.direction(number);
    }

    function _pauseUntil(bytes32 scope, uint64 until) private {
        if (until > pausedUntil[scope]) pausedUntil[scope] = until;
        if (until > horizon) horizon = until;
        emit Paused(scope, msg.sender, pausedUntil[scope]);
    }

    function _requireOpen(bytes32 scope) private view {
        uint64 until = pausedUntil[scope];
        require(block.timestamp > until, ScopePaused(scope, until));
    }
}
