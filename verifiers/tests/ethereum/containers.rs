//! Containers against `ssz_rs` as an independent oracle, and against arbitrary bytes.

use alloy_primitives::B256;
use proptest::prelude::*;
use spandrel_verifiers::ethereum::containers::{
    Bootstrap, FinalityUpdate, LightClientData, LightClientUpdate, OptimisticUpdate, from_json, from_ssz, to_json,
};
use spandrel_verifiers::ethereum::ssz::{HashTreeRoot, branch, merkleize};
use spandrel_verifiers::ethereum::{ChainConfig, Fork, Form, Preset};

use crate::filled::{bootstrap, finality, optimistic, roots, update};
use crate::networks::minimal_network;
use crate::oracle::{self, Capella, Deneb};

/// Encodes the four containers of one form, and asks the oracle to decode and encode them.
macro_rules! agree {
    ($fork:expr, $preset:expr, $execution:ty, $seats:literal, $branch:literal, $finality:literal) => {
        for (seed, extra) in [(0, 0), (77, 7), (255, 32)] {
            let form = Form { fork: $fork, preset: $preset };
            let (bootstrap, update) = (bootstrap(form, seed, extra), update(form, seed, extra));
            let (finality, optimistic) = (finality(&update), optimistic(&update));
            let ours = [bootstrap.encode_ssz(), update.encode_ssz(), finality.encode_ssz(), optimistic.encode_ssz()];
            type E = $execution;
            let theirs = [
                oracle::round::<oracle::Bootstrap<E, $seats, $branch>>(&ours[0]).1,
                oracle::round::<oracle::Update<E, $seats, $branch, $finality>>(&ours[1]).1,
                oracle::round::<oracle::Finality<E, $seats, $finality>>(&ours[2]).1,
                oracle::round::<oracle::Optimistic<E, $seats>>(&ours[3]).1,
            ];
            assert_eq!(ours, theirs);
            assert_eq!(Bootstrap::decode_ssz(&ours[0], form).unwrap(), bootstrap);
            assert_eq!(LightClientUpdate::decode_ssz(&ours[1], form).unwrap(), update);
            assert_eq!(FinalityUpdate::decode_ssz(&ours[2], form).unwrap(), finality);
            assert_eq!(OptimisticUpdate::decode_ssz(&ours[3], form).unwrap(), optimistic);
            let committee = &update.next_sync_committee;
            let root = oracle::root::<oracle::Committee<$seats>>(&committee.encode_ssz());
            assert_eq!(committee.hash_tree_root().as_slice(), root);
            let aggregate = &update.sync_aggregate;
            let encoded = [&aggregate.sync_committee_bits[..], aggregate.sync_committee_signature.as_slice()].concat();
            let root = oracle::root::<oracle::Aggregate<$seats>>(&encoded);
            assert_eq!(aggregate.hash_tree_root().as_slice(), root);
            let execution = &update.attested_header.execution.as_ref().unwrap().header;
            assert_eq!(execution.hash_tree_root().as_slice(), oracle::root::<E>(&execution.encode_ssz()));
            let beacon = &update.attested_header.beacon;
            assert_eq!(beacon.hash_tree_root().as_slice(), oracle::root::<oracle::Beacon>(&beacon.encode_ssz()));
        }
    };
}

#[test]
fn encodings_and_roots_agree_with_an_independent_implementation() {
    use Preset::{Mainnet, Minimal};
    agree!(Fork::Capella, Minimal, oracle::Capella, 32, 5, 6);
    agree!(Fork::Capella, Mainnet, oracle::Capella, 512, 5, 6);
    agree!(Fork::Deneb, Minimal, oracle::Deneb, 32, 5, 6);
    agree!(Fork::Deneb, Mainnet, oracle::Deneb, 512, 5, 6);
    agree!(Fork::Electra, Minimal, oracle::Deneb, 32, 6, 7);
    agree!(Fork::Fulu, Mainnet, oracle::Deneb, 512, 6, 7);
}

fn node_of(bytes: B256) -> ssz_rs::Node {
    ssz_rs::Node::try_from(bytes.as_slice()).unwrap()
}

#[test]
fn branches_agree_with_an_independent_implementation() {
    let leaves = roots(21, 5);
    let root = merkleize(&leaves, 5);
    for (index, leaf) in leaves.iter().enumerate() {
        let path: Vec<_> = branch(&leaves, 5, index).iter().map(|node| node_of(*node)).collect();
        let (leaf, root) = (node_of(*leaf), node_of(root));
        assert!(ssz_rs::is_valid_merkle_branch(&leaf, path.iter(), 5, index, &root));
    }
}

#[test]
fn gloas_containers_are_of_fixed_size_and_carry_a_hash() {
    for preset in [Preset::Minimal, Preset::Mainnet] {
        let form = Form { fork: Fork::Gloas, preset };
        let config = ChainConfig { preset, ..minimal_network(Fork::Gloas, B256::ZERO) };
        fn check<T>(value: &T, form: Form, config: &ChainConfig)
        where
            T: LightClientData + PartialEq + std::fmt::Debug + serde::Serialize + serde::de::DeserializeOwned,
        {
            let ssz = value.encode_ssz();
            assert_eq!(ssz.len(), T::fixed_length(form));
            assert_eq!(T::decode_ssz(&ssz, form).as_ref(), Ok(value));
            assert_eq!(from_ssz::<T>(&ssz, config).as_ref(), Ok(value));
            assert_eq!(from_json::<T>(&to_json(value, config).unwrap(), config).as_ref(), Ok(value));
            assert!(T::decode_ssz(&ssz[1..], form).is_err());
            assert!(T::decode_ssz(&[&ssz[..], &[0]].concat(), form).is_err());
            let electra = Form { fork: Fork::Electra, ..form };
            assert_eq!(value.conform(electra).unwrap_err().kind, spandrel_verifiers::ErrorKind::Malformed);
        }
        let update = update(form, 77, 7);
        assert_eq!(update.attested_header.encode_ssz().len(), 112 + 32 + 11 * 32);
        assert_eq!(update.next_sync_committee_branch.len(), 11);
        assert_eq!(update.finality_branch.len(), 9);
        check(&bootstrap(form, 77, 7), form, &config);
        check(&update, form, &config);
        check(&finality(&update), form, &config);
        check(&optimistic(&update), form, &config);
    }
}

#[test]
fn offsets_must_be_exactly_where_the_layout_puts_them() {
    let form = Form { fork: Fork::Electra, preset: Preset::Minimal };
    let encoded = finality(&update(form, 3, 0)).encode_ssz();
    let refused = |place: usize, value: u32| {
        let mut bytes = encoded.clone();
        bytes[place..place + 4].copy_from_slice(&value.to_le_bytes());
        FinalityUpdate::decode_ssz(&bytes, form).unwrap_err().field
    };
    let fixed = FinalityUpdate::fixed_length(form) as u32;
    for offset in [0, fixed - 1, fixed + 1, u32::MAX] {
        assert_eq!(refused(0, offset), "attested_header", "{offset}");
    }
    for offset in [0, fixed - 1, encoded.len() as u32 + 1, u32::MAX] {
        assert_eq!(refused(4, offset), "attested_header", "{offset}");
    }
    // An offset that gives the first header bytes of the second.
    assert!(refused(4, encoded.len() as u32).starts_with("attested_header"));
    let mut longer = encoded.clone();
    longer.push(0);
    assert!(FinalityUpdate::decode_ssz(&longer, form).unwrap_err().field.starts_with("finalized_header.execution"));
    assert!(FinalityUpdate::decode_ssz(&encoded[..encoded.len() - 33], form).is_err());
}

#[test]
fn json_that_is_not_of_its_fork_is_refused() {
    let config = minimal_network(Fork::Electra, B256::ZERO);
    let form = config.form_at(9).unwrap();
    let update = finality(&update(form, 3, 5));
    let json: serde_json::Value = serde_json::from_slice(&to_json(&update, &config).unwrap()).unwrap();
    let parse = |json: &serde_json::Value| from_json::<FinalityUpdate>(json.to_string().as_bytes(), &config);
    assert_eq!(parse(&json).unwrap(), update);
    let refused = |change: fn(&mut serde_json::Value)| {
        let mut json = json.clone();
        change(&mut json);
        parse(&json).unwrap_err().field
    };
    assert_eq!(refused(|json| json["version"] = "deneb".into()), "version");
    assert_eq!(refused(|json| json["version"] = "phase0".into()), "json");
    assert_eq!(refused(|json| json["data"]["signature_slot"] = 10.into()), "json");
    assert_eq!(refused(|json| json["data"]["signature_slot"] = "010".into()), "json");
    assert_eq!(refused(|json| json["data"]["signature_slot"] = "+10".into()), "json");
    assert_eq!(refused(|json| json["data"]["signature_slot"] = "-1".into()), "json");
    let truncate = |json: &mut serde_json::Value| drop(json["data"]["finality_branch"].as_array_mut().unwrap().pop());
    assert_eq!(refused(truncate), "finality_branch");
    let without = |json: &mut serde_json::Value| {
        drop(json["data"]["attested_header"]["execution"].as_object_mut().unwrap().remove("excess_blob_gas"))
    };
    assert_eq!(refused(without), "json");
    let branch_only = |json: &mut serde_json::Value| {
        drop(json["data"]["finalized_header"].as_object_mut().unwrap().remove("execution"))
    };
    assert_eq!(refused(branch_only), "json");
    let beacon_only = |json: &mut serde_json::Value| {
        let header = json["data"]["finalized_header"].as_object_mut().unwrap();
        header.retain(|name, _| name == "beacon");
    };
    assert_eq!(refused(beacon_only), "finalized_header.execution");
    let both = |json: &mut serde_json::Value| {
        json["data"]["attested_header"]["execution_block_hash"] = B256::ZERO.to_string().into()
    };
    assert_eq!(refused(both), "json");
    let extra = |json: &mut serde_json::Value| {
        json["data"]["attested_header"]["execution"]["extra_data"] = format!("0x{}", "00".repeat(33)).into()
    };
    assert_eq!(refused(extra), "attested_header.execution.extra_data");
    assert_eq!(
        refused(|json| json["data"]["sync_aggregate"]["sync_committee_bits"] = "0xff".into()),
        "sync_aggregate.sync_committee_bits"
    );
}

fn any_form() -> impl Strategy<Value = Form> {
    const FORKS: &[Fork] = &[Fork::Altair, Fork::Capella, Fork::Deneb, Fork::Electra, Fork::Gloas];
    const PRESETS: &[Preset] = &[Preset::Minimal, Preset::Mainnet];
    (prop::sample::select(FORKS), prop::sample::select(PRESETS)).prop_map(|(fork, preset)| Form { fork, preset })
}

/// The same verdict on the same bytes. The one difference that there may be: bytes that are not what the oracle itself
/// writes for what it has read are refused here, as one container has one encoding.
fn judge<T: LightClientData, O: ssz_rs::prelude::SimpleSerialize>(
    bytes: &[u8],
    form: Form,
) -> Result<(), TestCaseError> {
    let (ours, theirs) = (T::decode_ssz(bytes, form), oracle::again::<O>(bytes));
    match (ours, theirs) {
        (Ok(value), theirs) => {
            prop_assert_eq!(value.encode_ssz(), bytes);
            prop_assert_eq!(theirs.as_deref(), Some(bytes));
        }
        (Err(error), Some(again)) => prop_assert_ne!(again, bytes, "refused here alone: {}", error),
        (Err(_), None) => {}
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    /// Bytes flipped, taken out and put in anywhere, more often than not where offsets stand.
    #[test]
    fn spoiled_containers_get_the_oracles_verdict(
        is_electra: bool,
        (seed, extra) in (any::<u8>(), 0_usize..=32),
        place in prop_oneof![any::<prop::sample::Index>().prop_map(Ok), (0_usize..8).prop_map(Err)],
        taken in 0_usize..5,
        with in prop::collection::vec(prop_oneof![any::<u8>(), Just(0)], 0..5),
    ) {
        let fork = if is_electra { Fork::Electra } else { Fork::Capella };
        let form = Form { fork, preset: Preset::Minimal };
        let update = update(form, seed, extra);
        let (bootstrap, finality, optimistic) = (bootstrap(form, seed, extra), finality(&update), optimistic(&update));
        let spoiled = |mut bytes: Vec<u8>| {
            let start = match place {
                Ok(place) => place.index(bytes.len()),
                Err(place) => place,
            };
            bytes.splice(start..(start + taken).min(bytes.len()), with.iter().copied());
            bytes
        };
        let [first, second] = [bootstrap.encode_ssz(), update.encode_ssz()].map(&spoiled);
        let [third, fourth] = [finality.encode_ssz(), optimistic.encode_ssz()].map(spoiled);
        if is_electra {
            judge::<Bootstrap, oracle::Bootstrap<Deneb, 32, 6>>(&first, form)?;
            judge::<LightClientUpdate, oracle::Update<Deneb, 32, 6, 7>>(&second, form)?;
            judge::<FinalityUpdate, oracle::Finality<Deneb, 32, 7>>(&third, form)?;
            judge::<OptimisticUpdate, oracle::Optimistic<Deneb, 32>>(&fourth, form)?;
        } else {
            judge::<Bootstrap, oracle::Bootstrap<Capella, 32, 5>>(&first, form)?;
            judge::<LightClientUpdate, oracle::Update<Capella, 32, 5, 6>>(&second, form)?;
            judge::<FinalityUpdate, oracle::Finality<Capella, 32, 6>>(&third, form)?;
            judge::<OptimisticUpdate, oracle::Optimistic<Capella, 32>>(&fourth, form)?;
        }
    }
}

proptest! {
    #[test]
    fn what_decodes_encodes_to_the_same_bytes(form in any_form(), seed: u8, extra in 0_usize..=32, at: prop::sample::Index, bit in 0_u8..8) {
        let original = update(form, seed, extra).encode_ssz();
        prop_assert_eq!(LightClientUpdate::decode_ssz(&original, form).unwrap().encode_ssz(), original.clone());
        let mut bytes = original;
        let place = at.index(bytes.len());
        bytes[place] ^= 1 << bit;
        if let Ok(decoded) = LightClientUpdate::decode_ssz(&bytes, form) {
            prop_assert_eq!(decoded.encode_ssz(), bytes);
        }
    }

    #[test]
    fn arbitrary_bytes_never_stop_a_decoder(form in any_form(), bytes in prop::collection::vec(any::<u8>(), 0..4000)) {
        let config = minimal_network(form.fork, B256::ZERO);
        let outcomes = [
            Bootstrap::decode_ssz(&bytes, form).is_ok(),
            LightClientUpdate::decode_ssz(&bytes, form).is_ok(),
            FinalityUpdate::decode_ssz(&bytes, form).is_ok(),
            OptimisticUpdate::decode_ssz(&bytes, form).is_ok(),
            from_ssz::<FinalityUpdate>(&bytes, &config).is_ok(),
            from_json::<FinalityUpdate>(&bytes, &config).is_ok(),
        ];
        // Where a header is of fixed size, any bytes of the right length are a container.
        prop_assert!(!form.fork.has_execution() || outcomes == [false; 6]);
    }
}
