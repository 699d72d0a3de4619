//! Which addresses a webhook may lead to: what the IANA special-purpose registries (RFC 6890) call globally reachable,
//! and of that no form that carries an IPv4 address inside, and no cloud's metadata service.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Which addresses may be reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// Public ones, over TLS.
    Public,
    /// For local chains: loopback too, and plain HTTP.
    PublicAndLoopback,
}

impl Reach {
    /// Whether a webhook may lead to `address`.
    pub fn allows(self, address: IpAddr) -> bool {
        let is_public = match address {
            IpAddr::V4(address) => is_public_v4(address),
            IpAddr::V6(address) => is_public_v6(address),
        };
        is_public || (self == Self::PublicAndLoopback && address.is_loopback())
    }
}

/// First address and prefix length of what is not public.
const REFUSED_V4: [([u8; 4], u32); 16] = [
    ([0, 0, 0, 0], 8),        // this network (RFC 791)
    ([10, 0, 0, 0], 8),       // private (RFC 1918)
    ([100, 64, 0, 0], 10),    // carrier's NAT (RFC 6598), and Alibaba's metadata
    ([127, 0, 0, 0], 8),      // loopback (RFC 1122)
    ([168, 63, 129, 16], 32), // Azure's metadata
    ([169, 254, 0, 0], 16),   // link-local (RFC 3927), and the other clouds' metadata
    ([172, 16, 0, 0], 12),    // private
    ([192, 0, 0, 0], 24),     // protocol assignments (RFC 6890), and Oracle's metadata
    ([192, 0, 2, 0], 24),     // documentation (RFC 5737)
    ([192, 88, 99, 0], 24),   // 6to4 relays (RFC 7526)
    ([192, 168, 0, 0], 16),   // private
    ([198, 18, 0, 0], 15),    // benchmarks (RFC 2544)
    ([198, 51, 100, 0], 24),  // documentation
    ([203, 0, 113, 0], 24),   // documentation
    ([224, 0, 0, 0], 4),      // multicast (RFC 5771)
    ([240, 0, 0, 0], 4),      // reserved (RFC 1112), and broadcast
];

/// Of 2000::/3, all that is assigned (RFC 4291): the rest holds loopback, link-local, unique-local, multicast, IPv4-mapped
/// and NAT64 addresses.
const REFUSED_V6: [([u16; 2], u32); 4] = [
    ([0x2001, 0], 23),     // protocol assignments (RFC 2928), Teredo among them
    ([0x2001, 0xdb8], 32), // documentation (RFC 3849)
    ([0x2002, 0], 16),     // 6to4 (RFC 3056): an IPv4 address inside
    ([0x3fff, 0], 20),     // documentation (RFC 9637)
];

fn is_public_v4(address: Ipv4Addr) -> bool {
    !REFUSED_V4.iter().any(|(first, length)| same_prefix(address.to_bits(), u32::from_be_bytes(*first), *length))
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    let [a, b, ..] = address.segments();
    let head = u32::from(a) << 16 | u32::from(b);
    let is_refused =
        |([c, d], length): &([u16; 2], u32)| same_prefix(head, u32::from(*c) << 16 | u32::from(*d), *length);
    same_prefix(head, 0x2000_0000, 3) && !REFUSED_V6.iter().any(is_refused)
}

fn same_prefix(one: u32, other: u32, length: u32) -> bool {
    (one ^ other).leading_zeros() >= length
}

#[cfg(test)]
mod tests {
    use super::*;

    fn public(text: &str) -> bool {
        Reach::Public.allows(text.parse().unwrap())
    }

    #[test]
    fn public_addresses_are_allowed() {
        for address in ["1.1.1.1", "8.8.8.8", "100.63.255.255", "172.32.0.1", "2606:4700:4700::1111", "2a00:1450::5"] {
            assert!(public(address), "{address}");
        }
    }

    #[test]
    fn private_loopback_link_local_and_metadata_addresses_are_refused() {
        let refused = [
            "0.0.0.0",
            "10.1.2.3",
            "100.100.100.200",
            "127.0.0.1",
            "127.255.0.1",
            "168.63.129.16",
            "169.254.169.254",
            "172.16.0.1",
            "172.31.255.255",
            "192.0.0.192",
            "192.168.1.1",
            "198.18.0.1",
            "203.0.113.9",
            "224.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "fe80::1",
            "fc00::1",
            "fd00:ec2::254",
            "ff02::1",
            "2001:db8::1",
            "3fff::1",
        ];
        for address in refused {
            assert!(!public(address), "{address}");
        }
    }

    /// The first and the last of each registered range, and their neighbours outside.
    #[test]
    fn every_range_is_refused_from_its_first_address_to_its_last_and_no_further() {
        let ranges = [
            ["0.0.0.0", "0.255.255.255", "1.0.0.0"],
            ["10.0.0.0", "10.255.255.255", "11.0.0.0"],
            ["100.64.0.0", "100.127.255.255", "100.128.0.0"],
            ["127.0.0.0", "127.255.255.255", "128.0.0.0"],
            ["168.63.129.16", "168.63.129.16", "168.63.129.17"],
            ["169.254.0.0", "169.254.255.255", "169.255.0.0"],
            ["172.16.0.0", "172.31.255.255", "172.32.0.0"],
            ["192.0.0.0", "192.0.0.255", "192.0.1.0"],
            ["192.0.2.0", "192.0.2.255", "192.0.3.0"],
            ["192.88.99.0", "192.88.99.255", "192.88.100.0"],
            ["192.168.0.0", "192.168.255.255", "192.169.0.0"],
            ["198.18.0.0", "198.19.255.255", "198.20.0.0"],
            ["198.51.100.0", "198.51.100.255", "198.51.101.0"],
            ["203.0.113.0", "203.0.113.255", "203.0.114.0"],
            ["2001::", "2001:1ff:ffff:ffff:ffff:ffff:ffff:ffff", "2001:200::"],
            ["2001:db8::", "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff", "2001:db9::"],
            ["2002::", "2002:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "2003::"],
            ["3fff::", "3fff:fff:ffff:ffff:ffff:ffff:ffff:ffff", "3fff:1000::"],
        ];
        for [first, last, next] in ranges {
            assert!(!public(first) && !public(last) && public(next), "{first} to {last}");
        }
        for refused in ["224.0.0.0", "239.255.255.255", "240.0.0.0", "255.255.255.255", "1fff:ffff::", "4000::"] {
            assert!(!public(refused), "{refused}");
        }
    }

    #[test]
    fn addresses_that_carry_an_ipv4_address_are_refused_whatever_it_is() {
        let carriers = [
            "::ffff:127.0.0.1",
            "::ffff:8.8.8.8",
            "::127.0.0.1",
            "64:ff9b::7f00:1",
            "64:ff9b::808:808",
            "64:ff9b:1::a00:1",
            "2002:7f00:1::",
            "2001:0:4136:e378:8000:63bf:3fff:fdd2",
            "::ffff:0:127.0.0.1",
        ];
        for address in carriers {
            assert!(!public(address), "{address}");
        }
    }

    #[test]
    fn local_chains_reach_loopback_and_nothing_else_private() {
        let reach = Reach::PublicAndLoopback;
        assert!(reach.allows("127.0.0.1".parse().unwrap()) && reach.allows("::1".parse().unwrap()));
        assert!(!reach.allows("169.254.169.254".parse().unwrap()) && !reach.allows("10.0.0.1".parse().unwrap()));
        assert!(!reach.allows("::ffff:127.0.0.1".parse().unwrap()));
    }
}
