// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {BitcoinInclusionVerifier, BitcoinProof} from "src/BitcoinInclusionVerifier.sol";
import {BitcoinMerkle} from "src/BitcoinMerkle.sol";
import {BitcoinTransaction} from "src/BitcoinTransaction.sol";
import {CheckpointRegistry} from "src/CheckpointRegistry.sol";
import {Deposit} from "src/DepositLib.sol";
import {TaprootDeposit} from "src/TaprootDeposit.sol";
import {BitcoinClaim} from "./base/BitcoinClaim.sol";
import {Vectors} from "./base/Vectors.sol";

/// @title What proves a deposit on Bitcoin, and nothing else does.
contract BitcoinTest is BitcoinClaim {
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

    function test_a_coinbase_elsewhere_than_first_is_refused() public {
        BitcoinProof memory p = _proof();
        p.coinbase = p.transaction;
        p.coinbasePath = p.path;
        _refusedProof(p, BitcoinTransaction.NotACoinbase.selector);
    }

    /// A miner's reward cannot be spent for 100 blocks; the Rust verifiers refuse it, and so who claims here by himself.
    function test_a_coinbase_that_pays_the_vault_is_no_deposit() public {
        BitcoinProof memory p = _proof();
        (, bytes32 outputKey) = BitcoinTransaction.taprootOutput(p.transaction, p.output);
        bytes memory spent = bytes.concat(bytes32(0), hex"ffffffff", hex"025151", hex"ffffffff");
        bytes memory paid = bytes.concat(hex"50c3000000000000", hex"225120", outputKey);
        p.transaction = bytes.concat(hex"02000000", hex"01", spent, hex"01", paid, hex"00000000");
        bytes32 txid = BitcoinTransaction.txid(p.transaction);
        (p.index, p.output, p.path, p.coinbasePath) = (0, 0, new bytes32[](0), new bytes32[](0));
        (p.height, p.coinbase) = (211, p.transaction);
        p.header = bytes.concat(_slice(p.header, 0, 36), txid, _slice(p.header, 68, 80));
        submit(BITCOIN, p.height, BitcoinTransaction.txid(p.header), uint64(START));
        deposit.amount = 50_000;
        deposit.sourceKey = keccak256(abi.encodePacked(txid, bytes4(0)));
        _refusedProof(p, BitcoinTransaction.CoinbaseAsDeposit.selector);
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

    /// What waits for its time is not paid while no block of its chain is believed, nor ever under one that turned out false.
    function test_a_deposit_stands_while_its_chain_is_open_and_its_block_undisputed() public {
        bitcoin.requireStanding(deposit, 210, uint64(START));
        vm.expectRevert(abi.encodeWithSelector(CheckpointRegistry.UnknownCheckpoint.selector, BITCOIN, 211));
        bitcoin.requireStanding(deposit, 211, uint64(START));
        registry.freeze(BITCOIN);
        vm.expectRevert(abi.encodeWithSelector(CheckpointRegistry.ChainIsFrozen.selector, BITCOIN));
        bitcoin.requireStanding(deposit, 210, uint64(START));
        registry.unfreeze(BITCOIN);
        registry.dispute(BITCOIN, 210);
        vm.expectRevert(abi.encodeWithSelector(CheckpointRegistry.DisputedCheckpoint.selector, BITCOIN, 210));
        bitcoin.requireStanding(deposit, 210, uint64(START));
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

    function _refused(Deposit memory forged, bytes4 selector) private {
        vm.expectPartialRevert(selector);
        bitcoin.verify(forged, encoded);
    }

    function _refusedProof(BitcoinProof memory forged, bytes4 selector) private {
        bytes memory bytes_ = abi.encode(forged);
        vm.expectPartialRevert(selector);
        bitcoin.verify(deposit, bytes_);
    }
}
