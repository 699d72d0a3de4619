//! Certificates of the ports that speak TLS.

use std::time::Duration;

use anyhow::{Result, anyhow};
use spandrel_api::http::Tls;
use tokio_util::sync::CancellationToken;

use crate::clock::unix_now;
use crate::config::{Config, TlsConfig};

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
        let files = files.clone();
        let read = tokio::task::spawn_blocking(move || read_tls(field, &files)).await;
        match read.unwrap_or_else(|broken| Err(broken.into())) {
            Ok(found) => {
                refused = None;
                if served.renew(&found) {
                    tracing::info!(field, until = found.until(), "a renewed certificate is served");
                }
            }
            // Said once: it is looked at again.
            Err(error) => {
                let told = Some(format!("{error:#}"));
                if refused != told {
                    tracing::warn!(field, %error, "a certificate that cannot be served; the one before is served on");
                    refused = told;
                }
            }
        }
    }
}
