//! Messages of the bus: what reads is written again, and read again, as the same.

use std::sync::Arc;

use alloy::primitives::{B256, Bytes, Signature, U256};
use spandrel_bus::{Topic, decode, encode};
use spandrel_core::BatchTerms;
use spandrel_engine::{
    AttestRequest, BlockRequest, CheckpointVote, EvidenceRequest, Message, SignedRequest, Unseen,
};
use spandrel_verifiers::follow::{BlockRef, SeenDeposit};
use spandrel_verifiers::{
    AssetId, BlockEvidence, ChainId, Checkpoint, Deposit, DepositId, LanePreference, SignedVerdict, Verdict,
};
use spandrel_verifiers_fuzz::evidence::Kind;
use spandrel_verifiers_fuzz::patch::{Patch, patched};

fn deposit() -> Deposit {
    let source_chain = ChainId::eip155(1);
    Deposit {
        version: Deposit::VERSION,
        source_bridge: B256::repeat_byte(2),
        source_key: B256::ZERO,
        asset: AssetId::slip44(&source_chain, 60),
        source_chain,
        amount: U256::from(5),
        destination_chain: ChainId::eip155(9),
        destination_bridge: B256::repeat_byte(7),
        recipient: B256::repeat_byte(0xaa),
        sender: B256::repeat_byte(0xbb),
        lane: LanePreference::Any,
        expiry: 1_900_000_000,
    }
}

/// A message that is right.
fn honest(topic: Topic, kind: Kind) -> Message {
    let (id, signature) = (DepositId(B256::repeat_byte(1)), Signature::new(U256::from(7), U256::from(8), true));
    match topic {
        Topic::Evidence => {
            let (source, destination) = (ChainId::eip155(1), ChainId::eip155(9));
            let evidence = kind.evidence().clone();
            Message::Evidence(Arc::new(EvidenceRequest { deposit: id, source, destination, evidence }))
        }
        Topic::Attest => {
            let block = BlockRef { height: 1, hash: B256::repeat_byte(1), time: 1_700_000_000 };
            let seen = SeenDeposit { deposit: deposit(), block, transaction: B256::ZERO, position: 0 };
            let terms = BatchTerms { root: id.0, count: 1, epoch: 1, expiry: 1_900_000_000 };
            let (destination, items) = (ChainId::eip155(9), vec![seen]);
            let request = AttestRequest { destination, terms, items, bitcoin_terms: Vec::new() };
            Message::AttestRequest(Arc::new(SignedRequest {
                destination: request.destination.clone(),
                epoch: terms.epoch,
                issued: 1_700_000_000,
                expires: 1_700_000_060,
                request: serde_json::to_string(&request).expect("it is written"),
                signature,
            }))
        }
        Topic::Verdict => {
            let checkpoint = Checkpoint { chain: ChainId::eip155(1), height: 1, root: id.0, time: 1_700_000_000, up_to: Checkpoint::ANY_AMOUNT };
            let verdict = Verdict { deposit_id: id, checkpoint, epoch: 1 };
            Message::Verdict(Box::new(SignedVerdict { verdict, signature, checkpoint_signature: signature }))
        }
        Topic::Block => {
            let (chain, registered_on) = (ChainId::eip155(9), ChainId::eip155(1));
            let (header, finality) = (Bytes::from_static(&[1, 2]), Some(Bytes::from_static(&[3])));
            let evidence = BlockEvidence { header, finality };
            Message::Block(Arc::new(BlockRequest { chain, registered_on, evidence }))
        }
        Topic::Checkpoint => {
            let checkpoint = Checkpoint { chain: ChainId::eip155(9), height: 1, root: id.0, time: 1_700_000_000, up_to: Checkpoint::ANY_AMOUNT };
            let registered_on = ChainId::eip155(1);
            Message::Checkpoint(Box::new(CheckpointVote { registered_on, checkpoint, epoch: 1, signature }))
        }
        Topic::Doubt => Message::Doubt { deposit: id, reason: "parent: expected 1, found 2".to_owned() },
        Topic::Attestation => Message::Attestation { root: id.0, signature },
        Topic::Unseen => Message::Unseen(Unseen { root: id.0, items: vec![(id, "not seen".to_owned())], signature }),
    }
}

fuzz_target!(|input: (u8, Kind, Vec<Patch>)| {
    let (which, kind, patches) = input;
    let topic = Topic::ALL[usize::from(which) % Topic::ALL.len()];
    let honest = honest(topic, kind);
    let (named, bytes) = encode(&honest).expect("it is short");
    assert_eq!((named, decode(topic, &bytes).as_ref().ok()), (topic, Some(&honest)));
    let Ok(read) = decode(topic, &patched(bytes, &patches)) else { return };
    let (named, again) = encode(&read).expect("what was read is short");
    assert_eq!((named, decode(topic, &again).ok()), (topic, Some(read)));
});
