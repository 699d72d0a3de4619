//! `ssz_static` of the specification: what light clients read is read, written again and hashed to its known root.

use std::path::Path;

use alloy_primitives::{B256, Bytes};
use serde::Deserialize;
use spandrel_verifiers::ethereum::containers::{
    BeaconBlockHeader, BlsSignature, Bootstrap, ExecutionPayloadHeader, FinalityUpdate, LightClientData,
    LightClientHeader, LightClientUpdate, OptimisticUpdate, SyncAggregate, SyncCommittee,
};
use spandrel_verifiers::ethereum::ssz::{HashTreeRoot, merkleize, uint64_chunk};
use spandrel_verifiers::ethereum::{Fork, Form, Preset};

use crate::pyspec::{fork_of, preset_of, snappy};
use crate::support::{Tally, find, run_each, vectors, yaml};

/// The root of a container of these fields, or of a vector of these hashes.
fn of(roots: &[B256]) -> B256 {
    merkleize(roots, roots.len().next_power_of_two().trailing_zeros() as usize)
}

fn of_header(header: &LightClientHeader) -> B256 {
    let beacon = header.beacon.hash_tree_root();
    match (&header.execution, &header.block_hash) {
        (Some(proof), _) => of(&[beacon, proof.header.hash_tree_root(), of(&proof.branch)]),
        (None, Some(proof)) => of(&[beacon, proof.hash, of(&proof.branch)]),
        (None, None) => beacon,
    }
}

/// Reads data, writes it again, and hashes its fields.
fn of_data<T: LightClientData>(encoded: &[u8], form: Form, fields: impl Fn(&T) -> Vec<B256>) -> B256 {
    let data = T::decode_ssz(encoded, form).unwrap();
    assert_eq!(data.encode_ssz(), encoded);
    of(&fields(&data))
}

/// Containers that are not data of their own: read, written again, and their root.
fn of_part<T>(encoded: &[u8], part: T, again: impl Fn(&T) -> Vec<u8>, root: impl Fn(&T) -> B256) -> B256 {
    assert_eq!(again(&part), encoded);
    root(&part)
}

/// The root of an encoded container of this name; `None` for one that light clients do not read in this form.
fn root_of(name: &str, encoded: &[u8], fork: Option<Fork>, preset: Preset) -> Option<B256> {
    if name == "BeaconBlockHeader" {
        let header = BeaconBlockHeader::decode_ssz(encoded).unwrap();
        return Some(of_part(encoded, header, BeaconBlockHeader::encode_ssz, HashTreeRoot::hash_tree_root));
    }
    let fork = fork?;
    let form = Form { fork, preset };
    Some(match name {
        "SyncCommittee" => {
            let committee = SyncCommittee::decode_ssz(encoded, preset).unwrap();
            of_part(encoded, committee, SyncCommittee::encode_ssz, HashTreeRoot::hash_tree_root)
        }
        // Never by itself in what is read here: a bit a seat, then the signature.
        "SyncAggregate" => {
            let (bits, signature) = encoded.split_at(preset.committee_size() / 8);
            let aggregate = SyncAggregate {
                sync_committee_bits: Bytes::copy_from_slice(bits),
                sync_committee_signature: BlsSignature::from_slice(signature),
            };
            aggregate.hash_tree_root()
        }
        "ExecutionPayloadHeader" if fork.has_execution() => {
            let header = ExecutionPayloadHeader::decode_ssz(encoded, fork).unwrap();
            of_part(encoded, header, ExecutionPayloadHeader::encode_ssz, HashTreeRoot::hash_tree_root)
        }
        "LightClientHeader" => {
            let header = LightClientHeader::decode_ssz(encoded, fork).unwrap();
            of_part(encoded, header, LightClientHeader::encode_ssz, of_header)
        }
        "LightClientBootstrap" => of_data(encoded, form, |data: &Bootstrap| {
            let committee = data.current_sync_committee.hash_tree_root();
            vec![of_header(&data.header), committee, of(&data.current_sync_committee_branch)]
        }),
        "LightClientUpdate" => of_data(encoded, form, |data: &LightClientUpdate| {
            let (committee, next) = (data.next_sync_committee.hash_tree_root(), of(&data.next_sync_committee_branch));
            let (attested, finalized) = (of_header(&data.attested_header), of_header(&data.finalized_header));
            let signed = [data.sync_aggregate.hash_tree_root(), uint64_chunk(data.signature_slot)];
            [&[attested, committee, next, finalized, of(&data.finality_branch)][..], &signed].concat()
        }),
        "LightClientFinalityUpdate" => of_data(encoded, form, |data: &FinalityUpdate| {
            let (attested, finalized) = (of_header(&data.attested_header), of_header(&data.finalized_header));
            let signed = [data.sync_aggregate.hash_tree_root(), uint64_chunk(data.signature_slot)];
            [&[attested, finalized, of(&data.finality_branch)][..], &signed].concat()
        }),
        "LightClientOptimisticUpdate" => of_data(encoded, form, |data: &OptimisticUpdate| {
            let signed = [data.sync_aggregate.hash_tree_root(), uint64_chunk(data.signature_slot)];
            [&[of_header(&data.attested_header)][..], &signed].concat()
        }),
        _ => return None,
    })
}

/// Runs `tests/{preset}/{fork}/ssz_static/{type}/{suite}/{case}`; `None` if it is of a container that is not read here.
///
/// # Panics
/// When it does not have its root, or is written otherwise.
fn run(case: &Path) -> Option<()> {
    #[derive(Deserialize)]
    struct Roots {
        root: B256,
    }
    let name = case.parent()?.parent()?.file_name()?.to_str()?;
    let encoded = snappy(case.join("serialized.ssz_snappy"));
    let root = root_of(name, &encoded, fork_of(case), preset_of(case)?)?;
    assert_eq!(root, yaml::<Roots>(case.join("roots.yaml")).root, "{}", case.display());
    Some(())
}

#[test]
fn the_official_containers_have_their_roots() {
    let Some(folder) = vectors("ethereum") else { return };
    let mut tally = Tally::new("pyspec ssz_static");
    run_each(find(&folder, "roots.yaml"), |case| match run(case) {
        Some(()) => tally.pass(),
        None => tally.skip("a container that light clients do not read"),
    });
    if tally.passed() == 0 {
        tally.skip("no ssz_static case among the vectors");
    }
}

/// The suite is not among the vectors beside the repository: cases in its layout are made here, with roots by `ssz_rs`.
#[test]
fn containers_of_the_official_layout_are_run() {
    use crate::oracle::{self, Capella, Deneb, root};
    let folder = tempfile::tempdir().unwrap();
    let write = |place: &str, name: &str, encoded: &[u8], root: &[u8]| {
        let case = folder.path().join(format!("tests/{place}/ssz_static/{name}/ssz_random/case_0"));
        std::fs::create_dir_all(&case).unwrap();
        let packed = snap::raw::Encoder::new().compress_vec(encoded).unwrap();
        std::fs::write(case.join("serialized.ssz_snappy"), packed).unwrap();
        std::fs::write(case.join("roots.yaml"), format!("{{root: '0x{}'}}\n", hex::encode(root))).unwrap();
        case
    };
    macro_rules! made {
        ($place:literal, $fork:expr, $preset:expr, $execution:ty, $seats:literal, $branch:literal, $finality:literal) => {{
            let form = Form { fork: $fork, preset: $preset };
            let (bootstrap, update) = (crate::filled::bootstrap(form, 7, 5), crate::filled::update(form, 7, 5));
            let (finality, optimistic) = (crate::filled::finality(&update), crate::filled::optimistic(&update));
            let header = &update.attested_header;
            let aggregate = &update.sync_aggregate;
            let bits = [&aggregate.sync_committee_bits[..], aggregate.sync_committee_signature.as_slice()].concat();
            let (bootstrap, full) = (bootstrap.encode_ssz(), update.encode_ssz());
            let (finality, optimistic) = (finality.encode_ssz(), optimistic.encode_ssz());
            let execution = header.execution.as_ref().unwrap().header.encode_ssz();
            let (light, beacon) = (header.encode_ssz(), header.beacon.encode_ssz());
            let committee = update.next_sync_committee.encode_ssz();
            type E = $execution;
            type H = oracle::Executed<E>;
            [
                ("LightClientBootstrap", root::<oracle::Bootstrap<H, $seats, $branch>>(&bootstrap), bootstrap),
                ("LightClientUpdate", root::<oracle::Update<H, $seats, $branch, $finality>>(&full), full),
                ("LightClientFinalityUpdate", root::<oracle::Finality<H, $seats, $finality>>(&finality), finality),
                ("LightClientOptimisticUpdate", root::<oracle::Optimistic<H, $seats>>(&optimistic), optimistic),
                ("LightClientHeader", root::<H>(&light), light),
                ("ExecutionPayloadHeader", root::<E>(&execution), execution),
                ("BeaconBlockHeader", root::<oracle::Beacon>(&beacon), beacon),
                ("SyncCommittee", root::<oracle::Committee<$seats>>(&committee), committee),
                ("SyncAggregate", root::<oracle::Aggregate<$seats>>(&bits), bits),
            ]
            .map(|(name, root, encoded)| write($place, name, &encoded, &root))
        }};
    }
    let cases = [
        made!("minimal/capella", Fork::Capella, Preset::Minimal, Capella, 32, 5, 6),
        made!("mainnet/deneb", Fork::Deneb, Preset::Mainnet, Deneb, 512, 5, 6),
        made!("minimal/electra", Fork::Electra, Preset::Minimal, Deneb, 32, 6, 7),
        made!("mainnet/fulu", Fork::Fulu, Preset::Mainnet, Deneb, 512, 6, 7),
    ];
    cases.iter().flatten().for_each(|case| run(case).unwrap());
    assert_eq!(find(folder.path(), "roots.yaml").len(), 36);
    // Before there were sync committees; and another root than a container's own.
    let header = BeaconBlockHeader::default();
    let phase0 = write("minimal/phase0", "BeaconBlockHeader", &header.encode_ssz(), header.hash_tree_root().as_slice());
    run(&phase0).unwrap();
    let wrong = write("minimal/altair", "BeaconBlockHeader", &header.encode_ssz(), B256::ZERO.as_slice());
    std::panic::catch_unwind(|| run(&wrong)).unwrap_err();
    assert_eq!(run(&write("minimal/deneb", "Attestation", &[0; 4], &[0; 32])), None);
}
