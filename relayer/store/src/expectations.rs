//! Whether a commit may be stored: pure, and shared by every implementation.

use std::collections::{BTreeMap, BTreeSet};

use spandrel_core::EffectId;
use spandrel_core::ledger::{Commit, EffectEnd, StoreError};
use spandrel_verifiers::follow::Cursor;
use spandrel_verifiers::{DepositId, MAX_CONTRADICTION};

use crate::json::to_integer;
use crate::refusal::{conflict, corrupt};

/// What stands in the ledger now, as far as a commit touches it. Read in the transaction that writes the commit.
#[derive(Clone, Debug, Default)]
pub struct Found {
    /// The cursor of the commit's cursor move.
    pub cursor: Option<Cursor>,
    /// Why that chain is halted, if it is.
    pub halted: Option<String>,
    /// Next sequence number of each transfer that exists.
    pub sequences: BTreeMap<DepositId, u64>,
    /// Next sequence number of the risk log.
    pub risk_sequence: u64,
    /// Next sequence number of the control log.
    pub control_sequence: u64,
    /// Whether the chain is halted whose halt the commit lifts.
    pub is_acknowledged_halted: bool,
    /// The effects to be ended that exist, and whether each is done.
    pub effects: BTreeMap<EffectId, bool>,
}

/// Checks what a commit says about itself: each transfer and each ended effect at most once, a projection that stands
/// behind its events (no events: no change), integers that fit SQL's, and evidence of a halt that is within its limit.
///
/// # Errors
/// `Corrupt`: such a commit contradicts itself, and trying again would not help.
pub fn well_formed(commit: &Commit) -> Result<(), StoreError> {
    to_integer("commit.now", commit.now)?;
    let mut transfers = BTreeSet::new();
    for change in &commit.transfers {
        let id = change.after.id;
        if !transfers.insert(id) {
            return Err(corrupt(format!("commit of transfer {id}"), "it is there twice"));
        }
        let expected = u64::try_from(change.events.len()).ok().and_then(|n| change.expected_sequence.checked_add(n));
        if expected != Some(change.after.sequence) {
            let reason = format!(
                "{} events after sequence {}, but the projection says {}",
                change.events.len(),
                change.expected_sequence,
                change.after.sequence
            );
            return Err(corrupt(format!("commit of transfer {id}"), reason));
        }
        to_integer("transfer.sequence", change.after.sequence)?;
        to_integer("transfer.created_at", change.after.created_at)?;
        to_integer("transfer.updated_at", change.after.updated_at)?;
    }
    for effect in &commit.effects {
        to_integer("effect.run_at", effect.run_at)?;
    }
    let evidence = commit.halt.as_ref().and_then(|halt| halt.evidence.as_ref()).map_or(0, |evidence| evidence.len());
    if evidence > MAX_CONTRADICTION {
        return Err(corrupt("evidence of a halt", format!("{evidence} bytes, at most {MAX_CONTRADICTION}")));
    }
    let mut ended = BTreeSet::new();
    for (id, end) in &commit.ended {
        if !ended.insert(*id) {
            return Err(corrupt(format!("commit of effect {}", id.0), "it is ended twice"));
        }
        if let EffectEnd::Retry { run_at, .. } | EffectEnd::Later { run_at, .. } = end {
            to_integer("effect.run_at", *run_at)?;
        }
    }
    Ok(())
}

/// Checks everything a commit expects against what stands there.
///
/// # Errors
/// `Conflict` for the first expectation that is not met: the cursor's place, a halted chain's cursor, a transfer's, the
/// risk log's or the control log's sequence, a halt to be lifted that is not there, an ended effect that does not exist or
/// is done already.
pub fn check(commit: &Commit, found: &Found) -> Result<(), StoreError> {
    if let Some(mv) = &commit.cursor {
        let what = || format!("cursor of {}", mv.chain);
        if let Some(reason) = &found.halted {
            return Err(conflict(what(), "a chain that is not halted", format!("halted: {reason}")));
        }
        if mv.expected != found.cursor {
            return Err(conflict(what(), shown(mv.expected.as_ref()), shown(found.cursor.as_ref())));
        }
    }
    for change in &commit.transfers {
        let sequence = found.sequences.get(&change.after.id).copied().unwrap_or(0);
        if sequence != change.expected_sequence {
            let what = format!("sequence of transfer {}", change.after.id);
            return Err(conflict(what, change.expected_sequence, sequence));
        }
    }
    if !commit.risk.is_empty() && commit.expected_risk_sequence != found.risk_sequence {
        return Err(conflict("sequence of the risk log", commit.expected_risk_sequence, found.risk_sequence));
    }
    if commit.depends_on_control() && commit.expected_control_sequence != found.control_sequence {
        return Err(conflict("sequence of the control log", commit.expected_control_sequence, found.control_sequence));
    }
    if let Some((chain, _)) = commit.acknowledged.as_ref().filter(|_| !found.is_acknowledged_halted) {
        return Err(conflict(format!("chain {chain}"), "halted", "not halted"));
    }
    for (id, _) in &commit.ended {
        let is_new = || commit.effects.iter().any(|effect| effect.id == *id);
        match found.effects.get(id) {
            Some(true) => return Err(conflict(format!("effect {}", id.0), "waiting or leased", "done")),
            None if !is_new() => return Err(conflict(format!("effect {}", id.0), "waiting or leased", "nothing")),
            _ => {}
        }
    }
    Ok(())
}

fn shown(cursor: Option<&Cursor>) -> String {
    let Some(cursor) = cursor else { return "nowhere".to_owned() };
    let tip = cursor.tip().map_or("nowhere".to_owned(), |tip| format!("{} {}", tip.height, tip.hash));
    let finalized = cursor.finalized.map_or("none".to_owned(), |block| format!("{} {}", block.height, block.hash));
    format!("tip {tip}, {} recent, final {finalized}", cursor.recent.len())
}
