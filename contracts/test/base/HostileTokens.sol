// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Deposit} from "src/DepositLib.sol";
import {Inbox} from "src/Inbox.sol";
import {Vault} from "src/Vault.sol";
import {TestToken} from "./TestToken.sol";

/// @title Keeps a tenth of every transfer.
contract FeeToken is TestToken("Fee", "FEE", 6) {
    function _update(address from, address to, uint256 amount) internal override {
        bool isTransfer = from != address(0) && to != address(0);
        super._update(from, to, isTransfer ? amount - amount / 10 : amount);
        if (isTransfer) super._update(from, address(0xfee), amount / 10);
    }
}

/// @title Says no by returning false, and moves nothing.
contract FalseToken is TestToken("False", "FALSE", 6) {
    function transfer(address, uint256) public pure override returns (bool) {
        return false;
    }

    function transferFrom(address, address, uint256) public pure override returns (bool) {
        return false;
    }
}

/// @title Calls back into the bridge whenever it is moved.
contract ReentrantToken is TestToken("Reentrant", "RE", 6) {
    address public target;
    bytes public data;
    bytes public outcome;

    function arm(address target_, bytes calldata data_) external {
        target = target_;
        data = data_;
    }

    function _update(address from, address to, uint256 amount) internal override {
        super._update(from, to, amount);
        if (target == address(0)) return;
        address called = target;
        target = address(0);
        (, outcome) = called.call(data);
    }
}

/// @title A recipient that claims again while it is being paid, or spends all the gas it gets.
contract HostileRecipient {
    Inbox private immutable _inbox;
    bytes private _data;
    bool public burnsGas;
    bytes public outcome;

    constructor(Inbox inbox_) {
        _inbox = inbox_;
    }

    function arm(bytes calldata data, bool burns) external {
        _data = data;
        burnsGas = burns;
    }

    receive() external payable {
        while (burnsGas) {}
        bytes memory data = _data;
        if (data.length != 0) {
            bool success;
            (success, data) = address(_inbox).call(data);
            require(!success, "paid twice");
        }
    }
}
