//! Headers one after the other: some network takes them by all of its rules. From a genesis block on that is one network;
//! elsewhere what stands before the row is made up, so that nothing but the row itself can be wrong.

use std::collections::HashMap;

use alloy_primitives::{B256, Bytes, U256};
use spandrel_verifiers::VerifyError;
use spandrel_verifiers::bitcoin::{
    Anchor, ChainParams, Header, HeaderChain, MEDIAN_TIME_SPAN, MIN_DIFFICULTY_GAP, RETARGET_INTERVAL, TARGET_TIMESPAN,
    TimewarpRule, retarget, target_of, work_of,
};

use super::chains::near_mainnet_headers;
use super::files::from_genesis;
use super::kinds::KINDS;
use crate::bitcoin_miner::{header_bytes, mine_run};
use crate::vector_coverage::Coverage;

const PERIOD: usize = RETARGET_INTERVAL as usize;

/// Difficulty periods that are taken to stand before a row of unknown height: so many that all rules on versions hold, or
/// so few that none does.
const PERIODS_BEFORE: [u64; 2] = [1, 400];

/// On regtest an operator sets the heights from which versions are needed (`-testactivationheight`).
fn networks() -> [ChainParams; 5] {
    let regtest = ChainParams { least_version_heights: [u64::MAX; 3], ..ChainParams::regtest() };
    [ChainParams::mainnet(), ChainParams::testnet3(), ChainParams::testnet4(), ChainParams::signet(), regtest]
}

/// Checks a row in which every header names the one before; `height` is that of the first, if it is known.
///
/// # Errors
/// What each network says against it.
pub fn check_row(row: &[Header], height: Option<u64>) -> Result<(), String> {
    let Some(first) = row.first() else { return Ok(()) };
    for params in networks() {
        let genesis = params.genesis_hash();
        let place = [first.hash, first.parent].iter().position(|hash| *hash == genesis);
        if let Some(place) = place {
            let after = &row[1 - place..];
            let is_there = height.is_none_or(|height| height == place as u64);
            let taken = from_genesis(params).extend(&encoded(after), u64::MAX).map_err(|error| error.to_string());
            return if is_there { taken } else { Err(format!("height {height:?} for a first header at {place}")) };
        }
    }
    // Of which network a lone one is nothing tells: the least work is that of regtest.
    if row.len() == 1 {
        return first.check_work(&ChainParams::regtest()).map(drop).map_err(|error| error.to_string());
    }
    let refusals = networks().map(|params| check_anywhere(&params, row, height));
    if refusals.iter().any(Result::is_ok) {
        return Ok(());
    }
    Err(refusals.into_iter().filter_map(Result::err).collect::<Vec<_>>().join("; "))
}

/// Checks a tree of headers: every branch is a row from the first header that is known below its tip.
///
/// # Errors
/// As [`check_row`].
pub fn check_tree(headers: &[Header]) -> Result<(), String> {
    let known: HashMap<B256, &Header> = headers.iter().map(|header| (header.hash, header)).collect();
    let is_parent = |tip: &Header| headers.iter().any(|header| header.parent == tip.hash);
    for tip in headers.iter().filter(|header| !is_parent(header)) {
        let parent = |header: &&Header| known.get(&header.parent).copied();
        let mut branch: Vec<Header> = std::iter::successors(Some(tip), parent).copied().collect();
        branch.reverse();
        check_row(&branch, None)?;
    }
    Ok(())
}

fn encoded(headers: &[Header]) -> Vec<Bytes> {
    headers.iter().map(|header| Bytes::from(header.encode())).collect()
}

/// Whether this network's rules take the row, with something before it that nobody has shown.
fn check_anywhere(params: &ChainParams, row: &[Header], height: Option<u64>) -> Result<(), String> {
    let named = |error: String| format!("{}: {error}", params.network);
    let mut refusal = named("no border of a period explains its targets".to_owned());
    for border in borders(params, row, height) {
        let Some((period_bits, period_time)) = period_before(params, row, border) else { continue };
        let height = height.unwrap_or_else(|| height_by(row, border));
        match check_from(params, row, height, period_bits, period_time) {
            Ok(()) => return Ok(()),
            Err(error) => refusal = named(error.to_string()),
        }
    }
    Err(refusal)
}

/// Places in the row that the next period may begin at, or beyond its end; all that it can be if it is the first header
/// that opens one.
fn borders(params: &ChainParams, row: &[Header], height: Option<u64>) -> Vec<usize> {
    if let Some(height) = height {
        return vec![PERIOD - (height % RETARGET_INTERVAL) as usize];
    }
    if params.is_never_retargeted {
        return vec![PERIOD];
    }
    // Between the last header of one target and the first of another.
    let of_period: Vec<usize> = (0..row.len()).filter(|place| is_of_period(params, row, *place)).collect();
    match of_period.windows(2).find(|pair| row[pair[0]].bits != row[pair[1]].bits) {
        Some(pair) => (pair[0]..pair[1]).map(|before| before % PERIOD + 1).collect(),
        None if row.len() <= PERIOD => vec![row.len()],
        None => (1..=PERIOD).collect(),
    }
}

/// Whether a header's target is its period's: on test networks one that comes late has the easiest.
fn is_of_period(params: &ChainParams, row: &[Header], place: usize) -> bool {
    let gap = |before: usize| u64::from(row[place].time).saturating_sub(u64::from(row[before].time));
    let is_in_time = place.checked_sub(1).is_some_and(|before| gap(before) <= MIN_DIFFICULTY_GAP);
    !params.has_min_difficulty_blocks || row[place].bits != params.pow_limit_bits || is_in_time
}

/// The target and the time that the row's first period began with; none explains the target behind the border.
fn period_before(params: &ChainParams, row: &[Header], border: usize) -> Option<(u32, u32)> {
    let first = &row[0];
    let within = border.min(row.len());
    let of_period = (0..within).find(|place| border < PERIOD && is_of_period(params, row, *place)).unwrap_or(0);
    let bits = row[of_period].bits;
    let is_first_easy = params.has_min_difficulty_blocks && first.bits == params.pow_limit_bits;
    let is_limit = first.bits == params.pow_limit_bits;
    if (first.bits != bits && !is_first_easy) || (params.is_never_retargeted && !is_limit) {
        return None;
    }
    let Some(next) = row.get(border).filter(|_| border < PERIOD && !params.is_never_retargeted) else {
        return Some((bits, first.time));
    };
    // The least number of seconds that gives the target behind the border; any number that does is as good.
    let last = &row[border - 1];
    let before = if params.timewarp == TimewarpRule::Bip94 { bits } else { last.bits };
    let (old, new) = (target_of(before).ok()?, target_of(next.bits).ok()?);
    let taken = new.checked_mul(U256::from(TARGET_TIMESPAN))?.div_ceil(old).min(U256::from(TARGET_TIMESPAN * 4));
    let time = last.time.checked_sub(u32::try_from(taken).ok()?)?;
    (retarget(params, before, time, last.time).ok()? == next.bits).then_some((bits, time))
}

/// A height of the first header at which a period begins at the border.
fn height_by(row: &[Header], border: usize) -> u64 {
    let has_versions = row.iter().all(|header| header.version >= 4);
    PERIODS_BEFORE[usize::from(has_versions)] * RETARGET_INTERVAL + (PERIOD - border) as u64
}

/// Runs the row under its first header, before which all times are early enough for it.
fn check_from(
    params: &ChainParams,
    row: &[Header],
    height: u64,
    period_start_bits: u32,
    period_start_time: u32,
) -> Result<(), VerifyError> {
    let (first, span) = (&row[0], MEDIAN_TIME_SPAN - 1);
    let earliest = row.iter().take(MEDIAN_TIME_SPAN).map(|header| header.time).min().unwrap_or_default();
    let anchor = Anchor {
        height,
        header: first.encode().into(),
        chain_work: work_of(target_of(first.bits)?) * U256::from(height + 1),
        period_start_time,
        period_start_bits,
        previous_times: vec![earliest.saturating_sub(1); span.min(height as usize)],
    };
    HeaderChain::new(params.clone(), anchor)?.extend(&encoded(&row[1..]), u64::MAX)
}

/// Mainnet's genesis block and block 1.
fn two_of_mainnet() -> Vec<Header> {
    let first = "010000006fe28c0ab6f1b372c1a6a246ae63f74f931e8365e15a089c68d6190000000000\
        982051fd1e4ba744bbbe680e1fee14677ba1a3c3540bf7b1cdb606e857233e0e61bc6649ffff001d01e36299";
    let headers = [ChainParams::mainnet().genesis_header(), hex::decode(first).unwrap()];
    headers.iter().map(|bytes| Header::parse(bytes).unwrap()).collect()
}

/// Regtest's blocks upon a header.
fn easy(parent: &Header, count: u64, tag: u64) -> Vec<Header> {
    let mined = mine_run(parent.hash, 2, count, tag);
    mined.iter().map(|block| Header::parse(&header_bytes(block)).unwrap()).collect()
}

/// What is counted, and how many faults there are, when the row is a file in bytes, in lines, and in JSON.
fn filed(row: &[Header]) -> [((usize, usize), usize); 3] {
    let folder = tempfile::tempdir().unwrap();
    let lines: Vec<String> = row.iter().map(|header| hex::encode(header.encode())).collect();
    let json = serde_json::json!({"headers": lines}).to_string();
    let contents = [encoded(row).concat(), lines.join("\n").into_bytes(), json.into_bytes()];
    contents.map(|content| {
        std::fs::write(folder.path().join("file"), content).unwrap();
        let coverage = Coverage { folder: "here", read: &[], unread: &[], kinds: KINDS, rare: &[] };
        let report = coverage.report(folder.path(), false);
        (report.unknown, report.faults.len())
    })
}

#[test]
fn easy_headers_upon_real_ones_are_of_no_network() {
    let real = two_of_mainnet();
    assert_eq!(filed(&real), [((2, 0), 0); 3]);
    let forged = [&real[..], &easy(&real[1], 3, 1)].concat();
    assert_eq!(filed(&forged), [((0, 0), 1); 3]);
    assert_eq!(filed(&forged[1..]), [((0, 0), 1); 3]);
    // By themselves, wherever they are from, they are regtest's.
    assert_eq!(filed(&forged[2..]), [((3, 0), 0); 3]);
}

#[test]
fn easy_headers_upon_real_ones_of_an_unknown_height_are_of_no_network() {
    let Some(real) = near_mainnet_headers() else { return };
    for part in [&real[..], &real[..2016], &real[1000..], &real[1000..1010], &real[2016..]] {
        check_row(part, None).unwrap();
        let forged = [part, &easy(part.last().unwrap(), 3, 1)].concat();
        let refusal = check_row(&forged, None).unwrap_err();
        assert!(refusal.contains("bitcoin: ") && refusal.contains("regtest: "), "{refusal}");
    }
}

#[test]
fn targets_change_where_the_height_says_and_nowhere_else() {
    let Some(real) = near_mainnet_headers() else { return };
    check_row(&real[1000..], Some(686_440)).unwrap();
    check_row(&real[1000..], Some(686_441)).unwrap_err();
    check_row(&real[1000..2016], Some(686_000)).unwrap();
    // Without the period's start any time of it explains the border; with it only its own does.
    check_row(&real, Some(685_440)).unwrap();
    check_row(&real, Some(685_439)).unwrap_err();
}

#[test]
fn every_branch_of_a_tree_is_held_to_the_rules() {
    let real = two_of_mainnet();
    check_tree(&real).unwrap();
    check_tree(&[&real[..], &easy(&real[0], 1, 1)].concat()).unwrap_err();
    check_tree(&[&real[..], &easy(&real[1], 2, 1), &easy(&real[1], 2, 2)].concat()).unwrap_err();
    let of_regtest = Header::parse(&ChainParams::regtest().genesis_header()).unwrap();
    check_tree(&[&[of_regtest][..], &easy(&of_regtest, 2, 1), &easy(&of_regtest, 2, 2)].concat()).unwrap();
}
