//! What comes of every file of the Bitcoin vectors.

use bitcoin::consensus::encode::serialize;

use super::kinds;
use crate::bitcoin_miner::{mine_run, regtest_chain};
use crate::vector_coverage::{Coverage, Report};

#[test]
fn every_file_is_read_or_there_is_a_reason() {
    let coverage = Coverage {
        folder: "bitcoin",
        read: &[
            ("bitcoin_spv/testProofs.json", "bitcoin_vectors/proofs.rs", "bitcoin_spv/testProofs.json"),
            ("bitcoin_spv/testVectors.json", "bitcoin_vectors/proofs.rs", "bitcoin_spv/testVectors.json"),
            ("derived_merkle_forgeries.json", "bitcoin_vectors/proofs.rs", "derived_merkle_forgeries.json"),
            ("bip54_consensus_cleanup/test_vectors/txsize.json", "bitcoin_vectors/proofs.rs", "txsize.json"),
            ("bip54_consensus_cleanup/test_vectors/timestamps.json", "bitcoin_vectors/chains.rs", "timestamps.json"),
            ("bip54_consensus_cleanup/test_vectors/coinbases.json", "bitcoin_vectors/blocks.rs", "coinbases.json"),
            ("tbtc_v2/solidity/test/relay/headersWithRetarget", "bitcoin_vectors/chains.rs", "headersWithRetarget"),
            ("tbtc_v2/solidity/test/relay/longHeaders", "bitcoin_vectors/chains.rs", "longHeaders"),
            ("tbtc_v2/solidity/test/relay/headersReorg", "bitcoin_vectors/chains.rs", "headersReorgAndRetarget"),
            ("near_mainnet_headers/", "bitcoin_vectors/chains.rs", "near_mainnet_headers"),
            ("citrea/", "bitcoin_vectors/chains.rs", "files_under(\"citrea\""),
            ("btcd/netsync/testdata/", "bitcoin_vectors/chains.rs", "btcd/netsync/testdata"),
            ("btcd/blockchain/testdata/", "bitcoin_vectors/blocks.rs", "files_under(\"btcd\""),
            ("btcd/blockchain/testdata/reorgtest.hex", "bitcoin_vectors/rivals.rs", "reorgtest.hex"),
            ("bitcoin_core/test/functional/data/mainnet_alt.json", "bitcoin_vectors/rivals.rs", "mainnet_alt.json"),
            ("bitcoin_core/src/test/data/blockfilters.json", "bitcoin_vectors/blocks.rs", "blockfilters.json"),
            ("electrs_blocks/", "bitcoin_vectors/blocks.rs", "electrs_blocks"),
            ("rust_bitcoin/", "bitcoin_vectors/blocks.rs", "rust_bitcoin"),
        ],
        unread: &[
            ("MANIFEST.md", "the list itself"),
            ("core_regtest_zmq/", "notifications without their contents: those who follow a node test with them"),
            ("bip54_consensus_cleanup/bip-0054.md", "the proposal's text"),
            ("bip54_consensus_cleanup/test_vectors/sigops.json", "no proof of inclusion shows signature operations"),
        ],
        kinds: kinds::KINDS,
        rare: &[
            "a partial Merkle tree",
            "partial Merkle trees in JSON",
            "source code",
            "headers with what is said of them",
            "a transaction in parts with its path",
            "cases of a relay by their codes",
        ],
    };
    coverage.check();
}

/// Headers that somebody puts beside the vectors, with their work or without that of the last.
fn headers(is_good: bool) -> Vec<u8> {
    let blocks = mine_run(regtest_chain().best().hash, 1, 3, 1);
    let mut bytes: Vec<u8> = blocks.iter().flat_map(|block| serialize(&block.header)).collect();
    if !is_good {
        // Difficulty 1, which regtest's miner does not meet.
        bytes[232..236].copy_from_slice(&0x1d00_ffff_u32.to_le_bytes());
    }
    bytes
}

#[test]
fn files_that_are_packed_or_list_cases_are_run() {
    use std::io::Write;
    let folder = tempfile::tempdir().unwrap();
    let count = |content: &[u8]| {
        std::fs::write(folder.path().join("file"), content).unwrap();
        let report = Coverage { folder: "here", read: &[], unread: &[], kinds: kinds::KINDS, rare: &[] };
        let report = report.report(folder.path(), false);
        assert!(report.skipped.is_empty(), "{:?}", report.skipped);
        (report.unknown, report.faults.len())
    };
    let packed = |bytes: &[u8]| {
        let mut packer = flate2::write::GzEncoder::new(Vec::new(), Default::default());
        packer.write_all(bytes).unwrap();
        packer.finish().unwrap()
    };
    for (is_good, expected) in [(true, ((3, 0), 0)), (false, ((0, 0), 1))] {
        let bytes = headers(is_good);
        assert_eq!(count(&packed(&bytes)), expected);
        assert_eq!(count(&packed(hex::encode(&bytes).as_bytes())), expected);
        assert_eq!(count(format!("0x{}\n", hex::encode(&bytes)).as_bytes()), expected);
        assert_eq!(count(&snap::raw::Encoder::new().compress_vec(&bytes).unwrap()), expected);
        let rows: Vec<String> = bytes.chunks(80).map(hex::encode).collect();
        let case = serde_json::json!({"headers": rows});
        assert_eq!(count(serde_json::json!([case]).to_string().as_bytes()), expected);
        assert_eq!(count(serde_json::json!({"test_cases": [case, {}]}).to_string().as_bytes()), expected);
        assert_eq!(count(format!("{case}\n{{}}\n").as_bytes()), expected);
    }
}

#[test]
fn files_beside_those_of_the_manifest_are_run_and_fail_only_for_what_is_in_them() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, bytes: &[u8]| std::fs::write(folder.path().join(name), bytes).unwrap();
    std::fs::create_dir(folder.path().join("listed")).unwrap();
    write("MANIFEST.md", b"| `listed/` | headers | somebody | MIT | 1 | 240 |\n");
    write("listed/some.bin", &headers(true));
    let read = &[("listed/some", "", "")];
    let unread = &[("MANIFEST.md", "the list itself")];
    let rare: Vec<&str> = kinds::KINDS.iter().map(|kind| kind.name).collect();
    let coverage = Coverage { folder: "here", read, unread, kinds: kinds::KINDS, rare: &rare };
    let report = || coverage.report(folder.path(), true);
    let Report { read, unread, skipped, unknown, faults } = report();
    assert_eq!((read, unread, skipped, unknown, faults), (1, 1, vec![], (0, 0), vec![]));
    // More than is listed, good and unknown, in the same folder and in another.
    write("listed/more.bin", &headers(true));
    write("listed/unknown.txt", b"nothing that is known");
    write("other.dat", &headers(true));
    let Report { read, skipped, unknown, faults, .. } = report();
    assert_eq!((read, skipped, unknown, faults), (3, vec!["listed/unknown.txt".to_owned()], (6, 0), vec![]));
    // A case that does not end as it should fails, and stops no other.
    write("listed/more.bin", &headers(false));
    let Report { read, unknown, faults, .. } = report();
    assert_eq!((read, unknown, faults.len()), (3, (3, 0), 1));
    assert!(faults[0].starts_with("listed/more.bin: headers in a row: "), "{faults:?}");
    // What is listed must be there, and be read by what is in it.
    std::fs::remove_file(folder.path().join("listed/more.bin")).unwrap();
    std::fs::remove_file(folder.path().join("listed/unknown.txt")).unwrap();
    write("listed/some.bin", b"not headers");
    let faults = report().faults;
    assert_eq!(faults, ["listed/some.bin: listed, and no test reads it", "listed/some: known by its name alone"]);
    std::fs::remove_file(folder.path().join("listed/some.bin")).unwrap();
    assert_eq!(report().faults, ["listed/some: listed, and not there"]);
    // Elsewhere there may be less.
    assert!(coverage.report(folder.path(), false).faults.is_empty());
}

#[test]
fn a_file_of_a_kind_that_nothing_reads_is_not_counted_as_read_for_standing_in_a_folder_that_is() {
    use crate::vector_coverage::{Kind, Ran};
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("set")).unwrap();
    let write = |name: &str, bytes: &[u8]| std::fs::write(folder.path().join(name), bytes).unwrap();
    let kinds = &[
        Kind { name: "a plan", run: |_, bytes| (bytes == b"plan").then_some(Ran::Unread("a plan, no case")) },
        Kind { name: "a case", run: |_, bytes| (bytes == b"case").then_some(Ran::Cases(1, 0)) },
    ];
    let report = |read| {
        let coverage = Coverage { folder: "here", read, unread: &[], kinds, rare: &["a plan", "a case"] };
        let Report { read, unread, faults, .. } = coverage.report(folder.path(), true);
        (read, unread, faults)
    };
    write("set/plan", b"plan");
    write("set/case", b"case");
    assert_eq!(report(&[("set/", "", "")]), (1, 1, vec![]));
    // A test that names the file reads it, whatever it is by itself.
    assert_eq!(report(&[("set/", "", ""), ("set/plan", "", "")]), (2, 0, vec![]));
    // A folder of nothing else is known by its name alone.
    std::fs::remove_file(folder.path().join("set/case")).unwrap();
    assert_eq!(report(&[("set/", "", "")]), (0, 1, vec!["set/: known by its name alone".to_owned()]));
}

#[test]
fn bytes_of_a_headers_length_are_of_no_kind_without_its_work() {
    let folder = tempfile::tempdir().unwrap();
    let report = |bytes: &[u8]| {
        std::fs::write(folder.path().join("file"), bytes).unwrap();
        let coverage = Coverage { folder: "here", read: &[], unread: &[], kinds: kinds::KINDS, rare: &[] };
        let Report { skipped, unknown, faults, .. } = coverage.report(folder.path(), false);
        (skipped.len(), unknown, faults.len())
    };
    assert_eq!(report(&headers(true)[..80]), (0, (1, 0), 0));
    let chance: Vec<u8> = (0..80_u8).map(|place| place.wrapping_mul(37).wrapping_add(11)).collect();
    for bytes in [&chance[..], hex::encode(&chance).as_bytes(), &[b'x'; 80], &headers(false)[160..]] {
        assert_eq!(report(bytes), (1, (0, 0), 0));
    }
}

#[test]
fn lines_that_are_forks_are_followed_from_their_parents() {
    let folder = tempfile::tempdir().unwrap();
    let report = |lines: &[String]| {
        std::fs::write(folder.path().join("headers.hex"), lines.join("\n")).unwrap();
        let coverage = Coverage { folder: "here", read: &[], unread: &[], kinds: kinds::KINDS, rare: &[] };
        let Report { unknown, faults, .. } = coverage.report(folder.path(), false);
        (unknown, faults.len())
    };
    let row: Vec<String> = headers(true).chunks(80).map(hex::encode).collect();
    // A second chain from the first block, with another time.
    let first = spandrel_verifiers::bitcoin::Header::parse(&headers(true)[..80]).unwrap().hash;
    let rivals: Vec<String> = mine_run(first, 2, 2, 1_000)
        .iter()
        .map(|block| format!("fork:{}", hex::encode(serialize(&block.header))))
        .collect();
    let [one, two] = [&rivals[0], &rivals[1]].map(String::clone);
    let lines = [row[0].clone(), one.clone(), two.clone(), row[1].clone(), row[2].clone()];
    assert_eq!(report(&lines), ((5, 0), 0));
    // Without its parent it is no fork of them.
    assert_eq!(report(&[row[0].clone(), two, row[1].clone()]), ((0, 0), 1));
    // Spoiled, so that its parent does not have its hash.
    let spoiled = one.replacen("fork:0", "fork:1", 1);
    assert_eq!(report(&[row[0].clone(), spoiled, rivals[1].clone()]), ((0, 0), 1));
}

#[test]
fn a_file_without_a_case_is_not_counted_as_read() {
    use crate::vector_coverage::{Kind, Ran};
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("set")).unwrap();
    let kinds = &[Kind { name: "cases", run: |_, bytes| Some(Ran::Cases(bytes.len(), 0)) }];
    let report = |read| {
        let coverage = Coverage { folder: "here", read, unread: &[], kinds, rare: &[] };
        let Report { read, unread, faults, .. } = coverage.report(folder.path(), true);
        (read, unread, faults)
    };
    std::fs::write(folder.path().join("set/file"), b"").unwrap();
    assert_eq!(report(&[]), (0, 1, vec![]));
    assert_eq!(report(&[("set/", "", "")]), (0, 1, vec!["set/: known by its name alone".to_owned()]));
    std::fs::write(folder.path().join("set/file"), b"1").unwrap();
    assert_eq!(report(&[]), (1, 0, vec![]));
}

#[test]
fn blocks_of_a_coinbase_alone_are_counted_and_are_a_chain_if_they_are_linked() {
    use crate::bitcoin_miner::{START, hash, mine};
    let folder = tempfile::tempdir().unwrap();
    let count = |bytes: &[u8]| {
        std::fs::write(folder.path().join("file"), bytes).unwrap();
        let coverage = Coverage { folder: "here", read: &[], unread: &[], kinds: kinds::KINDS, rare: &[] };
        let report = coverage.report(folder.path(), false);
        (report.unknown, report.faults.len())
    };
    let framed = |blocks: &[bitcoin::Block]| {
        let frame = |block: &bitcoin::Block| {
            let bytes = serialize(block);
            [&[0xfa, 0xbf, 0xb5, 0xda], &(bytes.len() as u32).to_le_bytes()[..], &bytes].concat()
        };
        blocks.iter().flat_map(frame).collect::<Vec<u8>>()
    };
    let mut blocks = mine_run(regtest_chain().best().hash, 1, 3, 1);
    assert_eq!(count(&serialize(&blocks[0])), ((1, 0), 0));
    assert_eq!(count(&framed(&blocks)), ((3, 0), 0));
    // The last at a time before all others.
    blocks[2] = mine(hash(&blocks[1]), 3, START - 1, 1, Vec::new());
    assert_eq!(count(&framed(&blocks)), ((0, 0), 1));
    // Blocks that are not linked are each by itself.
    assert_eq!(count(&framed(&[blocks[0].clone(), blocks[2].clone()])), ((2, 0), 0));
}
