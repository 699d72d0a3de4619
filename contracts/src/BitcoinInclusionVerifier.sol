// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {BitcoinMerkle} from "./BitcoinMerkle.sol";
import {BitcoinTransaction} from "./BitcoinTransaction.sol";
import {Deposit, DepositLib} from "./DepositLib.sol";
import {ILaneVerifier} from "./ILaneVerifier.sol";
import {IRootSource} from "./IRootSource.sol";
import {TaprootDeposit} from "./TaprootDeposit.sol";

/// @notice A deposit output, its transaction, and the Merkle paths of that transaction and of the coinbase. Hashes are
/// in wire order, transactions without witness data.
struct BitcoinProof {
    uint64 height;
    bytes header;
    bytes transaction;
    uint32 index;
    bytes32[] path;
    bytes coinbase;
    bytes32[] coinbasePath;
    uint32 output;
    uint16 refundDelay;
    bool outputKeyIsOdd;
}

/// @title Deposits of a Bitcoin chain: a Taproot output in a block with a trusted hash.
/// @notice Bound by the output: amount, vault key, destination chain and bridge, recipient, lane, expiry and refund key.
/// Inclusion says nothing of validity; how many blocks must follow is for those who sign the checkpoint, which says up to
/// which amount as many follow as they ask for.
contract BitcoinInclusionVerifier is ILaneVerifier {
    /// @notice First word of what a deposit commits to.
    bytes32 public constant COMMITMENT_TAG = keccak256("spandrel.bitcoin.deposit.v1");

    /// @notice Seconds of a block by which the depositor's refund is reckoned: half the target spacing, so that a claim
    /// ends well before `refundDelay` blocks can have passed. An inclusion proof cannot show that a deposit was taken
    /// back since.
    uint256 public constant REFUND_SECONDS_PER_BLOCK = 300;

    IRootSource public immutable roots;
    /// @notice The Bitcoin chain, and the name of its coin.
    bytes32 public immutable chain;
    bytes32 public immutable asset;

    error WrongVersion(uint8 expected, uint8 found);
    error WrongChain(bytes32 expected, bytes32 found);
    error WrongAsset(bytes32 expected, bytes32 found);
    error ProofNotCanonical();
    error HeaderLengthWrong(uint256 expected, uint256 found);
    error HeaderHashMismatch(bytes32 expected, bytes32 found);
    error HeaderTimeMismatch(uint64 expected, uint64 found);
    error MerkleRootMismatch(bytes32 expected, bytes32 found);
    error CoinbaseDepthMismatch(uint256 expected, uint256 found);
    error AmountMismatch(uint256 expected, uint256 found);
    error SourceKeyMismatch(bytes32 expected, bytes32 found);
    error RefundTooNear(uint256 claimableUntil, uint256 now_);

    constructor(IRootSource roots_, bytes32 chain_, bytes32 asset_) {
        roots = roots_;
        chain = chain_;
        asset = asset_;
    }

    /// @inheritdoc ILaneVerifier
    /// @param proof `abi.encode(BitcoinProof)`, canonical.
    function verify(Deposit calldata deposit, bytes calldata proof)
        external
        view
        returns (uint64 height, uint64 time)
    {
        // The one field that neither the output nor its place binds: two versions would be two ids of one output.
        require(deposit.version == DepositLib.VERSION, WrongVersion(DepositLib.VERSION, deposit.version));
        require(deposit.sourceChain == chain, WrongChain(chain, deposit.sourceChain));
        require(deposit.asset == asset, WrongAsset(asset, deposit.asset));
        BitcoinProof memory evidence = abi.decode(proof, (BitcoinProof));
        require(keccak256(abi.encode(evidence)) == keccak256(proof), ProofNotCanonical());
        height = evidence.height;
        time = _requireInBlock(evidence, deposit.amount);
        uint256 claimableUntil = time + uint256(evidence.refundDelay) * REFUND_SECONDS_PER_BLOCK;
        require(block.timestamp <= claimableUntil, RefundTooNear(claimableUntil, block.timestamp));
        _requireOutput(deposit, evidence);
    }

    /// @inheritdoc ILaneVerifier
    function requireStanding(Deposit calldata deposit, uint64 height, uint64 verifiedAt) external view {
        roots.requireStanding(deposit.sourceChain, height, deposit.amount, verifiedAt);
    }

    /// @notice What the first leaf of a deposit's script tree carries.
    function commitment(Deposit calldata deposit) public pure returns (bytes32) {
        return keccak256(
            abi.encode(
                COMMITMENT_TAG,
                deposit.destinationChain,
                deposit.destinationBridge,
                deposit.recipient,
                deposit.lane,
                deposit.expiry
            )
        );
    }

    /// @dev Header under a checkpoint for this amount, transaction and coinbase under the header, both at the same depth: an inner
    /// node cannot pass for a transaction then (BIP 54).
    function _requireInBlock(BitcoinProof memory evidence, uint256 amount) private view returns (uint64 time) {
        bytes memory header = evidence.header;
        require(header.length == 80, HeaderLengthWrong(80, header.length));
        bytes32 root;
        (root, time) = roots.rootAt(chain, evidence.height, amount);
        bytes32 hash = BitcoinTransaction.txid(header);
        require(hash == root, HeaderHashMismatch(root, hash));
        bytes32 merkleRoot;
        uint64 headerTime;
        assembly ("memory-safe") {
            merkleRoot := mload(add(header, 0x44))
            let word := shr(224, mload(add(header, 0x64)))
            headerTime :=
                or(
                    or(shl(24, and(word, 0xff)), shl(8, and(word, 0xff00))),
                    or(and(shr(8, word), 0xff00), shr(24, word))
                )
        }
        require(headerTime == time, HeaderTimeMismatch(time, headerTime));

        uint256 depth = evidence.path.length;
        require(evidence.coinbasePath.length == depth, CoinbaseDepthMismatch(depth, evidence.coinbasePath.length));
        BitcoinTransaction.requireCoinbase(evidence.coinbase);
        _requireRoot(merkleRoot, evidence.coinbase, 0, evidence.coinbasePath);
        _requireRoot(merkleRoot, evidence.transaction, evidence.index, evidence.path);
    }

    function _requireRoot(bytes32 expected, bytes memory transaction, uint256 index, bytes32[] memory path)
        private
        pure
    {
        bytes32 found = BitcoinMerkle.root(BitcoinTransaction.txid(transaction), index, path);
        require(found == expected, MerkleRootMismatch(expected, found));
    }

    /// @dev The output holds the amount, is named by the source key, and commits to the rest of the deposit.
    function _requireOutput(Deposit calldata deposit, BitcoinProof memory evidence) private view {
        (uint64 value, bytes32 outputKey) = BitcoinTransaction.taprootOutput(evidence.transaction, evidence.output);
        require(deposit.amount == value, AmountMismatch(value, deposit.amount));
        bytes32 key = keccak256(
            abi.encodePacked(BitcoinTransaction.txid(evidence.transaction), _littleEndian(evidence.output))
        );
        require(deposit.sourceKey == key, SourceKeyMismatch(key, deposit.sourceKey));
        bytes32 root = TaprootDeposit.merkleRoot(commitment(deposit), deposit.sender, evidence.refundDelay);
        TaprootDeposit.requireTweaked(deposit.sourceBridge, root, outputKey, evidence.outputKeyIsOdd);
    }

    function _littleEndian(uint32 value) private pure returns (bytes4) {
        return bytes4((value << 24) | ((value & 0xff00) << 8) | ((value >> 8) & 0xff00) | (value >> 24));
    }
}
