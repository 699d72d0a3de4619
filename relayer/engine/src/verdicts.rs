//! Asking the verifiers, and collecting their verdicts.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use alloy_primitives::Address;
use spandrel_core::ledger::{EffectEnd, Ledger};
use spandrel_core::{Effect, Executor, Input, Transfer};
use spandrel_verifiers::attestation::recover;
use spandrel_verifiers::{DepositId, SignedVerdict, Verdict, VerdictDomain};

use crate::gate::{Gate, wait};
use crate::{Book, Bus, Change, Clock, EngineError, EvidenceRequest, Message};

const LEASE_SECONDS: u64 = 60;
const ASK_AGAIN_SECONDS: u64 = 3;
const BATCH: u32 = 64;

/// The relayer's side of verification.
pub struct VerdictDesk<L, C, B> {
    book: Arc<Book<L, C>>,
    bus: B,
    collected: Mutex<Collected>,
}

/// The newest verdict of each member per deposit: what strangers send is never kept.
type Collected = HashMap<DepositId, BTreeMap<Address, SignedVerdict>>;

impl<L: Ledger, C: Clock, B: Bus> VerdictDesk<L, C, B> {
    /// A desk on `bus`.
    pub fn new(book: Arc<Book<L, C>>, bus: B) -> Self {
        Self { book, bus, collected: Mutex::default() }
    }

    /// Publishes evidence that waits for verdicts. Answers how many effects were taken.
    pub async fn ask_once(&self) -> Result<usize, EngineError> {
        let now = self.book.clock().now();
        let due = self.book.ledger().lease(&Executor::Verifiers, now, now + LEASE_SECONDS, BATCH).await?;
        let taken = due.len();
        let mut change = Change::default();
        for leased in due {
            let (transfer, evidence) = match (Gate::of(&self.book, &leased).await?, leased.effect) {
                (Gate::Open(transfer), Effect::RequestVerdicts { evidence }) => (transfer, evidence),
                (Gate::Later(reason), _) => {
                    change = change.ending(leased.id, wait(now, leased.attempt, reason));
                    continue;
                }
                (Gate::Open(_) | Gate::Pause | Gate::Free | Gate::Never(_), _) => {
                    change = change.ending(leased.id, EffectEnd::Done);
                    continue;
                }
            };
            let request = EvidenceRequest {
                deposit: leased.deposit,
                source: transfer.deposit.source_chain.clone(),
                destination: transfer.deposit.destination_chain.clone(),
                evidence,
            };
            let asked = self.bus.publish(Message::Evidence(Arc::new(request))).await;
            let run_at = now + ASK_AGAIN_SECONDS;
            let error = asked.err().map_or_else(|| "no quorum yet".to_owned(), |error| format!("bus: {error}"));
            change = change.ending(leased.id, EffectEnd::Retry { run_at, error });
        }
        self.book.record(change).await?;
        Ok(taken)
    }

    /// Takes a verdict; once enough members speak of one block, the machine decides whether they are a quorum.
    pub async fn take(&self, verdict: SignedVerdict) -> Result<(), EngineError> {
        let id = verdict.verdict.deposit_id;
        // Before the ledger is asked: strangers may send any number of them.
        if !self.is_from_a_member(&verdict) {
            tracing::warn!(deposit = %id, "verdict dropped: not by a member of the verifier set");
            return Ok(());
        }
        let transfer = self.book.ledger().transfer(id).await?.filter(|transfer| transfer.checkpoint.is_none());
        let Some(transfer) = transfer else {
            self.lock().remove(&id);
            return Ok(());
        };
        let Some(member) = self.member(&transfer, &verdict) else {
            tracing::warn!(deposit = %id, "verdict dropped: not by a member of the verifier set");
            return Ok(());
        };
        let so_far: Vec<SignedVerdict> = {
            let mut collected = self.lock();
            let verdicts = collected.entry(id).or_default();
            let checkpoint = verdict.verdict.checkpoint.clone();
            verdicts.insert(member, verdict);
            let agree = verdicts.values().filter(|signed| signed.verdict.checkpoint == checkpoint).count();
            if agree < self.book.policy().verifiers.threshold {
                return Ok(());
            }
            verdicts.values().cloned().collect()
        };
        let changed = self.book.record(Change::one(id, Input::Verdicts(so_far))).await?;
        if changed.iter().any(|transfer| transfer.checkpoint.is_some()) {
            self.lock().remove(&id);
        }
        Ok(())
    }

    fn is_from_a_member(&self, signed: &SignedVerdict) -> bool {
        self.book.policy().destinations.values().any(|target| self.signer(&target.domain, signed).is_some())
    }

    fn member(&self, transfer: &Transfer, signed: &SignedVerdict) -> Option<Address> {
        let target = self.book.policy().destinations.get(&transfer.deposit.destination_chain)?;
        self.signer(&target.domain, signed)
    }

    /// The member who signed both parts of a verdict for a domain: a copy with one of them broken does not take its place.
    fn signer(&self, domain: &VerdictDomain, signed: &SignedVerdict) -> Option<Address> {
        let signer = recover(signed.verdict.digest(domain), &signed.signature).ok()?;
        let Verdict { checkpoint, epoch, .. } = &signed.verdict;
        let checkpoint = checkpoint.digest(domain.chain_number, domain.registry, *epoch);
        let is_whole = recover(checkpoint, &signed.checkpoint_signature).is_ok_and(|other| other == signer);
        (is_whole && self.book.policy().verifiers.members.contains(&signer)).then_some(signer)
    }

    fn lock(&self) -> MutexGuard<'_, Collected> {
        self.collected.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::future::pending;
    use std::time::Duration;

    use alloy_primitives::{B256, Signature};
    use spandrel_core::{Destination, Policy};
    use spandrel_risk::RiskPolicy;
    use spandrel_signer::LocalKey;
    use spandrel_store::Memory;
    use spandrel_verifiers::attestation::SignerSet;
    use spandrel_verifiers::{ChainId, Checkpoint};

    use super::*;
    use crate::{BusError, Silent, Subscription};

    #[derive(Clone)]
    struct Still;

    impl Clock for Still {
        fn now(&self) -> u64 {
            1_700_000_000
        }

        async fn sleep(&self, _: Duration) {}
    }

    impl Bus for Still {
        type Subscription = Self;

        async fn publish(&self, _: Message) -> Result<(), BusError> {
            Ok(())
        }

        fn subscribe(&self) -> Self {
            Self
        }
    }

    impl Subscription for Still {
        async fn next(&mut self) -> Option<Message> {
            pending().await
        }
    }

    fn key(n: u8) -> LocalKey {
        LocalKey::from_bytes(&[n; 32]).unwrap()
    }

    #[tokio::test]
    async fn a_broken_copy_does_not_take_a_verdicts_place() {
        let members = [1, 2, 3].map(|n| key(n).address());
        let set = SignerSet::new(1, 2, members.into()).unwrap();
        let domain =
            VerdictDomain { chain_number: 9, inbox: Address::repeat_byte(7), registry: Address::repeat_byte(8) };
        let target = Destination { domain, fast_lane: Address::repeat_byte(6), signers: set.clone() };
        let policy = Policy {
            sources: [(ChainId::eip155(1), B256::repeat_byte(2))].into(),
            destinations: [(ChainId::eip155(9), target)].into(),
            verifiers: set,
            risk: RiskPolicy::of_corridors(BTreeMap::new()),
            pause_ttl: 60,
        };
        let book = Book::open(Memory::new(), Still, policy, Arc::new(Silent)).await.unwrap();
        let desk = VerdictDesk::new(Arc::new(book), Still);
        let checkpoint = Checkpoint {
            chain: ChainId::eip155(1),
            height: 1,
            root: B256::repeat_byte(3),
            time: 1,
            up_to: Checkpoint::ANY_AMOUNT,
        };
        let verdict = Verdict { deposit_id: DepositId(B256::repeat_byte(4)), checkpoint, epoch: 1 };
        let (said, of_checkpoint) = (verdict.digest(&domain), verdict.checkpoint.digest(9, domain.registry, 1));
        let signed = |one: u8, other: u8| SignedVerdict {
            verdict: verdict.clone(),
            signature: key(one).sign_digest(said).unwrap(),
            checkpoint_signature: key(other).sign_digest(of_checkpoint).unwrap(),
        };
        assert_eq!(desk.signer(&domain, &signed(1, 1)), Some(members[0]));
        assert_eq!(desk.signer(&domain, &signed(1, 2)), None, "another's signature in its place");
        assert_eq!(desk.signer(&domain, &signed(9, 9)), None, "a stranger's");
        let nonsense = Signature::new(alloy_primitives::U256::from(1), alloy_primitives::U256::from(2), true);
        assert_eq!(desk.signer(&domain, &SignedVerdict { checkpoint_signature: nonsense, ..signed(1, 1) }), None);
        assert!(desk.is_from_a_member(&signed(2, 2)) && !desk.is_from_a_member(&signed(2, 1)));
    }
}
