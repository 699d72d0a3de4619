//! An output of a Bitcoin vault that is to be moved, and until when.

use alloy_primitives::B256;
use serde::Serialize;
use spandrel_core::{Status, Transfer};
use spandrel_verifiers::bitcoin::MIN_REFUND_DELAY;
use spandrel_verifiers::{ChainId, DepositId, Evidence, UnixSeconds};

use crate::clock::moment;
use crate::config::BitcoinSource;

/// Seconds between blocks, as Bitcoin aims at.
const BLOCK: u64 = 600;

/// An output that a depositor can take back once its refund delay is over.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Due {
    /// The chain.
    pub chain: ChainId,
    /// `txid:vout`, as Bitcoin's users write it.
    pub output: String,
    /// Satoshis, decimal.
    pub amount: String,
    /// Where its transfer is.
    pub status: &'static str,
    /// Height of its block.
    pub height: u64,
    /// Blocks after which its refund leaf may spend it; the least that is allowed where the ledger has no evidence of it yet.
    pub refund_delay: u16,
    /// Height of the first block that may hold the refund (BIP 68).
    pub refund_from: u64,
    /// Blocks that may still come before that one: at 0 it is the next.
    pub blocks_left: u64,
    /// Nodes that say that it is spent: fewer than a quorum. One that does while others do not is on another chain, or lies.
    pub said_spent: usize,
    /// Its deposit.
    pub id: DepositId,
    /// The transaction, in wire order.
    #[serde(skip)]
    pub transaction: B256,
    /// The output's number.
    #[serde(skip)]
    pub vout: u32,
}

/// What a transfer from `source` leaves to be moved, if it stands in a block there and was paid, or is to be.
pub fn moves_to(transfer: &Transfer, source: &BitcoinSource) -> Option<Due> {
    let deposit = &transfer.deposit;
    if deposit.source_chain != source.chain || !is_owed(transfer) {
        return None;
    }
    let seen = transfer.mined()?;
    let (refund_delay, height) = match &transfer.evidence {
        Some(Evidence::Bitcoin(inclusion)) => (inclusion.terms.refund_delay, inclusion.height),
        _ => (MIN_REFUND_DELAY, seen.block.height),
    };
    let mut shown = seen.transaction;
    shown.0.reverse();
    Some(Due {
        chain: source.chain.clone(),
        output: format!("{shown:x}:{}", seen.position),
        amount: deposit.amount.to_string(),
        status: transfer.status.name(),
        height,
        refund_delay,
        refund_from: height.saturating_add(refund_delay.into()),
        blocks_left: refund_delay.into(),
        said_spent: 0,
        id: transfer.id,
        transaction: seen.transaction,
        vout: seen.position,
    })
}

/// Whether it was paid, or may be yet. What ended unpaid is its depositor's.
fn is_owed(transfer: &Transfer) -> bool {
    let is_over = matches!(transfer.status, Status::Rejected { .. } | Status::Failed { .. });
    transfer.is_broadcast() || !is_over
}

impl Due {
    /// The same with the blocks that are left after `tip`.
    pub fn at(&self, tip: u64) -> Self {
        Self { blocks_left: self.refund_from.saturating_sub(tip.saturating_add(1)), ..self.clone() }
    }

    /// When the first block that may hold the refund is expected.
    pub fn refund_at(&self, now: UnixSeconds) -> UnixSeconds {
        now.saturating_add(self.blocks_left.saturating_add(1).saturating_mul(BLOCK))
    }

    /// The same, for people.
    pub fn about(&self, now: UnixSeconds) -> String {
        moment(self.refund_at(now)).to_string()
    }
}
