//! What a refund desk reads and says.

use std::sync::{Arc, Mutex};

use alloy_primitives::{B256, Bytes};
use futures::FutureExt;
use futures::future::BoxFuture;
use spandrel_engine::{BlockRequest, Bus, BusError, Message, Subscription};
use spandrel_verifiers::follow::FollowError;
use spandrel_verifiers::{BlockEvidence, ChainId, Checkpoint, DepositId, UnixSeconds};
use spandrel_watchers::refund::{FinalBlocks, Newest, RefundView};

use crate::common::destination;

/// What is said on the bus.
#[derive(Clone, Default)]
pub struct Heard(pub Arc<Mutex<Vec<Arc<BlockRequest>>>>);

impl Bus for Heard {
    type Subscription = Self;

    async fn publish(&self, message: Message) -> Result<(), BusError> {
        if let Message::Block(request) = message {
            self.0.lock().unwrap().push(request);
        }
        Ok(())
    }

    fn subscribe(&self) -> Self {
        self.clone()
    }
}

impl Subscription for Heard {
    async fn next(&mut self) -> Option<Message> {
        None
    }
}

/// The source's registry and vault, and the destination's newest final block.
#[derive(Clone)]
pub struct Chains {
    pub newest: Arc<Mutex<Newest>>,
    /// Checkpoints below the highest.
    pub stored: Arc<Mutex<Vec<Checkpoint>>>,
    pub refunded: Arc<Mutex<Vec<DepositId>>>,
    pub final_at: Arc<Mutex<UnixSeconds>>,
}

impl RefundView for Chains {
    fn newest<'a>(&'a self, _: &'a ChainId, own: Option<&'a Checkpoint>) -> BoxFuture<'a, Result<Newest, FollowError>> {
        async move {
            let newest = *self.newest.lock().unwrap();
            let own = own.filter(|own| self.stored.lock().unwrap().contains(own)).map_or(0, |own| own.time);
            Ok(Newest { time: newest.time.max(own), ..newest })
        }
        .boxed()
    }

    fn is_refunded(&self, deposit: DepositId) -> BoxFuture<'_, Result<bool, FollowError>> {
        async move { Ok(self.refunded.lock().unwrap().contains(&deposit)) }.boxed()
    }
}

/// A node of the source by whose word nobody waits.
pub struct Denying;

impl RefundView for Denying {
    fn newest<'a>(&'a self, _: &'a ChainId, _: Option<&'a Checkpoint>) -> BoxFuture<'a, Result<Newest, FollowError>> {
        async { Ok(Newest { time: u64::MAX, max_age: 1_000_000, hold: 0 }) }.boxed()
    }

    fn is_refunded(&self, _: DepositId) -> BoxFuture<'_, Result<bool, FollowError>> {
        async { Ok(true) }.boxed()
    }
}

/// One that is down.
pub struct Down;

impl RefundView for Down {
    fn newest<'a>(&'a self, _: &'a ChainId, _: Option<&'a Checkpoint>) -> BoxFuture<'a, Result<Newest, FollowError>> {
        async { Err(FollowError::ProofUnavailable("down".to_owned())) }.boxed()
    }

    fn is_refunded(&self, _: DepositId) -> BoxFuture<'_, Result<bool, FollowError>> {
        async { Err(FollowError::ProofUnavailable("down".to_owned())) }.boxed()
    }
}

impl FinalBlocks for Chains {
    fn newest_final(&self) -> BoxFuture<'_, Result<(Checkpoint, BlockEvidence), FollowError>> {
        async {
            let time = *self.final_at.lock().unwrap();
            let header = Bytes::copy_from_slice(&time.to_be_bytes());
            let checkpoint = Checkpoint {
                chain: destination(),
                height: time,
                root: B256::repeat_byte(4),
                time,
                up_to: Checkpoint::ANY_AMOUNT,
            };
            Ok((checkpoint, BlockEvidence { header, finality: None }))
        }
        .boxed()
    }
}
