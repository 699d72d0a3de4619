//! The rule that whoever pays for gas can pay for it.

use alloy_primitives::{Address, U256};
use spandrel_verifiers::ChainId;

use super::{Concern, Finding, Rule};

/// An account that pays for gas.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Funds {
    /// Which.
    pub account: Address,
    /// Wei, by the node that sees most.
    pub balance: U256,
    /// The least that it should have.
    pub least: U256,
}

/// Judges the account of `destination`. Nothing is paused: what is not paid for is not sent.
pub fn judge_funds(destination: &ChainId, funds: &Funds) -> Option<Finding> {
    let Funds { account, balance, least } = funds;
    (balance < least).then(|| Finding {
        rule: Rule::BalanceLow,
        subject: destination.to_string(),
        concern: Concern::Chain(destination.clone()),
        is_pausing: false,
        what: format!("{account} on {destination} has {balance} wei, expected at least {least}"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_account_that_cannot_pay_for_a_batch_raises_an_alarm_and_pauses_nothing() {
        let chain = ChainId::eip155(9);
        let funds = |balance| Funds { account: Address::ZERO, balance: U256::from(balance), least: U256::from(5) };
        assert_eq!(judge_funds(&chain, &funds(5)), None);
        assert!(!judge_funds(&chain, &funds(4)).unwrap().is_pausing);
    }
}
