//! The `spandrel` binary.

use std::process::ExitCode;

use clap::Parser;
use spandrel::cli::{self, Cli};
use spandrel::exit::Exit;

fn main() -> ExitCode {
    let arguments = match Cli::try_parse() {
        Ok(arguments) => arguments,
        Err(error) if error.use_stderr() && std::env::args_os().any(|argument| argument == "--json") => {
            tell(error.render(), Exit::Usage);
            return Exit::Usage.into();
        }
        Err(error) => error.exit(),
    };
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
                tell(format!("{error:#}"), exit);
            } else {
                eprintln!("spandrel: {error:#}");
            }
            exit.into()
        }
    }
}

/// A failure for programs.
fn tell(error: impl ToString, exit: Exit) {
    eprintln!("{}", serde_json::json!({ "error": error.to_string(), "exit": exit.code() }));
}
