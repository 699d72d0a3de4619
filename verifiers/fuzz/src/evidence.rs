//! Evidence of every chain: honest where a scene makes it, well-formed otherwise.

use std::sync::LazyLock;

use alloy_primitives::{Address, B256, Bytes, Signature, U256, keccak256};
use libfuzzer_sys::arbitrary::{self, Arbitrary};
use spandrel_verifiers::ethereum::{ChainConfig, DepositEvidence, EthereumVerifier, Inclusion};
use spandrel_verifiers::{AssetId, ChainId, Deposit, Evidence, LanePreference, Verifier, cosmos, solana};

use crate::scene::Scene;

/// A Bitcoin deposit that verifies.
pub static BITCOIN: LazyLock<Scene> = LazyLock::new(Scene::new);
/// Ethereum evidence that does not verify, and who refuses it.
pub static ETHEREUM: LazyLock<(EthereumVerifier, DepositEvidence)> = LazyLock::new(ethereum);

/// Which chain's evidence.
#[derive(Arbitrary, Clone, Copy, Debug)]
pub enum Kind {
    /// [`BITCOIN`].
    Bitcoin,
    /// [`ETHEREUM`].
    Ethereum,
    /// Well-formed only.
    Cosmos,
    /// Well-formed only, chained.
    Solana,
}

impl Kind {
    /// Evidence of this kind.
    pub fn evidence(self) -> Evidence {
        match self {
            Self::Bitcoin => BITCOIN.evidence.clone().into(),
            Self::Ethereum => ETHEREUM.1.clone().into(),
            Self::Cosmos => cosmos().into(),
            Self::Solana => solana().into(),
        }
    }
}

/// None but the honest evidence of a scene verifies.
///
/// # Panics
/// When other evidence does.
pub fn assert_refused_unless_honest(evidence: &Evidence) {
    match evidence {
        Evidence::Bitcoin(inclusion) => {
            let verified = BITCOIN.verifier.verify(&BITCOIN.chain, inclusion, BITCOIN.now);
            assert_eq!(verified.is_ok(), **inclusion == BITCOIN.evidence);
        }
        Evidence::Ethereum(evidence) => {
            let hash = keccak256(&evidence.inclusion.header);
            assert!(ETHEREUM.0.verify_under(hash, &evidence.inclusion).is_err(), "a header of this very state");
        }
        Evidence::Cosmos(_) | Evidence::Solana(_) => {}
    }
}

fn ethereum() -> (EthereumVerifier, DepositEvidence) {
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
    (EthereumVerifier::new(ChainConfig::mainnet(), outbox).expect("an outbox"), evidence)
}

fn cosmos() -> cosmos::DepositEvidence {
    let bytes = |byte| Bytes::from(vec![byte; 3]);
    let inclusion = cosmos::Inclusion { height: 7, app_hash: B256::repeat_byte(1), packet: bytes(2), proof: bytes(3) };
    cosmos::DepositEvidence { headers: vec![bytes(4), bytes(5)], inclusion }
}

fn solana() -> solana::DepositEvidence {
    let shreds = || vec![Bytes::from_static(&[1, 2, 3]); 2];
    let block = solana::BlockPath::Chained { tail: shreds() };
    let shreds = solana::ShredProof { before: Some(Bytes::new()), batch: shreds(), block };
    let block_id = B256::repeat_byte(9);
    let inclusion = solana::Inclusion { slot: 5, block_id, shreds, entry: 1, transaction: 0, instruction: 2 };
    let signatures = vec![Signature::new(U256::from(1), U256::from(2), true)];
    solana::DepositEvidence { inclusion, execution: solana::ExecutionAttestation { time: 6, signatures } }
}
