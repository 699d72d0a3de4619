//! Who the guardians are, how long the dangerous direction takes, and what a decision looks at.

use std::collections::BTreeMap;

use alloy_primitives::{Address, B256, keccak256};
use serde::{Deserialize, Serialize};
use spandrel_verifiers::attestation::SignerSet;
use spandrel_verifiers::{ChainId, UnixSeconds, VerifyError};

use super::SignerRole;
use crate::{RiskPolicy, RiskState};

/// Longest pause that one guardian may order: five days, as `PauseController` allows.
pub const MAX_TTL: u64 = 5 * 86_400;
/// Shortest time between the second approval of a resumption or early release and its effect.
pub const MIN_RESUME_DELAY: u64 = 15 * 60;
/// Bounds of the timelock on limits and signers, seconds: 24 to 48 hours.
pub const TIMELOCK: std::ops::RangeInclusive<u64> = 86_400..=2 * 86_400;

/// Who may say what counts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ControlPolicy {
    /// For which deployment statements are signed, see [`deployment`].
    pub deployment: B256,
    /// The guardians' keys and whose each is: a person with two keys is one person.
    pub guardians: BTreeMap<Address, String>,
    /// Seconds from the second approval to a resumption or early release.
    pub resume_delay: u64,
    /// Seconds from the second approval to higher limits or other signers.
    pub timelock: u64,
}

impl ControlPolicy {
    /// Whose key it is, as it stands now.
    pub fn person(&self, key: &Address) -> Option<&str> {
        self.guardians.get(key).map(|person| person.trim())
    }

    /// Checks what types cannot: two different people, each spelt one way, and delays that are delays.
    pub fn validate(&self) -> Result<(), VerifyError> {
        let mut people: BTreeMap<String, &str> = BTreeMap::new();
        for person in self.guardians.values().map(|person| person.trim()) {
            let other = *people.entry(read_aloud(person)).or_insert(person);
            if other != person {
                let expected = format!("another name than {other:?}, or the same spelling of it");
                return Err(VerifyError::invalid("guardians", expected, format!("{person:?}")));
            }
        }
        if people.len() < 2 || people.contains_key("") {
            return Err(VerifyError::invalid("guardians", "at least two people, each with a name", people.len()));
        }
        if self.guardians.contains_key(&Address::ZERO) {
            return Err(VerifyError::invalid("guardians", "non-zero addresses", Address::ZERO));
        }
        if self.resume_delay < MIN_RESUME_DELAY {
            return Err(VerifyError::invalid(
                "resume_delay",
                format!("at least {MIN_RESUME_DELAY}"),
                self.resume_delay,
            ));
        }
        if !TIMELOCK.contains(&self.timelock) {
            let expected = format!("{} to {}", TIMELOCK.start(), TIMELOCK.end());
            return Err(VerifyError::invalid("timelock", expected, self.timelock));
        }
        Ok(())
    }
}

/// Whether two names are one person's: however their letters are cased, and however many blanks are between and around them.
pub(super) fn is_same_person(one: &str, other: &str) -> bool {
    read_aloud(one) == read_aloud(other)
}

/// A name without what nobody hears. Upper case first: it has one form of letters that lower case has several of.
fn read_aloud(name: &str) -> String {
    name.split_whitespace().collect::<Vec<_>>().join(" ").to_uppercase().to_lowercase()
}

/// What names a deployment: the bridges on all chains that pauses are brought to. Statements for another one, a test
/// network's say, are signed over another domain.
pub fn deployment<'a>(bridges: impl IntoIterator<Item = (&'a ChainId, B256)>) -> B256 {
    let bridges: BTreeMap<B256, B256> = bridges.into_iter().map(|(chain, bridge)| (chain.hash(), bridge)).collect();
    let words: Vec<u8> = bridges.iter().flat_map(|(chain, bridge)| [chain.0, bridge.0].concat()).collect();
    keccak256([b"spandrel deployment".as_slice(), &words].concat())
}

/// What a decision looks at besides the control state.
#[derive(Clone, Copy, Debug)]
pub struct View<'a> {
    /// Who may say what.
    pub policy: &'a ControlPolicy,
    /// The limits as they stand.
    pub limits: &'a RiskPolicy,
    /// The sets of signers as they stand.
    pub signers: &'a BTreeMap<SignerRole, SignerSet>,
    /// The risk state: what is paused.
    pub risk: &'a RiskState,
    /// Whether the transfer that the act is about is held.
    pub is_held: bool,
    /// Until when it is held, Unix seconds, where its hold has an end: no order makes it end sooner.
    pub held_until: Option<UnixSeconds>,
    /// Whether it is quarantined.
    pub is_quarantined: bool,
    /// Whether no payout of it is issued or under way: only then may it be dropped or released.
    pub is_idle: bool,
    /// Why the chain that the act is about is halted, if it is.
    pub halt: Option<&'a str>,
    /// Unix seconds.
    pub now: UnixSeconds,
}
