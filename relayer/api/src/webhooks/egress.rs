//! How webhooks leave: one request a connection, to an address that was checked after its name was resolved, never
//! through a proxy, never along a redirect.

use std::error::Error;
use std::io;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;
use ipnet::IpNet;
use reqwest::dns::{Addrs, Name, Resolving};
use reqwest::{Client, Url, redirect};

use super::{Reach, SIGNATURE_HEADER};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
/// Most time from connecting to the answer's head.
const TIMEOUT: Duration = Duration::from_secs(8);
/// Longest address of a webhook.
const LONGEST_URL: usize = 2_048;

/// Resolves names.
pub trait Resolve: Send + Sync {
    /// The addresses of `host`.
    ///
    /// # Errors
    /// When it has none or nobody answers.
    fn resolve(&self, host: &str) -> BoxFuture<'static, io::Result<Vec<IpAddr>>>;
}

/// As the machine resolves names.
#[derive(Clone, Copy, Debug)]
pub struct SystemResolver;

impl Resolve for SystemResolver {
    fn resolve(&self, host: &str) -> BoxFuture<'static, io::Result<Vec<IpAddr>>> {
        let host = host.to_owned();
        Box::pin(async move {
            let found = tokio::net::lookup_host((host.as_str(), 0)).await?;
            Ok(found.map(|address| address.ip()).collect())
        })
    }
}

/// Why an address is not one for a webhook.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// Its text.
    #[error("expected {0}")]
    Malformed(&'static str),
    /// Its name does not resolve.
    #[error("its name does not resolve")]
    Unresolved,
    /// It leads inside. Where exactly is not told.
    #[error("it leads to an address that is not public")]
    NotPublic,
}

/// What came of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attempt {
    /// Whether the receiver took it: any 2xx.
    pub delivered: bool,
    /// The answer's status, if there was one.
    pub status: Option<u16>,
    /// Why it was not taken.
    pub error: Option<String>,
}

/// The way out.
pub struct Egress {
    client: Client,
    guard: Guard,
}

#[derive(Clone)]
struct Guard {
    resolver: Arc<dyn Resolve>,
    reach: Reach,
    refused: Arc<[IpNet]>,
}

impl Egress {
    /// A way out to addresses within `reach` and in none of the networks that are `refused`, with names resolved by `resolver`.
    ///
    /// # Errors
    /// When TLS cannot be set up.
    pub fn new(reach: Reach, refused: Vec<IpNet>, resolver: Arc<dyn Resolve>) -> Result<Self, reqwest::Error> {
        let guard = Guard { resolver, reach, refused: refused.into() };
        let client = Client::builder()
            .dns_resolver(Arc::new(guard.clone()))
            .https_only(reach == Reach::Public)
            .redirect(redirect::Policy::none())
            .no_proxy()
            .referer(false)
            .pool_max_idle_per_host(0)
            .connect_timeout(CONNECT_TIMEOUT)
            .timeout(TIMEOUT)
            .user_agent(concat!("spandrel-webhooks/", env!("CARGO_PKG_VERSION")))
            .build()?;
        Ok(Self { client, guard })
    }

    /// Whether a webhook may be registered at `url`: its form, and where its name leads now.
    ///
    /// # Errors
    /// Why not.
    pub(crate) async fn check(&self, url: &str) -> Result<(), Refused> {
        let url = self.guard.read(url)?;
        match url.host() {
            Some(url::Host::Domain(name)) => self.guard.addresses(name.to_owned()).await.map(|_| ()),
            _ => Ok(()),
        }
    }

    /// Sends one delivery. The answer's body is not read.
    pub(crate) async fn post(&self, url: &str, id: &str, signature: String, body: String) -> Attempt {
        let url = match self.guard.read(url) {
            Ok(url) => url,
            Err(refused) => return Attempt { delivered: false, status: None, error: Some(refused.to_string()) },
        };
        let request = self
            .client
            .post(url)
            .header("content-type", "application/json")
            .header("spandrel-delivery", id)
            .header(SIGNATURE_HEADER, signature)
            .body(body);
        match request.send().await {
            Ok(answer) => {
                let (status, delivered) = (answer.status().as_u16(), answer.status().is_success());
                let error = (!delivered).then(|| format!("it answered {status}"));
                Attempt { delivered, status: Some(status), error }
            }
            Err(error) => Attempt { delivered: false, status: None, error: Some(told(&error)) },
        }
    }
}

impl Guard {
    fn allows(&self, address: IpAddr) -> bool {
        self.reach.allows(address) && !self.refused.iter().any(|network| network.contains(&address))
    }

    /// Reads an address, and checks all of it that needs no resolver.
    fn read(&self, text: &str) -> Result<Url, Refused> {
        if text.len() > LONGEST_URL {
            return Err(Refused::Malformed("at most 2048 characters"));
        }
        let url: Url = text.parse().map_err(|_| Refused::Malformed("an absolute URL"))?;
        match url.scheme() {
            "https" => {}
            "http" if self.reach == Reach::PublicAndLoopback => {}
            _ => return Err(Refused::Malformed("https")),
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(Refused::Malformed("no user or password in it"));
        }
        let literal = match url.host() {
            None => return Err(Refused::Malformed("a host")),
            Some(url::Host::Domain(_)) => None,
            Some(url::Host::Ipv4(address)) => Some(IpAddr::V4(address)),
            Some(url::Host::Ipv6(address)) => Some(IpAddr::V6(address)),
        };
        if literal.is_some_and(|address| !self.allows(address)) {
            return Err(Refused::NotPublic);
        }
        Ok(url)
    }

    /// The addresses of a name. One that is not public spoils all: it is either an attack or a mistake.
    async fn addresses(&self, host: String) -> Result<Vec<IpAddr>, Refused> {
        let found = tokio::time::timeout(CONNECT_TIMEOUT, self.resolver.resolve(&host)).await;
        let found = found.ok().and_then(Result::ok).filter(|found| !found.is_empty()).ok_or(Refused::Unresolved)?;
        if found.iter().all(|address| self.allows(*address)) { Ok(found) } else { Err(Refused::NotPublic) }
    }
}

/// Every connection asks here, so what was public when it was registered is checked again when it is used.
impl reqwest::dns::Resolve for Guard {
    fn resolve(&self, name: Name) -> Resolving {
        let guard = self.clone();
        Box::pin(async move {
            let addresses = guard.addresses(name.as_str().to_owned()).await?;
            let addresses: Addrs = Box::new(addresses.into_iter().map(|address| (address, 0).into()));
            Ok(addresses)
        })
    }
}

/// What the owner of a webhook is told of a failure: no address, no name, nothing of the answer.
fn told(error: &reqwest::Error) -> String {
    let mut cause = error.source();
    while let Some(inner) = cause {
        if let Some(refused) = inner.downcast_ref::<Refused>() {
            return refused.to_string();
        }
        cause = inner.source();
    }
    let what = match error {
        error if error.is_timeout() => "it did not answer in time",
        error if error.is_connect() => "no connection, or no valid certificate",
        _ => "the connection broke",
    };
    what.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Fixed(&'static [&'static str]);

    impl Resolve for Fixed {
        fn resolve(&self, _: &str) -> BoxFuture<'static, io::Result<Vec<IpAddr>>> {
            let addresses = self.0.iter().map(|text| text.parse().unwrap()).collect();
            Box::pin(async move { Ok(addresses) })
        }
    }

    async fn check(url: &str, leads_to: &'static [&'static str]) -> Result<(), Refused> {
        Egress::new(Reach::Public, Vec::new(), Arc::new(Fixed(leads_to))).unwrap().check(url).await
    }

    #[tokio::test]
    async fn only_https_to_a_public_name_or_address_is_taken() {
        assert_eq!(check("https://example.com/hook", &["93.184.216.34"]).await, Ok(()));
        assert_eq!(check("https://1.1.1.1:8443/hook", &[]).await, Ok(()));
        let long = format!("https://example.com/{}", "a".repeat(2_048));
        for url in
            ["http://example.com", "ftp://example.com", "example.com", "https://", "", "file:///etc/passwd", &long]
        {
            assert!(matches!(check(url, &["93.184.216.34"]).await, Err(Refused::Malformed(_))), "{url}");
        }
        assert!(matches!(check("https://user:pw@example.com", &["1.1.1.1"]).await, Err(Refused::Malformed(_))));
    }

    #[tokio::test]
    async fn every_spelling_of_an_inner_address_is_refused() {
        let spellings = [
            "https://127.0.0.1",
            "https://127.1",
            "https://0x7f.1",
            "https://2130706433",
            "https://017700000001",
            "https://[::1]",
            "https://[::ffff:127.0.0.1]",
            "https://[64:ff9b::127.0.0.1]",
            "https://[fe80::1]",
            "https://169.254.169.254/latest/meta-data",
            "https://[fd00:ec2::254]",
            "https://10.0.0.1",
            "https://0",
        ];
        for url in spellings {
            assert_eq!(check(url, &["1.1.1.1"]).await, Err(Refused::NotPublic), "{url}");
        }
    }

    #[tokio::test]
    async fn a_network_that_the_operator_refuses_is_refused_in_every_spelling() {
        let refused = || vec!["93.184.216.0/24".parse().unwrap(), "2606:4700::/32".parse().unwrap()];
        let check = async |url: &str, leads_to| {
            Egress::new(Reach::Public, refused(), Arc::new(Fixed(leads_to))).unwrap().check(url).await
        };
        for url in ["https://93.184.216.34", "https://0x5db8d822", "https://[2606:4700::1111]"] {
            assert_eq!(check(url, &["1.1.1.1"]).await, Err(Refused::NotPublic), "{url}");
        }
        assert_eq!(check("https://own.example", &["1.1.1.1", "93.184.216.34"]).await, Err(Refused::NotPublic));
        assert_eq!(check("https://own.example", &["1.1.1.1", "93.184.217.34"]).await, Ok(()));
    }

    #[tokio::test]
    async fn one_inner_address_among_public_ones_spoils_the_name() {
        assert_eq!(check("https://example.com", &["1.1.1.1", "10.0.0.1"]).await, Err(Refused::NotPublic));
        assert_eq!(check("https://localhost", &["127.0.0.1"]).await, Err(Refused::NotPublic));
        assert_eq!(check("https://example.com", &[]).await, Err(Refused::Unresolved));
    }
}
