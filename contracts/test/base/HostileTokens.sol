// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

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

/// @title Says no by returning false once it is told to.
contract FickleToken is TestToken("Fickle", "FICKLE", 6) {
    bool public refuses;

    function refuse(bool refuses_) external {
        refuses = refuses_;
    }

    function transfer(address to, uint256 amount) public override returns (bool) {
        return !refuses && super.transfer(to, amount);
    }
}

/// @title Takes units away from holders, or gives them some, by its own will.
contract RebasingToken is TestToken("Rebasing", "REB", 6) {
    function shrink(address holder, uint256 amount) external {
        _burn(holder, amount);
    }
}

/// @title Returns nothing at all, as some of the oldest and largest tokens do.
contract SilentToken {
    mapping(address holder => uint256 amount) public balanceOf;
    mapping(address holder => mapping(address spender => uint256 amount)) public allowance;

    function mint(address to, uint256 amount) external {
        balanceOf[to] += amount;
    }

    function approve(address spender, uint256 amount) external {
        allowance[msg.sender][spender] = amount;
    }

    function transfer(address to, uint256 amount) external {
        balanceOf[msg.sender] -= amount;
        balanceOf[to] += amount;
    }

    function transferFrom(address from, address to, uint256 amount) external {
        allowance[from][msg.sender] -= amount;
        balanceOf[from] -= amount;
        balanceOf[to] += amount;
    }
}
