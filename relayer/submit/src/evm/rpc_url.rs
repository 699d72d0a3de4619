//! An endpoint whose credentials never show.

use std::fmt;
use std::str::FromStr;

use alloy::transports::http::reqwest::Url;
use serde::{Deserialize, Serialize};
use spandrel_core::submission::SubmitError;

/// An `http` or `https` JSON-RPC endpoint. `Debug` and `Display` show scheme, host and port only: keys hide in user,
/// path and query.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct RpcUrl(Url);

impl RpcUrl {
    /// The whole URL. Only for connecting.
    pub fn expose(&self) -> &Url {
        &self.0
    }

    /// `text` without this URL and without any part of it but scheme, host and port: transport errors like to repeat
    /// it, whole or without the user.
    pub fn redact(&self, text: &str) -> String {
        let mut text = text.replace(self.0.as_str(), &self.to_string());
        let path = self.0.path().trim_matches('/');
        let parts =
            [self.0.query().unwrap_or_default(), self.0.password().unwrap_or_default(), self.0.username(), path];
        for part in parts.into_iter().filter(|part| !part.is_empty()) {
            text = text.replace(part, "…");
        }
        text
    }
}

impl FromStr for RpcUrl {
    type Err = SubmitError;

    fn from_str(text: &str) -> Result<Self, SubmitError> {
        let refused = |found: &str| SubmitError::Permanent {
            field: "rpc_url".to_owned(),
            expected: "an http or https URL with a host".to_owned(),
            found: found.to_owned(),
        };
        let url: Url = text.parse().map_err(|_| refused("something else (not shown)"))?;
        if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none() {
            return Err(refused(&format!("scheme {:?}", url.scheme())));
        }
        Ok(Self(url))
    }
}

impl TryFrom<String> for RpcUrl {
    type Error = SubmitError;
    fn try_from(text: String) -> Result<Self, SubmitError> {
        text.parse()
    }
}

impl From<RpcUrl> for String {
    fn from(url: RpcUrl) -> String {
        url.0.into()
    }
}

impl fmt::Display for RpcUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", self.0.scheme(), self.0.host_str().unwrap_or_default())?;
        match self.0.port() {
            Some(port) => write!(f, ":{port}"),
            None => Ok(()),
        }
    }
}

impl fmt::Debug for RpcUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_do_not_show() {
        let url: RpcUrl = "https://user:pass@node.example:8545/v3/SECRETKEY?token=abc".parse().unwrap();
        assert_eq!(format!("{url} {url:?}"), "https://node.example:8545 https://node.example:8545");
        for repeated in [url.expose().as_str(), "https://node.example:8545/v3/SECRETKEY?token=abc", "/v3/SECRETKEY"] {
            let shown = url.redact(&format!("error sending request for url ({repeated})"));
            let hidden = ["SECRETKEY", "abc", "pass", "user"];
            assert!(hidden.iter().all(|part| !shown.contains(part)), "{shown}");
        }
    }

    #[test]
    fn what_is_no_http_url_is_refused_without_repeating_it() {
        for text in ["SECRETKEY", "ftp://SECRETKEY@host/", "http://"] {
            let error = text.parse::<RpcUrl>().unwrap_err().to_string();
            assert!(!error.contains("SECRETKEY"), "{error}");
        }
    }
}
