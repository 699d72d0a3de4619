//! Style and scripts, compiled into the binary.

use std::sync::LazyLock;

use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use sha2::{Digest, Sha256};

use super::layout::{Door, Trouble};
use crate::Problem;
use crate::http::Path;

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
        return Trouble::new(Door::Users, Problem::not_found("UNKNOWN_PATH", "such file")).into_response();
    };
    let caching = [(header::CACHE_CONTROL, "no-cache"), (header::ETAG, TAG.as_str())];
    if headers.get(header::IF_NONE_MATCH).is_some_and(|sent| sent.as_bytes() == TAG.as_bytes()) {
        return (StatusCode::NOT_MODIFIED, caching).into_response();
    }
    (caching, [(header::CONTENT_TYPE, asset.kind)], asset.text).into_response()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    /// The colours of `block`, by name.
    fn colours(block: &str) -> BTreeMap<&str, [f64; 3]> {
        let end = block.find('}').unwrap();
        let lines = block[..end].split(';').filter_map(|line| line.trim().strip_prefix("--")?.split_once(": #"));
        let channel = |hex: &str, at: usize| f64::from(u8::from_str_radix(&hex[at..at + 2], 16).unwrap()) / 255.0;
        lines.map(|(name, hex)| (name, [channel(hex, 0), channel(hex, 2), channel(hex, 4)])).collect()
    }

    /// Contrast of WCAG 2.2, 1.4.3.
    fn contrast(one: [f64; 3], other: [f64; 3]) -> f64 {
        let linear = |c: f64| if c <= 0.04045 { c / 12.92 } else { ((c + 0.055) / 1.055).powf(2.4) };
        let luminance = |[r, g, b]: [f64; 3]| 0.2126 * linear(r) + 0.7152 * linear(g) + 0.0722 * linear(b);
        let (one, other) = (luminance(one), luminance(other));
        (one.max(other) + 0.05) / (one.min(other) + 0.05)
    }

    #[test]
    fn every_text_stands_out_from_its_ground_in_both_themes() {
        let css = ASSETS[0].text;
        let (light, dark) = css.split_once("prefers-color-scheme: dark").unwrap();
        for (theme, block) in [("light", light), ("dark", dark)] {
            let colours = colours(&block[block.find(":root {").unwrap() + 7..]);
            let pairs = [
                ("text", "page"),
                ("text", "card"),
                ("faint", "page"),
                ("faint", "card"),
                ("accent", "page"),
                ("accent", "card"),
                ("on-accent", "accent"),
                ("card", "bad"),
                ("ok", "ok-back"),
                ("warn", "warn-back"),
                ("bad", "bad-back"),
                ("busy", "busy-back"),
                ("faint", "warn-back"),
                ("text", "bad-back"),
                ("text", "ok-back"),
                ("accent", "warn-back"),
            ];
            for (text, ground) in pairs {
                let found = contrast(colours[text], colours[ground]);
                assert!(found >= 4.5, "{theme}: {text} on {ground}: {found:.2}");
            }
        }
    }
}
