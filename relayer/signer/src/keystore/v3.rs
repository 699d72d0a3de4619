//! The file format: Web3 Secret Storage, version 3, with scrypt and AES-128-CTR.
//!
//! Source: <https://ethereum.org/developers/docs/data-structures-and-encoding/web3-secret-storage/>. The file is
//! hostile input: sizes and costs are bounded before anything is computed from them.

use std::io::Read;
use std::path::Path;

use aes::Aes128;
use aes::cipher::{KeyIvInit, StreamCipher};
use alloy_primitives::{Address, B256, hex, keccak256};
use rand::TryRngCore;
use serde::{Deserialize, Serialize};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use crate::{LocalKey, Secret, SignerError};

/// How much work a password guess costs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hardness {
    /// scrypt n = 2^18, r = 8, p = 1 (256 MiB); files below n = 2^17 are refused.
    Standard,
    /// scrypt n = 2^10: only for the development profile, where start-up time matters and the money is not real.
    Dev,
}

impl Hardness {
    fn log_n(self) -> u8 {
        match self {
            Self::Standard => 18,
            Self::Dev => 10,
        }
    }

    fn least_log_n(self) -> u8 {
        match self {
            Self::Standard => 17,
            Self::Dev => 1,
        }
    }

    fn least_work(self) -> u64 {
        match self {
            Self::Standard => LEAST_WORK,
            Self::Dev => 1,
        }
    }
}

/// What new files use; others may use a smaller one with more lanes, as the format's own test vector does.
const BLOCK_SIZE: u32 = 8;
const MOST_LOG_N: u8 = 20;
const MOST_PARALLEL: u32 = 8;
/// n * r * p of a file that is hard enough: 2^17 with r = 8.
const LEAST_WORK: u64 = 1 << 20;
/// A keystore file has about 500 bytes.
const MOST_FILE_BYTES: u64 = 16 * 1024;

/// The file.
#[derive(Serialize, Deserialize)]
pub(super) struct File {
    #[serde(with = "bare_address")]
    pub(super) address: Address,
    crypto: Crypto,
    id: String,
    version: u8,
}

#[derive(Serialize, Deserialize)]
struct Crypto {
    cipher: String,
    cipherparams: CipherParams,
    #[serde(with = "bare_hex")]
    ciphertext: [u8; 32],
    kdf: String,
    kdfparams: ScryptParams,
    #[serde(with = "bare_hex")]
    mac: [u8; 32],
}

#[derive(Serialize, Deserialize)]
struct CipherParams {
    #[serde(with = "bare_hex")]
    iv: [u8; 16],
}

#[derive(Serialize, Deserialize)]
struct ScryptParams {
    dklen: u32,
    n: u64,
    p: u32,
    r: u32,
    #[serde(with = "bare_hex")]
    salt: [u8; 32],
}

/// Reads and parses a file.
pub(super) fn read(path: &Path) -> Result<File, SignerError> {
    let failed = |error| SignerError::file(path, error);
    let mut text = Vec::new();
    std::fs::File::open(path).map_err(failed)?.take(MOST_FILE_BYTES + 1).read_to_end(&mut text).map_err(failed)?;
    if text.len() as u64 > MOST_FILE_BYTES {
        let expected = format!("at most {MOST_FILE_BYTES} bytes");
        return Err(SignerError::invalid(path.display(), expected, "a longer file"));
    }
    serde_json::from_slice(&text).map_err(|error| SignerError::file(path, error))
}

/// Encrypts `key` under a fresh salt and vector.
pub(super) fn encrypt(key: &LocalKey, password: &Secret, hardness: Hardness) -> Result<String, SignerError> {
    let kdfparams = ScryptParams { dklen: 32, n: 1 << hardness.log_n(), p: 1, r: BLOCK_SIZE, salt: random_bytes()? };
    let derived = kdfparams.derive(password, hardness)?;
    let iv: [u8; 16] = random_bytes()?;
    let mut ciphertext = *key.secret_bytes();
    apply_keystream(&derived, &iv, &mut ciphertext);
    let mac = mac(&derived, &ciphertext);
    let file = File {
        address: key.address(),
        crypto: Crypto {
            cipher: "aes-128-ctr".to_owned(),
            cipherparams: CipherParams { iv },
            ciphertext,
            kdf: "scrypt".to_owned(),
            kdfparams,
            mac: mac.0,
        },
        id: random_uuid()?,
        version: 3,
    };
    serde_json::to_string_pretty(&file).map_err(|error| SignerError::invalid("keystore file", "JSON", error))
}

/// Decrypts a file; checks MAC first, and at last that the key is the one of the file's address.
pub(super) fn decrypt(
    file: &File,
    password: &Secret,
    hardness: Hardness,
    path: &Path,
) -> Result<LocalKey, SignerError> {
    let crypto = &file.crypto;
    let shape = (file.version, crypto.cipher.as_str(), crypto.kdf.as_str());
    if shape != (3, "aes-128-ctr", "scrypt") {
        return Err(SignerError::invalid("keystore file", "version 3, aes-128-ctr, scrypt", format!("{shape:?}")));
    }
    let derived = crypto.kdfparams.derive(password, hardness)?;
    let is_right = mac(&derived, &crypto.ciphertext).as_slice().ct_eq(&crypto.mac);
    if !bool::from(is_right) {
        return Err(SignerError::WrongPassword { path: path.display().to_string() });
    }
    let mut plain = Zeroizing::new(crypto.ciphertext);
    apply_keystream(&derived, &crypto.cipherparams.iv, &mut plain);
    let key = LocalKey::from_bytes(&plain)?;
    if key.address() != file.address {
        return Err(SignerError::invalid("keystore address", file.address, key.address()));
    }
    Ok(key)
}

impl ScryptParams {
    fn derive(&self, password: &Secret, hardness: Hardness) -> Result<Zeroizing<[u8; 32]>, SignerError> {
        let log_n = u8::try_from(self.n.trailing_zeros()).unwrap_or(u8::MAX);
        let (least, most) = (hardness.least_log_n(), MOST_LOG_N);
        if !self.n.is_power_of_two() || !(least..=most).contains(&log_n) {
            let expected = format!("a power of two from 2^{least} to 2^{most}");
            return Err(SignerError::invalid("kdfparams.n", expected, self.n));
        }
        let is_bounded = (1..=BLOCK_SIZE).contains(&self.r) && (1..=MOST_PARALLEL).contains(&self.p);
        if !is_bounded || self.dklen != 32 {
            return Err(SignerError::invalid(
                "kdfparams",
                format!("r from 1 to {BLOCK_SIZE}, p from 1 to {MOST_PARALLEL}, dklen = 32"),
                format!("r = {}, p = {}, dklen = {}", self.r, self.p, self.dklen),
            ));
        }
        let work = self.n * u64::from(self.r) * u64::from(self.p);
        if work < hardness.least_work() {
            return Err(SignerError::invalid("kdfparams", format!("n * r * p of at least {LEAST_WORK}"), work));
        }
        let params = scrypt::Params::new(log_n, self.r, self.p)
            .map_err(|error| SignerError::invalid("kdfparams", "valid scrypt parameters", error))?;
        let mut derived = Zeroizing::new([0u8; 32]);
        scrypt::scrypt(password.expose().as_bytes(), &self.salt, &params, derived.as_mut())
            .map_err(|error| SignerError::invalid("kdfparams.dklen", "32", error))?;
        Ok(derived)
    }
}

fn apply_keystream(derived: &[u8; 32], iv: &[u8; 16], data: &mut [u8; 32]) {
    let mut key = Zeroizing::new([0u8; 16]);
    key.copy_from_slice(&derived[..16]);
    ctr::Ctr128BE::<Aes128>::new((&*key).into(), iv.into()).apply_keystream(data);
}

fn mac(derived: &[u8; 32], ciphertext: &[u8; 32]) -> B256 {
    let mut input = Zeroizing::new([0u8; 48]);
    let (left, right) = input.split_at_mut(16);
    left.copy_from_slice(&derived[16..]);
    right.copy_from_slice(ciphertext);
    keccak256(&input[..])
}

fn random_bytes<const N: usize>() -> Result<[u8; N], SignerError> {
    let mut bytes = [0u8; N];
    rand::rngs::OsRng
        .try_fill_bytes(&mut bytes)
        .map_err(|error| SignerError::invalid("randomness", "the operating system's", error))?;
    Ok(bytes)
}

/// A version 4 UUID (RFC 9562, section 5.4), which the format asks for.
fn random_uuid() -> Result<String, SignerError> {
    let mut bytes: [u8; 16] = random_bytes()?;
    bytes[6] = (bytes[6] & 0x0f) | 0x40;
    bytes[8] = (bytes[8] & 0x3f) | 0x80;
    let digits = hex::encode(bytes);
    Ok(format!("{}-{}-{}-{}-{}", &digits[..8], &digits[8..12], &digits[12..16], &digits[16..20], &digits[20..]))
}

/// Hexadecimal without `0x`, of exactly `N` bytes.
mod bare_hex {
    use alloy_primitives::hex;
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub fn serialize<S: Serializer, const N: usize>(bytes: &[u8; N], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&hex::encode(bytes))
    }

    pub fn deserialize<'de, D: Deserializer<'de>, const N: usize>(deserializer: D) -> Result<[u8; N], D::Error> {
        hex::decode_to_array(String::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}

mod bare_address {
    use alloy_primitives::Address;
    use serde::{Deserializer, Serializer};

    pub fn serialize<S: Serializer>(address: &Address, serializer: S) -> Result<S::Ok, S::Error> {
        super::bare_hex::serialize(&address.into_array(), serializer)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Address, D::Error> {
        super::bare_hex::deserialize::<D, 20>(deserializer).map(Address::from)
    }
}
