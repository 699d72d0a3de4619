//! Content of Portal's beacon chain: light-client data of mainnet, each piece behind the digest of its fork, and what its
//! key says of it. A signature is checked where the committee that made it stands beside it.

use std::collections::BTreeMap;
use std::path::Path;

use alloy_primitives::{B256, Bytes};
use serde::Deserialize;
use spandrel_verifiers::VerifyError;
use spandrel_verifiers::ethereum::bls::Committee;
use spandrel_verifiers::ethereum::containers::{
    BeaconBlockHeader, Bootstrap, FinalityUpdate, LightClientData, LightClientUpdate, OptimisticUpdate, SyncAggregate,
    SyncCommittee, from_ssz,
};
use spandrel_verifiers::ethereum::ssz::{hash_pair, merkleize, uint64_chunk, verify_branch};
use spandrel_verifiers::ethereum::{ChainConfig, Fork, Gindex, LightClientStore, signing_root};

use super::beacon::counted;
use super::whole::Whole;
use super::{beside, yaml};
use crate::chain::{Network, PERIOD, SEATS};
use crate::support::{Tally, bytes as read_file};
use crate::vector_coverage::Ran;

/// What Portal's network keeps under a key: a selector, and what it is asked for by.
#[derive(Deserialize)]
struct Content {
    content_key: Bytes,
    content_value: Bytes,
    beacon_state_root: Option<B256>,
}

/// A piece of content, as its key says it is.
enum Piece {
    Bootstrap(B256, Box<Bootstrap>),
    Update(u64, Box<LightClientUpdate>),
    Finality(u64, Box<FinalityUpdate>),
    Optimistic(u64, Box<OptimisticUpdate>),
    Summaries(Summaries),
}

/// The list of historical summaries in a state, whose root may be told.
struct Summaries {
    fork: Fork,
    branch: Vec<B256>,
    list: B256,
    state_root: Option<B256>,
}

pub fn content(path: &Path, bytes: &[u8]) -> Option<Ran> {
    run(&ChainConfig::mainnet(), path, bytes)
}

/// Alone, or in a list.
fn contents_of(bytes: &[u8]) -> Option<Vec<Content>> {
    let one = || yaml::<Content>(bytes, "content_value").map(|content| vec![content]);
    let found = yaml::<Vec<Content>>(bytes, "content_value").or_else(one)?;
    let is_beacon = |content: &Content| matches!(content.content_key.first(), Some(0x10..=0x14));
    (!found.is_empty() && found.iter().all(is_beacon)).then_some(found)
}

fn run(config: &ChainConfig, path: &Path, bytes: &[u8]) -> Option<Ran> {
    let contents = contents_of(bytes)?;
    let pieces = contents.iter().map(|content| pieces_of(config, content)).collect::<Option<Vec<_>>>();
    let Some(pieces) = pieces else {
        return Some(Ran::Unread("Portal's content of a fork or network that is not known here"));
    };
    let pieces: Vec<Piece> = pieces.into_iter().flatten().collect();
    let committees = committees(config, path, &pieces);
    let mut tally = Tally::silent();
    for piece in &pieces {
        piece.run(config, &mut tally);
        let Some((header, aggregate, slot)) = piece.signed() else { continue };
        let Some(committee) = committees.get(&config.preset.period_at(slot)) else {
            println!("skipped: Portal's beacon content: a signature, whose committee is not there");
            continue;
        };
        let message = signing_root(header, config.signing_version(slot).unwrap(), config.genesis_validators_root);
        committee.verify(aggregate, message).unwrap();
        tally.pass();
        tally.refuse(committee.verify(aggregate, B256::ZERO), "sync_committee_signature");
    }
    counted(&tally)
}

/// By the period in which they sign: those that whole pieces bring, here and in the files beside.
fn committees(config: &ChainConfig, path: &Path, pieces: &[Piece]) -> BTreeMap<u64, Committee> {
    let files = beside(path).into_iter().filter(|file| file.is_file() && file != path);
    let contents = files.filter_map(|file| contents_of(&read_file(file))).flatten();
    let others: Vec<Piece> = contents.filter_map(|content| pieces_of(config, &content)).flatten().collect();
    let whole = others.iter().chain(pieces).filter(|piece| piece.check(config).is_ok());
    let brought = whole.filter_map(Piece::brings);
    brought.map(|(period, committee)| (period, Committee::new(committee).unwrap())).collect()
}

/// `None` if it is of a fork or network that is not this.
fn pieces_of(config: &ChainConfig, content: &Content) -> Option<Vec<Piece>> {
    let (key, value) = (&content.content_key[1..], &content.content_value[..]);
    let number = |place: usize| u64::from_le_bytes(key[place..place + 8].try_into().unwrap());
    let piece = match content.content_key[0] {
        0x10 => Piece::Bootstrap(B256::from_slice(key), data(config, value)?),
        0x11 => {
            let updates = list_of(value);
            assert_eq!(updates.len() as u64, number(8));
            let numbered = updates.into_iter().zip(number(0)..);
            return numbered.map(|(update, period)| Some(Piece::Update(period, data(config, update)?))).collect();
        }
        0x12 => Piece::Finality(number(0), data(config, value)?),
        0x13 => Piece::Optimistic(number(0), data(config, value)?),
        _ => Piece::Summaries(Summaries::read(config, value, content.beacon_state_root)?),
    };
    Some(vec![piece])
}

/// Behind the digest of its fork, which is that of its slot.
fn data<T: LightClientData>(config: &ChainConfig, bytes: &[u8]) -> Option<Box<T>> {
    let (fork, ssz) = digested(config, bytes)?;
    let data: T = from_ssz(ssz, config).unwrap();
    assert_eq!(config.fork_at(data.fork_slot()).unwrap().name, fork);
    Some(Box::new(data))
}

/// `compute_fork_digest`, as it was before Fulu's blob parameters.
pub fn digest(config: &ChainConfig, version: &[u8]) -> [u8; 4] {
    let root = hash_pair(B256::right_padding_from(version), config.genesis_validators_root);
    [root[0], root[1], root[2], root[3]]
}

fn digested<'a>(config: &ChainConfig, bytes: &'a [u8]) -> Option<(Fork, &'a [u8])> {
    let (said, rest) = bytes.split_first_chunk::<4>().expect("a digest");
    let fork = config.forks.iter().find(|fork| digest(config, fork.version.as_slice()) == *said)?;
    Some((fork.name, rest))
}

/// The members of an SSZ list, each at its offset.
fn list_of(bytes: &[u8]) -> Vec<&[u8]> {
    let word = |place: usize| u32::from_le_bytes(bytes[4 * place..4 * place + 4].try_into().unwrap()) as usize;
    let count = word(0) / 4;
    let end = |place: usize| if place + 1 < count { word(place + 1) } else { bytes.len() };
    (0..count).map(|place| &bytes[word(place)..end(place)]).collect()
}

impl Piece {
    /// Whether its parts stand under its header.
    fn check(&self, config: &ChainConfig) -> Result<(), VerifyError> {
        fn whole<T: Whole>(config: &ChainConfig, data: &T) -> Result<(), VerifyError> {
            data.check(config.form_at(data.fork_slot())?)
        }
        match self {
            Self::Bootstrap(root, data) => LightClientStore::bootstrap(config, *root, data).map(drop),
            Self::Update(_, data) => whole(config, &**data),
            Self::Finality(_, data) => whole(config, &**data),
            Self::Optimistic(_, data) => whole(config, &**data),
            Self::Summaries(summaries) => summaries.check(summaries.list),
        }
    }

    /// Checks it, and that it is what its key says.
    fn run(&self, config: &ChainConfig, tally: &mut Tally) {
        match self {
            Self::Bootstrap(_, data) => {
                tally.refuse(LightClientStore::bootstrap(config, B256::ZERO, data), "header.beacon");
            }
            Self::Update(period, data) => {
                assert_eq!(config.preset.period_at(data.attested_header.beacon.slot), *period);
            }
            Self::Finality(slot, data) => assert_eq!(data.finalized_header.beacon.slot, *slot),
            Self::Optimistic(slot, data) => assert_eq!(data.signature_slot, *slot),
            Self::Summaries(summaries) if summaries.state_root.is_none() => {
                println!("skipped: Portal's beacon content: historical summaries without their state's root");
                return;
            }
            Self::Summaries(summaries) => tally.refuse(summaries.check(B256::ZERO), "historical_summaries"),
        }
        self.check(config).unwrap();
        tally.pass();
    }

    /// The committee that it brings, and the period in which that signs.
    fn brings(&self) -> Option<(u64, &SyncCommittee)> {
        match self {
            Self::Bootstrap(_, data) => data.brings(),
            Self::Update(_, data) => data.brings(),
            Self::Finality(..) | Self::Optimistic(..) | Self::Summaries(_) => None,
        }
    }

    /// What is signed, by whom, and at which slot.
    fn signed(&self) -> Option<(&BeaconBlockHeader, &SyncAggregate, u64)> {
        match self {
            Self::Update(_, data) => data.signed(),
            Self::Finality(_, data) => data.signed(),
            Self::Optimistic(_, data) => data.signed(),
            Self::Bootstrap(..) | Self::Summaries(_) => None,
        }
    }
}

impl Summaries {
    /// `historical_summaries` in `BeaconState`.
    const FIELD: u64 = 27;

    /// The epoch, the place of the summaries, the branch of the list in the state, and the summaries.
    fn read(config: &ChainConfig, bytes: &[u8], state_root: Option<B256>) -> Option<Self> {
        let (fork, ssz) = digested(config, bytes)?;
        let (front, summaries) = ssz.split_at(u32::from_le_bytes(ssz[8..12].try_into().unwrap()) as usize);
        let roots = |bytes: &[u8]| bytes.chunks(32).map(B256::from_slice).collect::<Vec<_>>();
        let pairs: Vec<B256> = roots(summaries).chunks(2).map(|pair| hash_pair(pair[0], pair[1])).collect();
        // At most `HISTORICAL_ROOTS_LIMIT` of them.
        let list = hash_pair(merkleize(&pairs, 24), uint64_chunk(pairs.len() as u64));
        Some(Self { fork, branch: roots(&front[12..]), list, state_root })
    }

    fn check(&self, list: B256) -> Result<(), VerifyError> {
        let leaves = if self.fork >= Fork::Electra { 64 } else { 32 };
        let index = Gindex::new(leaves + Self::FIELD);
        self.state_root.map_or(Ok(()), |root| verify_branch("historical_summaries", list, &self.branch, index, root))
    }
}

fn le(number: u64) -> [u8; 8] {
    number.to_le_bytes()
}

fn joined(roots: &[B256]) -> Vec<u8> {
    roots.iter().flat_map(|root| root.0).collect()
}

/// A file of these contents.
fn written(contents: &[(Vec<u8>, Vec<u8>)]) -> Vec<u8> {
    let one = |(key, value): &(Vec<u8>, Vec<u8>)| {
        format!("- content_key: \"0x{}\"\n  content_value: \"0x{}\"\n", hex::encode(key), hex::encode(value))
    };
    contents.iter().map(one).collect::<String>().into_bytes()
}

#[test]
fn content_is_what_its_key_says_and_is_signed_by_the_committee_that_the_content_before_brings() {
    let network = Network::electra();
    let config = &network.config;
    let version = config.forks.last().unwrap().version;
    let framed = |ssz: Vec<u8>| [&digest(config, version.as_slice())[..], &ssz].concat();
    let at = |slot| network.block(slot, None);
    let final_of = |slot: u64, finalized: u64| network.block(slot, Some(&at(finalized)));
    let (root, bootstrap) = network.bootstrap(&at(PERIOD));
    let update =
        |period: u64| network.update(&final_of(period * PERIOD + 32, period * PERIOD), &at(period * PERIOD), 0..SEATS);
    let list = |updates: &[LightClientUpdate]| {
        let frames: Vec<Vec<u8>> = updates.iter().map(|update| framed(update.encode_ssz())).collect();
        let starts = frames.iter().scan(4 * frames.len(), |end, frame| {
            let start = *end;
            *end += frame.len();
            Some((start as u32).to_le_bytes())
        });
        [starts.flatten().collect::<Vec<u8>>(), frames.concat()].concat()
    };
    let last = 3 * PERIOD + 40;
    let finality = network.finality_update(&final_of(last, last - 16), &at(last - 16), 0..SEATS);
    let optimistic = network.optimistic_update(&at(last), 0..SEATS);
    let row = [update(1), update(2)];
    let contents = |updates: &[LightClientUpdate]| {
        vec![
            ([&[0x10][..], root.as_slice()].concat(), framed(bootstrap.encode_ssz())),
            ([&[0x11][..], &le(1), &le(2)].concat(), list(updates)),
            ([&[0x12][..], &le(last - 16)].concat(), framed(finality.encode_ssz())),
            ([&[0x13][..], &le(last + 1)].concat(), framed(optimistic.encode_ssz())),
        ]
    };
    let folder = tempfile::tempdir().unwrap();
    let run_all = |contents: &[(Vec<u8>, Vec<u8>)]| {
        std::panic::catch_unwind(|| run(config, &folder.path().join("file"), &written(contents)).unwrap())
    };
    // The bootstrap, and four more that are whole and signed; another root, and four other messages.
    let honest = contents(&row);
    assert_eq!(run_all(&honest).unwrap(), Ran::Cases(9, 5));
    // Without the bootstrap the first signature cannot be checked.
    assert_eq!(run_all(&honest[1..]).unwrap(), Ran::Cases(7, 3));
    // Each that is not what its key says, or not signed by its committee.
    let mut forged = row.clone();
    forged[1].sync_aggregate = row[0].sync_aggregate.clone();
    run_all(&contents(&forged)).unwrap_err();
    let renamed = |place: usize, key: Vec<u8>| {
        let mut contents = honest.clone();
        contents[place].0 = key;
        run_all(&contents)
    };
    renamed(0, [&[0x10; 1][..], &[1; 32]].concat()).unwrap_err();
    renamed(1, [&[0x11][..], &le(2), &le(2)].concat()).unwrap_err();
    renamed(1, [&[0x11][..], &le(1), &le(3)].concat()).unwrap_err();
    renamed(2, [&[0x12][..], &le(last)].concat()).unwrap_err();
    renamed(3, [&[0x13][..], &le(last)].concat()).unwrap_err();
    // Of a network that is not known, and of no beacon chain.
    let elsewhere = run(&ChainConfig::mainnet(), &folder.path().join("file"), &written(&honest));
    assert!(matches!(elsewhere, Some(Ran::Unread(_))));
    assert_eq!(run(config, folder.path(), &written(&[(vec![2; 33], vec![1; 8])])), None);
}

#[test]
fn historical_summaries_stand_in_their_state() {
    let config = ChainConfig::mainnet();
    let summaries: Vec<B256> = (1..=6).map(B256::repeat_byte).collect();
    let pairs: Vec<B256> = summaries.chunks(2).map(|pair| hash_pair(pair[0], pair[1])).collect();
    let mut state: Vec<B256> = (0..37).map(|field| B256::repeat_byte(100 + field)).collect();
    state[27] = hash_pair(merkleize(&pairs, 24), uint64_chunk(3));
    let branch = spandrel_verifiers::ethereum::ssz::branch(&state, 6, 27);
    let front = [&le(1)[..], &204_u32.to_le_bytes(), &joined(&branch)[..]].concat();
    let value = [&digest(&config, &[5, 0, 0, 0])[..], &front, &joined(&summaries)[..]].concat();
    let file = |root: B256| {
        let text = String::from_utf8(written(&[([&[0x14][..], &le(1)].concat(), value.clone())])).unwrap();
        format!("{text}  beacon_state_root: \"{root}\"\n").into_bytes()
    };
    let folder = tempfile::tempdir().unwrap();
    let run = |bytes: &[u8]| run(&config, &folder.path().join("file"), bytes);
    assert_eq!(run(&file(merkleize(&state, 6))), Some(Ran::Cases(1, 1)));
    std::panic::catch_unwind(|| run(&file(B256::ZERO))).unwrap_err();
}
