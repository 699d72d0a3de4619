//! Partial Merkle trees, Core's own form of proofs: `merkleblock` messages and what `gettxoutproof` answers (BIP 37).

use std::path::Path;

use alloy_primitives::B256;
use bitcoin::MerkleBlock;
use bitcoin::consensus::encode::deserialize;
use bitcoin::hashes::Hash;
use serde_json::Value;
use spandrel_verifiers::VerifyError;
use spandrel_verifiers::bitcoin::{ChainParams, HEADER_LENGTH, Header, sha256d, verify_path};

use super::files::Tally;
use crate::vector_coverage::{Ran, stated};

/// A transaction that a partial tree proves.
pub struct Matched {
    pub txid: B256,
    pub index: u32,
    pub path: Vec<B256>,
}

/// A partial tree that is read: bits and hashes, depth first.
struct Tree<'a> {
    count: u32,
    bits: std::slice::Iter<'a, bool>,
    hashes: std::slice::Iter<'a, B256>,
}

/// A header, and the transactions that are proven under it.
pub fn proven(bytes: &[u8]) -> Result<(Header, Vec<Matched>), VerifyError> {
    let bad = |expected: &str| VerifyError::malformed("merkleblock", expected, format!("{} bytes", bytes.len()));
    // The peer reads the message; what is in the tree is found here.
    let message: MerkleBlock = deserialize(bytes).map_err(|_| bad("a merkleblock message"))?;
    let header = Header::parse(&bytes[..HEADER_LENGTH])?;
    let rest = &bytes[HEADER_LENGTH + 4..];
    let (count, rest) = compact(rest).ok_or_else(|| bad("a number of hashes"))?;
    let (hashes, rest) = rest.split_at_checked(32 * count).ok_or_else(|| bad("as many hashes as it says"))?;
    let (_, flags) = compact(rest).ok_or_else(|| bad("a number of flags"))?;
    let hashes: Vec<B256> = hashes.chunks(32).map(B256::from_slice).collect();
    let bits: Vec<bool> = flags.iter().flat_map(|byte| (0..8).map(move |bit| byte >> bit & 1 == 1)).collect();
    let mut tree = Tree { count: message.txn.num_transactions(), bits: bits.iter(), hashes: hashes.iter() };
    let depth = (0..32).find(|height| tree.width(*height) <= 1).unwrap_or(32);
    let mut found = Vec::new();
    let root = tree.walk(depth, 0, &mut found).ok_or_else(|| bad("bits and hashes for all of the tree"))?;
    if root != header.merkle_root || tree.hashes.next().is_some() {
        return Err(VerifyError::invalid("merkleblock", header.merkle_root, root));
    }
    Ok((header, found))
}

/// A length, and what stands behind it.
fn compact(bytes: &[u8]) -> Option<(usize, &[u8])> {
    match bytes {
        [0xfd, low, high, rest @ ..] => Some((usize::from(u16::from_le_bytes([*low, *high])), rest)),
        [0xfe | 0xff, ..] | [] => None,
        [length, rest @ ..] => Some((usize::from(*length), rest)),
    }
}

impl Tree<'_> {
    fn width(&self, height: u32) -> u64 {
        u64::from(self.count).div_ceil(1 << height)
    }

    /// The hash of a node; what is proven below it is added, with its path up to here.
    fn walk(&mut self, height: u32, place: u64, found: &mut Vec<Matched>) -> Option<B256> {
        let is_on_the_way = *self.bits.next()?;
        if height == 0 || !is_on_the_way {
            let hash = *self.hashes.next()?;
            if height == 0 && is_on_the_way {
                found.push(Matched { txid: hash, index: u32::try_from(place).ok()?, path: Vec::new() });
            }
            return Some(hash);
        }
        let first = found.len();
        let left = self.walk(height - 1, place * 2, found)?;
        let of_left = found.len();
        let has_right = place * 2 + 1 < self.width(height - 1);
        let right = if has_right { self.walk(height - 1, place * 2 + 1, found)? } else { left };
        found[first..of_left].iter_mut().for_each(|matched| matched.path.push(right));
        found[of_left..].iter_mut().for_each(|matched| matched.path.push(left));
        Some(sha256d(&[left, right].concat()))
    }
}

/// Checks a message: its header has its work, and each of its transactions its place, which is the peer's and no other.
pub fn check(bytes: &[u8], tally: &mut Tally) -> Result<(), VerifyError> {
    let (header, all) = proven(bytes)?;
    header.check_work(&ChainParams::regtest())?;
    let (mut txids, mut places) = (Vec::new(), Vec::new());
    let message: MerkleBlock = deserialize(bytes).expect("read before");
    if message.extract_matches(&mut txids, &mut places).is_err() {
        return Err(VerifyError::invalid("merkleblock", "a tree that the peer takes", "another"));
    }
    let txids: Vec<B256> = txids.iter().map(|txid| B256::new(txid.to_byte_array())).collect();
    assert_eq!(all.iter().map(|matched| matched.txid).collect::<Vec<_>>(), txids);
    assert_eq!(all.iter().map(|matched| matched.index).collect::<Vec<_>>(), places);
    for Matched { txid, index, path } in &all {
        verify_path(header.merkle_root, *txid, *index, path)?;
        tally.passed += 1;
        verify_path(header.merkle_root, *txid, index ^ 1, path).unwrap_err();
        verify_path(header.merkle_root, !*txid, *index, path).unwrap_err();
        tally.refused += 2;
    }
    Ok(())
}

/// Whether bytes are such a message. Much else has its form by chance, as a transaction does: only its header's work, or
/// that something is said of it, tells.
fn is_message(bytes: &[u8], is_stated: bool) -> bool {
    let has_work = |header: Header| header.check_work(&ChainParams::regtest()).is_ok();
    deserialize::<MerkleBlock>(bytes).is_ok()
        && (is_stated || Header::parse(&bytes[..HEADER_LENGTH]).is_ok_and(has_work))
}

/// One by itself, in bytes or as hex.
pub fn merkle_block(path: &Path, bytes: &[u8]) -> Option<Ran> {
    let (bytes, stated) = (super::kinds::plain(bytes), stated(path, &Value::Null));
    is_message(&bytes, stated.is_some()).then(|| judged(&[bytes], stated))
}

/// Hex of some in a JSON document, however deep.
pub fn json_merkle_blocks(path: &Path, bytes: &[u8]) -> Option<Ran> {
    fn all(value: &Value, is_stated: bool, found: &mut Vec<Vec<u8>>) {
        match value {
            Value::String(text) => found
                .extend(hex::decode(text.trim_start_matches("0x")).ok().filter(|bytes| is_message(bytes, is_stated))),
            Value::Array(items) => items.iter().for_each(|item| all(item, is_stated, found)),
            Value::Object(members) => members.values().for_each(|member| all(member, is_stated, found)),
            _ => {}
        }
    }
    let file = matches!(bytes.trim_ascii_start().first()?, b'{' | b'[' | b'"')
        .then(|| serde_json::from_slice(bytes).ok())??;
    let (stated, mut found) = (stated(path, &file), Vec::new());
    all(&file, stated.is_some(), &mut found);
    (!found.is_empty()).then(|| judged(&found, stated))
}

/// # Panics
/// When one is refused, unless it is stated that they are to be.
fn judged(messages: &[Vec<u8>], stated: Option<bool>) -> Ran {
    let mut tally = Tally::new("partial Merkle trees");
    for message in messages {
        match (check(message, &mut tally), stated) {
            (Err(_), Some(false)) => tally.refused += 1,
            (verdict, _) => verdict.unwrap(),
        }
    }
    Ran::Cases(tally.passed, tally.refused)
}

#[test]
fn partial_trees_of_every_shape_give_the_paths_of_their_transactions() {
    use bitcoin::Txid;
    use bitcoin::consensus::encode::serialize;

    use crate::bitcoin_miner::{mine, regtest_chain, transaction};
    let mut tally = Tally::new("made partial Merkle trees");
    let genesis = regtest_chain().best().hash;
    for count in 1..=9_u64 {
        let spent = |n: u64| bitcoin::OutPoint { txid: Txid::from_byte_array([n as u8; 32]), vout: 0 };
        let transactions = (1..count).map(|n| transaction(spent(n), Default::default(), vec![(Default::default(), n)]));
        let block = mine(genesis, 1, crate::bitcoin_miner::START, count, transactions.collect());
        let txids: Vec<Txid> = block.txdata.iter().map(bitcoin::Transaction::compute_txid).collect();
        for chosen in 0..1_u32 << count {
            let is_chosen =
                |txid: &Txid| txids.iter().position(|known| known == txid).is_some_and(|at| chosen >> at & 1 == 1);
            let bytes = serialize(&MerkleBlock::from_block_with_predicate(&block, is_chosen));
            let before = tally.passed;
            check(&bytes, &mut tally).unwrap();
            assert_eq!(tally.passed - before, chosen.count_ones() as usize);
            // Another header's, and one hash changed.
            for place in [40, HEADER_LENGTH + 5] {
                let mut wrong = bytes.clone();
                wrong[place] ^= 1;
                check(&wrong, &mut Tally::new("")).unwrap_err();
            }
        }
    }
    tally.report();
}

#[test]
fn a_proof_in_cores_form_beside_the_vectors_is_run() {
    use bitcoin::consensus::encode::serialize;

    use crate::bitcoin_miner::{mine_run, regtest_chain};
    use crate::vector_coverage::Coverage;
    let block = &mine_run(regtest_chain().best().hash, 1, 1, 1)[0];
    let honest = serialize(&MerkleBlock::from_block_with_predicate(block, |_| true));
    let mut forged = honest.clone();
    forged[HEADER_LENGTH + 5] ^= 1;
    let folder = tempfile::tempdir().unwrap();
    let count = |content: &[u8]| {
        std::fs::write(folder.path().join("proof"), content).unwrap();
        let kinds = super::kinds::KINDS;
        let report = Coverage { folder: "here", read: &[], unread: &[], kinds, rare: &[] }.report(folder.path(), false);
        (report.unknown, report.faults.len())
    };
    let json = |bytes: &[u8], rest: &str| format!(r#"{{"proofs": [{{"proof": "0x{}"}}]{rest}}}"#, hex::encode(bytes));
    assert_eq!(count(&honest), ((1, 2), 0));
    assert_eq!(count(hex::encode(&honest).as_bytes()), ((1, 2), 0));
    assert_eq!(count(json(&honest, "").as_bytes()), ((1, 2), 0));
    assert_eq!(count(&forged), ((0, 0), 1));
    assert_eq!(count(json(&forged, "").as_bytes()), ((0, 0), 1));
    assert_eq!(count(json(&forged, r#", "valid": false"#).as_bytes()), ((0, 1), 0));
}

/// As `sighash.json` of Bitcoin Core has it: transactions of random bytes, of which some are as long as a header, a count
/// and two empty lists.
#[test]
fn random_bytes_that_have_the_form_of_a_proof_are_of_no_kind() {
    use crate::vector_coverage::Coverage;
    let mut random: Vec<u8> = (0..86_u8).map(|place| place.wrapping_mul(37).wrapping_add(11)).collect();
    random[84..].fill(0);
    deserialize::<MerkleBlock>(&random).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let report = |content: &[u8]| {
        std::fs::write(folder.path().join("sighash.json"), content).unwrap();
        let kinds = super::kinds::KINDS;
        let report = Coverage { folder: "here", read: &[], unread: &[], kinds, rare: &[] }.report(folder.path(), false);
        (report.skipped.len(), report.unknown, report.faults.len())
    };
    let text = hex::encode(&random);
    let rows = serde_json::json!([["raw_transaction, script, input_index"], [text, "", 2, 1_864_164_639, "31af"]]);
    for content in [rows.to_string().as_bytes(), text.as_bytes(), &random] {
        assert_eq!(report(content), (1, (0, 0), 0));
    }
    // Where something is said of it, it is held to that.
    let said = |is_valid: bool| serde_json::json!({"proof": text, "valid": is_valid}).to_string();
    assert_eq!(report(said(true).as_bytes()), (0, (0, 0), 1));
    assert_eq!(report(said(false).as_bytes()), (0, (0, 1), 0));
}
