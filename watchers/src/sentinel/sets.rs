//! The rule that the sets in force on a destination are those that are configured.
//!
//! A set on the chain that is not the configured one can attest, or verify, what this bridge knows nothing of. Guardians agree
//! on another set before it is in force (`control.md`), so a rotation that was meant to be is told apart.

use alloy_primitives::{Address, keccak256};
use spandrel_verifiers::ChainId;
use spandrel_verifiers::attestation::SignerSet;
use spandrel_verifiers::follow::FollowError;

use super::{Concern, Finding, Rule};
use crate::ethereum::Execution;

/// What `SignerSets.sol` answers.
mod told {
    alloy::sol! {
        struct StoredSet {
            uint16 threshold;
            uint16 size;
            uint64 validFrom;
            uint64 validUntil;
            uint64 predecessor;
        }
        function currentEpoch() returns (uint64 epoch);
        function signerSet(uint64 epoch) returns (StoredSet set);
        function signers(uint64 epoch) returns (address[] members);
    }
}

/// Whose set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SetOf {
    /// The fast lane's signers.
    FastLane,
    /// The verifiers, at the registry.
    Verifiers,
}

impl SetOf {
    fn name(self) -> &'static str {
        match self {
            Self::FastLane => "fast lane's signers",
            Self::Verifiers => "verifiers",
        }
    }
}

/// The set in force at `contract`, by the node's word.
pub(super) async fn set_in_force(node: &Execution, contract: Address) -> Result<SignerSet, FollowError> {
    let epoch = node.ask(contract, &told::currentEpochCall {}).await?;
    let set = node.ask(contract, &told::signerSetCall { epoch }).await?;
    let members = node.ask(contract, &told::signersCall { epoch }).await?;
    Ok(SignerSet { epoch, threshold: set.threshold.into(), members: members.into_iter().collect() })
}

/// Judges what the nodes of `destination` tell of one set: `configured` is expected, `is_agreed` says whether guardians agreed
/// on another since. One node that tells the expected set makes the others' word a dispute.
pub fn judge_set(
    destination: &ChainId,
    of: SetOf,
    told: &[SignerSet],
    configured: &SignerSet,
    is_agreed: impl Fn(&SignerSet) -> bool,
) -> Option<Finding> {
    let other = told.iter().find(|set| *set != configured)?;
    let is_same = |set: &SignerSet| set.members == other.members && set.threshold == other.threshold;
    let is_disputed = told.contains(configured);
    let is_meant = is_same(configured) || is_agreed(other);
    let concern = match of {
        SetOf::FastLane => Concern::FastLane { source: None },
        SetOf::Verifiers => Concern::Chain(destination.clone()),
    };
    let members: Vec<String> = other.members.iter().map(Address::to_string).collect();
    let found = format!("epoch {}, {} of {}", other.epoch, other.threshold, members.join(" "));
    let why = match (is_disputed, is_meant) {
        (true, _) => "one node tells another set than the rest",
        (_, true) => "agreed on: the configuration is to follow",
        _ => "nobody agreed on it",
    };
    let what = format!("{} of {destination}: {found}; {why}", of.name());
    let subject = format!("{destination} {}", keccak256(&found));
    Some(Finding { rule: Rule::SignerSetDiffers, subject, concern, is_pausing: !is_disputed && !is_meant, what })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(epoch: u64, threshold: usize, members: &[u8]) -> SignerSet {
        SignerSet::new(epoch, threshold, members.iter().map(|byte| Address::repeat_byte(*byte)).collect()).unwrap()
    }

    fn judged(of: SetOf, told: &[SignerSet], agreed: Option<&SignerSet>) -> Option<(Concern, bool)> {
        let finding = judge_set(&ChainId::eip155(9), of, told, &set(1, 2, &[1, 2, 3]), |set| agreed == Some(set))?;
        Some((finding.concern, finding.is_pausing))
    }

    #[test]
    fn another_member_or_threshold_than_configured_is_found() {
        let fast = Some((Concern::FastLane { source: None }, true));
        assert_eq!(judged(SetOf::FastLane, &[set(1, 2, &[1, 2, 4])], None), fast);
        assert_eq!(judged(SetOf::FastLane, &[set(2, 3, &[1, 2, 3])], None), fast);
        let chain = Some((Concern::Chain(ChainId::eip155(9)), true));
        assert_eq!(judged(SetOf::Verifiers, &[set(2, 2, &[1, 2, 4])], None), chain);
        assert_eq!(judged(SetOf::Verifiers, &[set(1, 2, &[1, 2, 3])], None), None);
        assert_eq!(judged(SetOf::Verifiers, &[], None), None);
    }

    #[test]
    fn a_rotation_that_guardians_agreed_on_pauses_nothing() {
        let (next, other) = (set(2, 2, &[1, 2, 4]), set(2, 2, &[1, 2, 5]));
        let is_pausing = |agreed| judged(SetOf::FastLane, std::slice::from_ref(&next), agreed).unwrap().1;
        assert!(is_pausing(None) && is_pausing(Some(&other)));
        assert!(!is_pausing(Some(&next)));
        let renumbered = judged(SetOf::FastLane, &[set(2, 2, &[1, 2, 3])], None).unwrap();
        assert!(!renumbered.1, "the same people under another number");
    }

    #[test]
    fn one_lying_node_raises_an_alarm_and_pauses_nothing() {
        let told = [set(1, 2, &[1, 2, 3]), set(2, 2, &[7, 8, 9])];
        assert!(!judged(SetOf::FastLane, &told, None).unwrap().1);
        assert!(judged(SetOf::FastLane, &told[1..], None).unwrap().1);
    }

    #[test]
    fn another_foreign_set_is_other_evidence() {
        let subject = |told| judge_set(&ChainId::eip155(9), SetOf::FastLane, &[told], &set(1, 2, &[1, 2]), |_| false);
        let first = subject(set(2, 2, &[7, 8])).unwrap();
        assert_eq!(first.key(), subject(set(2, 2, &[7, 8])).unwrap().key());
        assert_ne!(first.key(), subject(set(3, 2, &[7, 9])).unwrap().key());
    }
}
