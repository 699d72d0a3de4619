//! A folder of encrypted keys: create, import, list, unlock.
//!
//! One file a key, `<name>.json`, mode 0600, never overwritten. A file is there whole or not at all: it is written
//! under a temporary name, synced, and linked into place.

mod v3;

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use alloy_primitives::Address;

use crate::{LocalKey, Secret, SignerError};
pub use v3::Hardness;

/// A folder of encrypted keys.
#[derive(Clone, Debug)]
pub struct Keystore {
    folder: PathBuf,
    hardness: Hardness,
}

/// A key as it can be known without its password.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct KeyInfo {
    /// Its name: the file's, without `.json`.
    pub name: String,
    /// The account it claims to be; checked when it is unlocked.
    pub address: Address,
}

impl Keystore {
    /// Opens a folder; makes it with mode 0700 when it is not there.
    pub fn open(folder: impl Into<PathBuf>, hardness: Hardness) -> Result<Self, SignerError> {
        let folder = folder.into();
        fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&folder)
            .map_err(|error| SignerError::file(&folder, error))?;
        Ok(Self { folder, hardness })
    }

    /// Makes a new random key and stores it under `name` (1 to 64 of `a-z 0-9 - _`).
    pub fn create(&self, name: &str, password: &Secret) -> Result<KeyInfo, SignerError> {
        self.store(name, &LocalKey::generate()?, password)
    }

    /// Stores a key given as 64 hexadecimal digits (read it from a [`crate::SecretRef`]) under `name`.
    pub fn import(&self, name: &str, key_hex: &Secret, password: &Secret) -> Result<KeyInfo, SignerError> {
        self.store(name, &LocalKey::from_hex(key_hex)?, password)
    }

    /// Every key of the folder, by name. A `.json` file that is no keystore file is an error, not skipped.
    pub fn list(&self) -> Result<Vec<KeyInfo>, SignerError> {
        let mut keys = Vec::new();
        for entry in fs::read_dir(&self.folder).map_err(|error| SignerError::file(&self.folder, error))? {
            let path = entry.map_err(|error| SignerError::file(&self.folder, error))?.path();
            if path.extension().is_some_and(|extension| extension == "json") {
                let name = path.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
                keys.push(KeyInfo { name, address: v3::read(&path)?.address });
            }
        }
        keys.sort();
        Ok(keys)
    }

    /// Decrypts the key called `name`. Refuses a file that others may read, and outside the development profile one
    /// whose password hardening is weak. Takes about a second of one core at full hardness.
    pub fn unlock(&self, name: &str, password: &Secret) -> Result<LocalKey, SignerError> {
        let path = self.path(name)?;
        let mode = fs::metadata(&path).map_err(|error| SignerError::file(&path, error))?.permissions().mode();
        if mode & 0o077 != 0 {
            let found = format!("{:04o}", mode & 0o7777);
            return Err(SignerError::invalid(format!("mode of {}", path.display()), "0600", found));
        }
        v3::decrypt(&v3::read(&path)?, password, self.hardness, &path)
    }

    fn store(&self, name: &str, key: &LocalKey, password: &Secret) -> Result<KeyInfo, SignerError> {
        let path = self.path(name)?;
        if path.exists() {
            return Err(SignerError::file(&path, "there is a key of this name already"));
        }
        let text = v3::encrypt(key, password, self.hardness)?;
        write_once(&path, text.as_bytes())?;
        Ok(KeyInfo { name: name.to_owned(), address: key.address() })
    }

    fn path(&self, name: &str) -> Result<PathBuf, SignerError> {
        let is_plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || c == '_';
        if name.is_empty() || name.len() > 64 || !name.chars().all(is_plain) {
            return Err(SignerError::invalid("key name", "1 to 64 of a-z 0-9 - _", format!("{name:?}")));
        }
        Ok(self.folder.join(format!("{name}.json")))
    }
}

fn write_once(path: &Path, text: &[u8]) -> Result<(), SignerError> {
    let temporary = path.with_extension("new");
    let failed = |error| SignerError::file(path, error);
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&temporary).map_err(failed)?;
    let written = file.write_all(text).and_then(|()| file.sync_all()).and_then(|()| fs::hard_link(&temporary, path));
    fs::remove_file(&temporary).map_err(failed)?;
    written.map_err(failed)?;
    let folder = path.parent().unwrap_or(Path::new("."));
    fs::File::open(folder).and_then(|folder| folder.sync_all()).map_err(failed)
}
