//! The served document against the server, by schemathesis: it makes requests of every operation from the document, right
//! and wrong ones, and checks that no answer is a 5xx or is of a status, type or shape that the document does not tell.
//!
//! `SPANDREL_SCHEMATHESIS` says where it is; `.ci/schema` installs it. Skipped without it.

#[path = "rest/world/mod.rs"]
#[allow(dead_code)]
mod world;

use std::process::Stdio;

use tokio::process::Command;
use world::World;

/// All that ask something of an answer. `ignored_auth` and the like ask whether what the document requires is required.
const CHECKS: &str = "not_a_server_error,status_code_conformance,content_type_conformance,response_headers_conformance,\
                      response_schema_conformance,negative_data_rejection,ignored_auth,unsupported_method";

#[tokio::test(flavor = "multi_thread")]
async fn every_operation_keeps_to_the_document() {
    let Some(program) = std::env::var_os("SPANDREL_SCHEMATHESIS") else {
        println!("skipped: SPANDREL_SCHEMATHESIS is not set; .ci/schema sets it");
        return;
    };
    let world = World::with_rate(100_000).await;
    let folder = tempfile::tempdir().unwrap();
    let output = Command::new(program)
        .current_dir(folder.path())
        .args(["run", &format!("{}/openapi.json", world.base), "--url", &world.base])
        .args(["--checks", CHECKS, "--max-examples", "60", "--seed", "7", "--generation-deterministic", "--no-color"])
        .args(["--phases", "examples,coverage,fuzzing", "--header", &format!("Authorization: Bearer {}", world.key)])
        .stdin(Stdio::null())
        .output()
        .await
        .unwrap();
    println!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "schemathesis found something");
}
