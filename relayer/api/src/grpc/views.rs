//! Views as messages. Each view is taken apart in full, so that a field that is new in one is missed in the other.

use super::proto;
use crate::Denomination;
use crate::instructions::{EvmCall, Instructions, RefundData};
use crate::service::{
    AssetView, BlockView, ChainView, DeliveryView, EventView, KeyView, LaneLimits, LaneOffer, OrderView, PauseView,
    ProofView, Quote, ReadTo, ReasonView, RouteView, StatusView, TestView, TransferList, TransferView,
    WebhookSecretView, WebhookView,
};

/// Each of `views` as a message.
pub fn all<V, M: From<V>>(views: Vec<V>) -> Vec<M> {
    views.into_iter().map(M::from).collect()
}

/// Views whose messages have the same fields, by the same names. What stands in brackets is a message there too.
macro_rules! same_fields {
    ($($view:ident => $message:ident { $($field:ident),* $([$($inner:ident),*])? })*) => {$(
        impl From<$view> for proto::$message {
            fn from(view: $view) -> Self {
                let $view { $($field,)* $($($inner,)*)? } = view;
                Self { $($field,)* $($($inner: $inner.map(Into::into),)*)? }
            }
        }
    )*};
}

same_fields! {
    ReasonView => Reason { code, message, release_at }
    LaneLimits => LaneLimits {
        lane, minimum, per_transfer, window_remaining, exposure_remaining, large_from, large_delay_seconds [closed]
    }
    LaneOffer => LaneOffer { lane, offered, eta_seconds [reason] }
    EvmCall => Call { to, data, value, uri, qr }
    TransferView => Transfer {
        id, order, deposit, more_deposits, status, substatus, terminal, claimable_until, source, destination, asset, amount,
        recipient, sender, lane, confirmations, confirmations_required, eta_at, source_final, source_tx, payout_tx,
        settlement_tx, proof_available, created_at, updated_at, expires_at [reason]
    }
    EventView => Event { sequence, deposit, at, event, transaction, lane, signers [block, reason] }
    BlockView => Block { height, hash }
    WebhookView => Webhook { id, url, waiting, dead, created_at, rotated_at }
    DeliveryView => Delivery { id, event, status, attempts, last_error, next_attempt_at, created_at }
}

impl From<ChainView> for proto::Chain {
    fn from(view: ChainView) -> Self {
        let ChainView { id, source, destination, finality, finality_seconds, status } = view;
        let (finality, status) = (finality.map(str::to_owned), status.to_owned());
        Self { id, source, destination, finality, finality_seconds, status }
    }
}

impl From<AssetView> for proto::Asset {
    fn from(AssetView { id, chain, symbol, decimals }: AssetView) -> Self {
        Self { id, chain, symbol, decimals: decimals.map(Into::into) }
    }
}

impl From<Denomination> for proto::Denomination {
    fn from(of: Denomination) -> Self {
        Self { symbol: of.symbol().to_owned(), decimals: of.decimals().into() }
    }
}

impl From<RouteView> for proto::Route {
    fn from(view: RouteView) -> Self {
        let RouteView { id, source, destination, asset, paid_as, lanes, orders, eta_seconds, closed, trust } = view;
        let trust = trust.into_iter().map(|(lane, assumed)| (lane, proto::Trust { assumed })).collect();
        let eta_seconds = eta_seconds.into_iter().collect();
        let closed = closed.into_iter().map(|(lane, reason)| (lane, reason.into())).collect();
        let paid_as = paid_as.map(Into::into);
        Self { id, source, destination, asset, lanes, orders, eta_seconds, closed, trust, paid_as }
    }
}

impl From<KeyView> for proto::Key {
    fn from(KeyView { id, key, scopes }: KeyView) -> Self {
        Self { id, key, scopes: scopes.into_iter().map(str::to_owned).collect() }
    }
}

impl From<Quote> for proto::Quote {
    fn from(Quote { id, route, amount, fee, receive, lanes, expires_at }: Quote) -> Self {
        Self { id, route, amount, fee, receive, lanes: all(lanes), expires_at }
    }
}

/// An order, and whether its request was answered before.
impl From<(OrderView, bool)> for proto::CreateTransferResponse {
    fn from((OrderView { transfer, instructions }, replayed): (OrderView, bool)) -> Self {
        Self { transfer: Some(transfer.into()), instructions: Some(instructions.into()), replayed }
    }
}

impl From<Instructions> for proto::create_transfer_response::Instructions {
    fn from(instructions: Instructions) -> Self {
        match instructions {
            Instructions::Bitcoin { address, uri, qr, refund } => {
                let RefundData { key, after_blocks, script, control_block } = refund;
                let refund = proto::Refund { key, after_blocks: after_blocks.into(), script, control_block };
                Self::Bitcoin(proto::BitcoinInstructions { address, uri, qr, refund: Some(refund) })
            }
            Instructions::Evm { calls } => Self::Evm(proto::EvmInstructions { calls: all(calls) }),
        }
    }
}

impl From<Instructions> for proto::Instructions {
    fn from(instructions: Instructions) -> Self {
        use proto::create_transfer_response::Instructions as Made;
        let kind = match Made::from(instructions) {
            Made::Bitcoin(bitcoin) => proto::instructions::Kind::Bitcoin(bitcoin),
            Made::Evm(evm) => proto::instructions::Kind::Evm(evm),
        };
        Self { kind: Some(kind) }
    }
}

impl From<TransferList> for proto::ListTransfersResponse {
    fn from(TransferList { transfers, next_cursor }: TransferList) -> Self {
        Self { transfers: all(transfers), next_cursor }
    }
}

impl From<ProofView> for proto::Proof {
    fn from(proof: ProofView) -> Self {
        let file = serde_json::to_string(&proof.file()).unwrap_or_default();
        let ProofView { deposit, evidence, root, checkpoint, claim, version: _, at: _, trust: _ } = proof;
        let claim =
            claim.into_iter().map(|call| proto::ClaimCall { step: call.step.into(), to: call.to, data: call.data });
        Self {
            deposit,
            evidence: serde_json::to_string(&evidence).unwrap_or_default(),
            root,
            checkpoint: checkpoint.map(|checkpoint| serde_json::to_string(&checkpoint).unwrap_or_default()),
            claim: claim.collect(),
            file,
        }
    }
}

impl From<StatusView> for proto::Status {
    fn from(StatusView { status, pauses, halted, late, chains }: StatusView) -> Self {
        let pause = |PauseView { scope, until, reason }| proto::Pause { scope, until, reason };
        let read = |ReadTo { height, finalized, updated_at }| proto::ReadTo { height, finalized, updated_at };
        Self {
            status: status.to_owned(),
            pauses: pauses.into_iter().map(pause).collect(),
            halted: halted.into_iter().collect(),
            late: late.into_iter().collect(),
            chains: chains.into_iter().map(|(chain, view)| (chain, read(view))).collect(),
        }
    }
}

impl From<WebhookSecretView> for proto::WebhookSecret {
    fn from(WebhookSecretView { webhook, secret }: WebhookSecretView) -> Self {
        Self { webhook: Some(webhook.into()), secret, replayed: false }
    }
}

impl From<TestView> for proto::TestWebhookResponse {
    fn from(TestView { delivered, status, error }: TestView) -> Self {
        Self { delivered, status: status.map(Into::into), error }
    }
}
