//! Certificates of the ports that speak TLS.

use std::time::Duration;

use anyhow::{Result, anyhow};
use spandrel_api::http::Tls;
use tokio_util::sync::CancellationToken;

use crate::clock::unix_now;
use crate::config::{Config, TlsConfig};

#[cfg(test)]
#[expect(dead_code, reason = "other tests use the rest of it")]
#[path = "../../../api/tests/certificates/mod.rs"]
mod certificates;

/// Between two looks at a port's certificate and key.
const LOOK_EVERY: Duration = Duration::from_secs(5);

/// Every port that speaks TLS: the table's name, and the table.
pub fn tls_ports(config: &Config) -> impl Iterator<Item = (&'static str, &TlsConfig)> {
    let api = config.api.as_ref().and_then(|api| api.tls.as_ref()).map(|tls| ("api.tls", tls));
    let control = config.control.as_ref().and_then(|control| control.tls.as_ref()).map(|tls| ("control.tls", tls));
    api.into_iter().chain(control)
}

/// Reads a certificate and its key, and looks whether clients will take them today.
///
/// # Errors
/// Name the field below `field`, and show nothing of the key.
pub fn read_tls(field: &str, tls: &TlsConfig) -> Result<Tls> {
    let path = tls.certificate.display();
    let chain = std::fs::read(&tls.certificate)
        .map_err(|error| anyhow!("{field}.certificate: expected a file at {path}, found: {error}"))?;
    let key = tls.key.read_text().map_err(|error| anyhow!("{field}.key: {error}"))?;
    Tls::new(&chain, &key, unix_now()).map_err(|error| match error.field {
        "certificate" => anyhow!("{field}.{error} ({path})"),
        _ => anyhow!("{field}.{error} ({})", tls.key),
    })
}

/// Serves renewed certificates soon after they are there, until `stop`; while what is there fits nothing, the one before. Both
/// are read again and again, for they may be links, or on a file system that tells nobody what changes.
pub async fn renew_tls(field: &'static str, files: &TlsConfig, served: &Tls, stop: &CancellationToken) {
    let mut refused = None;
    while stop.run_until_cancelled(tokio::time::sleep(LOOK_EVERY)).await.is_some() {
        look(field, files, served, &mut refused).await;
    }
}

/// Looks once. Why a pair was refused is said once, until that changes.
async fn look(field: &'static str, files: &TlsConfig, served: &Tls, refused: &mut Option<String>) {
    let files = files.clone();
    let read = tokio::task::spawn_blocking(move || read_tls(field, &files)).await;
    match read.unwrap_or_else(|broken| Err(broken.into())) {
        Ok(found) => {
            *refused = None;
            if served.renew(&found) {
                tracing::info!(field, until = found.until(), "a renewed certificate is served");
            }
        }
        Err(error) => {
            let told = Some(format!("{error:#}"));
            if *refused != told {
                tracing::warn!(field, %error, "a certificate that cannot be served; the one before is served on");
                *refused = told;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::certificates::{Authority, Certified};
    use super::*;

    /// Whatever stands in the files, nothing but a pair that clients take replaces what is served.
    #[tokio::test]
    async fn what_cannot_be_served_leaves_the_one_before_serving() {
        let (folder, authority) = (tempfile::tempdir().unwrap(), Authority::new());
        let (chain, key) = (folder.path().join("chain.pem"), folder.path().join("key.pem"));
        let files = TlsConfig { certificate: chain.clone(), key: format!("file:{}", key.display()).parse().unwrap() };
        let put = |certified: &Certified| {
            std::fs::write(&chain, &certified.chain).unwrap();
            std::fs::write(&key, &certified.key).unwrap();
        };
        let until = |year| authority.certify_between(&["localhost"], 2_000, year);
        put(&until(2_400));
        let served = read_tls("api.tls", &files).unwrap();
        let (before, good, mut refused) = (served.until(), until(2_450), None);
        let with = |chain: &str, key: &str| Certified { chain: chain.to_owned(), key: key.to_owned() };
        for broken in [
            with(&good.chain, &until(2_450).key),
            with(&good.chain[..good.chain.len() / 2], &good.key),
            with(&good.chain, &good.key[..good.key.len() / 2]),
            with("", ""),
            with(&good.key, &good.chain),
            with(&format!("{}{}", good.chain, Authority::new().pem), &good.key),
            with(&authority.pem, &good.key),
            until(2_020),
            authority.certify_between(&["localhost"], 2_400, 2_450),
        ] {
            put(&broken);
            look("api.tls", &files, &served, &mut refused).await;
            assert!(refused.take().is_some(), "{}", broken.chain);
            assert_eq!(served.until(), before, "{}", broken.chain);
        }
        std::fs::remove_file(&chain).unwrap();
        look("api.tls", &files, &served, &mut refused).await;
        assert!(refused.is_some() && served.until() == before, "no file");
        put(&good);
        look("api.tls", &files, &served, &mut refused).await;
        assert!(refused.is_none() && served.until() != before);
    }
}
