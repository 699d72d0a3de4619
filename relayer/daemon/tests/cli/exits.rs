//! Exit codes: each one that is documented, by something that ends with it.

use std::process::Output;

use spandrel::exit::Exit;
use spandrel_api::Live;

use crate::control::{Served, guarded};
use crate::replay::prompt;
use crate::run::{ServedApi, furnished, silent_book, spandrel, stderr, told};

/// Something that ends with `exit`. One that is new does not compile until it is provoked here.
async fn provoked(exit: Exit) -> Output {
    let folder = tempfile::tempdir().unwrap();
    let here = folder.path();
    match exit {
        Exit::Done => spandrel(here, &["config", "example"]),
        Exit::Failed => spandrel(here, &["status"]),
        Exit::Usage => spandrel(here, &["pause", "--for", "1h"]),
        Exit::Refused => {
            std::fs::write(here.join("proof.json"), "{}").unwrap();
            spandrel(here, &["proof", "verify", "proof.json"])
        }
        Exit::Mismatch => {
            let (_, ids) = furnished(here).await;
            let gone = format!("UPDATE transfers SET status = 'final' WHERE id = '{}'", ids[1]);
            prompt(here, &[gone]).await;
            spandrel(here, &["replay", &ids[1].to_string()])
        }
        Exit::Unwell => spandrel(here, &["doctor"]),
        Exit::Denied => {
            let config = guarded(here);
            let served = Served::new(config.clone(), silent_book(&config).await).await;
            let unknown = format!("0x{}", "ab".repeat(32));
            let output = spandrel(here, &["hold", "show", &unknown]);
            served.end().await;
            output
        }
        Exit::Unpaid => {
            let (config, ids) = furnished(here).await;
            let api = ServedApi::new(&config, &silent_book(&config).await, Live::default()).await;
            let output = spandrel(here, &["transfer", "watch", &ids[2].to_string()]);
            api.end().await;
            output
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_documented_exit_code_is_ended_with() {
    for exit in Exit::ALL {
        let output = provoked(exit).await;
        assert_eq!(output.status.code(), Some(exit.code().into()), "{exit:?}: {}", told(&output));
    }
}

/// Programs read the failure of a line that they have put together wrongly as they read any other.
#[test]
fn a_command_line_that_does_not_read_is_told_as_json_too() {
    let here = std::env::temp_dir();
    for line in
        [&["pause", "--json"][..], &["--json"], &["--json", "transfer", "show", "--nothing"], &["--json", "keys"]]
    {
        let output = spandrel(&here, line);
        assert_eq!((output.status.code(), output.stdout.len()), (Some(2), 0), "{line:?}: {}", told(&output));
        let value: serde_json::Value =
            serde_json::from_str(&stderr(&output)).unwrap_or_else(|_| panic!("{}", told(&output)));
        assert!(value["exit"] == 2 && !value["error"].as_str().unwrap().contains('\u{1b}'), "{value}");
    }
    let told = told(&spandrel(&here, &["pause"]));
    assert!(told.starts_with("error: "), "people read words: {told}");
    for asked in ["--help", "--version"] {
        assert_eq!(spandrel(&here, &["--json", asked]).status.code(), Some(0), "{asked}");
    }
}
