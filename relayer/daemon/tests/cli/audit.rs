//! `spandrel audit`: ledgers and exports that somebody got at.

use std::fs;
use std::path::Path;

use serde_json::Value;
use spandrel_core::ledger::{Commit, Ledger};
use spandrel_risk::{RiskEvent, Scope};
use spandrel_store::Sqlite;
use sqlx::ConnectOptions;

use crate::run::{ends, json, on_a_terminal, told};

/// A ledger whose audit log has `rows` rows.
async fn logged(folder: &Path, rows: u64) {
    let store = Sqlite::open(folder.join("spandrel.sqlite")).await.unwrap();
    for n in 0..rows {
        let risk = RiskEvent::Paused { scope: Scope::Global, until: 100 + n, reason: format!("drill {n}") };
        let commit = Commit { now: n, expected_risk_sequence: n, risk: vec![risk], ..Commit::default() };
        store.commit(commit).await.unwrap();
    }
    store.close().await;
}

/// Three files of two, two and one rows.
async fn exported(folder: &Path) -> String {
    logged(folder, 5).await;
    let made = json(&ends(folder, &["audit", "export", "export", "--rows-per-file", "2", "--json"], 0, &[]));
    assert_eq!((&made["rows"], made["files"].as_array().unwrap().len()), (&5.into(), 3));
    made["head"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn ledger_and_export_verify_offline_to_the_same_head() {
    let folder = tempfile::tempdir().unwrap();
    let head = exported(folder.path()).await;
    for path in ["export", "spandrel.sqlite"] {
        ends(folder.path(), &["audit", "verify", path, "--head", &head], 0, &["5 rows, whole", &head]);
        let value = json(&ends(folder.path(), &["audit", "verify", path, "--json"], 0, &[]));
        assert_eq!((&value["whole"], &value["rows"]), (&true.into(), &5.into()));
    }
    // A later export holds an earlier head too; a stranger's hash is in none.
    let earlier = fs::read(folder.path().join("export/rows-000000000000.jsonl.zst")).unwrap();
    let rows = String::from_utf8(zstd::decode_all(&earlier[..]).unwrap()).unwrap();
    let first: Value = serde_json::from_str(rows.lines().next().unwrap()).unwrap();
    ends(folder.path(), &["audit", "verify", "export", "--head", first["hash"].as_str().unwrap()], 0, &["whole"]);
    let stranger = format!("0x{}", "ab".repeat(32));
    ends(folder.path(), &["audit", "verify", "export", "--head", &stranger], 3, &["head", &stranger, &head]);
    ends(folder.path(), &["audit", "export", "export"], 1, &["folder: expected none at export, found one"]);
    let kept = fs::read(folder.path().join("export/manifest.json")).unwrap();
    assert!(!kept.is_empty() && fs::read_dir(folder.path()).unwrap().count() <= 4, "nothing unfinished is left");
    ends(folder.path(), &["audit", "verify", "none"], 1, &["none"]);
}

#[tokio::test]
async fn what_takes_long_shows_a_bar_on_a_terminal() {
    let folder = tempfile::tempdir().unwrap();
    logged(folder.path(), 5).await;
    let commands: [(&[&str], &str, &str); 3] = [
        (&["audit", "export", "export"], "exporting [", "5 rows"),
        (&["audit", "verify", "export"], "verifying [", "5 rows, whole"),
        (&["audit", "verify", "spandrel.sqlite"], "verifying [", "5 rows, whole"),
    ];
    for (command, bar, end) in commands {
        let Some(shown) = on_a_terminal(folder.path(), command) else { return };
        assert!(shown.contains(bar) && shown.contains("/5") && shown.contains(end), "{command:?}: {shown:?}");
    }
    let quiet = ends(folder.path(), &["audit", "verify", "export"], 0, &["whole"]);
    assert!(quiet.stderr.is_empty(), "no bar where there is no terminal");
}

#[tokio::test]
async fn an_export_that_is_changed_is_refused_by_file_and_field() {
    type Change = fn(&Path);
    let changes: [(Change, &[&str]); 12] = [
        (|export| flip(&export.join("rows-000000000002.jsonl.zst"), 20), &["rows-000000000002.jsonl.zst: sha256"]),
        (|export| cut(&export.join("rows-000000000004.jsonl.zst"), 1), &["rows-000000000004.jsonl.zst: bytes"]),
        (
            |export| fs::remove_file(export.join("rows-000000000004.jsonl.zst")).unwrap(),
            &["rows-000000000004.jsonl.zst: expected a file, found none"],
        ),
        (
            |export| {
                let (one, two) =
                    (export.join("rows-000000000000.jsonl.zst"), export.join("rows-000000000002.jsonl.zst"));
                let first = fs::read(&one).unwrap();
                fs::write(&one, fs::read(&two).unwrap()).unwrap();
                fs::write(&two, first).unwrap();
            },
            &["rows-000000000000.jsonl.zst: "],
        ),
        (
            |export| edit(export, |manifest| files(manifest).swap(0, 1)),
            &["files[0].name", "rows-000000000000.jsonl.zst", "rows-000000000002.jsonl.zst"],
        ),
        (
            |export| edit(export, |manifest| drop(files(manifest).remove(1))),
            &["files[1].name", "rows-000000000002.jsonl.zst", "rows-000000000004.jsonl.zst"],
        ),
        (
            |export| edit(export, |manifest| drop(files(manifest).remove(2))),
            &["files: expected only those that the manifest names, found rows-000000000004.jsonl.zst"],
        ),
        (|export| edit(export, |manifest| manifest["rows"] = 4.into()), &["manifest.json: rows: expected 5, found 4"]),
        (
            |export| edit(export, |manifest| manifest["head"] = format!("0x{}", "ab".repeat(32)).into()),
            &["manifest.json: head"],
        ),
        (
            |export| edit(export, |manifest| manifest["version"] = 2.into()),
            &["manifest.json: version: expected 1, found 2"],
        ),
        (
            |export| fs::write(export.join("more"), "x").unwrap(),
            &["files: expected only those that the manifest names, found more"],
        ),
        (
            |export| fs::write(export.join("manifest.json"), "{}").unwrap(),
            &["manifest.json: expected a manifest of an export"],
        ),
    ];
    for (change, parts) in changes {
        let folder = tempfile::tempdir().unwrap();
        exported(folder.path()).await;
        change(&folder.path().join("export"));
        let parts: Vec<&str> = parts.iter().copied().chain(["expected", "found"]).collect();
        ends(folder.path(), &["audit", "verify", "export"], 3, &parts);
        let value = json(&ends(folder.path(), &["audit", "verify", "export", "--json"], 3, &[]));
        assert!(value["whole"] == false && value["expected"].is_string() && value["found"].is_string(), "{value}");
    }
}

/// Cut off and given a new manifest, it is whole in itself: an earlier head shows it.
#[tokio::test]
async fn a_tail_that_was_cut_off_cleanly_is_seen_by_who_kept_a_head() {
    let folder = tempfile::tempdir().unwrap();
    let head = exported(folder.path()).await;
    let export = folder.path().join("export");
    fs::remove_file(export.join("rows-000000000004.jsonl.zst")).unwrap();
    let shorter = zstd::decode_all(&fs::read(export.join("rows-000000000002.jsonl.zst")).unwrap()[..]).unwrap();
    let last: Value = serde_json::from_slice(shorter.split(|byte| *byte == b'\n').nth(1).unwrap()).unwrap();
    edit(&export, |manifest| {
        files(manifest).pop();
        manifest["rows"] = 4.into();
        manifest["head"] = last["hash"].clone();
    });
    ends(folder.path(), &["audit", "verify", "export"], 0, &["4 rows, whole"]);
    ends(folder.path(), &["audit", "verify", "export", "--head", &head], 3, &["row 4: head", "expected", &head]);
}

#[tokio::test]
async fn a_changed_audit_log_is_named_by_its_first_bad_row() {
    let folder = tempfile::tempdir().unwrap();
    exported(folder.path()).await;
    let mut whole = String::new();
    for first in ["000000000000", "000000000002", "000000000004"] {
        let rows = fs::read(folder.path().join(format!("export/rows-{first}.jsonl.zst"))).unwrap();
        whole += &String::from_utf8(zstd::decode_all(&rows[..]).unwrap()).unwrap();
    }
    let head: Value = serde_json::from_str(whole.lines().last().unwrap()).unwrap();
    let head = head["hash"].as_str().unwrap();
    let lines: Vec<&str> = whole.lines().collect();
    let broken = [
        (whole.replace("drill 2", "quake 2"), "row 2: hash"),
        ([lines[0], lines[2], lines[3]].join("\n"), "row 1: sequence"),
        ([lines[0], lines[2], lines[1]].join("\n"), "row 1: sequence"),
        (lines[1..].join("\n"), "row 0: sequence"),
        (whole[..whole.len() - 5].to_owned(), "line 5: expected a row of an audit log"),
        ("{}\n".to_owned(), "line 1: expected a row of an audit log"),
        // Only who kept the head sees this.
        (lines[..4].join("\n"), "row 4: head"),
    ];
    for (text, expected) in broken {
        fs::write(folder.path().join("broken.jsonl"), text).unwrap();
        ends(folder.path(), &["audit", "verify", "broken.jsonl", "--head", head], 3, &[expected, "expected", "found"]);
    }
}

#[tokio::test]
async fn a_ledger_that_somebody_got_at_is_refused_and_never_written_to() {
    for (statement, named) in [
        ("UPDATE audit SET body = '{}' WHERE sequence = 3", "row 3: hash"),
        ("UPDATE audit SET at = 77 WHERE sequence = 0", "row 0: hash"),
        ("DELETE FROM audit WHERE sequence = 2", "row 2: sequence"),
        ("UPDATE audit SET hash = '0x12' WHERE sequence = 1", "expected a row that reads back"),
    ] {
        let folder = tempfile::tempdir().unwrap();
        logged(folder.path(), 5).await;
        let path = folder.path().join("spandrel.sqlite");
        let options = sqlx::sqlite::SqliteConnectOptions::new().filename(&path);
        let mut prompt = options.connect().await.unwrap();
        for trigger in ["audit_stay", "audit_remain"] {
            sqlx::query(sqlx::AssertSqlSafe(format!("DROP TRIGGER {trigger}"))).execute(&mut prompt).await.unwrap();
        }
        sqlx::query(statement).execute(&mut prompt).await.unwrap();
        sqlx::Connection::close(prompt).await.unwrap();
        let before = fs::read(&path).unwrap();
        let output = ends(folder.path(), &["audit", "verify", "spandrel.sqlite"], 3, &[named, "expected", "found"]);
        assert_eq!(fs::read(&path).unwrap(), before, "{}", told(&output));
    }
}

fn flip(path: &Path, place: usize) {
    let mut bytes = fs::read(path).unwrap();
    bytes[place] ^= 1;
    fs::write(path, bytes).unwrap();
}

fn cut(path: &Path, by: usize) {
    let bytes = fs::read(path).unwrap();
    fs::write(path, &bytes[..bytes.len() - by]).unwrap();
}

/// Changes the manifest and writes it in its one form.
fn edit(export: &Path, change: impl Fn(&mut Value)) {
    let path = export.join("manifest.json");
    let mut manifest: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    change(&mut manifest);
    let entry = |file: &Value| {
        format!(
            "    {{\n      \"name\": {},\n      \"rows\": {},\n      \"bytes\": {},\n      \"sha256\": {}\n    }}",
            file["name"], file["rows"], file["bytes"], file["sha256"]
        )
    };
    let entries: Vec<String> = manifest["files"].as_array().unwrap().iter().map(entry).collect();
    let text = format!(
        "{{\n  \"version\": {},\n  \"rows\": {},\n  \"head\": {},\n  \"files\": [\n{}\n  ]\n}}\n",
        manifest["version"],
        manifest["rows"],
        manifest["head"],
        entries.join(",\n")
    );
    fs::write(path, text).unwrap();
}

fn files(manifest: &mut Value) -> &mut Vec<Value> {
    manifest["files"].as_array_mut().unwrap()
}
