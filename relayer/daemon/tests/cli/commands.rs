//! All commands, as the program itself lists them: their names, that each prints JSON, and what shows its work first.

use std::path::Path;
use std::process::Output;

use clap::CommandFactory;
use serde_json::Value;
use spandrel_api::Live;
use spandrel_core::Input;

use crate::console::{Waiting, furnish};
use crate::control::{Served, as_guardian, guarded, taken};
use crate::policy::{other, started};
use crate::run::{ServedApi, json, see, spandrel, stderr, tell, told};

/// The commands that do something by themselves, as they are typed.
fn leaves(command: &clap::Command, path: &str, found: &mut Vec<String>) {
    for below in command.get_subcommands().filter(|below| below.get_name() != "help") {
        let path = format!("{path} {}", below.get_name()).trim_start().to_owned();
        leaves(below, &path, found);
        if !below.is_subcommand_required_set() {
            found.push(path);
        }
    }
}

fn all() -> Vec<String> {
    let mut found = Vec::new();
    leaves(&spandrel::cli::Cli::command(), "", &mut found);
    assert!(found.len() > 50, "{found:?}");
    found
}

/// What operators' scripts and the manual call commands stays.
#[test]
fn commands_keep_their_names() {
    let names = "demo, up, relayer, verifier, signer, watcher, api, config check, config schema, config example, doctor, \
                 status, transfer send, transfer show, transfer watch, transfer list, vault due, limits show, limits usage, \
                 limits lower, limits raise, limits wide show, limits wide lower, limits wide raise, pause, freeze, resume, pauses, hold list, hold show, hold drop, hold extend, \
                 hold release, quarantine list, quarantine show, quarantine requeue, quarantine drop, signers show, \
                 signers change, policy show, policy propose, proposals list, proposals approve, proposals cancel, halts, \
                 acknowledge, reobserve, loss list, loss accept, audit export, audit verify, audit changes, proof export, proof verify, \
                 proof explain, replay, db migrate, keys new, keys import, keys list, completions, man";
    let root = spandrel::cli::Cli::command();
    for name in names.split(',').map(str::trim) {
        let found = name.split(' ').try_fold(&root, |command, word| command.find_subcommand(word));
        assert!(found.is_some(), "spandrel {name}");
    }
}

/// What has a key to sign or to send with shows what it would do first. One command has a key to keep.
#[test]
fn whatever_signs_or_sends_has_a_dry_run() {
    fn walk(command: &clap::Command, path: &str, found: &mut Vec<String>) {
        for below in command.get_subcommands() {
            walk(below, format!("{path} {}", below.get_name()).trim_start(), found);
        }
        let has = |name: &str| command.get_arguments().any(|argument| argument.get_long() == Some(name));
        if path != "keys import" && (has("key") || has("api-key")) {
            found.push(path.to_owned());
            assert!(has("dry-run"), "{path} has a key and no --dry-run");
        }
    }
    let mut found = Vec::new();
    walk(&spandrel::cli::Cli::command(), "", &mut found);
    for path in ["transfer send", "pause", "limits raise", "policy propose", "reobserve", "loss accept"] {
        assert!(found.iter().any(|one| one == path), "{path} is among {found:?}");
    }
    assert!(found.len() >= 18, "{found:?}");
}

/// What a command prints when it is asked for JSON.
enum Printed {
    /// One value on standard output.
    Value,
    /// One value a line: it tells what comes as it comes, here of a transfer that ends unpaid.
    Lines,
    /// A failure on standard error, with exit code 1: what it needs is not here.
    Failure,
}

/// What the commands are about.
struct Scene {
    waiting: Waiting,
    /// A transfer that ended.
    ended: String,
    proposal: String,
    chain: String,
    asset: String,
    api: String,
    key_id: String,
}

/// What is given to a command, and what it then prints.
fn given<'a>(leaf: &str, scene: &'a Scene) -> (Vec<&'a str>, Printed) {
    use Printed::{Failure, Lines, Value};
    let (held, broken, lost) = (&*scene.waiting.held, &*scene.waiting.broken, &*scene.waiting.lost);
    let (ended, proposal, chain, asset) = (&*scene.ended, &*scene.proposal, &*scene.chain, &*scene.asset);
    let (api, key_id) = (&*scene.api, &*scene.key_id);
    let limit = || {
        let corridor = ["--source", chain, "--destination", "eip155:31337", "--asset", asset, "--lane", "fast"];
        [&corridor[..], &["--set", "window=9"]].concat()
    };
    let set = [
        "--role",
        "verifiers",
        "--epoch",
        "2",
        "--threshold",
        "2",
        "--member",
        "0x4444444444444444444444444444444444444444",
        "--member",
        "0x5555555555555555555555555555555555555555",
    ];
    match leaf {
        // They run until they are stopped, and log; here they do not start.
        "up" | "relayer" | "watcher" | "verifier" | "signer" | "api" => (vec!["--config", "none.toml"], Failure),
        // No node is here that would tell a proof, or what is unspent (vault.rs). A file that was written is read in tests/tests/proof.rs.
        "vault due" => (vec![], Failure),
        "proof export" => (vec![ended, "--to", "exported.json"], Failure),
        "status" | "doctor" | "transfer list" | "pauses" | "halts" | "proposals list" | "limits show"
        | "limits usage" | "limits wide show" | "hold list" | "quarantine list" | "loss list" | "signers show"
        | "policy show" | "config check" | "config example" | "config schema" | "db migrate" | "api list-keys"
        | "api openapi" | "keys list" | "audit changes" => (vec![], Value),
        "transfer show" => (vec![ended], Value),
        "transfer watch" => (vec![ended, "--api", api], Lines),
        "replay" => (vec![".."], Value),
        "proof verify" | "proof explain" => (vec!["password"], Value),
        "pause" => (vec!["--global", "--for", "1h"], Value),
        "freeze" | "resume" => (vec!["--global"], Value),
        "proposals approve" | "proposals cancel" => (vec![proposal], Value),
        "limits lower" | "limits raise" => (limit(), Value),
        "limits wide lower" | "limits wide raise" => (vec!["--asset", asset, "--set", "window=9"], Value),
        "hold show" | "hold drop" | "hold release" => (vec![held], Value),
        "hold extend" => (vec![held, "--until", "2126-01-01T00:00:00Z"], Value),
        "quarantine show" | "quarantine requeue" | "quarantine drop" => (vec![broken], Value),
        "acknowledge" => (vec![chain], Value),
        "reobserve" => (vec![chain, "--from", "7", "--to", "9"], Value),
        "loss accept" => (vec![lost], Value),
        "signers change" => (set.to_vec(), Value),
        "policy propose" => (vec!["wider.toml"], Value),
        "audit export" => (vec!["export"], Value),
        "audit verify" => (vec!["spandrel.sqlite"], Value),
        "api new-key" => (vec!["shop"], Value),
        "api revoke-key" => (vec![key_id], Value),
        "keys new" => (vec!["cy", "--password", "file:password"], Value),
        "keys import" => (vec!["di", "--key", "file:key", "--password", "file:password"], Value),
        "completions" => (vec!["bash"], Value),
        "man" => (vec!["pages"], Value),
        new => panic!("{new}: say here how it is run"),
    }
}

/// An order, by the API alone.
fn sent<'a>(route: &'a str, api: &'a str) -> Vec<&'a str> {
    let to = ["--recipient", "0x00000000000000000000000000000000000000aa"];
    let back = ["--refund-key", "c6047f9441ed7d6d3045406e95c07cd85c778e4b8cef3ca7abac09b95c709ee5"];
    let order = ["transfer", "send", "--route", route, "--amount", "50000", "--api", api];
    [&order[..], &to, &back, &["--dry-run", "--json"]].concat()
}

/// Whether a command signs as a guardian.
fn is_order(leaf: &str) -> bool {
    let root = spandrel::cli::Cli::command();
    let command = leaf.split(' ').fold(&root, |command, word| command.find_subcommand(word).unwrap());
    command.get_arguments().any(|argument| argument.get_long() == Some("reason"))
}

fn check(leaf: &str, printed: Printed, output: &Output) {
    let code = output.status.code().unwrap();
    match printed {
        Printed::Value => {
            assert!(json(output) != Value::Null, "{leaf}");
            assert!(matches!(code, 0 | 3..=5), "{leaf}: {code}: {}", told(output));
        }
        Printed::Lines => {
            assert_eq!(code, 7, "{leaf}: {}", told(output));
            let text = String::from_utf8(output.stdout.clone()).unwrap();
            let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
            assert!(lines.len() > 1, "{leaf}: {text}");
        }
        Printed::Failure => {
            assert!(output.stdout.is_empty(), "{leaf}: {}", told(output));
            let value: Value =
                serde_json::from_str(&stderr(output)).unwrap_or_else(|_| panic!("{leaf}: {}", told(output)));
            assert!(value["error"].is_string() && value["exit"] == 1 && code == 1, "{leaf}: {value}");
        }
    }
}

/// Every command is run with `--json`, whatever it is: one that is new is not forgotten. `demo` alone is not, because it starts
/// chains for minutes; `tests/tests/end_to_end.rs` runs it with `--json` and reads what it prints.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn every_command_prints_json() {
    let folder = tempfile::tempdir().unwrap();
    let here = folder.path();
    let config = guarded(here);
    let served = Served::new(config.clone(), started(&config).await).await;
    let api = ServedApi::new(&config, &served.book, Live::default()).await;
    let routes: Value = reqwest::get(format!("{}/v1/routes", api.url)).await.unwrap().json().await.unwrap();
    // Before the chain is halted: no order is taken after that.
    let order = sent(routes[0]["id"].as_str().unwrap(), &api.url);
    check("transfer send", Printed::Value, &spandrel(here, &order));
    let waiting = furnish(&served).await;
    let ended = see(&served.book, &config, 4).await;
    tell(&served.book, ended, Input::Broken("odd".to_owned())).await;
    tell(&served.book, ended, Input::Drop("ada: a drill".to_owned())).await;
    other(here, "wider.toml", "window = \"50000000\"", "window = \"60000000\"");
    std::fs::write(here.join("key"), "11".repeat(32)).unwrap();
    let chain = config.bitcoin[0].chain.to_string();
    let scene = Scene {
        proposal: proposed(here, &waiting.held),
        waiting,
        ended: ended.to_string(),
        asset: format!("{chain}/slip44:0"),
        chain,
        api: api.url.clone(),
        key_id: json(&spandrel(here, &["api", "new-key", "old", "--json"]))["id"].as_str().unwrap().to_owned(),
    };
    for leaf in all().iter().filter(|leaf| !["demo", "transfer send"].contains(&leaf.as_str())) {
        let (arguments, printed) = given(leaf, &scene);
        let mut command: Vec<&str> = leaf.split(' ').chain(arguments).chain(["--json"]).collect();
        if is_order(leaf) {
            command.extend(["--key", "bo", "--reason", "a drill", "--dry-run"]);
        }
        check(leaf, printed, &spandrel(here, &command));
    }
    api.end().await;
    served.end().await;
}

/// Of something that stops no lane.
fn proposed(here: &Path, held: &str) -> String {
    let proposed = taken(&as_guardian(here, "ada", &["hold", "release", held]));
    proposed["statement"].as_str().unwrap().to_owned()
}
