//! The trusted state of a Cosmos light client.

use std::collections::BTreeMap;

use alloy_primitives::Bytes;
use serde::{Deserialize, Serialize};

use super::misbehaviour::Attack;
use super::params::ClientParams;
use super::verify::ConsensusState;
use crate::{UnixSeconds, VerifyError};

/// Most heights that are kept; the lowest go first.
pub const MAX_STATES: usize = 1024;

/// Headers that are trusted, by height, or the proof that the chain signed two histories.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Stored", into = "Stored")]
pub struct TrustedState {
    states: BTreeMap<u64, ConsensusState>,
    frozen: Option<Frozen>,
}

/// Why a client trusts nothing any more: evidence to be published, and a lane to be paused.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Frozen {
    /// What was done.
    pub attack: Attack,
    /// At which height.
    pub height: u64,
    /// Canonical protobuf of the `ibc.lightclients.tendermint.v1.Header`s that show it, with the trusted state of
    /// `height` or of the misbehaviour.
    pub headers: Vec<Bytes>,
}

/// Whether a client may be used. Not an error: time passes and chains misbehave without anyone having asked for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Headers and proofs are verified.
    Active,
    /// The newest header is older than the trusting period: a new anchor is needed.
    Expired,
    /// Two histories were signed: operators decide.
    Frozen,
}

/// What is stored: the heights as a list, checked when it is loaded.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Stored {
    states: Vec<ConsensusState>,
    frozen: Option<Frozen>,
}

impl TrustedState {
    /// Trusts one header, by the operator's word.
    pub fn new(anchor: ConsensusState) -> Self {
        Self { states: BTreeMap::from([(anchor.height, anchor)]), frozen: None }
    }

    /// The newest trusted header.
    pub fn latest(&self) -> Option<&ConsensusState> {
        self.states.values().next_back()
    }

    /// The trusted header at `height`.
    pub fn at(&self, height: u64) -> Option<&ConsensusState> {
        self.states.get(&height)
    }

    /// How many heights are kept.
    pub fn kept(&self) -> usize {
        self.states.len()
    }

    /// Why nothing is trusted, if so.
    pub fn frozen(&self) -> Option<&Frozen> {
        self.frozen.as_ref()
    }

    /// Whether the client may be used at `now`.
    pub fn status(&self, params: &ClientParams, now: UnixSeconds) -> Status {
        match (&self.frozen, self.latest()) {
            (Some(_), _) => Status::Frozen,
            (None, Some(latest)) if !latest.is_expired(params, now) => Status::Active,
            (None, _) => Status::Expired,
        }
    }

    /// Refuses a client that may not be used.
    pub(crate) fn require_active(&self, params: &ClientParams, now: UnixSeconds) -> Result<(), VerifyError> {
        match self.status(params, now) {
            Status::Active => Ok(()),
            Status::Expired => {
                let newest = self.latest().map_or_else(|| "none".to_owned(), |latest| latest.time.to_string());
                let expected = format!("a header of the last {} s at {now}", params.trusting_period);
                Err(VerifyError::expired("trusted", expected, newest))
            }
            Status::Frozen => {
                let found = self.frozen.as_ref().map(|frozen| format!("{:?} at {}", frozen.attack, frozen.height));
                Err(VerifyError::expired("trusted", "a chain of one history", found.unwrap_or_default()))
            }
        }
    }

    /// The trusted header from which a header of `height` is verified.
    pub(crate) fn require(&self, height: u64) -> Result<&ConsensusState, VerifyError> {
        if let Some(state) = self.at(height) {
            return Ok(state);
        }
        let lowest = self.states.keys().next().copied().unwrap_or_default();
        if height < lowest {
            return Err(VerifyError::expired("height", format!("{lowest} or more, which are kept"), height));
        }
        let newest = self.latest().map_or(0, |latest| latest.height);
        Err(VerifyError::not_yet("height", format!("a trusted height, up to {newest}"), height))
    }

    /// Adds a verified header. Returns the attack that it shows, if it contradicts another: one height with two
    /// hashes, or times that do not rise with heights.
    pub(crate) fn contradiction(&self, state: &ConsensusState) -> Option<Attack> {
        if let Some(held) = self.at(state.height) {
            return (held != state).then_some(Attack::ConflictWithTrusted);
        }
        let below = self.states.range(..state.height).next_back();
        let above = self.states.range(state.height..).next();
        let rises = below.is_none_or(|(_, below)| below.time < state.time)
            && above.is_none_or(|(_, above)| state.time < above.time);
        (!rises).then_some(Attack::TimeViolation)
    }

    pub(crate) fn insert(&mut self, state: ConsensusState) {
        self.states.insert(state.height, state);
        while self.states.len() > MAX_STATES {
            self.states.pop_first();
        }
    }

    pub(crate) fn freeze(&mut self, frozen: Frozen) {
        self.frozen.get_or_insert(frozen);
    }
}

impl TryFrom<Stored> for TrustedState {
    type Error = VerifyError;
    fn try_from(stored: Stored) -> Result<Self, VerifyError> {
        if stored.states.is_empty() || stored.states.len() > MAX_STATES {
            return Err(VerifyError::malformed("states", format!("1 to {MAX_STATES}"), stored.states.len()));
        }
        let pairs = stored.states.iter().zip(stored.states.iter().skip(1));
        for (below, above) in pairs {
            if below.height >= above.height || below.time >= above.time {
                let found = format!("{} before {}", below.height, above.height);
                return Err(VerifyError::malformed("states", "heights and times that rise", found));
            }
        }
        let states = stored.states.into_iter().map(|state| (state.height, state)).collect();
        Ok(Self { states, frozen: stored.frozen })
    }
}

impl From<TrustedState> for Stored {
    fn from(state: TrustedState) -> Self {
        Self { states: state.states.into_values().collect(), frozen: state.frozen }
    }
}
