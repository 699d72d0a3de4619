//! The transaction journal.

use alloy_primitives::{Address, Bytes};
use spandrel_core::EffectId;
use spandrel_core::journal::{Attempt, JournaledTx, NewTx, TxState};
use spandrel_core::ledger::StoreError;
use spandrel_verifiers::{ChainId, UnixSeconds};

use super::Written;
use super::stored::{Journaled, Stored};
use crate::journal_rules::{self, Outcome};
use crate::json::to_integer;

impl Stored {
    pub fn open_tx(&mut self, new: NewTx, now: UnixSeconds) -> Result<Written<JournaledTx>, StoreError> {
        journal_rules::well_formed(&new)?;
        to_integer("tx.created_at", now)?;
        let journal = &mut self.journal;
        for effect in &new.effects {
            if let Some(tx) = journal.live.get(effect).and_then(|place| journal.txs.get(*place)) {
                return Err(journal_rules::carried_already(*effect, tx.number, Outcome::of(&tx.state)));
            }
        }
        let account = (new.chain.clone(), new.signer);
        let highest = journal.nonces.get(&account).and_then(|nonces| nonces.last_key_value()).map(|(nonce, _)| *nonce);
        let nonce = journal_rules::next_nonce(highest, new.chain_nonce)?;
        let place = journal.txs.len();
        let number = i64::try_from(place).map_or(i64::MAX, |place| place.saturating_add(1));
        for effect in &new.effects {
            journal.live.insert(*effect, place);
            journal.newest.insert(*effect, place);
        }
        journal.nonces.entry(account.clone()).or_default().insert(nonce, place);
        journal.open.entry(account).or_default().insert(nonce, place);
        let tx = JournaledTx { number, tx: new, nonce, attempts: Vec::new(), state: TxState::Pending };
        journal.txs.push(tx.clone());
        Ok(Written::changed(tx))
    }

    pub fn add_attempt(&mut self, number: i64, attempt: Attempt) -> Result<Written<()>, StoreError> {
        let journal = &mut self.journal;
        let place = journal.place(number)?;
        let holder = journal.hashes.get(&attempt.hash).and_then(|holder| journal.txs.get(*holder));
        let holder =
            holder.and_then(|tx| Some((tx.number, tx.attempts.iter().find(|known| known.hash == attempt.hash)?)));
        let tx = journal.txs.get(place).ok_or_else(|| journal_rules::unknown(number))?;
        if !journal_rules::may_attempt(number, &tx.state, &attempt, holder)? {
            return Ok(Written::unchanged(()));
        }
        journal.hashes.insert(attempt.hash, place);
        if let Some(tx) = journal.txs.get_mut(place) {
            tx.attempts.push(attempt);
        }
        Ok(Written::changed(()))
    }

    pub fn set_state(&mut self, number: i64, next: TxState) -> Result<Written<()>, StoreError> {
        let journal = &mut self.journal;
        let place = journal.place(number)?;
        let tx = journal.txs.get_mut(place).ok_or_else(|| journal_rules::unknown(number))?;
        journal_rules::may_follow(number, &tx.state, &next)?;
        if tx.state == next {
            return Ok(Written::unchanged(()));
        }
        let outcome = Outcome::of(&next);
        tx.state = next;
        if outcome != Outcome::Open
            && let Some(open) = journal.open.get_mut(&(tx.tx.chain.clone(), tx.tx.signer))
        {
            open.remove(&tx.nonce);
        }
        if outcome == Outcome::Failed {
            for effect in &tx.tx.effects {
                journal.live.remove(effect);
                journal.failed.entry(*effect).or_default().insert(place);
            }
        }
        Ok(Written::changed(()))
    }

    pub fn open_txs(&self, chain: &ChainId, signer: Address) -> Vec<JournaledTx> {
        let journal = &self.journal;
        let open = journal.open.get(&(chain.clone(), signer)).into_iter().flat_map(|open| open.values());
        open.filter_map(|place| journal.txs.get(*place)).cloned().collect()
    }

    pub fn tx_of(&self, effect: EffectId) -> Option<JournaledTx> {
        self.journal.newest.get(&effect).and_then(|place| self.journal.txs.get(*place)).cloned()
    }

    pub fn failed_calls(&self, chain: &ChainId, signer: Address, to: Address, input: &Bytes) -> Vec<JournaledTx> {
        let of_account =
            self.journal.nonces.get(&(chain.clone(), signer)).into_iter().flat_map(|nonces| nonces.values());
        let is_failed_call =
            |tx: &&JournaledTx| Outcome::of(&tx.state) == Outcome::Failed && tx.tx.to == to && tx.tx.input == *input;
        of_account.filter_map(|place| self.journal.txs.get(*place)).filter(is_failed_call).cloned().collect()
    }

    pub fn failed_txs_of(&self, effect: EffectId) -> Vec<JournaledTx> {
        let failed = self.journal.failed.get(&effect).into_iter().flatten();
        failed.filter_map(|place| self.journal.txs.get(*place)).cloned().collect()
    }
}

impl Journaled {
    fn place(&self, number: i64) -> Result<usize, StoreError> {
        let place = number.checked_sub(1).and_then(|place| usize::try_from(place).ok());
        place.filter(|place| *place < self.txs.len()).ok_or_else(|| journal_rules::unknown(number))
    }
}
