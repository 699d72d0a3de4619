//! What guardians would sign, shown without signing it.

use spandrel_core::Input;

use crate::control::{Served, as_guardian, guarded, taken};
use crate::run::{ends, json, see, silent_book, tell};
use crate::waiting::held;

/// Every command that sends shows the very statement that it would sign, and nothing comes of it.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_dry_run_shows_what_would_be_signed_and_signs_and_sends_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let config = guarded(folder.path());
    let served = Served::new(config.clone(), silent_book(&config).await).await;
    let held = held(&served, 1).await.to_string();
    let broken = see(&served.book, &config, 2).await;
    tell(&served.book, broken, Input::Broken("odd".to_owned())).await;
    let broken = broken.to_string();
    let here = folder.path().to_owned();
    tokio::task::spawn_blocking(move || {
        let chain = "bip122:0f9188f13cb7b2c71f2a335e3a4fc328";
        let asset = format!("{chain}/slip44:0");
        let limit = [
            "--source",
            chain,
            "--destination",
            "eip155:31337",
            "--asset",
            &asset,
            "--lane",
            "fast",
            "--set",
            "window=9",
        ];
        let members = [
            "--member",
            "0x4444444444444444444444444444444444444444",
            "--member",
            "0x5555555555555555555555555555555555555555",
        ];
        let commands: [(Vec<&str>, &str); 15] = [
            (vec!["pause", "--lane", "fast", "--for", "1h"], "pause"),
            (vec!["freeze", "--direction", "payouts@eip155:31337"], "freeze"),
            (vec!["freeze", "--global"], "freeze"),
            (vec!["resume", "--global"], "resume"),
            ([&["limits", "lower"][..], &limit].concat(), "lower_limits"),
            ([&["limits", "raise"][..], &limit].concat(), "raise_limits"),
            (vec!["limits", "wide", "lower", "--asset", &asset, "--set", "window=9"], "lower_wide_limit"),
            (
                vec!["limits", "wide", "raise", "--destination", "eip155:31337", "--set", "notional=9"],
                "raise_wide_limit",
            ),
            (vec!["hold", "drop", &held], "drop_held"),
            (vec!["hold", "extend", &held, "--until", "2126-01-01T00:00:00Z"], "extend_hold"),
            (vec!["hold", "release", &held], "release_held"),
            (vec!["quarantine", "requeue", &broken], "requeue_quarantined"),
            (vec!["quarantine", "drop", &broken], "drop_quarantined"),
            (vec!["loss", "accept", &held], "accept_loss"),
            (
                [&["signers", "change", "--role", "verifiers", "--epoch", "2", "--threshold", "2"][..], &members]
                    .concat(),
                "change_signers",
            ),
        ];
        for (command, act) in commands {
            // The password is not asked for: the key stays locked.
            let dry = ["--key", "ada", "--reason", "a drill", "--dry-run"];
            let shown = json(&ends(&here, &[&command[..], &dry, &["--json"]].concat(), 0, &[]));
            assert_eq!((&shown["dry_run"], &shown["nonce_known"]), (&true.into(), &true.into()), "{shown}");
            let statement = &shown["statement"];
            assert_eq!((&statement["act"]["act"], &statement["nonce"]), (&act.into(), &0.into()), "{shown}");
            let signed: spandrel_risk::control::Statement = serde_json::from_value(statement.clone()).unwrap();
            let deployment = config.control_policy().unwrap().deployment;
            assert_eq!(shown["digest"], signed.digest(deployment).to_string());
            ends(&here, &[&command[..], &dry].concat(), 0, &["would sign as ada", "digest"]);
        }
        ends(
            &here,
            &["pause", "--global", "--for", "1h", "--key", "cy", "--reason", "x", "--dry-run"],
            1,
            &["key: expected one of ada, bo, found \"cy\""],
        );
    })
    .await
    .unwrap();
    assert_eq!(served.book.control().await.0.version(), 0);
    served.end().await;
}

/// What another proposed is shown as it would be agreed on or ended, and it is neither.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_dry_run_of_an_approval_or_an_end_leaves_the_proposal_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let config = guarded(folder.path());
    let served = Served::new(config.clone(), silent_book(&config).await).await;
    let held = held(&served, 1).await.to_string();
    let here = folder.path().to_owned();
    let standing = tokio::task::spawn_blocking(move || {
        let proposed = taken(&as_guardian(&here, "ada", &["hold", "release", &held]));
        let id = proposed["statement"].as_str().unwrap();
        let proposals = || json(&ends(&here, &["proposals", "list", "--json"], 0, &[]));
        let before = proposals();
        for act in ["approve", "cancel"] {
            let command = ["proposals", act, id, "--key", "bo", "--reason", "a drill", "--dry-run"];
            let shown = json(&ends(&here, &[&command[..], &["--json"]].concat(), 0, &[]));
            assert_eq!((&shown["dry_run"], &shown["nonce_known"]), (&true.into(), &true.into()), "{shown}");
            let statement = &shown["statement"];
            assert_eq!((&statement["act"]["act"], &statement["act"]["proposal"]), (&act.into(), &id.into()), "{shown}");
            assert!(statement["act"]["what"].as_str().unwrap().contains(&held), "what is agreed on: {shown}");
            let signed: spandrel_risk::control::Statement = serde_json::from_value(statement.clone()).unwrap();
            assert_eq!(shown["digest"], signed.digest(config.control_policy().unwrap().deployment).to_string());
            ends(&here, &command, 0, &["would sign as bo", "digest", &held]);
            let unknown = ["proposals", act, &format!("0x{}", "ab".repeat(32))];
            ends(&here, &[&unknown[..], &command[3..]].concat(), 1, &["NO_SUCH_PROPOSAL"]);
        }
        assert_eq!(proposals(), before);
        before
    })
    .await
    .unwrap();
    assert_eq!(standing.as_array().unwrap().len(), 1, "{standing}");
    served.end().await;
}
