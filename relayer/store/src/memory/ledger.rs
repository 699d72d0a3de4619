//! Commits, halts and intents.

use alloy_primitives::Bytes;
use spandrel_core::Transfer;
use spandrel_core::ledger::{Commit, Recorded, StoreError, TransferChange, TransferFilter};
use spandrel_verifiers::UnixSeconds;
use spandrel_verifiers::bitcoin::DepositTerms;

use super::Written;
use super::stored::{EffectState, Stored};
use crate::audit;
use crate::expectations::{self, Found};
use crate::json::to_integer;
use crate::{AuditRow, Intent};

impl Stored {
    pub fn commit(&mut self, commit: Commit) -> Result<Written<()>, StoreError> {
        expectations::well_formed(&commit)?;
        expectations::check(&commit, &self.find(&commit))?;
        let entries = audit::entries(&commit)?;
        self.tell(entries, commit.now);
        self.apply(commit);
        Ok(Written::changed(()))
    }

    /// Appends to the audit log.
    fn tell(&mut self, entries: Vec<audit::Entry>, at: UnixSeconds) {
        for entry in entries {
            let last = self.audit.last().map(AuditRow::head);
            self.audit.push(AuditRow::after(last, entry, at));
        }
    }

    fn find(&self, commit: &Commit) -> Found {
        let chain = commit.cursor.as_ref().map(|mv| &mv.chain);
        let transfers = commit.transfers.iter().filter_map(|change| self.transfers.get(&change.after.id));
        Found {
            cursor: chain.and_then(|chain| self.cursors.get(chain)).map(|(cursor, _)| cursor.clone()),
            halted: chain.and_then(|chain| self.halted.get(chain)).cloned(),
            sequences: transfers.map(|transfer| (transfer.id, transfer.sequence)).collect(),
            risk_sequence: self.risk.last().map_or(0, |last| last.sequence.saturating_add(1)),
            control_sequence: self.control.last().map_or(0, |last| last.sequence.saturating_add(1)),
            is_acknowledged_halted: commit
                .acknowledged
                .as_ref()
                .is_some_and(|(chain, _)| self.halted.contains_key(chain)),
            effects: commit
                .ended
                .iter()
                .filter_map(|(id, _)| Some((*id, self.outbox.get(*id)?.state == EffectState::Done)))
                .collect(),
        }
    }

    /// What was checked happens; nothing here can fail.
    fn apply(&mut self, commit: Commit) {
        let now = commit.now;
        for change in commit.transfers {
            if !change.events.is_empty() {
                self.apply_transfer(change, now);
            }
        }
        let sequences = commit.expected_risk_sequence..;
        self.risk.extend(sequences.zip(commit.risk).map(|(sequence, body)| Recorded { sequence, at: now, body }));
        let sequences = commit.expected_control_sequence..;
        self.control.extend(sequences.zip(commit.control).map(|(sequence, body)| Recorded { sequence, at: now, body }));
        for new in commit.effects {
            self.outbox.insert(new);
        }
        for (id, end) in commit.ended {
            self.outbox.end(id, end, now);
        }
        if let Some(mv) = commit.cursor {
            self.cursors.insert(mv.chain, (mv.next, now));
        }
        if let Some(halt) = commit.halt {
            if let Some(evidence) = halt.evidence {
                self.contradictions.insert(halt.chain.clone(), (now, evidence));
            }
            self.halted.insert(halt.chain, halt.reason);
        }
        if let Some((chain, _)) = commit.acknowledged {
            self.halted.remove(&chain);
        }
    }

    fn apply_transfer(&mut self, change: TransferChange, now: UnixSeconds) {
        let id = change.after.id;
        let events = (change.expected_sequence..).zip(change.events);
        let log = self.events.entry(id).or_default();
        log.extend(events.map(|(sequence, body)| Recorded { sequence, at: now, body }));
        if self.transfers.insert(id, change.after).is_none() {
            self.arrivals.push(id);
        }
    }

    pub fn transfers_by_age(&self, filter: &TransferFilter) -> Vec<Transfer> {
        let wanted = |transfer: &&Transfer| {
            filter.source.as_ref().is_none_or(|chain| *chain == transfer.deposit.source_chain)
                && !(filter.open_only && transfer.status.is_terminal())
        };
        let arrivals = self.arrivals.iter().filter_map(|id| self.transfers.get(id));
        let mut transfers: Vec<Transfer> = arrivals.filter(wanted).cloned().collect();
        transfers.sort_by_key(|transfer| transfer.created_at);
        transfers
    }

    pub fn add_intent(
        &mut self,
        script: Bytes,
        terms: DepositTerms,
        now: UnixSeconds,
    ) -> Result<Written<()>, StoreError> {
        to_integer("intent.created_at", now)?;
        if let Some(known) = self.intents.iter().find(|intent| intent.script == script) {
            return known.must_have(&terms).map(Written::unchanged);
        }
        self.intents.push(Intent { script, terms, created_at: now });
        Ok(Written::changed(()))
    }
}
