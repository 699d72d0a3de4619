//! The light-client calls of the Beacon API, in SSZ or JSON, bounded and decoded strictly. Decoding is not verifying:
//! what comes out of here is only a claim.

use std::time::Duration;

use alloy_primitives::B256;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use spandrel_verifiers::ethereum::ChainConfig;
use spandrel_verifiers::ethereum::containers::{
    BeaconBlockHeader, Bootstrap, FinalityUpdate, LightClientData, LightClientUpdate, OptimisticUpdate, from_json,
    from_ssz, quoted,
};
use spandrel_verifiers::follow::FollowError;
use tokio::sync::OnceCell;

use super::BeaconApiError;
use super::transport::{Answer, Encoding, Transport};
use super::updates::decode_updates;
use crate::ethereum::Endpoint;

/// Longest answer with one committee: 512 keys are 50 kB in JSON.
const COMMITTEE_LIMIT: usize = 256 * 1024;
/// Longest answer without a committee.
const SMALL_LIMIT: usize = 64 * 1024;

/// A client of one beacon node, for one network.
#[derive(Debug)]
pub struct BeaconApi {
    transport: Transport,
    network: ChainConfig,
    preferred: Encoding,
    identified: OnceCell<()>,
}

/// `beacon/genesis`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub struct Genesis {
    /// Separates networks in signing domains.
    pub genesis_validators_root: B256,
    /// Unix seconds of slot 0.
    #[serde(with = "quoted")]
    pub genesis_time: u64,
}

/// A header as `beacon/headers` tells it, unverified.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ToldHeader {
    /// Its root, by the node's word.
    pub root: B256,
    /// The header.
    pub header: BeaconBlockHeader,
}

/// Which block of the best chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BlockId {
    /// The newest.
    Head,
    /// The newest final one.
    Finalized,
    /// The one with this root.
    Root(B256),
}

#[derive(Deserialize)]
struct Data<T> {
    data: T,
}

impl BeaconApi {
    /// A client that gives up a call after `timeout` and asks for `preferred` first. Nothing is asked yet.
    pub fn new(
        endpoint: Endpoint,
        network: ChainConfig,
        preferred: Encoding,
        timeout: Duration,
    ) -> Result<Self, FollowError> {
        Ok(Self { transport: Transport::new(endpoint, timeout)?, network, preferred, identified: OnceCell::new() })
    }

    /// The network whose containers are decoded.
    pub fn network(&self) -> &ChainConfig {
        &self.network
    }

    /// The node, without credentials.
    pub fn endpoint(&self) -> &Endpoint {
        self.transport.endpoint()
    }

    /// Asks once whether the node serves the configured network.
    ///
    /// # Errors
    /// `Permanent` when genesis is another network's.
    pub async fn require_network(&self) -> Result<(), FollowError> {
        let check = || async {
            let told = self.genesis().await?;
            let wanted = Genesis {
                genesis_validators_root: self.network.genesis_validators_root,
                genesis_time: self.network.genesis_time,
            };
            (told == wanted).then_some(()).ok_or_else(|| FollowError::Permanent {
                field: format!("genesis of {}", self.endpoint()),
                expected: format!("{} at {}", wanted.genesis_validators_root, wanted.genesis_time),
                found: format!("{} at {}", told.genesis_validators_root, told.genesis_time),
            })
        };
        self.identified.get_or_try_init(check).await.copied()
    }

    /// `GET beacon/genesis`.
    pub async fn genesis(&self) -> Result<Genesis, BeaconApiError> {
        Ok(self.transport.get_json::<Data<Genesis>>("eth/v1/beacon/genesis", SMALL_LIMIT).await?.data)
    }

    /// `GET beacon/headers/{id}`.
    pub async fn header(&self, id: BlockId) -> Result<ToldHeader, BeaconApiError> {
        #[derive(Deserialize)]
        struct Entry {
            root: B256,
            header: Signed,
        }
        #[derive(Deserialize)]
        struct Signed {
            message: BeaconBlockHeader,
        }
        let id = match id {
            BlockId::Head => "head".to_owned(),
            BlockId::Finalized => "finalized".to_owned(),
            BlockId::Root(root) => root.to_string(),
        };
        let call = format!("eth/v1/beacon/headers/{id}");
        let entry = self.transport.get_json::<Data<Entry>>(&call, SMALL_LIMIT).await?.data;
        Ok(ToldHeader { root: entry.root, header: entry.header.message })
    }

    /// `GET light_client/bootstrap/{root}`.
    pub async fn bootstrap(&self, root: B256) -> Result<Bootstrap, BeaconApiError> {
        self.container(&format!("eth/v1/beacon/light_client/bootstrap/{root}"), COMMITTEE_LIMIT).await
    }

    /// `GET light_client/finality_update`; `None` when the node has none yet (or says 500, as Lodestar does then).
    pub async fn finality_update(&self) -> Result<Option<FinalityUpdate>, BeaconApiError> {
        present(self.container("eth/v1/beacon/light_client/finality_update", SMALL_LIMIT).await)
    }

    /// `GET light_client/optimistic_update`; `None` when the node has none yet.
    pub async fn optimistic_update(&self) -> Result<Option<OptimisticUpdate>, BeaconApiError> {
        present(self.container("eth/v1/beacon/light_client/optimistic_update", SMALL_LIMIT).await)
    }

    /// `GET light_client/updates`: those of `count` periods from `start` on. Lodestar answers 500 when the last of
    /// them has none yet.
    pub async fn updates(&self, start: u64, count: u64) -> Result<Vec<LightClientUpdate>, BeaconApiError> {
        let call = "eth/v1/beacon/light_client/updates";
        let query = [("start_period", start.to_string()), ("count", count.to_string())];
        let limit = COMMITTEE_LIMIT.saturating_mul(usize::try_from(count.max(1)).unwrap_or(usize::MAX));
        let answer = self.transport.get(call, &query, self.preferred, limit).await?;
        let malformed = |reason: String| self.transport.malformed(call, reason);
        let updates = decode_updates(&answer.body, answer.encoding, &self.network).map_err(malformed)?;
        let more_than_asked = u64::try_from(updates.len()).is_ok_and(|found| found > count);
        if more_than_asked {
            return Err(malformed(format!("{} updates for {count} periods", updates.len())));
        }
        Ok(updates)
    }

    async fn container<T>(&self, call: &str, limit: usize) -> Result<T, BeaconApiError>
    where
        T: LightClientData + DeserializeOwned,
    {
        let answer = self.transport.get(call, &[], self.preferred, limit).await?;
        self.decode(&answer).map_err(|reason| self.transport.malformed(call, reason))
    }

    fn decode<T: LightClientData + DeserializeOwned>(&self, answer: &Answer) -> Result<T, String> {
        let decoded: T = match answer.encoding {
            Encoding::Json => from_json(&answer.body, &self.network),
            Encoding::Ssz => from_ssz(&answer.body, &self.network),
        }
        .map_err(|error| error.to_string())?;
        let fork = self.network.fork_at(decoded.fork_slot()).map_err(|error| error.to_string())?.name;
        let name = format!("{fork:?}").to_lowercase();
        match &answer.fork {
            Some(told) if *told != name => Err(format!("a container of {name} under a header that says {told}")),
            _ => Ok(decoded),
        }
    }
}

fn present<T>(answer: Result<T, BeaconApiError>) -> Result<Option<T>, BeaconApiError> {
    match answer {
        Ok(found) => Ok(Some(found)),
        Err(error) if error.may_mean_absent() => Ok(None),
        Err(error) => Err(error),
    }
}
