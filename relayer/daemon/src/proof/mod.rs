//! `spandrel proof verify|explain FILE`: anyone checks a deposit's evidence, or what shows that a chain contradicted itself,
//! offline, from what is trusted and told.

mod contradiction;
mod export;

use std::path::Path;

use anyhow::{Context, Result, bail};
use spandrel_verifiers::file::{EvidenceFile, Explanation, MAX_FILE, ProofFile};
use spandrel_verifiers::{Deposit, UnixSeconds, Verified, VerifyError};

use crate::clock::unix_now;
use crate::exit::Exit;
use export::write;
pub use export::{export, make};

/// Verifies a file, JSON or protobuf, and says what it proves. Done: proven, or shown; refused: not.
pub fn verify(path: &Path, json: bool) -> Result<Exit> {
    let file = match ProofFile::read(&read(path)?) {
        Ok(ProofFile::Evidence(file)) => file,
        Ok(ProofFile::Contradiction(file)) => return contradiction::verify(&file, json),
        Err(error) => return refuse(&error, json),
    };
    match file.verify(unix_now()) {
        Ok(verified) if json => {
            let report = serde_json::json!({ "proven": true, "deposit": verified.fact(), "id": verified.fact().id(),
                "under": verified.under(), "at": file.at, "trusted": file.trust.said() });
            println!("{}", serde_json::to_string_pretty(&report)?);
            Ok(Exit::Done)
        }
        Ok(verified) => {
            print!("{}", report(&file, &verified));
            Ok(Exit::Done)
        }
        Err(error) => refuse(&error, json),
    }
}

/// Verifies a file and tells it step by step: what was checked, against what, and what is trusted. Exit codes as
/// [`verify`].
pub fn explain(path: &Path, json: bool) -> Result<Exit> {
    let file = match ProofFile::read(&read(path)?) {
        Ok(ProofFile::Evidence(file)) => file,
        Ok(ProofFile::Contradiction(file)) => return contradiction::explain(&file, json),
        Err(error) => return refuse(&error, json),
    };
    let explanation = file.explain(unix_now());
    if json {
        println!("{}", serde_json::to_string_pretty(&explanation)?);
    } else {
        print!("{explanation}");
    }
    let Explanation { verdict, .. } = explanation;
    Ok(if verdict.is_ok() { Exit::Done } else { Exit::Refused })
}

/// Reads and verifies a file's content at Unix time `now`.
pub fn check(bytes: &[u8], now: UnixSeconds) -> Result<(EvidenceFile, Verified<Deposit>), VerifyError> {
    let file = EvidenceFile::read(bytes)?;
    let verified = file.verify(now)?;
    Ok((file, verified))
}

fn read(path: &Path) -> Result<Vec<u8>> {
    let named = || path.display().to_string();
    let length = std::fs::metadata(path).with_context(named)?.len();
    if length > MAX_FILE as u64 {
        bail!("{}: expected at most {MAX_FILE} bytes, found {length}", path.display());
    }
    std::fs::read(path).with_context(named)
}

fn refuse(error: &VerifyError, json: bool) -> Result<Exit> {
    if json {
        let report = serde_json::json!({ "proven": false, "error": error });
        println!("{}", serde_json::to_string_pretty(&report)?);
    } else {
        println!("refused    {error}");
    }
    Ok(Exit::Refused)
}

fn report(file: &EvidenceFile, verified: &Verified<Deposit>) -> String {
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
