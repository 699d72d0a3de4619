//! A list of updates as the Beacon API answers it, in either encoding.

use serde_json::value::RawValue;
use spandrel_verifiers::VerifyError;
use spandrel_verifiers::ethereum::ChainConfig;
use spandrel_verifiers::ethereum::containers::{LightClientUpdate, from_json, from_ssz};

use super::Encoding;

/// Reads the body of `getLightClientUpdatesByRange`, whose length the caller has bounded.
///
/// # Errors
/// Says in words what does not read.
pub fn decode_updates(
    body: &[u8],
    encoding: Encoding,
    network: &ChainConfig,
) -> Result<Vec<LightClientUpdate>, String> {
    match encoding {
        Encoding::Json => listed(body, network),
        Encoding::Ssz => chunked(body, network),
    }
}

fn listed(body: &[u8], network: &ChainConfig) -> Result<Vec<LightClientUpdate>, String> {
    let entries: Vec<&RawValue> = serde_json::from_slice(body).map_err(|error| error.to_string())?;
    let decode = |entry: &&RawValue| from_json(entry.get().as_bytes(), network);
    entries.iter().map(decode).collect::<Result<_, VerifyError>>().map_err(|error| error.to_string())
}

/// For each update, 8 bytes of length, 4 of fork digest, the update. The digest is not needed: the attested slot tells the
/// fork.
fn chunked(body: &[u8], network: &ChainConfig) -> Result<Vec<LightClientUpdate>, String> {
    let mut rest = body;
    let mut updates = Vec::new();
    while !rest.is_empty() {
        let (length, after) = rest.split_first_chunk::<8>().ok_or("a chunk without length")?;
        let length = usize::try_from(u64::from_le_bytes(*length)).map_err(|error| error.to_string())?;
        let (chunk, after) = after.split_at_checked(length).ok_or("a chunk longer than the answer")?;
        let (_fork_digest, ssz) = chunk.split_first_chunk::<4>().ok_or("a chunk without fork digest")?;
        updates.push(from_ssz(ssz, network).map_err(|error| error.to_string())?);
        rest = after;
    }
    Ok(updates)
}
