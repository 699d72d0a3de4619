//! The rules a header must obey where it stands: target, proof of work, time, version.
//!
//! Source: Bitcoin Core `pow.cpp` (`GetNextWorkRequired`) and `validation.cpp` (`ContextualCheckBlockHeader`).

use crate::bitcoin::header::Header;
use crate::bitcoin::params::{ChainParams, MIN_DIFFICULTY_GAP, RETARGET_INTERVAL, TimewarpRule};
use crate::bitcoin::target::retarget;
use crate::bitcoin::work::Difficulty;
use crate::{UnixSeconds, VerifyError};

/// Seconds by which a header's time may be ahead of now.
pub const MAX_FUTURE: u64 = 2 * 60 * 60;

/// Seconds by which a period's first block may be before its parent, by BIP 94 and by BIP 54.
const BIP94_GRACE: u32 = 600;
const BIP54_GRACE: u32 = 7200;

/// What a difficulty period's first block fixes for the others.
#[derive(Clone, Copy, Debug)]
pub(super) struct Period {
    pub(super) time: u32,
    pub(super) bits: u32,
}

/// Where a header would stand: all that the rules ask about the blocks before it.
pub(super) struct Place {
    pub(super) height: u64,
    pub(super) parent_time: u32,
    pub(super) parent_bits: u32,
    /// Median time of the eleven blocks before.
    pub(super) median_time: u32,
    /// The parent's period.
    pub(super) period: Period,
}

impl Place {
    /// Checks `header` here and returns its difficulty, which is likely to be `likely`. Errors name `bits`, `hash`,
    /// `time` or `version`; only a time too far ahead of `now` may pass later.
    pub(super) fn check(
        &self,
        params: &ChainParams,
        header: &Header,
        likely: Difficulty,
        now: UnixSeconds,
    ) -> Result<Difficulty, VerifyError> {
        let bits = self.expected_bits(params, header.time)?;
        if header.bits != bits {
            return Err(VerifyError::invalid("bits", format!("{bits:#010x}"), format!("{:#010x}", header.bits)));
        }
        let difficulty = likely.or_of(params, bits)?;
        header.check_hash(difficulty.target)?;
        self.check_time(params, header.time, now)?;
        let least = params.least_version(self.height);
        if header.version < least {
            return Err(VerifyError::invalid("version", format!("at least {least}"), header.version));
        }
        Ok(difficulty)
    }

    /// The period of `header` here: its own if it opens one, else its parent's.
    pub(super) fn period_with(&self, header: &Header) -> Period {
        if self.opens_period() { Period { time: header.time, bits: header.bits } } else { self.period }
    }

    fn opens_period(&self) -> bool {
        self.height.is_multiple_of(RETARGET_INTERVAL)
    }

    /// The compact target that a header of time `time` must have here.
    ///
    /// On test networks Core looks back for the last block that was not of minimum difficulty. Within a period every
    /// such block has the target of the period's first one, so that is where looking back ends.
    fn expected_bits(&self, params: &ChainParams, time: u32) -> Result<u32, VerifyError> {
        if self.opens_period() {
            if params.is_never_retargeted {
                return Ok(self.parent_bits);
            }
            let is_from_first = params.timewarp == TimewarpRule::Bip94;
            let bits = if is_from_first { self.period.bits } else { self.parent_bits };
            return retarget(params, bits, self.period.time, self.parent_time);
        }
        if !params.has_min_difficulty_blocks {
            return Ok(self.parent_bits);
        }
        let is_late = u64::from(time) > u64::from(self.parent_time).saturating_add(MIN_DIFFICULTY_GAP);
        Ok(if is_late { params.pow_limit_bits } else { self.period.bits })
    }

    fn check_time(&self, params: &ChainParams, time: u32, now: UnixSeconds) -> Result<(), VerifyError> {
        let least = self.median_time.saturating_add(1).max(self.least_time_at_boundary(params));
        if time < least || time == self.median_time {
            return Err(VerifyError::invalid("time", format!("at least {least}"), time));
        }
        let latest = now.saturating_add(MAX_FUTURE);
        if u64::from(time) > latest {
            return Err(VerifyError::not_yet("time", format!("at most {latest}"), time));
        }
        Ok(())
    }

    /// What the rules against moving time back ask of a period's first and last block.
    fn least_time_at_boundary(&self, params: &ChainParams) -> u32 {
        let is_cleaned_up = params.is_cleaned_up(self.height);
        let grace = match params.timewarp {
            TimewarpRule::Bip94 => Some(BIP94_GRACE),
            TimewarpRule::None => is_cleaned_up.then_some(BIP54_GRACE),
        };
        if self.opens_period() {
            return grace.map_or(0, |grace| self.parent_time.saturating_sub(grace));
        }
        let closes_period = self.height.saturating_add(1).is_multiple_of(RETARGET_INTERVAL);
        if closes_period && is_cleaned_up { self.period.time } else { 0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloy_primitives::B256;

    const LIMIT: u32 = 0x1d00_ffff;
    const HARD: u32 = 0x1b00_ffff;

    /// A place at `height` after a parent of time 1,000,000 in a period that began two weeks before with [`HARD`].
    fn place(height: u64, parent_bits: u32) -> Place {
        let period = Period { time: 1_000_000 - 1_209_600 / 2, bits: HARD };
        Place { height, parent_time: 1_000_000, parent_bits, median_time: 997_000, period }
    }

    fn time_refused(params: &ChainParams, place: &Place, time: u32) -> bool {
        place.check_time(params, time, 1_000_000).is_err()
    }

    #[test]
    fn targets_change_at_period_boundaries_only() {
        let mainnet = ChainParams::mainnet();
        assert_eq!(place(2017, HARD).expected_bits(&mainnet, 2_000_000).unwrap(), HARD);
        let halved = place(2016, HARD).expected_bits(&mainnet, 2_000_000).unwrap();
        assert_eq!(halved, retarget(&mainnet, HARD, 1_000_000 - 604_800, 1_000_000).unwrap());
        assert_eq!(halved, 0x1a7f_ff80);
        let backwards = Place { period: Period { time: 1_000_001, bits: HARD }, ..place(2016, HARD) };
        assert_eq!(backwards.expected_bits(&mainnet, 0).unwrap(), 0x1a3f_ffc0, "at most fourfold");
    }

    #[test]
    fn test_networks_allow_an_easy_block_after_twenty_minutes_and_then_return() {
        let testnet = ChainParams::testnet3();
        assert_eq!(place(2017, HARD).expected_bits(&testnet, 1_001_200).unwrap(), HARD);
        assert_eq!(place(2017, HARD).expected_bits(&testnet, 1_001_201).unwrap(), LIMIT);
        assert_eq!(place(2018, LIMIT).expected_bits(&testnet, 1_000_600).unwrap(), HARD);
        assert_eq!(place(2017, HARD).expected_bits(&ChainParams::mainnet(), 1_001_201).unwrap(), HARD);
    }

    #[test]
    fn bip94_adjusts_from_the_periods_first_block() {
        let after_easy_block = place(2016, LIMIT);
        assert_eq!(after_easy_block.expected_bits(&ChainParams::testnet4(), 0).unwrap(), 0x1a7f_ff80);
        assert_eq!(after_easy_block.expected_bits(&ChainParams::testnet3(), 0).unwrap(), 0x1c7f_ff80);
    }

    #[test]
    fn regtest_never_adjusts() {
        for bits in [0x207f_ffff, HARD] {
            assert_eq!(place(2016, bits).expected_bits(&ChainParams::regtest(), 0).unwrap(), bits);
        }
    }

    #[test]
    fn time_must_exceed_the_median_and_stay_within_two_hours_of_now() {
        let mainnet = ChainParams::mainnet();
        let place = place(2017, HARD);
        assert!(time_refused(&mainnet, &place, 997_000));
        assert!(!time_refused(&mainnet, &place, 997_001));
        assert!(!time_refused(&mainnet, &place, 1_007_200));
        let early = place.check_time(&mainnet, 1_007_201, 1_000_000).unwrap_err();
        assert_eq!((early.field.as_str(), early.kind), ("time", crate::ErrorKind::NotYet));
        let at_the_end = Place { median_time: u32::MAX, ..place };
        assert!(at_the_end.check_time(&mainnet, u32::MAX, u64::MAX).is_err());
    }

    #[test]
    fn timewarp_rules_bind_at_the_boundaries_of_a_period() {
        let old = |height| Place { median_time: 900_000, ..place(height, HARD) };
        for (params, grace) in [
            (ChainParams::testnet4(), 600),
            (ChainParams { cleanup_height: Some(2016), ..ChainParams::mainnet() }, 7200),
            (ChainParams { cleanup_height: Some(0), ..ChainParams::testnet4() }, 600),
        ] {
            assert!(!time_refused(&params, &old(2016), 1_000_000 - grace));
            assert!(time_refused(&params, &old(2016), 999_999 - grace));
            assert!(!time_refused(&params, &old(2017), 999_999 - grace));
        }
        assert!(!time_refused(&ChainParams::mainnet(), &old(2016), 900_001));
        let later = ChainParams { cleanup_height: Some(2017), ..ChainParams::mainnet() };
        assert!(!time_refused(&later, &old(2016), 900_001));
        let cleanup = ChainParams { cleanup_height: Some(4031), ..ChainParams::mainnet() };
        let late_start = Place { period: Period { time: 950_000, bits: HARD }, ..old(4031) };
        assert!(time_refused(&cleanup, &late_start, 949_999));
        assert!(!time_refused(&cleanup, &late_start, 950_000));
        assert!(!time_refused(&ChainParams::mainnet(), &late_start, 949_999));
        assert!(!time_refused(&cleanup, &Place { height: 4030, ..late_start }, 949_999));
    }

    #[test]
    fn old_header_versions_end_at_their_heights() {
        let mainnet = ChainParams::mainnet();
        for (height, least) in [(0, i32::MIN), (227_931, 2), (363_725, 3), (388_381, 4)] {
            assert_eq!(mainnet.least_version(height), least);
        }
        // The genesis block again, at the height of BIP 34.
        let header = Header::parse(&mainnet.genesis_header()).unwrap();
        let likely = Difficulty::of(&mainnet, HARD).unwrap();
        let check = |height, header: &Header| {
            let place = Place { median_time: 0, parent_bits: LIMIT, ..place(height, LIMIT) };
            place.check(&mainnet, header, likely, u64::MAX)
        };
        check(227_929, &header).unwrap();
        assert_eq!(check(227_931, &header).unwrap_err().field, "version");
        let unworked = Header { hash: B256::repeat_byte(9), ..header };
        assert_eq!(check(5, &unworked).unwrap_err().field, "hash");
        let easier = Header { bits: 0x1d00_fffe, ..header };
        assert_eq!(check(5, &easier).unwrap_err().field, "bits");
    }
}
