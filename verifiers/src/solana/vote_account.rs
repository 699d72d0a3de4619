//! Vote accounts, from which stake tables are made.
//!
//! Source: Agave `vote-interface` (`state/vote_state_1_14_11.rs`, `vote_state_v3.rs`, `vote_state_v4.rs`), bincode: a
//! version of 32 bits (1, 2 or 3), counts of 64 bits. An account proves nothing by itself: it is read by whoever makes a
//! table, and the table is trusted by its sources.

use std::collections::BTreeMap;

use alloy_primitives::B256;

use super::bytes::Reader;
use super::stakes::BlsKey;
use super::vote::MAX_LOCKOUTS;
use crate::VerifyError;

/// Most bytes of a vote account's data (`VoteStateV4::size_of`).
const MAX_ACCOUNT: usize = 3_762;
const MAX_VOTERS: usize = 64;
/// Voters of earlier epochs, with two epochs each, up to version 2.
const PRIOR_VOTERS: usize = 32 * (32 + 8 + 8);
/// Epochs whose credits are kept (`MAX_EPOCH_CREDITS_HISTORY`).
const MAX_CREDITS: usize = 64;

/// What of a vote account concerns its votes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VoteAccount {
    /// The validator's identity.
    pub node: B256,
    /// Its BLS key, from version 4 on.
    pub bls: Option<BlsKey>,
    /// The last slot it voted for.
    pub last_voted: Option<u64>,
    /// Its root.
    pub root: Option<u64>,
    /// Who signs, from which epoch on.
    pub voters: BTreeMap<u64, B256>,
}

impl VoteAccount {
    /// Decodes an account's data. What follows its history fills the account up and says nothing.
    ///
    /// # Errors
    /// Names `vote_account`.
    pub fn decode(data: &[u8]) -> Result<Self, VerifyError> {
        let mut reader = Reader::bounded("vote_account", data, MAX_ACCOUNT)?;
        let version = reader.u32()?;
        let node = reader.hash()?;
        reader.hash()?;
        let bls = match version {
            // Commission.
            1 | 2 => reader.take(1).map(|_| None)?,
            // Two collectors, two commissions, pending rewards, key.
            3 => {
                reader.take(32 + 32 + 2 + 2 + 8)?;
                if reader.flag()? { Some(BlsKey::new(*reader.array()?)) } else { None }
            }
            other => return Err(reader.malformed("version 1, 2 or 3", other)),
        };
        let mut last_voted = None;
        for _ in 0..reader.length(MAX_LOCKOUTS)? {
            // From version 2 on a latency stands before each.
            reader.take(usize::from(version > 1))?;
            last_voted = Some(reader.u64()?);
            reader.u32()?;
        }
        let root = if reader.flag()? { Some(reader.u64()?) } else { None };
        let mut voters = BTreeMap::new();
        for _ in 0..reader.length(MAX_VOTERS)? {
            let epoch = reader.u64()?;
            if voters.last_key_value().is_some_and(|(last, _)| *last >= epoch) {
                return Err(reader.malformed("voters by rising epoch", epoch));
            }
            voters.insert(epoch, reader.hash()?);
        }
        read_history(&mut reader, version)?;
        Ok(Self { node, bls, last_voted, root, voters })
    }

    /// Who signs in an epoch: the latest named for it or an earlier one.
    pub fn authorized_voter(&self, epoch: u64) -> Option<B256> {
        self.voters.range(..=epoch).next_back().map(|(_, voter)| *voter)
    }
}

/// Earlier voters, credits by epoch, the last vote with a clock.
fn read_history(reader: &mut Reader<'_>, version: u32) -> Result<(), VerifyError> {
    if version < 3 {
        reader.take(PRIOR_VOTERS)?;
        reader.u64()?;
        reader.flag()?;
    }
    for _ in 0..reader.length(MAX_CREDITS)? {
        reader.take(3 * 8)?;
    }
    reader.take(2 * 8)?;
    Ok(())
}
