//! Where a Bitcoin Core node's JSON-RPC is, and how to log in; credentials never appear in text.

use std::fmt;
use std::path::{Path, PathBuf};

use reqwest::Url;
use spandrel_verifiers::follow::FollowError;

use super::RpcError;

/// How to log in.
#[derive(Clone, PartialEq, Eq)]
pub enum RpcAuth {
    /// No credentials: a proxy adds them.
    None,
    /// `rpcuser` and `rpcpassword`, or an `rpcauth` user.
    Password {
        /// Name.
        user: String,
        /// Password.
        password: String,
    },
    /// The node's `.cookie` file, read for every call: it changes whenever the node starts.
    Cookie(PathBuf),
}

/// URL and credentials of a node's JSON-RPC. `Debug` and `Display` show scheme, host and port only: a path or query
/// may hold a provider's key.
#[derive(Clone)]
pub struct RpcEndpoint {
    url: Url,
    auth: RpcAuth,
}

impl RpcEndpoint {
    /// Parses an `http` or `https` URL. A user and password in it are taken out and used when `auth` is
    /// [`RpcAuth::None`].
    ///
    /// # Errors
    /// [`FollowError::Permanent`] (`bitcoin.rpc`), which does not repeat the text.
    pub fn parse(text: &str, auth: RpcAuth) -> Result<Self, FollowError> {
        let refused = |found: String| FollowError::Permanent {
            field: "bitcoin.rpc".to_owned(),
            expected: "an http or https URL".to_owned(),
            found,
        };
        let mut url = Url::parse(text).map_err(|error| refused(error.to_string()))?;
        if !matches!(url.scheme(), "http" | "https") || !url.has_host() {
            return Err(refused(format!("scheme {}", url.scheme())));
        }
        let embedded = url
            .password()
            .map(|password| RpcAuth::Password { user: url.username().to_owned(), password: password.to_owned() });
        if url.set_username("").is_err() || url.set_password(None).is_err() {
            return Err(refused("a URL without a place for credentials".to_owned()));
        }
        let auth = match (auth, embedded) {
            (RpcAuth::None, Some(embedded)) => embedded,
            (auth, _) => auth,
        };
        Ok(Self { url, auth })
    }

    pub(super) fn url(&self) -> &Url {
        &self.url
    }

    /// Whether a refused login may pass later: a cookie changes, a password does not.
    pub(super) fn login_may_change(&self) -> bool {
        matches!(self.auth, RpcAuth::Cookie(_))
    }

    /// User and password for basic authentication.
    pub(super) async fn credentials(&self) -> Result<Option<(String, String)>, RpcError> {
        match &self.auth {
            RpcAuth::None => Ok(None),
            RpcAuth::Password { user, password } => Ok(Some((user.clone(), password.clone()))),
            RpcAuth::Cookie(path) => self.read_cookie(path).await.map(Some),
        }
    }

    async fn read_cookie(&self, path: &Path) -> Result<(String, String), RpcError> {
        let unreachable = |reason: String| RpcError::Unreachable { endpoint: self.to_string(), reason };
        let text =
            tokio::fs::read_to_string(path).await.map_err(|error| unreachable(format!("cookie file: {error}")))?;
        let split = text.trim().split_once(':').map(|(user, password)| (user.to_owned(), password.to_owned()));
        split.ok_or_else(|| unreachable("cookie file: not `user:password`".to_owned()))
    }
}

impl fmt::Display for RpcEndpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", self.url.scheme(), self.url.host_str().unwrap_or_default())?;
        self.url.port().map_or(Ok(()), |port| write!(f, ":{port}"))
    }
}

impl fmt::Debug for RpcEndpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RpcEndpoint({self})")
    }
}

impl fmt::Debug for RpcAuth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::None => "None",
            Self::Password { .. } => "Password(…)",
            Self::Cookie(_) => "Cookie(…)",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn credentials_in_the_url_are_used_and_never_shown() {
        let endpoint = RpcEndpoint::parse("http://alice:s3cret@127.0.0.1:18443/k3y", RpcAuth::None).unwrap();
        for shown in [format!("{endpoint}"), format!("{endpoint:?}")] {
            assert!(shown.contains("http://127.0.0.1:18443"), "{shown}");
            assert!(!["alice", "s3cret", "k3y"].iter().any(|secret| shown.contains(secret)), "{shown}");
        }
        assert_eq!(endpoint.credentials().await.unwrap(), Some(("alice".to_owned(), "s3cret".to_owned())));
        let auth = RpcAuth::Password { user: "bob".to_owned(), password: "s3cret".to_owned() };
        assert!(!format!("{auth:?}").contains("s3cret"));
        let endpoint = RpcEndpoint::parse("http://alice:other@127.0.0.1:18443", auth).unwrap();
        assert_eq!(endpoint.credentials().await.unwrap().unwrap().0, "bob", "explicit credentials win");
    }

    #[test]
    fn what_is_no_http_url_is_refused_without_repeating_it() {
        for text in ["ftp://alice:s3cret@node", "alice:s3cret@node", "http://"] {
            let error = RpcEndpoint::parse(text, RpcAuth::None).unwrap_err().to_string();
            assert!(!error.contains("s3cret"), "{error}");
        }
    }
}
