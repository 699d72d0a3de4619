//! Evidence of a deposit is not malleable: whatever is changed in it, it no longer verifies.

use std::sync::LazyLock;

use alloy_primitives::{B256, Bytes};
use libfuzzer_sys::arbitrary::{self, Arbitrary};
use spandrel_verifiers::{ChainId, LanePreference, Verifier};
use crate::patch::{Patch, patched};
use crate::scene::Scene;

static SCENE: LazyLock<Scene> = LazyLock::new(Scene::new);

#[derive(Arbitrary, Debug)]
enum Change {
    Height(u64),
    Header(Patch),
    Transaction(Patch),
    Index(u32),
    Path(PathChange),
    Coinbase(Patch),
    CoinbasePath(PathChange),
    SwapTransactions,
    Output(u32),
    Terms(TermsChange),
}

#[derive(Arbitrary, Debug)]
enum PathChange {
    Set(u8, [u8; 32]),
    Push([u8; 32]),
    Repeat(u8),
    Pop,
}

#[derive(Arbitrary, Debug)]
enum TermsChange {
    Chain(u64),
    Bridge([u8; 32]),
    Recipient([u8; 32]),
    Lane(u8),
    Expiry(u64),
    RefundKey([u8; 32]),
    RefundDelay(u16),
}

impl PathChange {
    fn apply(&self, path: &mut Vec<B256>) {
        let length = path.len().max(1);
        match self {
            Self::Set(at, node) => {
                path.iter_mut().skip(usize::from(*at) % length).take(1).for_each(|n| *n = node.into())
            }
            Self::Push(node) => path.push(node.into()),
            Self::Repeat(at) => path.extend(path.get(usize::from(*at) % length).copied()),
            Self::Pop => path.truncate(path.len().saturating_sub(1)),
        }
    }
}

fn patch(bytes: &mut Bytes, patch: &Patch) {
    *bytes = patched(bytes.to_vec(), std::slice::from_ref(patch)).into();
}

fuzz_target!(|changes: Vec<Change>| {
    let Scene { verifier, chain, evidence: honest, now, .. } = &*SCENE;
    let mut evidence = honest.clone();
    for change in &changes {
        match change {
            Change::Height(height) => evidence.height = *height,
            Change::Header(change) => patch(&mut evidence.header, change),
            Change::Transaction(change) => patch(&mut evidence.transaction, change),
            Change::Index(index) => evidence.index = *index,
            Change::Path(change) => change.apply(&mut evidence.path),
            Change::Coinbase(change) => patch(&mut evidence.coinbase, change),
            Change::CoinbasePath(change) => change.apply(&mut evidence.coinbase_path),
            Change::SwapTransactions => std::mem::swap(&mut evidence.transaction, &mut evidence.coinbase),
            Change::Output(output) => evidence.output = *output,
            Change::Terms(change) => {
                let terms = &mut evidence.terms;
                match change {
                    TermsChange::Chain(number) => terms.destination_chain = ChainId::eip155(*number),
                    TermsChange::Bridge(bridge) => terms.destination_bridge = bridge.into(),
                    TermsChange::Recipient(recipient) => terms.recipient = recipient.into(),
                    TermsChange::Lane(lane) => {
                        let lanes = [LanePreference::Any, LanePreference::Fast, LanePreference::LightClient];
                        terms.lane = lanes[usize::from(*lane) % lanes.len()];
                    }
                    TermsChange::Expiry(expiry) => terms.expiry = *expiry,
                    TermsChange::RefundKey(key) => terms.refund_key = key.into(),
                    TermsChange::RefundDelay(delay) => terms.refund_delay = *delay,
                }
            }
        }
    }
    let is_honest = evidence == *honest;
    assert_eq!(verifier.verify(chain, &evidence, *now).is_ok(), is_honest, "{evidence:?}");
});
