//! Which output scripts are deposits: depositors' terms, kept by the scripts that they make.

use std::collections::HashMap;
use std::sync::{PoisonError, RwLock};

use alloy_primitives::{B256, Bytes};
use spandrel_verifiers::bitcoin::{DepositTerms, deposit_script};
use spandrel_verifiers::{UnixSeconds, VerifyError};

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
    most: usize,
}

impl Intents {
    /// An empty book for deposits into `vault`, the x-only internal key.
    pub fn new(vault: B256) -> Self {
        Self::of_at_most(vault, usize::MAX)
    }

    /// The same for terms that come from whoever asks: when there are `most` of them, all are forgotten for the next.
    pub fn of_at_most(vault: B256, most: usize) -> Self {
        Self { vault, by_script: RwLock::default(), most }
    }

    /// Adds terms and returns their output script (34 bytes). Adding the same terms again changes nothing.
    ///
    /// # Errors
    /// What [`deposit_script`] refuses.
    pub fn add(&self, terms: DepositTerms) -> Result<Bytes, VerifyError> {
        let script = deposit_script(self.vault, &terms)?;
        let mut known = self.by_script.write().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= self.most && !known.contains_key(&script) {
            known.clear();
        }
        known.insert(script.clone(), terms);
        Ok(script)
    }

    /// Forgets the terms whose expiry was before `from`.
    pub fn forget_before(&self, from: UnixSeconds) {
        let mut known = self.by_script.write().unwrap_or_else(PoisonError::into_inner);
        known.retain(|_, terms| terms.expiry >= from);
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

#[cfg(test)]
mod tests {
    use spandrel_verifiers::{ChainId, LanePreference};

    use super::*;

    #[test]
    fn terms_that_come_from_anybody_are_not_kept_without_end() {
        let vault: B256 = "0xc6047f9441ed7d6d3045406e95c07cd85c778e4b8cef3ca7abac09b95c709ee5".parse().unwrap();
        let book = Intents::of_at_most(vault, 3);
        for expiry in 1..=10u64 {
            let terms = DepositTerms {
                destination_chain: ChainId::eip155(1),
                destination_bridge: B256::left_padding_from(&[1; 20]),
                recipient: B256::left_padding_from(&[2; 20]),
                lane: LanePreference::Any,
                expiry: 1_900_000_000 + expiry,
                refund_key: vault,
                refund_delay: 4_320,
            };
            let script = book.add(terms.clone()).unwrap();
            assert_eq!(book.terms(&script), Some(terms), "what was told last is known");
            assert!(book.len() <= 3);
        }
        book.forget_before(1_900_000_010);
        assert_eq!(book.len(), 1, "what expired before is forgotten");
    }
}
