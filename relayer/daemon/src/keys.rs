//! `spandrel keys`: the encrypted keystore.

use std::path::Path;

use anyhow::Result;
use spandrel_signer::{Hardness, Keystore, SecretRef};

/// Creates a key; the password comes by reference.
pub fn new(folder: &Path, name: &str, password: &SecretRef) -> Result<()> {
    let info = Keystore::open(folder, Hardness::Standard)?.create(name, &password.read()?)?;
    println!("{}  {}", info.address, info.name);
    Ok(())
}

/// Imports a key; key and password come by reference.
pub fn import(folder: &Path, name: &str, key: &SecretRef, password: &SecretRef) -> Result<()> {
    let info = Keystore::open(folder, Hardness::Standard)?.import(name, &key.read()?, &password.read()?)?;
    println!("{}  {}", info.address, info.name);
    Ok(())
}

/// Lists keys.
pub fn list(folder: &Path) -> Result<()> {
    for info in Keystore::open(folder, Hardness::Standard)?.list()? {
        println!("{}  {}", info.address, info.name);
    }
    Ok(())
}
