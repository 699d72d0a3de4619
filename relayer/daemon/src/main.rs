//! The `spandrel` binary.

use std::process::ExitCode;

use clap::Parser;
use spandrel::cli::Cli;

fn main() -> ExitCode {
    let arguments = Cli::parse();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("spandrel: the runtime does not start: {error}");
            return ExitCode::FAILURE;
        }
    };
    match runtime.block_on(spandrel::cli::run(arguments)) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("spandrel: {error:#}");
            ExitCode::FAILURE
        }
    }
}
