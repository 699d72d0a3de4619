//! Both services over ledgers of their own, and what every answer of theirs must be.

use std::net::IpAddr;
use std::num::NonZeroU32;
use std::sync::Arc;

use axum::http::StatusCode;
use futures::future::BoxFuture;
use serde_json::Value;
use spandrel_api::http::OwnKeys;
use spandrel_api::webhooks::{Reach, Resolve};
use spandrel_risk::control::SignedStatement;
use spandrel_store::ApiScope;
use spandrel_verifiers_fuzz::patch::Patch;
use tokio::runtime::Runtime;

pub use crate::answers::escaped;
use crate::answers::{Asked, ask};
use crate::{guardians, users};

/// Where every name leads: to an address for documents (RFC 5737), which no webhook may have.
struct Nowhere;

impl Resolve for Nowhere {
    fn resolve(&self, _: &str) -> BoxFuture<'static, std::io::Result<Vec<IpAddr>>> {
        Box::pin(async { Ok(vec![IpAddr::from([192, 0, 2, 1])]) })
    }
}

/// Whose service is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Door {
    /// The transfer API, gRPC and the users' pages.
    Users,
    /// The control API and the guardians' pages.
    Guardians,
}

/// What came back.
#[derive(Debug)]
pub struct Answer {
    /// HTTP status.
    pub status: StatusCode,
    /// The body; nothing of a stream that goes on.
    pub body: Vec<u8>,
}

/// What targets start from.
pub struct Scene {
    runtime: Runtime,
    users: users::World,
    guardians: guardians::World,
    /// A key that may do everything, for `Authorization`.
    pub bearer: String,
    /// A quote that holds.
    pub quote: String,
    /// A route.
    pub route: String,
    /// An order's id.
    pub order: String,
    /// A pause, signed by a guardian.
    pub statement: SignedStatement,
}

thread_local! {
    static SCENE: Scene = Scene::new();
}

/// Runs `act` on this thread's scene.
pub fn on<T>(act: impl FnOnce(&Scene) -> T) -> T {
    SCENE.with(act)
}

impl Scene {
    fn new() -> Self {
        let runtime = Runtime::new().expect("threads");
        let (users, guardians, key, quote, route, order, statement) = runtime.block_on(async {
            let keys = OwnKeys::per_hour(NonZeroU32::MAX, NonZeroU32::MAX);
            let options = users::Options::new().await;
            let (own_keys, resolver, reach) = (Some(keys), Arc::new(Nowhere), Reach::Public);
            let options = users::Options { rate: 1_000_000, own_keys, resolver, reach, ..options };
            let users = users::World::with(options).await;
            let key = users.new_key(&[ApiScope::TransfersWrite, ApiScope::WebhooksWrite]).await;
            let quote = users.quote(&users::bitcoin(), 20_000).await;
            let ordered = users::answer(users.order(&quote, "first"), StatusCode::CREATED).await;
            let guardians = guardians::World::new().await;
            let statement = guardians.signed(0, guardians::pause(60)).await;
            let text = |value: &Value| value.as_str().expect("text").to_owned();
            let route = users.route(&users::bitcoin()).await;
            (users, guardians, key, text(&quote["id"]), route, text(&ordered["transfer"]["id"]), statement)
        });
        Self { runtime, users, guardians, bearer: format!("Bearer {key}"), quote, route, order, statement }
    }

    /// Asks, and checks the answer. `None` where no such request can be sent.
    pub fn ask(
        &self,
        door: Door,
        method: &str,
        target: &str,
        headers: &[(&str, &[u8])],
        body: &[u8],
    ) -> Option<Answer> {
        let app = match door {
            Door::Users => &self.users.app,
            Door::Guardians => &self.guardians.app,
        };
        let asked = Asked { method, target, headers: headers.to_vec(), body };
        let (status, body) = self.runtime.block_on(ask(app, &asked))?;
        Some(Answer { status, body })
    }
}

/// `text` after all of `patches`, as bytes.
pub fn patched(text: &str, patches: &[Patch]) -> Vec<u8> {
    spandrel_verifiers_fuzz::patch::patched(text.as_bytes().to_vec(), patches)
}
