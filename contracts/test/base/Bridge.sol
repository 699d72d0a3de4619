// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {AccessManager} from "@openzeppelin/contracts/access/manager/AccessManager.sol";
import {BatchProof} from "src/BatchProof.sol";
import {BitcoinInclusionVerifier} from "src/BitcoinInclusionVerifier.sol";
import {CheckpointRegistry} from "src/CheckpointRegistry.sol";
import {Deposit, DepositLib} from "src/DepositLib.sol";
import {EthereumStorageVerifier} from "src/EthereumStorageVerifier.sol";
import {FastLane} from "src/FastLane.sol";
import {Inbox} from "src/Inbox.sol";
import {Lane} from "src/Lane.sol";
import {Outbox} from "src/Outbox.sol";
import {PauseController} from "src/PauseController.sol";
import {RiskGuard} from "src/RiskGuard.sol";
import {Vault} from "src/Vault.sol";
import {WrappedToken} from "src/WrappedToken.sol";
import {SourceState} from "./SourceState.sol";
import {TestToken} from "./TestToken.sol";
import {Test} from "./Vm.sol";

/// @title A whole bridge on one chain: real verifiers, real signatures, true tries. Nothing is stubbed.
/// @dev The source chain is `eip155:1`, whose outbox is the address `SOURCE_BRIDGE`. Its coin is minted here as
/// `wrapped`; `token` and the native coin, once locked, are released for what that chain calls `RETURNING_*`.
abstract contract Bridge is Test {
    uint256 internal constant START = 1_750_000_000;
    bytes32 internal constant SOURCE = keccak256("eip155:1");
    bytes32 internal constant COIN = keccak256("eip155:1/slip44:60");
    bytes32 internal constant RETURNING_TOKEN = keccak256("eip155:1/erc20:0x01");
    bytes32 internal constant RETURNING_NATIVE = keccak256("eip155:1/erc20:0x02");
    bytes32 internal constant BITCOIN = keccak256("bip122:0f9188f13cb7b2c71f2a335e3a4fc328");
    bytes32 internal constant SATOSHIS = keccak256("bip122:0f9188f13cb7b2c71f2a335e3a4fc328/slip44:0");
    bytes32 internal constant SOURCE_BRIDGE = bytes32(uint256(0xb41d9e));
    bytes32 internal constant REMOTE_INBOX = bytes32(uint256(0x1b0c));
    uint128 internal constant UNLIMITED = type(uint128).max;
    uint64 internal constant RETENTION = 1 hours;
    uint64 internal constant ROTATION_DELAY = 2 hours;
    address internal constant ALICE = address(0xa11ce);

    AccessManager internal manager;
    PauseController internal pauses;
    CheckpointRegistry internal registry;
    Outbox internal outbox;
    Vault internal vault;
    RiskGuard internal guard;
    Inbox internal inbox;
    FastLane internal fastLane;
    EthereumStorageVerifier internal ethereum;
    BitcoinInclusionVerifier internal bitcoin;
    WrappedToken internal wrapped;
    TestToken internal token;

    /// @dev Keys of five signers, by ascending address; verifiers and fast-lane signers alike.
    uint256[5] internal keys;
    uint64 internal nextHeight = 100;

    function setUp() public virtual {
        vm.warp(START);
        _sortKeys();
        uint64 nonce = vm.getNonce(address(this));
        address vaultAt = vm.computeCreateAddress(address(this), nonce + 4);
        address inboxAt = vm.computeCreateAddress(address(this), nonce + 6);
        manager = new AccessManager(address(this));
        pauses = new PauseController(address(manager), inboxAt);
        registry = new CheckpointRegistry(address(manager), members(), 3, RETENTION);
        outbox = new Outbox(vaultAt);
        vault = new Vault(address(manager), outbox, Inbox(inboxAt), pauses, registry, refundHold());
        guard = new RiskGuard(address(manager), inboxAt);
        inbox = new Inbox(address(manager), vault, guard, pauses);
        fastLane = new FastLane(address(manager), members(), 3, RETENTION, ROTATION_DELAY);
        ethereum = new EthereumStorageVerifier(registry);
        bitcoin = new BitcoinInclusionVerifier(registry, BITCOIN, SATOSHIS);
        wrapped = new WrappedToken("Wrapped Coin", "wCOIN", 18, address(inbox));
        token = new TestToken("Token", "TOK", 6);
        _configure();
    }

    /// @dev Seconds that a root stands before it refunds: none, but where that is what is tested.
    function refundHold() internal pure virtual returns (uint64) {
        return 0;
    }

    function _configure() private {
        inbox.setVerifier(Lane.FAST, fastLane);
        inbox.setVerifier(Lane.ETHEREUM, ethereum);
        inbox.setVerifier(Lane.BITCOIN, bitcoin);
        registry.setChainRule(SOURCE, 7 days, 0);
        registry.setChainRule(BITCOIN, 7 days, 2 hours);
        inbox.setBridge(SOURCE, SOURCE_BRIDGE);
        inbox.setPayout(SOURCE, COIN, Inbox.Kind.Mint, address(wrapped));
        inbox.setPayout(SOURCE, RETURNING_TOKEN, Inbox.Kind.Release, address(token));
        inbox.setPayout(SOURCE, RETURNING_NATIVE, Inbox.Kind.Release, address(0));
        bytes32[3] memory assets = [COIN, RETURNING_TOKEN, RETURNING_NATIVE];
        for (uint256 i = 0; i < 3; ++i) {
            guard.raise(Lane.FAST, assets[i], SOURCE, openLimits());
            guard.raise(Lane.ETHEREUM, assets[i], SOURCE, openLimits());
        }
        vault.registerAsset(address(0), Vault.Kind.Locked, 10);
        vault.registerAsset(address(token), Vault.Kind.Locked, 10);
        vault.registerAsset(address(wrapped), Vault.Kind.Wrapped, 10);
        vault.setRoute(SOURCE, REMOTE_INBOX);
    }

    function openLimits() internal pure returns (RiskGuard.Limits memory) {
        return RiskGuard.Limits(UNLIMITED, UNLIMITED, UNLIMITED, UNLIMITED, 0, 1 hours);
    }

    function members() internal view returns (address[] memory list) {
        list = new address[](5);
        for (uint256 i = 0; i < 5; ++i) list[i] = vm.addr(keys[i]);
    }

    /// @dev A deposit of 1000 units of the source chain's coin for Alice.
    function sample(uint256 nonce) internal view returns (Deposit memory) {
        return Deposit({
            version: 1,
            sourceChain: SOURCE,
            sourceBridge: SOURCE_BRIDGE,
            sourceKey: bytes32(nonce),
            asset: COIN,
            amount: 1000,
            destinationChain: keccak256("eip155:31337"),
            destinationBridge: bytes32(uint256(uint160(address(inbox)))),
            recipient: bytes32(uint256(uint160(ALICE))),
            sender: bytes32(uint256(0x5e4de4)),
            lane: DepositLib.ANY,
            expiry: uint64(block.timestamp + 1 days)
        });
    }

    /// @dev Joins the signatures of the first `count` signers.
    function sign(bytes32 digest, uint256 count) internal view returns (bytes memory signatures) {
        for (uint256 i = 0; i < count; ++i) signatures = bytes.concat(signatures, signOne(keys[i], digest));
    }

    function signOne(uint256 key, bytes32 digest) internal pure returns (bytes memory) {
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(key, digest);
        return abi.encodePacked(r, s, v);
    }

    function typed(string memory name, address contract_, bytes32 structHash) internal view returns (bytes32) {
        bytes32 domain = keccak256(
            abi.encode(
                keccak256("EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"),
                keccak256(bytes(name)),
                keccak256("1"),
                block.chainid,
                contract_
            )
        );
        return keccak256(abi.encodePacked(hex"1901", domain, structHash));
    }

    function batchDigest(bytes32 root, uint32 count, uint64 epoch, uint64 expiry) internal view returns (bytes32) {
        bytes32 typeHash = keccak256("Batch(bytes32 root,uint32 count,uint64 epoch,uint64 expiry)");
        return typed("Spandrel FastLane", address(fastLane), keccak256(abi.encode(typeHash, root, count, epoch, expiry)));
    }

    /// @dev For any amount.
    function checkpointDigest(bytes32 chain, uint64 height, bytes32 root, uint64 time, uint64 epoch)
        internal
        view
        returns (bytes32)
    {
        return checkpointDigest(chain, height, root, time, type(uint64).max, epoch);
    }

    function checkpointDigest(bytes32 chain, uint64 height, bytes32 root, uint64 time, uint64 upTo, uint64 epoch)
        internal
        view
        returns (bytes32)
    {
        bytes32 typeHash =
            keccak256("Checkpoint(bytes32 sourceChain,uint64 height,bytes32 root,uint64 time,uint64 upTo,uint64 epoch)");
        bytes32 structHash = keccak256(abi.encode(typeHash, chain, height, root, time, upTo, epoch));
        return typed("Spandrel CheckpointRegistry", address(registry), structHash);
    }

    /// @dev For any amount.
    function submit(bytes32 chain, uint64 height, bytes32 root, uint64 time) internal {
        submitUpTo(chain, height, root, time, type(uint64).max);
    }

    function submitUpTo(bytes32 chain, uint64 height, bytes32 root, uint64 time, uint64 upTo) internal {
        bytes memory signatures = sign(checkpointDigest(chain, height, root, time, upTo, 1), 3);
        registry.submit(chain, height, root, time, upTo, 1, signatures);
    }

    function submitBy(uint64 epoch, bytes32 chain, uint64 height, bytes32 root, uint64 time) internal {
        bytes memory signatures = sign(checkpointDigest(chain, height, root, time, epoch), 3);
        registry.submit(chain, height, root, time, type(uint64).max, epoch, signatures);
    }

    /// @dev A batch of this one deposit, and its proof.
    function attest(Deposit memory deposit) internal returns (bytes memory proof) {
        bytes32 root = BatchProof.leaf(DepositLib.id(deposit));
        uint64 expiry = uint64(block.timestamp + 1 days);
        fastLane.attestBatch(root, 1, 1, expiry, sign(batchDigest(root, 1, 1, expiry), 3));
        return abi.encode(root, uint32(0), new bytes32[](0));
    }

    /// @dev A source block that holds this deposit, its checkpoint, and the storage proof.
    function prove(Deposit memory deposit) internal returns (bytes memory) {
        return proveWord(deposit.sourceKey, DepositLib.id(deposit));
    }

    /// @dev A source block in which `deposits[nonce]` is `word`.
    function proveWord(bytes32 nonce, bytes32 word) internal returns (bytes memory) {
        return proveSlot(address(uint160(uint256(SOURCE_BRIDGE))), keccak256(abi.encode(nonce, 0)), uint256(word));
    }

    /// @dev A source block in which `slot` of `account` is `value`.
    function proveSlot(address account, bytes32 slot, uint256 value) internal returns (bytes memory) {
        (bytes32 root, bytes[] memory storageProof) = SourceState.oneSlot(slot, value);
        uint64 height = nextHeight++;
        uint64 time = uint64(block.timestamp);
        (bytes memory header, bytes[] memory accountProof) = SourceState.header(height, time, account, root);
        submit(SOURCE, height, keccak256(header), time);
        return abi.encode(height, header, accountProof, storageProof);
    }

    function balance(address account) internal view returns (uint256) {
        return wrapped.balanceOf(account);
    }

    function _sortKeys() private {
        for (uint256 i = 0; i < 5; ++i) keys[i] = uint256(keccak256(abi.encode("signer", i)));
        for (uint256 i = 0; i < 5; ++i) {
            for (uint256 j = i + 1; j < 5; ++j) {
                if (vm.addr(keys[j]) < vm.addr(keys[i])) (keys[i], keys[j]) = (keys[j], keys[i]);
            }
        }
    }
}
