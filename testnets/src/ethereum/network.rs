//! What a real node tells of its network, as its light clients must know it.

use serde_json::Value;
use spandrel_verifiers::ChainId;
use spandrel_verifiers::ethereum::{ChainConfig, Fork, ForkEpoch, Preset};

use super::EthereumTestnetError;

/// The forks that a node's `config/spec` may name.
const FORKS: [Fork; 6] = [Fork::Altair, Fork::Bellatrix, Fork::Capella, Fork::Deneb, Fork::Electra, Fork::Fulu];

/// The network that the answers to `beacon/genesis` and `config/spec` tell. Forks that are not scheduled are left out.
///
/// # Errors
/// [`EthereumTestnetError::Unfit`] names the field that is missing or does not read.
pub fn network_of(chain: ChainId, genesis: &Value, spec: &Value) -> Result<ChainConfig, EthereumTestnetError> {
    let preset = match spec["data"]["PRESET_BASE"].as_str() {
        Some("minimal") => Preset::Minimal,
        Some("mainnet") => Preset::Mainnet,
        other => return Err(unfit("PRESET_BASE", "minimal or mainnet", other.unwrap_or("nothing"))),
    };
    let mut forks = Vec::new();
    for name in FORKS {
        let field = |what: &str| format!("{name:?}_FORK_{what}").to_uppercase();
        let Some(epoch) = spec["data"][field("EPOCH")].as_str() else { continue };
        let epoch: u64 = epoch.parse().map_err(|_| unfit(&field("EPOCH"), "a number", epoch))?;
        if epoch != u64::MAX {
            forks.push(ForkEpoch { name, version: read(spec, &field("VERSION"))?, epoch });
        }
    }
    Ok(ChainConfig {
        chain,
        genesis_validators_root: read(genesis, "genesis_validators_root")?,
        genesis_time: read(genesis, "genesis_time")?,
        seconds_per_slot: read(spec, "SECONDS_PER_SLOT")?,
        preset,
        forks,
    })
}

fn read<T: std::str::FromStr>(answer: &Value, field: &str) -> Result<T, EthereumTestnetError> {
    let text = answer["data"][field].as_str().unwrap_or_default();
    text.parse().map_err(|_| unfit(field, "a value", text))
}

fn unfit(field: &str, expected: &str, found: &str) -> EthereumTestnetError {
    EthereumTestnetError::Unfit { field: field.to_owned(), expected: expected.to_owned(), found: found.to_owned() }
}
