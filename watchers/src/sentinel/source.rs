//! A source chain as sentinels see it.

use alloy_primitives::B256;
use futures::future::BoxFuture;

use crate::pool::{Endpoints, Health, Witness};

/// The nodes by which the ledger reads a source chain.
pub trait SourceView: Health {
    /// The highest of their best blocks; `None` while none answers.
    fn highest(&self) -> BoxFuture<'_, Option<u64>>;

    /// What each of them that answers has at `height`.
    fn hashes_at(&self, height: u64) -> BoxFuture<'_, Vec<Option<B256>>>;
}

impl<T: Witness> SourceView for Endpoints<T> {
    fn highest(&self) -> BoxFuture<'_, Option<u64>> {
        Box::pin(Endpoints::highest(self))
    }

    fn hashes_at(&self, height: u64) -> BoxFuture<'_, Vec<Option<B256>>> {
        Box::pin(Endpoints::hashes_at(self, height))
    }
}
