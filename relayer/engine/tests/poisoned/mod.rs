//! A destination whose payouts never work.

use std::sync::Mutex;

use alloy_primitives::B256;
use spandrel_core::submission::{DueEffect, Progress, SendGate, SubmitError, Submitter};
use spandrel_core::{EffectId, TxRef};

use crate::common::destination;

/// A destination that fails as a whole for everything that pays, and carries out the rest.
#[derive(Default)]
pub struct Poisoned(Mutex<Vec<EffectId>>);

impl Poisoned {
    pub fn carried_out(&self) -> Vec<EffectId> {
        self.0.lock().unwrap().clone()
    }
}

impl Submitter for Poisoned {
    async fn submit<G: SendGate>(&self, due: &[DueEffect], _: &G) -> Result<Vec<(EffectId, Progress)>, SubmitError> {
        if due.iter().any(|due| due.effect.lane().is_some()) {
            return Err(SubmitError::Transient { endpoint: "node".to_owned(), reason: "too much for it".to_owned() });
        }
        let done = |due: &DueEffect| {
            let tx = TxRef { chain: destination(), hash: B256::repeat_byte(9), gas_used: None };
            (due.id, Progress::Finalized { tx })
        };
        self.0.lock().unwrap().extend(due.iter().map(|due| due.id));
        Ok(due.iter().map(done).collect())
    }

    async fn follow<G: SendGate>(&self, _: &G) -> Result<Vec<(EffectId, Progress)>, SubmitError> {
        Ok(Vec::new())
    }

    async fn is_sent(&self, _: EffectId) -> Result<bool, SubmitError> {
        Ok(false)
    }

    async fn is_paid(&self, _: B256) -> Result<bool, SubmitError> {
        Ok(false)
    }
}
