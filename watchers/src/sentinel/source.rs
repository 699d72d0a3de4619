//! A source chain as sentinels see it.

use alloy_primitives::B256;
use futures::future::BoxFuture;
use spandrel_verifiers::follow::BlockRef;

use crate::pool::{Endpoints, Health, Witness};

/// The nodes by which the ledger reads a source chain.
pub trait SourceView: Health {
    /// The best block of each of them that answers.
    fn heads(&self) -> BoxFuture<'_, Vec<BlockRef>>;

    /// What each of them that answers has at `height`.
    fn hashes_at(&self, height: u64) -> BoxFuture<'_, Vec<Option<B256>>>;
}

impl<T: Witness> SourceView for Endpoints<T> {
    fn heads(&self) -> BoxFuture<'_, Vec<BlockRef>> {
        Box::pin(Endpoints::heads(self))
    }

    fn hashes_at(&self, height: u64) -> BoxFuture<'_, Vec<Option<B256>>> {
        Box::pin(Endpoints::hashes_at(self, height))
    }
}
