//! The difficulty rules of every kind of network, block by block, on really mined chains: against Bitcoin Core's
//! algorithm written down as it walks, with the adjustment in 512 bits. (That of the `bitcoin` crate, as Core's, is for
//! targets no easier than mainnet's; unit tests compare with it there.)

use alloy_primitives::{B256, Bytes, U256, U512};
use proptest::prelude::*;
use spandrel_verifiers::VerifyError;
use spandrel_verifiers::bitcoin::{
    Anchor, ChainParams, Header, HeaderChain, MIN_DIFFICULTY_GAP, RETARGET_INTERVAL, TimewarpRule, bits_of, target_of,
};

const LIMIT: u32 = 0x207f_ffff;
/// Time of the genesis block.
const START: u32 = 1_296_688_602;
const NOW: u64 = 4_000_000_000;
const PERIOD: usize = RETARGET_INTERVAL as usize;

/// Networks with the easiest target of regtest, so that their blocks can be mined here, and the rules of others.
fn with_rules_of(network: &ChainParams) -> ChainParams {
    ChainParams {
        has_min_difficulty_blocks: network.has_min_difficulty_blocks,
        is_never_retargeted: network.is_never_retargeted,
        timewarp: network.timewarp,
        ..ChainParams::regtest()
    }
}

/// Times and targets of a chain from its genesis block on, and what Bitcoin Core's `GetNextWorkRequired` finds next.
struct Model {
    params: ChainParams,
    blocks: Vec<(u32, u32)>,
}

impl Model {
    fn next_bits(&self, time: u32) -> u32 {
        let (last_time, last_bits) = self.blocks[self.blocks.len() - 1];
        let height = self.blocks.len();
        if height.is_multiple_of(PERIOD) {
            let (first_time, first_bits) = self.blocks[height - PERIOD];
            let bits = if self.params.timewarp == TimewarpRule::Bip94 { first_bits } else { last_bits };
            if self.params.is_never_retargeted {
                return last_bits;
            }
            let two_weeks = 14 * 24 * 60 * 60;
            let taken = last_time.saturating_sub(first_time).clamp(two_weeks / 4, two_weeks * 4);
            let exact = U512::from(target_of(bits).unwrap()) * U512::from(taken) / U512::from(two_weeks);
            return bits_of(exact.min(U512::from(target_of(LIMIT).unwrap())).to::<U256>());
        }
        if !self.params.has_min_difficulty_blocks {
            return last_bits;
        }
        if u64::from(time) > u64::from(last_time) + MIN_DIFFICULTY_GAP {
            return LIMIT;
        }
        let mut at = height - 1;
        while at > 0 && !at.is_multiple_of(PERIOD) && self.blocks[at].1 == LIMIT {
            at -= 1;
        }
        self.blocks[at].1
    }
}

/// A chain and its model, growing together.
struct Pair {
    chain: HeaderChain,
    model: Model,
}

impl Pair {
    fn new(params: ChainParams) -> Self {
        let chain = HeaderChain::new(params.clone(), Anchor::genesis(&params).unwrap()).unwrap();
        let genesis = Header::parse(&params.genesis_header()).unwrap();
        Self { chain, model: Model { params, blocks: vec![(genesis.time, genesis.bits)] } }
    }

    fn last_time(&self) -> u32 {
        self.model.blocks[self.model.blocks.len() - 1].0
    }

    fn height(&self) -> usize {
        self.model.blocks.len() - 1
    }

    fn mined(&self, time: u32, bits: u32) -> Bytes {
        let mut header = Header {
            hash: B256::ZERO,
            version: 0x2000_0000,
            parent: self.chain.best().hash,
            merkle_root: B256::with_last_byte(time as u8),
            time,
            bits,
            nonce: 0,
        };
        loop {
            let bytes = Bytes::from(header.encode());
            if Header::parse(&bytes).unwrap().check_work(&self.model.params).is_ok() {
                return bytes;
            }
            header.nonce += 1;
        }
    }

    fn offer(&mut self, time: u32, bits: u32) -> Result<(), VerifyError> {
        let bytes = self.mined(time, bits);
        self.chain.extend(&[bytes], NOW)
    }

    /// A block that the model asks for.
    fn grow(&mut self, time: u32) -> u32 {
        let bits = self.model.next_bits(time);
        self.offer(time, bits).unwrap_or_else(|error| panic!("block {}: {error}", self.height() + 1));
        self.model.blocks.push((time, bits));
        bits
    }

    /// Blocks `spacing` seconds apart up to `height`.
    fn grow_to(&mut self, height: usize, spacing: u32) {
        while self.height() < height {
            self.grow(self.last_time().max(START) + spacing);
        }
    }

    fn refuse(&mut self, time: u32, bits: u32) -> String {
        let error = self.offer(time, bits).unwrap_err().field;
        error.strip_prefix("headers[0].").unwrap().to_owned()
    }
}

#[test]
fn every_block_has_the_target_that_bitcoin_core_asks_for() {
    let (mut accepted, mut refused) = (0, 0);
    for network in [ChainParams::mainnet(), ChainParams::testnet3(), ChainParams::testnet4(), ChainParams::regtest()] {
        let mut pair = Pair::new(with_rules_of(&network));
        let mut random = 0x9e37_79b9_u32;
        let mut seen = std::collections::BTreeSet::new();
        while pair.height() < 2 * PERIOD + 200 {
            random = random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            // Mostly fast, so that targets get harder; one block in eight later than twenty minutes.
            let gap = if (random >> 16).is_multiple_of(8) { 1_150 + (random >> 24) } else { 100 + (random >> 26) };
            let time = pair.last_time().max(START) + gap;
            let right = pair.model.next_bits(time);
            for bits in [LIMIT, 0x203f_ffff, pair.model.blocks[pair.height()].1] {
                if bits != right {
                    assert_eq!(pair.refuse(time, bits), "bits");
                    refused += 1;
                }
            }
            seen.insert(pair.grow(time));
            accepted += 1;
        }
        let kinds = if network.is_never_retargeted { 1 } else { 3 };
        assert!(seen.len() >= kinds, "{}: {seen:x?}", network.network);
    }
    println!("difficulty rules: {accepted} blocks accepted, {refused} refused as expected");
}

#[test]
fn an_easy_last_block_resets_the_difficulty_on_testnet3_and_not_on_testnet4() {
    for (network, is_reset) in [(ChainParams::testnet3(), true), (ChainParams::testnet4(), false)] {
        let mut pair = Pair::new(with_rules_of(&network));
        pair.grow_to(PERIOD + PERIOD - 2, 150);
        let hard = pair.model.blocks[PERIOD + 1].1;
        assert_ne!(hard, LIMIT);
        assert_eq!(pair.grow(pair.last_time() + 1_201), LIMIT);
        let next = pair.grow(pair.last_time() + 150);
        let target = |bits: u32| target_of(bits).unwrap();
        assert_eq!(target(next) > target(hard), is_reset, "{next:#x} after {hard:#x}");
    }
}

#[test]
fn the_timewarp_attack_works_today_and_ends_with_bip94_and_with_bip54() {
    let mainnet = with_rules_of(&ChainParams::mainnet());
    let testnet4 = with_rules_of(&ChainParams::testnet4());
    let cleaned_up = ChainParams { cleanup_height: Some(PERIOD as u64), ..mainnet.clone() };
    let not_yet = ChainParams { cleanup_height: Some(PERIOD as u64 + 1), ..mainnet.clone() };
    // The period's last block claims a time far ahead, the next period's first one falls back behind it.
    for (params, grace) in [(mainnet, None), (testnet4, Some(600)), (cleaned_up, Some(7_200)), (not_yet, None)] {
        let mut pair = Pair::new(params);
        pair.grow_to(PERIOD - 2, 150);
        let honest = pair.last_time();
        let ahead = honest + 1_000_000;
        pair.grow(ahead);
        match grace {
            None => {
                pair.grow(honest + 1);
            }
            Some(grace) => {
                let bits = pair.model.next_bits(honest + 1);
                assert_eq!(pair.refuse(honest + 1, bits), "time");
                assert_eq!(pair.refuse(ahead - grace - 1, bits), "time");
                pair.grow(ahead - grace);
            }
        }
    }
}

#[test]
fn a_period_of_negative_length_is_valid_today_and_ends_with_bip54() {
    let mainnet = with_rules_of(&ChainParams::mainnet());
    let cleaned_up = ChainParams { cleanup_height: Some(0), ..mainnet.clone() };
    for (params, is_allowed) in [(mainnet, true), (cleaned_up, false)] {
        let mut pair = Pair::new(params);
        pair.grow_to(PERIOD - 1, 150);
        let ahead = pair.last_time() + 5_000_000;
        pair.grow(ahead);
        // The blocks between are of ordinary times; only the period's first one is ahead of its last.
        let mut time = ahead - 4_000_000;
        while pair.height() < 2 * PERIOD - 2 {
            time += 150;
            pair.grow(time);
        }
        let bits = pair.model.next_bits(time + 150);
        if is_allowed {
            pair.grow(time + 150);
        } else {
            assert_eq!(pair.refuse(time + 150, bits), "time");
            assert_eq!(pair.refuse(ahead - 1, bits), "time");
            pair.grow(ahead);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]
    #[test]
    fn headers_given_together_are_taken_as_one_by_one(
        gaps in prop::collection::vec(0u32..2_000, 1..400),
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..6),
        spoiled in prop::option::of((any::<prop::sample::Index>(), 0usize..640)),
    ) {
        let mut pair = Pair::new(with_rules_of(&ChainParams::testnet4()));
        let mut headers = Vec::new();
        for gap in gaps {
            let time = pair.last_time().max(START) + gap + 1;
            headers.push(pair.mined(time, pair.model.next_bits(time)));
            pair.grow(time);
        }
        if let Some((pick, bit)) = spoiled {
            let at = pick.index(headers.len());
            let mut bytes = headers[at].to_vec();
            bytes[bit / 8] ^= 1 << (bit % 8);
            headers[at] = bytes.into();
        }
        let fresh = || Pair::new(pair.model.params.clone()).chain;
        let mut single = fresh();
        let verdicts: Vec<_> = headers.iter().map(|header| single.extend(std::slice::from_ref(header), NOW)).collect();
        let bad = verdicts.iter().position(Result::is_err);
        prop_assert!(spoiled.is_some() || bad.is_none());
        let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(headers.len())).chain([0, headers.len()]).collect();
        cuts.sort_unstable();
        let mut together = fresh();
        for cut in cuts.windows(2) {
            let before = together.best();
            let taken = together.extend(&headers[cut[0]..cut[1]], NOW);
            let is_bad = bad.is_some_and(|bad| cut[0] <= bad && bad < cut[1]);
            prop_assert_eq!(taken.is_err(), is_bad || (bad.is_some_and(|bad| bad < cut[0]) && cut[0] < cut[1]));
            if is_bad {
                let bad = bad.unwrap();
                let (alone, among) = (verdicts[bad].clone().unwrap_err(), taken.unwrap_err());
                prop_assert_eq!(&among.field, &alone.field.replace("[0]", &format!("[{}]", bad - cut[0])));
                prop_assert_eq!((&among.expected, &among.found), (&alone.expected, &alone.found));
                prop_assert_eq!(together.best(), before);
            }
        }
        if bad.is_none() {
            prop_assert_eq!((together.best(), together.best_work()), (single.best(), single.best_work()));
        }
    }
}
