//! Evidence as JSON: what parses prints and parses to itself, and none but the honest one verifies.
#![no_main]

use std::sync::LazyLock;

use alloy_primitives::{Address, B256, Bytes, keccak256};
use libfuzzer_sys::fuzz_target;
use spandrel_verifiers::ethereum::{ChainConfig, DepositEvidence, EthereumVerifier, Inclusion};
use spandrel_verifiers::{AssetId, ChainId, Deposit, Evidence, LanePreference, Verifier};
use spandrel_verifiers_fuzz::patch::{Patch, patched};
use spandrel_verifiers_fuzz::scene::Scene;

static SCENE: LazyLock<Scene> = LazyLock::new(Scene::new);
static ETHEREUM: LazyLock<(EthereumVerifier, Evidence)> = LazyLock::new(|| {
    let outbox = Address::repeat_byte(1);
    let chain = ChainId::eip155(1);
    let deposit = Deposit {
        version: Deposit::VERSION,
        asset: AssetId::slip44(&chain, 60),
        source_chain: chain,
        source_bridge: outbox.into_word(),
        source_key: B256::ZERO,
        amount: "5".parse().expect("a number"),
        destination_chain: ChainId::eip155(2),
        destination_bridge: B256::ZERO,
        recipient: B256::ZERO,
        sender: B256::ZERO,
        lane: LanePreference::Any,
        expiry: 1,
    };
    let nodes = vec![Bytes::from_static(&[0x80]); 2];
    let inclusion = Inclusion { header: nodes[0].clone(), account_proof: nodes.clone(), storage_proof: nodes, deposit };
    let evidence = DepositEvidence { finality: Some(Bytes::from_static(&[1, 2])), inclusion };
    let verifier = EthereumVerifier::new(ChainConfig::mainnet(), outbox).expect("an outbox");
    (verifier, Evidence::Ethereum(Box::new(evidence)))
});

fuzz_target!(|input: (bool, Vec<Patch>)| {
    let (is_bitcoin, patches) = input;
    let honest = if is_bitcoin { Evidence::Bitcoin(Box::new(SCENE.evidence.clone())) } else { ETHEREUM.1.clone() };
    let json = patched(serde_json::to_vec(&honest).expect("evidence prints"), &patches);
    let Ok(evidence) = serde_json::from_slice::<Evidence>(&json) else { return };
    let again = serde_json::to_vec(&evidence).expect("evidence prints");
    assert_eq!(serde_json::from_slice::<Evidence>(&again).expect("what prints parses"), evidence);
    match &evidence {
        Evidence::Bitcoin(inclusion) => {
            let verified = SCENE.verifier.verify(&SCENE.chain, inclusion, SCENE.now);
            assert_eq!(verified.is_ok(), **inclusion == SCENE.evidence);
        }
        Evidence::Ethereum(evidence) => {
            let hash = keccak256(&evidence.inclusion.header);
            assert!(ETHEREUM.0.verify_under(hash, &evidence.inclusion).is_err(), "a header of this very state");
        }
    }
});
