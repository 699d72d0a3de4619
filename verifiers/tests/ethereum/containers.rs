//! Containers against `ssz_rs` as an independent oracle, and against arbitrary bytes.

use alloy_primitives::B256;
use proptest::prelude::*;
use spandrel_verifiers::ethereum::containers::{
    Bootstrap, FinalityUpdate, LightClientData, LightClientUpdate, OptimisticUpdate, from_json, from_ssz, to_json,
};
use spandrel_verifiers::ethereum::ssz::{HashTreeRoot, branch, merkleize};
use spandrel_verifiers::ethereum::{ChainConfig, Fork, Form, Preset};

use crate::filled::{bootstrap, execution, finality, optimistic, roots, update};
use crate::networks::minimal_network;
use crate::oracle::{self, Capella, Deneb, Executed, Hashed, Plain};

type OfCapella = Executed<Capella>;
type OfDeneb = Executed<Deneb>;

/// Calls `$with!` for every fork with the oracle's header, and its branches' lengths.
macro_rules! each_fork {
    ($with:ident) => {
        $with!(Altair, Plain, 5, 6);
        $with!(Bellatrix, Plain, 5, 6);
        $with!(Capella, OfCapella, 5, 6);
        $with!(Deneb, OfDeneb, 5, 6);
        $with!(Electra, OfDeneb, 6, 7);
        $with!(Fulu, OfDeneb, 6, 7);
        $with!(Gloas, Hashed, 11, 9);
    };
}

/// Encodes the four containers of one form, and asks the oracle to decode and encode them.
macro_rules! agree {
    ($fork:expr, $preset:expr, $header:ty, $seats:literal, $branch:literal, $finality:literal) => {
        for (seed, extra) in [(0, 0), (77, 7), (255, 32)] {
            let form = Form { fork: $fork, preset: $preset };
            let (bootstrap, update) = (bootstrap(form, seed, extra), update(form, seed, extra));
            let (finality, optimistic) = (finality(&update), optimistic(&update));
            let ours = [bootstrap.encode_ssz(), update.encode_ssz(), finality.encode_ssz(), optimistic.encode_ssz()];
            type H = $header;
            let theirs = [
                oracle::round::<oracle::Bootstrap<H, $seats, $branch>>(&ours[0]).1,
                oracle::round::<oracle::Update<H, $seats, $branch, $finality>>(&ours[1]).1,
                oracle::round::<oracle::Finality<H, $seats, $finality>>(&ours[2]).1,
                oracle::round::<oracle::Optimistic<H, $seats>>(&ours[3]).1,
            ];
            assert_eq!(ours, theirs);
            assert_eq!(Bootstrap::decode_ssz(&ours[0], form).unwrap(), bootstrap);
            assert_eq!(LightClientUpdate::decode_ssz(&ours[1], form).unwrap(), update);
            assert_eq!(FinalityUpdate::decode_ssz(&ours[2], form).unwrap(), finality);
            assert_eq!(OptimisticUpdate::decode_ssz(&ours[3], form).unwrap(), optimistic);
            let header = oracle::round::<H>(&update.attested_header.encode_ssz()).1;
            assert_eq!(update.attested_header.encode_ssz(), header);
            let committee = &update.next_sync_committee;
            let root = oracle::root::<oracle::Committee<$seats>>(&committee.encode_ssz());
            assert_eq!(committee.hash_tree_root().as_slice(), root);
            let aggregate = &update.sync_aggregate;
            let encoded = [&aggregate.sync_committee_bits[..], aggregate.sync_committee_signature.as_slice()].concat();
            let root = oracle::root::<oracle::Aggregate<$seats>>(&encoded);
            assert_eq!(aggregate.hash_tree_root().as_slice(), root);
            let beacon = &update.attested_header.beacon;
            assert_eq!(beacon.hash_tree_root().as_slice(), oracle::root::<oracle::Beacon>(&beacon.encode_ssz()));
        }
    };
}

#[test]
fn encodings_and_roots_agree_with_an_independent_implementation() {
    macro_rules! both_presets {
        ($fork:ident, $header:ty, $branch:literal, $finality:literal) => {
            agree!(Fork::$fork, Preset::Minimal, $header, 32, $branch, $finality);
            agree!(Fork::$fork, Preset::Mainnet, $header, 512, $branch, $finality);
        };
    }
    each_fork!(both_presets);
}

#[test]
fn execution_headers_have_the_roots_of_an_independent_implementation() {
    for (seed, extra) in [(0, 0), (77, 7), (255, 32)] {
        for fork in [Fork::Capella, Fork::Deneb, Fork::Electra, Fork::Fulu] {
            let ours = execution(fork, seed, extra);
            let encoded = ours.encode_ssz();
            let root = match fork {
                Fork::Capella => oracle::root::<Capella>(&encoded),
                _ => oracle::root::<Deneb>(&encoded),
            };
            assert_eq!(ours.hash_tree_root().as_slice(), root, "{fork:?}");
        }
    }
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

const FORKS: [Fork; 7] =
    [Fork::Altair, Fork::Bellatrix, Fork::Capella, Fork::Deneb, Fork::Electra, Fork::Fulu, Fork::Gloas];

fn any_form() -> impl Strategy<Value = Form> {
    const PRESETS: &[Preset] = &[Preset::Minimal, Preset::Mainnet];
    (prop::sample::select(&FORKS[..]), prop::sample::select(PRESETS)).prop_map(|(fork, preset)| Form { fork, preset })
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
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    /// Bytes flipped, taken out and put in anywhere, more often than not where offsets stand.
    #[test]
    fn spoiled_containers_get_the_oracles_verdict(
        fork in prop::sample::select(&FORKS[..]),
        (seed, extra) in (any::<u8>(), 0_usize..=32),
        place in prop_oneof![any::<prop::sample::Index>().prop_map(Ok), (0_usize..8).prop_map(Err)],
        taken in 0_usize..5,
        with in prop::collection::vec(prop_oneof![any::<u8>(), Just(0)], 0..5),
    ) {
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
        macro_rules! judge_four {
            ($fork:ident, $header:ty, $branch:literal, $finality:literal) => {
                if fork == Fork::$fork {
                    judge::<Bootstrap, oracle::Bootstrap<$header, 32, $branch>>(&first, form)?;
                    judge::<LightClientUpdate, oracle::Update<$header, 32, $branch, $finality>>(&second, form)?;
                    judge::<FinalityUpdate, oracle::Finality<$header, 32, $finality>>(&third, form)?;
                    judge::<OptimisticUpdate, oracle::Optimistic<$header, 32>>(&fourth, form)?;
                }
            };
        }
        each_fork!(judge_four);
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
