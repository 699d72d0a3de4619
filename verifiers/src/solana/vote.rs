//! Vote transactions of TowerBFT: `TowerSync` and `TowerSyncSwitch`, the only votes since SIMD-0138.
//!
//! A vote names a tower of slots, but its hash and its block id are those of the last one alone: that is the only slot
//! it speaks for. Source: Agave `vote-interface` (`instruction.rs`, `state/mod.rs`, `serde_tower_sync`), and
//! `programs/vote` (`check_and_filter_proposed_vote_state`, `process_new_vote_state`) for the tower's rules.

use alloy_primitives::B256;

use super::address::VOTE_PROGRAM;
use super::bytes::Reader;
use super::message::{Instruction, Message};
use super::transaction::Transaction;
use crate::VerifyError;

const TOWER_SYNC: u32 = 14;
const TOWER_SYNC_SWITCH: u32 = 15;

/// Most slots in a tower (`MAX_LOCKOUT_HISTORY`).
pub const MAX_LOCKOUTS: usize = 31;

/// What votes are for: a block, by the three things that a `TowerSync` says of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ballot {
    /// The slot voted for, the last of the tower.
    pub slot: u64,
    /// Bank hash of the block in that slot: everything executed up to it.
    pub bank_hash: B256,
    /// Root of the block's last FEC set: the bytes of the block.
    pub block_id: B256,
}

/// A decoded vote. That its signature is valid, and whose stake it carries, is not said here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Vote<'a> {
    /// The account whose stake votes.
    pub vote_account: B256,
    /// Who signs for it.
    pub authority: B256,
    /// The authority's signature over [`Vote::message`].
    pub signature: &'a [u8; 64],
    /// What is signed.
    pub message: &'a [u8],
    /// What is voted for.
    pub ballot: Ballot,
    /// The voter's root: its word alone.
    pub root: Option<u64>,
    /// The voter's clock, Unix seconds.
    pub timestamp: Option<i64>,
}

impl<'a> Vote<'a> {
    /// Decodes the bytes of a vote transaction: exactly one instruction, a `TowerSync` or `TowerSyncSwitch`.
    ///
    /// # Errors
    /// Names `transaction` when it does not decode, and `vote` when it is no such vote.
    pub fn decode(bytes: &'a [u8]) -> Result<Self, VerifyError> {
        Self::of(&Transaction::decode(bytes)?)
    }

    /// The vote that a decoded transaction is.
    ///
    /// # Errors
    /// Names `vote` when it is none.
    pub fn of(transaction: &Transaction<'a>) -> Result<Self, VerifyError> {
        let message = &transaction.message;
        let [instruction] = message.instructions.as_slice() else {
            return Err(VerifyError::invalid("vote", "one instruction", message.instructions.len()));
        };
        if message.program(instruction) != Some(VOTE_PROGRAM) {
            let found = message.program_name(instruction);
            return Err(VerifyError::invalid("vote", "an instruction of the vote program", found));
        }
        let (vote_account, authority, index) = accounts(message, instruction)?;
        let signature = transaction
            .signature_of(index)
            .ok_or_else(|| VerifyError::invalid("vote.authority", "a signer", authority))?;
        let tower = Tower::decode(instruction.data)?;
        Ok(Self {
            vote_account,
            authority,
            signature,
            message: message.bytes,
            ballot: Ballot { slot: tower.slot, bank_hash: tower.hash, block_id: tower.block_id },
            root: tower.root,
            timestamp: tower.timestamp,
        })
    }
}

/// Vote account, authority, and the authority's index.
fn accounts(message: &Message<'_>, instruction: &Instruction<'_>) -> Result<(B256, B256, u8), VerifyError> {
    let listed = |place: usize| {
        message.account(instruction, place).ok_or_else(|| {
            VerifyError::invalid("vote.accounts", "vote account and authority among the message's keys", place)
        })
    };
    let index = instruction.accounts.get(1).copied().unwrap_or(u8::MAX);
    Ok((listed(0)?, listed(1)?, index))
}

struct Tower {
    slot: u64,
    hash: B256,
    block_id: B256,
    root: Option<u64>,
    timestamp: Option<i64>,
}

impl Tower {
    fn decode(data: &[u8]) -> Result<Self, VerifyError> {
        let mut reader = Reader::new("vote", data);
        let kind = reader.u32()?;
        if !matches!(kind, TOWER_SYNC | TOWER_SYNC_SWITCH) {
            return Err(VerifyError::invalid("vote", "TowerSync (14) or TowerSyncSwitch (15)", kind));
        }
        let root = Some(reader.u64()?).filter(|slot| *slot != u64::MAX);
        let slot = read_lockouts(&mut reader, root)?;
        let hash = reader.hash()?;
        let timestamp = if reader.flag()? { Some(i64::from_le_bytes(*reader.array()?)) } else { None };
        let block_id = reader.hash()?;
        if kind == TOWER_SYNC_SWITCH {
            // The proof of switching forks: not checked on chain either.
            reader.hash()?;
        }
        reader.finish()?;
        Ok(Self { slot, hash, block_id, root, timestamp })
    }
}

/// Slots rising from the root, confirmations falling within 31 to 1; returns the last slot.
fn read_lockouts(reader: &mut Reader<'_>, root: Option<u64>) -> Result<u64, VerifyError> {
    let count = reader.compact_u16()?;
    if !(1..=MAX_LOCKOUTS).contains(&count) {
        return Err(reader.malformed(format!("1 to {MAX_LOCKOUTS} lockouts"), count));
    }
    let (mut slot, mut is_first, mut confirmations) = (root.unwrap_or_default(), root.is_none(), u8::MAX);
    for _ in 0..count {
        let offset = reader.varint_u64()?;
        slot = slot.checked_add(offset).ok_or_else(|| reader.malformed("a slot of 64 bits", offset))?;
        let next = reader.u8()?;
        let falls = next < confirmations && (1..=MAX_LOCKOUTS).contains(&usize::from(next));
        if (offset == 0 && !is_first) || !falls {
            return Err(reader.malformed("rising slots with falling confirmations", format!("{slot}: {next}")));
        }
        (is_first, confirmations) = (false, next);
    }
    Ok(slot)
}
