//! Style and scripts, compiled into the binary.

use std::sync::LazyLock;

use axum::extract::Path;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use sha2::{Digest, Sha256};

use super::layout::{Door, Trouble};
use crate::Problem;

struct Asset {
    name: &'static str,
    kind: &'static str,
    text: &'static str,
}

const ASSETS: [Asset; 5] = [
    Asset { name: "console.css", kind: "text/css; charset=utf-8", text: include_str!("assets/console.css") },
    Asset { name: "live.js", kind: "text/javascript; charset=utf-8", text: include_str!("assets/live.js") },
    Asset { name: "send.js", kind: "text/javascript; charset=utf-8", text: include_str!("assets/send.js") },
    Asset { name: "sign.js", kind: "text/javascript; charset=utf-8", text: include_str!("assets/sign.js") },
    Asset { name: "icon.svg", kind: "image/svg+xml", text: include_str!("assets/icon.svg") },
];

/// Changes with any of them.
static TAG: LazyLock<String> = LazyLock::new(|| {
    let mut hasher = Sha256::new();
    ASSETS.iter().for_each(|asset| hasher.update(asset.text));
    format!("\"{}\"", hex::encode(hasher.finalize().get(..8).unwrap_or_default()))
});

/// One of them; 304 when the browser has it.
pub async fn asset(Path(name): Path<String>, headers: HeaderMap) -> Response {
    let Some(asset) = ASSETS.iter().find(|asset| asset.name == name) else {
        return Trouble { door: Door::Users, problem: Problem::not_found("UNKNOWN_PATH", "such file") }.into_response();
    };
    let caching = [(header::CACHE_CONTROL, "no-cache"), (header::ETAG, TAG.as_str())];
    if headers.get(header::IF_NONE_MATCH).is_some_and(|sent| sent.as_bytes() == TAG.as_bytes()) {
        return (StatusCode::NOT_MODIFIED, caching).into_response();
    }
    (caching, [(header::CONTENT_TYPE, asset.kind)], asset.text).into_response()
}
