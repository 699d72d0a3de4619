//! Every way in which a webhook could be turned to the inside of the network.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use futures::future::BoxFuture;
use reqwest::StatusCode;
use serde_json::{Value, json};
use spandrel_api::webhooks::{Reach, Resolve};

use super::{deliver, deliveries, deposit, register};
use crate::receiver::{Manner, Receiver};
use crate::world::{Options, World, answer, problem};

#[tokio::test]
async fn redirects_are_not_followed() {
    let world = World::new().await;
    let inside = Receiver::start(Manner::Status(200)).await;
    let receiver = Receiver::start(Manner::Redirect(inside.url.clone())).await;
    let (id, _) = register(&world, &world.key, &receiver.url).await;
    deposit(&world, 1).await;
    deliver(&world).await;
    assert_eq!(receiver.received().len(), 1);
    assert!(inside.received().is_empty());
    assert_eq!(deliveries(&world, &id).await[0]["last_error"], "it answered 307");
}

/// Answers what an attacker's name server would: something public when asked first, then loopback.
struct Rebinding(AtomicUsize);

impl Resolve for Rebinding {
    fn resolve(&self, _: &str) -> BoxFuture<'static, std::io::Result<Vec<IpAddr>>> {
        let asked = self.0.fetch_add(1, Ordering::SeqCst);
        let address: IpAddr = if asked == 0 { [93, 184, 216, 34].into() } else { [127, 0, 0, 1].into() };
        Box::pin(async move { Ok(vec![address]) })
    }
}

/// A delivery to a name that was public when it was registered and leads to loopback now; connections that came there.
async fn rebind(reach: Reach, refused: &[&'static str]) -> (usize, Value) {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let came = Arc::new(AtomicUsize::new(0));
    let counted = came.clone();
    tokio::spawn(async move {
        while listener.accept().await.is_ok() {
            counted.fetch_add(1, Ordering::SeqCst);
        }
    });
    let resolver = Arc::new(Rebinding(AtomicUsize::new(0)));
    let world = World::with(Options { reach, refused: refused.to_vec(), resolver, ..Options::new().await }).await;
    let (id, _) = register(&world, &world.key, &format!("https://hooks.example:{port}/")).await;
    deposit(&world, 1).await;
    deliver(&world).await;
    let listed = deliveries(&world, &id).await;
    (came.load(Ordering::SeqCst), listed)
}

#[tokio::test]
async fn a_name_that_leads_inside_after_it_was_registered_is_never_connected_to() {
    for (reach, refused) in [(Reach::Public, &[][..]), (Reach::PublicAndLoopback, &["127.0.0.0/8"])] {
        let (connections, listed) = rebind(reach, refused).await;
        assert_eq!(connections, 0);
        assert_eq!(listed[0]["last_error"], "it leads to an address that is not public");
    }
    let (connections, _) = rebind(Reach::PublicAndLoopback, &["198.51.100.0/24"]).await;
    assert_eq!(connections, 1, "without the rule it would have been");
}

#[tokio::test]
async fn addresses_inside_are_refused_when_they_are_registered() {
    let world = World::with(Options { reach: Reach::Public, ..Options::new().await }).await;
    let urls = [
        "http://example.com/hook",
        "https://127.0.0.1/",
        "https://localhost/",
        "https://[::ffff:10.0.0.1]/",
        "https://169.254.169.254/latest/meta-data",
        "https://[64:ff9b::a00:1]/",
        "https://2130706433/",
        "nonsense",
        "https://user:password@1.1.1.1/",
    ];
    for url in urls {
        let register = world.register(&world.key, url, "one");
        let refused = problem(register, StatusCode::UNPROCESSABLE_ENTITY, "URL_REFUSED").await;
        assert_eq!(refused["parameter"], "url");
    }
    assert_eq!(answer(world.get("/v1/webhooks").bearer_auth(&world.key), StatusCode::OK).await, json!([]));
}
