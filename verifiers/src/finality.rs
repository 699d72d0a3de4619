//! Facts that only checking code can construct.

use serde::Serialize;

use crate::Checkpoint;

/// A height or block that its chain's rule holds final. Only this crate constructs it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct Finalized<H>(H);

impl<H> Finalized<H> {
    pub(crate) fn new(height: H) -> Self {
        Self(height)
    }

    /// The height or block itself.
    pub fn get(&self) -> &H {
        &self.0
    }
}

/// A fact proven under a checkpoint. Only this crate constructs it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Verified<T> {
    fact: T,
    under: Checkpoint,
}

impl<T> Verified<T> {
    pub(crate) fn new(fact: T, under: Checkpoint) -> Self {
        Self { fact, under }
    }

    /// The proven fact.
    pub fn fact(&self) -> &T {
        &self.fact
    }

    /// The checkpoint under which it was proven.
    pub fn under(&self) -> &Checkpoint {
        &self.under
    }
}
