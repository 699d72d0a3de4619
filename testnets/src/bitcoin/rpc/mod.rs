//! Bitcoin Core's JSON-RPC over HTTP: basic authentication, single calls and batches, Core's error codes.
//!
//! Source: Bitcoin Core `httprpc.cpp`, `rpc/request.cpp`, `doc/JSON-RPC-interface.md`. A request without
//! `"jsonrpc": "2.0"` gets the legacy shape (both `result` and `error`, and errors as HTTP 500, 404 or 400).

mod args;
mod blocks;
mod coins;
mod mining;
mod render;
mod wallet;

use std::sync::{Arc, Mutex, PoisonError};

use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use serde_json::{Value, json};

use super::error::Fault;
use super::node::Core;
use args::Args;

/// Largest request in bytes, Core's `MAX_SIZE`: a block in hex fits.
const MAX_REQUEST: usize = 0x0200_0000;

/// A method: reads or moves the node's state. Named arguments map to positions by the names given beside it.
type Method = fn(&mut Core, &Args<'_>) -> Result<Value, Fault>;

fn method(name: &str) -> Option<(Method, &'static [&'static str])> {
    Some(match name {
        "getblockchaininfo" => (blocks::getblockchaininfo, &[]),
        "getblockcount" => (blocks::getblockcount, &[]),
        "getbestblockhash" => (blocks::getbestblockhash, &[]),
        "getblockhash" => (blocks::getblockhash, &["height"]),
        "getblockheader" => (blocks::getblockheader, &["blockhash", "verbose"]),
        "getblock" => (blocks::getblock, &["blockhash", "verbosity"]),
        "getchaintips" => (blocks::getchaintips, &[]),
        "invalidateblock" => (blocks::invalidateblock, &["blockhash"]),
        "reconsiderblock" => (blocks::reconsiderblock, &["blockhash"]),
        "submitblock" => (mining::submitblock, &["hexdata"]),
        "generatetoaddress" => (mining::generatetoaddress, &["nblocks", "address", "maxtries"]),
        "generateblock" => (mining::generateblock, &["output", "transactions"]),
        "setmocktime" => (mining::setmocktime, &["timestamp"]),
        "estimatesmartfee" => (mining::estimatesmartfee, &["conf_target", "estimate_mode"]),
        "getrawtransaction" => (coins::getrawtransaction, &["txid", "verbosity", "blockhash"]),
        "gettxout" => (coins::gettxout, &["txid", "n", "include_mempool"]),
        "getrawmempool" => (coins::getrawmempool, &[]),
        "sendrawtransaction" => (coins::sendrawtransaction, &["hexstring", "maxfeerate"]),
        "createrawtransaction" => (coins::createrawtransaction, &["inputs", "outputs"]),
        "getzmqnotifications" => (coins::getzmqnotifications, &[]),
        "getnewaddress" => (wallet::getnewaddress, &["label", "address_type"]),
        "getbalance" => (wallet::getbalance, &[]),
        "sendtoaddress" => (wallet::sendtoaddress, &["address", "amount"]),
        "signrawtransactionwithwallet" => (wallet::signrawtransactionwithwallet, &["hexstring"]),
        _ => return None,
    })
}

/// What the HTTP server shares with the node.
#[derive(Clone)]
pub(super) struct Served {
    /// The node's state.
    pub core: Arc<Mutex<Core>>,
    /// The only `Authorization` header that is let in.
    pub authorization: HeaderValue,
}

/// The HTTP routes of the node.
pub(super) fn router(served: Served) -> Router {
    Router::new()
        .route("/", post(handle))
        .route("/wallet/{name}", post(handle))
        .layer(DefaultBodyLimit::max(MAX_REQUEST))
        .with_state(served)
}

async fn handle(State(served): State<Served>, headers: HeaderMap, body: Bytes) -> Response {
    if headers.get(header::AUTHORIZATION) != Some(&served.authorization) {
        return (StatusCode::UNAUTHORIZED, [(header::WWW_AUTHENTICATE, "Basic realm=\"jsonrpc\"")]).into_response();
    }
    let mut core = served.core.lock().unwrap_or_else(PoisonError::into_inner);
    let (status, answer) = match serde_json::from_slice::<Value>(&body) {
        Err(_) => legacy(Value::Null, Err(Fault::new(Fault::PARSE, "Parse error"))),
        Ok(Value::Array(batch)) => {
            let answers: Vec<Value> = batch.iter().map(|request| answer(&mut core, request).1).collect();
            (StatusCode::OK, Value::Array(answers))
        }
        Ok(request) => answer(&mut core, &request),
    };
    (status, axum::Json(answer)).into_response()
}

fn answer(core: &mut Core, request: &Value) -> (StatusCode, Value) {
    let id = request.get("id").cloned().unwrap_or(Value::Null);
    let outcome = call(core, request);
    core.publish();
    if request.get("jsonrpc").and_then(Value::as_str) == Some("2.0") {
        let body = match outcome {
            Ok(result) => json!({ "jsonrpc": "2.0", "result": result, "id": id }),
            Err(fault) => json!({ "jsonrpc": "2.0", "error": error(&fault), "id": id }),
        };
        (StatusCode::OK, body)
    } else {
        legacy(id, outcome)
    }
}

fn call(core: &mut Core, request: &Value) -> Result<Value, Fault> {
    let Some(request) = request.as_object() else {
        return Err(Fault::new(Fault::INVALID_REQUEST, "Invalid Request object"));
    };
    let name = match request.get("method") {
        None => return Err(Fault::new(Fault::INVALID_REQUEST, "Missing method")),
        Some(name) => name.as_str().ok_or_else(|| Fault::new(Fault::INVALID_REQUEST, "Method must be a string"))?,
    };
    let Some((method, names)) = method(name) else {
        return Err(Fault::new(Fault::METHOD_NOT_FOUND, "Method not found"));
    };
    let args = Args::new(request.get("params"), names)?;
    method(core, &args)
}

fn legacy(id: Value, outcome: Result<Value, Fault>) -> (StatusCode, Value) {
    match outcome {
        Ok(result) => (StatusCode::OK, json!({ "result": result, "error": null, "id": id })),
        Err(fault) => {
            let status = match fault.code {
                Fault::INVALID_REQUEST => StatusCode::BAD_REQUEST,
                Fault::METHOD_NOT_FOUND => StatusCode::NOT_FOUND,
                _ => StatusCode::INTERNAL_SERVER_ERROR,
            };
            (status, json!({ "result": null, "error": error(&fault), "id": id }))
        }
    }
}

fn error(fault: &Fault) -> Value {
    json!({ "code": fault.code, "message": fault.message })
}
