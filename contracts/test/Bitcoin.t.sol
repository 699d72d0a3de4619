// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {BitcoinInclusionVerifier, BitcoinProof} from "src/BitcoinInclusionVerifier.sol";
import {BitcoinMerkle} from "src/BitcoinMerkle.sol";
import {BitcoinTransaction} from "src/BitcoinTransaction.sol";
import {CheckpointRegistry} from "src/CheckpointRegistry.sol";
import {Deposit, DepositLib} from "src/DepositLib.sol";
import {TaprootDeposit} from "src/TaprootDeposit.sol";
import {Bridge} from "./base/Bridge.sol";
import {Vectors} from "./base/Vectors.sol";

contract BitcoinTest is Bridge {
    uint256 private constant N = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141;

    Deposit private deposit;
    bytes private encoded;

    function setUp() public override {
        super.setUp();
        _load(0);
    }

    function test_deposits_made_by_the_rust_vocabulary_are_proven() public {
        for (uint256 i = 0; i < 3; ++i) {
            string memory json = vm.readFile("test/vectors/bitcoin_claims.json");
            string memory key = string.concat(".claims[", vm.toString(i), "]");
            registry = new CheckpointRegistry(address(manager), members(), 3, RETENTION);
            registry.setChainRule(BITCOIN, 7 days, 2 hours);
            bitcoin = new BitcoinInclusionVerifier(registry, BITCOIN, SATOSHIS);
            deposit = Vectors.deposit(json, string.concat(key, ".deposit"));
            encoded = vm.parseJsonBytes(json, string.concat(key, ".proof"));
            _submit(json, key);
            (uint64 height, uint64 time) = bitcoin.verify(deposit, encoded);
            vm.assertEq(height, 210);
            vm.assertEq(time, START);
        }
    }

    /// Invariant 4 on Bitcoin: every field of the deposit is bound by the output or by where it is.
    function test_every_field_is_bound() public {
        Deposit memory d = deposit;
        d.version = 2;
        _refused(d, BitcoinInclusionVerifier.WrongVersion.selector);
        d = deposit;
        d.sourceChain = SOURCE;
        _refused(d, BitcoinInclusionVerifier.WrongChain.selector);
        d = deposit;
        d.asset = COIN;
        _refused(d, BitcoinInclusionVerifier.WrongAsset.selector);
        d = deposit;
        d.amount += 1;
        _refused(d, BitcoinInclusionVerifier.AmountMismatch.selector);
        d = deposit;
        d.sourceKey = keccak256("another outpoint");
        _refused(d, BitcoinInclusionVerifier.SourceKeyMismatch.selector);
        d = deposit;
        d.recipient = bytes32(uint256(1));
        _refused(d, TaprootDeposit.OutputKeyMismatch.selector);
        d = deposit;
        d.destinationChain = SOURCE;
        _refused(d, TaprootDeposit.OutputKeyMismatch.selector);
        d = deposit;
        d.destinationBridge = bytes32(uint256(1));
        _refused(d, TaprootDeposit.OutputKeyMismatch.selector);
        d = deposit;
        d.lane = 0;
        _refused(d, TaprootDeposit.OutputKeyMismatch.selector);
        d = deposit;
        d.expiry += 1;
        _refused(d, TaprootDeposit.OutputKeyMismatch.selector);
        d = deposit;
        d.sender = deposit.sourceBridge;
        _refused(d, TaprootDeposit.OutputKeyMismatch.selector);
        d = deposit;
        d.sourceBridge = deposit.sender;
        _refused(d, TaprootDeposit.OutputKeyMismatch.selector);
        d = deposit;
        d.sourceBridge = bytes32(type(uint256).max);
        _refused(d, TaprootDeposit.NotOnCurve.selector);
        d = deposit;
        d.sourceBridge = bytes32(uint256(5));
        _refused(d, TaprootDeposit.NotOnCurve.selector);
    }

    /// No field can differ and still be proven: two deposits of one output would be a contradiction made from one truth.
    function testFuzz_no_other_deposit_is_proven_by_the_output(uint256 field, bytes32 change) public {
        bytes memory words = abi.encode(deposit);
        field = bound(field, 0, 11);
        uint256 bits = field == 0 || field == 10 ? 8 : (field == 11 ? 64 : 256);
        bytes32 changed = bytes32(uint256(change) >> (256 - bits));
        assembly ("memory-safe") {
            mstore(add(add(words, 0x20), mul(field, 0x20)), changed)
        }
        vm.assume(keccak256(words) != keccak256(abi.encode(deposit)));
        vm.expectRevert();
        bitcoin.verify(abi.decode(words, (Deposit)), encoded);
    }

    /// The coinbase must be one: without its proof at the same depth an inner node could pass for a transaction.
    function test_the_coinbase_is_read_strictly() public {
        bytes memory raw = _proof().coinbase;
        this.requireCoinbase(raw);
        vm.expectPartialRevert(BitcoinTransaction.TransactionHasTrailingBytes.selector);
        this.requireCoinbase(bytes.concat(raw, hex"00"));
        for (uint256 length = 0; length < raw.length; ++length) {
            vm.expectPartialRevert(_cutShort(length));
            this.requireCoinbase(_slice(raw, 0, length));
        }
        for (uint256 i = 5; i < 41; ++i) {
            bytes memory spent = bytes.concat(raw);
            spent[i] ^= 0x01;
            vm.expectRevert(BitcoinTransaction.NotACoinbase.selector);
            this.requireCoinbase(spent);
        }
        bytes memory two = bytes.concat(_slice(raw, 0, 4), hex"02", _slice(raw, 5, raw.length));
        vm.expectRevert(BitcoinTransaction.NotACoinbase.selector);
        this.requireCoinbase(two);
    }

    function test_a_coinbase_elsewhere_than_first_is_refused() public {
        BitcoinProof memory p = _proof();
        p.coinbase = p.transaction;
        p.coinbasePath = p.path;
        _refusedProof(p, BitcoinTransaction.NotACoinbase.selector);
    }

    /// CVE-2012-2459 above the leaves: the copy of a whole subtree.
    function testFuzz_a_copied_subtree_is_refused_at_its_level(bytes32 leaf, uint256 level, uint256 index) public {
        level = bound(level, 0, 13);
        index = bound(index, 0, (1 << level) - 1);
        bytes32[] memory below = new bytes32[](level);
        for (uint256 i = 0; i < level; ++i) below[i] = keccak256(abi.encode(leaf, i));
        bytes32 subtree = this.merkle(leaf, index, below);
        bytes32[] memory path = new bytes32[](level + 2);
        for (uint256 i = 0; i < level; ++i) path[i] = below[i];
        path[level] = subtree;
        path[level + 1] = keccak256("left of both");
        this.merkle(leaf, index + (2 << level), path);
        vm.expectRevert(abi.encodeWithSelector(BitcoinMerkle.DuplicatedNode.selector, level));
        this.merkle(leaf, index + (3 << level), path);
    }

    function test_forged_proofs_are_refused() public {
        BitcoinProof memory p = _proof();
        p.header = bytes.concat(p.header, hex"00");
        _refusedProof(p, BitcoinInclusionVerifier.HeaderLengthWrong.selector);
        p = _proof();
        p.header[0] ^= 0x01;
        _refusedProof(p, BitcoinInclusionVerifier.HeaderHashMismatch.selector);
        p = _proof();
        p.path[0] ^= bytes32(uint256(1));
        _refusedProof(p, BitcoinInclusionVerifier.MerkleRootMismatch.selector);
        p = _proof();
        p.coinbasePath[0] ^= bytes32(uint256(1));
        _refusedProof(p, BitcoinInclusionVerifier.MerkleRootMismatch.selector);
        p = _proof();
        p.index ^= 1;
        _refusedProof(p, BitcoinInclusionVerifier.MerkleRootMismatch.selector);
        p = _proof();
        p.index += 8;
        _refusedProof(p, BitcoinMerkle.IndexOutOfRange.selector);
        p = _proof();
        p.coinbasePath = new bytes32[](2);
        _refusedProof(p, BitcoinInclusionVerifier.CoinbaseDepthMismatch.selector);
        p = _proof();
        p.path = new bytes32[](33);
        p.coinbasePath = new bytes32[](33);
        _refusedProof(p, BitcoinMerkle.PathTooLong.selector);
        p = _proof();
        p.coinbase = p.transaction;
        _refusedProof(p, BitcoinTransaction.NotACoinbase.selector);
        p = _proof();
        p.output = 0;
        _refusedProof(p, BitcoinTransaction.NotTaproot.selector);
        p = _proof();
        p.output = 2;
        _refusedProof(p, BitcoinTransaction.OutputIndexOutOfRange.selector);
        p = _proof();
        p.refundDelay += 1;
        _refusedProof(p, TaprootDeposit.OutputKeyMismatch.selector);
        p = _proof();
        p.refundDelay = 32768;
        _refusedProof(p, TaprootDeposit.RefundDelayOutOfRange.selector);
        p = _proof();
        p.outputKeyIsOdd = !p.outputKeyIsOdd;
        _refusedProof(p, TaprootDeposit.OutputKeyMismatch.selector);
    }

    function test_a_proof_has_one_encoding() public {
        vm.expectRevert(BitcoinInclusionVerifier.ProofNotCanonical.selector);
        bitcoin.verify(deposit, bytes.concat(encoded, bytes32(0)));
        vm.expectRevert(BitcoinInclusionVerifier.ProofNotCanonical.selector);
        bitcoin.verify(deposit, bytes.concat(encoded, hex"00"));
    }

    /// What waits for its time is not paid while no block of its chain is believed.
    function test_a_deposit_stands_while_its_chain_is_open() public {
        bitcoin.requireStanding(BITCOIN, uint64(START));
        registry.freeze(BITCOIN);
        vm.expectRevert(abi.encodeWithSelector(CheckpointRegistry.ChainIsFrozen.selector, BITCOIN));
        bitcoin.requireStanding(BITCOIN, uint64(START));
    }

    /// The depositor may take it back after the delay, and an old proof still shows it: so it must stop working first.
    function test_no_proof_is_good_once_the_refund_is_near() public {
        registry.setChainRule(BITCOIN, 365 days, 2 hours);
        vm.warp(START + 1008 * 300);
        bitcoin.verify(deposit, encoded);
        vm.warp(START + 1008 * 300 + 1);
        vm.expectPartialRevert(BitcoinInclusionVerifier.RefundTooNear.selector);
        bitcoin.verify(deposit, encoded);
    }

    function test_the_header_time_must_be_the_checkpoints() public {
        BitcoinProof memory p = _proof();
        bytes32 hash = BitcoinTransaction.txid(p.header);
        submit(BITCOIN, 211, hash, uint64(START + 1));
        p.height = 211;
        _refusedProof(p, BitcoinInclusionVerifier.HeaderTimeMismatch.selector);
    }

    /// BIP 341, wallet test vectors: internal key, Merkle root, output key.
    function test_bip_341_vectors() public view {
        _tweaks(
            0x187791b6f712a8ea41c8ecdd0ee77fab3e85263b37e1ec18a3651926b3a6cf27,
            0x5b75adecf53548f3ec6ad7d78383bf84cc57b55a3127c72b9a2481752dd88b21,
            0x147c9c57132f6e7ecddba9800bb0c4449251c92a1e60371ee77557b6620f3ea3
        );
        _tweaks(
            0x93478e9488f956df2396be2ce6c5cced75f900dfa18e7dabd2428aae78451820,
            0xc525714a7f49c28aedbbba78c005931a81c234b2f6c99a73e4d06082adc8bf2b,
            0xe4d810fd50586274face62b8a807eb9719cef49c04177cc6b76a9a4251d5450e
        );
        _tweaks(
            0xee4fe085983462a184015d1f782d6a5f8b9c2b60130aff050ce221ecf3786592,
            0x6c2dc106ab816b73f9d07e3cd1ef2c8c1256f519748e0813e4edd2405d277bef,
            0x712447206d7a5238acc7ff53fbe94a3b64539ad291c7cdbc490b7577e4b17df5
        );
    }

    function testFuzz_no_other_key_is_the_tweaked_one(bytes32 other) public {
        bytes32 internalKey = 0x187791b6f712a8ea41c8ecdd0ee77fab3e85263b37e1ec18a3651926b3a6cf27;
        bytes32 root = 0x5b75adecf53548f3ec6ad7d78383bf84cc57b55a3127c72b9a2481752dd88b21;
        vm.assume(other != 0x147c9c57132f6e7ecddba9800bb0c4449251c92a1e60371ee77557b6620f3ea3);
        for (uint256 i = 0; i < 2; ++i) {
            vm.expectRevert();
            this.tweak(internalKey, root, other, i == 1);
        }
    }

    function test_what_is_no_scalar_or_cut_short_is_said() public {
        bytes32 internalKey = 0x187791b6f712a8ea41c8ecdd0ee77fab3e85263b37e1ec18a3651926b3a6cf27;
        bytes32[3] memory keys_ = [bytes32(0), bytes32(N), bytes32(type(uint256).max)];
        for (uint256 i = 0; i < 3; ++i) {
            vm.expectRevert(abi.encodeWithSelector(TaprootDeposit.ScalarOutOfRange.selector, keys_[i]));
            this.tweak(internalKey, bytes32(uint256(1)), keys_[i], false);
        }
        bytes memory raw = _proof().transaction;
        bytes memory cut = _slice(raw, 0, raw.length - 1);
        vm.expectRevert(
            abi.encodeWithSelector(BitcoinTransaction.TransactionTruncated.selector, raw.length, raw.length - 1)
        );
        this.taprootOutput(cut, 1);
    }

    /// CVE-2012-2459: the copy that fills an odd level is no transaction of its own.
    function test_the_duplicated_right_edge_is_refused() public {
        bytes32 leaf = keccak256("leaf");
        bytes32[] memory path = new bytes32[](2);
        (path[0], path[1]) = (leaf, keccak256("first two"));
        this.merkle(leaf, 2, path);
        vm.expectRevert(abi.encodeWithSelector(BitcoinMerkle.DuplicatedNode.selector, 0));
        this.merkle(leaf, 3, path);
        vm.expectRevert(abi.encodeWithSelector(BitcoinMerkle.DuplicatedNode.selector, 0));
        this.merkle(leaf, 0, path);
    }

    /// What is last in its row is last in every row above: no tree goes on beside it.
    function test_nothing_stands_to_the_right_of_the_last_node() public {
        bytes32 leaf = keccak256("leaf");
        bytes32[] memory path = new bytes32[](3);
        (path[0], path[1], path[2]) = (leaf, keccak256("more"), keccak256("first four"));
        vm.expectRevert(abi.encodeWithSelector(BitcoinMerkle.DuplicatedNode.selector, 1));
        this.merkle(leaf, 4, path);
        path[1] = sha256(abi.encodePacked(sha256(abi.encodePacked(leaf, leaf))));
        this.merkle(leaf, 4, path);
    }

    function test_a_transaction_of_64_bytes_is_refused() public {
        vm.expectRevert(BitcoinTransaction.TransactionOf64Bytes.selector);
        this.taprootOutput(new bytes(64), 0);
        vm.expectRevert(BitcoinTransaction.TransactionOf64Bytes.selector);
        this.requireCoinbase(new bytes(64));
    }

    /// What is said of the first `length` bytes of a transaction.
    function _cutShort(uint256 length) private pure returns (bytes4) {
        return length == 64
            ? BitcoinTransaction.TransactionOf64Bytes.selector
            : BitcoinTransaction.TransactionTruncated.selector;
    }

    function test_transactions_are_read_strictly() public {
        bytes memory raw = _proof().transaction;
        this.taprootOutput(raw, 1);
        vm.expectPartialRevert(BitcoinTransaction.TransactionHasTrailingBytes.selector);
        this.taprootOutput(bytes.concat(raw, hex"00"), 1);
        for (uint256 length = 0; length < raw.length; ++length) {
            vm.expectPartialRevert(_cutShort(length));
            this.taprootOutput(_slice(raw, 0, length), 1);
        }
        bytes memory marked = bytes.concat(_slice(raw, 0, 4), hex"0001", _slice(raw, 4, raw.length));
        vm.expectRevert(BitcoinTransaction.NoInputs.selector);
        this.taprootOutput(marked, 1);
        bytes memory padded = bytes.concat(_slice(raw, 0, 4), hex"fd0100", _slice(raw, 5, raw.length));
        vm.expectRevert(abi.encodeWithSelector(BitcoinTransaction.CountNotMinimal.selector, 1));
        this.taprootOutput(padded, 1);
        bytes memory huge = bytes.concat(_slice(raw, 0, 4), hex"ffffffffffffffffff", _slice(raw, 5, raw.length));
        vm.expectPartialRevert(BitcoinTransaction.TransactionTruncated.selector);
        this.taprootOutput{gas: 5_000_000}(huge, 1);
    }

    function tweak(bytes32 internalKey, bytes32 root, bytes32 outputKey, bool isOdd) external view {
        TaprootDeposit.requireTweaked(internalKey, root, outputKey, isOdd);
    }

    function merkle(bytes32 leaf, uint256 index, bytes32[] memory path) external pure returns (bytes32) {
        return BitcoinMerkle.root(leaf, index, path);
    }

    function taprootOutput(bytes memory raw, uint256 index) external pure returns (uint64, bytes32) {
        return BitcoinTransaction.taprootOutput(raw, index);
    }

    function requireCoinbase(bytes memory raw) external pure {
        BitcoinTransaction.requireCoinbase(raw);
    }

    /// @dev Exactly one parity is right.
    function _tweaks(bytes32 internalKey, bytes32 root, bytes32 outputKey) private view {
        uint256 accepted = 0;
        for (uint256 i = 0; i < 2; ++i) {
            try this.tweak(internalKey, root, outputKey, i == 1) {
                ++accepted;
            } catch {}
        }
        vm.assertEq(accepted, 1);
    }

    function _load(uint256 index) private {
        string memory json = vm.readFile("test/vectors/bitcoin_claims.json");
        string memory key = string.concat(".claims[", vm.toString(index), "]");
        deposit = Vectors.deposit(json, string.concat(key, ".deposit"));
        encoded = vm.parseJsonBytes(json, string.concat(key, ".proof"));
        _submit(json, key);
    }

    function _submit(string memory json, string memory key) private {
        bytes32 root = vm.parseJsonBytes32(json, string.concat(key, ".root"));
        submit(BITCOIN, 210, root, uint64(vm.parseJsonUint(json, string.concat(key, ".time"))));
    }

    function _proof() private view returns (BitcoinProof memory) {
        return abi.decode(encoded, (BitcoinProof));
    }

    function _refused(Deposit memory forged, bytes4 selector) private {
        vm.expectPartialRevert(selector);
        bitcoin.verify(forged, encoded);
    }

    function _refusedProof(BitcoinProof memory forged, bytes4 selector) private {
        bytes memory bytes_ = abi.encode(forged);
        vm.expectPartialRevert(selector);
        bitcoin.verify(deposit, bytes_);
    }

    function _slice(bytes memory from, uint256 start, uint256 end) private pure returns (bytes memory part) {
        part = new bytes(end - start);
        for (uint256 i = start; i < end; ++i) part[i - start] = from[i];
    }
}
