//! What sentinels do not see, and since when.

mod common;
#[expect(dead_code, reason = "other tests use the rest of it")]
mod watched;

use std::collections::{BTreeMap, BTreeSet};

use futures::future::BoxFuture;
use spandrel_engine::{Alarms, Sentinel};
use spandrel_verifiers::ChainId;
use spandrel_watchers::sentinel::{Holding, VaultPause, VaultView};

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
