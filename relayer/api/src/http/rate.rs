//! Rates: a token bucket for each key, and for each address that sends none or one that it got by asking.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::num::NonZeroU32;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::extract::{ConnectInfo, Request, State};
use axum::http::{HeaderMap, HeaderName, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use governor::clock::{Clock, DefaultClock};
use governor::middleware::StateInformationMiddleware;
use governor::state::keyed::DefaultKeyedStateStore;
use governor::state::{InMemoryState, NotKeyed};
use governor::{Quota, RateLimiter};
use spandrel_store::{OrderShare, TenantClass};

use super::auth::Known;
use super::{Api, answer};
use crate::Problem;

/// After this many requests, buckets that are full again are forgotten.
const SWEEP_EVERY: u64 = 4096;

/// How many orders of one address wait for their deposits at most, when nothing else is said.
pub const OPEN_ORDERS: NonZeroU32 = NonZeroU32::new(20).unwrap();

type Buckets = RateLimiter<Who, DefaultKeyedStateStore<Who>, DefaultClock, StateInformationMiddleware>;

/// Who is counted as one caller.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Who {
    /// Without a key: an address, or a whole IPv6 /64.
    Address(IpAddr),
    /// With one.
    Key(String),
}

/// All whose address is not known are one.
impl Default for Who {
    fn default() -> Self {
        Self::Address(IpAddr::V6(Ipv6Addr::UNSPECIFIED))
    }
}

/// What everyone may ask for: the buckets of every class, and how many orders may wait.
pub struct Rates {
    anonymous: Class,
    standard: Class,
    partner: Class,
    open_orders: NonZeroU32,
    seen: AtomicU64,
}

struct Class {
    per_second: NonZeroU32,
    buckets: Buckets,
}

impl Class {
    fn new(per_second: NonZeroU32) -> Self {
        let burst = per_second.saturating_mul(NonZeroU32::MIN.saturating_add(1));
        let quota = Quota::per_second(per_second).allow_burst(burst);
        Self { per_second, buckets: RateLimiter::keyed(quota).with_middleware() }
    }
}

impl Rates {
    /// Requests a second: without a key, with one, with a partner's. Twice as many may come at once.
    pub fn new(anonymous: NonZeroU32, standard: NonZeroU32, partner: NonZeroU32) -> Self {
        let (anonymous, standard, partner) = (Class::new(anonymous), Class::new(standard), Class::new(partner));
        Self { anonymous, standard, partner, open_orders: OPEN_ORDERS, seen: AtomicU64::new(0) }
    }

    /// Another number of orders that wait for their deposits at once, for each address that orders with keys which users get
    /// by themselves.
    pub fn with_open_orders(self, open_orders: NonZeroU32) -> Self {
        Self { open_orders, ..self }
    }

    /// The share of orders that `who` has. Who has a key from the operator is not bounded.
    pub(crate) fn order_share(&self, who: &Who) -> Option<OrderShare> {
        match who {
            Who::Address(address) => Some(OrderShare { holder: address.to_string(), most: self.open_orders }),
            Who::Key(_) => None,
        }
    }

    fn take(&self, class: &Class, who: &Who) -> Result<u32, u64> {
        if is_sweep(&self.seen) {
            [&self.anonymous, &self.standard, &self.partner].iter().for_each(|class| class.buckets.retain_recent());
        }
        match class.buckets.check_key(who) {
            Ok(state) => Ok(state.remaining_burst_capacity()),
            Err(until) => Err(until.wait_time_from(class.buckets.clock().now()).as_secs().saturating_add(1)),
        }
    }
}

/// Counts a request; whether buckets are swept at it.
fn is_sweep(seen: &AtomicU64) -> bool {
    seen.fetch_add(1, Ordering::Relaxed) % SWEEP_EVERY == SWEEP_EVERY - 1
}

/// How often keys are given out to whoever asks: in an hour, to one address and to all. An address may ask for all of an
/// hour's at once.
pub struct OwnKeys {
    each: Buckets,
    seen: AtomicU64,
    all: RateLimiter<NotKeyed, InMemoryState, DefaultClock>,
}

impl OwnKeys {
    /// At most this many in an hour.
    pub fn per_hour(each: NonZeroU32, all: NonZeroU32) -> Self {
        let each = RateLimiter::keyed(Quota::per_hour(each)).with_middleware();
        Self { each, seen: AtomicU64::new(0), all: RateLimiter::direct(Quota::per_hour(all)) }
    }

    /// # Errors
    /// 429 for an address that had its keys, 503 when all were given out.
    pub(super) fn take(&self, address: Option<IpAddr>) -> Result<(), Problem> {
        let who = address.map_or_else(Who::default, |address| Who::Address(bucket_of(address)));
        if is_sweep(&self.seen) {
            self.each.retain_recent();
        }
        if let Err(until) = self.each.check_key(&who) {
            return Err(exhausted(until.wait_time_from(self.each.clock().now()).as_secs().saturating_add(1)));
        }
        self.all.check().map_err(|until| {
            let wait = until.wait_time_from(self.all.clock().now()).as_secs().saturating_add(1);
            Problem::new(StatusCode::SERVICE_UNAVAILABLE, "NO_KEYS_LEFT", "no more keys in this hour").retry_in(wait)
        })
    }
}

/// Takes a token, or answers 429 with the time to wait.
pub async fn limit(State(api): State<Api>, mut request: Request, next: Next) -> Response {
    let address = request.extensions().get::<ConnectInfo<SocketAddr>>().map(|info| bucket_of(info.0.ip()));
    let anonymous = address.map_or_else(Who::default, Who::Address);
    let sent = request.headers().get(header::AUTHORIZATION).map(|sent| sent.as_bytes());
    let known = tokio::time::timeout(api.longest, api.service.caller(sent)).await;
    let key = match known.unwrap_or_else(|_| Err(answer::too_late())) {
        Ok(key) => key,
        // A wrong key costs its address a token: keys cannot be guessed at leisure.
        Err(problem) => {
            let class = &api.rates.anonymous;
            let (mut response, remaining, reset) = match api.rates.take(class, &anonymous) {
                Ok(remaining) => (problem.into_response(), remaining, 1),
                Err(wait) => (exhausted(wait).into_response(), 0, wait),
            };
            tell(response.headers_mut(), class.per_second.get(), remaining, reset);
            return response;
        }
    };
    let (class, who) = match &key {
        None => (&api.rates.anonymous, anonymous),
        Some(key) => match key.grant.class {
            TenantClass::Public => (&api.rates.anonymous, anonymous),
            TenantClass::Standard => (&api.rates.standard, Who::Key(key.id.clone())),
            TenantClass::Partner => (&api.rates.partner, Who::Key(key.id.clone())),
        },
    };
    let taken = api.rates.take(class, &who);
    request.extensions_mut().insert(Known(key));
    request.extensions_mut().insert(who);
    let (mut response, remaining, reset) = match taken {
        Ok(remaining) => (next.run(request).await, remaining, 1),
        Err(wait) => (exhausted(wait).into_response(), 0, wait),
    };
    tell(response.headers_mut(), class.per_second.get(), remaining, reset);
    response
}

fn exhausted(wait: u64) -> Problem {
    Problem::new(StatusCode::TOO_MANY_REQUESTS, "RATE_LIMITED", "too many requests").retry_in(wait)
}

fn tell(headers: &mut HeaderMap, limit: u32, remaining: u32, reset: u64) {
    headers.insert(HeaderName::from_static("ratelimit-limit"), limit.into());
    headers.insert(HeaderName::from_static("ratelimit-remaining"), remaining.into());
    headers.insert(HeaderName::from_static("ratelimit-reset"), reset.into());
}

/// Who is one by address. A whole IPv6 /64 is: its holder has all of it.
pub(super) fn bucket_of(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(address) => IpAddr::V4(address),
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            IpAddr::V6(Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_whole_subnet_shares_one_bucket() {
        let of = |text: &str| bucket_of(text.parse().unwrap());
        assert_eq!(of("2001:db8::1"), of("2001:db8::ffff:2"));
        assert_ne!(of("2001:db8::1"), of("2001:db8:0:1::1"));
        assert_eq!(of("::ffff:10.0.0.1"), of("10.0.0.1"));
        assert_ne!(of("10.0.0.1"), of("10.0.0.2"));
    }

    #[test]
    fn keys_are_given_out_so_many_an_hour_to_one_address_and_to_all() {
        let keys = OwnKeys::per_hour(NonZeroU32::new(2).unwrap(), NonZeroU32::new(3).unwrap());
        let address = |n: u8| Some(IpAddr::from([192, 0, 2, n]));
        keys.take(address(1)).unwrap();
        keys.take(address(1)).unwrap();
        let refused = keys.take(address(1)).unwrap_err();
        assert_eq!((refused.code, refused.status), ("RATE_LIMITED", 429));
        assert!(refused.retry_after.unwrap() > 1_000);
        keys.take(address(2)).unwrap();
        let refused = keys.take(address(3)).unwrap_err();
        assert_eq!((refused.code, refused.status), ("NO_KEYS_LEFT", 503));
    }

    #[test]
    fn a_bucket_empties_and_says_how_long() {
        let two = NonZeroU32::new(2).unwrap();
        let rates = Rates::new(two, two, two);
        let who = Who::Key("a".to_owned());
        let taken: Vec<_> = (0..6).map(|_| rates.take(&rates.standard, &who)).collect();
        assert_eq!(taken[..4], [Ok(3), Ok(2), Ok(1), Ok(0)]);
        assert_eq!(taken[5], Err(1));
        assert!(rates.take(&rates.standard, &Who::Key("b".to_owned())).is_ok());
    }
}
