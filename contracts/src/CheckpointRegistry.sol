// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {AccessManaged} from "@openzeppelin/contracts/access/manager/AccessManaged.sol";
import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";
import {IRootSource} from "./IRootSource.sol";
import {SignerSets} from "./SignerSets.sol";

/// @title Block hashes of other chains that a quorum of verifiers holds final.
/// @notice A root is immutable. Two quorum-signed roots for one height freeze the chain: both cannot be final, so
/// nothing that this quorum says about the chain is used until governance has looked. Where more blocks are asked for more
/// value, a root is good up to the amount that it was signed for, and the same root signed for more is good for that.
contract CheckpointRegistry is IRootSource, SignerSets, EIP712, AccessManaged {
    struct ChainRule {
        uint64 maxAge;
        uint64 timeSlack;
        bool frozen;
    }

    struct Root {
        bytes32 root;
        uint64 time;
        bool disputed;
        uint64 storedAt;
        uint48 epoch;
        uint64 upTo;
    }

    /// @dev For how much more a stored root is good, since when, and by which verifiers' word.
    struct Raise {
        uint64 upTo;
        uint64 raisedAt;
        uint48 epoch;
    }

    struct Latest {
        uint64 height;
        uint64 time;
    }

    /// @notice What verifiers sign; the Rust twin is `spandrel_verifiers::Checkpoint::TYPE`.
    bytes32 public constant CHECKPOINT_TYPEHASH =
        keccak256("Checkpoint(bytes32 sourceChain,uint64 height,bytes32 root,uint64 time,uint64 upTo,uint64 epoch)");
    /// @notice Seconds by which a block time may be ahead of this chain's clock (Bitcoin allows two hours).
    uint64 public constant MAX_DRIFT = 2 hours;
    /// @notice `upTo` of a root that is good for any amount.
    uint64 public constant ANY_AMOUNT = type(uint64).max;

    /// @notice chain => its rule; a `maxAge` of zero means that the chain is not accepted.
    mapping(bytes32 chain => ChainRule rule) public rules;
    /// @notice chain => highest height stored, and its time.
    mapping(bytes32 chain => Latest latest) public latest;

    /// @notice chain => epoch of a set that was replaced => Unix seconds from which nothing that it had stored counts; 0 where
    /// all does.
    mapping(bytes32 chain => mapping(uint64 epoch => uint64 since)) public distrustedSince;

    mapping(bytes32 chain => mapping(uint64 height => Root root)) private _roots;
    mapping(bytes32 chain => mapping(uint64 height => Raise raise)) private _raises;

    /// @notice A checkpoint was stored, or the one that is stored is good for more now.
    event CheckpointStored(
        bytes32 indexed chain, uint64 indexed height, bytes32 root, uint64 time, uint64 upTo, uint64 epoch
    );
    /// @notice Evidence: a quorum of `epoch` signed a second block at a height. The chain is frozen.
    event ConflictingCheckpoint(
        bytes32 indexed chain, uint64 indexed height, bytes32 storedRoot, bytes32 root, uint64 time, uint64 epoch
    );
    /// @notice A guardian took a stored root out of use.
    event CheckpointDisputed(bytes32 indexed chain, uint64 indexed height);
    /// @notice What verifiers of `epoch` had stored of `chain` since then counts as if it had not been.
    event EpochDistrusted(bytes32 indexed chain, uint64 indexed epoch, uint64 since);
    event ChainRuleChanged(bytes32 indexed chain, uint64 maxAge, uint64 timeSlack);
    event ChainFrozen(bytes32 indexed chain);
    event ChainUnfrozen(bytes32 indexed chain);

    error ZeroRoot();
    error ChainNotAccepted(bytes32 chain);
    error ChainIsFrozen(bytes32 chain);
    error UnknownCheckpoint(bytes32 chain, uint64 height);
    error DisputedCheckpoint(bytes32 chain, uint64 height);
    error CheckpointTooOld(bytes32 chain, uint64 height, uint64 time, uint64 maxAge);
    /// @notice The root that stands at the height was stored after what stands on it was proven.
    error StoredSince(bytes32 chain, uint64 height, uint64 storedAt, uint64 provenAt);
    /// @notice Only sets that were replaced can be distrusted: those before `oldest`.
    error EpochStillTrusted(uint64 epoch, uint64 oldest);
    /// @notice What was distrusted since `distrusted` stays so.
    error AlreadyDistrusted(uint64 epoch, uint64 distrusted, uint64 since);
    error CheckpointTooShallow(bytes32 chain, uint64 height, uint64 upTo, uint256 amount);
    error TimeInTheFuture(uint64 latest, uint64 found);
    error TimeNotRising(uint64 earliest, uint64 found);

    constructor(address authority, address[] memory members, uint256 threshold, uint64 retention)
        SignerSets(members, threshold, retention)
        EIP712("Spandrel CheckpointRegistry", "1")
        AccessManaged(authority)
    {}

    /// @notice Stores a checkpoint signed by a quorum. The same one again, or for less, changes nothing; for more it is good
    /// for more. Another block at a stored height, if a quorum signed that too, freezes the chain and leaves the evidence in
    /// an event.
    /// @param sourceChain keccak256 of the CAIP-2 string.
    /// @param height Block height; older heights than the latest may follow later.
    /// @param root Block hash as in {IRootSource}; never zero.
    /// @param time Block time, Unix seconds: not ahead of this clock by more than {MAX_DRIFT}, and for a new highest
    /// height not before the latest one's by more than the chain's slack.
    /// @param upTo Largest amount for which as many blocks follow as the quorum asks for, in base units of the chain's
    /// coin; {ANY_AMOUNT} where that does not depend on the amount.
    /// @param signatures Exactly threshold × 65 bytes, sorted by signer.
    function submit(
        bytes32 sourceChain,
        uint64 height,
        bytes32 root,
        uint64 time,
        uint64 upTo,
        uint64 epoch,
        bytes calldata signatures
    ) external {
        require(root != 0, ZeroRoot());
        ChainRule memory rule = _requireOpen(sourceChain);
        Root memory existing = _root(sourceChain, height);
        require(!existing.disputed, DisputedCheckpoint(sourceChain, height));
        bool isSame = existing.root == root && existing.time == time;
        if (isSame && upTo <= existing.upTo) return;

        bytes32 digest = _hashTypedDataV4(
            keccak256(abi.encode(CHECKPOINT_TYPEHASH, sourceChain, height, root, time, upTo, epoch))
        );
        _requireQuorum(digest, epoch, signatures);

        if (isSame) {
            _raises[sourceChain][height] = Raise(upTo, uint64(block.timestamp), uint48(epoch));
            emit CheckpointStored(sourceChain, height, root, time, upTo, epoch);
            return;
        }
        if (existing.root != 0) {
            _roots[sourceChain][height].disputed = true;
            rules[sourceChain].frozen = true;
            emit ConflictingCheckpoint(sourceChain, height, existing.root, root, time, epoch);
            emit ChainFrozen(sourceChain);
            return;
        }
        _requireTimely(sourceChain, height, time, rule.timeSlack);
        // What was signed for a root that is distrusted says nothing of the one in its place.
        if (_roots[sourceChain][height].root != 0) delete _raises[sourceChain][height];
        _roots[sourceChain][height] = Root(root, time, false, uint64(block.timestamp), uint48(epoch), upTo);
        emit CheckpointStored(sourceChain, height, root, time, upTo, epoch);
    }

    /// @inheritdoc IRootSource
    function rootAt(bytes32 chain, uint64 height, uint256 amount)
        external
        view
        returns (bytes32 root, uint64 time)
    {
        ChainRule memory rule = _requireOpen(chain);
        Root memory existing = _requireUndisputed(chain, height);
        bool isFresh = block.timestamp <= uint256(existing.time) + rule.maxAge;
        require(isFresh, CheckpointTooOld(chain, height, existing.time, rule.maxAge));
        _requireDeepEnough(chain, height, existing.upTo, amount);
        return (existing.root, existing.time);
    }

    /// @inheritdoc IRootSource
    function trustedSince(bytes32 chain, uint64 height) external view returns (uint64) {
        return _requireUndisputed(chain, height).storedAt;
    }

    /// @inheritdoc IRootSource
    function requireStanding(bytes32 chain, uint64 height, uint256 amount, uint64 provenAt) external view {
        _requireOpen(chain);
        Root memory existing = _requireUndisputed(chain, height);
        require(existing.storedAt <= provenAt, StoredSince(chain, height, existing.storedAt, provenAt));
        _requireDeepEnough(chain, height, existing.upTo, amount);
    }

    /// @notice What is stored at a height, whatever its age and state; zero when nothing that counts is.
    function stored(bytes32 chain, uint64 height) external view returns (Root memory) {
        return _root(chain, height);
    }

    /// @notice Governance, timelocked: accepts a chain, or changes its rule. A `maxAge` of zero closes it.
    /// @param maxAge Seconds for which a checkpoint can be used, from its block time.
    /// @param timeSlack Seconds by which block times may run backwards (Bitcoin: up to two hours; else 0).
    function setChainRule(bytes32 chain, uint64 maxAge, uint64 timeSlack) external restricted {
        rules[chain].maxAge = maxAge;
        rules[chain].timeSlack = timeSlack;
        emit ChainRuleChanged(chain, maxAge, timeSlack);
    }

    /// @notice Guardian: no checkpoint of `chain` can be used until governance unfreezes it.
    function freeze(bytes32 chain) external restricted {
        rules[chain].frozen = true;
        emit ChainFrozen(chain);
    }

    /// @notice Guardian: a stored root turned out false, and is unusable for ever: unfreezing the chain, or replacing
    /// the verifiers who signed it, must not bring it back.
    function dispute(bytes32 chain, uint64 height) external restricted {
        require(_root(chain, height).root != 0, UnknownCheckpoint(chain, height));
        _roots[chain][height].disputed = true;
        emit CheckpointDisputed(chain, height);
    }

    /// @notice Timelocked: lifts a freeze. A disputed height stays unusable for ever.
    function unfreeze(bytes32 chain) external restricted {
        rules[chain].frozen = false;
        emit ChainUnfrozen(chain);
    }

    /// @notice Governance, timelocked: the next verifier set, valid now; the old one stays valid for {retention}.
    function rotate(address[] calldata members, uint16 threshold) external restricted {
        _storeSet(members, threshold, uint64(block.timestamp), uint64(block.timestamp) + retention);
    }

    /// @notice Governance, timelocked: replaces the set for lost or stolen keys. Every earlier set is dead at once, those in
    /// their retention included. What they had stored stays: {dispute} takes out of use what is false, and {distrust} all of it
    /// since they were stolen.
    function replaceVerifiers(address[] calldata members, uint16 threshold) external restricted {
        _replaceSet(members, threshold);
    }

    /// @notice Governance, timelocked: what the replaced set of `epoch` had stored of `chain` since then counts as if it had not
    /// been, disputed or not: false roots of heights to come must not keep the true ones out. The new verifiers sign what is
    /// true of it anew. What was stored before then stays good for what it was stored with, and for more where the last word that
    /// made it so was said before then, or by others.
    /// @param since Unix seconds. It can be made earlier later on, never later: nothing comes back.
    function distrust(bytes32 chain, uint64 epoch, uint64 since) external restricted {
        require(epoch < oldestEpoch, EpochStillTrusted(epoch, oldestEpoch));
        uint64 distrusted = distrustedSince[chain][epoch];
        require(since != 0 && (distrusted == 0 || since < distrusted), AlreadyDistrusted(epoch, distrusted, since));
        distrustedSince[chain][epoch] = since;
        // It may be theirs. The next one that is stored takes its place.
        delete latest[chain];
        emit EpochDistrusted(chain, epoch, since);
    }

    /// @dev A new highest height is the latest from now on.
    function _requireTimely(bytes32 chain, uint64 height, uint64 time, uint64 timeSlack) private {
        uint64 newest = uint64(block.timestamp) + MAX_DRIFT;
        require(time <= newest, TimeInTheFuture(newest, time));
        Latest memory highest = latest[chain];
        if (height <= highest.height && highest.time != 0) return;
        uint64 earliest = highest.time > timeSlack ? highest.time - timeSlack : 0;
        require(time >= earliest, TimeNotRising(earliest, time));
        latest[chain] = Latest(height, time);
    }

    function _requireOpen(bytes32 chain) private view returns (ChainRule memory rule) {
        rule = rules[chain];
        require(rule.maxAge != 0, ChainNotAccepted(chain));
        require(!rule.frozen, ChainIsFrozen(chain));
    }

    /// @dev What is stored at a height and counts, good for as much as counts; zero where nothing does.
    function _root(bytes32 chain, uint64 height) private view returns (Root memory existing) {
        existing = _roots[chain][height];
        if (existing.root == 0) return existing;
        if (_isDistrusted(chain, existing.epoch, existing.storedAt)) {
            delete existing;
        } else if (existing.upTo != ANY_AMOUNT) {
            Raise memory more = _raises[chain][height];
            bool isGood = more.upTo > existing.upTo && !_isDistrusted(chain, more.epoch, more.raisedAt);
            if (isGood) existing.upTo = more.upTo;
        }
    }

    /// @dev Whether what verifiers of `epoch` said at `saidAt` counts as if they had not.
    function _isDistrusted(bytes32 chain, uint64 epoch, uint64 saidAt) private view returns (bool) {
        uint64 since = distrustedSince[chain][epoch];
        return since != 0 && saidAt >= since;
    }

    function _requireDeepEnough(bytes32 chain, uint64 height, uint64 upTo, uint256 amount) private pure {
        require(amount <= upTo || upTo == ANY_AMOUNT, CheckpointTooShallow(chain, height, upTo, amount));
    }

    function _requireUndisputed(bytes32 chain, uint64 height) private view returns (Root memory existing) {
        existing = _root(chain, height);
        require(existing.root != 0, UnknownCheckpoint(chain, height));
        require(!existing.disputed, DisputedCheckpoint(chain, height));
    }
}
