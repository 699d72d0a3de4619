//! What sentinels do not see: since when, and why.

#[path = "../../api/tests/captured/mod.rs"]
mod captured;
mod common;
#[expect(dead_code, reason = "other tests use the rest of it")]
mod watched;

use std::collections::{BTreeMap, BTreeSet};

use futures::future::BoxFuture;
use spandrel_engine::{Alarms, Sentinel};
use spandrel_verifiers::ChainId;
use spandrel_watchers::sentinel::{Holding, VaultPause, VaultView};

use captured::Captured;
use common::NOW;
use watched::{SOURCE, Scene};

/// A vault of which no node answers.
struct Mute;

impl VaultView for Mute {
    fn chain(&self) -> &ChainId {
        &SOURCE
    }

    fn quorum(&self) -> usize {
        1
    }

    fn holdings(&self) -> BoxFuture<'_, Vec<Vec<Holding>>> {
        Box::pin(async { Vec::new() })
    }

    fn pauses(&self, _: u64) -> BoxFuture<'_, Vec<Vec<VaultPause>>> {
        Box::pin(async { Vec::new() })
    }
}

#[tokio::test]
async fn when_everything_was_seen_last_is_known_and_stands_still_while_a_chain_is_mute() {
    let scene = Scene::new().await;
    assert_eq!(Alarms::default().looked_at(), None, "there are no sentinels");
    assert_eq!(scene.alarms.looked_at(), Some(NOW));
    scene.look_at_all(5).await;
    assert_eq!(scene.alarms.looked_at(), Some(NOW + 5));
    for what in ["payouts", "checkpoints", "sets", "funds", "pauses"] {
        *scene.told.mute.lock().unwrap() = BTreeSet::from([what]);
        scene.look_at_all(12).await;
        assert_eq!(scene.alarms.looked_at(), Some(NOW + 5), "{what}");
    }
    let alarms = Alarms::default();
    let sentinel = Sentinel::new(scene.book.clone(), Vec::new(), BTreeMap::new(), vec![Box::new(Mute)], alarms.clone());
    scene.time.pass(1);
    sentinel.look_slowly().await.unwrap();
    sentinel.look_once().await.unwrap();
    assert_eq!(alarms.looked_at(), Some(NOW + 65), "a vault is as mute as a destination");
}

/// One that is mute for long keeps no other from being named.
#[tokio::test]
async fn each_chain_and_part_that_is_not_seen_is_named_once_with_its_reason_and_when_it_is_seen_again() {
    let captured = Captured::start(tracing::Level::WARN);
    let scene = Scene::new().await;
    let named =
        |what: &str| captured.text().lines().filter(|line| line.contains(&format!("none tells {what}"))).count();
    for what in ["checkpoints", "funds", "sets", "pauses"] {
        assert_eq!(named(what), 0);
        scene.told.mute.lock().unwrap().insert(what);
        for _ in 0..3 {
            scene.look_at_all(15).await;
        }
        assert_eq!(named(what), if what == "sets" { 2 } else { 1 }, "{what}: {}", captured.text());
    }
    let again = |what: &str| {
        let of = |line: &&str| line.contains("see a chain again") && line.contains(what);
        captured.text().lines().filter(of).count()
    };
    assert_eq!(again("checkpoints"), 0);
    scene.told.mute.lock().unwrap().remove("checkpoints");
    for _ in 0..3 {
        scene.look_at_all(15).await;
    }
    assert_eq!((again("checkpoints"), again("funds")), (1, 0));
}
