//! Arguments of a call, by position or by name, read as Core reads them.

use std::str::FromStr;

use bitcoin::address::NetworkUnchecked;
use bitcoin::consensus::Decodable;
use bitcoin::{Address, Amount, Denomination, Network, ScriptBuf};
use serde_json::Value;

use crate::bitcoin::error::Fault;

/// The arguments of one call.
pub struct Args<'a> {
    values: Vec<&'a Value>,
    names: &'static [&'static str],
}

impl<'a> Args<'a> {
    /// Takes an array, or an object of `names`, or nothing.
    pub fn new(params: Option<&'a Value>, names: &'static [&'static str]) -> Result<Self, Fault> {
        let values = match params {
            None | Some(Value::Null) => Vec::new(),
            Some(Value::Array(values)) => values.iter().collect(),
            Some(Value::Object(named)) => {
                if let Some(unknown) = named.keys().find(|name| !names.contains(&name.as_str())) {
                    return Err(Fault::parameter(format!("Unknown named parameter {unknown}")));
                }
                names.iter().map(|name| named.get(*name).unwrap_or(&Value::Null)).collect()
            }
            Some(_) => return Err(Fault::new(Fault::INVALID_REQUEST, "Params must be an array or object")),
        };
        Ok(Self { values, names })
    }

    /// The argument at `position`, unless absent or null.
    pub fn get(&self, position: usize) -> Option<&'a Value> {
        self.values.get(position).copied().filter(|value| !value.is_null())
    }

    /// The argument at `position`, which must be there.
    pub fn required(&self, position: usize) -> Result<&'a Value, Fault> {
        let usage = || Fault::new(Fault::MISC, format!("missing argument: {}", self.name(position)));
        self.get(position).ok_or_else(usage)
    }

    /// A string.
    pub fn text(&self, position: usize) -> Result<&'a str, Fault> {
        self.required(position)?.as_str().ok_or_else(|| self.wrong_type(position, "string"))
    }

    /// An integer.
    pub fn integer(&self, position: usize) -> Result<i64, Fault> {
        self.required(position)?.as_i64().ok_or_else(|| self.wrong_type(position, "number"))
    }

    /// A boolean, or a number as Core's verbosity arguments allow.
    pub fn verbosity(&self, position: usize, absent: i64) -> Result<i64, Fault> {
        match self.get(position) {
            None => Ok(absent),
            Some(Value::Bool(flag)) => Ok(i64::from(*flag)),
            Some(value) => value.as_i64().ok_or_else(|| self.wrong_type(position, "number")),
        }
    }

    /// A hash in display order, 64 hex digits.
    pub fn hash<H: FromStr>(&self, position: usize) -> Result<H, Fault> {
        let (name, text) = (self.name(position), self.text(position)?);
        if text.len() != 64 {
            let found = text.len();
            return Err(Fault::parameter(format!("{name} must be of length 64 (not {found}, for '{text}')")));
        }
        text.parse().map_err(|_| Fault::parameter(format!("{name} must be hexadecimal string (not '{text}')")))
    }

    /// Consensus-encoded bytes in hex, with nothing after them.
    pub fn decoded<T: Decodable>(&self, position: usize, failed: &str) -> Result<T, Fault> {
        let bytes = hex::decode(self.text(position)?).ok();
        bytes
            .and_then(|bytes| bitcoin::consensus::deserialize(&bytes).ok())
            .ok_or_else(|| Fault::new(Fault::DESERIALIZATION, failed))
    }

    /// An address of this chain, as its script.
    pub fn script(&self, position: usize) -> Result<ScriptBuf, Fault> {
        script_of(self.text(position)?)
    }

    /// An amount in BTC, as a number or a string.
    pub fn amount(&self, position: usize) -> Result<Amount, Fault> {
        amount_of(self.required(position)?)
    }

    fn name(&self, position: usize) -> &'static str {
        self.names.get(position).copied().unwrap_or("argument")
    }

    fn wrong_type(&self, position: usize, expected: &str) -> Fault {
        let name = self.name(position);
        Fault::new(Fault::TYPE, format!("Wrong type passed: {name} is not of expected type {expected}"))
    }
}

/// The script of a regtest address.
pub fn script_of(text: &str) -> Result<ScriptBuf, Fault> {
    let address = text.parse::<Address<NetworkUnchecked>>().ok();
    let address = address.and_then(|address| address.require_network(Network::Regtest).ok());
    address.map(|address| address.script_pubkey()).ok_or_else(|| Fault::unknown(format!("Invalid address: {text}")))
}

/// An amount in BTC with at most eight decimals.
pub fn amount_of(value: &Value) -> Result<Amount, Fault> {
    let text = match value {
        Value::String(text) => text.clone(),
        Value::Number(number) => format!("{:.8}", number.as_f64().unwrap_or(-1.0)),
        _ => return Err(Fault::new(Fault::TYPE, "Amount is not a number or string")),
    };
    Amount::from_str_in(&text, Denomination::Bitcoin)
        .ok()
        .filter(|amount| *amount <= Amount::MAX_MONEY)
        .ok_or_else(|| Fault::new(Fault::TYPE, "Amount out of range"))
}
