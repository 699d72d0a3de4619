//! `collect WIDE PLAIN`: prints the rows found in two files, the output of the benches with and without wide lanes.

use std::process::ExitCode;

use spandrel_benches::rows::summary;

fn main() -> ExitCode {
    let files: Vec<_> = std::env::args().skip(1).map(std::fs::read_to_string).collect();
    match files.as_slice() {
        [Ok(wide), Ok(plain)] => {
            print!("{}", summary(wide, plain));
            ExitCode::SUCCESS
        }
        _ => {
            eprintln!("collect: expected two readable files");
            ExitCode::FAILURE
        }
    }
}
