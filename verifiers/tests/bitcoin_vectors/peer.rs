//! Header chains and Merkle proofs under rust-bitcoin: the same verdict on valid, forged and mutated ones, or a written
//! reason.

use alloy_primitives::{B256, Bytes};
use bitcoin::block::Header as PeerHeader;
use bitcoin::consensus::encode::{VarInt, deserialize, serialize};
use bitcoin::hashes::Hash;
use bitcoin::merkle_tree::PartialMerkleTree;
use bitcoin::pow::CompactTarget;
use bitcoin::{Transaction, Txid};
use proptest::prelude::*;
use proptest::sample::Index;
use spandrel_verifiers::bitcoin::{HeaderChain, decode_transaction, merkle_path, merkle_root, sha256d, verify_path};

use crate::bitcoin_miner::{START, hash, mine_run, regtest_chain};

fn peer_header(bytes: &[u8]) -> PeerHeader {
    deserialize(bytes).unwrap()
}

/// rust-bitcoin's verdict on a header behind `parent`: linked, of the bits that are due, and with their work.
fn peer_takes(parent: &PeerHeader, header: &PeerHeader, due: CompactTarget) -> bool {
    header.prev_blockhash == parent.block_hash() && header.bits == due && header.validate_pow(header.target()).is_ok()
}

/// What rust-bitcoin takes and is refused here is refused for the reasons that only a chain of headers tells: its time
/// (median of the eleven before, two hours ahead of now) or its version (BIP 34, 65, 66).
fn assert_same(peer: bool, ours: Result<(), spandrel_verifiers::VerifyError>, what: &str) {
    match ours {
        Ok(()) => assert!(peer, "{what}: taken here alone"),
        Err(error) if peer => {
            assert!(error.field.ends_with(".time") || error.field.ends_with(".version"), "{what}: {error}");
        }
        Err(_) => {}
    }
}

#[derive(Clone, Debug)]
enum Change {
    Nothing,
    Bit(Index),
    Version(i32),
    Parent(Index),
    Time(u32),
    Bits(u32),
}

fn header_changes() -> impl Strategy<Value = Change> {
    prop_oneof![
        2 => Just(Change::Nothing),
        3 => any::<Index>().prop_map(Change::Bit),
        1 => any::<i32>().prop_map(Change::Version),
        1 => (0..6_i32).prop_map(Change::Version),
        2 => any::<Index>().prop_map(Change::Parent),
        2 => (0..12_000_u32).prop_map(|after| Change::Time(START - 4_000 + after)),
        1 => any::<u32>().prop_map(Change::Bits),
        1 => (0x207f_fff0..=0x2080_0000_u32).prop_map(Change::Bits),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    /// Headers of regtest, where work can be done anew for what was changed.
    #[test]
    fn mined_headers_get_the_peers_verdict(change in header_changes(), is_mined: bool) {
        static CHAIN: std::sync::LazyLock<(HeaderChain, Vec<PeerHeader>)> = std::sync::LazyLock::new(|| {
            let mut chain = regtest_chain();
            let blocks = mine_run(chain.best().hash, 1, 13, 1);
            let headers: Vec<Bytes> = blocks.iter().map(|block| serialize(&block.header).into()).collect();
            chain.extend(&headers[..12], u64::MAX).unwrap();
            assert_eq!(chain.best().hash, hash(&blocks[11]));
            (chain, blocks.iter().map(|block| block.header).collect())
        });
        let (chain, headers) = &*CHAIN;
        let (parent, mut header) = (headers[11], headers[12]);
        match &change {
            Change::Nothing => {}
            Change::Bit(at) => {
                let (at, mut bytes) = (at.index(640), serialize(&header));
                bytes[at / 8] ^= 1 << (at % 8);
                header = peer_header(&bytes);
            }
            Change::Version(version) => header.version = bitcoin::block::Version::from_consensus(*version),
            Change::Parent(other) => header.prev_blockhash = other.get(&headers[..12]).block_hash(),
            Change::Time(time) => header.time = *time,
            Change::Bits(bits) => header.bits = CompactTarget::from_consensus(*bits),
        }
        // Of a target that one in a thousand hashes meets: no more tries than that.
        for nonce in 0..if is_mined { 1_000 } else { 0 } {
            if header.validate_pow(header.target()).is_ok() {
                break;
            }
            header.nonce = nonce;
        }
        // A header behind an older block is a fork: there it has its place as well.
        let parent = headers[..12].iter().find(|known| known.block_hash() == header.prev_blockhash).unwrap_or(&parent);
        let peer = peer_takes(parent, &header, parent.bits);
        let ours = chain.clone().extend(&[serialize(&header).into()], u64::from(START) + 12_000);
        assert_same(peer, ours, &format!("{change:?}"));
    }
}

/// `BIP 37` bytes of a proof that transaction `index` of `count` has this path; `None` if a tree of `count` has no such
/// path: another depth, or a doubled node where there is none.
fn partial_tree(count: u32, index: u32, leaf: B256, path: &[B256]) -> Option<PartialMerkleTree> {
    let width = |height: usize| (count as usize).div_ceil(1 << height);
    let depth = (0..).find(|height| width(*height) == 1)?;
    if index >= count || path.len() != depth {
        return None;
    }
    // From the root down: a node on the way is flagged and descended into, one beside it gives its hash.
    let (mut left, mut right, mut bits) = (Vec::new(), Vec::new(), vec![true]);
    let mut at = leaf;
    let mut doubled = Vec::new();
    for (height, sibling) in path.iter().enumerate() {
        let place = index as usize >> height;
        doubled.push(place.is_multiple_of(2) && place + 1 >= width(height));
        if doubled[height] && *sibling != at {
            return None;
        }
        let pair = if place.is_multiple_of(2) { [at, *sibling] } else { [*sibling, at] };
        at = sha256d(&pair.concat());
    }
    for (height, sibling) in path.iter().enumerate().rev() {
        let is_left = (index as usize >> height).is_multiple_of(2);
        if !is_left {
            left.push(*sibling);
            bits.push(false);
        } else if !doubled[height] {
            right.push(*sibling);
        }
        bits.push(true);
    }
    bits.extend(right.iter().map(|_| false));
    let hashes: Vec<B256> = left.into_iter().chain([leaf]).chain(right.into_iter().rev()).collect();
    let mut bytes = serialize(&count);
    bytes.extend(serialize(&VarInt(hashes.len() as u64)));
    bytes.extend(hashes.iter().flatten());
    let flags = bits.chunks(8).map(|bits| bits.iter().rev().fold(0_u8, |byte, bit| byte << 1 | u8::from(*bit)));
    let flags: Vec<u8> = flags.collect();
    bytes.extend(serialize(&VarInt(flags.len() as u64)));
    bytes.extend(flags);
    Some(deserialize(&bytes).unwrap())
}

/// rust-bitcoin's verdict: there is a number of transactions for which the proof leads to the root, and to this place.
fn peer_proves(root: B256, leaf: B256, index: u32, path: &[B256]) -> bool {
    let most = 1_u32 << path.len().min(8);
    (most / 2 + 1..=most).any(|count| {
        let (mut matches, mut places) = (Vec::new(), Vec::new());
        partial_tree(count, index, leaf, path).is_some_and(|tree| {
            let found = tree.extract_matches(&mut matches, &mut places);
            found.is_ok_and(|found| found.to_byte_array() == root.0)
                && (matches, places) == (vec![Txid::from_byte_array(leaf.0)], vec![index])
        })
    })
}

#[derive(Clone, Debug)]
enum Forgery {
    Nothing,
    Leaf(u8),
    Root(u8),
    Sibling(Index, u8),
    Index(u32),
    NextIndex,
    Shorter,
    Longer,
    Swapped(Index, Index),
    /// A sibling that is the node itself, as if it stood on the right edge.
    Doubled(Index),
}

fn forgeries() -> impl Strategy<Value = Forgery> {
    prop_oneof![
        3 => Just(Forgery::Nothing),
        1 => any::<u8>().prop_map(Forgery::Leaf),
        1 => any::<u8>().prop_map(Forgery::Root),
        2 => (any::<Index>(), any::<u8>()).prop_map(|(at, bit)| Forgery::Sibling(at, bit)),
        2 => (0..80_u32).prop_map(Forgery::Index),
        2 => Just(Forgery::NextIndex),
        1 => Just(Forgery::Shorter),
        1 => Just(Forgery::Longer),
        1 => (any::<Index>(), any::<Index>()).prop_map(|(one, other)| Forgery::Swapped(one, other)),
        2 => any::<Index>().prop_map(Forgery::Doubled),
    ]
}

fn flip(hash: &mut B256, bit: u8) {
    hash.0[usize::from(bit / 8)] ^= 1 << (bit % 8);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(3_000))]

    #[test]
    fn merkle_proofs_get_the_peers_verdict(count in 1..60_u32, at: Index, forgery in forgeries()) {
        let txids: Vec<Txid> = (0..count).map(|n| Txid::from_byte_array(sha256d(&n.to_le_bytes()).0)).collect();
        let honest = merkle_root(&txids);
        let peer_root = bitcoin::merkle_tree::calculate_root(txids.iter().copied()).unwrap();
        prop_assert_eq!(honest.0, peer_root.to_byte_array());
        let mut index = at.index(txids.len()) as u32;
        let mut path = merkle_path(&txids, index as usize);
        let (mut root, mut leaf) = (honest, B256::new(txids[index as usize].to_byte_array()));
        match &forgery {
            Forgery::Nothing => {}
            Forgery::Leaf(bit) => flip(&mut leaf, *bit),
            Forgery::Root(bit) => flip(&mut root, *bit),
            Forgery::Sibling(at, bit) if !path.is_empty() => flip(at.get_mut(&mut path), *bit),
            Forgery::Index(other) => index = *other,
            Forgery::NextIndex => index += 1,
            Forgery::Shorter => drop(path.pop()),
            Forgery::Longer => path.push(root),
            Forgery::Swapped(one, other) if !path.is_empty() => {
                let (one, other) = (one.index(path.len()), other.index(path.len()));
                path.swap(one, other);
            }
            // CVE-2012-2459: the root of a tree in which this node and what is below it stand twice.
            Forgery::Doubled(at) if !path.is_empty() => {
                let at = at.index(path.len());
                let mut node = leaf;
                for (height, sibling) in path.iter_mut().enumerate() {
                    if height == at {
                        *sibling = node;
                    }
                    let pair = if index >> height & 1 == 0 { [node, *sibling] } else { [*sibling, node] };
                    node = sha256d(&pair.concat());
                }
                root = node;
            }
            _ => {}
        }
        let ours = verify_path(root, leaf, index, &path);
        prop_assert_eq!(ours.is_ok(), peer_proves(root, leaf, index, &path), "{:?}: {:?}", forgery, ours);
        if matches!(forgery, Forgery::Nothing) {
            prop_assert!(ours.is_ok());
        }
    }

    /// What is a transaction here is one there, of the same id; and the other way round but for witness data, no input
    /// at all, and the 64 bytes of an inner node.
    #[test]
    fn mutated_transactions_get_the_peers_verdict(
        inputs in 0..3_usize, outputs in 0..3_usize, place: Index, mask: u8, cut in prop::option::weighted(0.2, any::<Index>()),
    ) {
        let mut bytes = [&2_u32.to_le_bytes()[..], &[inputs as u8]].concat();
        (0..inputs).for_each(|n| bytes.extend([&[n as u8; 36][..], &[2, 1, 2], &[0xff; 4]].concat()));
        bytes.push(outputs as u8);
        (0..outputs).for_each(|n| bytes.extend([&[n as u8, 1, 0, 0, 0, 0, 0, 0][..], &[1, 0x51]].concat()));
        bytes.extend([0; 4]);
        *place.get_mut(&mut bytes) ^= mask;
        if let Some(cut) = cut {
            bytes.truncate(cut.index(bytes.len()));
        }
        let peer = deserialize::<Transaction>(&bytes);
        match (decode_transaction("transaction", &bytes), peer) {
            (Ok(ours), Ok(peer)) => {
                prop_assert_eq!(ours.txid().0, peer.compute_txid().to_byte_array());
                prop_assert_eq!(ours.transaction(), &peer);
            }
            (Ok(_), Err(error)) => prop_assert!(false, "taken here alone: {error}"),
            (Err(_), Ok(peer)) => {
                let has_witness = peer.input.iter().any(|input| !input.witness.is_empty());
                prop_assert!(bytes.len() == 64 || peer.input.is_empty() || has_witness);
            }
            (Err(_), Err(_)) => {}
        }
    }
}
