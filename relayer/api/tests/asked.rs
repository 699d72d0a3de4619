//! How often the ledger is asked for what anyone may ask for: it logs every statement.

mod captured;
#[path = "rest/world/mod.rs"]
#[allow(dead_code, reason = "other tests use the rest of it")]
mod world;

use std::time::{Duration, Instant};

use captured::Captured;
use futures::future::join_all;
use reqwest::StatusCode;
use spandrel_core::ledger::{Commit, Halt, Ledger};
use world::{NOW, World, answer, ethereum};

#[tokio::test(flavor = "multi_thread")]
async fn many_requests_in_a_moment_read_the_whole_ledger_once_and_a_change_shows_within_a_second() {
    let captured = Captured::start(tracing::Level::DEBUG);
    let world = World::new().await;
    let paths = ["/v1/status", "/v1/chains", "/readyz", "/console"];
    let begun = Instant::now();
    for _ in 0..5 {
        let asked = paths.iter().cycle().take(40).map(|path| world.get(path).send());
        assert!(join_all(asked).await.into_iter().all(|told| told.unwrap().status() == StatusCode::OK));
    }
    let moments = 1 + begun.elapsed().as_millis() / 500;
    let log = captured.text();
    for statement in ["SELECT status, count(*)", "SELECT number, id, sequence"] {
        let count = log.lines().filter(|line| line.contains(statement)).count();
        assert!((1..=moments).contains(&(count as u128)), "{statement}: {count} times in {moments} moments");
    }
    let halt = Commit { now: NOW, halt: Some(Halt::told(ethereum(), "two tips")), ..Commit::default() };
    world.store.commit(halt).await.unwrap();
    tokio::time::sleep(Duration::from_millis(600)).await;
    assert_eq!(answer(world.get("/v1/status"), StatusCode::OK).await["halted"][ethereum().as_str()], "two tips");
    assert!(world.get("/console").send().await.unwrap().text().await.unwrap().contains("two tips"));
}
