//! A local bridge's keystore.

use std::fs::OpenOptions;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use alloy::primitives::{Address, B256};
use anyhow::{Context, Result};
use spandrel_signer::{Hardness, Keystore, SecretRef};

use crate::config::KeyRef;

/// A key, and its account.
pub type Member = (KeyRef, Address);

/// A keystore of development keys under one password.
pub struct KeyRing {
    /// The keystore.
    pub folder: PathBuf,
    password: SecretRef,
    store: Keystore,
}

impl KeyRing {
    /// Makes an empty one in `folder`, with a random password beside it.
    pub fn make(folder: &Path) -> Result<Self> {
        let path = folder.join("password");
        write_secret(&path, &B256::from(rand::random::<[u8; 32]>()).to_string())?;
        let keys = folder.join("keys");
        let store = Keystore::open(&keys, Hardness::Dev)?;
        Ok(Self { folder: keys, password: SecretRef::File(path), store })
    }

    /// A new key, and its account.
    pub fn create(&self, name: &str) -> Result<Member> {
        let info = self.store.create(name, &self.password.read()?)?;
        Ok((KeyRef { name: name.to_owned(), password: self.password.clone() }, info.address))
    }

    /// `count` new keys, `kind-1` and so on.
    pub(super) fn several(&self, kind: &str, count: usize) -> Result<Vec<Member>> {
        (1..=count).map(|number| self.create(&format!("{kind}-{number}"))).collect()
    }
}

/// Writes a secret to a file that only this user reads.
pub(super) fn write_secret(path: &Path, secret: &str) -> Result<()> {
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path)?;
    writeln!(file, "{secret}").with_context(|| format!("writing {}", path.display()))
}
