//! Sends the transactions of a deployment one after the other and waits for all of them at once.

use alloy::contract::{CallBuilder, CallDecoder};
use alloy::network::Ethereum;
use alloy::primitives::Address;
use alloy::providers::{PendingTransactionBuilder, Provider};

use super::DeployError;

/// Transactions on their way, in the order they were sent.
#[derive(Default)]
pub(super) struct Sender {
    sent: Vec<Sent>,
}

struct Sent {
    step: String,
    expected: Option<Address>,
    pending: PendingTransactionBuilder<Ethereum>,
}

impl Sender {
    pub(super) fn new() -> Self {
        Self::default()
    }

    /// Sends a call.
    pub(super) async fn call<P: Provider, D: CallDecoder>(
        &mut self,
        step: impl Into<String>,
        call: CallBuilder<P, D>,
    ) -> Result<(), DeployError> {
        self.send(step.into(), None, call).await
    }

    /// Sends a contract creation whose address must turn out as `expected`.
    pub(super) async fn create<P: Provider, D: CallDecoder>(
        &mut self,
        contract: &str,
        expected: Address,
        call: CallBuilder<P, D>,
    ) -> Result<(), DeployError> {
        self.send(format!("deploying {contract}"), Some(expected), call).await
    }

    async fn send<P: Provider, D: CallDecoder>(
        &mut self,
        step: String,
        expected: Option<Address>,
        call: CallBuilder<P, D>,
    ) -> Result<(), DeployError> {
        match call.send().await {
            Ok(pending) => {
                self.sent.push(Sent { step, expected, pending });
                Ok(())
            }
            Err(source) => Err(DeployError::Node { step, source }),
        }
    }

    /// Waits until all are mined; the first that failed is the error.
    pub(super) async fn finish(self) -> Result<(), DeployError> {
        for Sent { step, expected, pending } in self.sent {
            let receipt = match pending.get_receipt().await {
                Ok(receipt) => receipt,
                Err(source) => return Err(DeployError::Node { step, source: source.into() }),
            };
            if !receipt.status() {
                return Err(DeployError::Failed { step, transaction: receipt.transaction_hash });
            }
            if let Some(expected) = expected.filter(|expected| receipt.contract_address != Some(*expected)) {
                return Err(DeployError::Misplaced { step, expected, found: receipt.contract_address });
            }
        }
        Ok(())
    }
}
