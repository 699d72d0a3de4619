//! Evidence of all four chains in one call: each item gets the verdict that it gets alone, whatever stands beside it.

use alloy_primitives::{B256, U256};
use proptest::prelude::*;
use proptest::sample::Index;
use spandrel_verifiers::batch::{Item, Sources};
use spandrel_verifiers::ethereum::EthereumVerifier;
use spandrel_verifiers::{ChainId, Deposit, Evidence, UnixSeconds, Verified, Verifier, VerifyError};

use crate::bitcoin_deposits::Scene as Bitcoin;
use crate::cosmos::scene::{Scene as Cosmos, scene as cosmos_scene};
use crate::ethereum::chain::{OUTBOX, World};
use crate::solana::scene::Scene as Solana;

/// A scene of each chain, and a time at which all of their deposits are good.
struct Scenes {
    bitcoin: Bitcoin,
    ethereum: World,
    outbox: EthereumVerifier,
    cosmos: Cosmos,
    solana: Solana,
    now: UnixSeconds,
}

impl Scenes {
    fn new() -> Self {
        let (bitcoin, ethereum) = (Bitcoin::new(6), World::new());
        let outbox = EthereumVerifier::new(ethereum.network.config.clone(), OUTBOX).unwrap();
        let now = bitcoin.now;
        Self { bitcoin, ethereum, outbox, cosmos: cosmos_scene(), solana: Solana::new(), now }
    }

    fn chains(&self) -> [ChainId; 4] {
        [
            self.bitcoin.chain.params().chain(),
            self.ethereum.network.config.chain.clone(),
            ChainId::parse("cosmos:spandrel-7").unwrap(),
            self.solana.verifier.config().chain.clone(),
        ]
    }

    fn sources(&self) -> Sources<'_> {
        let [bitcoin, ethereum, cosmos, solana] = self.chains();
        Sources::new()
            .with(bitcoin, &self.bitcoin.verifier, &self.bitcoin.chain)
            .with(ethereum, &self.outbox, &self.ethereum.store)
            .with(cosmos, &self.cosmos.verifier, &self.cosmos.trusted)
            .with(solana, &self.solana.verifier, &self.solana.trusted)
    }

    /// Evidence of chain `of`, with one of its fields changed where it is told to be.
    fn evidence(&self, of: usize, is_spoiled: bool) -> Evidence {
        match of {
            0 => {
                let mut inclusion = self.bitcoin.evidence.clone();
                if is_spoiled {
                    inclusion.output = 0;
                }
                inclusion.into()
            }
            1 => {
                let mut evidence = self.ethereum.execution.evidence(1, Some(&self.ethereum.finality));
                if is_spoiled {
                    evidence.inclusion.deposit.amount += U256::from(1);
                }
                evidence.into()
            }
            2 => {
                let mut evidence = self.cosmos.evidence(5);
                if is_spoiled {
                    evidence.inclusion.app_hash = B256::ZERO;
                }
                evidence.into()
            }
            _ => {
                let mut evidence = self.solana.evidence.clone();
                if is_spoiled {
                    evidence.inclusion.transaction += 1;
                }
                evidence.into()
            }
        }
    }

    /// The verdict on evidence by itself.
    fn alone(&self, evidence: &Evidence) -> Result<Verified<Deposit>, VerifyError> {
        match evidence {
            Evidence::Bitcoin(item) => self.bitcoin.verifier.verify(&self.bitcoin.chain, item, self.now),
            Evidence::Ethereum(item) => self.outbox.verify(&self.ethereum.store, item, self.now),
            Evidence::Cosmos(item) => self.cosmos.verifier.verify(&self.cosmos.trusted, item, self.now),
            Evidence::Solana(item) => self.solana.verifier.verify(&self.solana.trusted, item, self.now),
        }
    }
}

#[test]
fn every_chain_has_an_honest_deposit_and_a_spoiled_one() {
    let scenes = Scenes::new();
    for (of, chain) in scenes.chains().iter().enumerate() {
        let verified = scenes.alone(&scenes.evidence(of, false)).unwrap();
        assert_eq!(&verified.fact().source_chain, chain);
        assert_eq!(&verified.under().chain, chain);
        scenes.alone(&scenes.evidence(of, true)).unwrap_err();
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    /// Items of the four chains in any order, some of them spoiled, some said to be of another chain.
    #[test]
    fn a_batch_of_four_chains_says_of_each_item_what_the_single_check_says(
        picks in prop::collection::vec((0_usize..4, any::<bool>(), prop::option::weighted(0.1, any::<Index>())), 1..40),
    ) {
        static SCENES: std::sync::LazyLock<Scenes> = std::sync::LazyLock::new(Scenes::new);
        let (scenes, chains) = (&*SCENES, SCENES.chains());
        let items: Vec<_> = picks
            .iter()
            .map(|(of, is_spoiled, other)| Item {
                source: other.as_ref().map_or(&chains[*of], |other| other.get(&chains)).clone(),
                evidence: scenes.evidence(*of, *is_spoiled),
            })
            .collect();
        let results = scenes.sources().verify(items.clone(), scenes.now).unwrap();
        prop_assert_eq!(results.len(), items.len());
        for (((of, is_spoiled, _), item), result) in picks.iter().zip(&items).zip(results) {
            if item.source == chains[*of] {
                prop_assert_eq!(result.is_ok(), !is_spoiled);
                prop_assert_eq!(result, scenes.alone(&item.evidence));
            } else {
                prop_assert_eq!(result.unwrap_err().field, "evidence");
            }
        }
    }
}
