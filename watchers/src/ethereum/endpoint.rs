//! An endpoint's URL that never shows what may be a credential.

use std::fmt;

use reqwest::Url;
use spandrel_verifiers::follow::FollowError;

/// An `http` or `https` URL. Only scheme, host and port are ever printed: user, password, path and query may hold a
/// provider's key.
#[derive(Clone)]
pub struct Endpoint {
    url: Url,
}

impl Endpoint {
    /// Parses a base URL; `field` names it in the error.
    pub fn parse(field: &str, text: &str) -> Result<Self, FollowError> {
        let refused = |found: String| FollowError::Permanent {
            field: field.to_owned(),
            expected: "an http or https URL with a host".to_owned(),
            found,
        };
        let mut url = Url::parse(text).map_err(|error| refused(error.to_string()))?;
        if !matches!(url.scheme(), "http" | "https") || !url.has_host() {
            return Err(refused(format!("scheme {:?}", url.scheme())));
        }
        if !url.path().ends_with('/') {
            let path = format!("{}/", url.path());
            url.set_path(&path);
        }
        Ok(Self { url })
    }

    /// The whole URL, for the client only.
    pub(super) fn secret(&self) -> &Url {
        &self.url
    }

    /// The URL of `path` (no leading slash) below this one, keeping the base's query.
    pub(super) fn join(&self, path: &str, query: &[(&str, String)]) -> Url {
        let mut url = self.url.clone();
        url.set_path(&format!("{}{path}", self.url.path()));
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        url
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", self.url.scheme(), self.url.host_str().unwrap_or_default())?;
        self.url.port().map_or(Ok(()), |port| write!(f, ":{port}"))
    }
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Endpoint({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_may_be_a_key_is_printed() {
        let endpoint = Endpoint::parse("beacon", "https://user:pa55@node.example:8443/v3/k3y?token=s3cret").unwrap();
        for shown in [endpoint.to_string(), format!("{endpoint:?}")] {
            assert!(shown.contains("https://node.example:8443"), "{shown}");
            assert!(!["user", "pa55", "k3y", "s3cret"].iter().any(|secret| shown.contains(secret)), "{shown}");
        }
    }

    #[test]
    fn paths_are_joined_below_the_base_and_the_base_query_is_kept() {
        let endpoint = Endpoint::parse("beacon", "http://node.example/v3/key?a=b").unwrap();
        let url = endpoint.join("eth/v1/events", &[("topics", "head".to_owned())]);
        assert_eq!(url.as_str(), "http://node.example/v3/key/eth/v1/events?a=b&topics=head");
    }

    #[test]
    fn other_schemes_are_refused_without_repeating_the_url() {
        let error = Endpoint::parse("beacon", "ftp://user:pa55@node").unwrap_err().to_string();
        assert!(error.contains("ftp") && !error.contains("pa55"), "{error}");
    }
}
