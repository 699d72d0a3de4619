//! Checkpoints in a registry: whether one is there already, by whoever brought it.

use alloy_primitives::Address;
use spandrel_contracts::CheckpointRegistry;
use spandrel_core::journal::Journal;
use spandrel_core::submission::SubmitError;
use spandrel_signer::DigestSigner;

use super::EvmDestination;
use super::build::Unless;
use super::rpc::{Head, Rpc};
use super::stated::Taken;

impl<J: Journal, K: DigestSigner> EvmDestination<J, K> {
    /// Whether the registry holds the root for the amount after block `height`, or after the newest, by the word of `rpc`.
    pub(super) async fn is_stored(
        &self,
        rpc: &Rpc,
        registry: Address,
        unless: &Unless,
        height: Option<u64>,
    ) -> Result<bool, SubmitError> {
        let Unless::Stored { chain, height: of, root, time, up_to } = unless else { return Ok(false) };
        let asked = CheckpointRegistry::storedCall { chain: *chain, height: *of };
        let stored = rpc.read(registry, &asked, height).await?;
        if !stored.root.is_zero() && stored.root != *root {
            tracing::error!(%chain, height = of, stored = %stored.root, signed = %root, "two signed checkpoints conflict");
        }
        Ok(stored.root == *root && stored.time == *time && stored.upTo >= *up_to)
    }

    /// How far the chain is with a checkpoint that is registered for its own sake.
    pub(super) async fn is_registered(
        &self,
        registry: Address,
        unless: &Unless,
        head: &Head,
    ) -> Result<Taken, SubmitError> {
        if !self.is_stored(&self.rpc, registry, unless, None).await? {
            return Ok(Taken::No);
        }
        let is_final = match head.last_final {
            Some(height) => self.is_stored(&self.rpc, registry, unless, Some(height)).await?,
            None => false,
        };
        Ok(if is_final { Taken::Finally } else { Taken::NotFinally })
    }
}
