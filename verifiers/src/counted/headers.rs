//! What a forged Cosmos header costs the deposits under other headers.

use alloy_primitives::Bytes;

use super::scene::{NOW, Scene, scene};
use super::{COMMITS, on_one_thread};
use crate::Verifier;
use crate::batch::{Item, Sources};
use crate::cosmos::{ClientHeader, CommitSig, DepositEvidence};

const HEIGHTS: std::ops::Range<u64> = 8..13;

/// Deposits under headers of their own: one header each, and two deposits under each header.
fn evidence(scene: &Scene) -> Vec<DepositEvidence> {
    let of_height = |height: u64| {
        [1, 2].map(|sequence| {
            let mut inclusion = scene.inclusion(height + sequence);
            inclusion.height = height;
            DepositEvidence { headers: vec![scene.header(height)], inclusion }
        })
    };
    HEIGHTS.flat_map(of_height).collect()
}

/// Which deposits are proven, and how many votes were checked of each commit.
fn work(scene: &Scene, evidence: &[DepositEvidence]) -> (Vec<bool>, Vec<usize>) {
    COMMITS.take();
    let results = scene.verifier.verify_batch(&scene.trusted, evidence, NOW);
    (results.iter().map(Result::is_ok).collect(), COMMITS.take())
}

/// More deposits than a group of several roots holds.
#[test]
fn the_header_of_600_deposits_is_checked_once() {
    on_one_thread(|| {
        let scene = scene();
        let item =
            |sequence| Item { source: scene.verifier.chain().clone(), evidence: scene.evidence(sequence).into() };
        let few: Vec<Item> = (1..=20).map(item).collect();
        let sources = Sources::new().with(scene.verifier.chain().clone(), &scene.verifier, &scene.trusted);
        COMMITS.take();
        let results = sources.verify(few.iter().cycle().take(600).cloned().collect(), NOW).unwrap();
        assert!(results.iter().all(Result::is_ok));
        assert_eq!(COMMITS.take().len(), 1);
    });
}

/// Chains of headers that begin alike, and one that ends before the others.
#[test]
fn what_chains_of_headers_begin_with_is_checked_once() {
    on_one_thread(|| {
        let scene = scene();
        let chain = |heights: &[u64]| {
            let mut inclusion = scene.inclusion(1);
            inclusion.height = heights[heights.len() - 1];
            let from = [None].into_iter().chain(heights.iter().copied().map(Some));
            let header = |(height, from): (&u64, Option<u64>)| {
                let mut header = ClientHeader::decode(&scene.header(*height)).unwrap();
                header.trusted_height = from.unwrap_or(header.trusted_height);
                header.encode()
            };
            DepositEvidence { headers: heights.iter().zip(from).map(header).collect(), inclusion }
        };
        let evidence = [&[8][..], &[8, 9], &[8, 9, 10], &[8, 9, 11], &[9, 12]].map(chain);
        let (proven, commits) = work(&scene, &evidence);
        assert_eq!((proven, commits.len()), (vec![true; 5], 6));
        // What is wrong with the first of all is said of each by itself.
        let bad = forged(&evidence[0].headers[0], 0);
        let evidence = evidence.map(|mut item| {
            item.headers[0] = bad.clone();
            item
        });
        COMMITS.take();
        let verdicts = scene.verifier.verify_batch(&scene.trusted, &evidence, NOW);
        assert_eq!(COMMITS.take().len(), 1);
        for (item, verdict) in evidence.iter().zip(verdicts) {
            assert!(verdict.is_err());
            assert_eq!(verdict, scene.verifier.verify(&scene.trusted, item, NOW));
        }
    });
}

/// The header with the signature of one seat forged.
fn forged(header: &Bytes, seat: usize) -> Bytes {
    let mut header = ClientHeader::decode(header).unwrap();
    let signature = &mut header.signed_header.commit.signatures[seat];
    let mut vote = *signature.for_block().unwrap();
    vote.signature.0[40] ^= 1;
    *signature = CommitSig::ForBlock(vote);
    header.encode()
}

#[test]
fn a_forged_header_is_checked_once_and_its_neighbours_no_more_than_without_it() {
    on_one_thread(|| {
        let scene = scene();
        let honest = evidence(&scene);
        let (proven, commits) = work(&scene, &honest);
        assert!(proven.iter().all(|is_proven| *is_proven));
        // Each header once, for both of its deposits.
        assert_eq!(commits.len(), HEIGHTS.count());
        for bad in 0..commits.len() {
            for seat in 0..scene.members.len() {
                let mut evidence = honest.clone();
                let header = forged(&evidence[2 * bad].headers[0], seat);
                evidence[2 * bad].headers[0] = header.clone();
                evidence[2 * bad + 1].headers[0] = header;
                let (found, with_bad) = work(&scene, &evidence);
                for (place, is_proven) in found.iter().enumerate() {
                    // A vote beyond those that are needed is not looked at.
                    assert!(*is_proven || place / 2 == bad, "deposit {place}, header {bad}, seat {seat}");
                }
                assert_eq!(with_bad.iter().sum::<usize>(), commits.iter().sum::<usize>());
                assert_eq!(with_bad.len(), commits.len());
            }
            // With one deposit under the honest header it costs what one header more costs.
            let mut evidence = honest.clone();
            evidence[2 * bad].headers[0] = forged(&evidence[2 * bad].headers[0], 0);
            let (found, with_bad) = work(&scene, &evidence);
            assert_eq!(found.iter().filter(|is_proven| !**is_proven).count(), 1);
            assert!(!found[2 * bad]);
            assert_eq!(with_bad.len(), commits.len() + 1);
            let most = commits.iter().sum::<usize>() + commits.iter().max().unwrap();
            assert!(with_bad.iter().sum::<usize>() <= most);
        }
    });
}
