//! Blocks that verifiers are asked to sign by themselves.

mod common;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use alloy_primitives::{Address, Bytes};
use futures::FutureExt;
use futures::future::BoxFuture;
use spandrel_engine::{BlockRequest, Judge, SignDigest, SignVerdict, VerifierRole};
use spandrel_verifiers::{
    BlockEvidence, ChainId, Checkpoint, Deposit, Evidence, Finalized, UnixSeconds, Verified, VerifyError,
};

use common::{NOW, destination, source};

const REGISTRY: Address = Address::repeat_byte(0x5e);

/// A node that has not seen the block final, and counts how often it is asked.
#[derive(Clone, Default)]
struct Node(Arc<AtomicUsize>);

impl Judge for Node {
    fn judge<'a>(
        &'a self,
        _: &'a [Evidence],
        _: UnixSeconds,
    ) -> BoxFuture<'a, Vec<Result<Verified<Deposit>, VerifyError>>> {
        async { Vec::new() }.boxed()
    }

    fn judge_block<'a>(
        &'a self,
        _: &'a BlockEvidence,
        _: UnixSeconds,
    ) -> BoxFuture<'a, Result<Finalized<Checkpoint>, VerifyError>> {
        self.0.fetch_add(1, Ordering::Relaxed);
        async { Err(VerifyError::not_yet("header", "a final block", "none")) }.boxed()
    }
}

/// A verifier that fails when it signs, and its node.
fn verifier() -> (VerifierRole, Node) {
    let node = Node::default();
    let sign: SignVerdict = Arc::new(|_, _| async { Err("no verdict is asked for".to_owned()) }.boxed());
    let signing: SignDigest = Arc::new(|_| panic!("signed what is not proven"));
    let judges: BTreeMap<ChainId, Box<dyn Judge>> = BTreeMap::from([(destination(), Box::new(node.clone()) as _)]);
    let role = VerifierRole::new(sign, 1, BTreeMap::new(), judges);
    (role.registering(signing, BTreeMap::from([(source(), (1, REGISTRY))])), node)
}

fn request(chain: ChainId, registered_on: ChainId, header: u8) -> Arc<BlockRequest> {
    let evidence = BlockEvidence { header: Bytes::copy_from_slice(&[header]), finality: None };
    Arc::new(BlockRequest { chain, registered_on, evidence })
}

#[tokio::test]
async fn a_verifier_signs_no_block_that_it_has_not_proven_final() {
    let (role, node) = verifier();
    let elsewhere = ChainId::eip155(7);
    assert_eq!(role.answer_blocks(&[request(destination(), source(), 1)], NOW).await, []);
    assert_eq!(node.0.load(Ordering::Relaxed), 1);
    for (chain, registered_on) in [(destination(), elsewhere.clone()), (elsewhere, source())] {
        assert_eq!(role.answer_blocks(&[request(chain, registered_on, 1)], NOW).await, []);
    }
    assert_eq!(node.0.load(Ordering::Relaxed), 1, "for a registry or of a chain that it does not know");
}

#[tokio::test]
async fn of_the_blocks_that_a_verifier_is_asked_for_at_once_it_judges_one_for_each_registry() {
    let (role, node) = verifier();
    let flood: Vec<_> = (0..64).map(|n| request(destination(), source(), n)).collect();
    assert_eq!(role.answer_blocks(&flood, NOW).await, []);
    assert_eq!(node.0.load(Ordering::Relaxed), 1);
}
