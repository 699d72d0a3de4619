//! Source code with evidence in it: blobs of hex that are headers, blocks, transactions, partial trees or paths. Nothing
//! says of a blob by itself whether it is to be right: what is right is counted, and the rest is skipped with a word.

use std::collections::BTreeSet;
use std::path::Path;

use alloy_primitives::B256;
use bitcoin::consensus::encode::deserialize;
use bitcoin::hashes::Hash;
use bitcoin::{Block, MerkleBlock, Transaction};
use spandrel_verifiers::bitcoin::{
    ChainParams, HEADER_LENGTH, Header, decode_transaction, merkle_root, verify_path, without_witness,
};

use super::blocks::prove_block;
use super::files::Tally;
use super::partial;
use super::rows::check_row;
use crate::vector_coverage::Ran;

/// Literals of hex in a source, those that stand side by side or are added up as one.
pub fn literals(text: &str) -> Vec<Vec<u8>> {
    let (mut found, mut rest) = (Vec::new(), text);
    let mut whole = String::new();
    while let Some(start) = rest.find(['"', '\'', '`']) {
        let (between, from) = rest.split_at(start);
        let quote = &from[..1];
        if !between.chars().all(|letter| letter.is_whitespace() || letter == '+' || letter == '\\') {
            found.push(std::mem::take(&mut whole));
        }
        let Some(end) = from[1..].find(quote) else {
            rest = &from[1..];
            continue;
        };
        let (content, after) = (&from[1..=end], &from[end + 2..]);
        let digits: String = content.chars().filter(|letter| !letter.is_whitespace()).collect();
        let digits = digits.trim_start_matches("0x");
        if digits.chars().all(|letter| letter.is_ascii_hexdigit()) {
            whole.push_str(digits);
            rest = after;
        } else {
            // An apostrophe, or text: what is in it may begin a literal.
            found.push(std::mem::take(&mut whole));
            rest = &from[1..];
        }
    }
    found.push(whole);
    found.iter().filter_map(|digits| hex::decode(digits).ok()).filter(|bytes| bytes.len() >= 32).collect()
}

/// The decimal numbers of a source, each once.
fn numbers(text: &str) -> BTreeSet<u32> {
    text.split(|letter: char| !letter.is_ascii_alphanumeric()).filter_map(|word| word.parse().ok()).collect()
}

fn hashes(bytes: &[u8]) -> Vec<B256> {
    bytes.chunks(32).map(B256::from_slice).collect()
}

/// Headers in a row, each with its work and linked to the one before; `None` for any other bytes.
fn headers(bytes: &[u8]) -> Option<Vec<Header>> {
    let is_row = bytes.len().is_multiple_of(HEADER_LENGTH);
    let row: Vec<Header> =
        bytes.chunks(HEADER_LENGTH).filter(|_| is_row).map(|bytes| Header::parse(bytes).ok()).collect::<Option<_>>()?;
    let is_linked = row.windows(2).all(|pair| pair[1].parent == pair[0].hash);
    let has_work = row.iter().all(|header| header.check_work(&ChainParams::regtest()).is_ok());
    (!row.is_empty() && is_linked && has_work && check_row(&row, None).is_ok()).then_some(row)
}

/// What is found in a source.
#[derive(Default)]
struct Found {
    roots: Vec<B256>,
    txids: Vec<B256>,
    paths: Vec<Vec<B256>>,
}

impl Found {
    /// Counts a blob by what it is, and keeps what others may lead to or from.
    fn take(&mut self, bytes: &[u8], tally: &mut Tally) {
        if let Some(row) = headers(bytes) {
            tally.passed += row.len();
            self.roots.extend(row.iter().map(|header| header.merkle_root));
            return;
        }
        if let Ok(block) = deserialize::<Block>(bytes) {
            let txids: Vec<_> = block.txdata.iter().map(Transaction::compute_txid).collect();
            let is_whole = !txids.is_empty() && merkle_root(&txids).0 == block.header.merkle_root.to_byte_array();
            match is_whole && headers(&bytes[..HEADER_LENGTH]).is_some() {
                true => prove_block(&block, tally),
                false => tally.skip("a block", "without its work, or with others' transactions"),
            }
        } else if deserialize::<MerkleBlock>(bytes).is_ok() {
            if let Err(error) = partial::check(bytes, tally) {
                tally.skip("a partial tree", &error.to_string());
            }
        } else if let Ok(transaction) = deserialize::<Transaction>(bytes) {
            match decode_transaction("transaction", &without_witness(&transaction)) {
                Ok(decoded) => {
                    assert_eq!(decoded.txid().0, transaction.compute_txid().to_byte_array());
                    self.txids.push(decoded.txid());
                    tally.passed += 1;
                }
                Err(error) => tally.skip("a transaction", &error.to_string()),
            }
        } else if bytes.len().is_multiple_of(32) {
            self.paths.push(hashes(bytes));
        } else if bytes.len().is_multiple_of(HEADER_LENGTH) {
            tally.skip("80 bytes or more of them", "no header with its work, or not in a row of any network");
        }
    }

    /// Counts the paths that lead from a transaction at one of the source's numbers to a header.
    fn follow(&self, text: &str, tally: &mut Tally) {
        let numbers = numbers(text);
        for path in self.paths.iter().filter(|path| path.len() < 32) {
            let places = || numbers.range(..1_u32 << path.len()).copied();
            let tries = self.txids.iter().flat_map(|txid| places().map(move |place| (*txid, place)));
            let leads = |(txid, place): &(B256, u32)| {
                self.roots.iter().find(|root| verify_path(**root, *txid, *place, path).is_ok())
            };
            if let Some((tried, root)) = tries.filter_map(|tried| leads(&tried).map(|root| (tried, *root))).next() {
                tally.passed += 1;
                verify_path(root, tried.0, tried.1 ^ 1, path).unwrap_err();
                verify_path(root, tried.0, tried.1, &path[1..]).unwrap_err();
                tally.refused += 2;
            }
        }
    }
}

/// Source code by its ending.
pub fn source(path: &Path, bytes: &[u8]) -> Option<Ran> {
    const ENDINGS: [&str; 12] = ["cpp", "h", "hpp", "c", "py", "ts", "js", "go", "rs", "sol", "java", "kt"];
    let ending = path.extension()?.to_str()?;
    let text = std::str::from_utf8(bytes).ok().filter(|_| ENDINGS.contains(&ending))?;
    let (mut found, mut tally) = (Found::default(), Tally::new("a source"));
    // Twice the same is one case.
    let blobs: BTreeSet<Vec<u8>> = literals(text).into_iter().collect();
    blobs.iter().for_each(|blob| found.take(blob, &mut tally));
    found.follow(text, &mut tally);
    Some(match tally.passed + tally.refused {
        0 => Ran::Unread("source code without evidence in it: what it tests is tested in our own words"),
        _ => Ran::Cases(tally.passed, tally.refused),
    })
}

/// A source as others write them, with the evidence of a mined block.
#[test]
fn evidence_in_sources_is_found_and_run() {
    use bitcoin::Txid;
    use bitcoin::consensus::encode::serialize;
    use spandrel_verifiers::bitcoin::merkle_path;

    use crate::bitcoin_miner::{hash, mine, mine_run, regtest_chain, transaction};
    let spent = |n: u8| bitcoin::OutPoint { txid: Txid::from_byte_array([n; 32]), vout: 0 };
    let transactions =
        (1..6).map(|n| transaction(spent(n), Default::default(), vec![(Default::default(), 9)])).collect();
    let block = mine(regtest_chain().best().hash, 1, crate::bitcoin_miner::START, 1, transactions);
    let txids: Vec<_> = block.txdata.iter().map(Transaction::compute_txid).collect();
    let after = mine_run(hash(&block), 2, 2, 1);
    let chain: Vec<u8> = std::iter::once(&block).chain(&after).flat_map(|block| serialize(&block.header)).collect();
    let path: Vec<u8> = merkle_path(&txids, 3).iter().flatten().copied().collect();
    let lines = |bytes: &[u8]| {
        let text = hex::encode(bytes);
        let (first, second) = text.split_at((text.len() / 2) | 1);
        format!("\"{first}\" +\n      \"{second}\"")
    };
    let typescript = format!(
        "import {{ Hex }} from '../src'\n// It's a proof.\nexport const proof = {{\n  transactionHex: {},\n  merkleProof: {},\n  \
         txIndexInBlock: 3,\n  bitcoinHeaders: {},\n}}\n",
        lines(&serialize(&block.txdata[3])),
        lines(&path),
        lines(&chain),
    );
    let run = |name: &str, text: &str| source(Path::new(name), text.as_bytes());
    // Three headers, a transaction, and the path from it.
    assert_eq!(run("proof.ts", &typescript), Some(Ran::Cases(5, 2)));
    assert_eq!(run("proof.ts", &typescript.replace("InBlock: 3", "InBlock: 2")), Some(Ran::Cases(4, 0)));
    let cpp =
        |bytes: &[u8]| format!("BOOST_AUTO_TEST_CASE(x) {{ DataStream stream{{\"{}\"_hex}}; }}", hex::encode(bytes));
    let partial = serialize(&MerkleBlock::from_block_with_predicate(&block, |txid| *txid == txids[5]));
    assert_eq!(run("bloom_tests.cpp", &cpp(&partial)), Some(Ran::Cases(1, 2)));
    // Spoiled, and none.
    let mut spoiled = chain;
    spoiled[100] ^= 1;
    assert!(matches!(run("headers.py", &cpp(&spoiled)), Some(Ran::Unread(_))));
    assert!(matches!(run("pmt_tests.cpp", "int main() { return 'x'; }"), Some(Ran::Unread(_))));
    assert_eq!(run("notes.txt", &cpp(&partial)), None);
}
