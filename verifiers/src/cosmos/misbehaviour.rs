//! Evidence that validators signed what they must not (CometBFT spec, light client attack detection; ICS-07).
//!
//! Each of the two headers must stand on its own from a trusted height: signed by more than a third of the trusted power
//! and more than two thirds of its own set. A chain of honest majorities never signs two such headers, so who checks
//! them need not know which of them is the chain's.

use alloy_primitives::B256;
use serde::{Deserialize, Serialize};

use super::commit::Vote;
use super::header::{Header, ValidatorAddress};
use super::light_block::{ClientHeader, Misbehaviour};
use super::params::ClientParams;
use super::signature::{KeyTables, verify_signature};
use super::state::{Frozen, TrustedState};
use super::verify::{Clock, verify_at};
use crate::{UnixSeconds, VerifyError};

/// What was done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Attack {
    /// Two blocks of one height in one round: who signed both is named.
    Equivocation,
    /// Two headers of one height of which one has state that does not follow from the chain's.
    Lunatic,
    /// Two blocks of one height in different rounds: somebody forgot a lock. Headers alone do not show who.
    Amnesia,
    /// A higher block whose time is not later.
    TimeViolation,
    /// A verified header of a height at which another is trusted.
    ConflictWithTrusted,
}

/// What two headers prove.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proven {
    /// What was done.
    pub attack: Attack,
    /// The height, the greater one if they differ.
    pub height: u64,
    /// Who is shown to have signed both (equivocation), or to have been trusted and signed either (lunatic): one of
    /// the two headers is false, and its signers are among these.
    pub suspects: Vec<ValidatorAddress>,
}

impl Misbehaviour {
    /// Checks that both headers are signed as a client demands, and that one chain cannot have both.
    ///
    /// # Errors
    /// Names what fails under `header_1` or `header_2`, or what the two do not contradict each other in.
    pub fn verify(
        &self,
        params: &ClientParams,
        trusted: &TrustedState,
        now: UnixSeconds,
        tables: &KeyTables,
    ) -> Result<Proven, VerifyError> {
        let stands = |header: &ClientHeader| {
            let from = trusted.require(header.trusted_height)?;
            verify_at(params, from, header, now, tables, Clock::Unbounded)?.into_result(params)
        };
        let first = stands(&self.header_1).map_err(|error| error.within("header_1"))?;
        let second = stands(&self.header_2).map_err(|error| error.within("header_2"))?;
        if first.height < second.height {
            return Err(VerifyError::invalid("header_1.height", format!("{} or more", second.height), first.height));
        }
        if first.height > second.height {
            if first.time > second.time {
                return Err(VerifyError::invalid("header_1.time", format!("{} at most", second.time), first.time));
            }
            return Ok(Proven { attack: Attack::TimeViolation, height: first.height, suspects: Vec::new() });
        }
        if first.hash == second.hash {
            return Err(VerifyError::invalid("header_2", "another header", second.hash));
        }
        let attack = self.attack();
        Ok(Proven { attack, height: first.height, suspects: self.suspects(attack) })
    }

    /// The state in which a client that saw this is.
    pub(crate) fn frozen(&self, proven: &Proven) -> Frozen {
        let headers = vec![self.header_1.encode(), self.header_2.encode()];
        Frozen { attack: proven.attack, height: proven.height, headers }
    }

    /// Which attack two headers of one height are.
    fn attack(&self) -> Attack {
        let (first, second) = (&self.header_1.signed_header, &self.header_2.signed_header);
        if derived(&first.header) != derived(&second.header) {
            Attack::Lunatic
        } else if first.commit.round == second.commit.round {
            Attack::Equivocation
        } else {
            Attack::Amnesia
        }
    }

    fn suspects(&self, attack: Attack) -> Vec<ValidatorAddress> {
        let (first, second) = (signers(&self.header_1), signers(&self.header_2));
        match attack {
            Attack::Equivocation => first.into_iter().filter(|signer| second.contains(signer)).collect(),
            Attack::Lunatic => {
                let was_trusted = |header: &ClientHeader, signer: &ValidatorAddress| {
                    header.trusted_validators.validators().iter().any(|trusted| trusted.address() == signer)
                };
                let of_first = first.into_iter().filter(|signer| was_trusted(&self.header_1, signer));
                let of_second = second.into_iter().filter(|signer| was_trusted(&self.header_2, signer));
                let mut suspects: Vec<_> = of_first.chain(of_second).collect();
                suspects.sort_unstable();
                suspects.dedup();
                suspects
            }
            Attack::Amnesia | Attack::TimeViolation | Attack::ConflictWithTrusted => Vec::new(),
        }
    }
}

/// What of a header follows from the blocks before it: two honest blocks of one height agree on all of these.
fn derived(header: &Header) -> [Option<&[u8]>; 5] {
    [
        Some(header.validators_hash.as_slice()),
        Some(header.next_validators_hash.as_slice()),
        header.consensus_hash.as_ref().map(B256::as_slice),
        Some(&header.app_hash),
        header.last_results_hash.as_ref().map(B256::as_slice),
    ]
}

/// Whose votes for the block are good. All are checked here: a commit counts no more votes than it needs, so that names
/// of innocents can stand in the rest.
fn signers(header: &ClientHeader) -> Vec<ValidatorAddress> {
    let commit = &header.signed_header.commit;
    let chain_id = &header.signed_header.header.chain_id;
    let votes = commit.signatures.iter().filter_map(|signature| signature.for_block());
    let is_good = |vote: &Vote| {
        let members = header.validators.validators();
        members.iter().find(|validator| *validator.address() == vote.validator).is_some_and(|validator| {
            verify_signature(validator.key(), &commit.sign_bytes(chain_id, vote), &vote.signature)
        })
    };
    votes.filter(|vote| is_good(vote)).map(|vote| vote.validator).collect()
}
