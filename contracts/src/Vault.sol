// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {AccessManaged} from "@openzeppelin/contracts/access/manager/AccessManaged.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {CAIP2} from "@openzeppelin/contracts/utils/CAIP2.sol";
import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";
import {Strings} from "@openzeppelin/contracts/utils/Strings.sol";
import {Deposit, DepositLib} from "./DepositLib.sol";
import {EthereumProof} from "./EthereumProof.sol";
import {IInbox} from "./IInbox.sol";
import {IRootSource} from "./IRootSource.sol";
import {IVault} from "./IVault.sol";
import {NativeTransfer} from "./NativeTransfer.sol";
import {Nullifier} from "./Nullifier.sol";
import {Outbox} from "./Outbox.sol";
import {PauseController} from "./PauseController.sol";

/// @title Takes deposits, and pays what comes back.
/// @notice `outstanding[token][chain]` is what was locked for a chain and has not come back: a release is never more
/// (Kelp 2026), so that a chain that lies can take at most what was sent to it. Refunds stay open while paused.
contract Vault is IVault, AccessManaged, ReentrancyGuardTransient {
    using SafeERC20 for IERC20;

    /// @notice How a token of this chain leaves it.
    enum Kind {
        None,
        Locked,
        Wrapped
    }

    struct LocalAsset {
        bytes32 asset;
        uint128 minimum;
        Kind kind;
    }

    /// @notice Stands for the chain's native coin.
    address public constant NATIVE = address(0);
    /// @notice Seconds that a deposit must at least have until its expiry.
    uint64 public constant MIN_LIFETIME = 10 minutes;
    /// @notice Seconds that a deposit may at most have until its expiry, after which it can be refunded.
    uint64 public constant MAX_LIFETIME = 30 days;
    /// @notice Most seconds of {refundHold}.
    uint64 public constant MAX_REFUND_HOLD = 7 days;

    Outbox public immutable outbox;
    IInbox public immutable inbox;
    PauseController public immutable pauses;
    /// @notice Block hashes of the destinations, for refunds.
    IRootSource public immutable roots;
    /// @notice Seconds for which a block hash must have been trusted, and not disputed, before it refunds anything.
    uint64 public immutable refundHold;

    /// @notice token => what it is called across chains, and the least that can be deposited.
    mapping(address token => LocalAsset asset) public assets;
    /// @notice destination chain => its inbox, as deposits name it.
    mapping(bytes32 chain => bytes32 bridge) public routes;
    /// @notice token => chain => locked for that chain and not come back.
    mapping(address token => mapping(bytes32 chain => uint256 amount)) public outstanding;
    /// @notice deposit id => it went back to its sender.
    mapping(bytes32 id => bool) public refunded;

    event AssetRegistered(address indexed token, bytes32 indexed asset, Kind kind, uint128 minimum);
    event RouteChanged(bytes32 indexed chain, bytes32 bridge);
    event Released(address indexed token, bytes32 indexed chain, address indexed to, uint256 amount);
    event Refunded(bytes32 indexed id, address indexed to, uint256 amount);

    error OnlyInbox(address caller);
    error UnknownAsset(address token);
    error KindIsFixed(address token, Kind stored, Kind found);
    error RouteNotEnabled(bytes32 chain, bytes32 bridge);
    error BadRecipient(bytes32 recipient);
    error BadLane(uint8 lane);
    error ExpiryOutOfRange(uint64 earliest, uint64 latest, uint64 found);
    error WrongValue(uint256 expected, uint256 found);
    error Dust(uint256 minimum, uint256 amount);
    error OverOutstanding(address token, bytes32 chain, uint256 outstanding, uint256 amount);
    error NotADeposit(bytes32 id);
    error AlreadyRefunded(bytes32 id);
    error NotExpired(uint64 expiry, uint64 provenTime);
    error WasPaid(bytes32 id, uint256 nullifier);
    error RootTooFresh(bytes32 chain, uint64 height, uint256 goodFrom, uint256 now_);
    error RefundHoldTooLong(uint64 longest, uint64 found);

    constructor(
        address authority,
        Outbox outbox_,
        IInbox inbox_,
        PauseController pauses_,
        IRootSource roots_,
        uint64 refundHold_
    ) AccessManaged(authority) {
        require(refundHold_ <= MAX_REFUND_HOLD, RefundHoldTooLong(MAX_REFUND_HOLD, refundHold_));
        outbox = outbox_;
        inbox = inbox_;
        pauses = pauses_;
        roots = roots_;
        refundHold = refundHold_;
    }

    /// @notice Deposits `amount` of `token` for `recipient` on another chain.
    /// @param token ERC-20, or {NATIVE} with `amount` as the call's value. What arrives is what is deposited: a fee
    /// that the token takes on transfer is the depositor's.
    /// @param destinationBridge The destination's inbox; must be the registered one.
    /// @param lane Preference of `DepositLib`.
    /// @param expiry Unix seconds after which it is not paid any more and can be refunded.
    function lock(
        address token,
        uint256 amount,
        bytes32 destinationChain,
        bytes32 destinationBridge,
        bytes32 recipient,
        uint8 lane,
        uint64 expiry
    ) external payable nonReentrant returns (uint256 nonce, bytes32 id) {
        LocalAsset memory asset = assets[token];
        require(asset.kind != Kind.None, UnknownAsset(token));
        pauses.requireOutboundOpen(destinationChain, asset.asset);
        bool hasRoute = destinationBridge != 0 && routes[destinationChain] == destinationBridge;
        require(hasRoute, RouteNotEnabled(destinationChain, destinationBridge));
        require(recipient != 0, BadRecipient(recipient));
        require(lane <= DepositLib.LIGHT_CLIENT_ONLY, BadLane(lane));
        _requireLifetime(expiry);

        uint256 received = _take(token, asset.kind, amount, destinationChain);
        require(received != 0 && received >= asset.minimum, Dust(asset.minimum, received));
        if (asset.kind == Kind.Locked) outstanding[token][destinationChain] += received;
        (nonce, id) = outbox.append(
            Outbox.Terms({
                asset: asset.asset,
                amount: received,
                destinationChain: destinationChain,
                destinationBridge: destinationBridge,
                recipient: recipient,
                sender: bytes32(uint256(uint160(msg.sender))),
                lane: lane,
                expiry: expiry
            })
        );
    }

    /// @inheritdoc IVault
    function release(address token, bytes32 chain, address to, uint256 amount) external nonReentrant {
        require(msg.sender == address(inbox), OnlyInbox(msg.sender));
        _spend(token, chain, to, amount);
        emit Released(token, chain, to, amount);
    }

    /// @notice Gives a deposit back to its sender, when the destination's state proves that it was not paid and never
    /// will be: its inbox holds no nullifier for it in a block later than the expiry, or holds the mark of a dropped
    /// one. Open while paused, and under no cap: what stops a false block is that its hash stands for {refundHold} first,
    /// in which guardians can dispute it or freeze its chain.
    /// @param token The token that was locked.
    /// @param proof `EthereumProof` encoding, of the inbox's nullifier slot.
    function refund(Deposit calldata deposit, address token, bytes calldata proof) external nonReentrant {
        bytes32 id = DepositLib.id(deposit);
        bool isOurs = deposit.sourceBridge == bytes32(uint256(uint160(address(outbox))))
            && outbox.deposits(uint256(deposit.sourceKey)) == id && assets[token].asset == deposit.asset;
        require(isOurs, NotADeposit(id));
        require(!refunded[id], AlreadyRefunded(id));

        (uint256 nullifier, uint64 height, uint64 time) = EthereumProof.storageAt(
            roots, deposit.destinationChain, deposit.destinationBridge, Nullifier.slot(id), proof
        );
        if (nullifier != Nullifier.DROPPED) {
            require(nullifier == 0, WasPaid(id, nullifier));
            require(time > deposit.expiry, NotExpired(deposit.expiry, time));
        }
        _requireHeld(deposit.destinationChain, height);

        refunded[id] = true;
        address to = address(uint160(uint256(deposit.sender)));
        if (assets[token].kind == Kind.Wrapped) {
            inbox.restoreWrapped(token, to, deposit.amount, deposit.destinationChain);
        } else {
            _spend(token, deposit.destinationChain, to, deposit.amount);
        }
        emit Refunded(id, to, deposit.amount);
    }

    /// @notice Governance, timelocked: lets a token be deposited. Its CAIP-19 name is computed here: `/erc20:` with
    /// the address in lower case, `/slip44:60` for the native coin.
    /// @param minimum Least base units of one deposit; less is dust and refused.
    function registerAsset(address token, Kind kind, uint128 minimum) external restricted {
        Kind known = assets[token].kind;
        require(kind != Kind.None && (known == Kind.None || known == kind), KindIsFixed(token, known, kind));
        bytes32 asset = keccak256(bytes(_assetName(token)));
        assets[token] = LocalAsset(asset, minimum, kind);
        emit AssetRegistered(token, asset, kind, minimum);
    }

    /// @notice Governance, timelocked: the inbox of a destination chain; zero closes the route.
    function setRoute(bytes32 chain, bytes32 bridge) external restricted {
        routes[chain] = bridge;
        emit RouteChanged(chain, bridge);
    }

    function _requireHeld(bytes32 chain, uint64 height) private view {
        uint256 goodFrom = uint256(roots.trustedSince(chain, height)) + refundHold;
        require(block.timestamp >= goodFrom, RootTooFresh(chain, height, goodFrom, block.timestamp));
    }

    function _requireLifetime(uint64 expiry) private view {
        uint64 earliest = uint64(block.timestamp) + MIN_LIFETIME;
        uint64 latest = uint64(block.timestamp) + MAX_LIFETIME;
        require(expiry >= earliest && expiry <= latest, ExpiryOutOfRange(earliest, latest, expiry));
    }

    function _take(address token, Kind kind, uint256 amount, bytes32 chain) private returns (uint256 received) {
        if (token == NATIVE) {
            require(msg.value == amount, WrongValue(amount, msg.value));
            return amount;
        }
        require(msg.value == 0, WrongValue(0, msg.value));
        if (kind == Kind.Wrapped) {
            inbox.burnWrapped(token, msg.sender, amount, chain);
            return amount;
        }
        uint256 before = IERC20(token).balanceOf(address(this));
        IERC20(token).safeTransferFrom(msg.sender, address(this), amount);
        return IERC20(token).balanceOf(address(this)) - before;
    }

    function _spend(address token, bytes32 chain, address to, uint256 amount) private {
        uint256 owed = outstanding[token][chain];
        require(amount <= owed, OverOutstanding(token, chain, owed, amount));
        outstanding[token][chain] = owed - amount;
        if (token == NATIVE) NativeTransfer.send(to, amount);
        else IERC20(token).safeTransfer(to, amount);
    }

    function _assetName(address token) private view returns (string memory) {
        return token == NATIVE
            ? string.concat(CAIP2.local(), "/slip44:60")
            : string.concat(CAIP2.local(), "/erc20:", Strings.toHexString(token));
    }
}
