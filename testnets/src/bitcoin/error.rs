//! Errors of the local Bitcoin chains: what a node answers (with Core's codes), and why one could not be driven.

use std::fmt;

/// A JSON-RPC error object, with the codes of Bitcoin Core's `rpc/protocol.h`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// Core's code, such as -5 for an unknown block.
    pub code: i64,
    /// Core's text.
    pub message: String,
}

impl Fault {
    /// The body is not JSON.
    pub const PARSE: i64 = -32700;
    /// The JSON is not a request.
    pub const INVALID_REQUEST: i64 = -32600;
    /// Unknown method.
    pub const METHOD_NOT_FOUND: i64 = -32601;
    /// Any other failure, and wrong usage.
    pub const MISC: i64 = -1;
    /// An argument has the wrong JSON type.
    pub const TYPE: i64 = -3;
    /// Unknown block, transaction or address.
    pub const INVALID_ADDRESS_OR_KEY: i64 = -5;
    /// The wallet cannot pay this much.
    pub const WALLET_INSUFFICIENT_FUNDS: i64 = -6;
    /// An argument is out of range or malformed.
    pub const INVALID_PARAMETER: i64 = -8;
    /// Bytes that do not decode as a block or transaction.
    pub const DESERIALIZATION: i64 = -22;
    /// A block or transaction that cannot be judged: inputs missing or spent.
    pub const VERIFY: i64 = -25;
    /// A transaction refused by the rules.
    pub const VERIFY_REJECTED: i64 = -26;
    /// A transaction that is already in the chain.
    pub const VERIFY_ALREADY_IN_CHAIN: i64 = -27;

    /// An error of `code`.
    pub fn new(code: i64, message: impl Into<String>) -> Self {
        Self { code, message: message.into() }
    }

    pub(super) fn rejected(reason: impl Into<String>) -> Self {
        Self::new(Self::VERIFY_REJECTED, reason)
    }

    pub(super) fn missing_inputs() -> Self {
        Self::new(Self::VERIFY, "bad-txns-inputs-missingorspent")
    }

    pub(super) fn parameter(message: impl Into<String>) -> Self {
        Self::new(Self::INVALID_PARAMETER, message)
    }

    pub(super) fn unknown(message: impl Into<String>) -> Self {
        Self::new(Self::INVALID_ADDRESS_OR_KEY, message)
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (code {})", self.message, self.code)
    }
}

/// Why a local Bitcoin node could not be started or driven.
#[derive(Debug, thiserror::Error)]
pub enum NodeError {
    /// The operating system refused something.
    #[error("{what}: {source}")]
    Io {
        /// What was tried.
        what: String,
        /// The system's answer.
        source: std::io::Error,
    },
    /// The ZMQ publisher could not bind.
    #[error("zmq {endpoint}: {reason}")]
    Zmq {
        /// Where it was to bind.
        endpoint: String,
        /// What went wrong.
        reason: String,
    },
    /// The node answered with an error.
    #[error("{method}: {fault}")]
    Refused {
        /// Method called.
        method: String,
        /// The node's error.
        fault: Fault,
    },
    /// The node did not answer, or not in the shape of Core.
    #[error("{method}: {reason}")]
    Unanswered {
        /// Method called.
        method: String,
        /// What went wrong.
        reason: String,
    },
    /// `bitcoind` ended before it was ready.
    #[error("bitcoind ended before it was ready: {log}")]
    Ended {
        /// Its last lines.
        log: String,
    },
}

impl NodeError {
    pub(super) fn io(what: impl Into<String>) -> impl FnOnce(std::io::Error) -> Self {
        let what = what.into();
        move |source| Self::Io { what, source }
    }
}
