//! What is kept of secrets, and how they are compared.

use std::path::{Path, PathBuf};

use reqwest::StatusCode;
use serde_json::json;

use crate::world::{World, answer};

/// Whether `bytes` hold `needle`.
fn holds(bytes: &[u8], needle: &[u8]) -> bool {
    bytes.windows(needle.len()).any(|window| window == needle)
}

#[tokio::test]
async fn the_ledgers_files_hold_no_secret_in_any_spelling() {
    let world = World::new().await;
    let own = answer(world.post("/v1/keys", &json!({})), StatusCode::CREATED).await;
    let hook = answer(world.register(&world.key, "http://127.0.0.1:9/", "one"), StatusCode::CREATED).await;
    // It is used, too: what is written at a key's use is written.
    answer(world.get("/v1/webhooks").bearer_auth(&world.key), StatusCode::OK).await;
    let keys = [world.key.clone(), own["key"].as_str().unwrap().to_owned()];
    let files = world.files();
    assert!(files.iter().any(|(name, bytes)| name.ends_with("-wal") && !bytes.is_empty()), "not all is in one file");
    let anywhere = |needle: &[u8]| files.iter().any(|(_, bytes)| holds(bytes, needle));
    for key in &keys {
        let (id, secret) = key.strip_prefix("sk_").unwrap().split_once('_').unwrap();
        assert!(anywhere(id.as_bytes()), "the files are those that keys are kept in");
        assert!(!anywhere(secret.as_bytes()) && !anywhere(secret.to_uppercase().as_bytes()), "its digits");
        assert!(!anywhere(&hex::decode(secret).unwrap()), "its bytes");
        // Half of it would be enough to guess the rest.
        assert!(!anywhere(&secret.as_bytes()[..32]) && !anywhere(&secret.as_bytes()[32..]), "half of its digits");
    }
    let secret = hook["secret"].as_str().unwrap();
    assert!(anywhere(hook["webhook"]["id"].as_str().unwrap().as_bytes()));
    assert!(!anywhere(secret.as_bytes()) && !anywhere(secret.trim_start_matches("whsec_").as_bytes()));
}

const SECRETS: [&str; 8] = ["secret", "password", "passphrase", "hmac", "mac(", "expose()", "reveal()", ".mac"];

/// Whether a line compares a secret byte by byte, stopping at the first that is wrong.
fn compares_in_the_open(line: &str) -> bool {
    let code = line.split("//").next().unwrap_or_default();
    let is_operand = |text: &str| {
        let word: String = text.trim().to_lowercase();
        SECRETS.iter().any(|secret| word.contains(secret)) && !word.contains("ct_eq") && !word.contains(".len()")
    };
    let between = |text: &str, from_end: bool| {
        let stop = |c: char| matches!(c, ';' | '{' | '}' | '|') || c == '&' && text.contains("&&");
        let part = if from_end { text.rsplit(stop).next() } else { text.split(stop).next() };
        part.unwrap_or_default().to_owned()
    };
    let operators = code.match_indices("==").chain(code.match_indices("!="));
    let by_operator = operators
        .map(|(at, operator)| (&code[..at], &code[at + operator.len()..]))
        .any(|(left, right)| is_operand(&between(left, true)) || is_operand(&between(right, false)));
    let mut by_method = [".eq(", ".ne(", ".starts_with("].iter().filter_map(|method| code.split_once(method));
    by_operator || by_method.any(|(left, right)| is_operand(&between(left, true)) || is_operand(&between(right, false)))
}

/// All Rust sources below a folder.
fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

/// A comparison that ends at the first wrong byte tells by its time how much of a guess is right.
#[test]
fn no_source_compares_a_secret_byte_by_byte() {
    for line in [
        "if sent.secret == key.secret {",
        "password != self.password",
        "mac(&derived, text) != stored",
        "tag == self.hmac",
        "a.expose() == b",
        "key.eq(&secret)",
        "self.id == id && self.secret_hash == hash",
    ] {
        assert!(compares_in_the_open(line), "{line}");
    }
    for line in ["self.id == id && self.hash().ct_eq(key.secret_hash)", "// secret == secret", "key == other.id"] {
        assert!(!compares_in_the_open(line), "{line}");
    }
    let relayer = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let mut files = Vec::new();
    for room in std::fs::read_dir(relayer).unwrap() {
        let folder = room.unwrap().path().join("src");
        if folder.is_dir() {
            sources(&folder, &mut files);
        }
    }
    assert!(files.len() > 200, "{} files", files.len());
    let mut found = Vec::new();
    for path in &files {
        let text = std::fs::read_to_string(path).unwrap();
        // Tests may compare as they like: nobody measures them.
        let code = text.split("#[cfg(test)]").next().unwrap();
        let lines = code.lines().enumerate().filter(|(_, line)| compares_in_the_open(line));
        found.extend(lines.map(|(n, line)| format!("{}:{}: {}", path.display(), n + 1, line.trim())));
    }
    assert!(found.is_empty(), "{}", found.join("\n"));
}
