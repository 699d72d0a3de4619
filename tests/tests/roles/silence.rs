//! What the processes must not have logged.

use anyhow::{Result, ensure};

use crate::spread::Spread;

/// No process has logged a secret, at any level and of any crate.
pub fn require_silence(spread: &Spread) -> Result<()> {
    let users = spread.users.all().into_iter().map(|user| user.seed);
    let mut secrets = vec![("API key", spread.user.key.clone())];
    secrets.extend(users.map(|seed| ("bus seed", seed)));
    let config = &spread.bridge.config;
    let keys = config.verifier.iter().chain(&config.signer).map(|role| &role.key);
    for key in keys.chain(config.destination.iter().map(|target| &target.account)) {
        secrets.push(("keystore password", key.password.read()?.expose().to_owned()));
    }
    for node in config.bitcoin.iter().flat_map(|source| &source.nodes) {
        secrets.push(("Bitcoin RPC password", node.password.read()?.expose().to_owned()));
    }
    let mut told = 0;
    for entry in std::fs::read_dir(spread.folder.path())? {
        let path = entry?.path();
        if path.extension().is_none_or(|extension| extension != "log") {
            continue;
        }
        let text = String::from_utf8_lossy(&std::fs::read(&path)?).into_owned();
        ensure!(text.contains("INFO"), "{} tells nothing", path.display());
        told += 1;
        for (what, secret) in &secrets {
            ensure!(secret.len() >= 16, "{what}: too short to be looked for");
            ensure!(!text.contains(secret), "{}: a {what} was logged", path.display());
        }
    }
    ensure!(told == 3 + config.signer.len() + config.verifier.len(), "{told} logs");
    Ok(())
}
