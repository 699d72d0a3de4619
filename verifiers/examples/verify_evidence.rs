//! Checks an evidence file offline and tells it step by step: `cargo run --example verify_evidence FILE`.
//!
//! `spandrel proof export ID --to FILE` writes such files; JSON and protobuf are both read.

use std::process::ExitCode;
use std::time::{SystemTime, UNIX_EPOCH};

use spandrel_verifiers::file::EvidenceFile;

#[expect(clippy::disallowed_methods, reason = "the crate has no clock: time is an argument, and here it is read")]
fn main() -> ExitCode {
    let Some(path) = std::env::args_os().nth(1) else {
        eprintln!("usage: verify_evidence FILE");
        return ExitCode::from(2);
    };
    let bytes = match std::fs::read(&path) {
        Ok(bytes) => bytes,
        Err(error) => {
            eprintln!("{}: {error}", path.to_string_lossy());
            return ExitCode::from(2);
        }
    };
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    if tell(&bytes, now) { ExitCode::SUCCESS } else { ExitCode::from(3) }
}

/// Prints what is checked and what came of it; whether the deposit is proven.
pub fn tell(bytes: &[u8], now: u64) -> bool {
    match EvidenceFile::read(bytes) {
        Ok(file) => {
            let explanation = file.explain(now);
            print!("{explanation}");
            explanation.verdict.is_ok()
        }
        Err(error) => {
            println!("refused     {error}");
            false
        }
    }
}
