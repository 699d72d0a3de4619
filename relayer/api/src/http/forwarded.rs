//! For whom a proxy asks. A configured proxy is believed, in the one header that it is known to write, and of that in the last
//! entry alone: what stands before is what its caller said. Nobody else is believed.

use std::net::{IpAddr, SocketAddr};

use axum::http::HeaderMap;
use ipnet::IpNet;

/// The header in which a proxy says who called it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ForwardedBy {
    /// `Forwarded` (RFC 7239), in its parameter `for`.
    Forwarded,
    /// `X-Forwarded-For`.
    XForwardedFor,
}

/// The proxies before a port.
#[derive(Clone, Debug)]
pub struct Proxies {
    /// Their addresses.
    pub networks: Vec<IpNet>,
    /// What all of them write.
    pub header: ForwardedBy,
}

impl Proxies {
    /// Whether a peer is one of them.
    pub(super) fn include(&self, peer: IpAddr) -> bool {
        self.networks.iter().any(|network| network.contains(&peer.to_canonical()))
    }

    /// Who asks: whom the proxy tells, or the peer itself where it is no proxy, or tells no address.
    pub(super) fn caller(&self, peer: SocketAddr, headers: &HeaderMap) -> SocketAddr {
        if !self.include(peer.ip()) {
            return peer;
        }
        let told = match self.header {
            ForwardedBy::Forwarded => last(headers, "forwarded").and_then(named),
            ForwardedBy::XForwardedFor => last(headers, "x-forwarded-for"),
        };
        told.and_then(address).map_or(peer, |told| SocketAddr::new(told, peer.port()))
    }
}

/// The last entry of a header, which whoever sent it has added.
fn last<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get_all(name).iter().next_back()?.to_str().ok()?.rsplit(',').next()
}

/// The parameter `for` of an entry.
fn named(entry: &str) -> Option<&str> {
    let mut pairs = entry.split(';').filter_map(|pair| pair.split_once('='));
    let (_, value) = pairs.find(|(name, _)| name.trim().eq_ignore_ascii_case("for"))?;
    Some(value.trim().trim_matches('"'))
}

/// An address, with a port or without.
fn address(text: &str) -> Option<IpAddr> {
    let text = text.trim();
    let with_port = || text.parse::<SocketAddr>().map(|address| address.ip());
    let in_brackets = || text.strip_prefix('[')?.strip_suffix(']')?.parse().ok();
    text.parse().or_else(|_| with_port()).ok().or_else(in_brackets).map(|address: IpAddr| address.to_canonical())
}

#[cfg(test)]
mod tests {
    use axum::http::{HeaderName, HeaderValue};

    use super::*;

    /// Who a peer is said to ask for, with these lines of headers.
    fn caller(peer: &str, header: ForwardedBy, lines: &[(&'static str, &'static str)]) -> String {
        let networks = vec!["10.0.0.0/8".parse().unwrap(), "fd00::/8".parse().unwrap()];
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            headers.append(HeaderName::from_static(name), HeaderValue::from_static(value));
        }
        Proxies { networks, header }.caller(SocketAddr::new(peer.parse().unwrap(), 7), &headers).ip().to_string()
    }

    #[test]
    fn a_proxys_word_is_the_last_entry_of_its_own_header() {
        use ForwardedBy::{Forwarded, XForwardedFor};
        for (entry, told) in [
            ("192.0.2.1", "192.0.2.1"),
            ("192.0.2.1:4711", "192.0.2.1"),
            ("2001:db8::1", "2001:db8::1"),
            ("[2001:db8::1]:4711", "2001:db8::1"),
            ("[2001:db8::1]", "2001:db8::1"),
            ("::ffff:192.0.2.1", "192.0.2.1"),
            ("198.51.100.1, 192.0.2.1", "192.0.2.1"),
            ("192.0.2.1, unknown", "10.0.0.1"),
            ("192.0.2.1,", "10.0.0.1"),
        ] {
            assert_eq!(caller("10.0.0.1", XForwardedFor, &[("x-forwarded-for", entry)]), told, "{entry}");
        }
        for (entry, told) in [
            ("for=192.0.2.1", "192.0.2.1"),
            ("proto=https;For=\"[2001:db8::1]:4711\";by=10.0.0.1", "2001:db8::1"),
            ("for=\"198.51.100.1, for=192.0.2.1", "192.0.2.1"),
            ("for=192.0.2.1, for=_hidden", "10.0.0.1"),
            ("by=192.0.2.1", "10.0.0.1"),
        ] {
            assert_eq!(caller("10.0.0.1", Forwarded, &[("forwarded", entry)]), told, "{entry}");
        }
        let two = [("x-forwarded-for", "198.51.100.1"), ("x-forwarded-for", "192.0.2.1")];
        assert_eq!(caller("10.0.0.1", XForwardedFor, &two), "192.0.2.1", "the last line");
        let mixed = [("x-forwarded-for", "192.0.2.1"), ("forwarded", "for=198.51.100.1")];
        assert_eq!(caller("10.0.0.1", XForwardedFor, &mixed), "192.0.2.1", "the other header is its caller's");
        assert_eq!(caller("10.0.0.1", Forwarded, &mixed[..1]), "10.0.0.1");
        assert_eq!(caller("::ffff:10.0.0.1", XForwardedFor, &mixed), "192.0.2.1");
        assert_eq!(caller("fd00::1", XForwardedFor, &mixed), "192.0.2.1");
    }

    #[test]
    fn nobody_elses_word_is_taken() {
        for header in [ForwardedBy::XForwardedFor, ForwardedBy::Forwarded] {
            let forged = [("x-forwarded-for", "192.0.2.1"), ("forwarded", "for=192.0.2.1")];
            for peer in ["11.0.0.1", "127.0.0.1", "2001:db8::2", "::ffff:11.0.0.1"] {
                let itself: IpAddr = peer.parse().unwrap();
                assert_eq!(caller(peer, header, &forged), itself.to_string());
            }
        }
    }
}
