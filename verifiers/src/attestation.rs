//! m-of-n secp256k1 attestations: who may sign, and when enough distinct members did.
//!
//! Rules (what Ronin was robbed by in 2024): a threshold is more than half of the set and at least two, unless the
//! development profile asks for less; only low-s signatures by distinct members count.

use std::collections::{BTreeMap, BTreeSet};

use alloy_primitives::{Address, B256, Signature};
use serde::{Deserialize, Serialize};

use crate::VerifyError;

/// A set of signers and how many of them must agree, valid for one epoch.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SignerSet {
    /// Epoch number, part of what is signed.
    pub epoch: u64,
    /// How many distinct members must sign.
    pub threshold: usize,
    /// The members.
    pub members: BTreeSet<Address>,
}

impl SignerSet {
    /// All of it, for who must compare it with what they know; `members` is what they are called.
    pub(crate) fn said(&self, members: &str) -> String {
        let Self { epoch, threshold, members: addresses } = self;
        let listed = addresses.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
        format!("{threshold} of {} {members} (epoch {epoch}: {listed})", addresses.len())
    }

    /// A set whose threshold is at least two and more than half of its members, none of them zero.
    pub fn new(epoch: u64, threshold: usize, members: BTreeSet<Address>) -> Result<Self, VerifyError> {
        let set = Self { epoch, threshold, members };
        set.validate()?;
        Ok(set)
    }

    /// Checks the shape again, for a set that was deserialized.
    pub fn validate(&self) -> Result<(), VerifyError> {
        let count = self.members.len();
        let majority = self.threshold.saturating_mul(2) > count;
        if self.threshold < 2 || !majority || self.threshold > count {
            return Err(VerifyError::invalid(
                "threshold",
                format!("at least 2 and more than half of {count} members"),
                self.threshold,
            ));
        }
        if self.members.contains(&Address::ZERO) {
            return Err(VerifyError::invalid("members", "non-zero addresses", Address::ZERO));
        }
        Ok(())
    }
}

/// Recovers the signer of `digest`; refuses high-s signatures and the zero address.
pub fn recover(digest: B256, signature: &Signature) -> Result<Address, VerifyError> {
    if signature.normalize_s().is_some() {
        return Err(VerifyError::invalid("signature.s", "the lower half of the order", "a high s"));
    }
    let signer = signature
        .recover_address_from_prehash(&digest)
        .map_err(|error| VerifyError::invalid("signature", "a recoverable secp256k1 signature", error))?;
    if signer.is_zero() {
        return Err(VerifyError::invalid("signature", "a non-zero signer", signer));
    }
    Ok(signer)
}

/// Collects signatures over one digest until a quorum of distinct members has signed.
#[derive(Clone, Debug)]
pub struct Collector {
    digest: B256,
    set: SignerSet,
    signatures: BTreeMap<Address, Signature>,
}

impl Collector {
    /// Starts collecting over `digest`.
    pub fn new(digest: B256, set: SignerSet) -> Self {
        Self { digest, set, signatures: BTreeMap::new() }
    }

    /// Adds a signature. Signatures of strangers are refused; a member's second signature changes nothing.
    pub fn add(&mut self, signature: Signature) -> Result<Address, VerifyError> {
        let signer = recover(self.digest, &signature)?;
        if !self.set.members.contains(&signer) {
            return Err(VerifyError::invalid("signature", "a member of the signer set", signer));
        }
        self.signatures.entry(signer).or_insert(signature);
        Ok(signer)
    }

    /// Exactly `threshold` signatures sorted by signer, once there are enough.
    pub fn quorum(&self) -> Option<Vec<(Address, Signature)>> {
        if self.signatures.len() < self.set.threshold {
            return None;
        }
        let first = self.signatures.iter().take(self.set.threshold);
        Some(first.map(|(signer, signature)| (*signer, *signature)).collect())
    }

    /// How many distinct members have signed.
    pub fn count(&self) -> usize {
        self.signatures.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn members(count: u8) -> BTreeSet<Address> {
        (1..=count).map(Address::repeat_byte).collect()
    }

    /// A set as it is told, and the field that is refused.
    fn refused(threshold: usize, members: BTreeSet<Address>) -> Option<String> {
        let made = SignerSet::new(1, threshold, members.clone()).map(|_| ()).map_err(|error| error.field);
        let told = SignerSet { epoch: 1, threshold, members }.validate().map_err(|error| error.field);
        assert_eq!(made, told);
        made.err()
    }

    #[test]
    fn a_threshold_is_more_than_half_at_least_two_and_no_more_than_there_are() {
        for count in 0..=9_u8 {
            for threshold in 0..=12_usize {
                let is_allowed = threshold >= 2 && 2 * threshold > count.into() && threshold <= count.into();
                let expected = (!is_allowed).then(|| "threshold".to_owned());
                assert_eq!(refused(threshold, members(count)), expected, "{threshold} of {count}");
            }
        }
        // Two of four could sign two things; one of one is one person.
        assert!(refused(2, members(4)).is_some() && refused(1, members(1)).is_some());
        assert!(refused(5, members(4)).is_some() && refused(usize::MAX, members(4)).is_some());
        assert_eq!(refused(3, members(4)), None);
    }

    #[test]
    fn nobody_is_no_member() {
        let with_zero = members(2).into_iter().chain([Address::ZERO]).collect();
        assert_eq!(refused(2, with_zero).unwrap(), "members");
    }
}
