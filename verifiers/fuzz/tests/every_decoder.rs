//! No public decoder of the verifiers, and none of the relayer, is without a fuzz target that calls it.

#[path = "../../tests/decoder_finder/mod.rs"]
mod decoder_finder;

use std::path::Path;

use decoder_finder::{Calls, Decoder, Excuse, derived, functions, judge, sources};

use Excuse::{Since, Through};

/// Decoders that no target calls itself.
const EXCUSED: &[(&str, Excuse)] = &[
    ("LightClientData::decode_ssz", Through("T::decode_ssz")),
    ("Node::decode", Through("value")),
    ("Path::decode", Through("value")),
    ("caip_text!: FromStr", Through("ChainId::parse")),
    ("Lattice::from_bytes", Since("any bytes of its length are one")),
    ("Shred::parse_each", Through("Shred::parse")),
    ("ShredProof::of_block", Since("cuts evidence out of a block that is trusted")),
    // What serde reads.
    ("ContradictionFile: Deserialize", Through("ProofFile::read")),
    ("Packet: Deserialize", Since("what a follower keeps; chains' bytes are read by Packet::decode")),
    ("Versioned: Deserialize", Through("from_json")),
    ("ChainEvent: Deserialize", Since("what a follower has written itself")),
    ("Cursor: Deserialize", Since("what a follower has written itself")),
    ("HeaderUpdate: Deserialize", Since("what a follower has written itself")),
    ("HeaderChain: Deserialize", Since("trusted state, written by the light client itself")),
    ("LightClientStore: Deserialize", Since("trusted state, written by the light client itself")),
    ("TrustedState: Deserialize", Since("trusted state, written by the light client itself")),
    ("TrustedSlots: Deserialize", Since("trusted state, written by the light client itself")),
    ("Status: Deserialize", Since("said of trusted state, and never read of others")),
    ("SignedCheckpoint: Deserialize", Since("in messages of the bus, which relayer/fuzz's `message` changes")),
    ("SignedVerdict: Deserialize", Since("in messages of the bus, which relayer/fuzz's `message` changes")),
    ("VerdictDomain: Deserialize", Since("the operator's configuration")),
    ("VerifyError: Deserialize", Since("a verdict that is kept for people")),
];

/// Crates that decode what nodes, users and other processes say, with the decoders there that no target calls itself.
const OTHERS: &[(&str, &[(&str, Excuse)])] = &[
    (
        "relayer/api",
        &[
            ("parse", Since("amounts of requests, which `body`, `call` and `query` change")),
            ("read_hash", Since("hashes of requests, which `body`, `path` and `query` change")),
            ("ApiSecret::parse", Since("keys of requests, which `header` changes")),
            ("Denomination::new", Since("the operator's configuration")),
            ("Tls::new", Since("the operator's files")),
        ],
    ),
    ("relayer/bus", &[]),
    ("relayer/core", &[]),
    (
        "relayer/daemon",
        &[
            ("Config::parse", Since("the operator's file")),
            ("Evm::new", Since("the operator's configuration")),
            ("Traces::start", Since("the operator's configuration")),
            ("read_tls", Since("the operator's configuration")),
            ("read_id", Since("the operator's command line")),
            ("read_lane", Since("the operator's command line")),
            ("What: FromStr", Since("the operator's command line")),
        ],
    ),
    ("relayer/engine", &[]),
    (
        "relayer/signer",
        &[
            ("LocalKey::from_bytes", Since("the operator's key")),
            ("LocalKey::from_hex", Since("the operator's key")),
            ("Secret::new", Since("the operator's secrets")),
            ("SecretRef: FromStr", Since("the operator's configuration")),
            ("SecretRef: TryFrom", Since("the operator's configuration")),
        ],
    ),
    (
        "relayer/store",
        &[
            ("decode", Since("what the ledger has written itself")),
            ("parse", Since("what the ledger has written itself")),
        ],
    ),
    (
        "relayer/submit",
        &[
            ("RpcUrl: FromStr", Since("the operator's configuration")),
            ("RpcUrl: TryFrom", Since("the operator's configuration")),
        ],
    ),
    (
        "watchers",
        &[
            ("Endpoint::parse", Since("the operator's configuration")),
            ("RpcEndpoint::parse", Since("the operator's configuration")),
        ],
    ),
];

fn decoders() -> Vec<Decoder> {
    let sources = sources(Path::new(env!("CARGO_MANIFEST_DIR")).join("../src"));
    let mut found: Vec<Decoder> =
        sources.iter().flat_map(|(path, text)| functions(&path.display().to_string(), text)).collect();
    found.extend(derived(&sources));
    found
}

fn targets() -> Calls {
    Calls::of(sources(Path::new(env!("CARGO_MANIFEST_DIR")).join("src/targets")).into_iter().map(|(_, text)| text))
}

/// The decoders of a crate, and what the targets that name it call.
fn of_crate(folder: &str) -> (Vec<Decoder>, Calls) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let name = folder.rsplit('/').next().unwrap();
    let found = sources(root.join(folder).join("src"));
    let targets = sources(root.join("relayer/fuzz/src/targets")).into_iter().map(|(_, text)| text);
    let calls = Calls::of(targets.filter(|text| text.contains(&format!("spandrel_{name}"))));
    (found.iter().flat_map(|(path, text)| functions(&path.display().to_string(), text)).collect(), calls)
}

/// What serde reads of requests is reached through routes, which the targets there ask.
#[test]
fn every_public_decoder_of_the_other_crates_is_fuzzed_or_excused() {
    let mut found = 0;
    for (folder, excused) in OTHERS {
        let (decoders, calls) = of_crate(folder);
        let wrong = judge(&decoders, &calls, excused);
        assert!(wrong.is_empty(), "{folder}: {wrong:#?}");
        found += decoders.len();
    }
    assert!(found > 10, "{found} decoders were found");
}

#[test]
fn every_public_decoder_is_called_by_a_fuzz_target() {
    let decoders = decoders();
    let wrong = judge(&decoders, &targets(), EXCUSED);
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert!(decoders.len() > 50, "{} decoders were found", decoders.len());
}

/// Two decoders of one name would stand in for each other.
#[test]
fn every_decoder_has_a_name_of_its_own() {
    let mut names: Vec<String> = decoders().into_iter().map(|decoder| decoder.name).collect();
    let count = names.len();
    names.sort();
    names.dedup();
    assert_eq!(names.len(), count);
}

#[test]
fn a_call_that_is_taken_out_is_missed() {
    let (decoders, targets) = (decoders(), targets());
    for decoder in decoders.iter().filter(|decoder| targets.has(&decoder.name)) {
        let wrong = judge(&decoders, &targets.without(&decoder.name), EXCUSED);
        assert!(wrong.iter().any(|wrong| wrong.contains(&decoder.name)), "{}", decoder.name);
    }
}
