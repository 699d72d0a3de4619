//! `spandrel proof verify FILE`: anyone checks a deposit's evidence offline, from a trusted anchor that they see.

mod export;

use std::path::Path;
use std::process::ExitCode;

use alloy_primitives::{Address, B256, Bytes};
use anyhow::{Context, Result, bail};
use serde::{Deserialize, Serialize};
use spandrel_verifiers::bitcoin::{Anchor, BitcoinVerifier, ChainParams, ConfirmationPolicy, HeaderChain, sha256d};
use spandrel_verifiers::ethereum::containers::Bootstrap;
use spandrel_verifiers::ethereum::{ChainConfig, EthereumVerifier, LightClientStore, Update};
use spandrel_verifiers::{ChainId, Deposit, Evidence, UnixSeconds, Verified, Verifier, VerifyError};

use crate::clock::unix_now;
pub use export::{export, make};

/// Exit code when the evidence is refused.
const REFUSED: u8 = 3;
/// Largest file that is read, bytes.
const MAX_FILE: u64 = 32 << 20;

/// An evidence file: what must be trusted, the consensus evidence from there, and one deposit's evidence.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProofFile {
    /// Format version, 1.
    pub version: u32,
    /// When the evidence was good, Unix seconds; clock rules are checked against it, and against now for its future.
    pub at: UnixSeconds,
    /// What the reader must agree to trust.
    pub trust: Trust,
    /// The deposit's evidence.
    pub evidence: Evidence,
}

/// Where trust begins, and what leads from there to the deposit's block.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Trust {
    /// A Bitcoin block of known work, and the headers after it.
    Bitcoin {
        /// CAIP-2 id.
        chain: ChainId,
        /// The vault's Taproot internal key.
        vault: B256,
        /// Confirmations by value.
        confirmations: ConfirmationPolicy,
        /// The trusted block.
        anchor: Anchor,
        /// The headers after it, 80 bytes each.
        headers: Vec<Bytes>,
    },
    /// A beacon block root, and the light-client data after it.
    Ethereum {
        /// The network.
        network: Box<ChainConfig>,
        /// The bridge's `Outbox`.
        outbox: Address,
        /// The trusted beacon block root.
        trusted_root: B256,
        /// The `LightClientBootstrap` of that root.
        bootstrap: Box<Bootstrap>,
        /// Updates after it.
        updates: Vec<Update>,
    },
}

/// Verifies a file and says what it proves. Exit code 0: proven; 3: refused.
pub fn verify(path: &Path, json: bool) -> Result<ExitCode> {
    let length = std::fs::metadata(path).with_context(|| format!("{}", path.display()))?.len();
    if length > MAX_FILE {
        bail!("{}: expected at most {MAX_FILE} bytes, found {length}", path.display());
    }
    let text = std::fs::read_to_string(path).with_context(|| format!("{}", path.display()))?;
    match check(&text, unix_now()) {
        Ok((file, verified)) if json => {
            let report = serde_json::json!({ "proven": true, "deposit": verified.fact(), "id": verified.fact().id(),
                "under": verified.under(), "at": file.at, "trusted": file.trust.said() });
            println!("{}", serde_json::to_string_pretty(&report)?);
            Ok(ExitCode::SUCCESS)
        }
        Ok((file, verified)) => {
            print!("{}", report(&file, &verified));
            Ok(ExitCode::SUCCESS)
        }
        Err(error) if json => {
            let report = serde_json::json!({ "proven": false, "error": error });
            println!("{}", serde_json::to_string_pretty(&report)?);
            Ok(ExitCode::from(REFUSED))
        }
        Err(error) => {
            println!("refused    {error}");
            Ok(ExitCode::from(REFUSED))
        }
    }
}

/// Parses and verifies a file's text at Unix time `now`.
pub fn check(text: &str, now: UnixSeconds) -> Result<(ProofFile, Verified<Deposit>), VerifyError> {
    let mut text = serde_json::Deserializer::from_str(text);
    let file: ProofFile = serde_path_to_error::deserialize(&mut text).map_err(|error| {
        VerifyError::malformed(error.path().to_string(), "a field of an evidence file", error.inner())
    })?;
    text.end().map_err(|error| VerifyError::malformed("file", "nothing after the evidence", error))?;
    if file.version != 1 {
        return Err(VerifyError::malformed("version", 1, file.version));
    }
    if file.at > now {
        return Err(VerifyError::invalid("at", format!("not after now, {now}"), file.at));
    }
    let verified = file.trust.verify(&file.evidence, file.at)?;
    Ok((file, verified))
}

impl Trust {
    fn verify(&self, evidence: &Evidence, now: UnixSeconds) -> Result<Verified<Deposit>, VerifyError> {
        match (self, evidence) {
            (Self::Bitcoin { chain, vault, confirmations, anchor, headers }, Evidence::Bitcoin(inclusion)) => {
                let Some(params) = ChainParams::of_chain(chain) else {
                    return Err(VerifyError::invalid("trust.chain", "a known Bitcoin network", chain));
                };
                let within = |error: VerifyError| error.within("trust");
                let mut trusted = HeaderChain::new(params.clone(), anchor.clone()).map_err(within)?;
                trusted.extend(headers, now).map_err(within)?;
                let verifier = BitcoinVerifier::new(params, *vault, confirmations.clone()).map_err(within)?;
                verifier.verify(&trusted, inclusion, now).map_err(|error| error.within("evidence"))
            }
            (Self::Ethereum { network, outbox, trusted_root, bootstrap, updates }, Evidence::Ethereum(deposit)) => {
                let within = |error: VerifyError| error.within("trust");
                let verifier = EthereumVerifier::new((**network).clone(), *outbox).map_err(within)?;
                let mut trusted = LightClientStore::bootstrap(network, *trusted_root, bootstrap).map_err(within)?;
                for (index, update) in updates.iter().enumerate() {
                    verifier
                        .advance(&mut trusted, update, now)
                        .map_err(|error| error.within(&format!("updates[{index}]")).within("trust"))?;
                }
                verifier.verify(&trusted, deposit, now).map_err(|error| error.within("evidence"))
            }
            _ => Err(VerifyError::malformed("evidence.kind", "evidence of the trusted chain", "another chain's")),
        }
    }

    /// Everything that the reader must compare with what they know: none of it is proven.
    fn said(&self) -> Vec<String> {
        match self {
            Self::Bitcoin { chain, vault, confirmations, anchor, headers } => {
                let mut anchor_hash = sha256d(&anchor.header);
                anchor_hash.0.reverse();
                let network = ChainParams::of_chain(chain).map(|params| params.network.to_string());
                vec![
                    format!("network {} ({chain})", network.unwrap_or_default()),
                    format!("anchor block {} {anchor_hash:x} with work {}", anchor.height, anchor.chain_work),
                    format!("vault key {vault}; its holders do not move the deposit without paying it"),
                    format!("{} confirmations for small amounts, most work is honest", confirmations.required(0)),
                    format!("{} headers follow the anchor", headers.len()),
                ]
            }
            Self::Ethereum { network, outbox, trusted_root, updates, .. } => vec![
                format!("network {}, genesis validators root {}", network.chain, network.genesis_validators_root),
                format!("beacon block {trusted_root} (weak subjectivity); {} updates follow it", updates.len()),
                format!("outbox contract {outbox}"),
                "two thirds of each sync committee are honest (they are not slashable)".to_owned(),
            ],
        }
    }
}

fn report(file: &ProofFile, verified: &Verified<Deposit>) -> String {
    let (deposit, under) = (verified.fact(), verified.under());
    let mut lines = vec![
        format!("proven     deposit {}", deposit.id()),
        format!("amount     {} of {}", deposit.amount, deposit.asset),
        format!("from       {} by {}", deposit.source_chain, deposit.sender),
        format!(
            "to         {} on {} through {}",
            deposit.recipient, deposit.destination_chain, deposit.destination_bridge
        ),
        format!("under      block {} {} of {}", under.height, under.root, under.chain),
        "by         consensus from what is trusted below, then inclusion under that block; every field above is bound"
            .to_owned(),
        format!("at         {} (Unix seconds; the clock rules were checked for then)", file.at),
    ];
    lines.extend(file.trust.said().into_iter().map(|line| format!("trusted    {line}")));
    lines.join("\n") + "\n"
}
