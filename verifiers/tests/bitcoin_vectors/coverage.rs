//! That no file goes unnoticed: each is read by a test of this folder, or skipped for a reason.

use super::files::files_under;

/// Where each file is run, by the start of its name.
const RUN: [(&str, &str); 13] = [
    ("bitcoin_spv/", "proofs"),
    ("derived_merkle_forgeries.json", "proofs"),
    ("bip54_consensus_cleanup/test_vectors/txsize.json", "proofs"),
    ("bip54_consensus_cleanup/test_vectors/timestamps.json", "chains"),
    ("bip54_consensus_cleanup/test_vectors/coinbases.json", "blocks"),
    ("tbtc_v2/solidity/test/relay/", "chains"),
    ("near_mainnet_headers/", "chains"),
    ("citrea/data/headers/", "chains"),
    ("btcd/", "chains, blocks and rivals"),
    ("bitcoin_core/test/functional/data/mainnet_alt.json", "rivals"),
    ("bitcoin_core/src/test/data/blockfilters.json", "blocks"),
    ("electrs_blocks/", "blocks"),
    ("rust_bitcoin/", "blocks"),
];

/// What is not run, and why.
const SKIPPED: [(&str, &str); 5] = [
    ("MANIFEST.md", "the list itself"),
    ("core_regtest_zmq/", "a recording of notifications without their contents, for those who follow a node"),
    ("bip54_consensus_cleanup/test_vectors/sigops.json", "signature operations are nothing a proof of inclusion shows"),
    ("bip54_consensus_cleanup/", "the proposal's text"),
    ("bitcoin_core/", "source code: what it tests is tested in our own words"),
];

#[test]
fn every_file_is_run_or_skipped_for_a_reason() {
    let (mut run, mut skipped) = (0, 0);
    for name in files_under("", "") {
        let matching = |list: &[(&'static str, &'static str)]| {
            list.iter().find(|(start, _)| name.starts_with(start)).map(|(_, what)| *what)
        };
        if matching(&RUN).is_some() {
            run += 1;
        } else {
            skipped += 1;
            println!("skipped: bitcoin/{name}: {}", matching(&SKIPPED).unwrap_or("no test reads files of this kind"));
        }
    }
    println!("bitcoin files: {run} run, {skipped} skipped");
}
