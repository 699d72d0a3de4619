//! Keys and passwords never leave: not by `Debug`, not by an error, not by a log line anywhere in the workspace.

use std::fs;
use std::path::{Path, PathBuf};

use spandrel_signer::{Hardness, Keystore, LocalKey, Secret, SecretRef};

const KEY: &str = "7a28b5ba57c53603b0b07b56bba752f7784bf506fa95edc395f5cf6c7514fe9d";
const PASSWORD: &str = "correct-horse-battery";

/// Everything that this crate can print about a key that it holds, and about every way to get it wrong.
#[test]
fn nothing_that_can_be_printed_holds_a_key_or_a_password() {
    let folder = tempfile::tempdir().unwrap();
    let secret = |text: &str| Secret::new(text.to_owned()).unwrap();
    let keystore = Keystore::open(folder.path(), Hardness::Dev).unwrap();
    let info = keystore.import("k", &secret(KEY), &secret(PASSWORD)).unwrap();
    let key = keystore.unlock("k", &secret(PASSWORD)).unwrap();
    let password_file = folder.path().join("password");
    fs::write(&password_file, format!("{PASSWORD}\n")).unwrap();
    let reference = SecretRef::File(password_file);
    let file = fs::read_to_string(folder.path().join("k.json")).unwrap();
    let half = &KEY[..32];
    let mut printed = vec![
        format!("{key:?} {key:#?} {info:?} {keystore:?}"),
        format!("{:?} {:#?} {:?}", secret(KEY), secret(PASSWORD), Some(secret(KEY))),
        format!("{reference} {reference:?} {:?}", reference.read().unwrap()),
        serde_json::to_string(&reference).unwrap(),
        file,
    ];
    let errors = [
        keystore.unlock("k", &secret(&format!("{PASSWORD}!"))).unwrap_err(),
        keystore.import("k", &secret(KEY), &secret(PASSWORD)).unwrap_err(),
        keystore.import("other", &secret(&KEY[1..]), &secret(PASSWORD)).unwrap_err(),
        keystore.import("other", &secret(&format!("{KEY}00")), &secret(PASSWORD)).unwrap_err(),
        LocalKey::from_hex(&secret(PASSWORD)).unwrap_err(),
        PASSWORD.parse::<SecretRef>().unwrap_err(),
        format!("plain:{PASSWORD}").parse::<SecretRef>().unwrap_err(),
        format!("env:{PASSWORD}").parse::<SecretRef>().unwrap_err(),
    ];
    printed.extend(errors.iter().map(|error| format!("{error} {error:?} {error:#?}")));
    for text in printed {
        assert!(!text.contains(half) && !text.to_lowercase().contains(half), "{text}");
        assert!(!text.contains(PASSWORD), "{text}");
    }
}

/// Where a secret's text is taken out. Each was looked at: it goes into a key derivation, a signature, a client's
/// authentication, or the one answer that tells a webhook's owner its new secret. A new place must be looked at and added.
const EXPOSED: [(&str, usize); 10] = [
    ("relayer/api/src/http/tls.rs", 1),
    ("relayer/api/src/service/webhooks.rs", 1),
    ("relayer/api/src/webhooks/secret.rs", 3),
    ("relayer/daemon/src/doctor/evm.rs", 1),
    ("relayer/daemon/src/transfers/send.rs", 1),
    ("relayer/daemon/src/wiring/bitcoin.rs", 1),
    ("relayer/daemon/src/wiring/bus.rs", 1),
    ("relayer/signer/src/digest_signer.rs", 1),
    ("relayer/signer/src/keystore/v3.rs", 1),
    ("relayer/submit/src/evm/rpc.rs", 1),
];

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if path.is_dir()
            && !name.starts_with('.')
            && !["target", "node_modules", "tests", "out"].contains(&name.as_str())
        {
            sources(&path, found);
        } else if name.ends_with(".rs") {
            found.push(path);
        }
    }
}

/// The arguments of every macro that prints or formats, string literals left out.
fn printed_arguments(text: &str) -> Vec<String> {
    let names =
        ["tracing::", "println!", "print!", "format!", "write!", "writeln!", "panic!", "bail!", "anyhow!", "error!("];
    let starts = names.iter().flat_map(|name| text.match_indices(name)).map(|(at, _)| at);
    starts.filter_map(|at| text[at..].find('(').map(|open| arguments(&text[at + open..]))).collect()
}

/// What stands between the first parenthesis and the one that closes it, without string literals.
fn arguments(text: &str) -> String {
    let (mut depth, mut quoted, mut escaped, mut found) = (0, false, false, String::new());
    for character in text.chars() {
        match character {
            '"' if !escaped => quoted = !quoted,
            '(' if !quoted => depth += 1,
            ')' if !quoted => depth -= 1,
            _ => {}
        }
        if !quoted {
            found.push(character);
        }
        escaped = character == '\\' && !escaped;
        if depth == 0 {
            break;
        }
    }
    found
}

/// Production code only: what stands before the first `mod tests`.
fn code(path: &Path) -> String {
    let text = fs::read_to_string(path).unwrap();
    text.split("#[cfg(test)]\nmod tests").next().unwrap_or_default().to_owned()
}

#[test]
fn secrets_are_taken_out_only_where_it_was_looked_at_and_never_in_a_log_line() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap();
    let mut paths = Vec::new();
    sources(&root, &mut paths);
    assert!(paths.len() > 100, "{} files", paths.len());
    let mut exposed = Vec::new();
    for path in paths {
        let text = code(&path);
        let name = path.strip_prefix(&root).unwrap().to_string_lossy().into_owned();
        let count = text.matches(".expose()").count();
        if count > 0 {
            exposed.push((name.clone(), count));
        }
        for printed in printed_arguments(&text) {
            let leaks = ["expose()", "secret_bytes()"].iter().any(|word| printed.contains(word));
            assert!(!leaks, "{name}: {printed}");
        }
    }
    exposed.sort();
    let expected: Vec<(String, usize)> = EXPOSED.iter().map(|(name, count)| ((*name).to_owned(), *count)).collect();
    assert_eq!(exposed, expected);
}
