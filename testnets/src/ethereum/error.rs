//! Why a local Ethereum chain could not be started or driven.

/// A failure of a local chain: these are tools of tests and of `spandrel up`, so the text is for a person.
#[derive(Debug, thiserror::Error)]
pub enum EthereumTestnetError {
    /// A program is not on this machine.
    #[error("{program} not found: looked at {looked_at}; {install}")]
    NotFound {
        /// Which program.
        program: &'static str,
        /// Where it was looked for.
        looked_at: String,
        /// How to get it.
        install: &'static str,
    },
    /// A program did not start, or ended before it was ready.
    #[error("{program} did not start: {reason}")]
    DidNotStart {
        /// Which program.
        program: &'static str,
        /// What it said or what the system said.
        reason: String,
    },
    /// An execution node's JSON-RPC call failed.
    #[error("{method}: {reason}")]
    Rpc {
        /// The call.
        method: String,
        /// What happened.
        reason: String,
    },
    /// The execution chain is not one the beacon companion can follow.
    #[error("{field}: expected {expected}, found {found}")]
    Unfit {
        /// What is wrong.
        field: String,
        /// What was expected.
        expected: String,
        /// What was found.
        found: String,
    },
}
