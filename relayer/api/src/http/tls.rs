//! TLS of a port: a certificate chain and its key, looked at before anything is served with them.

use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use rustls::client::{verify_server_cert_signed_by_trust_anchor, verify_server_name};
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{CertificateError, Error, RootCertStore, ServerConfig};
use spandrel_signer::Secret;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

/// Most time for a peer to agree on keys.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(5);
/// A time after every certificate's end.
const END_OF_TIME: u64 = 1 << 40;

/// A certificate or key that nobody could be served with.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{field}: expected {expected}, found {found}")]
pub struct TlsError {
    /// `certificate` or `key`.
    pub field: &'static str,
    /// What must be there.
    pub expected: String,
    /// What is there; nothing of a key.
    pub found: String,
}

/// What a port proves who it is with. HTTP/2 and HTTP/1.1 are offered (ALPN), TLS 1.3 and 1.2. Clones share it: renewed, it is
/// renewed for all of them.
#[derive(Clone)]
pub struct Tls(Arc<RwLock<Arc<Identity>>>);

struct Identity {
    acceptor: TlsAcceptor,
    /// The same with HTTP/1.1 alone.
    plainly: TlsAcceptor,
    own: CertificateDer<'static>,
    issuers: Vec<CertificateDer<'static>>,
    until: u64,
}

impl Tls {
    /// Takes a chain (PEM, the server's own certificate first) and its private key (PEM).
    ///
    /// # Errors
    /// When they do not read or belong together, when a certificate has ended or not begun at `now` (seconds since 1970),
    /// when the first is not a server's, when it has issuers beside it and none of them issued it.
    pub fn new(chain: &[u8], key: &Secret, now: u64) -> Result<Self, TlsError> {
        let chain: Vec<_> = CertificateDer::pem_slice_iter(chain)
            .collect::<Result<_, _>>()
            .map_err(|error| refused("certificate", "certificates in PEM", error))?;
        let Some((own, issuers)) = chain.split_first() else {
            return Err(refused("certificate", "certificates in PEM", "none"));
        };
        let mut until = u64::MAX;
        for certificate in &chain {
            until = until.min(check_time(certificate, now)?);
        }
        check_use(own, issuers, now)?;
        let (own, issuers) = (own.clone(), issuers.to_vec());
        // What the parser says may repeat a line of the key.
        let key = PrivateKeyDer::from_pem_slice(key.expose().as_bytes())
            .map_err(|_| refused("key", "a private key in PEM (PKCS #8, PKCS #1 or SEC1)", "none that reads"))?;
        let mut config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()
            .and_then(|builder| builder.with_no_client_auth().with_single_cert(chain, key))
            .map_err(|error| match error {
                Error::InconsistentKeys(_) => refused("key", "the key of the certificate", "another"),
                other => refused("key", "a key that signs", other),
            })?;
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        let plainly = Arc::new(config.clone()).into();
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        let identity = Identity { acceptor: Arc::new(config).into(), plainly, own, issuers, until };
        Ok(Self(Arc::new(RwLock::new(Arc::new(identity)))))
    }

    /// When the first of its certificates ends, seconds since 1970.
    pub fn until(&self) -> u64 {
        self.now().until
    }

    /// Serves what `found` is, from the next connection on; false when its certificates are those that are served already.
    pub fn renew(&self, found: &Self) -> bool {
        let (now, found) = (self.now(), found.now());
        if (&now.own, &now.issuers) == (&found.own, &found.issuers) {
            return false;
        }
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = found;
        true
    }

    fn now(&self) -> Arc<Identity> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Whether its certificate is for this name or address.
    pub(crate) fn is_for(&self, host: &str) -> bool {
        let now = self.now();
        let Ok(certificate) = ParsedCertificate::try_from(&now.own) else { return false };
        ServerName::try_from(host).is_ok_and(|name| verify_server_name(&certificate, &name).is_ok())
    }

    /// Agrees on keys with a peer, in time or not at all.
    pub(super) async fn greet<S>(&self, stream: S) -> std::io::Result<TlsStream<S>>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        tokio::time::timeout(HANDSHAKE_TIMEOUT, self.now().acceptor.accept(stream)).await?
    }

    /// The same with a peer who will be told, in HTTP/1.1, that there is no place.
    pub(super) async fn greet_plainly<S>(&self, stream: S) -> std::io::Result<TlsStream<S>>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        self.now().plainly.accept(stream).await
    }
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tls").field("until", &self.until()).finish_non_exhaustive()
    }
}

fn refused(field: &'static str, expected: &str, found: impl fmt::Display) -> TlsError {
    TlsError { field, expected: expected.to_owned(), found: found.to_string() }
}

/// Follows the path from a certificate to one of `roots` at a time. The rules are those of the clients that will come.
fn verify(certificate: &CertificateDer<'_>, roots: &RootCertStore, at: u64) -> Result<(), Error> {
    let parsed = ParsedCertificate::try_from(certificate)?;
    let algorithms = aws_lc_rs::default_provider().signature_verification_algorithms.all;
    let at = UnixTime::since_unix_epoch(Duration::from_secs(at));
    verify_server_cert_signed_by_trust_anchor(&parsed, roots, &[], at, algorithms)
}

/// When it ends. The time is what a path is looked at first for, so no root is needed.
fn check_time(certificate: &CertificateDer<'_>, now: u64) -> Result<u64, TlsError> {
    let refuse = |found: String| Err(refused("certificate", "one that is valid now", found));
    match verify(certificate, &RootCertStore::empty(), now) {
        Err(Error::InvalidCertificate(CertificateError::ExpiredContext { not_after, .. })) => {
            return refuse(format!("one that ended {}", day(not_after.as_secs())));
        }
        Err(Error::InvalidCertificate(CertificateError::NotValidYetContext { not_before, .. })) => {
            return refuse(format!("one that begins {}", day(not_before.as_secs())));
        }
        Err(Error::InvalidCertificate(CertificateError::BadEncoding)) => {
            return Err(refused("certificate", "certificates (X.509)", "other bytes"));
        }
        _ => {}
    }
    match verify(certificate, &RootCertStore::empty(), END_OF_TIME) {
        Err(Error::InvalidCertificate(CertificateError::ExpiredContext { not_after, .. })) => Ok(not_after.as_secs()),
        _ => Ok(END_OF_TIME),
    }
}

/// Whether it is a server's own, issued by one of those beside it; one that stands alone has an issuer that clients know.
fn check_use(own: &CertificateDer<'_>, issuers: &[CertificateDer<'_>], now: u64) -> Result<(), TlsError> {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(issuers.iter().map(CertificateDer::as_ref).map(CertificateDer::from));
    match verify(own, &roots, now) {
        Ok(()) => Ok(()),
        Err(Error::InvalidCertificate(CertificateError::UnknownIssuer)) if issuers.is_empty() => Ok(()),
        Err(Error::InvalidCertificate(CertificateError::UnknownIssuer | CertificateError::BadSignature)) => {
            Err(refused("certificate", "the issuer of the first certificate after it", "another's"))
        }
        Err(error) => Err(refused("certificate", "a server's own certificate first", error)),
    }
}

fn day(at: u64) -> String {
    let at = std::time::UNIX_EPOCH + Duration::from_secs(at.min(253_402_300_799));
    humantime::format_rfc3339_seconds(at).to_string()
}
