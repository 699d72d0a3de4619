//! `spandrel keys`: the encrypted keystore.

use std::path::Path;

use anyhow::Result;
use spandrel_signer::{Hardness, KeyInfo, Keystore, SecretRef};

use crate::output::print;

/// Creates a key; the password comes by reference.
pub fn new(folder: &Path, name: &str, password: &SecretRef, json: bool) -> Result<()> {
    let info = Keystore::open(folder, Hardness::Standard)?.create(name, &password.read()?)?;
    print(json, &value(&info), || words(&info))
}

/// Imports a key; key and password come by reference.
pub fn import(folder: &Path, name: &str, key: &SecretRef, password: &SecretRef, json: bool) -> Result<()> {
    let info = Keystore::open(folder, Hardness::Standard)?.import(name, &key.read()?, &password.read()?)?;
    print(json, &value(&info), || words(&info))
}

/// Lists keys.
pub fn list(folder: &Path, json: bool) -> Result<()> {
    let keys = Keystore::open(folder, Hardness::Standard)?.list()?;
    let values: Vec<_> = keys.iter().map(value).collect();
    print(json, &values, || keys.iter().map(|info| words(info) + "\n").collect())
}

fn value(info: &KeyInfo) -> serde_json::Value {
    serde_json::json!({ "address": info.address, "name": info.name })
}

fn words(info: &KeyInfo) -> String {
    format!("{}  {}", info.address, info.name)
}
