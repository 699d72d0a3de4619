//! Which votes count, and for how much.
//!
//! A vote counts if it is for the block and its validator is in the set, once. Votes are counted in the order of the
//! set until they are enough; only those counted are checked, each over its own timestamp [GHSA-c32p-wcqj-j677]. Nil and
//! absent votes count for nothing.

use std::collections::BTreeMap;

use super::commit::{Commit, Vote};
use super::header::ValidatorAddress;
use super::params::Fraction;
use super::validators::{PublicKey, ValidatorSet};
use crate::VerifyError;

/// The votes of a commit by who cast them.
pub(crate) struct Votes<'a> {
    commit: &'a Commit,
    by_validator: BTreeMap<ValidatorAddress, usize>,
}

/// Votes of one set's validators, enough of them.
#[derive(Debug)]
pub(crate) struct Counted<'a> {
    pub(crate) votes: Vec<CountedVote<'a>>,
}

/// One vote that counts.
#[derive(Clone, Copy, Debug)]
pub(crate) struct CountedVote<'a> {
    /// Its place in the commit.
    pub(crate) index: usize,
    /// Its validator's place in the set.
    pub(crate) seat: usize,
    /// Its validator's key.
    pub(crate) key: &'a PublicKey,
    pub(crate) vote: &'a Vote,
}

/// How far the counted power falls short.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Shortfall {
    pub(crate) counted: u64,
    pub(crate) total: u64,
}

impl<'a> Votes<'a> {
    /// Checks the form of `commit` against the set that is said to have signed it: a place for each validator, somebody
    /// voted, and everybody who did is of the set and did it once.
    pub(crate) fn of(commit: &'a Commit, validators: &ValidatorSet) -> Result<Self, VerifyError> {
        if commit.signatures.len() != validators.validators().len() {
            let expected = format!("{} places", validators.validators().len());
            return Err(VerifyError::invalid("commit.signatures", expected, commit.signatures.len()));
        }
        let mut everybody = Members::of(validators);
        let mut by_validator = BTreeMap::new();
        for (index, signature) in commit.signatures.iter().enumerate() {
            let Some(vote) = signature.vote() else { continue };
            if !everybody.has(index, &vote.validator) {
                let field = format!("commit.signatures[{index}].validator_address");
                return Err(VerifyError::invalid(field, "a validator of the set", vote.validator));
            }
            if by_validator.insert(vote.validator, index).is_some() {
                let field = format!("commit.signatures[{index}].validator_address");
                return Err(VerifyError::invalid(field, "each validator once", vote.validator));
            }
        }
        if by_validator.is_empty() {
            return Err(VerifyError::invalid("commit.signatures", "a vote", "none"));
        }
        Ok(Self { commit, by_validator })
    }

    /// Counts votes for the block by members of `set` until their power is more than `least` of the set's.
    pub(crate) fn count<'s>(&self, set: &'s ValidatorSet, least: Fraction) -> Result<Counted<'s>, Shortfall>
    where
        'a: 's,
    {
        let total = set.total_power();
        let mut counted = 0_u64;
        let mut votes = Vec::new();
        for (seat, validator) in set.validators().iter().enumerate() {
            let Some(index) = self.by_validator.get(validator.address()) else { continue };
            let Some(vote) = self.commit.signatures.get(*index).and_then(|signature| signature.for_block()) else {
                continue;
            };
            counted = counted.saturating_add(validator.power());
            votes.push(CountedVote { index: *index, seat, key: validator.key(), vote });
            if least.is_exceeded_by(counted, total) {
                return Ok(Counted { votes });
            }
        }
        Err(Shortfall { counted, total })
    }
}

/// Who is in a set: usually the validator at the vote's own place.
struct Members<'a> {
    set: &'a ValidatorSet,
    sorted: Option<Vec<ValidatorAddress>>,
}

impl<'a> Members<'a> {
    fn of(set: &'a ValidatorSet) -> Self {
        Self { set, sorted: None }
    }

    fn has(&mut self, index: usize, address: &ValidatorAddress) -> bool {
        let validators = self.set.validators();
        if validators.get(index).is_some_and(|validator| validator.address() == address) {
            return true;
        }
        let sorted = self.sorted.get_or_insert_with(|| {
            let mut addresses: Vec<_> = validators.iter().map(|validator| *validator.address()).collect();
            addresses.sort_unstable();
            addresses
        });
        sorted.binary_search(address).is_ok()
    }
}
