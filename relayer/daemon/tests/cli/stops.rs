//! What a guardian who stops something is told: what is paused by now, until when, and what to do when no relayer answers.

use crate::control::{Served, as_guardian, guarded, taken};
use crate::run::{ends, json, silent_book, told};
use spandrel::clock::moment;

const WHO: [&str; 4] = ["--password", "file:password", "--reason", "a drill"];

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_pause_and_both_words_of_a_freeze_say_what_is_in_force_and_until_when() {
    let folder = tempfile::tempdir().unwrap();
    let config = guarded(folder.path());
    let served = Served::new(config.clone(), silent_book(&config).await).await;
    let here = folder.path().to_owned();
    tokio::task::spawn_blocking(move || {
        let until = || {
            let pauses = json(&ends(&here, &["pauses", "--json"], 0, &[]));
            pauses[0]["until"].as_u64().map(|until| format!("until {}", moment(until)))
        };
        let say = |key: &str, command: &[&str]| told(&ends(&here, &[command, &["--key", key], &WHO].concat(), 0, &[]));
        let paused = say("ada", &["pause", "--global", "--for", "1h"]);
        for part in ["done  0x", "pause global for 3600 s", &until().unwrap(), "the chains that it concerns"] {
            assert!(paused.contains(part), "{part}: {paused}");
        }
        let first = say("ada", &["freeze", "--global"]);
        let approve = "another guardian freezes too: spandrel proposals approve 0x";
        for part in ["in force  0x", "freeze global", &until().unwrap(), approve, "the chains that it concerns"] {
            assert!(first.contains(part), "{part}: {first}");
        }
        let second = say("bo", &["freeze", "--global"]);
        assert_eq!(until(), None);
        assert!(second.contains("done  0x") && second.contains("paused without end"), "{second}");
        let resumed = say("ada", &["resume", "--global"]);
        assert!(resumed.contains("proposed  0x") && resumed.contains("another guardian must agree"), "{resumed}");
        assert!(!resumed.contains("the chains"), "{resumed}");
        // Programs read the same.
        let again = taken(&as_guardian(&here, "ada", &["pause", "--chain", "eip155:31337", "--for", "1h"]));
        assert!(again["in_force_until"].is_u64(), "{again}");
    })
    .await
    .unwrap();
    served.end().await;
}

#[tokio::test]
async fn who_would_stop_something_and_finds_no_relayer_is_told_of_the_way_without_one() {
    let folder = tempfile::tempdir().unwrap();
    guarded(folder.path());
    let say = |command: &[&str]| told(&ends(folder.path(), &[command, &["--key", "ada"], &WHO].concat(), 1, &[]));
    for command in [&["pause", "--global", "--for", "1h"][..], &["freeze", "--chain", "eip155:31337"]] {
        let refused = say(command);
        assert!(refused.contains("no relayer answers") && refused.contains("--offline"), "{refused}");
        assert!(refused.contains("control API at http://127.0.0.1:"), "{refused}");
    }
    let resumed = say(&["resume", "--global"]);
    assert!(!resumed.contains("--offline"), "the chains take no such word: {resumed}");
}
