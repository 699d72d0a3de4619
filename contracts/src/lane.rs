//! Numbers of the claim lanes: the Rust twin of `Lane.sol`. Never renumbered.

use spandrel_verifiers::Evidence;

use crate::proof::EncodeError;

/// Attested by m-of-n signers; adds to the exposure until a proof settles it.
pub const FAST: u8 = 1;
/// Account and storage proof under an Ethereum block hash.
pub const ETHEREUM: u8 = 2;
/// Transaction Merkle proof under a Bitcoin block hash.
pub const BITCOIN: u8 = 3;

/// The light-client lane that reads this kind of evidence; an error if none does.
pub fn of(evidence: &Evidence) -> Result<u8, EncodeError> {
    match evidence {
        Evidence::Ethereum(_) => Ok(ETHEREUM),
        Evidence::Bitcoin(_) => Ok(BITCOIN),
        Evidence::Cosmos(_) | Evidence::Solana(_) => Err(EncodeError::Lane { found: evidence.kind() }),
    }
}
