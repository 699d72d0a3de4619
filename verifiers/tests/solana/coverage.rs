//! What comes of every file of the Solana vectors.

use crate::kinds;
use crate::vector_coverage::Coverage;

#[test]
fn every_file_is_read_or_there_is_a_reason() {
    let coverage = Coverage {
        folder: "solana",
        read: &[],
        unread: &[("firedancer/src/ballet/bmtree/", "a tree with prefixes of one byte, which no shred has")],
        kinds: kinds::KINDS,
        rare: &["lattice hashes", "source code", "a batch of entries", "a capture of packets"],
    };
    coverage.check();
}
