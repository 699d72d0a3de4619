//! Callers behind a proxy, and callers who say that they are.

use std::collections::BTreeSet;
use std::net::IpAddr;

use reqwest::{Client, StatusCode};
use spandrel_api::http::{ForwardedBy, Proxies, Room};

use crate::world::{Options, World};

/// A world behind a proxy at 127.0.0.9, which has its caller's address in `X-Forwarded-For`.
async fn behind_a_proxy(places: Room) -> World {
    let networks = vec!["127.0.0.9/32".parse().unwrap()];
    let proxies = Some(Proxies { networks, header: ForwardedBy::XForwardedFor });
    World::with(Options { rate: 2, places, proxies, ..Options::new().await }).await
}

fn from(last: u8) -> Client {
    Client::builder().local_address(IpAddr::from([127, 0, 0, last])).build().unwrap()
}

async fn ask(world: &World, client: &Client, header: &str, told: &str) -> StatusCode {
    client.get(format!("{}/v1/chains", world.base)).header(header, told).send().await.unwrap().status()
}

const ROOM: Room = Room { all: 100, each: 100 };

#[tokio::test]
async fn callers_behind_a_proxy_have_a_bucket_each() {
    let world = behind_a_proxy(ROOM).await;
    let proxy = from(9);
    for caller in 1..40 {
        let told = format!("192.0.2.{caller}");
        assert_eq!(ask(&world, &proxy, "x-forwarded-for", &told).await, StatusCode::OK, "{told}");
    }
    let mut answers = BTreeSet::new();
    for _ in 0..12 {
        answers.insert(ask(&world, &proxy, "x-forwarded-for", "192.0.2.77").await);
    }
    assert!(answers.contains(&StatusCode::TOO_MANY_REQUESTS), "{answers:?}");
}

/// Neither who is no proxy, nor who is behind one, is another by saying so.
#[tokio::test]
async fn a_forged_header_gives_nobody_another_bucket() {
    let world = behind_a_proxy(ROOM).await;
    let (stranger, proxy) = (from(8), from(9));
    let mut refused = [0, 0, 0];
    for n in 0..40 {
        let forged = format!("198.51.100.{n}");
        let behind = format!("{forged}, 192.0.2.1");
        let asked = [
            ask(&world, &stranger, "x-forwarded-for", &forged).await,
            ask(&world, &proxy, "x-forwarded-for", &behind).await,
            ask(&world, &proxy, "forwarded", &format!("for={forged}")).await,
        ];
        for (count, status) in refused.iter_mut().zip(asked) {
            *count += usize::from(status == StatusCode::TOO_MANY_REQUESTS);
        }
    }
    assert!(refused.iter().all(|count| *count > 10), "{refused:?}");
}

/// Its connections are many callers', and those of anyone else are one's.
#[tokio::test]
async fn a_proxy_has_more_connections_than_one_caller() {
    let world = behind_a_proxy(Room { all: 6, each: 2 }).await;
    let (mut held, mut statuses) = (Vec::new(), Vec::new());
    for (last, count) in [(8, 3), (9, 4)] {
        for n in 0..count {
            let client = from(last);
            statuses.push(ask(&world, &client, "x-forwarded-for", &format!("192.0.2.{n}")).await.as_u16());
            held.push(client);
        }
    }
    assert_eq!(statuses, [200, 200, 503, 200, 200, 200, 200]);
}
