//! A deposit in an `Outbox`: `mapping(uint256 nonce => bytes32 depositId)` at storage slot 0.

use std::collections::HashMap;

use alloy_primitives::{Address, B256, U256, keccak256};
use rayon::prelude::*;

use super::account::{Account, prove_slots};
use super::trie::Query;
use super::{ExecutionHeader, Inclusion};
use crate::{ChainId, Deposit, VerifyError};

/// Storage slot of the mapping in `Outbox`.
const DEPOSITS_SLOT: B256 = B256::ZERO;

/// Storage key of `deposits[nonce]`: `keccak256(abi.encode(nonce, 0))` (Solidity, layout of mappings).
pub fn deposit_slot(nonce: B256) -> B256 {
    keccak256([nonce, DEPOSITS_SLOT].concat())
}

/// The outbox whose deposits count, and the chain it is on.
#[derive(Clone, Copy)]
pub(super) struct Source<'a> {
    pub chain: &'a ChainId,
    pub outbox: Address,
}

impl Source<'_> {
    /// Checks that the outbox stores the deposit's id under its nonce, in the state of the header it brings, and that
    /// the deposit is one of this outbox. Returns the header, whose block remains to be trusted.
    ///
    /// # Errors
    /// Names the deposit's field, `header`, the proof node, `deposit.source_key` when nothing is stored there, or
    /// `deposit` when another id is.
    pub fn check(self, inclusion: &Inclusion) -> Result<ExecutionHeader, VerifyError> {
        self.require_origin(&inclusion.deposit)?;
        let header = ExecutionHeader::decode(&inclusion.header)?;
        let account = Account::prove(header.state_root, self.outbox, &inclusion.account_proof)?;
        let account = self.require_account(account)?;
        let slot = deposit_slot(inclusion.deposit.source_key);
        require_stored(&inclusion.deposit, account.prove_slot(slot, &inclusion.storage_proof)?)?;
        Ok(header)
    }

    /// [`Self::check`] of each inclusion, in order: the same verdicts. Each distinct header is decoded once, and proofs
    /// under one root walk together.
    ///
    /// # Errors
    /// As [`Self::check`], each item by itself.
    pub fn check_each(self, inclusions: &[&Inclusion]) -> Vec<Result<ExecutionHeader, VerifyError>> {
        let mut headers: HashMap<&[u8], Result<ExecutionHeader, VerifyError>> = HashMap::new();
        let opened = inclusions.iter().map(|inclusion| {
            self.require_origin(&inclusion.deposit)?;
            let header = headers.entry(inclusion.header.as_ref());
            header.or_insert_with(|| ExecutionHeader::decode(&inclusion.header)).clone()
        });
        let mut open = Open { inclusions, so_far: opened.collect() };
        let accounts = open.ask(
            |inclusion, header| Query { root: header.state_root, key: self.outbox, proof: &inclusion.account_proof },
            Account::prove_each,
        );
        let accounts = accounts.into_iter().map(|account| account.and_then(|account| self.require_account(account)));
        let roots = open.keep(accounts.map(|account| account.map(|account| account.storage_root)));
        let mut roots = roots.into_iter();
        let words = open.ask(
            |inclusion, _| Query {
                root: roots.next().unwrap_or_default(),
                key: deposit_slot(inclusion.deposit.source_key),
                proof: &inclusion.storage_proof,
            },
            prove_slots,
        );
        let stored = open.pending().into_par_iter().zip(words);
        let stored = stored.map(|((inclusion, _), word)| require_stored(&inclusion.deposit, word?));
        let stored: Vec<_> = stored.collect();
        open.keep(stored.into_iter());
        open.so_far
    }

    /// Refuses a deposit that is not one of the outbox, whatever was stored.
    fn require_origin(self, deposit: &Deposit) -> Result<(), VerifyError> {
        if deposit.version != Deposit::VERSION {
            return Err(VerifyError::invalid("deposit.version", Deposit::VERSION, deposit.version));
        }
        if deposit.source_chain != *self.chain {
            return Err(VerifyError::invalid("deposit.source_chain", self.chain, &deposit.source_chain));
        }
        let bridge = self.outbox.into_word();
        if deposit.source_bridge != bridge {
            return Err(VerifyError::invalid("deposit.source_bridge", bridge, deposit.source_bridge));
        }
        Ok(())
    }

    fn require_account(self, account: Option<Account>) -> Result<Account, VerifyError> {
        let expected = || format!("an account at {}", self.outbox);
        account.ok_or_else(|| VerifyError::invalid("account_proof", expected(), "none"))
    }
}

fn require_stored(deposit: &Deposit, word: U256) -> Result<(), VerifyError> {
    let stored = B256::from(word);
    if stored.is_zero() {
        return Err(VerifyError::invalid("deposit.source_key", "the nonce of a stored deposit", deposit.source_key));
    }
    let id = deposit.id().0;
    if stored != id {
        return Err(VerifyError::invalid("deposit", format!("the deposit with id {stored}"), id));
    }
    Ok(())
}

/// Inclusions on their way: what was refused stays refused, the others are asked the next question together.
struct Open<'a> {
    inclusions: &'a [&'a Inclusion],
    so_far: Vec<Result<ExecutionHeader, VerifyError>>,
}

impl<'a> Open<'a> {
    /// Those not refused so far.
    fn pending(&self) -> Vec<(&'a Inclusion, ExecutionHeader)> {
        let pairs = self.inclusions.iter().zip(&self.so_far);
        pairs.filter_map(|(inclusion, header)| Some((*inclusion, *header.as_ref().ok()?))).collect()
    }

    fn ask<Q, A>(
        &self,
        mut question: impl FnMut(&'a Inclusion, ExecutionHeader) -> Q,
        answer: impl FnOnce(&[Q]) -> Vec<A>,
    ) -> Vec<A> {
        let questions: Vec<Q> =
            self.pending().into_iter().map(|(inclusion, header)| question(inclusion, header)).collect();
        answer(&questions)
    }

    /// Takes an answer for each pending inclusion: a refusal refuses it. Returns the others' answers.
    fn keep<A>(&mut self, answers: impl Iterator<Item = Result<A, VerifyError>>) -> Vec<A> {
        let pending = self.so_far.iter_mut().filter(|header| header.is_ok());
        let kept = pending.zip(answers).filter_map(|(header, answer)| match answer {
            Ok(answer) => Some(answer),
            Err(error) => {
                *header = Err(error);
                None
            }
        });
        kept.collect()
    }
}
