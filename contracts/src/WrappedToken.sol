// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";
import {ERC20Permit} from "@openzeppelin/contracts/token/ERC20/extensions/ERC20Permit.sol";

/// @title A token that stands for an asset locked on other chains, one base unit for one.
/// @notice Only the inbox mints and burns; there is no owner. What came from a chain is counted per chain, and no more
/// than that can ever go back to it (Kelp 2026).
contract WrappedToken is ERC20, ERC20Permit {
    /// @notice The only minter and burner.
    address public immutable inbox;
    /// @notice source chain => how much of the supply its deposits stand for. Sums up to `totalSupply`.
    mapping(bytes32 chain => uint256 amount) public supplyOf;

    uint8 private immutable _decimals;

    error OnlyInbox(address caller);
    error OverCredit(bytes32 chain, uint256 credit, uint256 amount);

    constructor(string memory name, string memory symbol, uint8 decimals_, address inbox_)
        ERC20(name, symbol)
        ERC20Permit(name)
    {
        _decimals = decimals_;
        inbox = inbox_;
    }

    /// @notice Those of the asset it stands for, so that amounts are never scaled.
    function decimals() public view override returns (uint8) {
        return _decimals;
    }

    /// @notice Inbox: pays a deposit made on `chain`.
    function mint(address to, uint256 amount, bytes32 chain) external {
        require(msg.sender == inbox, OnlyInbox(msg.sender));
        supplyOf[chain] += amount;
        _mint(to, amount);
    }

    /// @notice Inbox: `from` sends the asset back to `chain`.
    function burn(address from, uint256 amount, bytes32 chain) external {
        require(msg.sender == inbox, OnlyInbox(msg.sender));
        uint256 credit = supplyOf[chain];
        require(amount <= credit, OverCredit(chain, credit, amount));
        supplyOf[chain] = credit - amount;
        _burn(from, amount);
    }
}
