//! Certificates of the ports that speak TLS.

use anyhow::{Result, anyhow};
use spandrel_api::http::Tls;

use crate::clock::unix_now;
use crate::config::{Config, TlsConfig};

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
