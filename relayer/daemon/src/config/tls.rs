//! Ports that speak TLS.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use spandrel_signer::SecretRef;

/// A certificate and its key. They are read at the start and every few seconds: a renewed pair is served from the next
/// connection on, and one that does not fit is not.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TlsConfig {
    /// File of certificates, PEM: the server's own first, then its issuers'; the root's is not needed.
    pub certificate: PathBuf,
    /// Where its private key is, PEM, the whole file or variable.
    #[schemars(with = "super::schema::Secret")]
    pub key: SecretRef,
}
