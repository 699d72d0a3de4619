//! The `spandrel` binary.

use std::process::ExitCode;

use clap::Parser;
use spandrel::cli::{self, Cli};
use spandrel::exit::Exit;

fn main() -> ExitCode {
    let arguments = Cli::parse();
    let is_json = arguments.is_json();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("spandrel: the runtime does not start: {error}");
            return Exit::Failed.into();
        }
    };
    match runtime.block_on(cli::run(arguments)) {
        Ok(exit) => exit.into(),
        Err(error) => {
            let exit = Exit::of(&error);
            if is_json {
                eprintln!("{}", serde_json::json!({ "error": format!("{error:#}"), "exit": exit.code() }));
            } else {
                eprintln!("spandrel: {error:#}");
            }
            exit.into()
        }
    }
}
