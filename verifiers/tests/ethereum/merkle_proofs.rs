//! `single_merkle_proof` of the specification, of light clients and of blobs: leaf and branch are those of the object,
//! which is hashed here by its description, and stand where light clients look for them.

use std::path::Path;

use alloy_primitives::B256;
use serde::Deserialize;
use spandrel_verifiers::ethereum::containers::SyncCommittee;
use spandrel_verifiers::ethereum::ssz::{HashTreeRoot, verify_branch};
use spandrel_verifiers::ethereum::{Fork, Form, Gindex};

use crate::beacon::{body, state};
use crate::pyspec::{fork_of, preset_of, snappy};
use crate::schema::{Type, encoded_field, index_of, node, path_to};
use crate::support::{Tally, find, run_each, vectors, yaml};

#[derive(Deserialize)]
struct Proof {
    leaf: B256,
    leaf_index: u64,
    branch: Vec<B256>,
}

/// What the cases of this name prove, and the index that light clients know for it.
fn known(name: &str, fork: Fork) -> Option<(&'static [&'static str], Gindex)> {
    let found: (&[&str], Gindex) = match name {
        "current_sync_committee_merkle_proof" => (&["current_sync_committee"], fork.current_committee_gindex()),
        "next_sync_committee_merkle_proof" => (&["next_sync_committee"], fork.next_committee_gindex()),
        "finality_root_merkle_proof" => (&["finalized_checkpoint", "root"], fork.finalized_root_gindex()),
        "execution_merkle_proof" => (&["execution_payload"], Fork::EXECUTION_PAYLOAD_GINDEX),
        "execution_block_hash_merkle_proof" => {
            (&["signed_execution_payload_bid", "message", "parent_block_hash"], fork.block_hash_gindex()?)
        }
        _ => return None,
    };
    Some(found)
}

/// What the suite of this name proves in.
fn described(suite: &str, form: Form) -> Option<Type> {
    match suite {
        "BeaconState" => Some(state(form)),
        "BeaconBlockBody" => Some(body(form)),
        _ => None,
    }
}

/// The siblings of the node at an index and of those above it, lowest first.
fn branch(of: &Type, encoded: &[u8], index: u64) -> Vec<B256> {
    (0..index.ilog2()).map(|height| node(of, encoded, &path_to((index >> height) ^ 1))).collect()
}

/// Runs `tests/{preset}/{fork}/{light_client or merkle_proof}/single_merkle_proof/{type}/{case}`; `None` if it is of a
/// fork or a type that has no description here.
///
/// # Panics
/// When leaf or branch are not the object's, or stand elsewhere than light clients look.
fn run(case: &Path) -> Option<()> {
    let (name, suite) = (case.file_name()?.to_str()?, case.parent()?.file_name()?.to_str()?);
    let form = Form { fork: fork_of(case)?, preset: preset_of(case)? };
    let of = described(suite, form)?;
    let encoded = snappy(case.join("object.ssz_snappy"));
    let proof: Proof = yaml(case.join("proof.yaml"));
    let (root, index) = (node(&of, &encoded, &[]), Gindex::new(proof.leaf_index));
    assert_eq!(node(&of, &encoded, &path_to(proof.leaf_index)), proof.leaf, "{}", case.display());
    assert_eq!(branch(&of, &encoded, proof.leaf_index), proof.branch, "{}", case.display());
    verify_branch("branch", proof.leaf, &proof.branch, index, root).unwrap();
    verify_branch("branch", !proof.leaf, &proof.branch, index, root).unwrap_err();
    verify_branch("branch", proof.leaf, &proof.branch[1..], index, root).unwrap_err();
    let is_of_blobs = name.starts_with("blob_kzg_commitment");
    let Some((names, expected)) = known(name, form.fork) else {
        assert!(is_of_blobs, "{}: of nothing that light clients know", case.display());
        return Some(());
    };
    assert_eq!(index, expected, "{}", case.display());
    if name.contains("sync_committee") {
        let committee = encoded_field(&of, &encoded, names);
        let committee = SyncCommittee::decode_ssz(committee, form.preset).unwrap();
        assert_eq!(committee.hash_tree_root(), proof.leaf);
    }
    Some(())
}

#[test]
fn the_official_merkle_proofs_are_those_of_their_objects() {
    let Some(folder) = vectors("ethereum") else { return };
    let mut tally = Tally::new("pyspec single_merkle_proof");
    run_each(find(&folder, "proof.yaml"), |case| match run(case) {
        Some(()) => tally.count(1, 2),
        None => tally.skip("of a fork or a container that has no description here"),
    });
    if tally.passed() == 0 {
        tally.skip("no single_merkle_proof case among the vectors");
    }
}

/// The suites are not among the vectors beside the repository: objects of every fork, and proofs of all kinds in them.
mod made {
    use std::path::PathBuf;

    use rand::SeedableRng;
    use rand::rngs::StdRng;
    use spandrel_verifiers::ethereum::Preset;
    use spandrel_verifiers::ethereum::ssz::{hash_pair, merkleize, uint64_chunk};

    use super::*;
    use crate::oracle;
    use crate::schema::{bytes, list, sample, vector};

    const FORKS: [Fork; 7] =
        [Fork::Altair, Fork::Bellatrix, Fork::Capella, Fork::Deneb, Fork::Electra, Fork::Fulu, Fork::Gloas];
    const NAMES: [&str; 5] = [
        "current_sync_committee_merkle_proof",
        "next_sync_committee_merkle_proof",
        "finality_root_merkle_proof",
        "execution_merkle_proof",
        "execution_block_hash_merkle_proof",
    ];

    /// The kinds of a fork: suite, name, and index.
    fn kinds(form: Form) -> Vec<(&'static str, &'static str, u64)> {
        let is_of_fork = |name: &&str| match *name {
            "execution_merkle_proof" => form.fork.has_execution(),
            "execution_block_hash_merkle_proof" => form.fork.has_block_hash(),
            _ => true,
        };
        let of_light_clients = NAMES.into_iter().filter(is_of_fork).map(|name| {
            let suite = if name.starts_with("execution") { "BeaconBlockBody" } else { "BeaconState" };
            let (names, _) = known(name, form.fork).unwrap();
            (suite, name, index_of(&described(suite, form).unwrap(), names))
        });
        let commitments = || index_of(&body(form), &["blob_kzg_commitments"]);
        // The first of the list, below its length and the levels of 4,096.
        let of_blobs = match form.fork {
            Fork::Deneb | Fork::Electra => {
                vec![("BeaconBlockBody", "blob_kzg_commitment_merkle_proof__basic", commitments() << 13)]
            }
            Fork::Fulu => vec![("BeaconBlockBody", "blob_kzg_commitments_merkle_proof__basic", commitments())],
            _ => Vec::new(),
        };
        of_light_clients.chain(of_blobs).collect()
    }

    fn write(root: &Path, form: Form, (suite, name, index): (&str, &str, u64), object: &[u8]) -> PathBuf {
        let runner = if name.starts_with("blob") { "merkle_proof" } else { "light_client" };
        let place = format!("tests/{:?}/{:?}/{runner}/single_merkle_proof", form.preset, form.fork).to_lowercase();
        let case = root.join(place).join(suite).join(name);
        std::fs::create_dir_all(&case).unwrap();
        let packed = snap::raw::Encoder::new().compress_vec(object).unwrap();
        std::fs::write(case.join("object.ssz_snappy"), packed).unwrap();
        let of = described(suite, form).unwrap();
        let leaf = node(&of, object, &path_to(index));
        write_proof(&case, leaf, index, &branch(&of, object, index));
        case
    }

    fn write_proof(case: &Path, leaf: B256, index: u64, branch: &[B256]) {
        let branch: Vec<String> = branch.iter().map(B256::to_string).collect();
        let proof = format!("leaf: '{leaf}'\nleaf_index: {index}\nbranch: {branch:?}\n");
        std::fs::write(case.join("proof.yaml"), proof).unwrap();
    }

    #[test]
    fn indices_of_light_clients_are_those_of_the_descriptions() {
        for fork in FORKS {
            for preset in [Preset::Minimal, Preset::Mainnet] {
                let form = Form { fork, preset };
                for (suite, name, index) in kinds(form) {
                    let Some((_, expected)) = known(name, fork) else { continue };
                    assert_eq!(Gindex::new(index), expected, "{suite} {name} of {fork:?}");
                }
            }
        }
    }

    #[test]
    fn merkle_proofs_of_the_official_layout_are_run() {
        let folder = tempfile::tempdir().unwrap();
        let mut random = StdRng::seed_from_u64(7);
        let all = FORKS.map(|fork| Form { fork, preset: Preset::Minimal });
        let mut count = 0;
        for form in all.into_iter().chain([Fork::Deneb, Fork::Gloas].map(|fork| Form { fork, preset: Preset::Mainnet }))
        {
            for kind in kinds(form) {
                let object = sample(&described(kind.0, form).unwrap(), &mut random);
                run(&write(folder.path(), form, kind, &object)).unwrap();
                count += 1;
            }
        }
        assert_eq!(find(folder.path(), "proof.yaml").len(), count);
        assert_eq!(count, 27 + 11, "in states and in bodies");
    }

    #[test]
    fn a_merkle_proof_of_anything_else_fails() {
        let folder = tempfile::tempdir().unwrap();
        let mut random = StdRng::seed_from_u64(7);
        let form = Form { fork: Fork::Electra, preset: Preset::Minimal };
        let of = state(form);
        let object = sample(&of, &mut random);
        let (suite, name) = ("BeaconState", "next_sync_committee_merkle_proof");
        let index = index_of(&of, &["next_sync_committee"]);
        let case = write(folder.path(), form, (suite, name, index), &object);
        let (leaf, honest) = (node(&of, &object, &path_to(index)), branch(&of, &object, index));
        let fails = |leaf: B256, index: u64, branch: &[B256]| {
            write_proof(&case, leaf, index, branch);
            std::panic::catch_unwind(|| run(&case)).unwrap_err();
        };
        fails(!leaf, index, &honest);
        for height in 0..honest.len() {
            let mut other = honest.clone();
            other[height] = !other[height];
            fails(leaf, index, &other);
        }
        // The committee beside it, proven where it stands.
        let other = index ^ 1;
        fails(node(&of, &object, &path_to(other)), other, &branch(&of, &object, other));
        write_proof(&case, leaf, index, &honest);
        assert_eq!(run(&case), Some(()));
        // Another object, and kinds that nobody knows.
        let packed = snap::raw::Encoder::new().compress_vec(&sample(&of, &mut random)).unwrap();
        std::fs::write(case.join("object.ssz_snappy"), packed).unwrap();
        fails(leaf, index, &honest);
        let unknown = write(folder.path(), form, (suite, "slot_merkle_proof", index_of(&of, &["slot"])), &object);
        std::panic::catch_unwind(|| run(&unknown)).unwrap_err();
        assert_eq!(run(&folder.path().join("minimal/electra/BeaconBlock/slot_merkle_proof")), None);
        assert_eq!(run(&folder.path().join("minimal/phase0/BeaconState/slot_merkle_proof")), None);
    }

    /// Lists, bits and containers, one in another, by `ssz_rs`; and what grows, by hand.
    #[test]
    fn descriptions_have_the_roots_of_an_independent_implementation() {
        let part = || Type::Container(vec![("number", Type::Number(8)), ("bytes", list(Type::Number(1), 100))]);
        let whole = Type::Container(vec![
            ("parts", list(part(), 5)),
            ("bits", Type::BitList(Some(600))),
            ("flags", Type::BitVector(12)),
            ("numbers", list(Type::Number(8), 9)),
            ("keys", vector(bytes(48), 3)),
            ("part", part()),
            ("lists", list(list(Type::Number(1), 40), 4)),
        ]);
        let mut random = StdRng::seed_from_u64(7);
        for _ in 0..200 {
            let encoded = sample(&whole, &mut random);
            assert_eq!(node(&whole, &encoded, &[]).as_slice(), oracle::root::<oracle::Mixed>(&encoded));
        }
        let numbers = |count: u64| (0..count).flat_map(|number| [number + 1, 0, 0, 0]).collect::<Vec<_>>();
        let grown = |count: u64| {
            let encoded: Vec<u8> = numbers(count).into_iter().flat_map(u64::to_le_bytes).collect();
            node(&Type::List(Box::new(Type::Number(8)), None), &encoded, &[false])
        };
        assert_eq!(grown(0), B256::ZERO);
        assert_eq!(grown(1), hash_pair(uint64_chunk(1), B256::ZERO));
        let four = |from: u64, to: u64| merkleize(&(from..=to).map(uint64_chunk).collect::<Vec<_>>(), 2);
        assert_eq!(grown(3), hash_pair(uint64_chunk(1), hash_pair(four(2, 3), B256::ZERO)));
        let sixteen = merkleize(&(6..=7).map(uint64_chunk).collect::<Vec<_>>(), 4);
        assert_eq!(grown(7), hash_pair(uint64_chunk(1), hash_pair(four(2, 5), hash_pair(sixteen, B256::ZERO))));
    }
}
