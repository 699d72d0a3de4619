//! What the program tells of itself.

use std::process::{Command, Stdio};

use crate::run::{ends, json, on_a_terminal, spandrel, stderr, told};

#[test]
fn completions_are_scripts_of_their_shells() {
    let here = std::env::temp_dir();
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = spandrel(&here, &["completions", shell]);
        let text = String::from_utf8(script.stdout).unwrap();
        for word in ["quarantine", "doctor", "dry-run", "replay"] {
            assert!(text.contains(word), "{shell} completes {word}");
        }
        if shell != "bash" {
            continue;
        }
        let mut bash = Command::new("bash").arg("-n").stdin(Stdio::piped()).spawn().unwrap();
        std::io::Write::write_all(&mut bash.stdin.take().unwrap(), text.as_bytes()).unwrap();
        assert!(bash.wait().unwrap().success(), "bash reads it");
    }
    ends(&here, &["completions", "tcsh"], 2, &["tcsh", "possible values", "bash"]);
}

#[test]
fn every_command_has_a_man_page_and_the_exit_codes_are_in_it() {
    let folder = tempfile::tempdir().unwrap();
    let written = json(&ends(folder.path(), &["man", "pages", "--json"], 0, &[]));
    assert!(written["written"].as_array().unwrap().len() > 40, "{written}");
    for name in ["spandrel", "spandrel-doctor", "spandrel-quarantine-requeue", "spandrel-audit-verify"] {
        let page = std::fs::read_to_string(folder.path().join(format!("pages/{name}.1"))).unwrap();
        assert!(page.contains(".TH ") && page.contains(".SH NAME"), "{name}");
    }
    let page = std::fs::read_to_string(folder.path().join("pages/spandrel.1")).unwrap();
    let help = told(&spandrel(folder.path(), &["--help"]));
    for line in [
        "0  done",
        "3  evidence or an audit log was refused",
        "4  a replay does not come to what is stored",
        "6  the control API refused",
    ] {
        assert!(help.contains(line), "{line}: {help}");
        assert!(page.contains(line), "{line}: {page}");
    }
}

#[test]
fn a_failure_beside_json_is_json_with_its_exit_code() {
    let folder = tempfile::tempdir().unwrap();
    let output = ends(folder.path(), &["status", "--json"], 1, &[]);
    assert!(output.stdout.is_empty());
    let value: serde_json::Value = serde_json::from_str(&stderr(&output)).unwrap();
    assert_eq!(value["exit"], 1);
    assert!(value["error"].as_str().unwrap().contains("expected a ledger at spandrel.sqlite"), "{value}");
}

/// The key that is imported is the one that was given: its address is told, and with the password it signs.
#[test]
fn an_imported_key_has_its_address_and_unlocks() {
    use spandrel_signer::{Hardness, Keystore, LocalKey, Secret};
    let folder = tempfile::tempdir().unwrap();
    let here = folder.path();
    std::fs::write(here.join("password"), "correct horse\n").unwrap();
    let digits = "4c0883a69102937d6231471b5dbb6204fe5129617082792ae468d01a3f362318";
    // As the documentation of web3.js gives it.
    let address = "0x2c7536E3605D9C16a7a3D7b1898e529396a65c23";
    for (name, text) in [("plain", digits.to_owned()), ("prefixed", format!("0x{digits}\n"))] {
        std::fs::write(here.join("key"), text).unwrap();
        let import = ["keys", "import", name, "--key", "file:key", "--password", "file:password", "--json"];
        let told = json(&ends(here, &import, 0, &[]));
        assert_eq!((&told["address"], &told["name"]), (&address.to_lowercase().into(), &name.into()));
        ends(here, &["keys", "list"], 0, &[address, name]);
        let keystore = Keystore::open(here.join("keys"), Hardness::Standard).unwrap();
        let unlocked = keystore.unlock(name, &Secret::new("correct horse".to_owned()).unwrap()).unwrap();
        let given = LocalKey::from_hex(&Secret::new(digits.to_owned()).unwrap()).unwrap();
        let digest = alloy_primitives::B256::repeat_byte(7);
        assert_eq!(unlocked.sign_digest(digest).unwrap(), given.sign_digest(digest).unwrap());
        assert!(keystore.unlock(name, &Secret::new("another".to_owned()).unwrap()).is_err());
        ends(here, &import, 1, &[name]);
        let kept = std::fs::read_dir(here.join("keys")).unwrap();
        for file in kept.map(|entry| std::fs::read_to_string(entry.unwrap().path()).unwrap()) {
            assert!(!file.contains(digits) && !file.contains("correct horse"), "{file}");
        }
    }
    std::fs::write(here.join("key"), "00".repeat(32)).unwrap();
    let refused = ["keys", "import", "zero", "--key", "file:key", "--password", "file:password"];
    ends(here, &refused, 1, &["private key"]);
}

#[tokio::test]
async fn migrations_are_told_before_and_after_they_are_run() {
    use spandrel_store::Sqlite;
    let folder = tempfile::tempdir().unwrap();
    ends(folder.path(), &["db", "migrate"], 1, &["expected a ledger at spandrel.sqlite, found none"]);
    // What `sqlite3 spandrel.sqlite` leaves behind: a file that no migration has seen.
    std::fs::write(folder.path().join("spandrel.sqlite"), "").unwrap();
    let known = Sqlite::schema(folder.path().join("spandrel.sqlite")).await.unwrap().known;
    let dry = json(&ends(folder.path(), &["db", "migrate", "--dry-run", "--json"], 0, &[]));
    assert_eq!((&dry["from"], &dry["to"], &dry["known"]), (&0.into(), &0.into(), &known.into()));
    assert_eq!(dry["migrations"].as_array().unwrap().len() as u64, known);
    ends(folder.path(), &["transfer", "list"], 1, &["schema: expected version", "found 0", "spandrel db migrate"]);
    std::fs::copy(folder.path().join("spandrel.sqlite"), folder.path().join("shown.sqlite")).unwrap();
    if let Some(shown) = on_a_terminal(folder.path(), &["db", "migrate", "--database", "shown.sqlite"]) {
        assert!(shown.contains("migrating [") && shown.contains(&format!("/{known}")), "{shown:?}");
    }
    let ran = ends(folder.path(), &["db", "migrate"], 0, &["ran 0001 ledger", &format!("version {known} of {known}")]);
    assert!(ran.stderr.is_empty(), "no bar where there is no terminal");
    let again = json(&ends(folder.path(), &["db", "migrate", "--json"], 0, &[]));
    assert_eq!((&again["from"], again["migrations"].as_array().unwrap().len()), (&known.into(), 0));
    std::fs::write(folder.path().join("text.sqlite"), "no database at all").unwrap();
    ends(folder.path(), &["db", "migrate", "--database", "text.sqlite"], 1, &["database"]);
}
