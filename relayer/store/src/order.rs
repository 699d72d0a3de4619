//! Orders: what a user of the transfer API asked for, before a deposit exists.

use std::fmt;
use std::num::NonZeroU32;

use alloy_primitives::{B256, U256, keccak256};
use serde::{Deserialize, Serialize};
use spandrel_verifiers::{AssetId, ChainId, Deposit, LanePreference, UnixSeconds};

/// An order's id: derived from its terms and from who asked, so that asking again cannot make another one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct OrderId(pub B256);

impl fmt::Display for OrderId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// What was asked for. Chains and asset as a deposit names them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OrderTerms {
    /// Where the deposit is to be made.
    pub source_chain: ChainId,
    /// Asset, in the source's terms.
    pub asset: AssetId,
    /// Base units. What arrives is what is paid: another amount is another transfer, not an error.
    pub amount: U256,
    /// Where it is to be paid.
    pub destination_chain: ChainId,
    /// The inbox there.
    pub destination_bridge: B256,
    /// Who is paid.
    pub recipient: B256,
    /// Which lane.
    pub lane: LanePreference,
    /// Unix seconds after which it is not paid any more.
    pub expiry: UnixSeconds,
    /// The way back of a Bitcoin deposit: who may take it, and after how many blocks.
    pub refund: Option<Refund>,
}

/// The refund leaf of a Bitcoin deposit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Refund {
    /// x-only key.
    pub key: B256,
    /// Blocks (BIP 68).
    pub delay: u16,
}

impl OrderTerms {
    /// What an order and its deposit share, and no two orders do: `keccak256` over chain, asset, destination, recipient,
    /// lane and expiry. Amount and sender are the deposit's own.
    pub fn link(&self) -> B256 {
        let Self { source_chain, asset, destination_chain, destination_bridge, recipient, lane, expiry, .. } = self;
        link(source_chain, asset, destination_chain, *destination_bridge, *recipient, *lane, *expiry)
    }

    /// The link of the order that `deposit` may belong to.
    pub fn link_of(deposit: &Deposit) -> B256 {
        let Deposit { source_chain, asset, destination_chain, destination_bridge, recipient, lane, expiry, .. } =
            deposit;
        link(source_chain, asset, destination_chain, *destination_bridge, *recipient, *lane, *expiry)
    }
}

fn link(
    source: &ChainId,
    asset: &AssetId,
    destination: &ChainId,
    bridge: B256,
    recipient: B256,
    lane: LanePreference,
    expiry: UnixSeconds,
) -> B256 {
    let words = [
        source.hash(),
        asset.hash(),
        destination.hash(),
        bridge,
        recipient,
        B256::with_last_byte(lane as u8),
        U256::from(expiry).into(),
    ];
    keccak256(words.concat())
}

/// An order as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Order {
    /// Its id.
    pub id: OrderId,
    /// What was asked for.
    pub terms: OrderTerms,
    /// The API key that asked.
    pub api_key: String,
    /// Where the user says the deposit is.
    pub source_tx: Option<B256>,
    /// Whether it was called off.
    pub is_cancelled: bool,
    /// Unix seconds.
    pub created_at: UnixSeconds,
}

/// A new order, and the request that it answers.
#[derive(Clone, Debug)]
pub struct NewOrder {
    /// What is asked for. The expiry is moved on by seconds where another order has the same link.
    pub terms: OrderTerms,
    /// The API key that asks.
    pub api_key: String,
    /// Its idempotency key.
    pub idempotency_key: String,
    /// Hash of the whole request: the same key with another request is refused.
    pub request_hash: B256,
    /// Whose share of open orders it is part of, where there are shares.
    pub share: Option<OrderShare>,
}

/// How many orders may wait for their deposits at once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OrderShare {
    /// Whose.
    pub holder: String,
    /// How many.
    pub most: NonZeroU32,
}

/// What became of a [`NewOrder`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Placed {
    /// It was stored.
    New(Order),
    /// It was stored before, by the same request.
    Replayed(Order),
    /// The idempotency key was used for another request.
    KeyReused,
    /// As many orders wait as the holder may have.
    TooManyOpen {
        /// When the first of them expires, Unix seconds.
        until: UnixSeconds,
    },
}

impl NewOrder {
    /// The id of this order once its terms are settled.
    pub(crate) fn id(&self, terms: &OrderTerms) -> OrderId {
        let parts = [terms.link().as_slice(), self.api_key.as_bytes(), &[0], self.idempotency_key.as_bytes()].concat();
        OrderId(keccak256(parts))
    }
}
