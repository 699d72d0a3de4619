// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {AccessManaged} from "@openzeppelin/contracts/access/manager/AccessManaged.sol";
import {AuthorityUtils} from "@openzeppelin/contracts/access/manager/AuthorityUtils.sol";
import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";
import {LocalChain} from "./LocalChain.sol";
import {PauseScope} from "./PauseScope.sol";
import {DeployedBridge, PauseStatement, StatedScope, Statement} from "./PauseStatement.sol";

/// @title Who may stop what, and for how long.
/// @notice The safe direction is one guardian and now; the dangerous direction is the timelocked role. A pause by one
/// guardian ends by itself after at most five days; two different guardians freeze without end. Refunds of deposits
/// never ask this contract.
///
/// A guardian pauses and freezes by a transaction, or by the statement that was signed for the bridge's control API,
/// which anyone may send. Nothing that opens is ever taken by a statement.
contract PauseController is AccessManaged, LocalChain {
    /// @notice Longest pause by one guardian.
    uint64 public constant MAX_TTL = 5 days;
    /// @notice Longest time from a statement's arrival to its expiry.
    uint64 public constant MAX_LIFETIME = 1 days;
    /// @notice `pausedUntil` of a frozen scope.
    uint64 public constant FROZEN = type(uint64).max;

    struct FreezeRequest {
        address guardian;
        uint64 validUntil;
    }

    /// @notice The inbox of this chain's bridge, by which statements name their deployment.
    address public immutable inbox;

    /// @notice scope => Unix seconds until which (inclusive) it is paused.
    mapping(bytes32 scope => uint64 until) public pausedUntil;
    /// @notice scope => the first of the two guardians that a freeze needs.
    mapping(bytes32 scope => FreezeRequest request) public freezeRequests;
    /// @notice digest => whether a guardian's statement was taken; it is never taken again.
    mapping(bytes32 digest => bool wasTaken) public isTaken;
    /// @notice No scope at all is paused after this; never earlier than any `pausedUntil`.
    uint64 public horizon;

    event Paused(bytes32 indexed scope, address indexed guardian, uint64 until);
    event FreezeRequested(bytes32 indexed scope, address indexed guardian);
    event Frozen(bytes32 indexed scope, address indexed first, address indexed second);
    event Unpaused(bytes32 indexed scope, address indexed by);
    event StatementTaken(bytes32 indexed digest, address indexed guardian);

    error ScopePaused(bytes32 scope, uint64 until);
    error TtlOutOfRange(uint64 maximum, uint64 found);
    error NotThroughManager();
    error StatementExpired(uint64 expiry, uint256 now_);
    error ExpiryTooFar(uint64 latest, uint64 found);
    error StatementWasTaken(bytes32 digest);
    error WrongGuardian(address expected, address found);
    error NotAGuardian(address account);

    constructor(address authority, address inbox_) AccessManaged(authority) {
        inbox = inbox_;
    }

    /// @notice Guardian: pauses `scope` for `ttl` seconds from now; never shortens a longer pause.
    function pause(bytes32 scope, uint64 ttl) external restricted {
        require(ttl != 0 && ttl <= MAX_TTL, TtlOutOfRange(MAX_TTL, ttl));
        _pauseUntil(scope, uint64(block.timestamp) + ttl, msg.sender);
    }

    /// @notice Anyone: a guardian's signed pause of `ttl` seconds, from now.
    /// @param bridges All bridges of the deployment that the statement is signed for, by ascending chain.
    /// @param signature 65 bytes, low-s, of the guardian that the statement names.
    function pauseSigned(
        Statement calldata said,
        uint64 ttl,
        DeployedBridge[] calldata bridges,
        bytes calldata signature
    ) external {
        require(ttl != 0 && ttl <= MAX_TTL, TtlOutOfRange(MAX_TTL, ttl));
        _take(said, PauseStatement.pauseDigest(said, ttl, bridges), this.pause.selector, bridges, signature);
        bytes32[] memory scopes = StatedScope.read(said.scope, localChain());
        for (uint256 i = 0; i < scopes.length; ++i) {
            _pauseUntil(scopes[i], uint64(block.timestamp) + ttl, said.guardian);
        }
    }

    /// @notice Guardian: asks for a freeze and pauses for {MAX_TTL}; a second, different guardian makes it endless.
    /// @dev Called through the access manager, one guardian would look like two.
    function freeze(bytes32 scope) external restricted {
        require(msg.sender != authority(), NotThroughManager());
        _freeze(scope, msg.sender);
    }

    /// @notice Anyone: a guardian's signed freeze, which counts as that guardian's {freeze}.
    /// @param bridges All bridges of the deployment that the statement is signed for, by ascending chain.
    /// @param signature 65 bytes, low-s, of the guardian that the statement names.
    function freezeSigned(Statement calldata said, DeployedBridge[] calldata bridges, bytes calldata signature)
        external
    {
        _take(said, PauseStatement.freezeDigest(said, bridges), this.freeze.selector, bridges, signature);
        bytes32[] memory scopes = StatedScope.read(said.scope, localChain());
        for (uint256 i = 0; i < scopes.length; ++i) {
            _freeze(scopes[i], said.guardian);
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
        _requireOpen(PauseScope.payoutsFrom(sourceChain));
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
        _requireOpen(PauseScope.depositsTo(destinationChain));
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

    /// @notice Scope of payouts here of what was deposited on a chain, by keccak256 of its CAIP-2 string.
    function payoutsFromScope(bytes32 hash) external pure returns (bytes32) {
        return PauseScope.payoutsFrom(hash);
    }

    /// @notice Scope of deposits here for a chain, by keccak256 of its CAIP-2 string.
    function depositsToScope(bytes32 hash) external pure returns (bytes32) {
        return PauseScope.depositsTo(hash);
    }

    /// @notice Scope of a direction: 1 payouts, 2 deposits.
    function directionScope(uint8 number) external pure returns (bytes32) {
        return PauseScope.direction(number);
    }

    function _freeze(bytes32 scope, address guardian) private {
        FreezeRequest memory request = freezeRequests[scope];
        bool isSecond = request.validUntil >= block.timestamp && request.guardian != guardian;
        if (isSecond) {
            delete freezeRequests[scope];
            _pauseUntil(scope, FROZEN, guardian);
            emit Frozen(scope, request.guardian, guardian);
        } else {
            uint64 until = uint64(block.timestamp) + MAX_TTL;
            freezeRequests[scope] = FreezeRequest(guardian, until);
            _pauseUntil(scope, until, guardian);
            emit FreezeRequested(scope, guardian);
        }
    }

    function _pauseUntil(bytes32 scope, uint64 until, address guardian) private {
        if (until > pausedUntil[scope]) pausedUntil[scope] = until;
        if (until > horizon) horizon = until;
        emit Paused(scope, guardian, pausedUntil[scope]);
    }

    /// @dev Takes a statement once: in time, for this deployment, and signed by whom it names, who may call `selector`
    /// here at once.
    function _take(
        Statement calldata said,
        bytes32 digest,
        bytes4 selector,
        DeployedBridge[] calldata bridges,
        bytes calldata signature
    ) private {
        require(block.timestamp < said.expiry, StatementExpired(said.expiry, block.timestamp));
        uint64 latest = uint64(block.timestamp) + MAX_LIFETIME;
        require(said.expiry <= latest, ExpiryTooFar(latest, said.expiry));
        PauseStatement.requireNamed(localChain(), inbox, bridges);
        require(!isTaken[digest], StatementWasTaken(digest));
        isTaken[digest] = true;
        address guardian = ECDSA.recoverCalldata(digest, signature);
        require(guardian == said.guardian, WrongGuardian(said.guardian, guardian));
        (bool isGuardian,) = AuthorityUtils.canCallWithDelay(authority(), guardian, address(this), selector);
        require(isGuardian, NotAGuardian(guardian));
        emit StatementTaken(digest, guardian);
    }

    function _requireOpen(bytes32 scope) private view {
        uint64 until = pausedUntil[scope];
        require(block.timestamp > until, ScopePaused(scope, until));
    }
}
