//! Exit codes and messages of the simplest commands.

use std::process::Output;

use crate::run::stderr;

fn spandrel(arguments: &[&str]) -> Output {
    crate::run::spandrel(&std::env::temp_dir(), arguments)
}

#[test]
fn the_printed_example_passes_its_own_check() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("spandrel.toml");
    std::fs::write(&path, spandrel(&["config", "example"]).stdout).unwrap();
    let checked = spandrel(&["config", "check", "--config", path.to_str().unwrap()]);
    assert!(checked.status.success(), "{}", stderr(&checked));
}

#[test]
fn a_bad_configuration_refuses_to_start_and_names_the_key() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("spandrel.toml");
    let example = String::from_utf8(spandrel(&["config", "example"]).stdout).unwrap();
    std::fs::write(&path, example.replace("pause_seconds", "pause_secs")).unwrap();
    for command in [&["config", "check"][..], &["up"]] {
        let output = spandrel(&[command, &["--config", path.to_str().unwrap()]].concat());
        assert_eq!(output.status.code(), Some(1));
        assert!(stderr(&output).contains("pause_secs"), "{}", stderr(&output));
    }
}

#[test]
fn status_of_a_ledger_that_is_not_there_fails_and_creates_none() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("none.sqlite");
    let output = spandrel(&["status", "--database", path.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(1));
    assert!(stderr(&output).contains("expected a ledger") && !path.exists());
}

#[test]
fn a_file_that_is_no_evidence_is_refused_with_exit_code_3() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("proof.json");
    for text in ["", "{}", "[1]", "not json"] {
        std::fs::write(&path, text).unwrap();
        let output = spandrel(&["proof", "verify", path.to_str().unwrap()]);
        assert_eq!(output.status.code(), Some(3), "{text:?}");
    }
}

#[test]
fn keys_are_made_with_passwords_by_reference_only() {
    let folder = tempfile::tempdir().unwrap();
    let keys = folder.path().join("keys");
    let keys = keys.to_str().unwrap();
    let plain = spandrel(&["keys", "new", "relayer", "--keystore", keys, "--password", "hunter2"]);
    assert_eq!(plain.status.code(), Some(2));
    assert!(stderr(&plain).contains("file:<path> or env:<NAME>"), "{}", stderr(&plain));
    for with in [&[][..], &["--json"]] {
        let plain = ["keys", "new", "relayer", "--keystore", keys, "--password", "hunter2"];
        let told = stderr(&spandrel(&[&plain[..], with].concat()));
        assert!(told.contains("--password") && !told.contains("hunter2"), "{told}");
    }
    let password = folder.path().join("password");
    std::fs::write(&password, "correct horse\n").unwrap();
    let reference = format!("file:{}", password.display());
    let made = spandrel(&["keys", "new", "relayer", "--keystore", keys, "--password", &reference]);
    assert!(made.status.success(), "{}", stderr(&made));
    let listed = spandrel(&["keys", "list", "--keystore", keys]);
    assert_eq!(listed.stdout, made.stdout);
}
