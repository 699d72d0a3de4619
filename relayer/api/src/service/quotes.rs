//! Quotes: what a transfer would get now. Stateless: a quote is signed, and comes back with the order.

use alloy::primitives::U256;
use hmac::{Hmac, Mac};
use serde::{Deserialize, Serialize};
use sha2::Sha256;
use spandrel_verifiers::{LanePreference, UnixSeconds};
use utoipa::ToSchema;

use super::offers::Asked;
use super::{LaneOffer, Service, shown_time};
use crate::{Problem, Route, amount};

/// Seconds for which a quote holds.
const VALID_SECONDS: u64 = 300;
/// Longest quote id that is read.
const MAX_ID: usize = 512;

/// What is asked.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct QuoteRequest {
    /// Id of a route, as `GET /v1/routes` lists them.
    pub route: String,
    /// Base units, decimal.
    #[schema(pattern = "^[0-9]{1,77}$")]
    pub amount: String,
    /// `any` (default), `fast` or `light_client`.
    #[serde(default)]
    #[schema(value_type = Option<String>, pattern = "^(any|fast|light_client)$")]
    pub lane: Option<LanePreference>,
    /// Who would be paid. It is checked as an order's is, and each lane is asked for that party's pace too.
    #[serde(default)]
    #[schema(pattern = "^0x[0-9A-Fa-f]{40}$")]
    pub recipient: Option<String>,
    /// With a `recipient`: the key of the way back, as an order has it.
    #[serde(default)]
    #[schema(pattern = "^(0x)?[0-9A-Fa-f]{64}$")]
    pub refund_key: Option<String>,
}

/// What it would get.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Quote {
    /// Signed; hand it in with the transfer.
    pub id: String,
    /// The route.
    pub route: String,
    /// Base units.
    pub amount: String,
    /// What the bridge keeps, base units: nothing.
    pub fee: String,
    /// What is paid on the destination, in base units of the source's asset.
    pub receive: String,
    /// Every lane, with why not.
    pub lanes: Vec<LaneOffer>,
    /// RFC 3339.
    pub expires_at: String,
}

/// What a quote id holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Quoted {
    #[serde(rename = "r")]
    pub route: String,
    #[serde(rename = "a")]
    pub amount: U256,
    #[serde(rename = "l")]
    pub lane: LanePreference,
    #[serde(rename = "e")]
    pub expires: UnixSeconds,
}

/// Reads a lane as a quote asks for it.
///
/// # Errors
/// 400 for what is none.
pub(crate) fn quote_lane(text: &str) -> Result<LanePreference, Problem> {
    serde_json::from_value(text.into()).map_err(|_| Problem::invalid("lane", "any, fast or light_client", text))
}

impl Service {
    /// What a quote is asked for, with whom it would be for if that is known.
    ///
    /// # Errors
    /// Those of an order for the parties.
    pub(super) fn asked(&self, route: &Route, amount: U256, request: &QuoteRequest) -> Result<Asked, Problem> {
        let lane = request.lane.unwrap_or(LanePreference::Any);
        match (&request.recipient, request.refund_key.as_deref()) {
            (Some(to), refund_key) => Ok(self.terms(route, (amount, lane), to, refund_key)?.1),
            (None, Some(_)) => Err(Problem::invalid("recipient", "one with the `refund_key`", "none")),
            (None, None) => Ok(Asked::anyone(amount, lane)),
        }
    }

    /// Quotes an amount on a route.
    ///
    /// # Errors
    /// 400 for an amount or a party that does not read, 404 for an unknown route, 422 when no lane takes it or an order for
    /// these parties would be refused.
    pub async fn quote(&self, request: &QuoteRequest) -> Result<Quote, Problem> {
        let amount = amount::parse("amount", &request.amount)?;
        let route = self.catalog.route(&request.route)?;
        let asked = self.asked(route, amount, request)?;
        let lanes = self.require_lane(route, &asked).await?;
        let expires = self.now().saturating_add(VALID_SECONDS);
        let quoted = Quoted { route: route.id.clone(), amount, lane: asked.lane, expires };
        Ok(Quote {
            id: self.sign(&quoted)?,
            route: quoted.route,
            amount: amount.to_string(),
            fee: "0".to_owned(),
            receive: amount.to_string(),
            lanes,
            expires_at: shown_time(quoted.expires),
        })
    }

    /// What a quote id says, if it is ours and still holds.
    pub(super) fn quoted(&self, id: &str) -> Result<Quoted, Problem> {
        let malformed = || Problem::invalid("quote", "a quote id of this service", id);
        if id.len() > MAX_ID {
            return Err(malformed());
        }
        let (body, tag) = id.strip_prefix("q1_").and_then(|rest| rest.split_once('_')).ok_or_else(malformed)?;
        let (body, tag) = (hex::decode(body).map_err(|_| malformed())?, hex::decode(tag).map_err(|_| malformed())?);
        self.mac(&body)?.verify_slice(&tag).map_err(|_| malformed())?;
        let quoted: Quoted = serde_json::from_slice(&body).map_err(|_| malformed())?;
        if self.now() > quoted.expires {
            let at = shown_time(quoted.expires);
            let expired = Problem::new(axum::http::StatusCode::GONE, "QUOTE_EXPIRED", format!("it held until {at}"));
            return Err(expired.about("quote"));
        }
        Ok(quoted)
    }

    fn sign(&self, quoted: &Quoted) -> Result<String, Problem> {
        let body = serde_json::to_vec(quoted).map_err(|error| Problem::invalid("quote", "a quote", error))?;
        let tag = self.mac(&body)?.finalize().into_bytes();
        Ok(format!("q1_{}_{}", hex::encode(body), hex::encode(tag)))
    }

    fn mac(&self, body: &[u8]) -> Result<Hmac<Sha256>, Problem> {
        let mac = Hmac::<Sha256>::new_from_slice(&self.quote_key);
        let mut mac = mac.map_err(|error| Problem::invalid("quote key", "a key", error))?;
        mac.update(body);
        Ok(mac)
    }
}
