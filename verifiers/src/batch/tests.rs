//! What is said of an item does not depend on its neighbours, and neither does the work it causes.

use std::sync::atomic::{AtomicUsize, Ordering};

use alloy_primitives::{B256, Bytes};
use proptest::prelude::*;

use super::*;
use crate::bitcoin::{DepositTerms, Inclusion};
use crate::{Checkpoint, LanePreference, deposit};

/// Believes items of even height, and counts what it is asked.
#[derive(Default)]
struct Counting {
    batches: AtomicUsize,
    items: AtomicUsize,
    /// Of a batch of more roots than one.
    largest: AtomicUsize,
}

impl Verifier for Counting {
    type Trusted = ChainId;
    type Update = ();
    type Evidence = Inclusion;

    fn advance(&self, _: &mut ChainId, _: &(), _: UnixSeconds) -> Result<(), VerifyError> {
        Ok(())
    }

    fn verify(&self, chain: &ChainId, item: &Inclusion, _: UnixSeconds) -> Result<Verified<Deposit>, VerifyError> {
        self.items.fetch_add(1, Ordering::Relaxed);
        if item.height % 2 == 1 {
            return Err(VerifyError::invalid("height", "an even one", item.height));
        }
        let under = Checkpoint {
            chain: chain.clone(),
            height: item.height,
            root: B256::ZERO,
            time: 0,
            up_to: Checkpoint::ANY_AMOUNT,
        };
        Ok(Verified::new(deposit::sample(), under))
    }

    fn verify_batch(
        &self,
        chain: &ChainId,
        items: &[Inclusion],
        now: UnixSeconds,
    ) -> Vec<Result<Verified<Deposit>, VerifyError>> {
        self.batches.fetch_add(1, Ordering::Relaxed);
        if items.iter().any(|item| item.header != items[0].header) {
            self.largest.fetch_max(items.len(), Ordering::Relaxed);
        }
        items.iter().map(|item| self.verify(chain, item, now)).collect()
    }
}

fn evidence(height: u64) -> Evidence {
    let terms = DepositTerms {
        destination_chain: ChainId::eip155(1),
        destination_bridge: B256::ZERO,
        recipient: B256::ZERO,
        lane: LanePreference::Any,
        expiry: 0,
        refund_key: B256::ZERO,
        refund_delay: 0,
    };
    let bytes = |length| Bytes::from(vec![height as u8; length]);
    Evidence::Bitcoin(Box::new(Inclusion {
        height,
        header: bytes(80),
        transaction: bytes(65),
        index: 1,
        path: vec![],
        coinbase: bytes(65),
        coinbase_path: vec![],
        output: 0,
        terms,
    }))
}

fn chain(number: u64) -> ChainId {
    ChainId::eip155(number)
}

fn item(source: u64, height: u64) -> Item {
    Item { source: chain(source), evidence: evidence(height) }
}

proptest! {
    #[test]
    fn results_stand_in_the_callers_order_and_equal_the_single_checks(
        kinds in prop::collection::vec((0_u64..4, 0_u64..9), 0..600),
    ) {
        let verifiers: Vec<_> = (0..3).map(|_| Counting::default()).collect();
        let names: Vec<_> = (0..3).map(chain).collect();
        let known = verifiers.iter().zip(&names);
        let sources = known.fold(Sources::new(), |all, (verifier, name)| all.with(name.clone(), verifier, name));
        let items = kinds.iter().map(|(source, height)| item(*source, *height)).collect();
        let results = sources.verify(items, 0).unwrap();
        prop_assert_eq!(results.len(), kinds.len());
        for ((source, height), result) in kinds.iter().zip(results) {
            match result {
                Ok(verified) => {
                    prop_assert!(height % 2 == 0 && *source < 3);
                    prop_assert_eq!((&verified.under().chain, verified.under().height), (&chain(*source), *height));
                }
                Err(error) if *source == 3 => prop_assert_eq!(error.field, "source"),
                Err(error) => {
                    prop_assert_eq!(height % 2, 1);
                    prop_assert_eq!((error.field.as_str(), error.found), ("height", height.to_string()));
                }
            }
        }
        for (number, verifier) in verifiers.iter().enumerate() {
            let own = kinds.iter().filter(|(source, _)| *source == number as u64).count();
            prop_assert_eq!(verifier.items.load(Ordering::Relaxed), own);
            // Two groups that follow each other hold more than one could.
            prop_assert!(verifier.batches.load(Ordering::Relaxed) <= (2 * own).div_ceil(MAX_GROUP));
            prop_assert!(verifier.largest.load(Ordering::Relaxed) <= MAX_GROUP);
        }
    }
}

#[test]
fn bad_neighbours_add_no_work_to_a_source() {
    let work = |bad: usize| {
        let (good, hostile) = (Counting::default(), Counting::default());
        let names = [chain(1), chain(2)];
        let sources = Sources::new().with(chain(1), &good, &names[0]).with(chain(2), &hostile, &names[1]);
        let honest = (0..40).map(|height| item(1, 2 * height));
        let spoiled = (0..bad).map(|_| item(2, 1));
        let strangers = (0..bad).map(|_| item(9, 1));
        let results = sources.verify(honest.chain(spoiled).chain(strangers).collect(), 0).unwrap();
        assert!(results.iter().take(40).all(Result::is_ok));
        assert!(results.iter().skip(40).all(Result::is_err));
        assert_eq!(hostile.items.load(Ordering::Relaxed), bad, "each bad item is looked at once");
        (good.batches.load(Ordering::Relaxed), good.items.load(Ordering::Relaxed))
    };
    assert_eq!(work(0), (1, 40));
    assert_eq!(work(1500), work(0));
}

/// Answers batches as it is told, and a single item by its height.
struct Batches<F>(F);

impl<F: Fn(&[Inclusion]) -> Vec<Result<Verified<Deposit>, VerifyError>> + Send + Sync> Verifier for Batches<F> {
    type Trusted = ();
    type Update = ();
    type Evidence = Inclusion;

    fn advance(&self, (): &mut (), (): &(), _: UnixSeconds) -> Result<(), VerifyError> {
        Ok(())
    }

    fn verify(&self, (): &(), item: &Inclusion, _: UnixSeconds) -> Result<Verified<Deposit>, VerifyError> {
        refused("single", item.height)
    }

    fn verify_batch(
        &self,
        (): &(),
        items: &[Inclusion],
        _: UnixSeconds,
    ) -> Vec<Result<Verified<Deposit>, VerifyError>> {
        (self.0)(items)
    }
}

fn refused(field: &str, found: impl ToString) -> Result<Verified<Deposit>, VerifyError> {
    Err(VerifyError::invalid(field, "", found))
}

#[test]
fn items_of_one_root_are_verified_side_by_side() {
    let verifier = Batches(|items: &[Inclusion]| {
        let mut roots: Vec<_> = items.iter().map(|item| item.header.clone()).collect();
        roots.dedup();
        assert_eq!(roots.len(), 5, "five blocks, each once");
        items.iter().map(|item| refused("batch", item.height)).collect()
    });
    let sources = Sources::new().with(chain(1), &verifier, &());
    let results = sources.verify((0..50).map(|n| item(1, n % 5)).collect(), 0).unwrap();
    let found: Vec<_> = results.into_iter().map(|result| result.unwrap_err()).collect();
    let expected: Vec<_> = (0..50).map(|n| refused("batch", n % 5).unwrap_err()).collect();
    assert_eq!(found, expected);
}

/// 300 items of three roots, 100 each, in every order: one group cannot hold them, and no root is in two.
#[test]
fn groups_are_cut_between_roots() {
    let verifier = Batches(|items: &[Inclusion]| {
        let beside = |item: &Inclusion| items.iter().filter(|other| other.header == item.header).count();
        items.iter().map(|item| refused("batch", beside(item))).collect()
    });
    let sources = Sources::new().with(chain(1), &verifier, &());
    let results = sources.verify((0..300).map(|n| item(1, n % 3)).collect(), 0).unwrap();
    assert!(results.into_iter().all(|result| result == refused("batch", 100)));
    let sizes = |runs: &[usize]| group_sizes(runs.iter().copied());
    assert_eq!(sizes(&[]), [] as [usize; 0]);
    assert_eq!(sizes(&[100, 100, 100]), [200, 100]);
    assert_eq!(sizes(&[MAX_GROUP, 1]), [MAX_GROUP, 1]);
    // A root of more than a group holds is a group by itself.
    assert_eq!(sizes(&[1, 2 * MAX_GROUP + 3, 4, MAX_GROUP]), [1, 2 * MAX_GROUP + 3, 4, MAX_GROUP]);
    assert_eq!(sizes(&[MAX_ITEMS]), [MAX_ITEMS]);
}

/// What is checked once for a root is checked once, however many its items are.
#[test]
fn items_of_one_root_are_one_group_however_many() {
    let verifier = Batches(|items: &[Inclusion]| {
        let beside = |item: &Inclusion| items.iter().filter(|other| other.header == item.header).count();
        items.iter().map(|item| refused("batch", beside(item))).collect()
    });
    let sources = Sources::new().with(chain(1), &verifier, &());
    let items: Vec<Item> = (0..900).map(|n| item(1, u64::from(n % 3 == 0))).collect();
    let results = sources.verify(items, 0).unwrap();
    for (place, result) in results.into_iter().enumerate() {
        assert_eq!(result, refused("batch", if place % 3 == 0 { 300 } else { 600 }));
    }
}

#[test]
fn results_that_do_not_match_the_items_are_not_believed() {
    let verifier =
        Batches(|items: &[Inclusion]| items.iter().skip(1).map(|item| refused("batch", item.height)).collect());
    let sources = Sources::new().with(chain(1), &verifier, &());
    let results = sources.verify((0..3).map(|n| item(1, n)).collect(), 0).unwrap();
    for (height, result) in results.into_iter().enumerate() {
        assert_eq!(result, refused("single", height));
    }
}

#[test]
fn evidence_of_another_chain_is_refused_in_its_place() {
    let (verifier, name) = (Counting::default(), chain(1));
    let sources = Sources::new().with(chain(1), &verifier, &name);
    let inclusion = crate::ethereum::Inclusion {
        header: Bytes::new(),
        account_proof: vec![],
        storage_proof: vec![],
        deposit: deposit::sample(),
    };
    let other = Evidence::Ethereum(Box::new(crate::ethereum::DepositEvidence { finality: None, inclusion }));
    let items = vec![item(1, 2), Item { source: chain(1), evidence: other }, item(1, 4)];
    let results = sources.verify(items, 0).unwrap();
    assert_eq!(results[0].as_ref().unwrap().under().height, 2);
    assert_eq!(results[1].as_ref().unwrap_err().field, "evidence");
    assert_eq!(results[2].as_ref().unwrap().under().height, 4);
}

#[test]
fn one_call_is_bounded() {
    let (verifier, name) = (Counting::default(), chain(1));
    let sources = Sources::new().with(chain(1), &verifier, &name);
    let many = |count: usize| sources.verify(vec![item(1, 2); count], 0);
    assert_eq!(many(MAX_ITEMS).unwrap().len(), MAX_ITEMS);
    assert_eq!(many(MAX_ITEMS + 1).unwrap_err().field, "items");
    let padded = |length: usize| {
        let Evidence::Bitcoin(mut inclusion) = evidence(2) else { unreachable!() };
        inclusion.transaction = Bytes::from(vec![0; length]);
        Item { source: chain(1), evidence: Evidence::Bitcoin(inclusion) }
    };
    let results = sources.verify(vec![item(1, 2), padded(MAX_EVIDENCE), item(1, 4)], 0).unwrap();
    assert_eq!(results.iter().map(Result::is_ok).collect::<Vec<_>>(), [true, false, true]);
    let large = padded(MAX_EVIDENCE - 1024);
    let before = verifier.items.load(Ordering::Relaxed);
    assert_eq!(sources.verify(vec![large; MAX_BYTES / MAX_EVIDENCE + 1], 0).unwrap_err().field, "items");
    assert_eq!(verifier.items.load(Ordering::Relaxed), before, "nothing was verified");
}
