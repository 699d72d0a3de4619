//! How the command line reaches the relayer's APIs: addresses, and whom it trusts.

use std::net::SocketAddr;
use std::path::PathBuf;

use anyhow::{Context, Result, anyhow, ensure};
use reqwest::{Certificate, ClientBuilder, Response, Url};
use serde_json::Value;

/// Most bytes that an answer may have.
const MOST: usize = 4 << 20;

/// Whom an https connection trusts.
#[derive(Debug, clap::Args)]
pub struct Trust {
    /// File of certificates, PEM: for https these alone are trusted. The system's are when it is not given.
    #[arg(long)]
    ca: Option<PathBuf>,
}

impl Trust {
    /// A client that trusts them, to be finished.
    pub fn client(&self) -> Result<ClientBuilder> {
        let builder = reqwest::Client::builder();
        let Some(path) = &self.ca else { return Ok(builder) };
        let shown = path.display();
        let pem = std::fs::read(path).map_err(|error| anyhow!("ca: expected a file at {shown}, found: {error}"))?;
        let certificates = Certificate::from_pem_bundle(&pem).with_context(|| format!("ca: {shown}"))?;
        ensure!(!certificates.is_empty(), "ca: expected certificates in PEM in {shown}, found none");
        Ok(builder.tls_certs_only(certificates))
    }
}

/// The address of an API that listens at `listen`; `field` and `option` name where it was said and how to say another.
pub fn address(field: &str, option: &str, listen: SocketAddr, has_tls: bool) -> Result<Url> {
    let expected = "one address to connect to";
    ensure!(
        !listen.ip().is_unspecified(),
        "{field}: expected {expected}, found {listen}: say where it is with {option}"
    );
    let scheme = if has_tls { "https" } else { "http" };
    format!("{scheme}://{listen}").parse().with_context(|| field.to_owned())
}

/// An answer's JSON, of at most [`MOST`] bytes whatever its head says.
pub async fn read_json(mut answer: Response) -> Result<Value> {
    let mut body = Vec::new();
    while let Some(part) = answer.chunk().await? {
        let length = body.len() + part.len();
        ensure!(length <= MOST, "answer: expected at most {MOST} bytes, found more");
        body.extend_from_slice(&part);
    }
    serde_json::from_slice(&body).context("expected JSON")
}

/// Refuses an address where others can read and change what is said on the way.
pub fn require_private(option: &str, url: &Url) -> Result<()> {
    let is_private = match url.host() {
        Some(url::Host::Domain(name)) => name == "localhost",
        Some(url::Host::Ipv4(address)) => address.is_loopback(),
        Some(url::Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    };
    let is_kept = url.scheme() == "https" || url.scheme() == "http" && is_private;
    ensure!(is_kept, "{option}: expected https, or http on this machine, found {url}");
    Ok(())
}
