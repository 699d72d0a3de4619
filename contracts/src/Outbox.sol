// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Deposit, DepositLib} from "./DepositLib.sol";
import {LocalChain} from "./LocalChain.sol";

/// @title Append-only list of the deposits made on this chain.
/// @notice `deposits` is at storage slot 0 and stays there: destinations prove
/// `keccak256(abi.encode(nonce, uint256(0)))` against this account's storage root. Nothing else is stored first,
/// nothing is ever changed or deleted.
contract Outbox is LocalChain {
    /// @notice What the depositor asks for; chain, bridge and key are the outbox's to say.
    struct Terms {
        bytes32 asset;
        uint256 amount;
        bytes32 destinationChain;
        bytes32 destinationBridge;
        bytes32 recipient;
        bytes32 sender;
        uint8 lane;
        uint64 expiry;
    }

    /// @notice nonce => deposit id.
    mapping(uint256 nonce => bytes32 id) public deposits;
    /// @notice How many deposits there are; the next nonce. Nonces start at 0.
    uint256 public count;
    /// @notice The only caller of {append}.
    address public immutable vault;

    /// @notice A deposit was made. `deposit` is complete: its id can be recomputed from it.
    event Deposited(uint256 indexed nonce, bytes32 indexed id, Deposit deposit);

    error OnlyVault(address caller);

    constructor(address vault_) {
        vault = vault_;
    }

    /// @notice Appends a deposit whose funds the vault has just taken.
    function append(Terms calldata terms) external returns (uint256 nonce, bytes32 id) {
        require(msg.sender == vault, OnlyVault(msg.sender));
        nonce = count++;
        Deposit memory deposit = Deposit({
            version: DepositLib.VERSION,
            sourceChain: localChain(),
            sourceBridge: bytes32(uint256(uint160(address(this)))),
            sourceKey: bytes32(nonce),
            asset: terms.asset,
            amount: terms.amount,
            destinationChain: terms.destinationChain,
            destinationBridge: terms.destinationBridge,
            recipient: terms.recipient,
            sender: terms.sender,
            lane: terms.lane,
            expiry: terms.expiry
        });
        id = DepositLib.id(deposit);
        deposits[nonce] = id;
        emit Deposited(nonce, id, deposit);
    }
}
