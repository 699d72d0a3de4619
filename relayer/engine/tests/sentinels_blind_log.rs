//! What sentinels do not see is in the log. Alone in its process: what is logged is the whole process's.

#[path = "../../api/tests/captured/mod.rs"]
mod captured;
mod common;
#[expect(dead_code, reason = "other tests use the rest of it")]
mod watched;

use captured::Captured;
use watched::Scene;

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
