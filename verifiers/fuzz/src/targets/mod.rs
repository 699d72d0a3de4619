//! One file a target. To add one: write `NAME.rs` with a `fuzz_target!`, and put its name below.

/// What is done with the fuzzer's bytes.
pub type Target = fn(&[u8]);

macro_rules! targets {
    ($($name:ident),+ $(,)?) => {
        $(mod $name;)+
        /// Every target by its name.
        pub const ALL: &[(&str, Target)] = &[$((stringify!($name), $name::run)),+];
    };
}

targets!(
    bitcoin_batch,
    bitcoin_chain,
    bitcoin_header,
    bitcoin_inclusion,
    bitcoin_transaction,
    caip,
    client_header,
    evidence_bytes,
    evidence_file,
    evidence_json,
    execution_header,
    hash_lanes,
    ics23_proof,
    light_block,
    light_client_json,
    light_client_ssz,
    misbehaviour,
    packet,
    proof_ops,
    receipt,
    solana_bitmap,
    solana_certificate,
    solana_entries,
    solana_memo,
    solana_shred,
    solana_vote,
    solana_vote_account,
    trie_batch,
    trie_leaf,
    trie_proof,
);

/// The target called `name`.
pub fn find(name: &str) -> Option<Target> {
    ALL.iter().find(|(known, _)| *known == name).map(|(_, target)| *target)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::path::Path;

    use super::*;

    #[test]
    fn every_file_is_a_target() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/targets");
        let files = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
        let names = files.map(|path| path.file_stem().unwrap().to_str().unwrap().to_owned());
        let names: BTreeSet<_> = names.filter(|name| name != "mod").collect();
        assert_eq!(names, ALL.iter().map(|(name, _)| (*name).to_owned()).collect());
    }

    #[test]
    fn every_target_takes_what_is_no_input() {
        for (_, target) in ALL {
            for input in [&[][..], &[0], &[0xff; 64]] {
                target(input);
            }
        }
    }
}
