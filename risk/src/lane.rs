//! The two lanes.

use serde::{Deserialize, Serialize};

/// How a payout is justified.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Lane {
    /// m-of-n attestation before finality: an exposure until the deposit is proven.
    Fast,
    /// Proof under a finalized block.
    LightClient,
}

impl std::fmt::Display for Lane {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Fast => "fast",
            Self::LightClient => "light_client",
        })
    }
}
