//! The keystore against real files.

use std::os::unix::fs::PermissionsExt;

use alloy::signers::k256::elliptic_curve::rand_core::OsRng;
use alloy::signers::local::PrivateKeySigner;
use alloy_primitives::{B256, address};
use serde_json::Value;
use spandrel_signer::{Hardness, Keystore, Secret, SignerError};

const KEY: &str = "7a28b5ba57c53603b0b07b56bba752f7784bf506fa95edc395f5cf6c7514fe9d";

fn secret(text: &str) -> Secret {
    Secret::new(text.to_owned()).unwrap()
}

fn dev() -> (tempfile::TempDir, Keystore) {
    let folder = tempfile::tempdir().unwrap();
    let keystore = Keystore::open(folder.path().join("keys"), Hardness::Dev).unwrap();
    (folder, keystore)
}

fn file(folder: &tempfile::TempDir, name: &str) -> std::path::PathBuf {
    folder.path().join("keys").join(format!("{name}.json"))
}

fn rewrite(path: &std::path::Path, change: impl FnOnce(&mut Value)) {
    let mut value: Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    change(&mut value);
    std::fs::write(path, serde_json::to_vec(&value).unwrap()).unwrap();
}

#[test]
fn a_created_key_unlocks_to_the_listed_address() {
    let (_folder, keystore) = dev();
    let made = keystore.create("verifier-1", &secret("pass")).unwrap();
    assert_eq!(keystore.unlock("verifier-1", &secret("pass")).unwrap().address(), made.address);
    let imported = keystore.import("a", &secret(KEY), &secret("pass")).unwrap();
    assert_eq!(imported.address, address!("008AeEda4D805471dF9b2A5B0f38A0C3bCBA786b"));
    assert_eq!(keystore.list().unwrap(), [imported, made]);
}

#[test]
fn another_implementations_file_unlocks_here() {
    let (folder, keystore) = dev();
    let path = file(&folder, "theirs");
    let key = alloy_primitives::hex::decode(KEY).unwrap();
    let keys = path.parent().unwrap();
    let theirs = PrivateKeySigner::encrypt_keystore(keys, &mut OsRng, key, "pass", Some("theirs.json")).unwrap().0;
    // The address is optional in the format; go-ethereum writes it, this implementation does not.
    rewrite(&path, |file| file["address"] = Value::String(alloy_primitives::hex::encode(theirs.address())));
    std::fs::set_permissions(&path, PermissionsExt::from_mode(0o600)).unwrap();
    assert_eq!(keystore.unlock("theirs", &secret("pass")).unwrap().address(), theirs.address());
}

#[test]
fn another_implementation_reads_our_file() {
    let (folder, keystore) = dev();
    let made = keystore.create("shared", &secret("pass")).unwrap();
    let theirs = PrivateKeySigner::decrypt_keystore(file(&folder, "shared"), "pass").unwrap();
    assert_eq!(theirs.address(), made.address);
}

#[test]
fn a_wrong_password_is_refused_and_not_repeated() {
    let (_folder, keystore) = dev();
    keystore.create("k", &secret("right")).unwrap();
    let error = keystore.unlock("k", &secret("hunter2")).unwrap_err();
    assert!(matches!(error, SignerError::WrongPassword { .. }));
    assert!(!format!("{error:?} {error}").contains("hunter2"));
}

#[test]
fn a_tampered_file_is_refused() {
    let (folder, keystore) = dev();
    let path = file(&folder, "k");
    keystore.create("k", &secret("pass")).unwrap();
    let original = std::fs::read(&path).unwrap();
    let zeros = |digits: usize| Value::String("0".repeat(digits));
    let changes: [(&str, Value); 9] = [
        ("/crypto/ciphertext", zeros(64)),
        ("/crypto/ciphertext", zeros(62)),
        ("/crypto/mac", zeros(64)),
        ("/crypto/cipherparams/iv", zeros(32)),
        ("/crypto/cipherparams/iv", zeros(2)),
        ("/crypto/kdfparams/n", Value::from(1u64 << 40)),
        ("/crypto/kdfparams/n", Value::from(1000)),
        ("/crypto/kdfparams/dklen", Value::from(8)),
        ("/address", zeros(40)),
    ];
    for (pointer, value) in changes {
        std::fs::write(&path, &original).unwrap();
        rewrite(&path, |file| *file.pointer_mut(pointer).unwrap() = value.clone());
        assert!(keystore.unlock("k", &secret("pass")).is_err(), "{pointer} = {value}");
    }
}

#[test]
fn files_are_private_and_a_file_others_may_read_is_refused() {
    let (folder, keystore) = dev();
    keystore.create("k", &secret("pass")).unwrap();
    let path = file(&folder, "k");
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o7777, 0o600);
    let keys = std::fs::metadata(path.parent().unwrap()).unwrap();
    assert_eq!(keys.permissions().mode() & 0o7777, 0o700);
    std::fs::set_permissions(&path, PermissionsExt::from_mode(0o640)).unwrap();
    let error = keystore.unlock("k", &secret("pass")).unwrap_err();
    assert!(error.to_string().contains("expected 0600, found 0640"), "{error}");
}

#[test]
fn a_key_is_never_overwritten_and_names_stay_in_the_folder() {
    let (_folder, keystore) = dev();
    let made = keystore.create("k", &secret("pass")).unwrap();
    assert!(keystore.import("k", &secret(KEY), &secret("pass")).is_err());
    assert_eq!(keystore.unlock("k", &secret("pass")).unwrap().address(), made.address);
    for name in ["", "../k", "a/b", "K", "a.json", &"n".repeat(65)] {
        assert!(keystore.create(name, &secret("pass")).is_err(), "{name:?}");
    }
}

#[test]
fn a_weak_file_is_refused_outside_the_development_profile() {
    let (folder, weak) = dev();
    weak.create("k", &secret("pass")).unwrap();
    let keystore = Keystore::open(folder.path().join("keys"), Hardness::Standard).unwrap();
    let error = keystore.unlock("k", &secret("pass")).unwrap_err();
    assert!(error.to_string().contains("kdfparams.n"), "{error}");
}

#[test]
fn a_standard_key_is_hard_and_round_trips() {
    let folder = tempfile::tempdir().unwrap();
    let keystore = Keystore::open(folder.path().join("keys"), Hardness::Standard).unwrap();
    let made = keystore.create("k", &secret("pass")).unwrap();
    let text = std::fs::read_to_string(file(&folder, "k")).unwrap();
    assert!(text.contains("\"n\": 262144"), "{text}");
    let key = keystore.unlock("k", &secret("pass")).unwrap();
    assert_eq!(key.address(), made.address);
    key.sign_digest(B256::repeat_byte(1)).unwrap();
}

#[test]
fn nothing_secret_is_in_the_file() {
    let (folder, keystore) = dev();
    keystore.import("k", &secret(KEY), &secret("correct horse")).unwrap();
    let text = std::fs::read_to_string(file(&folder, "k")).unwrap();
    assert!(!text.contains(KEY) && !text.contains("correct horse"));
}

/// Test vector of the Web3 Secret Storage definition (scrypt), with the address that go-ethereum adds.
const VECTOR: &str = r#"{
    "address": "008aeeda4d805471df9b2a5b0f38a0c3bcba786b",
    "crypto": {
        "cipher": "aes-128-ctr",
        "cipherparams": { "iv": "83dbcc02d8ccb40e466191a123791e0e" },
        "ciphertext": "d172bf743a674da9cdad04534d56926ef8358534d458fffccd4e6ad2fbde479c",
        "kdf": "scrypt",
        "kdfparams": {
            "dklen": 32, "n": 262144, "p": 8, "r": 1,
            "salt": "ab0c7876052600dd703518d6fc3fe8984592145b591fc8fb5c6d43190334ba19"
        },
        "mac": "2103ac29920d71da29f15d75b4a16dbe95cfd7ff8faea1056c33131d846e3097"
    },
    "id": "3198bc9c-6672-5ab3-d995-4942343ae5b6",
    "version": 3
}"#;

fn standard_with(text: &str) -> (tempfile::TempDir, Keystore) {
    let folder = tempfile::tempdir().unwrap();
    let keystore = Keystore::open(folder.path().join("keys"), Hardness::Standard).unwrap();
    let path = file(&folder, "vector");
    std::fs::write(&path, text).unwrap();
    std::fs::set_permissions(&path, PermissionsExt::from_mode(0o600)).unwrap();
    (folder, keystore)
}

/// RFC 7914, section 2: n must be below 2^(128 r / 8), which this vector is not.
#[test]
fn the_formats_own_vector_breaks_the_rule_of_scrypt_and_is_refused_by_field() {
    let (_folder, keystore) = standard_with(VECTOR);
    let error = keystore.unlock("vector", &secret("testpassword")).unwrap_err();
    assert!(error.to_string().starts_with("kdfparams"), "{error}");
}

/// Little memory must be paid for with more lanes: n, r and p count together.
#[test]
fn a_file_that_is_cheap_to_guess_is_refused_however_it_is_spelled() {
    for (n, r, p) in [(262_144, 1, 1), (262_144, 3, 1), (131_072, 1, 7), (65_536, 8, 8)] {
        let (folder, keystore) = standard_with(VECTOR);
        rewrite(&file(&folder, "vector"), |file| {
            let params = file.pointer_mut("/crypto/kdfparams").unwrap();
            (params["n"], params["r"], params["p"]) = (n.into(), r.into(), p.into());
        });
        let error = keystore.unlock("vector", &secret("testpassword")).unwrap_err();
        assert!(error.to_string().starts_with("kdfparams"), "{error}");
    }
}

/// What a file asks for is bounded before anything is computed: a gigabyte of memory, and eight lanes of it.
#[test]
fn a_file_cannot_ask_for_unbounded_work_or_size() {
    for (n, r, p) in [(1u64 << 21, 8, 1), (262_144, 9, 1), (262_144, 8, 9), (262_144, 0, 8), (262_144, 8, 0), (3, 8, 1)]
    {
        let (folder, keystore) = standard_with(VECTOR);
        rewrite(&file(&folder, "vector"), |file| {
            let params = file.pointer_mut("/crypto/kdfparams").unwrap();
            (params["n"], params["r"], params["p"]) = (n.into(), r.into(), p.into());
        });
        let error = keystore.unlock("vector", &secret("testpassword")).unwrap_err();
        assert!(error.to_string().starts_with("kdfparams"), "{error}");
    }
    let (_folder, keystore) = standard_with(&format!("{VECTOR}{}", " ".repeat(16 * 1024)));
    let error = keystore.unlock("vector", &secret("testpassword")).unwrap_err();
    assert!(error.to_string().contains("a longer file"), "{error}");
}

#[test]
fn other_ciphers_derivations_and_versions_are_refused_by_name() {
    let changes = [
        ("/version", Value::from(1)),
        ("/crypto/cipher", Value::from("aes-128-cbc")),
        ("/crypto/kdf", Value::from("pbkdf2")),
    ];
    for (pointer, value) in changes {
        let (folder, keystore) = standard_with(VECTOR);
        rewrite(&file(&folder, "vector"), |file| *file.pointer_mut(pointer).unwrap() = value.clone());
        let error = keystore.unlock("vector", &secret("testpassword")).unwrap_err();
        assert!(error.to_string().contains("version 3, aes-128-ctr, scrypt"), "{error}");
    }
}
