//! Rates: a token bucket for each key, and for each address that sends none or one that it got by asking.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::num::NonZeroU32;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::extract::{ConnectInfo, Request, State};
use axum::http::{HeaderName, StatusCode, header};
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

/// How many partners may be behind one address, each at its full rate.
const PARTNERS_OF_ONE_ADDRESS: NonZeroU32 = NonZeroU32::new(4).unwrap();

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
    /// Keys that are looked up for one address, good or bad: each costs the ledger a read.
    lookups: Class,
    open_orders: NonZeroU32,
    seen: AtomicU64,
}

struct Class {
    /// A second's requests.
    per_second: NonZeroU32,
    /// What a bucket holds: two seconds' worth.
    burst: NonZeroU32,
    buckets: Buckets,
}

/// What is left to a caller, as every answer says it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Left {
    limit: u32,
    remaining: u32,
    /// Seconds until the bucket is full.
    reset: u64,
    /// Seconds to wait, when nothing was left.
    wait: Option<u64>,
}

impl Class {
    fn new(per_second: NonZeroU32) -> Self {
        let burst = per_second.saturating_mul(NonZeroU32::MIN.saturating_add(1));
        let quota = Quota::per_second(per_second).allow_burst(burst);
        Self { per_second, burst, buckets: RateLimiter::keyed(quota).with_middleware() }
    }

    fn take(&self, who: &Who) -> Left {
        let left = |remaining: u32, wait| {
            let reset = self.burst.get().saturating_sub(remaining).div_ceil(self.per_second.get());
            Left { limit: self.burst.get(), remaining, reset: reset.into(), wait }
        };
        match self.buckets.check_key(who) {
            Ok(state) => left(state.remaining_burst_capacity(), None),
            Err(until) => left(0, Some(until.wait_time_from(self.buckets.clock().now()).as_secs().saturating_add(1))),
        }
    }
}

impl Rates {
    /// Requests a second: without a key, with one, with a partner's. Twice as many may come at once.
    pub fn new(anonymous: NonZeroU32, standard: NonZeroU32, partner: NonZeroU32) -> Self {
        let lookups = Class::new(partner.saturating_mul(PARTNERS_OF_ONE_ADDRESS));
        let (anonymous, standard, partner) = (Class::new(anonymous), Class::new(standard), Class::new(partner));
        Self { anonymous, standard, partner, lookups, open_orders: OPEN_ORDERS, seen: AtomicU64::new(0) }
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

    fn take(&self, class: &Class, who: &Who) -> Left {
        if is_sweep(&self.seen) {
            let all = [&self.anonymous, &self.standard, &self.partner, &self.lookups];
            all.iter().for_each(|class| class.buckets.retain_recent());
        }
        class.take(who)
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
    // No key is looked up before this: whoever floods the door with keys does not reach the ledger.
    if sent.is_some() {
        let left = api.rates.take(&api.rates.lookups, &anonymous);
        if let Some(wait) = left.wait {
            return told(exhausted(wait).into_response(), left);
        }
    }
    let known = tokio::time::timeout(api.longest, api.service.caller(sent)).await;
    let key = match known.unwrap_or_else(|_| Err(answer::too_late())) {
        Ok(key) => key,
        // A wrong key costs its address a token: keys cannot be guessed at leisure.
        Err(problem) => {
            let left = api.rates.take(&api.rates.anonymous, &anonymous);
            let refused = left.wait.map_or(problem, exhausted);
            return told(refused.into_response(), left);
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
    let left = api.rates.take(class, &who);
    request.extensions_mut().insert(Known(key));
    request.extensions_mut().insert(who);
    match left.wait {
        None => told(next.run(request).await, left),
        Some(wait) => told(exhausted(wait).into_response(), left),
    }
}

fn exhausted(wait: u64) -> Problem {
    Problem::new(StatusCode::TOO_MANY_REQUESTS, "RATE_LIMITED", "too many requests").retry_in(wait)
}

fn told(mut response: Response, left: Left) -> Response {
    let headers = response.headers_mut();
    headers.insert(HeaderName::from_static("ratelimit-limit"), left.limit.into());
    headers.insert(HeaderName::from_static("ratelimit-remaining"), left.remaining.into());
    headers.insert(HeaderName::from_static("ratelimit-reset"), left.reset.into());
    response
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
        let left = taken.iter().map(|left| (left.limit, left.remaining, left.reset, left.wait));
        let left: Vec<_> = left.collect();
        assert_eq!(left[..4], [(4, 3, 1, None), (4, 2, 1, None), (4, 1, 2, None), (4, 0, 2, None)]);
        assert_eq!(left[5], (4, 0, 2, Some(1)));
        assert_eq!(rates.take(&rates.standard, &Who::Key("b".to_owned())).wait, None);
    }
}
