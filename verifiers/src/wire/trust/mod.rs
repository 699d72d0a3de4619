//! `Trust`: where trust begins, and the consensus evidence from there.

mod bitcoin;
mod cosmos;
mod ethereum;
mod solana;

use super::deposit::chain;
use super::{chosen, unknown_chain};
use crate::VerifyError;
use crate::file::{BlockTrust, MAX_TRUST, Trust};
use crate::protobuf::{Message, Reader, Writer};

/// Longest text of configuration.
const MAX_CONFIGURATION: usize = 1 << 20;
/// Most updates of a chain that has them.
const MAX_UPDATES: usize = 1024;

impl Message for Trust {
    fn write(&self) -> Vec<u8> {
        match self {
            Self::Bitcoin(trust) => Writer::new().message(1, &trust.write()),
            Self::Ethereum(trust) => Writer::new().message(2, &trust.write()),
            Self::Cosmos(trust) => Writer::new().message(3, &trust.write()),
            Self::Solana(trust) => Writer::new().message(4, &trust.write()),
            Self::Block(trust) => Writer::new().message(5, &trust.write()),
        }
        .finish()
    }

    fn read(bytes: &[u8]) -> Result<Self, VerifyError> {
        let mut fields = Reader::new(bytes);
        let trust = match fields.next_number()? {
            Some(1) => Self::Bitcoin(Box::new(chosen(&mut fields, 1, MAX_TRUST)?)),
            Some(2) => Self::Ethereum(Box::new(chosen(&mut fields, 2, MAX_TRUST)?)),
            Some(3) => Self::Cosmos(Box::new(chosen(&mut fields, 3, MAX_TRUST)?)),
            Some(4) => Self::Solana(Box::new(chosen(&mut fields, 4, MAX_TRUST)?)),
            Some(5) => Self::Block(Box::new(chosen(&mut fields, 5, MAX_TRUST)?)),
            found => return Err(unknown_chain("trust in a known chain", found)),
        };
        fields.end()?;
        Ok(trust)
    }
}

/// The refusal of an update of no known kind.
fn no_update(fields: &Reader<'_>) -> VerifyError {
    let found = fields.next_number().ok().flatten();
    let found = found.map_or("none".to_owned(), |number| format!("field {number}"));
    VerifyError::malformed("update", "an update of a known kind", found)
}
impl Message for BlockTrust {
    fn write(&self) -> Vec<u8> {
        Writer::new()
            .bytes(1, self.chain.as_str().as_bytes())
            .bytes(2, self.bridge.as_slice())
            .bytes(3, self.block.as_slice())
            .finish()
    }

    fn read(bytes: &[u8]) -> Result<Self, VerifyError> {
        let mut fields = Reader::new(bytes);
        let trust = Self {
            chain: chain(&mut fields, 1, "chain")?,
            bridge: fields.fixed(2, "bridge")?,
            block: fields.fixed(3, "block")?,
        };
        fields.end()?;
        Ok(trust)
    }
}
