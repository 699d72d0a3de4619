//! Which output scripts are deposits: depositors' terms, kept by the scripts that they make.

use std::collections::HashMap;
use std::sync::{PoisonError, RwLock};

use alloy_primitives::{B256, Bytes};
use spandrel_verifiers::VerifyError;
use spandrel_verifiers::bitcoin::{DepositTerms, deposit_script};

/// Knows which output scripts are deposits. A Taproot output hides what it commits to, so a deposit is recognised
/// only if its terms were known before its block is read (or by [`BitcoinWatcher::backfill`] afterwards).
///
/// [`BitcoinWatcher::backfill`]: super::BitcoinWatcher::backfill
pub trait IntentBook: Send + Sync {
    /// The terms whose deposit output has exactly this script.
    fn terms(&self, script: &[u8]) -> Option<DepositTerms>;
}

/// An intent book in memory, for one vault; filled from the ledger.
#[derive(Debug)]
pub struct Intents {
    vault: B256,
    by_script: RwLock<HashMap<Bytes, DepositTerms>>,
}

impl Intents {
    /// An empty book for deposits into `vault`, the x-only internal key.
    pub fn new(vault: B256) -> Self {
        Self { vault, by_script: RwLock::default() }
    }

    /// Adds terms and returns their output script (34 bytes). Adding the same terms again changes nothing.
    ///
    /// # Errors
    /// What [`deposit_script`] refuses.
    pub fn add(&self, terms: DepositTerms) -> Result<Bytes, VerifyError> {
        let script = deposit_script(self.vault, &terms)?;
        self.by_script.write().unwrap_or_else(PoisonError::into_inner).insert(script.clone(), terms);
        Ok(script)
    }

    /// How many scripts are known.
    pub fn len(&self) -> usize {
        self.by_script.read().unwrap_or_else(PoisonError::into_inner).len()
    }

    /// Whether none is.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl IntentBook for Intents {
    fn terms(&self, script: &[u8]) -> Option<DepositTerms> {
        self.by_script.read().unwrap_or_else(PoisonError::into_inner).get(script).cloned()
    }
}
