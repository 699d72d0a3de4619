//! Bitcoin deposits that were announced to the ledger: for the watcher, which recognises them by their scripts, and for
//! signers, who are told the terms behind what they are asked about.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use alloy_primitives::B256;
use futures::future::BoxFuture;
use spandrel_engine::TermsSource;
use spandrel_store::Sqlite;
use spandrel_verifiers::UnixSeconds;
use spandrel_verifiers::bitcoin::{ChainParams, DepositTerms};
use spandrel_verifiers::follow::{FollowError, SeenDeposit};
use spandrel_watchers::bitcoin::Intents;

/// For how long after their expiry, in seconds, deposits are still recognised: what was paid on them before is proven by then.
const KEPT_EXPIRED: u64 = 30 * 86_400;

/// The ledger's deposit intents, as the watcher looks them up.
pub struct KnownIntents {
    /// What watchers and evidence look scripts up in.
    pub book: Arc<Intents>,
    store: Sqlite,
    /// Place of the last that was taken over.
    read_to: AtomicU64,
}

impl KnownIntents {
    /// None are known yet.
    pub fn new(vault: B256, store: Sqlite) -> Self {
        Self { book: Arc::new(Intents::new(vault)), store, read_to: AtomicU64::default() }
    }

    /// Takes over what was announced since, but for what has long expired, and forgets what has by now. Answers whether there
    /// was anything.
    pub async fn refresh(&self, now: UnixSeconds) -> Result<bool, FollowError> {
        let failed = |reason: String| FollowError::Transient { endpoint: "ledger".to_owned(), reason };
        let (from, read_to) = (now.saturating_sub(KEPT_EXPIRED), self.read_to.load(Ordering::Relaxed));
        let announced = self.store.intents_after(read_to, from).await.map_err(|error| failed(error.to_string()))?;
        let is_new = !announced.is_empty();
        for (place, intent) in announced {
            self.book.add(intent.terms).map_err(|error| failed(error.to_string()))?;
            self.read_to.store(place, Ordering::Relaxed);
        }
        if is_new {
            self.book.forget_before(from);
        }
        Ok(is_new)
    }
}

/// The ledger's deposit intents, to be told to signers.
pub struct RegisteredTerms(pub Sqlite);

impl TermsSource for RegisteredTerms {
    fn terms_of<'a>(&'a self, deposits: &'a [SeenDeposit]) -> BoxFuture<'a, Vec<DepositTerms>> {
        let of_bitcoin = deposits.iter().map(|seen| &seen.deposit);
        let of_bitcoin = of_bitcoin.filter(|deposit| ChainParams::of_chain(&deposit.source_chain).is_some());
        let asked: BTreeSet<(B256, u64)> = of_bitcoin.map(|deposit| (deposit.recipient, deposit.expiry)).collect();
        Box::pin(async move {
            let mut found = Vec::new();
            for (recipient, expiry) in asked {
                match self.0.intents_of(recipient, expiry).await {
                    Ok(intents) => found.extend(intents.into_iter().map(|intent| intent.terms)),
                    Err(error) => tracing::warn!(%error, "deposit terms not read"),
                }
            }
            found
        })
    }
}

#[cfg(test)]
mod tests {
    use alloy_primitives::{Address, U256};
    use spandrel_verifiers::bitcoin::deposit_script;
    use spandrel_verifiers::follow::BlockRef;
    use spandrel_verifiers::{AssetId, ChainId, Deposit, LanePreference};

    use super::*;

    const NOW: u64 = 1_900_000_000;

    fn vault() -> B256 {
        "0xc6047f9441ed7d6d3045406e95c07cd85c778e4b8cef3ca7abac09b95c709ee5".parse().unwrap()
    }

    fn terms(recipient: u8, expiry: u64) -> DepositTerms {
        DepositTerms {
            destination_chain: ChainId::eip155(1),
            destination_bridge: Address::repeat_byte(1).into_word(),
            recipient: Address::repeat_byte(recipient).into_word(),
            lane: LanePreference::Any,
            expiry,
            refund_key: vault(),
            refund_delay: 4_320,
        }
    }

    async fn announcing(all: &[DepositTerms]) -> Sqlite {
        let store = Sqlite::memory().await.unwrap();
        for terms in all {
            store.add_intent(deposit_script(vault(), terms).unwrap(), terms.clone(), 1).await.unwrap();
        }
        store
    }

    #[tokio::test]
    async fn what_has_long_expired_is_not_taken_over_and_is_forgotten() {
        let (over, open) = (terms(2, NOW - KEPT_EXPIRED - 1), terms(3, NOW - KEPT_EXPIRED));
        let store = announcing(&[over, open.clone()]).await;
        let known = KnownIntents::new(vault(), store.clone());
        assert!(known.refresh(NOW).await.unwrap());
        assert_eq!(known.book.len(), 1);
        assert!(!known.refresh(NOW).await.unwrap(), "each is read once");
        let later = terms(4, NOW + 9);
        store.add_intent(deposit_script(vault(), &later).unwrap(), later.clone(), 1).await.unwrap();
        assert!(known.refresh(NOW + 1).await.unwrap());
        assert_eq!(known.book.len(), 1, "the one before is over by now");
    }

    #[tokio::test]
    async fn signers_are_told_the_terms_behind_what_they_are_asked_about_and_no_others() {
        let asked = terms(2, NOW);
        let store = announcing(&[terms(3, NOW), asked.clone(), terms(2, NOW + 1)]).await;
        let told = async |chain: ChainId| {
            let deposit = Deposit {
                version: Deposit::VERSION,
                asset: AssetId::slip44(&chain, 0),
                source_chain: chain,
                source_bridge: vault(),
                source_key: B256::ZERO,
                amount: U256::from(5),
                destination_chain: asked.destination_chain.clone(),
                destination_bridge: asked.destination_bridge,
                recipient: asked.recipient,
                sender: vault(),
                lane: asked.lane,
                expiry: asked.expiry,
            };
            let block = BlockRef { height: 1, hash: B256::ZERO, time: NOW };
            let seen = SeenDeposit { deposit, block, transaction: B256::ZERO, position: 0 };
            RegisteredTerms(store.clone()).terms_of(&[seen.clone(), seen]).await
        };
        let regtest = ChainParams::regtest().chain();
        assert_eq!(told(regtest).await, std::slice::from_ref(&asked));
        assert!(told(ChainId::eip155(5)).await.is_empty());
    }
}
