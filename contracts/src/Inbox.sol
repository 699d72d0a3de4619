// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {AccessManaged} from "@openzeppelin/contracts/access/manager/AccessManaged.sol";
import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";
import {Deposit, DepositLib} from "./DepositLib.sol";
import {IInbox} from "./IInbox.sol";
import {ILaneVerifier} from "./ILaneVerifier.sol";
import {IVault} from "./IVault.sol";
import {Lane} from "./Lane.sol";
import {LocalChain} from "./LocalChain.sol";
import {Nullifier, NullifierStore} from "./Nullifier.sol";
import {PauseController} from "./PauseController.sol";
import {RiskGuard} from "./RiskGuard.sol";
import {WrappedToken} from "./WrappedToken.sol";

/// @title Pays deposits made on other chains, each at most once.
/// @notice One nullifier per deposit id covers every lane, batch and retry. Checks, then effects, then interactions.
contract Inbox is NullifierStore, IInbox, LocalChain, AccessManaged, ReentrancyGuardTransient {
    /// @notice How an asset of another chain is paid here.
    enum Kind {
        None,
        Release,
        Mint
    }

    struct Payout {
        Kind kind;
        address token;
    }

    /// @dev A delayed payment: Unix seconds from which it can be executed, and by which lane it was verified last, when,
    /// under which height of its source (0 where the lane has none), and by which contract.
    struct Wait {
        uint64 payableFrom;
        uint64 verifiedAt;
        uint64 height;
        uint8 lane;
        address verifier;
    }

    struct ClaimItem {
        uint8 lane;
        Deposit deposit;
        bytes proof;
    }

    /// @notice Most items of one batch.
    uint256 public constant MAX_ITEMS = 64;
    /// @dev An item that leaves less than this part of the gas has run out of it, a few calls deep: each call keeps back
    /// one 64th (EIP-150). Whoever sends too little gas must not make good items fail.
    uint256 private constant GAS_KEPT_BACK = 16;

    IVault public immutable vault;
    RiskGuard public immutable guard;
    PauseController public immutable pauses;

    /// @notice lane => its verifier; none means that the lane is closed.
    mapping(uint8 lane => ILaneVerifier verifier) public verifierOf;
    /// @notice source chain => the only bridge there whose deposits are paid.
    mapping(bytes32 sourceChain => bytes32 bridge) public bridgeOf;
    /// @notice source chain => asset => how it is paid.
    mapping(bytes32 sourceChain => mapping(bytes32 asset => Payout payout)) public payoutOf;

    mapping(bytes32 id => Wait wait) private _waits;

    event Claimed(bytes32 indexed id, uint8 indexed lane, address indexed to, uint256 amount);
    event Delayed(bytes32 indexed id, uint8 indexed lane, uint64 releaseAt);
    event Executed(bytes32 indexed id, address indexed to, uint256 amount);
    event Dropped(bytes32 indexed id);
    event Settled(bytes32 indexed id, uint8 indexed lane);
    /// @notice A payment that waits stands on this proof from now on.
    event Reproven(bytes32 indexed id, uint8 indexed lane, uint64 height);
    /// @notice An item of {claimEach} failed for `reason`, its own revert data, and changed nothing.
    event ClaimFailed(bytes32 indexed id, uint8 indexed lane, bytes reason);
    /// @notice Evidence: `provenId` has the source key of `paidId`, which the fast lane paid.
    event Contradicted(bytes32 indexed paidId, bytes32 indexed provenId);
    event VerifierChanged(uint8 indexed lane, address verifier);
    event BridgeChanged(bytes32 indexed sourceChain, bytes32 bridge);
    event PayoutChanged(bytes32 indexed sourceChain, bytes32 indexed asset, Kind kind, address token);

    error WrongVersion(uint8 expected, uint8 found);
    error WrongDestinationChain(bytes32 expected, bytes32 found);
    error WrongDestinationBridge(bytes32 expected, bytes32 found);
    error DepositExpired(uint64 expiry, uint256 now_);
    error WrongSourceBridge(bytes32 expected, bytes32 found);
    error UnknownAsset(bytes32 sourceChain, bytes32 asset);
    error LaneNotAllowed(uint8 lane, uint8 preference);
    error LaneIsClosed(uint8 lane);
    error BadRecipient(bytes32 recipient);
    error ZeroAmount();
    error AlreadyClaimed(bytes32 id);
    error NotPaidFast(bytes32 id);
    error NotLightClient(uint8 lane);
    error NotContradicting(bytes32 paidId, bytes32 provenId);
    error NotDelayed(bytes32 id);
    error StillDelayed(uint64 releaseAt, uint256 now_);
    error StillStanding(bytes32 id);
    /// @notice Another contract has the lane than the one that verified what waits.
    error VerifierReplaced(uint8 lane, address verifiedBy, address verifier);
    error OnlyVault(address caller);
    error OnlySelf(address caller);
    error BatchSizeOutOfRange(uint256 maximum, uint256 found);
    /// @notice Item `index` failed for `reason`, its own revert data. {claimBatch} reverts with it, {claimEach} returns it.
    error ItemFailed(uint256 index, bytes reason);
    /// @notice Item `index` did not get the gas it needs; nothing of the batch happened.
    error OutOfGas(uint256 index);

    constructor(address authority, IVault vault_, RiskGuard guard_, PauseController pauses_) AccessManaged(authority) {
        vault = vault_;
        guard = guard_;
        pauses = pauses_;
    }

    /// @notice Pays `deposit` to its recipient, or queues it when the risk guard delays it.
    /// @param lane Number of `Lane`; decides what `proof` is.
    function claim(uint8 lane, Deposit calldata deposit, bytes calldata proof) external nonReentrant {
        _claim(lane, deposit, proof);
    }

    /// @notice Claims all items or none; reverts with {ItemFailed} for the first that fails. An item that is claimed
    /// already is passed over: proofs are public, and claiming one first must not stop its neighbours.
    function claimBatch(ClaimItem[] calldata items) external nonReentrant {
        _requireBatchSize(items.length);
        for (uint256 i = 0; i < items.length; ++i) {
            if (nullifiers[DepositLib.id(items[i].deposit)] != 0) continue;
            try this.claimItem(items[i]) {}
            catch (bytes memory reason) {
                revert ItemFailed(i, reason);
            }
        }
    }

    /// @notice Claims each item by itself. One that fails is undone whole, as if it had not been asked for: it can be
    /// claimed again or refunded, {ClaimFailed} tells it, and its neighbours are paid. One that is claimed already is
    /// passed over. No recipient, pause, limit or expiry of one item is felt by another.
    /// @return failures For each item {ItemFailed} with its reason, empty when it is claimed.
    function claimEach(ClaimItem[] calldata items) external nonReentrant returns (bytes[] memory failures) {
        _requireBatchSize(items.length);
        failures = new bytes[](items.length);
        for (uint256 i = 0; i < items.length; ++i) {
            bytes32 id = DepositLib.id(items[i].deposit);
            if (nullifiers[id] != 0) continue;
            uint256 gasBefore = gasleft();
            try this.claimItem(items[i]) {}
            catch (bytes memory reason) {
                require(gasleft() > gasBefore / GAS_KEPT_BACK, OutOfGas(i));
                failures[i] = abi.encodeWithSelector(ItemFailed.selector, i, reason);
                emit ClaimFailed(id, items[i].lane, reason);
            }
        }
    }

    /// @notice One item of a batch, in a call of its own so that its failure can be named, or undone alone.
    function claimItem(ClaimItem calldata item) external {
        require(msg.sender == address(this), OnlySelf(msg.sender));
        _claim(item.lane, item.deposit, item.proof);
    }

    /// @notice Unix seconds from which a delayed payment can be executed; 0 when none waits.
    function releaseAt(bytes32 id) external view returns (uint64 payableFrom) {
        return _waits[id].payableFrom;
    }

    /// @notice Pays a delayed deposit whose time has come. Pauses, and whether bridge and lane are still open and what
    /// verified it still stands, are checked again: what was closed in the meantime was closed for a reason. What was proven
    /// since it was claimed stands on the lane that proved it.
    function executeDelayed(Deposit calldata deposit) external nonReentrant {
        bytes32 id = DepositLib.id(deposit);
        Wait memory wait = _waits[id];
        require(wait.payableFrom != 0, NotDelayed(id));
        require(block.timestamp >= wait.payableFrom, StillDelayed(wait.payableFrom, block.timestamp));
        uint8 lane = nullifiers[id];
        pauses.requireInboundOpen(deposit.sourceChain, lane, deposit.asset);
        if (wait.lane != lane) pauses.requireInboundOpen(deposit.sourceChain, wait.lane, deposit.asset);
        _requireBridge(deposit);
        if (wait.lane == Lane.FAST) guard.requireFastOpen(deposit.sourceChain);
        requireStanding(deposit);
        delete _waits[id];
        address to = _pay(deposit);
        emit Executed(id, to, deposit.amount);
    }

    /// @notice Proves a payment that waits once more: it was claimed or settled under a root that does not stand any more, by
    /// signers or contracts that were replaced, or by a fast lane that is closed now, and is true. Pays nothing; open while
    /// paused.
    function proveDelayed(Deposit calldata deposit, uint8 lane, bytes calldata proof) external {
        bytes32 id = DepositLib.id(deposit);
        Wait memory wait = _waits[id];
        require(wait.payableFrom != 0, NotDelayed(id));
        require(!_isPayableBy(wait, deposit), StillStanding(id));
        _waits[id] = _proven(lane, deposit, proof, wait.payableFrom);
        emit Reproven(id, lane, _waits[id].height);
    }

    /// @notice Reverts when what verified a payment that waits is not to be relied on any more.
    function requireStanding(Deposit calldata deposit) public view {
        Wait memory wait = _waits[DepositLib.id(deposit)];
        ILaneVerifier verifier = _openLane(wait.lane);
        bool isSame = address(verifier) == wait.verifier;
        require(isSame, VerifierReplaced(wait.lane, wait.verifier, address(verifier)));
        verifier.requireStanding(deposit, wait.height, wait.verifiedAt);
    }

    /// @notice Guardian: a delayed deposit will never be paid here; its sender is refunded on the source chain.
    function dropDelayed(Deposit calldata deposit) external restricted {
        bytes32 id = DepositLib.id(deposit);
        require(_waits[id].payableFrom != 0, NotDelayed(id));
        _drop(id, deposit);
    }

    /// @notice Proves a deposit that the fast lane paid, which repays its exposure. Pays nothing; open while paused.
    function settle(Deposit calldata deposit, uint8 lane, bytes calldata proof) external {
        bytes32 id = DepositLib.id(deposit);
        require(nullifiers[id] == Lane.FAST, NotPaidFast(id));
        Wait memory proven = _proven(lane, deposit, proof, _waits[id].payableFrom);
        if (proven.payableFrom != 0) _waits[id] = proven;
        guard.repay(id, deposit.asset, deposit.sourceChain);
        emit Settled(id, lane);
    }

    /// @notice Proves that the source key of a deposit that the fast lane paid belongs to another deposit. Closes the
    /// fast lane of that chain; a payment that still waits is dropped.
    function contradict(Deposit calldata paid, Deposit calldata proven, uint8 lane, bytes calldata proof) external {
        bytes32 paidId = DepositLib.id(paid);
        bytes32 provenId = DepositLib.id(proven);
        require(nullifiers[paidId] == Lane.FAST, NotPaidFast(paidId));
        bool isSameKey = paid.sourceChain == proven.sourceChain && paid.sourceBridge == proven.sourceBridge
            && paid.sourceKey == proven.sourceKey && paidId != provenId;
        require(isSameKey, NotContradicting(paidId, provenId));
        _proven(lane, proven, proof, 0);
        emit Contradicted(paidId, provenId);
        guard.closeContradicted(paid.sourceChain, paidId);
        if (_waits[paidId].payableFrom != 0) _drop(paidId, paid);
    }

    /// @inheritdoc IInbox
    function burnWrapped(address token, address from, uint256 amount, bytes32 chain) external {
        require(msg.sender == address(vault), OnlyVault(msg.sender));
        WrappedToken(token).burn(from, amount, chain);
    }

    /// @inheritdoc IInbox
    function restoreWrapped(address token, address to, uint256 amount, bytes32 chain) external {
        require(msg.sender == address(vault), OnlyVault(msg.sender));
        WrappedToken(token).mint(to, amount, chain);
    }

    /// @notice Governance, timelocked: the verifier of a lane; none closes it.
    function setVerifier(uint8 lane, ILaneVerifier verifier) external restricted {
        require(lane != 0 && lane != Nullifier.DROPPED, LaneIsClosed(lane));
        verifierOf[lane] = verifier;
        emit VerifierChanged(lane, address(verifier));
    }

    /// @notice Governance, timelocked: the bridge of a source chain (outbox address or vault key); zero closes it.
    function setBridge(bytes32 sourceChain, bytes32 bridge) external restricted {
        bridgeOf[sourceChain] = bridge;
        emit BridgeChanged(sourceChain, bridge);
    }

    /// @notice Governance, timelocked: how an asset of a source chain is paid.
    function setPayout(bytes32 sourceChain, bytes32 asset, Kind kind, address token) external restricted {
        payoutOf[sourceChain][asset] = Payout(kind, token);
        emit PayoutChanged(sourceChain, asset, kind, token);
    }

    function _requireBatchSize(uint256 size) private pure {
        require(size != 0 && size <= MAX_ITEMS, BatchSizeOutOfRange(MAX_ITEMS, size));
    }

    function _claim(uint8 lane, Deposit calldata deposit, bytes calldata proof) private {
        bytes32 id = DepositLib.id(deposit);
        require(nullifiers[id] == 0, AlreadyClaimed(id));
        _requirePayable(lane, deposit);
        pauses.requireInboundOpen(deposit.sourceChain, lane, deposit.asset);
        ILaneVerifier verifier = _openLane(lane);
        (uint64 height,) = verifier.verify(deposit, proof);

        nullifiers[id] = lane;
        uint64 payableFrom = guard.consume(lane, id, deposit.asset, deposit.sourceChain, deposit.amount);
        if (payableFrom != 0) {
            _waits[id] = Wait(payableFrom, uint64(block.timestamp), height, lane, address(verifier));
            emit Delayed(id, lane, payableFrom);
        } else {
            address to = _pay(deposit);
            emit Claimed(id, lane, to, deposit.amount);
        }
    }

    /// @dev Whether `wait` would be executed on what verified it, pauses and time aside.
    function _isPayableBy(Wait memory wait, Deposit calldata deposit) private view returns (bool) {
        if (wait.lane == Lane.FAST && guard.fastClosedAt(deposit.sourceChain) != 0) return false;
        try this.requireStanding(deposit) {
            return true;
        } catch {
            return false;
        }
    }

    /// @dev A payment that waits will never be made.
    function _drop(bytes32 id, Deposit calldata deposit) private {
        (, uint64 deadline) = guard.debts(id);
        delete _waits[id];
        nullifiers[id] = Nullifier.DROPPED;
        if (deadline != 0) guard.repay(id, deposit.asset, deposit.sourceChain);
        emit Dropped(id);
    }

    /// @dev What can be said of a deposit without its proof.
    function _requirePayable(uint8 lane, Deposit calldata deposit) private view {
        require(deposit.version == DepositLib.VERSION, WrongVersion(DepositLib.VERSION, deposit.version));
        bytes32 here = localChain();
        require(deposit.destinationChain == here, WrongDestinationChain(here, deposit.destinationChain));
        bytes32 self = bytes32(uint256(uint160(address(this))));
        require(deposit.destinationBridge == self, WrongDestinationBridge(self, deposit.destinationBridge));
        require(block.timestamp <= deposit.expiry, DepositExpired(deposit.expiry, block.timestamp));
        _requireBridge(deposit);
        bool isAllowed = deposit.lane < DepositLib.LIGHT_CLIENT_ONLY
            || (deposit.lane == DepositLib.LIGHT_CLIENT_ONLY && lane != Lane.FAST);
        require(isAllowed, LaneNotAllowed(lane, deposit.lane));
        uint256 recipient = uint256(deposit.recipient);
        require(recipient != 0 && recipient >> 160 == 0, BadRecipient(deposit.recipient));
        require(deposit.amount != 0, ZeroAmount());
        Kind kind = payoutOf[deposit.sourceChain][deposit.asset].kind;
        require(kind != Kind.None, UnknownAsset(deposit.sourceChain, deposit.asset));
    }

    function _requireBridge(Deposit calldata deposit) private view {
        bytes32 bridge = bridgeOf[deposit.sourceChain];
        require(bridge != 0 && deposit.sourceBridge == bridge, WrongSourceBridge(bridge, deposit.sourceBridge));
    }

    /// @dev What a payment that may be executed from `payableFrom` on stands on, once `proof` has proven it.
    function _proven(uint8 lane, Deposit calldata deposit, bytes calldata proof, uint64 payableFrom)
        private
        view
        returns (Wait memory)
    {
        require(lane != Lane.FAST, NotLightClient(lane));
        ILaneVerifier verifier = _openLane(lane);
        (uint64 height,) = verifier.verify(deposit, proof);
        return Wait(payableFrom, uint64(block.timestamp), height, lane, address(verifier));
    }

    function _openLane(uint8 lane) private view returns (ILaneVerifier verifier) {
        verifier = verifierOf[lane];
        require(address(verifier) != address(0), LaneIsClosed(lane));
    }

    function _pay(Deposit calldata deposit) private returns (address to) {
        to = address(uint160(uint256(deposit.recipient)));
        Payout memory payout = payoutOf[deposit.sourceChain][deposit.asset];
        if (payout.kind == Kind.Mint) WrappedToken(payout.token).mint(to, deposit.amount, deposit.sourceChain);
        else if (payout.kind == Kind.Release) vault.release(payout.token, deposit.sourceChain, to, deposit.amount);
        else revert UnknownAsset(deposit.sourceChain, deposit.asset);
    }
}
