//! Bitcoin Core's JSON-RPC over HTTP: bounded in time and size, typed, and checked where an answer can be checked by
//! itself (a header or block must have the hash that was asked for).

use std::time::Duration;

use bitcoin::block::Header;
use bitcoin::consensus::encode::deserialize;
use bitcoin::hashes::Hash;
use bitcoin::hex::FromHex;
use bitcoin::{Block, BlockHash, Txid};
use serde::Deserialize;
use serde_json::{Value, json};
use spandrel_verifiers::follow::FollowError;

use super::RpcEndpoint;
use crate::error_chain::error_chain;

/// Largest answer to a call that is no block, in bytes.
const MAX_ANSWER: usize = 1 << 20;

/// Largest answer with a raw block: 4,000,000 bytes (BIP 141) in hex, and the envelope.
const MAX_BLOCK_ANSWER: usize = 8_000_000 + 1024;

/// Most calls in one batch.
pub(super) const MAX_BATCH: usize = 500;

const RPC_INVALID_ADDRESS_OR_KEY: i64 = -5;
const RPC_INVALID_PARAMETER: i64 = -8;

/// Why a call to a Bitcoin node failed. Endpoints are shown without credentials.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RpcError {
    /// No answer: not reachable, timed out, or cut off.
    #[error("{endpoint}: {reason}")]
    Unreachable {
        /// Which node.
        endpoint: String,
        /// What happened.
        reason: String,
    },
    /// The node does not let us in (HTTP 401 or 403).
    #[error("{endpoint}: login refused")]
    Unauthorized {
        /// Which node.
        endpoint: String,
        /// Whether the credentials may be right later.
        may_change: bool,
    },
    /// The answer is larger than any honest one.
    #[error("{endpoint}: {method}: answer of more than {limit} bytes")]
    TooLarge {
        /// Which node.
        endpoint: String,
        /// Method called.
        method: &'static str,
        /// The bound.
        limit: usize,
    },
    /// The answer is not what the method answers, or not about what was asked.
    #[error("{endpoint}: {method}: expected {expected}, found {found}")]
    Nonsense {
        /// Which node.
        endpoint: String,
        /// Method called.
        method: &'static str,
        /// What an honest node answers.
        expected: String,
        /// What came.
        found: String,
    },
    /// The node answered with an error object.
    #[error("{endpoint}: {method}: {message} (code {code})")]
    Refused {
        /// Which node.
        endpoint: String,
        /// Method called.
        method: &'static str,
        /// Code, as in Core's `rpc/protocol.h`.
        code: i64,
        /// Core's text, shortened.
        message: String,
    },
}

impl From<RpcError> for FollowError {
    fn from(error: RpcError) -> Self {
        match error {
            RpcError::Unauthorized { endpoint, may_change: false } => Self::Permanent {
                field: "bitcoin.rpc".to_owned(),
                expected: "credentials that the node accepts".to_owned(),
                found: format!("login refused by {endpoint}"),
            },
            RpcError::Unauthorized { ref endpoint, .. }
            | RpcError::Unreachable { ref endpoint, .. }
            | RpcError::TooLarge { ref endpoint, .. }
            | RpcError::Nonsense { ref endpoint, .. }
            | RpcError::Refused { ref endpoint, .. } => {
                let text = error.to_string();
                let reason = text.strip_prefix(&format!("{endpoint}: ")).unwrap_or(&text).to_owned();
                Self::Transient { endpoint: endpoint.clone(), reason }
            }
        }
    }
}

/// What a node says about a header it knows.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct HeaderStatus {
    hash: BlockHash,
    /// 1 at the tip, more below; -1 off the best chain.
    pub confirmations: i64,
    /// Height, by the node's word.
    pub height: u64,
    /// Work of the chain up to here, by the node's word: 32 bytes in hex.
    pub chainwork: String,
}

/// A client of one node.
#[derive(Clone, Debug)]
pub struct BitcoinRpc {
    endpoint: RpcEndpoint,
    client: reqwest::Client,
}

#[derive(Deserialize)]
struct Answer {
    #[serde(default)]
    result: Value,
    #[serde(default)]
    error: Option<AnswerError>,
    #[serde(default)]
    id: Value,
}

#[derive(Deserialize)]
struct AnswerError {
    code: i64,
    #[serde(default)]
    message: String,
}

impl BitcoinRpc {
    /// A client with a time limit for each call. Follows no redirect and uses no proxy.
    ///
    /// # Errors
    /// [`RpcError::Unreachable`] if no HTTP client can be made.
    pub fn new(endpoint: RpcEndpoint, call_timeout: Duration) -> Result<Self, RpcError> {
        let client = reqwest::Client::builder()
            .timeout(call_timeout)
            .connect_timeout(call_timeout)
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .build()
            .map_err(|error| RpcError::Unreachable { endpoint: endpoint.to_string(), reason: error.to_string() })?;
        Ok(Self { endpoint, client })
    }

    /// The node, without credentials.
    pub fn endpoint(&self) -> String {
        self.endpoint.to_string()
    }

    /// Hash of the best block.
    pub async fn best_hash(&self) -> Result<BlockHash, RpcError> {
        let result = self.call("getbestblockhash", json!([]), MAX_ANSWER).await?;
        self.hash("getbestblockhash", &result)
    }

    /// Height of the best block.
    pub async fn height(&self) -> Result<u64, RpcError> {
        let result = self.call("getblockcount", json!([]), MAX_ANSWER).await?;
        result.as_u64().ok_or_else(|| self.nonsense("getblockcount", "a height", &result))
    }

    /// Hash of the best chain's block at `height`; None above its tip.
    pub async fn hash_at(&self, height: u64) -> Result<Option<BlockHash>, RpcError> {
        let answer = self.call("getblockhash", json!([height]), MAX_ANSWER).await;
        match unless_refused(answer, RPC_INVALID_PARAMETER)? {
            Some(result) => self.hash("getblockhash", &result).map(Some),
            None => Ok(None),
        }
    }

    /// What the node says about a header; None if it does not know it.
    pub async fn header_status(&self, hash: BlockHash) -> Result<Option<HeaderStatus>, RpcError> {
        const METHOD: &str = "getblockheader";
        let answer = self.call(METHOD, json!([hash, true]), MAX_ANSWER).await;
        let Some(result) = unless_refused(answer, RPC_INVALID_ADDRESS_OR_KEY)? else { return Ok(None) };
        let status: HeaderStatus = serde_json::from_value(result.clone())
            .map_err(|error| self.nonsense(METHOD, "a header object", &json!(error.to_string())))?;
        if status.hash != hash {
            return Err(self.nonsense(METHOD, &hash.to_string(), &json!(status.hash)));
        }
        Ok(Some(status))
    }

    /// A header by its hash, which it is checked to have; None if the node does not know it.
    pub async fn header(&self, hash: BlockHash) -> Result<Option<Header>, RpcError> {
        let answer = self.call("getblockheader", json!([hash, false]), MAX_ANSWER).await;
        match unless_refused(answer, RPC_INVALID_ADDRESS_OR_KEY)? {
            Some(result) => self.checked_header(hash, &result).map(Some),
            None => Ok(None),
        }
    }

    /// A block by its hash, which its header is checked to have; None if the node does not know it. The transactions
    /// are not checked here.
    pub async fn block(&self, hash: BlockHash) -> Result<Option<Block>, RpcError> {
        const METHOD: &str = "getblock";
        let answer = self.call(METHOD, json!([hash, 0]), MAX_BLOCK_ANSWER).await;
        let Some(result) = unless_refused(answer, RPC_INVALID_ADDRESS_OR_KEY)? else { return Ok(None) };
        let block: Block = self.decoded(METHOD, "a raw block", &result)?;
        if block.block_hash() != hash {
            return Err(self.nonsense(METHOD, &hash.to_string(), &json!(block.block_hash())));
        }
        Ok(Some(block))
    }

    /// Whether an output stands unspent in the best chain, whatever waits to spend it.
    pub async fn is_unspent(&self, txid: Txid, vout: u32) -> Result<bool, RpcError> {
        const METHOD: &str = "gettxout";
        match self.call(METHOD, json!([txid, vout, false]), MAX_ANSWER).await? {
            Value::Null => Ok(false),
            Value::Object(_) => Ok(true),
            other => Err(self.nonsense(METHOD, "an output, or none", &other)),
        }
    }

    /// Hashes of the best chain at `heights`, in one batch of at most [`MAX_BATCH`]; ends early above the tip.
    pub(super) async fn hashes_at(&self, heights: std::ops::Range<u64>) -> Result<Vec<BlockHash>, RpcError> {
        const METHOD: &str = "getblockhash";
        let mut hashes = Vec::new();
        for answer in self.batch(METHOD, heights.map(|height| json!([height])).collect()).await? {
            match unless_refused(answer, RPC_INVALID_PARAMETER)? {
                Some(result) => hashes.push(self.hash(METHOD, &result)?),
                None => break,
            }
        }
        Ok(hashes)
    }

    /// Headers by their hashes, each checked to have its hash, in one batch of at most [`MAX_BATCH`].
    pub(super) async fn headers(&self, hashes: &[BlockHash]) -> Result<Vec<Header>, RpcError> {
        const METHOD: &str = "getblockheader";
        let answers = self.batch(METHOD, hashes.iter().map(|hash| json!([hash, false])).collect()).await?;
        let checked = hashes.iter().zip(answers).map(|(hash, answer)| self.checked_header(*hash, &answer?));
        checked.collect()
    }

    fn checked_header(&self, hash: BlockHash, result: &Value) -> Result<Header, RpcError> {
        const METHOD: &str = "getblockheader";
        let header: Header = self.decoded(METHOD, "a raw header", result)?;
        if header.block_hash() != hash {
            return Err(self.nonsense(METHOD, &hash.to_string(), &json!(header.block_hash())));
        }
        Ok(header)
    }

    fn hash(&self, method: &'static str, result: &Value) -> Result<BlockHash, RpcError> {
        let parsed = result.as_str().filter(|text| text.len() == 2 * BlockHash::LEN).and_then(|text| text.parse().ok());
        parsed.ok_or_else(|| self.nonsense(method, "a block hash", result))
    }

    fn decoded<T: bitcoin::consensus::Decodable>(
        &self,
        method: &'static str,
        expected: &str,
        result: &Value,
    ) -> Result<T, RpcError> {
        let bytes = result.as_str().and_then(|text| Vec::from_hex(text).ok());
        let decoded = bytes.and_then(|bytes| deserialize(&bytes).ok());
        decoded.ok_or_else(|| self.nonsense(method, expected, result))
    }

    async fn call(&self, method: &'static str, params: Value, limit: usize) -> Result<Value, RpcError> {
        let request = json!({ "jsonrpc": "1.0", "id": 0, "method": method, "params": params });
        let body = self.post(method, &request, limit).await?;
        if body.first() != Some(&b'{') {
            return Err(self.nonsense(method, "a JSON-RPC answer", &json!("an array")));
        }
        let answer: Answer = self.parse(method, &body)?;
        self.outcome(method, answer)
    }

    async fn batch(&self, method: &'static str, calls: Vec<Value>) -> Result<Vec<Result<Value, RpcError>>, RpcError> {
        if calls.is_empty() {
            return Ok(Vec::new());
        }
        let request = (0u64..)
            .zip(&calls)
            .map(|(id, params)| json!({ "jsonrpc": "1.0", "id": id, "method": method, "params": params }));
        let request: Value = request.collect();
        let body = self.post(method, &request, MAX_ANSWER).await?;
        let mut answers: Vec<Answer> = self.parse(method, &body)?;
        answers.sort_by_key(|answer| answer.id.as_u64());
        let is_complete = answers.len() == calls.len() && (0u64..).zip(&answers).all(|(id, answer)| answer.id == id);
        if !is_complete {
            let expected = format!("answers 0 to {}", calls.len() - 1);
            return Err(self.nonsense(method, &expected, &json!(format!("{} answers", answers.len()))));
        }
        Ok(answers.into_iter().map(|answer| self.outcome(method, answer)).collect())
    }

    fn parse<T: for<'a> Deserialize<'a>>(&self, method: &'static str, body: &[u8]) -> Result<T, RpcError> {
        let failed = |error: serde_json::Error| self.nonsense(method, "a JSON-RPC answer", &json!(error.to_string()));
        serde_json::from_slice(body).map_err(failed)
    }

    fn outcome(&self, method: &'static str, answer: Answer) -> Result<Value, RpcError> {
        match answer.error {
            None => Ok(answer.result),
            Some(error) => Err(RpcError::Refused {
                endpoint: self.endpoint(),
                method,
                code: error.code,
                message: shortened(&error.message),
            }),
        }
    }

    /// Posts a request and reads at most `limit` bytes of the answer.
    async fn post(&self, method: &'static str, request: &Value, limit: usize) -> Result<Vec<u8>, RpcError> {
        let unreachable = |error: reqwest::Error| RpcError::Unreachable {
            endpoint: self.endpoint(),
            reason: format!("{method}: {}", error_chain(&error.without_url())),
        };
        let mut call = self.client.post(self.endpoint.url().clone()).json(request);
        if let Some((user, password)) = self.endpoint.credentials().await? {
            call = call.basic_auth(user, Some(password));
        }
        let mut response = call.send().await.map_err(unreachable)?;
        if matches!(response.status().as_u16(), 401 | 403) {
            let may_change = self.endpoint.login_may_change();
            return Err(RpcError::Unauthorized { endpoint: self.endpoint(), may_change });
        }
        let status = response.status();
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(unreachable)? {
            if body.len() + chunk.len() > limit {
                return Err(RpcError::TooLarge { endpoint: self.endpoint(), method, limit });
            }
            body.extend_from_slice(&chunk);
        }
        // Core answers errors with 404 or 500 and a JSON body; a 503 (work queue full) has none.
        if body.first() != Some(&b'{') && body.first() != Some(&b'[') {
            let reason = format!("{method}: HTTP {status}: {}", shortened(&String::from_utf8_lossy(&body)));
            return Err(RpcError::Unreachable { endpoint: self.endpoint(), reason });
        }
        Ok(body)
    }

    fn nonsense(&self, method: &'static str, expected: &str, found: &Value) -> RpcError {
        let found = shortened(&found.to_string());
        RpcError::Nonsense { endpoint: self.endpoint(), method, expected: expected.to_owned(), found }
    }
}

/// None when the node refused with `code`, which says that there is no such thing.
fn unless_refused(answer: Result<Value, RpcError>, code: i64) -> Result<Option<Value>, RpcError> {
    match answer {
        Ok(result) => Ok(Some(result)),
        Err(RpcError::Refused { code: found, .. }) if found == code => Ok(None),
        Err(error) => Err(error),
    }
}

fn shortened(text: &str) -> String {
    text.chars().take(200).collect()
}
