//! `spandrel`: bridge relayer and proof verifier. Config, command line, wiring, supervision, telemetry; no domain
//! logic.

mod cli;
mod clock;
mod config;
mod demo;
mod keys;
mod metrics;
mod proof;
mod status;
mod supervise;
mod telemetry;
mod up;
mod wiring;

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    let arguments = cli::Cli::parse();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("spandrel: the runtime does not start: {error}");
            return ExitCode::FAILURE;
        }
    };
    match runtime.block_on(cli::run(arguments)) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("spandrel: {error:#}");
            ExitCode::FAILURE
        }
    }
}
