//! One header from another: the checks of a CometBFT light client (CometBFT spec, light client; ICS-07).

use alloy_primitives::{B256, Bytes};
use serde::{Deserialize, Serialize};

use super::header::Header;
use super::light_block::ClientHeader;
use super::params::{ClientParams, Fraction};
use super::signature::{KeyTables, Signed, verify_all};
use super::tally::{CountedVote, Shortfall, Votes};
use super::timestamp::Timestamp;
use crate::{UnixSeconds, VerifyError};

/// What is kept of a header that was verified.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ConsensusState {
    /// Height of the header.
    pub height: u64,
    /// Hash of the header.
    pub hash: B256,
    /// Its time.
    pub time: Timestamp,
    /// The state after the block below it.
    pub app_hash: Bytes,
    /// The set that signs the next height.
    pub next_validators_hash: B256,
}

/// What came of checking one header from another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It follows from what is trusted.
    Verified(ConsensusState),
    /// Nothing is wrong with it, but too few of the trusted validators signed it: a header between the two is needed.
    NotEnoughTrust {
        /// Power of the trusted validators that signed it.
        signed: u64,
        /// Power of all trusted validators.
        trusted: u64,
    },
}

/// Which times a header may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Clock {
    /// Not ahead of the verifier's by more than the drift.
    Bounded,
    /// Any: in evidence of misbehaviour, a header from the future is still a lie told.
    Unbounded,
}

impl ConsensusState {
    pub(crate) fn of(header: &Header, hash: B256) -> Self {
        Self {
            height: header.height,
            hash,
            time: header.time,
            app_hash: header.app_hash.clone(),
            next_validators_hash: header.next_validators_hash,
        }
    }

    /// Whether trust in it has run out at `now`.
    pub fn is_expired(&self, params: &ClientParams, now: UnixSeconds) -> bool {
        self.time.is_over(params.trusting_period, now)
    }
}

impl Outcome {
    /// The state, or the refusal for want of trust.
    ///
    /// # Errors
    /// Names `commit.trusted_power`; may verify later, after a header between.
    pub fn into_result(self, params: &ClientParams) -> Result<ConsensusState, VerifyError> {
        match self {
            Self::Verified(state) => Ok(state),
            Self::NotEnoughTrust { signed, trusted } => {
                let Fraction { numerator, denominator } = params.trust_level;
                let expected = format!("more than {numerator}/{denominator} of the trusted power of {trusted}");
                Err(VerifyError::not_yet("commit.trusted_power", expected, signed))
            }
        }
    }
}

/// Checks that `header` follows from `trusted`, cheap checks first.
///
/// # Errors
/// Names what is wrong with the parameters or the header; [`crate::ErrorKind::Expired`] when trust in `trusted` has run
/// out.
pub fn verify_header(
    params: &ClientParams,
    trusted: &ConsensusState,
    header: &ClientHeader,
    now: UnixSeconds,
    tables: &KeyTables,
) -> Result<Outcome, VerifyError> {
    verify_at(params, trusted, header, now, tables, Clock::Bounded)
}

pub(crate) fn verify_at(
    params: &ClientParams,
    trusted: &ConsensusState,
    untrusted: &ClientHeader,
    now: UnixSeconds,
    tables: &KeyTables,
    clock: Clock,
) -> Result<Outcome, VerifyError> {
    params.validate()?;
    check_position(params, trusted, untrusted)?;
    check_times(params, trusted, &untrusted.signed_header.header, now, clock)?;
    let votes = Votes::of(&untrusted.signed_header.commit, &untrusted.validators)?;
    let hash = untrusted.signed_header.check()?;
    check_sets(trusted, untrusted)?;

    let mut trusted_votes = Vec::new();
    if !is_adjacent(trusted, untrusted) {
        match votes.count(&untrusted.trusted_validators, params.trust_level) {
            Ok(counted) => trusted_votes = counted.votes,
            Err(Shortfall { counted, total }) => {
                return Ok(Outcome::NotEnoughTrust { signed: counted, trusted: total });
            }
        }
    }
    let own_votes = votes.count(&untrusted.validators, Fraction::TWO_THIRDS).map_err(|short| {
        let expected = format!("more than 2/3 of the power of {}", short.total);
        VerifyError::invalid("commit.power", expected, short.counted)
    })?;
    check_signatures(untrusted, own_votes.votes, trusted_votes, tables)?;
    Ok(Outcome::Verified(ConsensusState::of(&untrusted.signed_header.header, hash)))
}

/// Chain, revision and heights.
fn check_position(
    params: &ClientParams,
    trusted: &ConsensusState,
    untrusted: &ClientHeader,
) -> Result<(), VerifyError> {
    let header = &untrusted.signed_header.header;
    if header.chain_id != params.chain_id {
        return Err(VerifyError::invalid("header.chain_id", &params.chain_id, &header.chain_id));
    }
    untrusted.check_revision()?;
    if untrusted.trusted_height != trusted.height {
        let found = untrusted.trusted_height;
        return Err(VerifyError::invalid("client_header.trusted_height", trusted.height, found));
    }
    if header.height <= trusted.height {
        return Err(VerifyError::invalid("header.height", format!("above {}", trusted.height), header.height));
    }
    Ok(())
}

fn check_times(
    params: &ClientParams,
    trusted: &ConsensusState,
    header: &Header,
    now: UnixSeconds,
    clock: Clock,
) -> Result<(), VerifyError> {
    if trusted.is_expired(params, now) {
        let expected = format!("within {} s of {}", params.trusting_period, trusted.time);
        return Err(VerifyError::expired("trusted.time", expected, now));
    }
    if header.time <= trusted.time {
        return Err(VerifyError::invalid("header.time", format!("after {}", trusted.time), header.time));
    }
    if clock == Clock::Bounded && !header.time.is_before(now, params.max_clock_drift) {
        let expected = format!("before {now} + {} s", params.max_clock_drift);
        return Err(VerifyError::not_yet("header.time", expected, header.time));
    }
    Ok(())
}

/// The sets that came must be those that the two headers name.
fn check_sets(trusted: &ConsensusState, untrusted: &ClientHeader) -> Result<(), VerifyError> {
    let named = untrusted.signed_header.header.validators_hash;
    let found = untrusted.validators.hash();
    if found != named {
        return Err(VerifyError::invalid("validators", named, found));
    }
    if is_adjacent(trusted, untrusted) && named != trusted.next_validators_hash {
        return Err(VerifyError::invalid("header.validators_hash", trusted.next_validators_hash, named));
    }
    let is_same = untrusted.trusted_validators == untrusted.validators;
    let found = if is_same { found } else { untrusted.trusted_validators.hash() };
    if found != trusted.next_validators_hash {
        return Err(VerifyError::invalid("trusted_validators", trusted.next_validators_hash, found));
    }
    Ok(())
}

fn is_adjacent(trusted: &ConsensusState, untrusted: &ClientHeader) -> bool {
    trusted.height.checked_add(1) == Some(untrusted.height())
}

/// Checks each counted vote's signature once, even if both sets count it.
fn check_signatures(
    untrusted: &ClientHeader,
    own: Vec<CountedVote<'_>>,
    trusted: Vec<CountedVote<'_>>,
    tables: &KeyTables,
) -> Result<(), VerifyError> {
    let commit = &untrusted.signed_header.commit;
    let chain_id = &untrusted.signed_header.header.chain_id;
    let validators = &untrusted.validators;
    // A vote counted by the trusted set alone may still have its key in the new one, and so in its table.
    let seat_of = |counted: &CountedVote<'_>| {
        let same_seat = validators.validators().get(counted.seat).filter(|other| other.key() == counted.key);
        same_seat.map(|_| counted.seat)
    };
    let by_own: std::collections::BTreeMap<usize, &CountedVote<'_>> =
        own.iter().map(|counted| (counted.index, counted)).collect();
    let only_trusted =
        trusted.iter().filter(|counted| by_own.get(&counted.index).is_none_or(|own| own.key != counted.key));
    let mut counted: Vec<(&CountedVote<'_>, Option<usize>)> =
        own.iter().map(|counted| (counted, Some(counted.seat))).collect();
    counted.extend(only_trusted.map(|counted| (counted, seat_of(counted))));
    let items: Vec<Signed<'_>> = counted
        .iter()
        .map(|(counted, seat)| Signed {
            key: counted.key,
            seat: *seat,
            message: commit.sign_bytes(chain_id, counted.vote),
            signature: &counted.vote.signature,
        })
        .collect();
    let hash = untrusted.signed_header.header.validators_hash;
    let table = tables.of(hash, validators);
    #[cfg(test)]
    crate::counted::COMMITS.with_borrow_mut(|all| all.push(items.len()));
    verify_all(&items, table.as_deref()).map_err(|bad| {
        let index = counted.get(bad).map_or(bad, |(counted, _)| counted.index);
        let field = format!("commit.signatures[{index}].signature");
        let vote = counted.get(bad).map(|(counted, _)| counted.vote);
        let (validator, found) = vote.map(|vote| (vote.validator, vote.signature)).unwrap_or_default();
        VerifyError::invalid(field, format!("a signature by {validator}"), found)
    })?;
    tables.signed(hash);
    Ok(())
}
