//! Finds the native programs that the launchers start, and ports for those that cannot choose one.

use std::env;
use std::net::TcpListener;
use std::path::{Path, PathBuf};

use super::EthereumTestnetError;

/// Anvil's native binary: `SPANDREL_ANVIL`, then `PATH`, then `contracts/node_modules` above the working directory
/// or above the crate being tested. The npm package's own `anvil` script is not used: it starts the binary as a
/// grandchild, which would outlive us.
pub(super) fn find_anvil() -> Result<PathBuf, EthereumTestnetError> {
    if let Some(named) = env::var_os("SPANDREL_ANVIL").map(PathBuf::from) {
        return if named.is_file() {
            Ok(named)
        } else {
            Err(anvil_missing(format!("SPANDREL_ANVIL={}", named.display())))
        };
    }
    on_path("anvil")
        .or_else(|| installed_by_npm(&format!("@foundry-rs/anvil-{}", npm_platform()), "bin/anvil"))
        .ok_or_else(|| anvil_missing("SPANDREL_ANVIL, PATH, contracts/node_modules/@foundry-rs".to_owned()))
}

fn anvil_missing(looked_at: String) -> EthereumTestnetError {
    EthereumTestnetError::NotFound { program: "anvil", looked_at, install: "install it with `npm ci` in contracts/" }
}

/// The first native (not script) file of that name in `PATH`.
pub(super) fn on_path(name: &str) -> Option<PathBuf> {
    env::split_paths(&env::var_os("PATH")?).map(|folder| folder.join(name)).find(|file| is_native(file))
}

/// A loopback port that nobody listens on now.
pub(super) fn free_port() -> std::io::Result<u16> {
    TcpListener::bind("127.0.0.1:0")?.local_addr().map(|address| address.port())
}

fn installed_by_npm(package: &str, file: &str) -> Option<PathBuf> {
    let starts = [env::current_dir().ok(), env::var_os("CARGO_MANIFEST_DIR").map(PathBuf::from)];
    starts
        .iter()
        .flatten()
        .flat_map(|start| start.ancestors())
        .map(|folder| folder.join("contracts/node_modules").join(package).join(file))
        .find(|file| file.is_file())
}

fn is_native(file: &Path) -> bool {
    let mut magic = [0; 2];
    std::fs::File::open(file)
        .and_then(|mut opened| std::io::Read::read_exact(&mut opened, &mut magic))
        .is_ok_and(|()| &magic != b"#!")
}

fn npm_platform() -> String {
    let system = if env::consts::OS == "macos" { "darwin" } else { env::consts::OS };
    let processor = if env::consts::ARCH == "aarch64" { "arm64" } else { "amd64" };
    format!("{system}-{processor}")
}
